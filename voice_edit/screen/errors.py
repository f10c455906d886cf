"""What can go wrong when a model is to be shown something.

CommandError
├── ScreenUnseen      there is no way to look at the screen here, or it was refused
├── ImageUnusable     a file that is no image, or too large
└── WriterBlind       who writes does not see

In each case nothing was changed.
"""

# ruff: noqa: N818  (the names say what happened)

from __future__ import annotations

from voice_edit.errors import CommandError

SWITCH_OFF = "To do without it, set rewrite.screen = false."


class ScreenUnseen(CommandError):
    """The screen was to be shown to the model, and cannot be looked at."""

    hint = f"Nothing was changed. {SWITCH_OFF}"


class ImageUnusable(CommandError):
    """The file that was to be shown to the model is no image that can be."""

    hint = "Nothing was changed. Give a PNG, JPEG or WebP file."


class WriterBlind(CommandError):
    """Something was to be shown to a model that does not see."""

    hint = "Nothing was changed. Use a model that sees (Gemma 4 does, see `voice-edit model list`)."
