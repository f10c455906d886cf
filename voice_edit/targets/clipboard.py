"""The clipboard, for words that are dictated when there is no text to put them into.

What it held before is replaced. It is no text that could be edited: commands are refused, and there is
nothing to undo.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from voice_edit.errors import NoTarget, TargetTimeout, TargetUnencodable
from voice_edit.targets.base import PreparedWrite, Receipt, Snapshot, Version
from voice_edit.targets.names import CLIPBOARD

if TYPE_CHECKING:
    from voice_edit.edits import Edit
    from voice_edit.targets.text_format import Newline

TIMEOUT_S = 5.0
"""A display that has not answered by then hangs."""

Put = Callable[[str], bool]
"""Puts a text on the clipboard; True if it was read back. Raises TargetError."""


class ClipboardTarget:
    """Takes dictated words; always looks empty."""

    def __init__(self, put: Put | None = None) -> None:
        self._put = put or put_with_pyperclip

    @property
    def name(self) -> str:
        """What the journal calls it."""
        return CLIPBOARD

    def snapshot(self, *, newline: Newline | None = None, whole: bool = False) -> Snapshot:
        """No text, whatever is on the clipboard: new words do not go between somebody else's."""
        from voice_edit.edits import Selection

        return Snapshot(CLIPBOARD, "", Selection(0, 0), Version.of(""), frozenset({"write", "lines"}))

    def prepare(
        self, edits: Sequence[Edit], *, expected: Version, newline: Newline | None = None
    ) -> PreparedWrite:
        """The words that will be on the clipboard. Raises TargetUnencodable."""
        text = "".join(change.new for edit in edits for change in edit.changes)
        try:
            data = text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise TargetUnencodable("The words hold half a character.") from error
        return PreparedWrite(
            name=CLIPBOARD,
            before=Version.of(""),
            after=Version.of(text),
            text_before="",
            text_after=text,
            edits=tuple(edits),
            newline="\n",
            data=data,
            token=secrets.token_hex(8),
            can_be_undone=False,
        )

    def commit(self, write: PreparedWrite) -> Receipt:
        """Put the words on the clipboard. Raises NoTarget where there is none, TargetTimeout."""
        note = "The words are on the clipboard: paste them where you want them."
        if self._put(write.text_after):
            return Receipt("verified", write.before, write.after, (note,))
        note = (
            "The clipboard was not what it should be when it was read back; `voice-edit log` has the words."
        )
        return Receipt("unverified", write.before, write.after, (note,))


def put_with_pyperclip(
    text: str, *, command: Sequence[str] | None = None, timeout_s: float = TIMEOUT_S
) -> bool:
    """Put a text on the desktop's clipboard; True if it was read back. Waits no longer than `timeout_s`.

    Raises NoTarget where there is no clipboard, TargetTimeout where it does not answer. `command` stands in
    for the helper process.
    """
    command = command or (sys.executable, "-m", "voice_edit.targets._pyperclip")
    try:
        helper = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            out, _ = helper.communicate(text.encode("utf-8"), timeout_s)
        except BaseException:
            os.killpg(helper.pid, signal.SIGKILL)  # with whatever it waits for
            helper.communicate()
            raise
        answer: dict[str, Any] = json.loads(out)
    except subprocess.TimeoutExpired as error:
        raise TargetTimeout(f"The clipboard has not answered for {timeout_s:g} s.") from error
    except (OSError, ValueError) as error:
        raise _no_clipboard("its helper did not run") from error
    if "error" in answer:
        raise _no_clipboard(str(answer["error"]).split(". ")[0])
    return bool(answer.get("read_back"))


def _no_clipboard(reason: str) -> NoTarget:
    return NoTarget(
        f"There is no text to put the words into, and no clipboard ({reason}).",
        hint=f"{NoTarget.hint} For a clipboard install xclip (X11) or wl-clipboard (Wayland).",
    )
