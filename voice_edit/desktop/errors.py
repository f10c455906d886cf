"""Every way a field of another program can fail.

TargetError
├── FieldSecret          a password, or a program asked the system for secure input
├── FieldReadOnly        it can be read, not written
├── FieldMoved           the focus, or the window, is no longer the one in which talking began
├── FieldUnsupported     this field cannot do what was asked of it (no text there, no way to edit it)
├── FieldRefused         what was to be written does not suit the field: lines into a single line
├── KeysHeld             a modifier stayed down: text would have arrived as shortcuts
└── PasteUnclaimed       the program did not ask for the text that was offered to it

Unless the class says otherwise, nothing was written. A field that is gone, does not answer, or was changed is
a TargetGone, TargetTimeout, TargetChanged like any other target.
"""

# ruff: noqa: N818  (the names say what happened)

from __future__ import annotations

from voice_edit.errors import TargetError

KEPT = "The words are kept: `voice-edit retry N`."


class FieldSecret(TargetError):
    """A password field, or secure input: it is neither read nor listened for."""

    hint = "Type it yourself. Nothing was recorded."


class FieldReadOnly(TargetError):
    """The field shows text and takes none."""

    hint = f"Nothing was written. Put the caret into a field that can be edited. {KEPT}"


class FieldMoved(TargetError):
    """Another window or field has the focus by now, and the one that was meant cannot be reached."""

    hint = f"Nothing was written. Go back to the field and paste, or say it again there. {KEPT}"


class FieldUnsupported(TargetError):
    """The field cannot be read, or cannot be changed in the way that was asked for."""

    hint = "Nothing was written. Dictation still works where paste does; `voice-edit doctor` says what does."


class FieldRefused(TargetError):
    """The text does not suit the field."""

    hint = f"Nothing was written. {KEPT}"


class KeysHeld(TargetError):
    """Ctrl, Alt, Shift or Super stayed down for too long."""

    hint = f"Nothing was written. Let go of all keys. {KEPT}"


class PasteUnclaimed(TargetError):
    """The text was offered and the paste key pressed, and the program never asked for the text."""

    hint = "Nothing was written as far as we know. The text is on the clipboard: paste it yourself."
