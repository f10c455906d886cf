"""What the terminal interface shows of a text that is being written."""

from __future__ import annotations

from voice_edit.tui import view
from voice_edit.tui.model import reduce
from voice_edit.tui.state import Link, State, Writing

TOLD = {
    "event": "writing", "text": "We are", "old": "We gonna", "start": 0, "style": "Formal", "by": "bundled",
    "over": False,
}  # fmt: skip


def test_a_text_that_is_written_is_known_until_it_is_over() -> None:
    state = reduce(State(link=Link("connected")), TOLD)
    assert state.writing == Writing("We are", "We gonna", "Formal", "bundled")
    assert reduce(state, TOLD | {"over": True}).writing is None


def test_a_failure_ends_it_too_where_the_last_event_was_lost() -> None:
    state = reduce(State(), TOLD)
    failed = reduce(state, {"event": "failed", "error": {"error": "interrupted", "message": "Cancelled."}})
    assert failed.writing is None


def test_the_newest_lines_are_shown_under_the_name_of_the_style_and_the_model() -> None:
    long = Writing("\n".join(f"line {n}" for n in range(30)), "", "Key points", "gemma")
    assert view.writing_title(long) == "writing · Key points · gemma"
    shown = view.writing(long, 40, 5).plain.splitlines()
    assert [line.strip() for line in shown] == [f"line {n}" for n in range(25, 30)]


def test_a_wish_in_free_words_has_no_style_in_the_title() -> None:
    assert view.writing_title(Writing("x", "", "", "")) == "writing"
