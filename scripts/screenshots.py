"""Takes the pictures in docs/images/: `./scripts/screenshots`; with names only these, in both themes.

Nothing is staged but the text and the voice: a real daemon hears a recording through a virtual microphone and
edits the practice pad of the real interface.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cairosvg
import numpy as np
import soundfile
import yaml

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from virtual_microphone import VirtualMicrophone, short_folder  # noqa: E402

from voice_edit.config import Paths, load_settings  # noqa: E402
from voice_edit.tui import themes  # noqa: E402
from voice_edit.tui.app import VoiceEditApp  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.pilot import Pilot

IMAGES = ROOT / "docs" / "images"
SIZE = (100, 30)
LIGHT_TOO = {"tui-edit"}
PATIENCE_S = 120.0


async def until(condition: Callable[[], object]) -> None:
    """Wait until it is true."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.02)


async def take(
    app: VoiceEditApp, pilot: Pilot[None], name: str, wanted: set[str], *, settle_s: float = 0.3
) -> None:
    """Write NAME-dark.png and NAME-light.png."""
    if wanted and name not in wanted:
        return
    light_too = name in wanted or name in LIGHT_TOO
    for theme in (themes.LIGHT, themes.DARK) if light_too else (themes.DARK,):
        app.theme = theme
        await pilot.pause(settle_s)
        svg = app.export_screenshot(title=" ")
        # The font that Textual names is fetched from the network; this one is there.
        svg = re.sub(r'font-family: ?"?Fira Code"?[^;]*;', "font-family: DejaVu Sans Mono;", svg)
        file = IMAGES / f"{name}-{theme.removeprefix('voice-edit-')}.png"
        cairosvg.svg2png(bytestring=svg.encode(), write_to=str(file))
        print(file.relative_to(ROOT))  # noqa: T201


def in_a_room(recording: Path | None) -> Any:
    """float32[n]: the recording with the faint noise of a room, 300 ms before it and 4 s after; or a minute
    of the room alone."""
    rate, sound = 16_000, np.zeros(60 * 16_000)
    if recording is not None:
        sound, rate = soundfile.read(recording, dtype="float32")
        sound = np.concatenate([np.zeros(rate * 3 // 10), sound, np.zeros(4 * rate)])
    noise = np.random.default_rng(1).normal(0, 0.0008, len(sound))
    return (sound + noise).astype(np.float32)


@contextmanager
def daemon(home: Path, paths: Paths) -> Iterator[None]:
    """A real one, without keys."""
    log = home / "daemon.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "voice_edit", "run"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait()


@asynccontextmanager
async def interface(paths: Paths) -> AsyncIterator[tuple[VoiceEditApp, Pilot[None]]]:
    app = VoiceEditApp(load_settings(paths), paths)
    async with app.run_test(size=SIZE) as pilot:
        await until(lambda: app.state.connected)
        yield app, pilot


async def play(paths: Paths, microphone: VirtualMicrophone, wanted: set[str]) -> None:
    """The first five minutes of somebody, in pictures."""
    sample = ROOT / "samples" / "01-change"
    text = yaml.safe_load(sample.with_suffix(".yaml").read_text(encoding="utf-8"))["before"]
    async with interface(paths) as (app, pilot):
        app.main.pad.load_text(text)
        await pilot.press("f6")
        await until(lambda: app.state.talking)
        await asyncio.to_thread(microphone.wait_until_heard)
        saying = asyncio.create_task(
            asyncio.to_thread(microphone.play, in_a_room(sample.with_suffix(".wav")))
        )
        await until(lambda: "Wednesday" in app.state.heard.stable + app.state.heard.rest)
        await pilot.press("f6")
        await until(lambda: app.state.result is not None and app.state.stage == "idle")
        await saying
        await take(app, pilot, "tui-edit", wanted)

        app.main.query_one("#say").focus()
        await say(app, pilot, "delete the word the")
        await until(lambda: app.state.question is not None and app.screen is not app.main)
        await take(app, pilot, "tui-ask", wanted)
        await pilot.press("2")
        await until(lambda: len(app.state.recent) == 2)
        for number, words in enumerate(("make the first line a heading", "sort the last three lines"), 3):
            await say(app, pilot, words)
            await until(lambda n=number: len(app.state.recent) == n)
        await say(app, pilot, "delete the word coffin")
        await until(lambda: len(app.state.recent) == 5)
        await pilot.press("f7")
        await until(lambda: len(app.state.recent) == 6)

        await pilot.press("f2")
        await pilot.pause(0.5)
        await pilot.press("down", "down", "down", "down")
        await take(app, pilot, "tui-history", wanted)
        await pilot.press("escape", "f4")
        await take(app, pilot, "tui-settings", wanted)
        microphone.play(in_a_room(None), wait=False)
        await pilot.press("escape", "f3")
        await until(lambda: "work" in str(app.screen.query_one("#told").render()))
        await take(app, pilot, "tui-doctor", wanted)


async def speak(paths: Paths, microphone: VirtualMicrophone, wanted: set[str]) -> None:
    """In the middle of a sentence: words that stay, and words that may change."""
    sample = ROOT / "samples" / "06-go-to"
    text = yaml.safe_load(sample.with_suffix(".yaml").read_text(encoding="utf-8"))["before"]
    async with interface(paths) as (app, pilot):
        app.main.pad.load_text(text)
        await pilot.press("f6")
        await until(lambda: app.state.talking)
        await asyncio.to_thread(microphone.wait_until_heard)
        saying = asyncio.create_task(
            asyncio.to_thread(microphone.play, in_a_room(sample.with_suffix(".wav")))
        )
        await until(lambda: app.state.heard.stable and len(app.state.heard.rest.split()) > 1)
        await take(app, pilot, "tui-speaking", wanted, settle_s=0.05)  # a pause soon makes all of it steady
        await pilot.press("escape")
        await until(lambda: app.state.stage == "idle")
        await saying


async def say(app: VoiceEditApp, pilot: Pilot[None], words: str) -> None:
    """Type a command into the say line."""
    line = app.main.query_one("#say")
    line.value = words  # type: ignore[attr-defined]
    await pilot.press("enter")


def main() -> None:
    """Take them."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="voice-edit-") as home,
        short_folder() as folder,
        VirtualMicrophone(folder) as microphone,
    ):
        os.environ |= {
            "VOICE_EDIT_HOME": home,
            "VOICE_EDIT_HOTKEYS__BACKEND": "none",
            "VOICE_EDIT_FEEDBACK__NOTIFICATIONS": "false",
            "HOME": home,
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "COLUMNS": str(SIZE[0]),
            "LINES": str(SIZE[1]),
            "LANG": "C.UTF-8",
            **microphone.environment,
        }
        os.environ.pop("NO_COLOR", None)
        paths = Paths.from_environment()
        with daemon(Path(home), paths):
            try:
                for part in (play, speak):
                    asyncio.run(part(paths, microphone, set(sys.argv[1:])))
            except TimeoutError:
                print(  # noqa: T201
                    (Path(home) / "daemon.log").read_text(), file=sys.stderr
                )
                raise


if __name__ == "__main__":
    main()
