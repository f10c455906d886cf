"""What was said lately is found again: after typing, in another process, in another window of the text."""

from __future__ import annotations

from pathlib import Path

import pytest
from edit_strategies import EXAMPLES, texts
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_target import Field, practice

from voice_edit import recent
from voice_edit.editing import Editing
from voice_edit.edits import apply_changes
from voice_edit.errors import NoMatch
from voice_edit.journal.journal import Journal
from voice_edit.recent import Said
from voice_edit.targets.file import FileTarget


def dictated(journal: Journal, *said: str, text: str = "") -> tuple[Field, Editing]:
    """A field into which something was dictated, and its editing."""
    field = Field(text)
    editing = Editing(practice(field), journal)
    for words in said:
        editing.say(words, mode="dictate")
    return field, editing


def test_that_is_what_was_said_last_although_the_user_typed_on(journal: Journal) -> None:
    field, editing = dictated(journal, "See you on Tuesday.")
    field.text = "Hello! " + field.text + " Or later."
    field.anchor = field.head = 3
    editing.say("delete that", mode="edit")
    assert field.text == "Hello! Or later."


def test_short_words_are_found_behind_which_something_was_typed(journal: Journal) -> None:
    field, editing = dictated(journal, "Tom")
    field.text += " and Ann"
    field.anchor = field.head = len(field.text)
    editing.say("make that bold", mode="edit")
    assert field.text == "**Tom** and Ann"


def test_another_process_finds_it_by_the_journal(journal: Journal) -> None:
    field, _ = dictated(journal, "See you on Tuesday at the station.", text="Dear Ann,\n")
    field.text = "To: Ann\n" + field.text + " Bye!"
    Editing(practice(field), journal).say("I meant Wednesday", mode="edit")
    assert field.text == "To: Ann\nDear Ann,\nSee you on Wednesday at the station. Bye!"


def test_what_the_user_changed_by_hand_is_not_what_was_said(journal: Journal) -> None:
    field, editing = dictated(journal, "One two three.", "See you on Tuesday.")
    field.text = field.text.replace("Tuesday", "Tuesday or Wednesday")
    with pytest.raises(NoMatch):
        editing.say("the thing I said about Tuesday, it's Friday", mode="edit")
    assert field.text == "One two three. See you on Tuesday or Wednesday."
    editing.say("delete the last thing I said", mode="edit")
    assert field.text == "See you on Tuesday or Wednesday."


def test_one_utterance_after_the_other_is_taken_back_by_name(journal: Journal) -> None:
    field, editing = dictated(journal, "One two.", "Three four.", "Five six.", text="Zero.")
    editing.say("change four to fourteen", mode="edit")
    field.text = field.text.replace("Zero.", "Nought, nil, zero.")
    editing.say("delete what I said about five", mode="edit")
    editing.say("delete what I said about one", mode="edit")
    assert field.text == "Nought, nil, zero. Three fourteen."


def test_what_was_undone_is_no_longer_said(journal: Journal) -> None:
    field, editing = dictated(journal, "One two.", "Three four.")
    editing.say("undo", mode="edit")
    editing.say("delete the last thing I said", mode="edit")
    assert field.text == ""
    with pytest.raises(NoMatch, match="nothing was said"):
        editing.say("delete the last thing I said", mode="edit")


def test_words_of_a_file_are_found_after_another_program_wrote_to_it(
    journal: Journal, tmp_path: Path
) -> None:
    note = tmp_path / "note.txt"
    note.write_text("The market is on Tuesday.\n")
    editing = Editing(FileTarget(note), journal)
    editing.say("insert we meet on Tuesday", mode="edit")
    note.write_text("# Dates\n\n" + note.read_text())
    editing.say("The thing I said about Tuesday, it's Thursday.", mode="edit")
    assert note.read_text() == "# Dates\n\nThe market is on Tuesday.\nwe meet on Thursday"


def test_another_text_in_the_same_field_holds_nothing_that_was_said(journal: Journal) -> None:
    field, editing = dictated(journal, "See you on Tuesday at noon.")
    field.text = "A letter about something else. It has Tuesday in it, too."
    field.anchor = field.head = len(field.text)
    with pytest.raises(NoMatch):
        editing.say("delete what I said about Tuesday", mode="edit")


def test_a_word_that_another_text_has_as_well_is_not_what_was_said() -> None:
    before = "We meet at the old mill and walk along the river until Tuesday"
    said = (Said(((before.index("Tuesday"), len(before)),)),)
    assert recent.kept_by_others(said, before, "Oil, flour and eggs. Shops close Tuesday") == ()
    assert recent.kept_by_others(said, before, "Well: " + before) == (Said(((61, 68),)),)


def test_what_was_said_an_hour_ago_is_not_that(place: Path) -> None:
    now = [1_000_000.0]
    with Journal.open(place, clock=lambda: now[0]) as journal:
        field, editing = dictated(journal, "One two.", text="Zero.")
        now[0] += recent.RECENT_S + 1
        with pytest.raises(NoMatch, match="nothing was said"):
            editing.say("delete the last thing I said", mode="edit")
        assert field.text == "Zero. One two."


def test_words_that_replaced_others_are_what_was_said(journal: Journal) -> None:
    field, editing = dictated(journal, text="The red door and the red house.")
    editing.say("change every red to dark blue", mode="edit")
    editing.say("I meant light grey", mode="edit")
    assert field.text == "The light grey door and the light grey house."


def test_moving_and_deleting_put_no_words_in(journal: Journal) -> None:
    field, editing = dictated(journal, "One two three four.")
    editing.say("delete the first word", mode="edit")
    editing.say("move two to the end of the sentence", mode="edit")
    editing.say("delete that", mode="edit")
    assert field.text == ""


@given(texts(), texts(), st.data())
@settings(max_examples=EXAMPLES)
def test_what_is_kept_through_foreign_changes_reads_as_it_did(
    before: str, now: str, data: st.DataObject
) -> None:
    a, b = sorted(data.draw(st.integers(0, len(before))) for _ in range(2))
    said = (Said(((a, b),)),) if a < b else ()
    for one in recent.kept_by_others(said, before, now):
        for start, end in one.spans:
            assert now[start:end] == before[a:b]


@given(st.lists(st.sampled_from(["One two.", "Three, four", "five six?", "Seven."]), max_size=6), texts())
@settings(max_examples=60, deadline=None)
def test_everything_dictated_is_found_where_it_stands(journal_said: list[str], text: str) -> None:
    from voice_edit.document import Document
    from voice_edit.editor import Editor

    editor = Editor(Document.at_end(text))
    for words in journal_said:
        editor.dictate(words)
    for one, words in zip(editor.said, reversed(journal_said), strict=True):
        ((start, end),) = one.spans
        assert editor.document.text[start:end].strip(".").lower() == words.strip(".").lower()


def test_changes_that_are_ours_keep_words_that_they_change() -> None:
    from voice_edit.edits import Change

    change = (Change(4, "red", "blue"),)
    (kept,) = recent.followed([Said(((0, 8),))], change)
    assert apply_changes("the red x", change)[slice(*kept.spans[0])] == "the blue "
