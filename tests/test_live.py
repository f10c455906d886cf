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
