"""The line at the bottom of a terminal that changes while one watches: stage, level, partial words, and how
far the model is behind.

Drawn at most ten times a second, only when something changed, and never where stderr is no terminal. What
stays is printed above it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from voice_edit.cli.as_spoken import behind, lag_to_tell, partial_rich
from voice_edit.cli.meter import Meter
from voice_edit.cli.output import visible

if TYPE_CHECKING:
    from rich.text import Text

    from voice_edit.cli.output import Output

EVERY_S = 0.1
METER_COLUMNS = 24
_ERASE = "\r\x1b[2K"
_KEEP_TITLE, _TITLE_BACK = "\x1b[22;0t", "\x1b[23;0t"
"""xterm's stack of titles; a terminal without one ignores them."""


@dataclass(frozen=True, slots=True)
class _Loud:
    rms_dbfs: float
    is_speech: bool


@dataclass(frozen=True, slots=True)
class Now:
    """What the line shows."""

    stage: str = "idle"
    mode: str | None = None
    target: str = ""
    partial: str = ""
    stable: int = 0
    """Code points of `partial` that will most likely stay."""
    behind_ms: float = 0.0
    """Sound that the model has not taken yet, where there is so much that it is told."""
    meter: Meter = field(default_factory=Meter, compare=False)

    def after(self, event: Mapping[str, Any]) -> Now:
        """The same after an event."""
        match event.get("event"):
            case "stage":
                stage, mode = str(event.get("stage")), event.get("mode")
                if stage == "listening" and self.stage != "listening":
                    return replace(self, stage=stage, mode=mode, partial="", behind_ms=0.0, meter=Meter())
                behind_ms = self.behind_ms if stage in ("listening", "hearing") else 0.0
                return replace(self, stage=stage, mode=mode, behind_ms=behind_ms)
            case "target":
                return replace(self, target=str(event.get("title") or event.get("name") or ""))
            case "partial":
                stable = int(event.get("stable") or 0)
                return replace(self, partial=str(event.get("text", "")), stable=stable)
            case "writing" if not event.get("over"):
                return replace(self, partial=str(event.get("text", "")).replace("\n", " "), stable=0)
            case "outcome" | "failed" | "rejected" | "reverted":
                return replace(self, partial="")
            case "level":
                self.meter.push(_Loud(float(event.get("rms_dbfs", -100.0)), bool(event.get("is_speech"))))
                behind_ms = lag_to_tell(self.behind_ms, float(event.get("behind_ms") or 0.0))
                if behind_ms != self.behind_ms:
                    return replace(self, behind_ms=behind_ms)
        return self

    @classmethod
    def from_status(cls, status: Mapping[str, Any]) -> Now:
        """What `status` replied."""
        target = status.get("target") or {}
        return cls(
            str(status.get("stage", "idle")),
            status.get("mode"),
            str(target.get("title") or target.get("name") or ""),
        )

    def title(self) -> str:
        """For the terminal's title."""
        return f"voice-edit: {_stage(self)}"

    def text(self, columns: int) -> Text:
        """For the line, at most so wide."""
        from rich.text import Text

        style = {"listening": "bold red", "idle": "dim", "asking": "bold yellow"}.get(self.stage, "cyan")
        line = Text.assemble(
            ("● " if self.stage == "listening" else "○ ", style), (_stage(self), style), no_wrap=True
        )
        if self.stage == "listening":
            line.append("  ").append_text(self.meter.line(min(METER_COLUMNS, max(0, columns - 40))))
        if late := behind(self.behind_ms):
            line.append(f"  {late}", "yellow")
        if self.partial:
            room = columns - line.cell_len - 2
            line.append("  ").append_text(partial_rich(self.partial, self.stable, columns=room))
        elif self.target:
            line.append("  → ", "dim").append(visible(self.target).replace("\n", "␊"), "dim")
        line.truncate(columns, overflow="ellipsis")
        return line


class LiveLine:
    """Draws it on stderr. `with LiveLine(...) as line:` leaves nothing behind."""

    def __init__(self, output: Output, *, shown: bool, title: bool) -> None:
        """`shown`: draw the line, `title`: show the stage in the title, both if stderr is a terminal."""
        terminal = output.shows_progress
        self._console = output.err if terminal else None
        self._shows_line = terminal and shown
        self._shows_title = terminal and title
        self.now = Now()
        self._drawn: Any = None
        self._told_title = ""
        self._dirty = True
        self._drawn_at_s = float("-inf")

    def __enter__(self) -> LiveLine:
        if self._shows_title:
            self._write(_KEEP_TITLE)
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()
        if self._shows_title:
            self._write(_TITLE_BACK)

    def take(self, event: Mapping[str, Any]) -> None:
        """Something happened; `draw` shows it."""
        before = self.now
        self.now = before.after(event)
        self._dirty |= self.now is not before or event.get("event") == "level"

    def set(self, now: Now) -> None:
        """Show something else."""
        self.now, self._dirty = now, True

    def wait_s(self, now_s: float) -> float | None:
        """How long to wait for events before `draw` is to be called again; None if nothing is to be drawn."""
        if not self._dirty or not (self._shows_line or self._shows_title):
            return None
        return max(0.0, self._drawn_at_s + EVERY_S - now_s)

    def draw(self, now_s: float) -> None:
        """Draw it, if it changed and was not drawn just now. `now_s`: monotonic clock."""
        if self.wait_s(now_s) != 0.0:
            return
        self._dirty, self._drawn_at_s = False, now_s
        if self._shows_title and (title := self.now.title()) != self._told_title:
            self._told_title = title
            self._write(f"\x1b]0;{title}\x07")
        if self._shows_line and self._console is not None:
            with self._console.capture() as drawn:
                self._console.print(self.now.text(self._console.width - 1), end="")
            if drawn.get() != self._drawn:
                self._drawn = drawn.get()
                self._write(_ERASE + drawn.get())

    def clear(self) -> None:
        """Take the line away, before something is printed that stays."""
        if self._drawn is not None:
            self._write(_ERASE)
            self._drawn, self._dirty = None, True

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


def _stage(now: Now) -> str:
    return f"{now.stage} ({now.mode})" if now.mode else now.stage
