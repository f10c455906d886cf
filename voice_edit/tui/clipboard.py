"""Words onto the clipboard: by the desktop's own means, else by asking the terminal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from voice_edit.errors import VoiceEditError
from voice_edit.targets.clipboard import put_with_pyperclip

if TYPE_CHECKING:
    from textual.app import App


async def copy(app: App[Any], text: str) -> str:
    """Put `text` on the clipboard; returns what happened, for people."""
    try:
        if await asyncio.to_thread(put_with_pyperclip, text):
            return "Copied."
    except VoiceEditError:
        pass  # no desktop, or one that does not answer
    app.copy_to_clipboard(text)  # OSC 52: also through ssh and tmux, where the terminal allows it
    return "Handed to the terminal: it is copied if yours knows OSC 52."
