"""Events of the daemon as lines for people."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from voice_edit.cli.live import event_rich, timing_line


def line(event: dict[str, Any]) -> str:
    shown = event_rich(event, watched=True)
    return shown.plain if isinstance(shown, Text) else ""


def test_a_message_and_its_hint_are_two_sentences() -> None:
    event = {"event": "rejected", "message": "no speech", "hint": "Speak up."}
    assert line(event) == "no speech. Speak up."
    assert line(event | {"message": "No speech!"}) == "No speech! Speak up."


def test_what_is_wrong_with_the_microphone_is_told_while_it_is_used() -> None:
    problem = {"code": "muted", "message": "It is muted.", "hint": "Unmute it."}
    assert line({"event": "microphone", "state": "open", "problem": problem}) == "It is muted. Unmute it."
    assert line({"event": "microphone", "state": "closed", "problem": problem}) == ""


def test_what_was_heard_before_the_key_came_up_took_no_time_after_it() -> None:
    said = timing_line({"first_token_ms": -380.9, "final_ms": -363.2, "applied_ms": 454.3})
    assert said == "first word 0 ms, all words 0 ms, applied 454 ms"


def test_words_that_were_computed_ahead_are_told_before_the_end_of_speech() -> None:
    said = timing_line(
        {"endpoint_ms": 601.0, "first_token_ms": 402.0, "final_ms": 402.0, "applied_ms": 611.0}
    )
    assert said == "first word 402 ms, all words 402 ms, end of speech known after 601 ms, applied 611 ms"
