"""Whatever is done to whatever text, undo brings back the text and the selection, and nothing is cut in
half."""

from edit_strategies import EXAMPLES, documents, spoken, text_commands
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voice_edit.commands import Redo, Rewrite, TextCommand, Undo, from_json, to_json
from voice_edit.compact import from_compact, to_compact
from voice_edit.document import Document, apply
from voice_edit.editor import Editor
from voice_edit.errors import CommandError
from voice_edit.graphemes import clusters
from voice_edit.spoken.grammar import parse

_FUZZ = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


def _borders(text: str) -> set[int]:
    return {0, len(text), *(start for start, _ in clusters(text))}


@_FUZZ
@given(documents(), text_commands())
def test_undo_after_apply_is_identity_selection_included(document: Document, command: TextCommand) -> None:
    try:
        edit = apply(document, command)
    except CommandError:
        return
    after = edit.apply_to(document)
    assert edit.inverse().apply_to(after) == document
    assert edit.inverse().inverse() == edit
    assert {after.selection.anchor, after.selection.head} <= _borders(after.text)
    for change in edit.changes:
        assert {change.start, change.end} <= _borders(document.text)


@_FUZZ
@given(documents(), spoken())
def test_undo_after_a_spoken_phrase_is_identity_selection_included(document: Document, words: str) -> None:
    parsed = parse(words)
    assert parsed is not None, f"not understood: {words}"
    editor = Editor(document)
    try:
        edits = editor.perform([parsed] if isinstance(parsed, Rewrite) else parsed)
    except CommandError:
        assert editor.document == document
        return
    for edit in reversed(edits):
        editor.document = edit.inverse().apply_to(editor.document)
    assert editor.document == document


@_FUZZ
@given(documents(), st.lists(spoken() | text_commands(), max_size=6))
def test_a_whole_session_can_be_undone_and_redone(document: Document, said: list[str | TextCommand]) -> None:
    editor = Editor(document)
    for step in said:
        parsed = parse(step) if isinstance(step, str) else [step]
        if not isinstance(parsed, list) or any(isinstance(p, Undo | Redo) for p in parsed):
            continue
        try:
            editor.perform(parsed)
        except CommandError:
            continue
    done, depth = editor.document, editor.undo_depth
    if depth:
        editor.undo(depth)
        assert editor.document == document
        editor.redo(depth)
        assert editor.document == done


@_FUZZ
@given(text_commands())
def test_json_and_the_compact_form_keep_every_command(command: TextCommand) -> None:
    assert from_json(to_json([command])) == [command]
    assert to_compact(from_compact(to_compact(command))) == to_compact(command)


@_FUZZ
@given(documents(), st.text(max_size=20))
def test_dictation_of_anything_can_be_undone(document: Document, words: str) -> None:
    editor = Editor(document)
    if editor.dictate(words):
        editor.undo()
    assert editor.document == document
