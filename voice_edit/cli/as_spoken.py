"""What is shown while somebody speaks: partial words, those that will most likely stay apart from the rest,
and how far the model is behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voice_edit.cli.output import visible

if TYPE_CHECKING:
    from rich.text import Text

BEHIND_MS = 500.0
"""Sound that the model has not taken yet and nobody needs to know of: a batch of frames and a partial."""
CAUGHT_UP_MS = 200.0
"""So little of it is more than a batch no longer. Lower than where it is told, or that came and went with
every batch."""

REST_STYLE = "dim italic"


def parts(text: str, stable: int) -> tuple[str, str]:
    """A partial as what will most likely stay (`stable` code points), and the rest. Harmless on a terminal,
    in one line."""
    shown = visible(text).replace("\n", " ")
    cut = min(max(stable, 0), len(shown))
    return shown[:cut], shown[cut:]


def partial_rich(text: str, stable: int, *, columns: int | None = None) -> Text:
    """The same for a terminal: steady, and dim. With `columns`, the last words that fit: what was said just
    now is what one looks for."""
    from rich.text import Text

    steady, rest = parts(text, stable)
    line = Text.assemble((steady, ""), (rest, REST_STYLE), no_wrap=True)
    if columns is None or line.cell_len <= columns:
        return line
    start, room = len(line), max(0, columns - 1)
    while start and line[start - 1 :].cell_len <= room:
        start -= 1
    return (Text("…", REST_STYLE if start >= len(steady) else "") + line[start:]) if columns > 0 else Text()


def lag_to_tell(told_ms: float, behind_ms: float) -> float:
    """How far behind the model is said to be, 0 for not at all, where `told_ms` was said just before."""
    return behind_ms if behind_ms > (CAUGHT_UP_MS if told_ms else BEHIND_MS) else 0.0


def behind(lag_ms: float) -> str:
    """`model 1.2 s behind`; nothing where there is nothing to tell (see `lag_to_tell`)."""
    return f"model {lag_ms / 1000:.1f} s behind" if lag_ms else ""
