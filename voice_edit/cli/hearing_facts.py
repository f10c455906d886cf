"""What the journal knows of how words were judged, as facts for people: `voice-edit log N`, and the TUI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def hearing_facts(why: Any) -> dict[str, str]:
    """Name and fact, in the order in which they are shown. `why` as the journal has it (`Journal.why`).

    Nothing for words that were not judged, and where a later version wrote what is not known here.
    """
    found = why.get("hearing") if isinstance(why, Mapping) else None
    if not isinstance(found, Mapping):
        return {}
    facts: dict[str, str] = {}
    chance = found.get("probability")
    if isinstance(chance, int | float):
        facts["sure"] = f"{chance:.0%} (as was measured of this model)"
    doubts = [str(one.get("message", "")) for one in found.get("symptoms") or () if isinstance(one, Mapping)]
    if doubts:
        facts["doubtful" if found.get("weak") else "doubted"] = "; ".join(doubts)
    words = [f"“{word}”" for word in found.get("weak_words") or ()]
    if words:
        facts["unsure of"] = ", ".join(words)
    if found.get("engine"):
        facts["heard by"] = str(found["engine"])
    others = [_other(other) for other in found.get("others") or () if isinstance(other, Mapping)]
    if others:
        facts["also heard"] = "; ".join(others)
    if found.get("why"):
        facts["taken"] = str(found["why"])
    return facts


def _other(other: Mapping[str, Any]) -> str:
    said = f"“{other['text']}”" if other.get("text") else ""
    parts = [part for part in (said, str(other.get("problem") or "")) if part]
    return f"{other.get('engine', '?')}: {' '.join(parts) or 'nothing'}"
