"""One message of the control protocol as one line: UTF-8 JSON, an object, at most 1 MiB.

Shared by both ends and quick to import; protocol.py says which messages there are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

PROTOCOL = 1
"""Grows when a client of the old version would misunderstand, not with every new command or event."""
MAX_LINE_BYTES = 1 << 20
"""The line break included."""

Message = dict[str, Any]


class LineError(ValueError):
    """A line that is no message. `code` is stable, the text is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def encode(message: Mapping[str, Any]) -> bytes:
    """The message as a line. Raises LineError where it is too long."""
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # File names may hold bytes that are no text (lone surrogates in Python); JSON can say them as escapes.
    line = text.encode("utf-8", "backslashreplace") + b"\n"
    if len(line) > MAX_LINE_BYTES:
        raise too_long()
    return line


def decode(line: bytes) -> Message:
    """The message in a line. Raises LineError."""
    if len(line) > MAX_LINE_BYTES:
        raise too_long()
    try:
        message = json.loads(line.decode("utf-8"), parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise LineError("not_utf8", f"The line is not UTF-8 text (byte {error.start}).") from None
    except (ValueError, RecursionError) as error:
        raise LineError("not_json", f"The line is not JSON: {error}.") from None
    if not isinstance(message, dict):
        raise LineError("not_an_object", "The line is no JSON object.")
    return message


def too_long() -> LineError:
    """For a line beyond `MAX_LINE_BYTES`."""
    return LineError("line_too_long", f"A line may have at most {MAX_LINE_BYTES} bytes.")


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
