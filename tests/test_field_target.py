"""Fields of other programs as targets: what happens when they do not keep still."""

from __future__ import annotations

from typing import Any

import pytest
from fake_desktop import FakeDesktop
from hypothesis import given
from hypothesis import strategies as st

from voice_edit.apps.profiles import AppProfile
from voice_edit.config import FieldSettings
from voice_edit.desktop.base import Window
from voice_edit.desktop.errors import FieldMoved, FieldRefused, FieldUnsupported, KeysHeld, PasteUnclaimed
from voice_edit.edits import Change, Document, Edit, Selection
from voice_edit.errors import TargetChanged, TargetError, TargetTimeout, TargetUncertain
from voice_edit.targets.base import Receipt
from voice_edit.targets.field import FieldTarget, _hull
from voice_edit.targets.field_blind import BlindFieldTarget

SETTINGS = FieldSettings(window_chars=500)
PASTES = AppProfile("pastes", mechanisms=("paste",))
TYPES = AppProfile("types", mechanisms=("type",))


def field_of(desk: FakeDesktop, profile: AppProfile | None = None, **more: Any) -> FieldTarget:
    target = FieldTarget("field:notes#1", desk.desktop, desk.focus(profile), SETTINGS, **more)
    target.pin()
    return target


def edit_of(text: str, start: int, old: str, new: str) -> Edit:
    assert text[start : start + len(old)] == old
    end = start + len(new)
    return Edit((Change(start, old, new),), Selection(start, start), Selection(end, end))


def write(target: FieldTarget, old: str, new: str) -> Receipt:
    """Replace the only `old` of what the target shows; without it, insert at the caret."""
    snapshot = target.snapshot()
    assert snapshot.selection is not None
    start = snapshot.text.index(old) if old else snapshot.selection.head
    prepared = target.prepare([edit_of(snapshot.text, start, old, new)], expected=snapshot.version)
    return target.commit(prepared)


@pytest.mark.parametrize("profile", [AppProfile("any"), PASTES, TYPES], ids=["offsets", "paste", "type"])
def test_an_edit_is_written_read_back_and_leaves_the_caret_behind_it(profile: AppProfile) -> None:
    desk = FakeDesktop()
    desk.field.put(0, 0, "See you on Tuesday at noon.")
    receipt = write(field_of(desk, profile), "Tuesday", "Friday")
    assert receipt.state == "verified"
    assert desk.field.text == "See you on Friday at noon."
    assert desk.field.selection == Selection(17, 17)


@pytest.mark.parametrize("profile", [PASTES, TYPES], ids=["paste", "type"])
def test_text_is_deleted_without_offering_nothing_to_the_clipboard(profile: AppProfile) -> None:
    desk = FakeDesktop()
    desk.field.put(0, 0, "One two three.")
    assert write(field_of(desk, profile), " two", "").state == "verified"
    assert (desk.field.text, desk.pressed) == ("One three.", ["<backspace>"])


def test_what_is_typed_while_somebody_speaks_moves_the_words_behind_it() -> None:
    desk = FakeDesktop()
    desk.field.put(0, 0, "Dear Ann, ")
    target = field_of(desk)
    desk.field.type("please ")
    write(target, "", "come.")
    assert desk.field.text == "Dear Ann, please come."


def test_words_go_to_where_the_caret_was_when_talking_began() -> None:
    desk = FakeDesktop()
    desk.field.put(0, 0, "one  three\nfour")
    desk.field.selection = Selection(4, 4)
    target = field_of(desk)
    desk.field.selection = Selection(15, 15)
    write(target, "", "two")
    assert desk.field.text == "one two three\nfour"


def test_who_listens_without_a_key_writes_to_where_the_caret_is_now() -> None:
    desk = FakeDesktop()
    desk.field.put(0, 0, "one\ntwo")
    target = field_of(desk, follows_caret=True)
    desk.field.selection = Selection(3, 3)
    write(target, "", "!")
    assert desk.field.text == "one!\ntwo"


def test_text_that_was_typed_meanwhile_is_never_replaced() -> None:
    desk = FakeDesktop()
    desk.field.put(0, 0, "Meet on Monday. ")
    target = field_of(desk)
    desk.field.type("Not on Tuesday!")
    with pytest.raises(TargetChanged, match="while you were speaking"):
        write(target, "Tuesday", "Friday")
    assert desk.field.text == "Meet on Monday. Not on Tuesday!"
    assert write(target, "Tuesday", "Friday").state == "verified"  # said again, knowing it


def test_an_edit_elsewhere_goes_on_although_something_was_typed() -> None:
    desk = FakeDesktop()
    desk.field.put(0, 0, "Meet on Monday at the station. ")
    target = field_of(desk)
    desk.field.type("Bring the tickets.")
    write(target, "Monday", "Friday")
    assert desk.field.text == "Meet on Friday at the station. Bring the tickets."


def test_our_own_words_of_a_take_before_are_no_foreign_text() -> None:
    desk = FakeDesktop()
    pair: list[FieldTarget] = []
    told = lambda by, before, after, edits: pair[1].ours(before, after, edits)  # noqa: E731
    pair = [
        field_of(desk, on_written=told),
        field_of(desk),
    ]  # the second key goes down before the first words
    write(pair[0], "", "See you on Tuesday.")
    write(pair[1], "Tuesday", "Friday")
    assert desk.field.text == "See you on Friday."


def test_a_text_that_changes_between_plan_and_write_is_left_alone() -> None:
    desk = FakeDesktop()
    desk.field.put(0, 0, "One two three.")
    target = field_of(desk)
    snapshot = target.snapshot()
    prepared = target.prepare([edit_of(snapshot.text, 4, "two", "2")], expected=snapshot.version)
    desk.field.put(4, 7, "deux")
    with pytest.raises(TargetChanged):
        target.commit(prepared)
    assert desk.field.text == "One deux three."


def test_a_long_text_is_read_around_the_caret_only() -> None:
    desk = FakeDesktop()
    desk.field.put(0, 0, "word " * 4000)
    desk.field.selection = Selection(10_000, 10_000)
    target = field_of(desk)
    snapshot = target.snapshot()
    assert len(snapshot.text) == 500
    write(target, "", "NEW ")
    assert desk.field.text.index("NEW") == 10_000
    assert len(target.snapshot(whole=True).text) == 20_004


def test_a_change_before_the_window_only_shifts_it() -> None:
    desk = FakeDesktop()
    desk.field.put(0, 0, "".join(f"line {n}\n" for n in range(3000)))
    desk.field.selection = Selection(15_000, 15_000)
    target = field_of(desk)
    around = desk.field.text[14_990:15_000]
    desk.field.put(0, 0, "A new first line.\n")
    write(target, "", "HERE")
    at = desk.field.text.index("HERE")
    assert desk.field.text[at - 10 : at] == around


def test_a_program_that_says_yes_and_does_nothing_gets_the_text_pasted() -> None:
    desk = FakeDesktop()
    desk.field.put(0, 0, "One.")
    desk.field.obeys = False
    receipt = write(field_of(desk), "One", "Two")
    assert (receipt.state, desk.field.text, desk.pasted) == ("verified", "Two.", ["Two"])


def test_a_program_that_writes_something_else_is_not_called_verified() -> None:
    desk = FakeDesktop()
    desk.field.put(0, 0, "One.")
    desk.field.before_call = lambda name: None

    def autocorrect(start: int, end: int, new: str) -> None:
        desk.field.text = desk.field.text[:start] + new.upper() + desk.field.text[end:]

    desk.field.replace = autocorrect  # type: ignore[method-assign]
    receipt = write(field_of(desk), "One", "Two")
    assert receipt.state == "unverified"
    assert "another text" in receipt.notes[0]


def test_nothing_is_pasted_into_another_window() -> None:
    desk = FakeDesktop()
    target = field_of(desk, PASTES)
    desk.window = Window("x11:0x2", "chat", "Chat", 78)
    with pytest.raises(FieldMoved, match="chat"):
        write(target, "", "secret plans")
    assert desk.pressed == []


def test_nothing_is_pasted_into_another_field_of_the_same_window() -> None:
    desk = FakeDesktop()
    target = field_of(desk, PASTES)
    desk.field.focused = False
    with pytest.raises(FieldMoved):
        write(target, "", "words")
    assert desk.pressed == []


def test_the_focus_may_move_where_text_is_written_by_offsets() -> None:
    desk = FakeDesktop()
    target = field_of(desk)
    desk.window = Window("x11:0x2", "chat", "Chat", 78)
    desk.field.focused = False
    assert write(target, "", "words").state == "verified"


def test_nothing_is_pressed_while_a_modifier_is_held() -> None:
    desk = FakeDesktop()
    desk.held = True
    with pytest.raises(KeysHeld):
        write(field_of(desk, PASTES), "", "words")
    assert desk.pressed == []


def test_what_nobody_fetched_was_not_written() -> None:
    desk = FakeDesktop()
    desk.claims = False
    with pytest.raises(PasteUnclaimed):
        write(field_of(desk, PASTES), "", "words")


def test_what_the_layout_cannot_type_is_not_typed_and_named_as_words_are() -> None:
    desk = FakeDesktop()
    with pytest.raises(FieldUnsupported, match="“é”"):  # left out of notifications: see `notify`
        write(field_of(desk, TYPES), "", "été")
    assert desk.typed == []


def test_a_focus_that_moves_while_words_are_typed_is_never_called_a_refusal() -> None:
    desk = FakeDesktop()
    target = field_of(desk, TYPES)
    typed = desk.type

    def then_moves(text: str) -> None:
        typed(text)
        desk.window = Window("x11:0x2", "chat", "Chat", 78)

    desk.type = then_moves  # type: ignore[method-assign]
    with pytest.raises(TargetUncertain, match=r"A part of the words was typed|holds a part"):
        write(target, "", "these are more words than are typed at once")
    assert desk.field.text == "these are more w"


@pytest.mark.parametrize("profile", [PASTES, TYPES], ids=["paste", "type"])
def test_words_that_were_handed_over_and_are_not_shown_are_not_written_a_second_time(
    profile: AppProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice_edit.targets.field.SETTLE_S", 0.01)
    desk = FakeDesktop()
    both = AppProfile("both", mechanisms=(*profile.mechanisms, "type", "paste"))
    target = field_of(desk, both)
    desk.field.type = lambda new: None  # type: ignore[method-assign]
    with pytest.raises(TargetUncertain, match="shows nothing"):
        write(target, "", "words")
    assert len(desk.pasted) + len(desk.typed) == 1


def test_a_frozen_program_is_told_apart_from_one_that_froze_while_it_was_written_to() -> None:
    desk = FakeDesktop()
    target = field_of(desk)
    desk.field.frozen = True
    with pytest.raises(TargetTimeout):
        write(target, "", "words")
    desk.field.frozen = False

    def freeze(name: str) -> None:
        desk.field.frozen = name == "replace" or desk.field.frozen

    desk.field.before_call = freeze
    with pytest.raises(TargetUncertain):
        write(target, "", "words")


def test_a_program_that_freezes_after_the_write_is_not_said_to_hold_nothing() -> None:
    desk = FakeDesktop()
    target = field_of(desk)

    def freeze(name: str) -> None:
        desk.field.frozen = name == "look_at" and "replace" in desk.field.calls

    desk.field.before_call = freeze
    with pytest.raises(TargetUncertain):
        write(target, "", "words")
    assert desk.field.text == "words"


def test_keys_that_are_still_arriving_are_waited_for() -> None:
    desk = FakeDesktop()
    target = field_of(desk, TYPES)
    busy = iter([True, True, False])

    def change(name: str) -> None:
        if name == "look_at" and desk.typed and next(busy, False):
            raise TargetChanged("the text changes while it is read")

    desk.field.before_call = change
    assert write(target, "", "words").state == "verified"


def test_lines_do_not_go_into_a_single_line() -> None:
    desk = FakeDesktop()
    desk.becomes(multi_line=False)
    target = field_of(desk)
    assert "lines" not in target.snapshot().capabilities
    with pytest.raises(FieldRefused):
        write(target, "", "one\ntwo")
    assert desk.field.text == ""


def blind(desk: FakeDesktop, profile: AppProfile) -> BlindFieldTarget:
    return BlindFieldTarget("field:term#1", desk.desktop, desk.focus(profile), SETTINGS)


def say_blindly(target: BlindFieldTarget, words: str) -> Receipt:
    snapshot = target.snapshot()
    edit = Edit((Change(0, "", words),), Selection(0, 0), Selection(len(words), len(words)))
    return target.commit(target.prepare([edit], expected=snapshot.version))


def test_a_blind_window_is_pasted_into_and_never_called_verified() -> None:
    desk = FakeDesktop(element=None)
    receipt = say_blindly(blind(desk, AppProfile("any")), "Hello.")
    assert (receipt.state, desk.pasted) == ("unverified", ["Hello."])
    assert "edit" not in blind(desk, AppProfile("any")).snapshot().capabilities


def test_a_terminal_gets_no_line_end_behind_the_words_and_none_between_them() -> None:
    desk = FakeDesktop(element=None)
    profile = AppProfile("terminal", terminal=True, newlines="ask")
    say_blindly(blind(desk, profile), "ls -l\n")
    assert desk.pasted == ["ls -l"]
    with pytest.raises(FieldRefused):
        say_blindly(blind(desk, profile), "one\ntwo")


def test_a_blind_window_that_lost_the_focus_gets_nothing() -> None:
    desk = FakeDesktop(element=None)
    target = blind(desk, AppProfile("any"))
    desk.window = Window("x11:0x2", "chat", "Chat", 78)
    with pytest.raises(FieldMoved):
        say_blindly(target, "words")
    assert desk.pressed == []


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"secret": True}, "secret"),
        ({"editable": False}, "read_only"),
        ({"role": "terminal", "editable": False}, "blind"),
        ({"role": "push button", "readable": False, "editable": False}, "none"),
        ({"role": "frame", "readable": False, "editable": False}, "blind"),
        ({}, "readable"),
    ],
)
def test_what_has_the_focus_decides_what_is_done_with_it(changes: dict[str, Any], kind: str) -> None:
    desk = FakeDesktop()
    desk.becomes(**changes)
    assert desk.focus().kind == kind


def test_without_clipboard_and_keys_a_blind_window_gets_nothing() -> None:
    desk = FakeDesktop(element=None)
    assert desk.focus(AppProfile("any", mechanisms=())).kind == "none"


@given(st.text("ab\u0301e😀\r\n", max_size=12), st.text("ab\u0301e😀\r\n", max_size=12))
def test_one_replacement_always_leads_from_one_text_to_the_other(before: str, after: str) -> None:
    hull = _hull(before, after)
    if hull is None:
        assert before == after
        return
    start, end, new = hull
    assert 0 <= start <= end <= len(before)
    assert before[:start] + new + before[end:] == after


@given(st.data())
def test_whatever_is_typed_meanwhile_stands_afterwards(data: st.DataObject) -> None:
    words = st.text("abc de", min_size=1, max_size=20)
    desk = FakeDesktop()
    desk.field.put(0, 0, data.draw(words))
    target = field_of(desk)
    at = data.draw(st.integers(0, len(desk.field.text)))
    desk.field.put(at, at, "TYPED")
    snapshot = target.snapshot()
    start = data.draw(st.integers(0, len(snapshot.text)))
    end = data.draw(st.integers(start, len(snapshot.text)))
    edit = edit_of(snapshot.text, start, snapshot.text[start:end], "new")
    assert snapshot.text == desk.field.text
    try:
        target.commit(target.prepare([edit], expected=snapshot.version))
    except TargetError:
        assert desk.field.text == snapshot.text
        assert edit.changes[0].old  # words that replace nothing are never refused
    else:
        expected = edit.apply_to(Document(snapshot.text, Selection(0, 0))).text
        assert desk.field.text == expected
        assert "TYPED" in expected.replace("new", "")
