"""Bytes of a text file <-> the text that is edited, without losing how it was written down.

The text has no byte order mark. Its lines end in a line feed when the whole file agrees on one line ending
(that one is put back on writing); a file that mixes line endings is left exactly as it is, carriage returns
included. `encode(decode(data)) == data` for every file that decodes.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from voice_edit.errors import TargetNotText, TargetUnencodable

Encoding = Literal["utf-8", "utf-16-le", "utf-16-be"]
Newline = Literal["\n", "\r\n", "\r", "mixed"]

SUPPORTED = "UTF-8 (with or without byte order mark) and UTF-16 (little or big endian, with byte order mark)"

_BOMS: dict[Encoding, bytes] = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
}
# Files that people do point an editor at by mistake, and that can begin like text.
_KNOWN_BINARY = (
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"RIFF", "a sound or video file"),
    (b"OggS", "a sound file"),
    (b"fLaC", "a sound file"),
    (b"\x7fELF", "a program"),
    (b"\x1f\x8b", "a compressed file"),
    (b"SQLite format 3\x00", "a database"),
    (b"GGUF", "a language model"),
)
_LINE_END = re.compile("\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class TextFormat:
    """How a file writes its text down."""

    encoding: Encoding = "utf-8"
    bom: bool = False
    """A byte order mark stands first."""
    newline: Newline = "\n"
    """The line ending all lines share; "mixed" when they do not."""

    def to_json(self) -> dict[str, Any]:
        return {"encoding": self.encoding, "bom": self.bom, "newline": self.newline}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TextFormat:
        return cls(encoding=data["encoding"], bom=data["bom"], newline=data["newline"])


PLAIN = TextFormat()
"""UTF-8, no byte order mark, line feeds."""


def decode(data: bytes, name: str, *, newline: Newline | None = None) -> tuple[str, TextFormat]:
    """The text in `data`, and how to write it down again.

    `name` is used in messages only. `newline` asks for the line ending the file had at an earlier moment,
    so that offsets noted then still hold when it has lost its last line ending, or stopped mixing them,
    since. Raises TargetNotText for binary data and for encodings other than SUPPORTED.
    """
    encoding, bom = _encoding_of(data, name)
    body = data[len(_BOMS[encoding]) :] if bom else data
    try:
        raw = body.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TargetNotText(
            f"{name} is not {'UTF-8' if encoding == 'utf-8' else 'UTF-16'}: "
            f"byte {error.start + len(data) - len(body)} (line {line}) does not belong there. "
            f"Supported: {SUPPORTED}."
        ) from error
    if "\x00" in raw:
        raise _binary(name, "it contains zero bytes")
    newline = _newline_of(raw, newline)
    text = raw.replace(newline, "\n") if newline in ("\r\n", "\r") else raw
    return text, TextFormat(encoding, bom, newline)


def encode(text: str, form: TextFormat, name: str) -> bytes:
    """`text` written down in `form`. Raises TargetUnencodable when that could not be read back."""
    if "\x00" in text:
        raise TargetUnencodable(f"The new text of {name} would contain a zero byte.")
    raw = text
    if form.newline in ("\r\n", "\r"):
        if "\r" in text:
            raise TargetUnencodable(f"The new text of {name} would contain a carriage return inside a line.")
        raw = text.replace("\n", form.newline)
    try:
        body = raw.encode(form.encoding)
    except UnicodeEncodeError as error:
        raise TargetUnencodable(
            f"The new text of {name} holds half a character at position {error.start}: "
            "it cannot be written as Unicode."
        ) from error
    return _BOMS[form.encoding] + body if form.bom else body


def _encoding_of(data: bytes, name: str) -> tuple[Encoding, bool]:
    # UTF-32 LE begins like UTF-16 LE; it has to be asked first.
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise TargetNotText(f"{name} is UTF-32. Supported: {SUPPORTED}.")
    for encoding, mark in _BOMS.items():
        if data.startswith(mark):
            return encoding, True
    for magic, what in _KNOWN_BINARY:
        # A text may begin with the letters RIFF or GGUF; a file of that kind has bytes that no text has.
        if data.startswith(magic) and not _reads_as_text(data):
            raise _binary(name, f"it looks like {what}")
    if b"\x00" in data:
        if _looks_like_utf16(data):
            raise TargetNotText(
                f"{name} looks like UTF-16 without a byte order mark. Supported: {SUPPORTED}."
            )
        raise _binary(name, "it contains zero bytes")
    return "utf-8", False


def _reads_as_text(data: bytes) -> bool:
    try:
        return "\x00" not in data.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _looks_like_utf16(data: bytes) -> bool:
    """Mostly Latin text in UTF-16: nearly every second byte is zero, and only every second."""
    head = data[:4096]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    return (
        len(data) % 2 == 0 and max(even, odd) > 0.7 * len(head) / 2 and min(even, odd) < 0.05 * len(head) / 2
    )


def _binary(name: str, why: str) -> TargetNotText:
    return TargetNotText(
        f"{name} is not a text file: {why}. Supported: {SUPPORTED}.",
        hint="Name a text file. Office documents and PDFs have to be exported as text or Markdown first.",
    )


def _newline_of(raw: str, wanted: Newline | None) -> Newline:
    kinds = set(_LINE_END.findall(raw))
    if wanted in ("\n", "mixed") or (wanted is not None and kinds <= {wanted}):
        return wanted  # with a line feed or a mixture nothing is translated, which is right for any text
    if len(kinds) > 1 or (wanted is not None and kinds):
        return "mixed"
    if "\r\n" in kinds:
        return "\r\n"
    return "\r" if "\r" in kinds else "\n"
