"""Checkpoints, undo and redo, and what was inserted last."""

import pytest

from voice_edit.caret_marks import read_marked, write_marked
from voice_edit.commands import AnyCommand, Rewrite
from voice_edit.editor import Editor
from voice_edit.errors import NeedsWriter, NoMatch, NothingToRedo, NothingToUndo
from voice_edit.recent import Said
from voice_edit.spoken.grammar import parse


def editor_for(before: str) -> Editor:
    return Editor(read_marked(before))


def say(editor: Editor, *utterances: str) -> str:
    for words in utterances:
        parsed = parse(words)
        assert parsed is not None, words
        commands: list[AnyCommand] = [parsed] if isinstance(parsed, Rewrite) else [*parsed]
        editor.perform(commands)
    return write_marked(editor.document)


def test_an_utterance_of_several_commands_is_one_checkpoint() -> None:
    editor = editor_for("The quick brown fox<>")
    assert say(editor, "delete brown and then delete quick") == "The fox<>"
    assert editor.undo_depth == 1
    assert say(editor, "undo") == "The quick brown fox<>"
    assert editor.redo_depth == 1


def test_a_failing_command_takes_back_the_ones_before_it() -> None:
    editor = editor_for("The quick brown fox<>")
    with pytest.raises(NoMatch):
        say(editor, "delete brown and then delete giraffe")
    assert write_marked(editor.document) == "The quick brown fox<>"
    assert editor.undo_depth == 0


def test_undo_counts_checkpoints_and_a_new_edit_ends_redo() -> None:
    editor = editor_for("a b c d<>")
    say(editor, "delete the last word", "delete the last word", "undo the last two changes")
    assert write_marked(editor.document) == "a b c d<>"
    say(editor, "redo")
    assert write_marked(editor.document) == "a b c<>"
    say(editor, "delete the first word")
    with pytest.raises(NothingToRedo):
        editor.redo()


def test_nothing_to_undo_is_said() -> None:
    with pytest.raises(NothingToUndo):
        editor_for("x").undo()


def test_that_is_what_was_inserted_last_wherever_it_has_gone() -> None:
    editor = editor_for("one two<>")
    assert (
        say(editor, "insert very before two", "insert zero before one", "undo", "delete that") == "one two<>"
    )


def test_i_meant_replaces_the_word_of_the_same_kind_in_what_was_dictated() -> None:
    editor = editor_for("<>")
    editor.dictate("See you on Tuesday at the station.")
    assert say(editor, "I meant Wednesday") == "See you on Wednesday at the station.<>"
    assert say(editor, "undo that") == "See you on Tuesday at the station.<>"


def test_i_meant_does_not_guess() -> None:
    editor = editor_for("<>")
    editor.dictate("The meeting with the customer was long.")
    with pytest.raises(NoMatch, match="not clear"):
        say(editor, "I meant giraffe")
    with pytest.raises(NoMatch, match="nothing was inserted"):
        say(editor_for("nothing yet<>"), "I meant Wednesday")


def test_an_earlier_process_can_say_what_was_inserted_last() -> None:
    editor = Editor(read_marked("a dark red fox<>"), said=(Said(((2, 10),)),))
    assert say(editor, "I meant light blue") == "a light blue fox<>"


def test_dictated_commands_are_text() -> None:
    editor = editor_for("Hello.<>")
    editor.dictate("Delete the last word.")
    assert write_marked(editor.document) == "Hello. Delete the last word.<>"
    assert editor.dictate("   ") == []


def test_a_rewrite_needs_a_writer_after_its_scope_was_found() -> None:
    with pytest.raises(NeedsWriter):
        say(editor_for("One. Two.<>"), "make this sentence friendlier")
    with pytest.raises(NoMatch):
        say(editor_for("One. Two.<>"), "make the ninth sentence friendlier")


def test_save_and_stop_leave_no_checkpoint() -> None:
    editor = editor_for("x<>")
    assert say(editor, "save the file", "stop listening") == "x<>"
    assert editor.undo_depth == 0
