"""Edits are taken back and made again, across processes and beside what others change, or refused."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from history import TEXT, edit_of, replace, replacing, say
from hypothesis import given, settings
from hypothesis import strategies as st

from voice_edit import relocate, undo
from voice_edit.edit_json import edits_from_json, edits_to_json
from voice_edit.edits import Document, Selection
from voice_edit.errors import (
    JournalBusy,
    JournalUnavailable,
    NothingToRedo,
    NothingToUndo,
    TargetChanged,
    TargetMissing,
)
from voice_edit.journal import durable, locks
from voice_edit.journal.journal import Journal
from voice_edit.journal.recovery import recover
from voice_edit.targets.file import FileTarget

ROOT = Path(__file__).parent.parent


def test_undo_and_redo_reach_back_beyond_the_process(place: Path, note: Path) -> None:
    states = [TEXT]
    with Journal.open(place) as journal:
        for old, new in (("quick", "slow"), ("brown", "red"), ("lazy", "old")):
            replace(journal, note, old, new)
            states.append(note.read_text())
    target = FileTarget(note)
    for state in reversed(states[:-1]):
        with Journal.open(place) as journal:
            (reverted,) = undo.undo(journal, target)
        assert note.read_text() == state == reverted.text_after
        assert not reverted.moved
        assert reverted.receipt.state == "verified"
    with Journal.open(place) as journal, pytest.raises(NothingToUndo):
        undo.undo(journal, target)
    for state in states[1:]:
        with Journal.open(place) as journal:
            undo.redo(journal, target)
        assert note.read_text() == state
    with Journal.open(place) as journal, pytest.raises(NothingToRedo):
        undo.redo(journal, target)


def test_several_can_be_undone_at_once_and_too_many_is_all(journal: Journal, note: Path) -> None:
    numbers = [replace(journal, note, old, new) for old, new in (("quick", "slow"), ("brown", "red"))]
    reverted = undo.undo(journal, FileTarget(note), 5)
    assert [one.utterance for one in reverted] == numbers[::-1]
    assert [one.words for one in reverted] == ["Change brown to red.", "Change quick to slow."]
    assert note.read_text() == TEXT
    assert len(undo.redo(journal, FileTarget(note), 2)) == 2
    assert note.read_text() == "The slow red fox\njumps over the lazy dog.\n"


def test_a_new_edit_takes_away_what_could_be_redone(journal: Journal, note: Path) -> None:
    replace(journal, note, "quick", "slow")
    undone = replace(journal, note, "brown", "red")
    undo.undo(journal, FileTarget(note))
    replace(journal, note, "fox", "cat")
    with pytest.raises(NothingToRedo):
        undo.redo(journal, FileTarget(note))
    checkpoint = journal.get(undone).checkpoint
    assert checkpoint is not None
    assert checkpoint.standing == "cut"
    undo.undo(journal, FileTarget(note), 2)
    assert note.read_text() == TEXT


def test_moving_the_caret_takes_nothing_away_and_is_not_undone(journal: Journal, note: Path) -> None:
    replace(journal, note, "brown", "red")
    undo.undo(journal, FileTarget(note))
    say(journal, note, "Select the fox.", [edit_of()])
    undo.redo(journal, FileTarget(note))
    say(journal, note, "Select the fox.", [edit_of()])
    undo.undo(journal, FileTarget(note))
    assert note.read_text() == TEXT


def test_each_file_has_a_history_of_its_own(journal: Journal, note: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text(TEXT)
    replace(journal, note, "brown", "red")
    replace(journal, other, "brown", "blue")
    undo.undo(journal, FileTarget(note))
    assert note.read_text() == TEXT
    assert "blue" in other.read_text()
    with pytest.raises(NothingToUndo):
        undo.undo(journal, FileTarget(note))


def test_a_link_shares_the_history_of_its_file(journal: Journal, note: Path, tmp_path: Path) -> None:
    (tmp_path / "link.txt").symlink_to(note)
    replace(journal, tmp_path / "link.txt", "brown", "red")
    undo.undo(journal, FileTarget(note))
    assert note.read_text() == TEXT


def test_the_caret_is_remembered_while_the_file_stays_as_it_was_left(journal: Journal, note: Path) -> None:
    target = FileTarget(note)
    assert journal.selection(target.name, target.snapshot().version) is None
    replace(journal, note, "brown", "dark red")
    assert journal.selection(target.name, target.snapshot().version) == (18, 18)
    undo.undo(journal, target)
    assert journal.selection(target.name, target.snapshot().version) == (10, 10)
    note.write_text("Something else.")
    assert journal.selection(target.name, target.snapshot().version) is None


@pytest.mark.parametrize(
    ("data", "old", "new"),
    [
        (
            b"one\r\ntwo\r\n",
            "\ntwo\n",
            "",
        ),  # the last line end goes, and with it the sign that there were any
        (b"one\r\ntwo\r\n", "one\ntwo\n", ""),
        (b"one\r\ntwo\nthree\r\n", "two\n", ""),  # no longer mixed
        (b"one\r\ntwo\nthree\r\n", "\r\n", "\n"),
        (b"\xef\xbb\xbfone\r\n", "one\n", ""),
        (b"\xff\xfeo\x00\n\x00", "o\n", ""),
        (b"plain\n", "\n", "\r\n"),
    ],
)
def test_undo_brings_back_every_byte(place: Path, tmp_path: Path, data: bytes, old: str, new: str) -> None:
    note = tmp_path / "note.txt"
    note.write_bytes(data)
    with Journal.open(place) as journal:
        replace(journal, note, old, new)
        after = note.read_bytes()
        assert after != data
        undo.undo(journal, FileTarget(note))
        assert note.read_bytes() == data
        undo.redo(journal, FileTarget(note))
        assert note.read_bytes() == after


LONG = "".join(f"This is line number {number} of the text.\n" for number in range(40))


@pytest.mark.parametrize(
    ("theirs", "old", "new"),
    [
        ("before", "line number 3 ", "line number THREE "),
        ("behind", "line number 38 ", "line number THIRTYEIGHT "),
    ],
)
def test_our_edit_is_undone_though_somebody_changed_another_place(
    journal: Journal, note: Path, theirs: str, old: str, new: str
) -> None:
    note.write_text(LONG)
    replace(journal, note, "number 20 of", "number twenty of")
    note.write_text(note.read_text().replace(old, new))
    (reverted,) = undo.undo(journal, FileTarget(note))
    assert note.read_text() == LONG.replace(old, new)
    assert reverted.moved == (theirs == "before")
    undo.redo(journal, FileTarget(note))
    assert note.read_text() == LONG.replace(old, new).replace("number 20 of", "number twenty of")


def test_a_change_between_our_changes_is_left_alone(journal: Journal, note: Path) -> None:
    note.write_text(LONG)
    edit = edit_of(
        (LONG.index("number 5 of") + 7, "5", "five"), (LONG.index("number 35 of") + 7, "35", "many")
    )
    say(journal, note, "Change it.", [edit])
    note.write_text(note.read_text().replace("number 20 of", "number twenty of"))
    undo.undo(journal, FileTarget(note))
    assert note.read_text() == LONG.replace("number 20 of", "number twenty of")


@pytest.mark.parametrize(
    "theirs",
    [
        "The quick blue fox\njumps over the lazy dog.\n",  # our own words
        "Something else.\n",
        "",
        "The slow red fox\nwalks to the red dog.\n",  # on both sides, so that our place is not certain
        "The quick red fox\njumps over the lazy dog.\n" * 2,  # which of the two is ours?
    ],
)
def test_undo_is_refused_when_our_place_was_changed(journal: Journal, note: Path, theirs: str) -> None:
    number = replace(journal, note, "brown", "red")
    note.write_text(theirs)
    with pytest.raises(TargetChanged, match=f"where utterance {number} had edited it"):
        undo.undo(journal, FileTarget(note))
    assert note.read_text() == theirs


def test_a_deletion_is_not_put_back_into_another_text(journal: Journal, note: Path) -> None:
    """What we deleted at the end stands nowhere: only the text around it can tell the place."""
    replace(journal, note, "jumps over the lazy dog.\n", "")
    note.write_text("Another text altogether, of about the same length.\n")
    with pytest.raises(TargetChanged):
        undo.undo(journal, FileTarget(note))


def test_undo_of_a_vanished_file_is_refused(journal: Journal, note: Path) -> None:
    replace(journal, note, "brown", "red")
    note.unlink()
    with pytest.raises(TargetMissing):
        undo.undo(journal, FileTarget(note))


def test_an_edit_of_a_changed_file_is_refused_and_remembered(journal: Journal, note: Path) -> None:
    target = FileTarget(note)
    version = target.snapshot().version
    utterance = journal.begin_utterance(target.name, "edit")
    journal.words(utterance, "Change brown to red.")
    note.write_text("Something else.\n")
    with pytest.raises(TargetChanged):
        undo.apply_edits(journal, target, utterance, [replacing(TEXT, "brown", "red")], expected=version)
    assert (journal.get(utterance).state, journal.get(utterance).reason) == ("not_applied", "target_changed")
    with pytest.raises(NothingToUndo):
        undo.undo(journal, target)


def test_an_edit_that_fails_while_writing_is_remembered_as_not_done(journal: Journal, note: Path) -> None:
    def fail(name: str) -> None:
        if name == "target.sync":
            raise OSError(28, "No space left on device")

    durable.set_fault_hook(fail)
    try:
        with pytest.raises(Exception, match="No space left"):
            replace(journal, note, "brown", "red")
    finally:
        durable.set_fault_hook(None)
    last = journal.last()
    assert last is not None
    assert (last.state, last.reason) == ("not_applied", "disk_full")
    assert last.checkpoint is not None
    assert last.checkpoint.standing == "not_applied"
    assert not recover(journal)


def test_without_a_journal_nothing_is_written(journal: Journal, note: Path) -> None:
    def fail(name: str) -> None:
        if name == "write.plan":
            raise sqlite3.OperationalError("disk I/O error")

    durable.set_fault_hook(fail)
    try:
        with pytest.raises(JournalUnavailable):
            replace(journal, note, "brown", "red")
    finally:
        durable.set_fault_hook(None)
    assert note.read_text() == TEXT


def test_a_journal_that_fails_after_the_edit_does_not_deny_it(place: Path, note: Path) -> None:
    def fail(name: str) -> None:
        if name == "write.settle":
            raise sqlite3.OperationalError("disk I/O error")

    with Journal.open(place) as journal:
        durable.set_fault_hook(fail)
        try:
            _, receipt = say(journal, note, "Change it.", [replacing(TEXT, "brown", "red")])
        finally:
            durable.set_fault_hook(None)
    assert receipt.state == "verified"
    assert any("next time" in sentence for sentence in receipt.notes)
    with Journal.open(place) as journal:
        assert recover(journal).done
        undo.undo(journal, FileTarget(note))
    assert note.read_text() == TEXT


def test_two_writers_of_one_file_take_turns(place: Path, note: Path) -> None:
    with Journal.open(place, busy_timeout_s=0.1) as journal:
        with locks.writing(journal.store.lock_folder, FileTarget(note).name, timeout_s=1):
            with pytest.raises(JournalBusy, match=r"note\.txt"):
                replace(journal, note, "brown", "red")
            assert note.read_text() == TEXT
        replace(journal, note, "brown", "red")


texts = st.text(st.sampled_from("ab \n"), max_size=60)


@st.composite
def histories(draw: st.DrawFn) -> tuple[str, list[tuple[str, list[tuple[int, str, str]]]]]:
    """A text and the edits made to it, each with the text it applies to."""
    text = start = draw(texts)
    edits = []
    for _ in range(draw(st.integers(1, 4))):
        cuts = sorted(draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=6)))
        changes, at = [], 0
        for begin, end in zip(cuts[::2], cuts[1::2], strict=False):
            if begin >= at and (begin > at or not changes):
                changes.append((begin, text[begin:end], draw(texts)))
                at = end
        edits.append((text, changes))
        text = edit_of(*changes).apply_to(Document(text, Selection(0, 0))).text
    return start, edits


@given(histories())
@settings(max_examples=300, deadline=None)
def test_edits_found_again_in_the_same_text_undo_and_redo_exactly(
    history: tuple[str, list[tuple[str, list[tuple[int, str, str]]]]],
) -> None:
    start, steps = history
    edits = [edit_of(*changes) for _, changes in steps]
    anchors = json.loads(json.dumps(relocate.anchors(start, edits)))
    assert edits_from_json(json.loads(json.dumps(edits_to_json(edits)))) == edits
    document = Document(start, edits[0].before)
    for edit in edits:
        document = edit.apply_to(document)
    back = relocate.to_undo(document.text, edits, anchors)
    assert back is not None
    assert back == [edit.inverse() for edit in reversed(edits)]
    again = relocate.to_redo(start, edits, anchors)
    assert again == edits


@given(histories(), texts, texts)
@settings(max_examples=300, deadline=None)
def test_undo_after_a_foreign_change_takes_back_only_what_is_ours(
    history: tuple[str, list[tuple[str, list[tuple[int, str, str]]]]], head: str, tail: str
) -> None:
    start, steps = history
    (text, changes) = steps[0]
    edit = edit_of(*changes)
    changed = edit.apply_to(Document(text, edit.before)).text
    back = relocate.to_undo(head + changed + tail, [edit], relocate.anchors(text, [edit]))
    if back is not None and changes:
        assert back[0].apply_to(Document(head + changed + tail, Selection(0, 0))).text == head + start + tail
