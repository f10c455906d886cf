"""The short form of commands that people read and write: one-key mappings, a bare string for a quote.

    {replace: {find: brown, with: dark red}}        {delete: {word: last, count: 2}}        undo

docs/commands.md lists every form. `to_compact` and `from_compact` are each other's inverse; `one_line` writes
the form as YAML would, for logs. A form that makes no sense is a ValueError that says what was expected.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from voice_edit import commands as c
from voice_edit import selectors as s

_WHICH_WORDS = {"first": 1, "last": -1}
_PLACES = {"before": "before", "after": "after", "start_of": "start", "end_of": "end"}
_CASES = ("capitalise", "upper", "lower", "title")
_FORMATS = ("bold", "italic", "code", "plain")


def _which(value: Any) -> s.Which | None:
    return cast(s.Which, _WHICH_WORDS.get(value, value) if isinstance(value, str) else value)


def _which_out(which: s.Which | None) -> Any:
    return {1: "first", -1: "last"}.get(which, which) if isinstance(which, int) else which


def _only(data: Mapping[str, Any], *allowed: str) -> None:
    if extra := [key for key in data if key not in allowed]:
        raise ValueError(
            f"{extra[0]!r} does not go with {next(iter(data))!r}; allowed are {', '.join(allowed)}"
        )


def _optional(value: Any) -> s.Selector | None:
    return None if value is None else selector(value)


def selector(value: Any) -> s.Selector:
    """A selector from its compact form."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return s.Quote(text=str(value))
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"expected a quote or a selector such as {{word: last}}, not {value!r}")
    data = {str(key): item for key, item in value.items()}
    within = _optional(data.get("in"))
    for unit in s.UNIT_NAMES:
        if unit in data:
            _only(data, unit, "count", "in", "called", "with", "after", "before")
            which = "this" if data[unit] is None else _which(data[unit])
            return s.Unit.model_validate(
                {
                    "unit": unit,
                    "which": which,
                    "count": data.get("count", 1),
                    "called": data.get("called"),
                    "containing": _optional(data.get("with")),
                    "after": _optional(data.get("after")),
                    "before": _optional(data.get("before")),
                    "within": within,
                }
            )
    if "quote" in data:
        _only(data, "quote", "which", "in")
        return s.Quote(text=str(data["quote"]), which=_which(data.get("which")), within=within)
    if "every" in data:
        _only(data, "every", "in")
        return s.Quote(text=str(data["every"]), which="all", within=within)
    if "document" in data:
        return s.Whole()
    if "selection" in data:
        return s.Selected()
    if "that" in data:
        return s.That()
    if "said" in data:
        _only(data, "said")
        return s.WhatWasSaid(about=None if data["said"] in (None, "last") else str(data["said"]))
    if "between" in data:
        _only(data, "between", "in")
        first, second = data["between"]
        return s.Range(start=_end(first), end=_end(second), inclusive=False, within=within)
    if "from" in data or "to" in data:
        _only(data, "from", "to", "in")
        start, end = data.get("from"), data.get("to")
        return s.Range(
            start=None if start is None else _end(start),
            end=None if end is None else _end(end),
            within=within,
        )
    for side in ("before", "after"):
        if f"everything_{side}" in data:
            _only(data, f"everything_{side}", "in")
            return s.Everything(side=side, of=_end(data[f"everything_{side}"]), within=within)
    if "span" in data:
        start, end = data["span"]
        return s.Exact(start=start, end=end)
    raise ValueError(f"unknown selector {next(iter(data))!r}")


def _end(value: Any) -> s.Selector | s.Place:
    if isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in ("caret", *_PLACES):
        return place(value)
    return selector(value)


def place(value: Any) -> s.Place:
    """A place from its compact form."""
    if value is None or value == "caret" or (isinstance(value, Mapping) and "caret" in value):
        return s.Caret()
    if isinstance(value, Mapping) and len(value) == 1:
        key, of = next(iter(value.items()))
        if key in _PLACES:
            return s.Edge(side=_PLACES[key], of=selector(of))  # type: ignore[arg-type]
    raise ValueError(f"expected caret or one of {', '.join(_PLACES)} with a selector, not {value!r}")


def selector_to_compact(value: s.Selector) -> Any:
    """The compact form of a selector."""
    out: dict[str, Any]
    match value:
        case s.Quote(which=None, within=None):
            return value.text
        case s.Quote(which="all"):
            out = {"every": value.text}
        case s.Quote():
            out = {"quote": value.text}
            if value.which is not None:
                out["which"] = _which_out(value.which)
        case s.Unit():
            out = {value.unit: _which_out(value.which)}
            if value.count != 1:
                out["count"] = value.count
            if value.called is not None:
                out["called"] = value.called
            if value.containing is not None:
                out["with"] = selector_to_compact(value.containing)
            if value.after is not None:
                out["after"] = selector_to_compact(value.after)
            if value.before is not None:
                out["before"] = selector_to_compact(value.before)
        case s.Range(inclusive=False, start=start, end=end) if start is not None and end is not None:
            out = {"between": [_end_to_compact(start), _end_to_compact(end)]}
        case s.Range():
            out = {} if value.start is None else {"from": _end_to_compact(value.start)}
            if value.end is not None:
                out["to"] = _end_to_compact(value.end)
        case s.Everything():
            out = {f"everything_{value.side}": _end_to_compact(value.of)}
        case s.WhatWasSaid():
            return {"said": value.about or "last"}
        case s.Exact():
            return {"span": [value.start, value.end]}
        case _:
            return {value.kind: "this"}
    within = getattr(value, "within", None)
    if within is not None:
        out["in"] = selector_to_compact(within)
    return out


def _end_to_compact(value: s.Selector | s.Place) -> Any:
    if isinstance(value, s.Caret):
        return {"caret": "here"}
    return place_to_compact(value) if isinstance(value, s.Edge) else selector_to_compact(value)


def place_to_compact(value: s.Place) -> Any:
    """The compact form of a place."""
    if isinstance(value, s.Caret):
        return "caret"
    name = {side: key for key, side in _PLACES.items()}[value.side]
    return {name: selector_to_compact(value.of)}


def _replace(value: Any, _: Mapping[str, Any]) -> c.Replace:
    _only(value, "find", "with")
    return c.Replace(find=selector(value["find"]), text=str(value["with"]))


def _swap(value: Any, _: Mapping[str, Any]) -> c.Swap:
    first, second = value
    return c.Swap(first=selector(first), second=selector(second))


def _rewrite(value: Any, _: Mapping[str, Any]) -> c.Rewrite:
    asked = {name: value.get(name) for name in ("style", "language")}
    return c.Rewrite(scope=selector(value["scope"]), instruction=value["instruction"], **asked)


def _correct(value: Any, more: Mapping[str, Any]) -> c.Correct:
    wrong, about = more.get("not"), more.get("about")
    return c.Correct(
        text=str(value),
        instead_of=None if wrong is None else str(wrong),
        about=None if about is None else str(about),
    )


_Reader = Callable[[Any, Mapping[str, Any]], c.AnyCommand]
_READERS: dict[str, tuple[_Reader, tuple[str, ...]]] = {
    "insert": (lambda v, more: c.Insert(text=str(v), at=place(more.get("at"))), ("at",)),
    "delete": (lambda v, _: c.Delete(what=selector(v)), ()),
    "replace": (_replace, ()),
    "swap": (_swap, ()),
    "select": (lambda v, _: c.Select(what=selector(v)), ()),
    "go_to": (lambda v, _: c.GoTo(place=place(v)), ()),
    "move": (lambda v, more: c.Move(what=selector(v), to=place(more.get("to"))), ("to",)),
    "duplicate": (lambda v, _: c.Duplicate(what=selector(v)), ()),
    "heading": (lambda v, more: c.MakeHeading(what=selector(v), level=more.get("level", 1)), ("level",)),
    "bullet_list": (lambda v, _: c.MakeList(what=selector(v), style="bullet"), ()),
    "numbered_list": (lambda v, _: c.MakeList(what=selector(v), style="numbered"), ()),
    "join": (lambda v, _: c.JoinLines(what=selector(v)), ()),
    "split": (lambda v, more: c.SplitLines(what=selector(v), by=more.get("by", "sentence")), ("by",)),
    "sort": (
        lambda v, more: c.SortLines(what=selector(v), descending=bool(more.get("descending"))),
        ("descending",),
    ),
    "new_line": (lambda v, _: c.Break(style="line", at=place(v)), ()),
    "new_paragraph": (lambda v, _: c.Break(style="paragraph", at=place(v)), ()),
    "undo": (lambda v, _: c.Undo(count=1 if v is None else v), ()),
    "redo": (lambda v, _: c.Redo(count=1 if v is None else v), ()),
    "correct": (_correct, ("not", "about")),
    "save": (lambda v, _: c.Save(), ()),
    "stop": (lambda v, _: c.Stop(), ()),
    "rewrite": (_rewrite, ()),
}
for _style in _CASES:
    _READERS[_style] = (
        lambda v, _, style=_style: c.ChangeCase(style=style, what=selector(v)),  # type: ignore[misc]
        (),
    )
for _style in _FORMATS:
    _READERS[_style] = (
        lambda v, _, style=_style: c.Format(style=style, what=selector(v)),  # type: ignore[misc]
        (),
    )
_BARE = ("undo", "redo", "save", "stop", "new_line", "new_paragraph")


def from_compact(value: Any) -> c.AnyCommand:
    """A command from its compact form. Raises ValueError (pydantic's ValidationError is one)."""
    if isinstance(value, str):
        value = {value: None} if value in _BARE else {}
    if not isinstance(value, Mapping) or not value:
        raise ValueError(
            f"expected a one-key mapping such as {{delete: {{word: last}}}} or one of {', '.join(_BARE)}"
        )
    data = {str(key): item for key, item in value.items()}
    verb = next(iter(data))
    if verb not in _READERS:
        raise ValueError(f"unknown command {verb!r}; known are {', '.join(sorted(_READERS))}")
    reader, options = _READERS[verb]
    _only(data, verb, *options)
    try:
        return reader(data[verb], data)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{verb!r} is not complete: {error}") from error


def to_compact(command: c.AnyCommand) -> Any:
    """The compact form of a command: plain strings, numbers, lists and dicts."""
    sel = selector_to_compact
    match command:
        case c.Insert(text=text, at=s.Caret()):
            return {"insert": text}
        case c.Insert():
            return {"insert": command.text, "at": place_to_compact(command.at)}
        case c.Delete() | c.Select() | c.Duplicate() | c.JoinLines():
            return {command.kind: sel(command.what)}
        case c.Replace():
            return {"replace": {"find": sel(command.find), "with": command.text}}
        case c.Swap():
            return {"swap": [sel(command.first), sel(command.second)]}
        case c.GoTo():
            return {"go_to": place_to_compact(command.place)}
        case c.Move():
            return {"move": sel(command.what), "to": place_to_compact(command.to)}
        case c.ChangeCase() | c.Format():
            return {command.style: sel(command.what)}
        case c.MakeHeading():
            return {"heading": sel(command.what)} | ({"level": command.level} if command.level != 1 else {})
        case c.MakeList():
            return {f"{command.style}_list": sel(command.what)}
        case c.SplitLines():
            return {"split": sel(command.what)} | ({"by": command.by} if command.by != "sentence" else {})
        case c.SortLines():
            return {"sort": sel(command.what)} | ({"descending": True} if command.descending else {})
        case c.Break():
            name = "new_line" if command.style == "line" else "new_paragraph"
            return name if isinstance(command.at, s.Caret) else {name: place_to_compact(command.at)}
        case c.Undo() | c.Redo():
            return command.kind if command.count == 1 else {command.kind: command.count}
        case c.Correct():
            options = {"not": command.instead_of, "about": command.about}
            return {"correct": command.text} | {key: value for key, value in options.items() if value}
        case c.Save() | c.Stop():
            return command.kind
        case c.Rewrite():
            asked = {"style": command.style, "language": command.language}
            more = {name: value for name, value in asked.items() if value is not None}
            return {"rewrite": {"scope": sel(command.scope), "instruction": command.instruction, **more}}


_PLAIN = re.compile(r"[^\W\d_][\w']*(?: [\w']+)*")
_NOT_PLAIN = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


def one_line(value: Any) -> str:
    """Compact data (or a command) on one line, as YAML's flow style: {delete: {word: last}}."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {one_line(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(one_line(item) for item in value) + "]"
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value.lower() not in _NOT_PLAIN
        return value if plain else json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool | int | float) or value is None:
        return json.dumps(value)
    return one_line(to_compact(value))
