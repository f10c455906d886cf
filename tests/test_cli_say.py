"""`voice-edit say`: text in, words, text out."""

from __future__ import annotations

import pytest
from running import ok, refused, rows, run


def test_words_change_the_text() -> None:
    assert ok("say", "change brown to dark red", stdin="The quick brown fox.") == "The quick dark red fox."


def test_quotes_around_the_words_are_optional() -> None:
    assert ok("say", "change", "brown", "to", "red", stdin="The brown fox.") == "The red fox."


def test_further_utterances_follow_and_can_undo() -> None:
    text = "One two three."
    assert ok("say", "delete the word two", "--then", "undo that", stdin=text) == text


def test_line_breaks_and_byte_order_mark_come_back_as_they_were() -> None:
    text = b"\xef\xbb\xbfone\r\ntwo\r\n"
    result = run("say", "change two to three", stdin=text)
    assert result.stdout_bytes == b"\xef\xbb\xbfone\r\nthree\r\n"


def test_marks_show_caret_and_selection_on_both_sides() -> None:
    assert ok("say", "--marks", "select the next word", stdin="The <>quick \\[brown\\] fox").count("[") == 2


def test_dictated_imperatives_are_written_down() -> None:
    assert "delete everything" in ok("say", "--dictate", "Delete everything.", stdin="Notes:").lower()
    assert ok("say", "--dictate", "Delete everything.", stdin="Notes:").startswith("Notes:")


def test_json_tells_what_was_understood_and_done() -> None:
    (row,) = rows("say", "change brown to red", stdin="The brown fox.")
    assert row["text"] == "The red fox."
    (utterance,) = row["utterances"]
    assert utterance["commands"][0]["kind"] == "replace"
    assert utterance["edits"][0]["changes"] == [[4, "brown", "red"]]


def test_a_place_that_is_not_there_is_refused_with_what_nearly_matched() -> None:
    message = refused("say", "delete the word browne and white", stdin="The brown fox.", code=6)
    assert "Nothing was changed" in message


def test_several_places_are_refused_with_choices() -> None:
    message = refused("say", "delete the word fox", stdin="A fox and a fox.\n\n", code=6)
    assert "1." in message
    assert "2." in message


@pytest.mark.parametrize("words", ["the weather is fine today", "make this paragraph friendlier"])
def test_what_is_no_command_or_needs_a_writer_prints_nothing(words: str) -> None:
    refused("say", words, stdin="Some text.", code=6)


def test_binary_input_is_refused() -> None:
    assert "not UTF-8" in refused("say", "delete the word a", stdin=b"\xff\xfe\x00a", code=5)


def test_marks_that_make_no_sense_are_a_usage_error() -> None:
    refused("say", "--marks", "undo", stdin="<>a<>", code=2)
