"""Reads the profiles: those that come with the program, and the user's apps.toml on top of them.

Each table of the file is a profile; docs/fields.md describes the keys. A table with the name of a built-in
profile changes it where it says something else; any other is a new one, and is tried before all built-in
ones. `like` takes over everything but what the other one is for.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from voice_edit.apps.profiles import (
    DEFAULT,
    AppProfile,
    Capitals,
    FinalMark,
    Match,
    Mechanism,
    Newlines,
    Profiles,
    Row,
    TrailingSpace,
)
from voice_edit.errors import UsageError

if TYPE_CHECKING:
    from voice_edit.desktop.base import SessionKind

BUILT_IN = "built-in"
DOCS = "docs/fields.md describes every key; `voice-edit apps check` reads the file again."
PROMPT_CHARS = 400
"""A long prompt in front of the sound costs time and makes a model hear worse."""
WORDS = 200

_Pattern = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1)]
_Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


class _Table(BaseModel):
    """One table of the file. What is not said is None."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    like: str | None = None
    apps: list[_Pattern] | None = None
    titles: list[_Pattern] | None = None
    toolkits: list[_Pattern] | None = None
    roles: list[_Pattern] | None = None
    mechanisms: list[Mechanism] | None = None
    chord: str | None = None
    chord_wayland: str | None = None
    chord_macos: str | None = None
    newlines: Newlines | None = None
    terminal: bool | None = None
    capitals: Capitals | None = None
    final_mark: FinalMark | None = None
    trailing_space: TrailingSpace | None = None
    prompt: Annotated[str, StringConstraints(max_length=PROMPT_CHARS)] | None = None
    vocabulary: Annotated[list[_Word], Field(max_length=WORDS)] | None = None


_CHORDS = ("chord", "chord_wayland", "chord_macos")
_MATCH = tuple(field.name for field in fields(Match))
_SETTINGS = tuple(name for name in _Table.model_fields if name not in (*_MATCH, "like"))


def read_profiles(user: Mapping[str, Any], origin: str, *, session: SessionKind | None = None) -> Profiles:
    """The built-in profiles with the user's tables on top. Raises UsageError; `origin` names their file.

    `session` decides which paste key counts (`chord`, `chord_wayland`, `chord_macos`); None is X11's, or that
    of macOS there.
    """
    ours = _built_in_tables()
    theirs = {name: _table(name, values, origin) for name, values in user.items()}
    said = {name: _said(table) for name, table in ours.items()}
    for name, table in theirs.items():
        said[name] = {**said.get(name, {}), **_said(table)}
        _check(name, said[name], theirs, ours, origin)
    order = [name for name in theirs if name not in ours] + [name for name in ours if name != DEFAULT]
    session = session or ("macos" if sys.platform == "darwin" else "x11")
    rows = []
    for name in (*order, DEFAULT):
        values = _with_likes(name, said, origin)
        rows.append(
            Row(
                _profile(name, values, session),
                Match(**{key: tuple(said[name].get(key, ())) for key in _MATCH}),
                origin if name in theirs else BUILT_IN,
            )
        )
    return Profiles(tuple(rows))


@cache
def _built_in_tables() -> dict[str, _Table]:
    text = (files("voice_edit.apps") / "profiles.toml").read_text(encoding="utf-8")
    return {name: _table(name, values, "profiles.toml") for name, values in tomllib.loads(text).items()}


def _table(name: str, values: Any, origin: str) -> _Table:
    if not isinstance(values, Mapping):
        raise UsageError(
            f"{origin}: '{name}' is outside a profile",
            hint=f'Begin one in front of it, for example: [my-editor] and below it apps = ["name"]. {DOCS}',
        )
    try:
        table = _Table.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "table"
        if first["type"] == "extra_forbidden":
            known = ", ".join(_Table.model_fields)
            raise UsageError(
                f"{origin}: [{name}] has the unknown key '{key}'", hint=f"The keys are: {known}."
            ) from error
        raise UsageError(f"{origin}: [{name}] {key}: {first['msg']}", hint=DOCS) from error
    for key in _CHORDS:
        _check_chord(getattr(table, key), f"{origin}: [{name}] {key}")
    mechanisms = table.mechanisms or []
    if len(set(mechanisms)) < len(mechanisms):
        raise UsageError(f"{origin}: [{name}] mechanisms names one twice", hint=DOCS)
    return table


def _check_chord(chord: str | None, where: str) -> None:
    if chord is None:
        return
    from hotkeys.chord import parse
    from hotkeys.errors import ChordInvalid

    try:
        parse(chord)
    except ChordInvalid as error:
        raise UsageError(f"{where}: {error}", hint=error.hint) from error


def _check(
    name: str, said: Mapping[str, Any], theirs: Mapping[str, _Table], ours: Mapping[str, _Table], origin: str
) -> None:
    """A user's profile must be for something, and be like one that there is."""
    if name == DEFAULT and (any(said.get(key) for key in _MATCH) or said.get("like")):
        raise UsageError(
            f"{origin}: [{DEFAULT}] is for all other programs",
            hint=f"Leave out {', '.join(_MATCH)} and like there, or give the profile another name.",
        )
    used = any(table.like == name for table in theirs.values())
    if name not in ours and not used and not any(said.get(key) for key in _MATCH):
        raise UsageError(
            f"{origin}: [{name}] does not say which programs it is for",
            hint='Add for example: apps = ["name"]. `voice-edit apps list` has the built-in ones.',
        )
    like = said.get("like")
    if like is not None and like not in ours and like not in theirs:
        known = ", ".join(dict.fromkeys((*theirs, *ours)))
        raise UsageError(
            f"{origin}: [{name}] is like '{like}', which there is not", hint=f"The profiles are: {known}."
        )


def _said(table: _Table) -> dict[str, Any]:
    return table.model_dump(exclude_none=True)


def _with_likes(name: str, said: Mapping[str, Mapping[str, Any]], origin: str) -> dict[str, Any]:
    """What a profile says itself, over what those say that it is like, over the default."""
    chain, seen = [said[name]], {name}
    while (like := chain[-1].get("like")) is not None:
        if like in seen:
            raise UsageError(f"{origin}: [{name}] is like itself", hint="Take one `like` of the circle out.")
        seen.add(like)
        chain.append(said[like])
    if name != DEFAULT and DEFAULT not in seen:
        chain.append(said[DEFAULT])
    values: dict[str, Any] = {}
    for layer in reversed(chain):
        if "chord" in layer:  # said plainly, it counts in every session
            values.pop("chord_wayland", None)
            values.pop("chord_macos", None)
        values.update({key: layer[key] for key in _SETTINGS if key in layer})
    return values


def _profile(name: str, values: Mapping[str, Any], session: SessionKind) -> AppProfile:
    taken: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
    }
    chords = {key: taken.pop(key, None) for key in _CHORDS}
    taken["chord"] = chords.get(f"chord_{session}") or chords["chord"]
    return AppProfile(name, **taken)
