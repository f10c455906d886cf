"""The styles of `styles.toml`, and which of them is meant by what was said. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, TypeAlias

Keeps: TypeAlias = Literal[
    "numbers", "no-new-numbers", "names", "no-new-names", "structure", "code", "words", "script"
]

_BEFORE = """a an the its in into as to be sound sounding look read much more very really way bit little lot
somewhat slightly some something using with even quite rather so that is it are they of"""
_BEHIND = "style tone language register way manner sounding words please text version form"
_FILLERS_BEFORE, _FILLERS_BEHIND = frozenset(_BEFORE.split()), frozenset(_BEHIND.split())
"""Words around the name of a style that say nothing: "in a much more formal way"."""


@dataclass(frozen=True, slots=True)
class Style:
    """One way of rewriting. The fields are described at the top of `styles.toml`."""

    name: str
    """Empty for whatever was asked for in free words."""
    instruction: str
    length: tuple[float, float]
    keeps: frozenset[Keeps]
    said: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    pieces: bool = False
    is_list: bool = False
    needs_language: bool = False


@dataclass(frozen=True, slots=True)
class Meant:
    """What was asked for."""

    style: str
    """Its name."""
    language: str | None = None
    """What it is to be translated into."""


def styles() -> tuple[Style, ...]:
    """All that have a name, in the order in which they are shown."""
    return _all()[0]


def free() -> Style:
    """What was asked for in words that name no style."""
    return _all()[1]


def named(name: str | None) -> Style | None:
    """The style of that name, whatever the capitals; `free` for no name. None for one that nobody knows."""
    if not name:
        return free()
    wanted = " ".join(name.replace("-", " ").replace("_", " ").lower().split())
    return next((style for style in styles() if style.name.lower() == wanted), None)


def languages() -> tuple[str, ...]:
    """Every language that may be named, by the name that the model is told."""
    return tuple(dict.fromkeys(_languages().values()))


def language(said: Sequence[str] | str) -> str | None:
    """The language that these words name; None if they name none."""
    words = said.split() if isinstance(said, str) else said
    return _languages().get(" ".join(words).lower())


def meant_by(said: Sequence[str]) -> Meant | None:
    """The style that these words (small letters) name: "more formal", "in a friendly tone", "as key points",
    "into German". None where they name none, or more than one thing.
    """
    words = list(said)
    if words[:1] and words[0] in ("to", "into", "in") and (into := language(words[1:])):
        return Meant("Translate", into)
    if (found := _said().get(" ".join(words))) is not None:
        return Meant(found)
    while words and words[0] in _FILLERS_BEFORE:
        words = words[1:]
        if (found := _said().get(" ".join(words))) is not None:
            return Meant(found)
        if len(words) > 1 and words[-1] in _FILLERS_BEHIND and (found := _said().get(" ".join(words[:-1]))):
            return Meant(found)
    if len(words) > 1 and words[-1] in _FILLERS_BEHIND and (found := _said().get(" ".join(words[:-1]))):
        return Meant(found)
    return None


@cache
def _all() -> tuple[tuple[Style, ...], Style]:
    table = _table()
    return tuple(_style(row) for row in table["style"]), _style(table["free"])


@cache
def _said() -> dict[str, str]:
    return {said: style.name for style in styles() for said in style.said}


@cache
def _languages() -> dict[str, str]:
    """What people say (small letters), and the language's name."""
    found: dict[str, str] = {}
    for row in _table()["languages"]["names"].replace("\n", ";").split(";"):
        names = [name.strip() for name in row.split(",") if name.strip()]
        found |= {name.lower(): names[0] for name in names}
    return found


def _style(row: dict[str, Any]) -> Style:
    least, most = row["length"]
    return Style(
        name=row["name"],
        instruction=row["instruction"],
        length=(float(least), float(most)),
        keeps=frozenset(row["keeps"]),
        said=tuple(filter(None, row.get("said", "").split("|"))),
        verbs=tuple(filter(None, row.get("verbs", "").split("|"))),
        pieces=row.get("pieces", False),
        is_list=row.get("is_list", False),
        needs_language=row.get("needs_language", False),
    )


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((files("voice_edit.rewriting") / "styles.toml").read_text(encoding="utf-8"))
