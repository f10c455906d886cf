"""The fingerprint by which two texts are told to be the same one."""

from __future__ import annotations

import hashlib


def text_sha256(text: str) -> str:
    """Hex digest of the text's UTF-8, half a character included."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
