r"""Text with its caret or selection written into it, for tests, golden cases and `voice-edit say --marks`.

`<>` is the caret. `[` and `]` enclose a selection: the anchor is at `[`, the head at `]`. A backslash takes
the meaning from a mark: `\[`, `\]`, `\<` and `\\` are the characters; any other backslash is itself.
"""

from __future__ import annotations

import re

from voice_edit.document import Document, Selection
from voice_edit.errors import UsageError

_TOKEN = re.compile(r"\\([\[\]<\\])|(<>)|(\[)|(\])|(.)", re.DOTALL)
_NEEDS_ESCAPE = re.compile(r"[\[\]\\]|<(?=>)")


def read_marked(marked: str) -> Document:
    """The document that `marked` shows; without a mark the caret is at the end. Raises UsageError."""
    text: list[str] = []
    caret: int | None = None
    anchor: int | None = None
    head: int | None = None
    for escaped, is_caret, opens, closes, plain in _TOKEN.findall(marked):
        if is_caret and caret is None:
            caret = len(text)
        elif opens and anchor is None:
            anchor = len(text)
        elif closes and anchor is not None and head is None:
            head = len(text)
        elif is_caret or opens or closes:
            raise _wrong(f"'{is_caret or opens or closes}' stands where it cannot")
        else:
            text.append(escaped or plain)
    if (anchor is None) != (head is None):
        raise _wrong("a selection is opened with [ and never closed")
    if caret is not None and anchor is not None:
        raise _wrong("there is a caret and a selection")
    if anchor is not None and head is not None:
        return Document("".join(text), Selection(anchor, head))
    caret = len(text) if caret is None else caret
    return Document("".join(text), Selection(caret, caret))


def is_marked(marked: str) -> bool:
    """Whether a text shows a caret or a selection at all."""
    return any(caret or opens for _, caret, opens, _, _ in _TOKEN.findall(marked))


def write_marked(document: Document) -> str:
    """The text with its caret or selection as marks; a selection always reads from `[` to `]`."""
    start, end = sorted((document.selection.anchor, document.selection.head))
    before, inside, after = (
        _NEEDS_ESCAPE.sub(r"\\\g<0>", part)
        for part in (document.text[:start], document.text[start:end], document.text[end:])
    )
    return f"{before}<>{after}" if start == end else f"{before}[{inside}]{after}"


def _wrong(what: str) -> UsageError:
    return UsageError(
        f"The marks in the text do not fit: {what}.",
        hint=r"Use one <> for the caret or one [...] for the selection; write \[ \] \< for the characters.",
    )
