"""What the daemon tells of what it hears: one event of the control protocol each."""

from __future__ import annotations

from typing import Any

import pytest

from engine.events import Hypothesis, Level, Timing
from voice_edit.control import protocol as p
from voice_edit.control.protocol_parts import Times
from voice_edit.daemon import telling


def hypothesis(**times: Any) -> Hypothesis:
    timing = Timing(**{"end_of_speech_s": 10.0, "first_token_s": 10.7, "final_s": 10.8, "prefill_s": 0.5,
                       "decode_s": 0.1, "audio_s": 2.0} | times)  # fmt: skip
    return Hypothesis("partial", "so be it", (1, 2), -0.1, 0, 100, "eos", timing, stable=5)


def is_in_the_protocol(told: dict[str, Any]) -> bool:
    kinds = {kind.event: kind for kind in p.EVENTS}
    return set(told) - {"event"} <= set(p.fields_of(kinds[told["event"]]))


def test_a_partial_tells_how_much_of_it_is_steady() -> None:
    told = telling.heard(hypothesis())
    assert (told["text"], told["stable"]) == ("so be it", 5)
    assert is_in_the_protocol(told)


def test_a_level_tells_how_far_the_model_is_behind() -> None:
    told = telling.heard(Level(rms_dbfs=-30.0, peak=0.1, is_speech=True, sample=640, behind_ms=812.34))
    assert told["behind_ms"] == 812.3
    assert is_in_the_protocol(told)


@pytest.mark.parametrize(
    ("final_s", "endpoint_s", "wait_ms"),
    [(10.8, 10.6, 200.0), (10.3, 10.6, 0.0), (10.8, None, 800.0)],
)
def test_words_are_waited_for_from_the_endpoint_on_and_not_at_all_when_they_were_computed_ahead(
    final_s: float, endpoint_s: float | None, wait_ms: float
) -> None:
    told = telling.timing(hypothesis(final_s=final_s), began_s=10.0, endpoint_s=endpoint_s)
    assert told["wait_ms"] == wait_ms


@pytest.mark.parametrize(
    ("endpoint_s", "words_s", "wait_ms"),
    [(9.4, 9.9, 0.0), (9.4, 10.2, 200.0), (10.4, 10.5, 100.0), (10.4, 10.3, 0.0)],
)
def test_nobody_waits_for_words_while_the_key_is_still_down(
    endpoint_s: float, words_s: float, wait_ms: float
) -> None:
    told = telling.timing(hypothesis(final_s=words_s), began_s=10.0, endpoint_s=endpoint_s, words_s=words_s)
    assert told["wait_ms"] == wait_ms


def test_the_tail_is_told_where_it_was_listened_to_and_not_where_all_had_been_said_before() -> None:
    told = telling.timing(hypothesis(), began_s=10.0, endpoint_s=10.4, release_ms=160.0)
    assert (told["release_ms"], told["endpoint_ms"]) == (160.0, 400.0)
    told = telling.timing(hypothesis(), began_s=10.0, endpoint_s=9.4, release_ms=400.0)
    assert (told["release_ms"], told["endpoint_ms"]) == (None, 0.0)


def test_what_was_drafted_is_told_and_unknown_where_nobody_counted() -> None:
    told = telling.timing(hypothesis(steps=3, drafted=12, accepted=11), began_s=10.0)
    assert (told["steps"], told["drafted"], told["accepted"]) == (3, 12, 11)
    told = telling.timing(hypothesis(steps=9), began_s=10.0)
    assert (told["steps"], told["drafted"], told["accepted"]) == (9, 0, 0)
    told = telling.timing(hypothesis(), began_s=10.0)
    assert (told["steps"], told["drafted"], told["accepted"]) == (None, None, None)
    assert set(told) <= set(p.fields_of(Times))
