"""Rewriting, measured: the same text written plainly, looked up in the old one, and guessed by a drafter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Rewrites:
    """What came of it."""

    trials: Sequence[Any] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {}

    def to_markdown(self) -> str:
        """As a section of the report."""
        return ""
