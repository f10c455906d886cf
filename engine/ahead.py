"""What is worth computing before an utterance is over, and when: pure decisions, in samples of the source.

partial words   about once a second of new sound, and once in every pause, as soon as it is one: shown to
                whoever watches, and the draft of what is computed next
final words     when the tail after the newest speech is complete: what would be fed if this were the end
                then stays the same until somebody speaks. The rest of the hangover is time for the model.
"""

from __future__ import annotations

from engine.frames import ms_to_samples

PAUSE_MS = 120
"""Silence after speech that is a pause and not the closure of a plosive; partial words have this much less
than the end of a take (`microphone.release_quiet_ms`) to be there before it."""

MOST_BEHIND_S = 1.0
"""Whoever is further behind the speaker computes nothing ahead: the sound comes first."""


class Partials:
    """When partial words are wanted, from the beginning of an utterance at sample `start` on.

    Words may take a while to come: they are wanted until `came` is called, and stand for the sound that was
    there when they were wanted first.
    """

    def __init__(self, start: int, every_ms: int) -> None:
        """`every_ms`: how much new sound between two, unless there is a pause."""
        self._every = ms_to_samples(every_ms)
        self._pause = ms_to_samples(PAUSE_MS)
        self._covered = start
        self._wanted_at: int | None = None
        self._saw_release = False

    def are_wanted(self, end: int, speech_end: int, *, released: bool = False) -> bool:
        """Whether to ask for words now. `end`: how far the sound goes; `speech_end`: end of the newest
        speech in it; `released`: the speaker has told the end, which is near."""
        if self._wanted_at is None and self._is_due(end, speech_end, released):
            self._wanted_at = end
        self._saw_release = self._saw_release or released
        return self._wanted_at is not None

    def came(self) -> None:
        """The words that were wanted are there."""
        assert self._wanted_at is not None, "words came that nobody wanted"
        self._covered, self._wanted_at = self._wanted_at, None

    def _is_due(self, end: int, speech_end: int, released: bool) -> bool:
        pause_from = speech_end + self._pause
        if end >= pause_from:  # silence adds no words, so once in each pause will do
            return self._covered < pause_from
        if released and not self._saw_release:
            return end - self._covered >= self._pause
        return end - self._covered >= self._every
