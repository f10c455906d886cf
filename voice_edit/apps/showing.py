"""Profiles as people and TOML read them. Pure."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from voice_edit.apps.profiles import DEFAULT, AppProfile, Match, Mechanism, Row

WAYS: dict[Mechanism, str] = {"accessibility": "edit in place", "paste": "paste", "type": "type"}
"""What each mechanism does, in words."""
BY_HAND = "clipboard only"
_NOT_SHOWN = ("name", "why")


def ways(profile: AppProfile) -> str:
    """How text gets there: "edit in place, paste, type"."""
    return ", ".join(WAYS[mechanism] for mechanism in profile.mechanisms) or BY_HAND


def manners(profile: AppProfile) -> str:
    """What is done differently from other programs: "no capitals, no final mark"; empty for nothing."""
    parts = [
        "line ends become spaces" if profile.newlines == "space" else "",
        "asks about line ends" if profile.newlines == "ask" else "",
        "no capitals" if profile.capitals == "off" else "",
        "no final mark" if profile.final_mark == "drop" else "",
        {"always": "a space behind", "never": "no space behind", "auto": ""}[profile.trailing_space],
    ]
    return ", ".join(part for part in parts if part)


def meant(row: Row, most: int = 3) -> str:
    """What the profile is for, the first few patterns of each kind."""
    if row.profile.name == DEFAULT:
        return "all others"
    kinds = ((row.match.apps, ""), (row.match.titles, "title "), (row.match.toolkits, "toolkit "))
    parts = [f"{word}{_some(patterns, most)}" for patterns, word in kinds if patterns]
    if row.match.roles:
        parts.append(f"role {_some(row.match.roles, most)}")
    return "; ".join(parts) or "nothing by itself"


def to_json(row: Row) -> dict[str, Any]:
    """All of a profile, as `--json` prints it."""
    return {
        "profile": row.profile.name,
        "origin": row.origin,
        **{field.name: _plain(getattr(row.match, field.name)) for field in fields(Match)},
        **{name: _plain(getattr(row.profile, name)) for name in _settings()},
    }


def to_toml(row: Row) -> str:
    """The profile as a table of apps.toml, with all that holds for it."""
    lines = [f"[{_key(row.profile.name)}]"]
    lines += [
        f"{field.name} = {_value(getattr(row.match, field.name))}"
        for field in fields(Match)
        if getattr(row.match, field.name)
    ]
    lines += [f"{name} = {_value(getattr(row.profile, name))}" for name in _settings()]
    return "\n".join(lines)


def _settings() -> list[str]:
    return [field.name for field in fields(AppProfile) if field.name not in _NOT_SHOWN]


def _some(patterns: tuple[str, ...], most: int) -> str:
    return ", ".join(patterns[:most]) + (f" and {len(patterns) - most} more" if len(patterns) > most else "")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _key(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() and name.isascii() else _value(name)


def _value(value: Any) -> str:
    """As TOML writes it: strings, switches and lists of strings are the same in JSON, DEL excepted."""
    return json.dumps(_plain(value), ensure_ascii=False).replace("\x7f", "\\u007f")
