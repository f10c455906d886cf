"""Whole screens as text, in both sizes and both themes, compared with tests/snapshots/tui/.

After a wanted change of the looks: `UPDATE_SNAPSHOTS=1 pytest tests/test_tui_snapshots.py`, then read the
difference (`git diff tests/snapshots`) and commit it with the change.

A file holds the characters, then a letter for the style of each, then what each letter is in the dark and in
the light theme.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tui_driver import LETTER, Picture, Stage, on_stage, outcome, picture, record, scene, until

from voice_edit.config import Paths
from voice_edit.tui.app import VoiceEditApp

FOLDER = Path(__file__).parent / "snapshots" / "tui"
UPDATE = os.environ.get("UPDATE_SNAPSHOTS") == "1"
SIZES = [(80, 24), (120, 40)]


@pytest.fixture(autouse=True)
def same_everywhere(voice_edit_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Colours on, no daylight saving, and the user's folder called ~."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("HOME", str(voice_edit_home))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


# --- what is seen -----------------------------------------------------------------------------------------


async def idle(stage: Stage) -> None:
    """Nothing was said yet."""


async def field(stage: Stage) -> None:
    """A field of another program, that can be read and edited."""
    why = "Its text can be read, changed and read back."
    here = {"title": "mousepad", "app": "mousepad", "mechanism": "accessibility", "why": why}
    stage.daemon.publish("target", kind="field", name="field:mousepad", **here)


async def secret(stage: Stage) -> None:
    """A password: nothing is written, and it is said why."""
    here = {"title": "log in", "app": "firefox", "why": "A password is neither read nor listened for."}
    stage.daemon.publish("target", kind="field", name="field:firefox", mechanism=None, **here)
    stage.daemon.publish(
        "notice",
        level="error",
        code="field_secret",
        message="The field with the focus is for a password.",
        hint="Type it yourself. Nothing was recorded.",
    )


async def speaking(stage: Stage) -> None:
    await stage.pilot.press("f6")
    await until(lambda: stage.app.state.talking)
    for n in range(60):
        loud = -20.0 if n % 20 > 8 else -52.0
        peak = 1.0 if n == 50 else 0.1
        stage.app.take_event(
            {"event": "level", "rms_dbfs": loud, "peak": peak, "is_speech": loud > -40, "sample": n}
        )
    stage.daemon.publish("speech", speaking=True, sample=0)
    stage.daemon.publish("partial", text="change Monday to")
    stage.daemon.publish("partial", text="change Monday to Wednesday and", stable=16)


async def edited(stage: Stage) -> None:
    stage.daemon.publish("words", text="change Monday to Wednesday", confidence=-0.05)
    stage.daemon.publish("outcome", **outcome())


async def failed(stage: Stage) -> None:
    error = {
        "error": "no_match",
        "message": "There is no “Tuesday” in the text.",
        "hint": "Nothing was changed. Nearest in the text: “Monday”.",
        "exit_code": 6,
    }
    stage.daemon.publish("failed", error=error, utterance=13, words="delete Tuesday")
    problem = {
        "code": "monitor-source",
        "message": "“Monitor of Built-in Audio” records what this computer plays.",
        "hint": "Choose a microphone: F4, microphone.device.",
    }
    stage.daemon.publish("microphone", state="open", device="Monitor of Built-in Audio", problem=problem)


async def choice(stage: Stage) -> None:
    places = [
        {"start": 13, "end": 16, "excerpt": "[the] meeting is on Monday"},
        {"start": 60, "end": 63, "excerpt": "Please bring [the] plans of"},
        {"start": 73, "end": 76, "excerpt": "plans of [the] old house"},
    ]
    stage.daemon.publish(
        "ask", question=1, kind="choice", message="Three places match “the”.", choices=places
    )
    await until(lambda: stage.app.screen is not stage.app.main)


async def confirm(stage: Stage) -> None:
    texts = {"before": LETTER, "after": "Dear Alice,\n\nYours, Bob\n"}
    stage.daemon.publish("ask", question=1, kind="confirm", message="This removes 75 characters.", **texts)
    await until(lambda: stage.app.screen is not stage.app.main)


async def history(stage: Stage) -> None:
    edits = [{"changes": [[30, "Monday", "Wednesday"]]}]
    receipts = [{"state": "verified", "notes": []}]
    said = [
        record(14, "change Monday to Wednesday", edits=edits, receipts=receipts),
        record(13, "delete Tuesday", state="not_applied", standing=None, message="There is no “Tuesday”."),
        record(12, None, state="rejected", standing=None, message="Nobody spoke."),
        record(11, "please bring the plans of the old house", mode="dictate", standing="undone"),
    ]
    stage.daemon.on("log", {"utterances": said})
    await stage.pilot.press("f2")
    await until(lambda: "change Monday" in picture(stage.app).text.partition("verified")[0])
    await until(lambda: "recording kept" in picture(stage.app).text)


@dataclass(frozen=True)
class Check:
    title: str
    state: str
    message: str
    remedy: str = ""


async def doctor(stage: Stage) -> None:
    await stage.pilot.press("f3")
    await until(lambda: "does not work" in picture(stage.app).text)


async def settings(stage: Stage) -> None:
    await stage.pilot.press("f4")
    await until(lambda: "engine.model" in picture(stage.app).text)


async def help_(stage: Stage) -> None:
    await stage.pilot.press("f1")
    await until(lambda: "dictate: start" in picture(stage.app).text)


SCENES: dict[str, Callable[[Stage], Awaitable[None]]] = {
    "idle": idle, "field": field, "secret": secret, "speaking": speaking, "edited": edited, "failed": failed,
    "choice": choice, "confirm": confirm, "history": history, "doctor": doctor, "settings": settings,
    "help": help_,
}  # fmt: skip


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
@pytest.mark.parametrize("name", SCENES)
def test_the_screen_looks_as_it_did(
    name: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = [
        Check("Microphone", "ok", "Blue Yeti Stereo Microphone, 16 kHz."),
        Check(
            "Keys",
            "warning",
            "The key for edit is taken by another program.",
            "Choose another: F4, hotkeys.edit.\nOr end the program that has it.",
        ),
        Check("Model", "failed", "The file of the model is not there.", "voice-edit model show"),
        Check("Clipboard", "skipped", "Not needed: a text field is the target."),
    ]
    import voice_edit.doctor.checks

    monkeypatch.setattr(voice_edit.doctor.checks, "run_checks", lambda settings, paths: iter(checks))

    @scene
    async def play() -> None:
        seen = {}
        for theme in ("dark", "light"):
            async with on_stage(size=size, theme=theme, text=LETTER) as stage:
                await SCENES[name](stage)
                if name == "secret":  # what is told stays told
                    await until(lambda s=stage: s.app.state.message)
                    await stage.pilot.pause()
                elif name not in ("failed",):
                    await stage.settle()
                else:
                    await until(lambda s=stage: s.app.state.microphone.problem)
                    await stage.pilot.pause()
                await until(lambda s=stage: s.app.animator._animations == {})
                seen[theme] = picture(stage.app)
        compare(f"{name}-{size[0]}x{size[1]}", seen["dark"], seen["light"])

    play()


@scene
async def test_without_a_daemon_the_first_screen_offers_to_start_one() -> None:
    from voice_edit.config import load_settings

    paths = Paths.from_environment()
    seen = {}
    for theme in ("dark", "light"):
        app = VoiceEditApp(load_settings(paths, overrides={"tui": {"theme": theme}}), paths)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(lambda a=app: a.screen is not a.main and "Enter" in picture(a).text)
            await pilot.pause()
            seen[theme] = picture(app)
    compare("first-80x24", seen["dark"], seen["light"])


def compare(name: str, dark: Picture, light: Picture) -> None:
    """With the file of that name; or write it."""
    assert dark.text == light.text
    assert dark.styles == light.styles, "the themes differ in more than colours"
    legend = [f"{one:<34}{other[3:]}" for one, other in zip(dark.legend, light.legend, strict=True)]
    text = "\n".join([dark.text, "-" * 20, dark.styles, "-" * 20, *legend, ""])
    file = FOLDER / f"{name}.txt"
    if UPDATE:
        FOLDER.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text
