"""Keys as people read them."""

from __future__ import annotations

_NAMES = {"ctrl": "Ctrl", "alt": "Alt", "shift": "Shift", "cmd": "Super", "super": "Super", "esc": "Esc"}


def spoken_key(chord: str) -> str:
    """`<ctrl>+<alt>+space` as "Ctrl+Alt+Space"."""
    parts = [part.strip("<>") for part in chord.split("+")]
    return "+".join(_NAMES.get(part.lower(), part.capitalize()) for part in parts if part)
