"""macOS: what is pure, and what is built on the calls of the system, against a stand-in that counts in UTF-16
as AX does. The calls themselves are not tested here: they need a Mac.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_edit.desktop import _ax_hands, ax_mapping
from voice_edit.desktop._ax import AxAccessibility, AxField, AxWindows
from voice_edit.desktop._ax_api import AxError
from voice_edit.desktop._ax_hands import AxClipboard, AxKeyboard
from voice_edit.desktop.ax_mapping import Range, Told
from voice_edit.desktop.errors import FieldReadOnly, FieldSecret, FieldUnsupported, KeysHeld
from voice_edit.edits import Selection
from voice_edit.errors import TargetError, TargetGone, TargetTimeout, TargetUncertain

TEXTS = st.text(st.sampled_from("aé語😀👩🏽‍\n "), max_size=30) | st.text(max_size=30)
SHIFT, COMMAND = 1 << 17, 1 << 20


class Box:
    """A range as AX hands it out."""

    def __init__(self, at: Range) -> None:
        self.at = at


class Mac:
    """A Mac with one program that has one text field, as far as its accessibility goes."""

    system = "system"

    def __init__(self, text: str = "", **attributes: Any) -> None:
        self.data = text.encode("utf-16-le")
        self.selected = Range(0, 0)
        self.attributes: dict[str, Any] = {ax_mapping.ROLE: "AXTextArea", ax_mapping.ENABLED: True}
        self.attributes |= attributes
        self.settable = {ax_mapping.VALUE, ax_mapping.SELECTED_RANGE, ax_mapping.SELECTED_TEXT}
        self.secure_input = False
        self.error = 0
        """Raised by each call to the field."""
        self.set_error = 0
        self.ignores_selecting = False
        self.has_focus = True
        self.asked: list[str] = []
        self.set_on_program: list[tuple[str, Any]] = []
        self.events: list[tuple[int, bool, int, str | None]] = []
        self.held: list[int] = []
        """What is physically down, one entry a look; the last one stays."""
        self.board: list[dict[str, bytes]] = []
        self.board_seen: list[list[dict[str, bytes]]] = []
        self.count = 0

    @property
    def text(self) -> str:
        return self.data.decode("utf-16-le")

    def get(self, element: Any, name: str) -> Any:
        if element == "system":
            return "program" if name == ax_mapping.FOCUSED_APPLICATION else _none()
        if element == "program":
            if name == ax_mapping.FOCUSED_ELEMENT and self.has_focus:
                return "field"
            return "window" if name == ax_mapping.FOCUSED_WINDOW else _none()
        if element == "window":
            return "Letter"
        self.asked.append(name)
        if self.error:
            raise AxError(self.error)
        match name:
            case ax_mapping.VALUE:
                return self.text
            case ax_mapping.COUNT:
                return len(self.data) // 2
            case ax_mapping.SELECTED_RANGE:
                return Box(self.selected)
        return self.attributes[name] if name in self.attributes else _none()

    def get_at(self, element: Any, name: str, at: Range) -> Any:
        self.asked.append(name)
        return self.data[2 * at.location : 2 * (at.location + at.length)].decode("utf-16-le")

    def set(self, element: Any, name: str, value: Any) -> None:
        if element == "program":
            self.set_on_program.append((name, value))
            raise AxError(ax_mapping.UNSUPPORTED)
        if self.set_error and name == ax_mapping.SELECTED_TEXT:
            raise AxError(self.set_error)
        if name == ax_mapping.SELECTED_RANGE:
            if not self.ignores_selecting:
                self.selected = value
            return
        at, length = self.selected
        new = value.encode("utf-16-le")
        self.data = self.data[: 2 * at] + new + self.data[2 * (at + length) :]
        self.selected = Range(at + len(new) // 2, 0)

    def names(self, element: Any) -> frozenset[str]:
        if element == "program":
            return frozenset({ax_mapping.ROLE})
        text = {ax_mapping.VALUE, ax_mapping.COUNT, ax_mapping.SELECTED_RANGE, ax_mapping.SELECTED_TEXT}
        return frozenset({*self.attributes, *text})

    def is_settable(self, element: Any, name: str) -> bool:
        return element == "field" and name in self.settable

    def range_of(self, value: Box) -> Range:
        return value.at

    def pid(self, element: Any) -> int:
        return 42

    def number(self, element: Any) -> int:
        return 7 if element == "field" else 8

    def program(self, pid: int) -> tuple[str, str]:
        return "com.example.Editor", "Editor"

    def has_secure_input(self) -> bool:
        return self.secure_input

    def modifiers(self) -> int:
        return (self.held.pop(0) if len(self.held) > 1 else self.held[0]) if self.held else 0

    def key(self, code: int, *, down: bool, flags: int = 0, text: str | None = None) -> None:
        self.events.append((code, down, flags, text))

    def board_count(self) -> int:
        return self.count

    def board_read(self) -> list[dict[str, bytes]]:
        return [dict(item) for item in self.board]

    def board_write(self, items: Sequence[Mapping[str, bytes]]) -> None:
        self.board = [dict(item) for item in items]
        self.board_seen.append(self.board_read())
        self.count += 1


def _none() -> Any:
    raise AxError(ax_mapping.NO_VALUE)


def field_of(mac: Mac) -> AxField:
    service = AxAccessibility(mac)  # type: ignore[arg-type]
    element = service.focused()
    assert element is not None
    return service.field(element)


# --- counting ---------------------------------------------------------------------------------------------


@given(TEXTS, st.integers(-3, 40), st.integers(-3, 40))
def test_a_range_leads_back_to_the_same_code_points(text: str, start: int, end: int) -> None:
    start, end = sorted((max(0, min(start, len(text))), max(0, min(end, len(text)))))
    assert ax_mapping.from_range(text, ax_mapping.to_range(text, start, end)) == (start, end)


@given(TEXTS, st.integers(0, 60), st.integers(0, 60))
def test_any_range_is_code_points_inside_the_text(text: str, location: int, length: int) -> None:
    start, end = ax_mapping.from_range(text, Range(location, length))
    assert 0 <= start <= end <= len(text)


def test_a_caret_inside_a_pair_counts_as_in_front_of_it() -> None:
    assert ax_mapping.from_range("a😀b", Range(2, 0)) == (1, 1)
    assert ax_mapping.to_range("a😀b", 2, 3) == Range(3, 1)


@given(TEXTS)
def test_units_are_those_of_utf_16(text: str) -> None:
    assert ax_mapping.units(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2


# --- elements ---------------------------------------------------------------------------------------------


def told(
    role: str = "AXTextArea", *, subrole: str = "", settable: Sequence[str] = ("all",), **more: Any
) -> Told:
    names = {ax_mapping.VALUE, ax_mapping.COUNT, ax_mapping.SELECTED_RANGE, *more.pop("names", ())}
    all_ = (ax_mapping.VALUE, ax_mapping.SELECTED_RANGE, ax_mapping.SELECTED_TEXT)
    attributes = {ax_mapping.ROLE: role, ax_mapping.SUBROLE: subrole, ax_mapping.ENABLED: True} | more
    return Told(attributes, frozenset(names), frozenset(all_ if settable == ("all",) else settable))


def element(found: Told, *, secure_input: bool = False) -> Any:
    return ax_mapping.element_of(found, ref="42/7", app="x", pid=42, secure_input=secure_input)


@pytest.mark.parametrize(
    ("role", "name", "lines"),
    [("AXTextArea", "text", True), ("AXTextField", "entry", False), ("AXSearchField", "entry", False),
     ("AXComboBox", "combo box", False), ("AXWebArea", "document web", True)],
)  # fmt: skip
def test_text_fields_have_the_roles_they_have_elsewhere(role: str, name: str, lines: bool) -> None:
    found = element(told(role))
    assert (found.role, found.multi_line) == (name, lines)
    assert found.readable
    assert found.editable
    assert found.writable


def test_a_password_is_secret_and_cannot_be_read() -> None:
    found = element(told("AXTextField", subrole="AXSecureTextField"))
    assert (found.secret, found.readable, found.writable) == (True, False, False)
    assert found.role == "password text"


def test_secure_input_makes_whatever_has_the_focus_secret() -> None:
    assert element(told(), secure_input=True).secret


def test_a_field_that_takes_no_text_can_still_be_read() -> None:
    found = element(told(settable=()))
    assert (found.readable, found.editable, found.writable) == (True, False, False)
    assert not element(told(AXEnabled=False)).editable


def test_a_field_whose_selection_takes_no_text_is_pasted_into() -> None:
    found = element(told(settable=(ax_mapping.VALUE, ax_mapping.SELECTED_RANGE)))
    assert (found.editable, found.writable) == (True, False)


def test_what_holds_no_text_is_neither_readable_nor_editable() -> None:
    found = ax_mapping.element_of(
        Told({ax_mapping.ROLE: "AXPopUpButton"}, frozenset({ax_mapping.ROLE}), frozenset()),
        ref="1/1", app="x", pid=1, secure_input=False,
    )  # fmt: skip
    assert (found.role, found.readable, found.editable) == ("pop up button", False, False)


def test_an_editable_piece_of_a_page_is_a_field_of_chromium() -> None:
    found = element(told("AXGroup", names=("ChromeAXNodeId",)))
    assert (found.toolkit, found.editable) == ("chromium", True)


# --- fields -----------------------------------------------------------------------------------------------


def test_the_focus_is_found_and_named_alike_each_time() -> None:
    mac = Mac("Hello")
    service = AxAccessibility(mac)  # type: ignore[arg-type]
    first, second = service.focused(), service.focused()
    assert first == second
    assert first is not None
    assert (first.app, first.pid, first.ref) == ("com.example.editor", 42, "42/7")


def test_a_program_that_hides_its_fields_is_asked_once_to_show_them() -> None:
    mac = Mac()
    service = AxAccessibility(mac)  # type: ignore[arg-type]
    service.focused()
    service.focused()
    assert mac.set_on_program == [("AXManualAccessibility", True)]


def test_where_nothing_has_the_focus_there_is_no_element() -> None:
    mac = Mac()
    mac.has_focus = False
    service = AxAccessibility(mac)  # type: ignore[arg-type]
    assert service.focused() is None
    mac.secure_input = True
    hidden = service.focused()
    assert hidden is not None
    assert hidden.secret


@given(TEXTS, st.integers(0, 30), st.integers(0, 30), TEXTS)
def test_replacing_a_stretch_leaves_the_rest_and_puts_the_caret_behind(
    text: str, start: int, end: int, new: str
) -> None:
    start, end = sorted((min(start, len(text)), min(end, len(text))))
    mac = Mac(text)
    field = field_of(mac)
    field.replace(start, end, new)
    assert mac.text == text[:start] + new + text[end:]
    caret = start + len(new)
    assert field.look_at(0, len(mac.text)).selection == Selection(caret, caret)


@given(TEXTS, st.integers(0, 30), st.integers(0, 30))
def test_a_selection_is_where_it_was_put(text: str, start: int, end: int) -> None:
    start, end = sorted((min(start, len(text)), min(end, len(text))))
    field = field_of(Mac(text))
    field.select(Selection(end, start))
    assert field.look(1000).selection == Selection(start, end)


def test_of_a_long_text_only_what_is_around_the_caret_is_shown() -> None:
    text = "One line of words.\n" * 1000
    field = field_of(Mac("😀" + text))
    field.select(Selection(9001, 9001))
    window = field.look(500)
    assert len(window.text) <= 500
    assert window.start <= 9001 <= window.start + len(window.text)
    assert window.text == ("😀" + text)[window.start : window.start + len(window.text)]
    assert window.count == len(text) + 1


def test_a_password_is_never_asked_for_its_text() -> None:
    mac = Mac("hunter2", AXSubrole="AXSecureTextField")
    field = field_of(mac)
    mac.asked.clear()
    for ask in (lambda: field.look(100), lambda: field.read(0, 5), lambda: field.replace(0, 0, "x")):
        with pytest.raises(FieldSecret):
            ask()
    assert not {ax_mapping.VALUE, ax_mapping.STRING_FOR_RANGE} & set(mac.asked)


def test_a_field_that_becomes_a_password_is_not_read_any_more() -> None:
    mac = Mac("words")
    field = field_of(mac)
    mac.attributes[ax_mapping.SUBROLE] = ax_mapping.SECURE
    with pytest.raises(FieldSecret):
        field.look(100)


def test_secure_input_stops_reading_and_says_how_to_end_it() -> None:
    mac = Mac("words")
    field = field_of(mac)
    mac.secure_input = True
    with pytest.raises(FieldSecret) as caught:
        field.read(0, 5)
    assert "Secure Keyboard Entry" in caught.value.hint


@pytest.mark.parametrize(
    ("code", "error"),
    [(ax_mapping.INVALID, TargetGone), (ax_mapping.CANNOT_COMPLETE, TargetTimeout),
     (ax_mapping.DISABLED, FieldUnsupported), (ax_mapping.FAILURE, FieldUnsupported)],
)  # fmt: skip
def test_what_the_system_refuses_is_one_of_our_errors(code: int, error: type[TargetError]) -> None:
    mac = Mac("words")
    field = field_of(mac)
    mac.error = code
    with pytest.raises(error) as caught:
        field.look(100)
    assert caught.value.hint


def test_a_missing_permission_says_where_to_give_it() -> None:
    assert "Privacy & Security" in ax_mapping.error_for(ax_mapping.DISABLED, "x").hint


def test_a_field_that_is_gone_is_not_alive() -> None:
    mac = Mac("words")
    field = field_of(mac)
    assert field.is_alive()
    mac.error = ax_mapping.INVALID
    assert not field.is_alive()


def test_a_program_that_falls_silent_while_it_is_written_to_leaves_nobody_sure() -> None:
    mac = Mac("words")
    field = field_of(mac)
    mac.set_error = ax_mapping.CANNOT_COMPLETE
    with pytest.raises(TargetUncertain):
        field.replace(0, 5, "x")


def test_nothing_is_written_where_the_selection_did_not_go() -> None:
    mac = Mac("words")
    field = field_of(mac)
    mac.ignores_selecting = True
    with pytest.raises(FieldUnsupported):
        field.replace(2, 4, "x")
    assert mac.text == "words"


def test_a_field_that_takes_no_text_is_refused() -> None:
    mac = Mac("words")
    mac.settable.clear()
    with pytest.raises(FieldReadOnly):
        field_of(mac).replace(0, 0, "x")


def test_the_field_knows_whether_it_has_the_focus() -> None:
    mac = Mac("words")
    field = field_of(mac)
    assert field.is_focused()
    mac.has_focus = False
    assert not field.is_focused()


def test_an_element_of_long_ago_is_gone() -> None:
    service = AxAccessibility(Mac())  # type: ignore[arg-type]
    with pytest.raises(TargetGone):
        service.field(element(told()))


def test_who_wants_to_know_is_told_of_another_focus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voice_edit.desktop._ax.LOOK_EVERY_S", 0.001)
    mac = Mac()
    service = AxAccessibility(mac)  # type: ignore[arg-type]
    seen, news = [], threading.Event()

    def told_of(found: Any) -> None:
        seen.append(found)
        news.set()

    service.on_focus(told_of)
    assert news.wait(20)
    news.clear()
    mac.has_focus = False
    assert news.wait(20)
    service.close()
    assert [found is None for found in seen] == [False, True]


def test_the_window_is_named_by_program_and_title() -> None:
    window = AxWindows(AxAccessibility(Mac())).active()  # type: ignore[arg-type]
    assert window is not None
    assert (window.app, window.title, window.pid) == ("com.example.editor", "Letter", 42)


# --- keys -------------------------------------------------------------------------------------------------


def test_a_chord_is_a_key_code_with_its_flags() -> None:
    assert ax_mapping.stroke("<super>+v") == (9, COMMAND)
    assert ax_mapping.stroke("<shift>+<insert>") == (114, SHIFT)
    assert ax_mapping.stroke("<ctrl>+<alt>+<shift>+<super>+.").flags == ax_mapping.ANY_MODIFIER
    with pytest.raises(FieldUnsupported):
        ax_mapping.stroke("<ctrl>+<pause>")


@given(TEXTS)
def test_typed_pieces_are_the_text_and_fit_into_an_event(text: str) -> None:
    found = ax_mapping.pieces(text)
    typed = "".join(p if isinstance(p, str) else "\t" if p == ax_mapping.TAB else "\n" for p in found)
    assert typed == text.replace("\r\n", "\n").replace("\r", "\n")
    assert all(ax_mapping.units(p) <= ax_mapping.MOST_UNITS for p in found if isinstance(p, str))


def test_what_a_reader_takes_for_one_character_goes_in_one_event() -> None:
    family = "👩‍👩‍👧"
    assert ax_mapping.pieces("abcdefghijklmno" + family) == ["abcdefghijklmno", family]


def test_a_held_modifier_is_waited_for_and_never_typed_over() -> None:
    mac = Mac()
    keyboard = AxKeyboard(mac)  # type: ignore[arg-type]
    mac.held = [COMMAND, COMMAND, 0]
    assert keyboard.wait_until_released(20)
    mac.held = [SHIFT]
    assert not keyboard.wait_until_released(0)
    for write in (lambda: keyboard.press("<super>+v"), lambda: keyboard.type("a")):
        with pytest.raises(KeysHeld):
            write()
    assert mac.events == []


def test_a_chord_goes_down_and_up() -> None:
    mac = Mac()
    AxKeyboard(mac).press("<super>+v")  # type: ignore[arg-type]
    assert mac.events == [(9, True, COMMAND, None), (9, False, COMMAND, None)]


def test_typing_refuses_what_no_key_can_type() -> None:
    mac = Mac()
    keyboard = AxKeyboard(mac)  # type: ignore[arg-type]
    assert keyboard.untypable("a\x1b\tb\x00\n\x1b") == "\x1b\x00"
    with pytest.raises(FieldUnsupported):
        keyboard.type("a\x1b")
    keyboard.type("é\n語")
    assert [(code, text) for code, down, _, text in mac.events if down] == [(0, "é"), (36, None), (0, "語")]


# --- pasteboard -------------------------------------------------------------------------------------------

RICH = [{"public.utf8-plain-text": b"old", "public.html": b"<b>old</b>"}, {"public.png": b"\x89PNG"}]


def pasting(mac: Mac, text: str = "new", press: Any = lambda: None) -> None:
    AxClipboard(mac).paste(text, into=None, press=press, timeout_s=1.0)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ax_hands, "FETCHED_S", 0.0)


def test_the_pasteboard_holds_what_it_held_in_every_type() -> None:
    mac = Mac()
    mac.board = [dict(item) for item in RICH]
    seen: list[Any] = []
    pasting(mac, "ä😀", lambda: seen.append(mac.board_read()))
    assert mac.board == RICH
    assert seen[0][0][ax_mapping.PLAIN] == "ä😀".encode()
    assert "org.nspasteboard.TransientType" in seen[0][0]


def test_what_somebody_copied_meanwhile_stays() -> None:
    mac = Mac()
    mac.board = [dict(item) for item in RICH]
    theirs = [{"public.utf8-plain-text": b"theirs"}]
    pasting(mac, press=lambda: mac.board_write(theirs))
    assert mac.board == theirs


def test_the_pasteboard_is_given_back_when_the_key_cannot_be_pressed() -> None:
    mac = Mac()
    mac.board = [dict(item) for item in RICH]

    def fails() -> None:
        raise KeysHeld("Shift is down.")

    with pytest.raises(KeysHeld):
        pasting(mac, press=fails)
    assert mac.board == RICH


def test_a_pasteboard_too_large_to_keep_is_not_borrowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ax_mapping, "MOST_SAVED", 5)
    mac = Mac()
    mac.board = [dict(item) for item in RICH]
    with pytest.raises(FieldUnsupported):
        pasting(mac)
    assert mac.board == RICH
    assert mac.board_seen == []


def test_words_that_are_left_there_are_for_clipboard_managers_too() -> None:
    mac = Mac()
    assert AxClipboard(mac).put("words")  # type: ignore[arg-type]
    assert mac.board == [{ax_mapping.PLAIN: b"words"}]
