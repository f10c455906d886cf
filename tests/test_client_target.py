"""Text in another program is changed only if it still is what it was, and is read back."""

from __future__ import annotations

from typing import Any

import pytest
from history import edit_of, replacing
from hypothesis import given
from hypothesis import strategies as st
from memory_target import Field, practice, sha256

from voice_edit import undo
from voice_edit.editing import Editing
from voice_edit.edits import Change, Edit, Selection
from voice_edit.errors import (
    NothingToUndo,
    TargetChanged,
    TargetError,
    TargetGone,
    TargetReadOnly,
    TargetTimeout,
    TargetTooLarge,
    TargetUncertain,
    TargetUnencodable,
    UsageError,
)
from voice_edit.journal.journal import Journal
from voice_edit.journal.recovery import recover
from voice_edit.targets.client import MAX_BYTES, ClientTarget, changes_in_order
from voice_edit.targets.names import is_file, path_of, shown, shown_short

TEXT = "Grüße 👩‍👩‍👧 and the quick brown fox.\nSecond line.\n"


def swap_words(field: Field, old: str, new: str) -> Any:
    target = practice(field)
    snapshot = target.snapshot()
    write = target.prepare([replacing(snapshot.text, old, new)], expected=snapshot.version)
    return target, write


# --- reading ------------------------------------------------------------------------------------------------


def test_a_snapshot_is_text_selection_and_fingerprint() -> None:
    snapshot = practice(Field(TEXT, 2, 5)).snapshot()
    assert (snapshot.name, snapshot.text, snapshot.selection) == ("client:practice", TEXT, Selection(2, 5))
    assert snapshot.version.sha256 == sha256(TEXT)
    assert {"write", "read_back", "edit", "selection", "lines"} == snapshot.capabilities


@pytest.mark.parametrize(
    ("said", "selection"),
    [
        ({"anchor": 3, "head": 900}, Selection(3, len(TEXT))),
        ({"anchor": -4, "head": 2}, Selection(0, 2)),
        ({"head": 7}, Selection(7, 7)),
        ({"anchor": 7}, None),
        ({"anchor": "x", "head": None}, None),
    ],
)
def test_a_selection_that_cannot_be_is_made_to_fit(said: dict[str, Any], selection: Selection | None) -> None:
    field = Field(TEXT)
    field.answer = {"text": TEXT, **said}
    assert practice(field).snapshot().selection == selection


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("target_changed", TargetChanged),
        ("target_read_only", TargetReadOnly),
        ("target_too_large", TargetTooLarge),
        ("target_unencodable", TargetUnencodable),
        ("target_gone", TargetGone),
        ("no_idea", TargetError),
    ],
)
def test_what_a_program_refuses_with_is_an_error_of_that_kind(code: str, kind: type[TargetError]) -> None:
    field = Field(TEXT)
    field.answer = {"error": {"code": code, "message": "Because."}}
    with pytest.raises(kind, match="Because"):
        practice(field).snapshot()


@pytest.mark.parametrize("answer", [{"head": 3}, {"text": None}, {"text": 3}])
def test_an_answer_without_a_text_is_the_programs_fault(answer: dict[str, Any]) -> None:
    field = Field(TEXT)
    field.answer = answer
    with pytest.raises(TargetError, match="did not say what its text is") as caught:
        practice(field).snapshot()
    assert "control.md" in caught.value.hint


def test_a_text_that_no_message_could_carry_is_refused() -> None:
    with pytest.raises(TargetTooLarge) as caught:
        practice(Field("ü" * (MAX_BYTES // 2 + 1))).snapshot()
    assert "voice-edit edit FILE" in caught.value.hint
    field = Field("x" * (MAX_BYTES - 1))
    with pytest.raises(TargetTooLarge):
        swap_words(field, field.text[:1] * 4, "ü" * 4)


# --- writing ------------------------------------------------------------------------------------------------


def test_an_edit_reaches_the_field_with_its_selection_and_is_verified() -> None:
    field = Field(TEXT)
    target, write = swap_words(field, "brown", "red")
    assert field.text == TEXT
    receipt = target.commit(write)
    assert receipt.state == "verified"
    assert field.text == TEXT.replace("brown", "red") == write.text_after
    assert receipt.after is not None
    assert receipt.after.sha256 == sha256(field.text)
    after = write.edits[-1].after
    assert (field.anchor, field.head) == (after.anchor, after.head)


def test_moving_the_caret_alone_reaches_the_field_too() -> None:
    field = Field(TEXT)
    target = practice(field)
    edit = Edit((), Selection(0, 0), Selection(3, 6))
    target.commit(target.prepare([edit], expected=target.snapshot().version))
    assert (field.text, field.anchor, field.head) == (TEXT, 3, 6)


def test_a_field_that_changed_before_we_decided_is_refused() -> None:
    field = Field(TEXT)
    expected = practice(field).snapshot().version
    field.text += "Typed meanwhile."
    with pytest.raises(TargetChanged, match="Practice was changed"):
        practice(field).prepare([edit_of((0, "G", "g"))], expected=expected)


def test_a_field_that_changed_after_we_decided_refuses_by_itself() -> None:
    field = Field(TEXT)
    target, write = swap_words(field, "brown", "red")
    field.before_applying = lambda one: setattr(one, "text", "Typed meanwhile.")
    with pytest.raises(TargetChanged, match="meanwhile"):
        target.commit(write)
    assert field.text == "Typed meanwhile."


@pytest.mark.parametrize("made", [True, False])
def test_a_field_that_falls_silent_while_it_is_written_to_is_uncertain(made: bool) -> None:
    field = Field(TEXT)
    target, write = swap_words(field, "brown", "red")
    field.silent_after_applying, field.silent_before_applying = made, not made
    with pytest.raises(TargetUncertain, match="has not answered") as caught:
        target.commit(write)
    assert "Look at the text" in caught.value.hint


def test_a_field_that_holds_something_else_afterwards_is_unverified() -> None:
    field = Field(TEXT)
    target, write = swap_words(field, "brown", "red")
    field.answer = {"text": "THE QUICK RED FOX", "anchor": 0, "head": 0}
    receipt = target.commit(write)
    assert receipt.state == "unverified"
    assert receipt.after is not None
    assert receipt.after.sha256 == sha256("THE QUICK RED FOX")
    field.answer = {"head": 0}
    target, write = swap_words(Field(TEXT), "brown", "red")
    target = practice(field)
    field.text = TEXT
    assert target.commit(write).state == "unverified"


def test_half_a_character_is_never_sent() -> None:
    field = Field("x")
    target = practice(field)
    with pytest.raises(TargetUnencodable):
        target.prepare([edit_of((1, "", "\ud83d"))], expected=target.snapshot().version)
    assert not field.applied


@given(st.text(max_size=30), st.data())
def test_changes_made_one_after_the_other_give_the_text_of_the_edits(text: str, data: st.DataObject) -> None:
    edits, now = [], text
    for _ in range(data.draw(st.integers(0, 3))):
        cuts = sorted(data.draw(st.sets(st.integers(0, len(now)), max_size=6)))
        spans = list(zip(cuts[::2], cuts[1::2], strict=False))
        new = st.text("ab\n", max_size=3)
        changes = tuple(Change(start, now[start:end], data.draw(new)) for start, end in spans)
        edit = Edit(changes, Selection(0, 0), Selection(0, 0))
        edits.append(edit)
        for change in reversed(changes):
            now = now[: change.start] + change.new + now[change.end :]
    one_by_one = text
    for made in changes_in_order(edits):
        assert one_by_one[made["start"] :].startswith(made["old"])
        one_by_one = (
            one_by_one[: made["start"]] + made["new"] + one_by_one[made["start"] + len(made["old"]) :]
        )
    assert one_by_one == now


# --- names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 101])
def test_a_field_needs_a_name_that_can_be_shown(name: str) -> None:
    with pytest.raises(UsageError):
        ClientTarget(name, "Title", Field())


@pytest.mark.parametrize("name", ["practice", "/etc/passwd", "bytes:00", "../x"])
def test_no_name_of_a_field_can_be_taken_for_a_file(name: str) -> None:
    target = ClientTarget(name, "Title", Field())
    assert not is_file(target.name)
    with pytest.raises(TargetGone):
        path_of(target.name)


def test_names_are_shown_as_people_know_them() -> None:
    assert shown("client:practice") == shown_short("client:practice") == "“practice”"
    assert shown("clipboard:") == "the clipboard"
    assert (shown("/a/b.txt"), shown_short("/a/b.txt")) == ("/a/b.txt", "b.txt")


# --- with the journal ---------------------------------------------------------------------------------------


def test_words_go_where_the_live_caret_is(journal: Journal) -> None:
    field = Field("One three.", 4, 4)
    editing = Editing(practice(field), journal)
    editing.say("two", mode="dictate")
    assert (field.text, field.head) == ("One two three.", 7)
    field.anchor = field.head = 0
    editing.say("zero", mode="dictate")
    assert field.text == "zero One two three."


def test_what_was_inserted_last_is_remembered_though_the_caret_moved(journal: Journal) -> None:
    field = Field("We meet on .", 11, 11)
    editing = Editing(practice(field), journal)
    editing.say("Tuesday", mode="dictate")
    field.anchor = field.head = 0
    editing.say("I meant Wednesday", mode="edit")
    assert field.text == "We meet on Wednesday."


def test_undo_and_redo_reach_a_field_and_what_was_typed_meanwhile_stays(journal: Journal) -> None:
    field = Field(TEXT)
    editing = Editing(practice(field), journal)
    editing.say("change brown to red", mode="edit")
    field.text += "Typed by hand.\n"
    editing.say("undo that", mode="edit")
    assert field.text == TEXT + "Typed by hand.\n"
    (reverted,) = undo.redo(journal, practice(field))
    assert reverted.receipt.state == "verified"
    assert field.text == TEXT.replace("brown", "red") + "Typed by hand.\n"


def test_an_edit_that_the_field_refuses_is_remembered_as_not_done(journal: Journal) -> None:
    field = Field(TEXT)
    field.before_applying = lambda one: setattr(one, "text", one.text + "!")
    editing = Editing(practice(field), journal)
    with pytest.raises(TargetChanged) as caught:
        editing.say("change brown to red", mode="edit")
    record = journal.get(1)
    assert (record.state, record.reason, record.words) == (
        "not_applied",
        "target_changed",
        "change brown to red",
    )
    assert "`voice-edit retry 1`" in caught.value.hint


@pytest.mark.parametrize("made", [True, False])
def test_a_silent_field_settles_what_became_of_the_edit_when_it_speaks_again(
    journal: Journal, made: bool
) -> None:
    field = Field(TEXT)
    field.silent_after_applying, field.silent_before_applying = made, not made
    editing = Editing(practice(field), journal)
    with pytest.raises(TargetUncertain):
        editing.say("change brown to red", mode="edit")
    standing = journal.get(1).checkpoint
    assert standing is not None
    assert standing.standing == "unclear"
    field.gone = True
    with pytest.raises(NothingToUndo):
        undo.undo(journal, practice(field))
    field.silent_after_applying = field.silent_before_applying = field.gone = False
    if made:
        undo.undo(journal, practice(field))
        assert field.text == TEXT
    else:
        with pytest.raises(NothingToUndo):
            undo.undo(journal, practice(field))
        assert journal.get(1).state == "not_applied"
    assert field.text == TEXT


def test_a_write_to_a_program_that_is_not_there_after_a_crash_is_unclear_until_it_is(
    journal: Journal,
) -> None:
    field = Field(TEXT)
    target = practice(field)
    snapshot = target.snapshot()
    utterance = journal.begin_utterance(target.name, "edit")
    journal.words(utterance, "Change brown to red.")
    edits = [replacing(TEXT, "brown", "red")]
    write = target.prepare(edits, expected=snapshot.version)
    journal.plan(utterance, write, edits)
    target.commit(write)
    journal.store.execute("UPDATE write SET session = 'dead'")
    journal.store.execute("UPDATE utterance SET session = 'dead'")
    found = recover(journal)
    assert found.unclear == [1]
    record = journal.get(1)
    assert record.message is not None
    assert "“practice”" in record.message
    assert not recover(journal)
    undo.undo(journal, target)
    assert field.text == TEXT
    assert journal.get(1).state == "applied"


def test_a_field_that_came_back_with_another_text_stays_unclear_for_good(journal: Journal) -> None:
    field = Field(TEXT)
    field.silent_before_applying = True
    with pytest.raises(TargetUncertain):
        Editing(practice(field), journal).say("change brown to red", mode="edit")
    field.silent_before_applying = False
    field.text = "Something else altogether."
    Editing(practice(field), journal).say("go to the end", mode="edit")
    assert journal.store.rows("SELECT state, reason FROM write")[0]["state"] == "unclear"
    assert journal.store.rows("SELECT state, reason FROM write")[0]["reason"] == "interrupted"


def test_a_program_that_is_gone_loses_no_words(journal: Journal) -> None:
    field = Field(TEXT)
    field.gone = True
    with pytest.raises(TargetGone) as caught:
        Editing(practice(field), journal).say("change brown to red", mode="edit")
    assert "voice-edit retry 1" in caught.value.hint
    assert journal.get(1).words == "change brown to red"


def test_a_timeout_on_looking_writes_nothing() -> None:
    class Stuck:
        def request(self, method: str, payload: dict[str, Any]) -> dict[str, Any]:
            raise TargetTimeout("Practice has not answered for 3 s.")

    with pytest.raises(TargetTimeout):
        ClientTarget("practice", "Practice", Stuck()).snapshot()
