"""Dataclasses to and from JSON, checked by their annotations.

Understood are str, int, float, bool, None, Any, Literal, unions, `list[X]`, `tuple[X, ...]`, `dict[str, X]`
and dataclasses of these. Nothing is converted: "1" is no number, and a number is no text.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, TypeVar

T = TypeVar("T")

_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}


class FieldError(ValueError):
    """A value that does not fit; says which, what it should be, and never repeats what was said."""


def fields_of(cls: Any) -> dict[str, tuple[Any, bool]]:
    """Field name -> (its type, whether it must be given)."""
    return _fields_of(cls)


@cache
def _fields_of(cls: Any) -> dict[str, tuple[Any, bool]]:
    hints = typing.get_type_hints(cls)
    return {
        field.name: (
            hints[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(cls)
    }


def build(cls: type[T], data: Mapping[str, Any], *, strict: bool, where: str = "") -> T:
    """An instance from JSON. Unknown fields are an error if `strict`, else passed over. Raises FieldError."""
    known = fields_of(cls)
    if strict and (unknown := sorted(set(data) - set(known))):
        takes = ", ".join(known) if known else "none"
        raise FieldError(f"there is no field '{where}{unknown[0]}'; the fields are: {takes}")
    if missing := [name for name, (_, needed) in known.items() if needed and name not in data]:
        raise FieldError(f"'{where}{missing[0]}' is missing")
    values = {
        name: _value(data[name], kind, strict=strict, where=where + name)
        for name, (kind, _) in known.items()
        if name in data
    }
    return cls(**values)


def plain(value: Any) -> Any:
    """The same as JSON has it: dataclasses as dicts, tuples as lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    return value


def describe(kind: Any) -> str:
    """A type in words: `"hold" or "tap"`, `a number or null`, `a list of text`."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return " or ".join(f'"{one}"' if isinstance(one, str) else str(one) for one in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(describe(one) for one in arguments)
    if origin in (list, tuple):
        return f"a list of {describe(arguments[0])}"
    if origin is dict or dataclasses.is_dataclass(kind):
        return "an object"
    return "anything" if kind is Any else _NAMES[kind]


def _value(value: Any, kind: Any, *, strict: bool, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        return _one_of(value, kind, arguments, strict=strict, where=where)
    if origin is Literal:
        # 1 and True are equal to Python and not to us.
        if any(value == one and type(value) is type(one) for one in arguments):
            return value
    elif dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if isinstance(value, Mapping):
            return build(kind, value, strict=strict, where=f"{where}.")
    elif origin in (list, tuple):
        if isinstance(value, list | tuple):
            items = (
                _value(one, arguments[0], strict=strict, where=f"{where}[{n}]") for n, one in enumerate(value)
            )
            return origin(items)
    elif origin is dict:
        if isinstance(value, Mapping):
            return {
                k: _value(one, arguments[1], strict=strict, where=f"{where}.{k}") for k, one in value.items()
            }
    elif kind is float:
        if (number := _finite(value)) is not None:
            return number
    elif type(value) is kind:
        return value
    raise FieldError(f"'{where}' must be {describe(kind)}")


def _finite(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # JSON's whole numbers have no limit
        return None
    return number if math.isfinite(number) else None


def _one_of(value: Any, kind: Any, choices: tuple[Any, ...], *, strict: bool, where: str) -> Any:
    """The first type of a union that fits. Where only an object could fit, its own complaint is told."""
    if isinstance(value, Mapping):
        objects = [one for one in choices if dataclasses.is_dataclass(one)]
        if len(objects) == 1:
            return _value(value, objects[0], strict=strict, where=where)
    for one in choices:
        try:
            return _value(value, one, strict=strict, where=where)
        except FieldError:
            continue
    raise FieldError(f"'{where}' must be {describe(kind)}")
