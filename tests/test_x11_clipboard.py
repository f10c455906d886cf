"""Pastes into real programs, and what the clipboard holds before, meanwhile and afterwards."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from virtual_desktop import VirtualDesktop, virtual_desktop
from virtual_display import until
from x11_clipboards import clear, copy, end_copier, held, manager, owner, targets, text_of

from voice_edit.desktop._x11 import open_x11
from voice_edit.desktop._x11_clipboard import X11Clipboard
from voice_edit.desktop._x11_keyboard import X11Keyboard
from voice_edit.desktop._x11_loop import XThread
from voice_edit.desktop._x11_texts import SECRET_HINT
from voice_edit.desktop._x11_windows import X11Windows
from voice_edit.desktop.base import Window
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.desktop.opening import open_desktop
from voice_edit.errors import TargetError, TargetGone, TargetTimeout

WORDS = "grüße, 你好 😀 e\u0301 שלום"
CHORD = "<shift>+<insert>"
TIMEOUT_S = 10.0
COPIER = Path(__file__).parent / "apps" / "qt_copier.py"


class Hands:
    """Our three parts on one desktop, and a program in front."""

    def __init__(self, desk: VirtualDesktop) -> None:
        self.desk = desk
        self.windows: X11Windows
        self.keyboard: X11Keyboard
        self.clipboard: X11Clipboard
        self.windows, self.keyboard, self.clipboard = open_x11(desk.name)

    def window(self) -> Window:
        window = self.windows.active()
        assert window is not None
        return window

    def press(self) -> None:
        self.keyboard.press(CHORD)

    def paste(
        self, text: str, press: Callable[[], None] | None = None, *, timeout_s: float = TIMEOUT_S
    ) -> str:
        return self.clipboard.paste(text, into=self.window(), press=press or self.press, timeout_s=timeout_s)

    def given_back(self) -> bool:
        return self.clipboard.wait_until_given_back(TIMEOUT_S)

    def close(self) -> None:
        for part in (self.windows, self.keyboard, self.clipboard):
            part.close()


@pytest.fixture(scope="module")
def desk() -> Iterator[VirtualDesktop]:
    with virtual_desktop() as desktop:
        yield desktop


@pytest.fixture
def hands(desk: VirtualDesktop) -> Iterator[Hands]:
    clear(desk)
    ours = Hands(desk)
    yield ours
    ours.close()


@pytest.fixture(scope="module")
def gtk3(desk: VirtualDesktop) -> Iterator[Any]:
    app = desk.start("gtk3")
    yield app
    app.close()


@pytest.fixture
def app(desk: VirtualDesktop, gtk3: Any) -> Any:
    """A GTK 3 window in front, with an empty text."""
    desk.activate(gtk3)
    gtk3.focus("text")
    gtk3.set("")
    return gtk3


# --- into programs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gtk4", "qt", "tk", "xterm", "vte"])
def test_words_arrive_byte_by_byte_and_the_clipboard_is_as_it_was(
    desk: VirtualDesktop, hands: Hands, kind: str
) -> None:
    copier = copy(desk, "what was copied")
    program = desk.start(kind)
    try:
        assert hands.paste(WORDS) == "claimed"
        program.expect(WORDS)
        assert hands.given_back()
        assert text_of(desk) == "what was copied"
    finally:
        program.close()
        end_copier(copier)


@pytest.mark.parametrize("field", ["text", "entry"])
def test_what_is_selected_is_replaced_though_terminals_would_need_primary_too(
    hands: Hands, app: Any, field: str
) -> None:
    # GTK takes PRIMARY for its selection, and drops the selection when another program takes PRIMARY.
    app.focus(field)
    app.set("one two", anchor=4, caret=7, field=field)
    until(lambda: text_of(hands.desk, "primary") == "two", "GTK offered its selection as PRIMARY")
    assert hands.paste("three") == "claimed"
    app.expect("one three", field)


def test_a_long_text_arrives_in_pieces(hands: Hands, app: Any) -> None:
    text = "A line of text, höchst wörtlich.\n" * 20_000
    assert hands.paste(text) == "claimed"
    app.expect(text)


# --- what it held -------------------------------------------------------------------------------------------


def test_text_html_an_image_and_files_are_there_again_in_every_type(
    desk: VirtualDesktop, hands: Hands, app: Any
) -> None:
    with owner(desk, "text", "html", "image", "files", "hint"):
        before = held(desk)
        assert {"text/html", "image/png", "text/uri-list", "x-kde-passwordManagerHint"} <= set(before)
        for number in range(3):
            app.set("")
            assert hands.paste(f"{number}") == "claimed"
            app.expect(f"{number}")
    assert hands.given_back()
    assert list(held(desk)) == list(before), "in the owner's order"
    assert held(desk) == before


def test_primary_is_there_again_too(desk: VirtualDesktop, hands: Hands, app: Any) -> None:
    copier = copy(desk, "highlighted elsewhere", "primary")
    try:
        assert hands.paste("words") == "claimed"
        assert hands.given_back()
        assert text_of(desk, "primary") == "highlighted elsewhere"
    finally:
        end_copier(copier)


def test_an_empty_clipboard_is_empty_again(desk: VirtualDesktop, hands: Hands, app: Any) -> None:
    assert hands.paste("words") == "claimed"
    assert hands.given_back()
    assert targets(desk) == []


def test_of_two_pastes_in_a_row_the_second_keeps_the_true_original(
    desk: VirtualDesktop, hands: Hands, app: Any
) -> None:
    copier = copy(desk, "the original")
    try:
        assert hands.paste("one ") == hands.paste("two") == "claimed"
        app.expect("one two")
        assert hands.given_back()
        assert text_of(desk) == "the original"
    finally:
        end_copier(copier)


def test_what_was_copied_after_a_paste_is_the_next_original(
    desk: VirtualDesktop, hands: Hands, app: Any
) -> None:
    for number in (1, 2):
        copier = copy(desk, f"copied {number}")
        try:
            assert hands.paste("words") == "claimed"
            assert hands.given_back()
            assert text_of(desk) == f"copied {number}"
        finally:
            end_copier(copier)


def test_reading_begins_early_when_asked_and_is_never_of_yesterday(
    desk: VirtualDesktop, hands: Hands, app: Any
) -> None:
    first = copy(desk, "first")
    hands.clipboard.prepare()
    second = copy(desk, "second")  # after the reading: what was read must not be used
    try:
        assert hands.paste("words") == "claimed"
        assert hands.given_back()
        assert text_of(desk) == "second"
    finally:
        end_copier(first)
        end_copier(second)


def test_what_is_copied_while_the_clipboard_is_read_is_not_lost(
    desk: VirtualDesktop, hands: Hands, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    copiers, original = [copy(desk, "first")], X11Clipboard._wait

    def wait(self: X11Clipboard, *arguments: Any) -> Any:
        read = original(self, *arguments)
        if len(copiers) == 1:
            copiers.append(copy(desk, "second"))
        return read

    monkeypatch.setattr(X11Clipboard, "_wait", wait)
    try:
        assert hands.paste("words") == "claimed"
        assert hands.given_back()
        assert text_of(desk) == "second"
    finally:
        for copier in copiers:
            end_copier(copier)


def test_more_than_can_be_set_aside_is_refused_and_left_alone(
    desk: VirtualDesktop, hands: Hands, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from voice_edit.desktop import _x11_reading

    monkeypatch.setattr(_x11_reading.Reading.__init__, "__kwdefaults__", {"only": None, "most": 1 << 20})
    with owner(desk, "big"):
        with pytest.raises(FieldUnsupported, match="more than 1 MiB") as refused:
            hands.paste("words")
        assert "Copy something smaller" in refused.value.hint
        assert targets(desk) == ["application/x-big"]
    assert app.text() == ""


def test_a_frozen_owner_of_the_clipboard_is_told_and_nothing_is_taken_from_it(
    desk: VirtualDesktop, hands: Hands, app: Any
) -> None:
    with owner(desk, "text", "html") as program:
        program.freeze()
        with pytest.raises(TargetTimeout, match="does not answer"):
            hands.paste("words")
    assert app.text() == ""


# --- others meanwhile ---------------------------------------------------------------------------------------


def test_somebody_who_copies_before_the_key_goes_down_wins(
    desk: VirtualDesktop, hands: Hands, app: Any
) -> None:
    copiers = []

    def press() -> None:
        copiers.append(copy(desk, "theirs"))

    try:
        assert hands.paste("words", press, timeout_s=1.0) == "unclaimed"
        assert hands.given_back()
        assert text_of(desk) == "theirs"
    finally:
        for copier in copiers:
            end_copier(copier)


def test_a_key_that_pastes_nothing_leaves_the_clipboard_as_it_was(
    desk: VirtualDesktop, hands: Hands, app: Any
) -> None:
    copier = copy(desk, "what was copied")
    try:
        assert hands.paste("words", lambda: None, timeout_s=0.2) == "unclaimed"
        assert text_of(desk) == "what was copied"
        assert app.text() == ""
    finally:
        end_copier(copier)


def test_what_another_program_fetches_is_no_claim(desk: VirtualDesktop, hands: Hands, app: Any) -> None:
    seen = []
    state = hands.paste("words", lambda: seen.append(text_of(desk)), timeout_s=0.5)
    assert (seen, state) == (["words"], "unclaimed")


def test_where_the_window_is_unknown_anybody_claims(desk: VirtualDesktop, hands: Hands, app: Any) -> None:
    state = hands.clipboard.paste("words", into=None, press=hands.press, timeout_s=TIMEOUT_S)
    assert state == "claimed"
    app.expect("words")


def test_a_key_that_cannot_be_pressed_is_told_and_the_clipboard_is_as_it_was(
    desk: VirtualDesktop, hands: Hands, app: Any
) -> None:
    copier = copy(desk, "what was copied")

    def press() -> None:
        raise FieldUnsupported("no such key")

    try:
        with pytest.raises(FieldUnsupported, match="no such key"):
            hands.paste("words", press)
        assert hands.given_back()
        assert text_of(desk) == "what was copied"
    finally:
        end_copier(copier)


# --- frozen programs ----------------------------------------------------------------------------------------


def test_a_program_that_slept_through_its_paste_pastes_nothing_when_it_wakes_up(
    desk: VirtualDesktop, hands: Hands, app: Any
) -> None:
    copier = copy(desk, "a secret from yesterday")
    try:

        def press() -> None:
            app.freeze()
            hands.press()

        assert hands.paste("words", press, timeout_s=0.5) == "unclaimed"
        with pytest.raises(TargetTimeout, match="has not dealt with the last paste"):
            hands.paste("more words")
        app.thaw()
        until(lambda: not hands.clipboard.is_expecting_a_late_paste(), "the late paste was refused")
        assert app.text() == ""
        assert hands.paste("words") == "claimed"
        app.expect("words")
        assert hands.given_back()
        assert text_of(desk) == "a secret from yesterday"
    finally:
        end_copier(copier)


@pytest.mark.parametrize("kind", ["gtk4", "qt", "tk"])
def test_no_program_pastes_the_old_clipboard_when_it_wakes_up(
    desk: VirtualDesktop, hands: Hands, kind: str
) -> None:
    copier, program = copy(desk, "a secret from yesterday"), desk.start(kind)
    try:

        def press() -> None:
            program.freeze()
            hands.press()

        assert hands.paste("words", press, timeout_s=0.5) == "unclaimed"
        program.thaw()
        until(lambda: not hands.clipboard.is_expecting_a_late_paste(), "the late paste was refused")
        assert program.text() == ""
    finally:
        program.close()
        end_copier(copier)


def test_a_program_that_is_known_to_answer_and_does_not_is_not_pasted_into(
    desk: VirtualDesktop, hands: Hands, app: Any
) -> None:
    assert hands.paste("once ") == "claimed"
    window, pressed = hands.window(), []
    app.freeze()
    try:
        with pytest.raises(TargetTimeout, match="busy or frozen"):
            hands.clipboard.paste("twice", into=window, press=lambda: pressed.append(1), timeout_s=TIMEOUT_S)
    finally:
        app.thaw()
    assert pressed == []
    app.expect("once ")


def test_words_wait_for_a_program_that_is_busy_for_a_moment(hands: Hands, app: Any) -> None:
    waker = threading.Timer(0.4, app.thaw)

    def press() -> None:
        app.freeze()
        hands.press()
        waker.start()

    assert hands.paste("words", press) == "claimed"
    waker.join()
    app.expect("words")


# --- clipboard managers -------------------------------------------------------------------------------------


def test_a_clipboard_manager_neither_claims_the_words_nor_sees_them(
    desk: VirtualDesktop, hands: Hands, app: Any
) -> None:
    with manager(desk, "xfce4-clipman", package="xfce4-clipman"):
        until(hands.clipboard.has_manager, "the manager was there")
        copier = copy(desk, "what was copied")
        try:
            state = hands.paste("words", lambda: None, timeout_s=0.5)
            assert state == "unclaimed", "it fetches everything at once"
            state = hands.clipboard.paste("words", into=None, press=lambda: None, timeout_s=0.5)
            assert state == "unclaimed", "known by what it owns"
            assert hands.paste("words") == "claimed"
            app.expect("words")
            assert hands.given_back()
            assert text_of(desk) == "what was copied"
        finally:
            end_copier(copier)


def test_a_manager_that_owns_a_copy_of_everything_gives_way(
    desk: VirtualDesktop, hands: Hands, app: Any
) -> None:
    with manager(desk, sys.executable, str(COPIER), package=""):
        until(lambda: text_of(desk) == "ready", "the manager had started")
        copier = copy(desk, "what was copied")
        try:
            for number in range(3):
                app.set("")
                hands.paste(f"{number}", timeout_s=2.0)
                app.expect(f"{number}")
                assert hands.given_back()
                until(lambda: text_of(desk) == "what was copied", "its late copy gave way, too")
        finally:
            end_copier(copier)


def test_a_copy_that_a_manager_owns_is_replaced_by_what_was_there(
    desk: VirtualDesktop, hands: Hands, app: Any
) -> None:
    with manager(desk, sys.executable, str(COPIER), package=""):
        until(lambda: text_of(desk) == "ready", "the manager had started")
        copier = copy(desk, "what was copied")

        def press() -> None:
            until(lambda: SECRET_HINT not in targets(desk), "the manager owned a copy of the words")
            hands.press()

        try:
            assert hands.paste("words", press, timeout_s=2.0) == "unclaimed", "nobody can tell"
            app.expect("words")
            assert hands.given_back()
            until(lambda: text_of(desk) == "what was copied", "what was there is there again")
        finally:
            end_copier(copier)


# --- left for the user, and after us ------------------------------------------------------------------------


def test_words_that_are_left_for_the_user_stay_there(desk: VirtualDesktop, hands: Hands, app: Any) -> None:
    assert hands.clipboard.put(WORDS)
    assert text_of(desk) == WORDS
    assert hands.paste("others") == "claimed"
    assert hands.given_back()
    assert text_of(desk) == WORDS


def test_what_the_clipboard_holds_outlives_us(desk: VirtualDesktop, app: Any) -> None:
    clear(desk)
    hands = Hands(desk)
    with owner(desk, "text", "html", "files"):
        before = held(desk)
        assert hands.paste("words") == "claimed"
        hands.close()
    assert held(desk) == before


def test_a_manager_that_saves_text_is_asked_to_and_no_process_stays(desk: VirtualDesktop) -> None:
    clear(desk)

    def taken_over() -> bool:
        leaving, watcher = Hands(desk), X11Clipboard(desk.name)
        assert leaving.clipboard.put("words")
        leaving.close()
        owned = watcher.is_owned_by_manager()
        watcher.close()
        assert text_of(desk) == "words", "whoever it is that holds them"
        return owned

    with manager(desk, "xfce4-clipman", package="xfce4-clipman"):
        until(taken_over, "the manager had started and took over the words")


# --- the server ---------------------------------------------------------------------------------------------


def test_every_part_tells_why_it_does_not_work_without_a_server() -> None:
    told = [one for one in open_desktop({"DISPLAY": ":999"}, platform="linux").means if one.name == "x11"]
    assert [(one.part, one.works) for one in told] == [
        ("windows", False), ("keyboard", False), ("clipboard", False)
    ]  # fmt: skip
    assert all(one.why and one.remedy for one in told)


def test_a_server_that_goes_away_is_told_to_all_who_wait() -> None:
    with virtual_desktop() as doomed:
        hands = Hands(doomed)
        thread = XThread(doomed.name, "waiting")
        waiting = thread.ask(thread.display.next_event)
        doomed.kill_server()
        assert isinstance(waiting.exception(TIMEOUT_S), TargetGone)
        for ask in (hands.windows.active, lambda: hands.keyboard.press(CHORD), hands.clipboard.read):
            with pytest.raises(TargetGone):
                ask()
        with pytest.raises(TargetError):
            hands.clipboard.paste("words", into=None, press=lambda: None, timeout_s=1.0)
        thread.close()
        hands.close()


def test_a_server_that_does_not_answer_is_given_up() -> None:
    with virtual_desktop() as desk:
        windows = X11Windows(desk.name)
        desk.server.send_signal(signal.SIGSTOP)
        try:
            with pytest.raises(TargetTimeout, match="has not answered"):
                windows.active()
        finally:
            desk.server.send_signal(signal.SIGCONT)
        windows.close()
