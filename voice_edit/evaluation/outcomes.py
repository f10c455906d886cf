"""What came of one item in one variant, as it is kept on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardUtterance:
    """One utterance of a recording. Times in seconds, as if it had been spoken into a microphone."""

    text: str
    confidence: float | None
    stop: str
    """Why the answer ended; anything but "eos" means that it may be cut short."""
    tokens: int
    audio_s: float
    """As it was fed, tail included."""
    endpoint_s: float
    """From the last speech to where the endpoint was known."""
    first_s: float
    """From the endpoint to the first token; below 0 where it was known before."""
    final_s: float
    """From the endpoint to the final words."""
    lag_s: float
    """Sound that was not in the model yet when the final words were wanted."""
    prefill_s: float
    decode_s: float
    steps: int
    """Batches computed for the final answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came of an item."""

    key: str
    utterances: tuple[HeardUtterance, ...] = ()
    refusals: tuple[str, ...] = ()
    """Why stretches of sound gave no words, as codes."""
    audio_s: float = 0.0
    """Length of the recording."""
    work_s: float = 0.0
    """Time that was computed, waiting for sound left out."""
    text_before: str | None = None
    """The text that was edited, without marks; None where there is none."""
    text_after: str | None = None
    edit_s: float | None = None
    """From the final words to the changed text, all utterances together."""
    edit_error: str = ""
    """Why it was not changed, as a code."""
    error: str = ""
    """Why it could not be heard at all, as a code: `audio_failed` counts for nothing, others as refused."""
    message: str = ""
    peak_bytes: int | None = None
    """The most memory that the process has held so far."""

    @property
    def text(self) -> str:
        """All that was heard."""
        return " ".join(utterance.text for utterance in self.utterances)

    @property
    def is_unreadable(self) -> bool:
        """Whether there was nothing to hear: a damaged file says nothing about a model."""
        return self.error == "audio_failed"

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Heard:
        """From `to_json`'s form. Raises TypeError, KeyError for something else."""
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in data.items() if name in known}
        values["utterances"] = tuple(HeardUtterance(**one) for one in data["utterances"])
        values["refusals"] = tuple(data["refusals"])
        return cls(**values)
