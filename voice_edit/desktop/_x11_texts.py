"""A text in all the types in which X programs ask for one."""

from __future__ import annotations

import contextlib
from typing import Final

from voice_edit.desktop.clipboard_state import Content, Contents

TEXT: Final = "UTF8_STRING"
"""The target that every program of today has for text."""
SECRET_HINT: Final = "x-kde-passwordManagerHint"
"""Clipboard managers that know it keep what carries it out of their history."""

_UTF8_STARTS, _UTF8_ENDS = b"\x1b%G", b"\x1b%@"
"""COMPOUND_TEXT may hold UTF-8 between these (ISO 2022's way out; Xlib reads and writes it)."""


def text_contents(text: str, *, secret: bool) -> Contents:
    """`text` as targets, the best first. STRING is there only where Latin-1 can say it."""
    utf8 = Content(TEXT, 8, text.encode("utf-8"))
    offered = {
        TEXT: utf8,
        "text/plain;charset=utf-8": Content("text/plain;charset=utf-8", 8, utf8.data),
        "text/plain": Content("text/plain", 8, utf8.data),
        "TEXT": utf8,
        "COMPOUND_TEXT": Content("COMPOUND_TEXT", 8, compound_text(text)),
    }
    with contextlib.suppress(UnicodeEncodeError):
        offered["STRING"] = Content("STRING", 8, text.encode("latin-1"))
    if secret:
        offered[SECRET_HINT] = Content(SECRET_HINT, 8, b"secret")
    return offered


def same_text(one: Contents, other: Contents) -> bool:
    """Whether both hold a text, and the same."""
    return TEXT in one and TEXT in other and one[TEXT].data == other[TEXT].data


def is_plain_text(contents: Contents) -> bool:
    """Whether there is nothing in it but text without form."""
    plain = {TEXT, "STRING", "TEXT", "COMPOUND_TEXT", "C_STRING"}
    return all(name in plain or name.startswith("text/plain") for name in contents)


def compound_text(text: str) -> bytes:
    """A text in X's Compound Text encoding: Latin-1 as it is, anything else as a stretch of UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return _UTF8_STARTS + text.encode("utf-8") + _UTF8_ENDS
