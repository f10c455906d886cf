"""Drives the terminal interface in tests: the real app, a fake daemon behind a real socket, and a camera."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import itertools
import string
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fake_daemon import FakeDaemon
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.pilot import Pilot

from voice_edit.config import Paths, load_settings
from voice_edit.control import protocol as p
from voice_edit.tui.app import VoiceEditApp

PATIENCE_S = 20.0
"""A condition that is not true by then will not become so, on however slow a machine."""
LETTER = """Dear Alice,

the meeting is on Monday at ten.
Please bring the plans of the old house.

Yours, Bob
"""
EDITED = LETTER.replace("Monday", "Wednesday")


def outcome(**more: Any) -> dict[str, Any]:
    return {
        "utterance": 12, "mode": "edit", "words": "change Monday to Wednesday", "commands": [],
        "compact": "replace Monday with Wednesday", "changes": [], "before": LETTER, "after": EDITED,
        "receipt": {"state": "verified", "notes": []}, "target": "client:practice",
        "timing": {"release_ms": 400.0, "first_token_ms": 461.0, "final_ms": 520.0, "applied_ms": 533.0,
                   "endpoint_ms": 408.0, "wait_ms": 112.0, "steps": 3, "drafted": 7, "accepted": 6,
                   "prefill_ms": 310.0, "decode_ms": 92.0, "audio_ms": 2480.0},
        **more,
    }  # fmt: skip


def record(number: int, said: str | None, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "started_at": 1763712000.0 + number, "mode": "edit", "target": "client:practice",
        "words": said, "confidence": None, "timing": None, "commands": [], "state": "applied",
        "reason": None, "message": None, "retry_of": None, "audio": {"path": "x"}, "standing": "applied",
        "edits": None, "receipts": [], **more,
    }  # fmt: skip


def scene(play: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """A test written as a coroutine."""

    @functools.wraps(play)
    def test(*args: Any, **fixtures: Any) -> None:
        asyncio.run(play(*args, **fixtures))  # type: ignore[arg-type]

    return test


async def until(condition: Callable[[], object]) -> None:
    """Wait until it is true."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.005)


class PadDaemon(FakeDaemon):
    """A fake daemon that reads and edits the pad as the real one does."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._requests = itertools.count(1)
        self._replies: dict[int, asyncio.Future[p.TargetReply]] = {}
        self.status["target"] = {"kind": "client", "name": "client:practice", "title": "practice pad"}
        self.status["microphone"] |= {"state": "open", "device": "Blue Yeti Stereo Microphone"}
        self.status["engine"] |= {"state": "ready", "name": "bundled"}
        self.on("target.reply", self._replied)

    async def text(self) -> p.TargetReply:
        """What the pad says it holds."""
        return await self.ask_pad("target.snapshot")

    async def change_pad(self, before: str, after: str, **more: Any) -> p.TargetReply:
        """Ask for another text in place of `before`; the caret goes to its end unless told otherwise."""
        asked = {
            "changes": [{"start": 0, "old": before, "new": after}],
            "before_sha256": hashlib.sha256(before.encode()).hexdigest(),
            "text_after": after,
            "anchor": len(after),
            "head": len(after),
        }
        return await self.ask_pad("target.apply", **{**asked, **more})

    async def ask_pad(self, event: str, **fields: Any) -> p.TargetReply:
        """Send an event to the newest client and wait for its answer."""
        number = next(self._requests)
        self._replies[number] = asyncio.get_running_loop().create_future()
        message = {"event": event, "request": number, **fields}
        p.check_event(message)
        self.clients[-1].send_event(message)
        async with asyncio.timeout(PATIENCE_S):
            return await self._replies[number]

    def _replied(self, client: object, command: p.TargetReply) -> dict[str, Any]:
        self._replies.pop(command.request).set_result(command)
        return {}


@dataclass
class Stage:
    """What a test has in hand."""

    app: VoiceEditApp
    pilot: Pilot[None]
    daemon: PadDaemon

    async def settle(self) -> None:
        """Until what was sent before has been seen, drawn, and its layout is done."""
        self.daemon.publish("notice", level="info", code="settle", message="settled", hint="")
        await until(lambda: self.app.state.message is not None and self.app.state.message.code == "settle")
        self.app.take_event({"event": "forget"})
        await until(lambda: self.app.state.message is None)
        await self.pilot.pause()

    async def type(self, text: str, *, every_s: float = 0.002) -> None:
        """Press keys as a terminal reports them, without waiting for what comes of it."""
        for character in text:
            self.app.post_message(events.Key("space" if character == " " else character, character))
            await asyncio.sleep(every_s)

    @property
    def pad(self) -> str:
        return self.app.main.pad.text

    def screen_text(self) -> str:
        return picture(self.app).text


@asynccontextmanager
async def on_stage(
    *, size: tuple[int, int] = (80, 24), theme: str = "dark", text: str = "", daemon: PadDaemon | None = None
) -> AsyncIterator[Stage]:
    """The app, connected to a fake daemon, with `text` in its pad."""
    paths = Paths.from_environment()
    settings = load_settings(paths, overrides={"tui": {"theme": theme}})
    async with daemon or PadDaemon(paths.socket) as fake:
        app = VoiceEditApp(settings, paths)
        async with app.run_test(size=size) as pilot:
            await until(lambda: app.state.connected)
            app.main.pad.load_text(text)
            yield Stage(app, pilot, fake)


# --- the camera -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Picture:
    """A screen as characters, and as a letter for the style of each."""

    text: str
    styles: str
    legend: tuple[str, ...]
    """Letter and style, in the order of their first use."""


def picture(app: VoiceEditApp) -> Picture:
    """The whole screen, dialogs included."""
    screen = app.screen
    update = screen._compositor.render_update(full=True, screen_stack=app._background_screens, simplify=True)
    names = iter(string.ascii_letters + string.digits)
    letters: dict[str, str] = {}
    rows, maps = [], []
    for line in update.strips:  # type: ignore[union-attr]
        row, map_ = "", ""
        for segment in (segment for strip in line for segment in strip):
            style = _said(segment)
            if style not in letters:
                letters[style] = next(names)
            row += segment.text
            map_ += letters[style] * segment.cell_length
        rows.append(row.rstrip())
        maps.append(map_)
    legend = tuple(f"{letter}  {style}" for style, letter in letters.items())
    return Picture("\n".join(rows), "\n".join(maps), legend)


def _said(segment: Segment) -> str:
    style = segment.style or Style()
    words = [name for name in ("bold", "italic", "underline", "reverse", "dim") if getattr(style, name)]
    colours = [str(c.get_truecolor().hex) if c else "-" for c in (style.color, style.bgcolor)]
    return " ".join([f"{colours[0]} on {colours[1]}", *words])
