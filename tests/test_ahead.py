"""When something is computed before an utterance is over: pure decisions about sample positions."""

from __future__ import annotations

import pytest

from engine.ahead import PAUSE_MS, Partials
from engine.frames import WINDOW_SAMPLES, ms_to_samples

PAUSE = ms_to_samples(PAUSE_MS)


def wanted_in(picture: str, *, every_ms: int = 1000, released_at: int | None = None) -> list[int]:
    """Windows after which words were wanted: `#` is speech, `.` silence. They come at once."""
    partials, wanted, speech_end = Partials(0, every_ms), [], 0
    for index, window in enumerate(picture.replace(" ", "")):
        end = (index + 1) * WINDOW_SAMPLES
        speech_end = end if window == "#" else speech_end
        if partials.are_wanted(end, speech_end, released=released_at is not None and index >= released_at):
            wanted.append(index)
            partials.came()
    return wanted


def test_while_somebody_speaks_words_are_wanted_once_a_second() -> None:
    assert wanted_in("#" * 160) == [49, 99, 149]


def test_every_pause_brings_words_once_as_soon_as_it_is_one() -> None:
    speech, pause = "#" * 10, "." * 20
    first = 10 + PAUSE // WINDOW_SAMPLES - 1
    assert wanted_in((speech + pause) * 3) == [first, first + 30, first + 60]


def test_the_closure_of_a_plosive_is_no_pause() -> None:
    assert wanted_in(("#" * 5 + "." * 5) * 4) == []


def test_silence_brings_no_more_words_however_long_it_is() -> None:
    assert len(wanted_in("#" * 10 + "." * 500)) == 1


def test_after_words_in_a_pause_the_second_counts_anew() -> None:
    at_pause = 40 + PAUSE // WINDOW_SAMPLES - 1
    assert wanted_in("#" * 40 + "." * 10 + "#" * 60) == [at_pause, at_pause + 50]


def test_when_the_key_comes_up_words_are_wanted_at_once_and_only_once() -> None:
    assert wanted_in("#" * 40, released_at=20) == [20]


def test_a_release_in_a_pause_that_brought_words_wants_none_again() -> None:
    at_pause = 30 + PAUSE // WINDOW_SAMPLES - 1
    assert wanted_in("#" * 30 + "." * 20, released_at=40) == [at_pause]


def test_words_that_take_a_while_are_wanted_until_they_come_and_stand_for_when_they_were_wanted() -> None:
    partials = Partials(0, 1000)
    second, later = 16_000, 20_000
    assert partials.are_wanted(second, second)
    assert partials.are_wanted(later, later)
    partials.came()
    assert not partials.are_wanted(second + 15_680, second + 15_680)
    assert partials.are_wanted(2 * second, 2 * second), "a second after they were wanted, not after they came"


def test_words_wanted_before_a_pause_do_not_stand_for_the_pause() -> None:
    partials = Partials(0, 1000)
    assert partials.are_wanted(16_000, 16_000)
    partials.came()
    pause_from = 17_000 + PAUSE
    assert not partials.are_wanted(pause_from - 1, 17_000)
    assert partials.are_wanted(pause_from, 17_000)


def test_words_that_nobody_wanted_are_a_fault() -> None:
    with pytest.raises(AssertionError, match="nobody wanted"):
        Partials(0, 1000).came()
