"""The clipboard of a real Wayland session, borrowed and given back: sway with GTK 3, GTK 4 and Qt,
wl-clipboard as owner and as clipboard manager.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from virtual_display import until
from virtual_wayland import VirtualWayland, WaylandApp, virtual_wayland

from voice_edit.desktop import _wayland_clipboard
from voice_edit.desktop._wayland import _clipboard
from voice_edit.desktop._wayland_clipboard import LINGER_S, TEXT, WaylandClipboard, _Loan
from voice_edit.desktop._wayland_keyboard import VirtualKeyboard
from voice_edit.desktop._wayland_pipes import TooLarge, Writer, read_all, reads_from
from voice_edit.desktop._wayland_selection import Selections
from voice_edit.desktop._wayland_sway import SwayWindows
from voice_edit.desktop.base import Window
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.errors import TargetTimeout, TargetUnencodable

RICH = {
    "text/html": "<b>fett</b> é".encode(),
    "text/plain;charset=utf-8": "fett é 😀\n".encode(),
    "text/plain": b"fett",
    "image/png": bytes(range(256)) * 4000,
    "text/uri-list": b"file:///tmp/a%20b\r\nfile:///tmp/c\r\n",
    "x-special/gnome-copied-files": b"copy\nfile:///tmp/a%20b",
    "SAVE_TARGETS": b"",
}
"""What a clipboard may hold: text, HTML, a picture of a megabyte, files, and a type without content."""


@pytest.fixture(scope="module")
def sway() -> Iterator[VirtualWayland]:
    with virtual_wayland() as session:
        yield session


@pytest.fixture(scope="module")
def keyboard(sway: VirtualWayland) -> Iterator[VirtualKeyboard]:
    keyboard = VirtualKeyboard(sway.env)
    yield keyboard
    keyboard.close()


@pytest.fixture(scope="module", params=["gtk4", "gtk3", "qt"])
def app(
    request: pytest.FixtureRequest, sway: VirtualWayland, keyboard: VirtualKeyboard
) -> Iterator[WaylandApp]:
    app = WaylandApp(sway, request.param)
    yield app
    app.close()


@pytest.fixture(scope="module")
def gtk4(sway: VirtualWayland, keyboard: VirtualKeyboard) -> Iterator[WaylandApp]:
    app = WaylandApp(sway, "gtk4")
    yield app
    app.close()


@pytest.fixture
def other(sway: VirtualWayland) -> Iterator[Selections]:
    """Another program, that copies and pastes."""
    other = Selections(sway.env)
    yield other
    other.close()


@pytest.fixture
def clipboard(sway: VirtualWayland) -> Iterator[WaylandClipboard]:
    clipboard = WaylandClipboard(lambda: Selections(sway.env))
    yield clipboard
    clipboard.close()


def content(selections: Selections, which: str = "clipboard") -> dict[str, bytes]:
    """Everything that is there, as another program reads it."""
    offer = selections.current(which)  # type: ignore[arg-type]
    return read_all(selections.receive(offer, offer.types), quiet_s=5.0, most=1 << 24) if offer else {}


def active(sway: VirtualWayland) -> Window:
    windows = SwayWindows(sway.env)
    try:
        window = windows.active()
        assert window is not None
        return window
    finally:
        windows.close()


def test_a_paste_arrives_and_the_clipboard_holds_what_it_held_in_every_type(
    app: WaylandApp,
    sway: VirtualWayland,
    keyboard: VirtualKeyboard,
    clipboard: WaylandClipboard,
    other: Selections,
) -> None:
    other.own("clipboard", RICH)
    window = active(sway)
    app.set("")
    expected = ""
    for number in range(10):
        words = f"{number} Grüße 你好 😀 e\u0301 שלום\n"
        state = clipboard.paste(
            words, into=window, press=lambda: keyboard.press("<shift>+<insert>"), timeout_s=10.0
        )
        expected += words
        assert state == "claimed"
        assert content(other) == RICH
    app.until_text(expected)


def test_what_is_selected_in_the_field_is_replaced_by_the_paste(
    app: WaylandApp, sway: VirtualWayland, keyboard: VirtualKeyboard, clipboard: WaylandClipboard
) -> None:
    app.set("one two three", 4, 7)
    clipboard.paste("2", into=active(sway), press=lambda: keyboard.press("<ctrl>+v"), timeout_s=10.0)
    app.until_text("one 2 three")


def test_a_text_longer_than_a_pipe_arrives_whole(
    app: WaylandApp, sway: VirtualWayland, keyboard: VirtualKeyboard, clipboard: WaylandClipboard
) -> None:
    text = "Wörter 你好 " * 20_000
    app.set("")
    clipboard.paste(text, into=active(sway), press=lambda: keyboard.press("<ctrl>+v"), timeout_s=20.0)
    app.until_text(text)


def test_an_empty_clipboard_is_empty_again(
    gtk4: WaylandApp,
    sway: VirtualWayland,
    keyboard: VirtualKeyboard,
    clipboard: WaylandClipboard,
    other: Selections,
) -> None:
    other.clear("clipboard")
    clipboard.paste("x", into=active(sway), press=lambda: keyboard.press("<ctrl>+v"), timeout_s=10.0)
    until(lambda: other.current("clipboard") is None, "the clipboard was empty again")


def test_a_clipboard_manager_that_fetches_everything_does_not_count(
    gtk4: WaylandApp, sway: VirtualWayland, clipboard: WaylandClipboard, other: Selections, tmp_path: Path
) -> None:
    other.own("clipboard", {TEXT: b"before"})
    log = tmp_path / "manager"
    manager = sway.spawn("wl-paste", "--watch", "sh", "-c", f"cat >> {log}; echo >> {log}")
    until(lambda: log.exists() and "before" in log.read_text(), "the manager watches")
    window = active(sway)

    def press() -> None:  # nothing: only the manager asks
        until(lambda: "the words" in log.read_text(), "the manager has fetched the words")

    assert clipboard.paste("the words", into=window, press=press, timeout_s=0.5) == "unclaimed"
    assert content(other) == {TEXT: b"before"}
    manager.terminate()
    manager.wait()


def test_another_program_that_asks_at_the_same_moment_does_not_count(
    gtk4: WaylandApp, sway: VirtualWayland, clipboard: WaylandClipboard
) -> None:
    fetched: list[bytes] = []

    def press() -> None:
        fetched.append(sway.run("wl-paste", "-n"))

    assert clipboard.paste("words", into=active(sway), press=press, timeout_s=0.2) == "unclaimed"
    assert fetched == [b"words"]


def test_who_asks_before_the_chord_is_pressed_is_not_the_program() -> None:
    loan = _Loan(())
    reader, writer = os.pipe()
    assert loan.on_request(writer) is None
    loan.pressed = True
    assert loan.on_request(writer) is not None
    os.close(reader)
    os.close(writer)


def test_a_paste_is_over_only_when_the_program_has_all_of_it() -> None:
    loan = _Loan((), pressed=True)
    reader, writer = os.pipe()
    served = loan.on_request(writer)
    assert served is not None
    ended: list[str] = []
    waiting = threading.Thread(target=lambda: ended.append(loan.wait(60.0)))
    waiting.start()
    waiting.join(5 * LINGER_S)
    assert ended == []
    served()
    waiting.join()
    assert ended == ["claimed"]
    os.close(reader)
    os.close(writer)


def test_what_we_offer_is_marked_as_secret_for_managers(
    clipboard: WaylandClipboard, other: Selections, sway: VirtualWayland
) -> None:
    seen: list[dict[str, bytes]] = []
    clipboard.paste("x", into=None, press=lambda: seen.append(content(other)), timeout_s=5.0)
    assert seen[0]["x-kde-passwordManagerHint"] == b"secret"
    assert seen[0][TEXT] == b"x"


def test_a_frozen_program_leaves_the_paste_unclaimed_and_the_clipboard_as_it_was(
    gtk4: WaylandApp,
    sway: VirtualWayland,
    keyboard: VirtualKeyboard,
    clipboard: WaylandClipboard,
    other: Selections,
) -> None:
    other.own("clipboard", RICH)
    window = active(sway)
    with gtk4.frozen():
        state = clipboard.paste("x", into=window, press=lambda: keyboard.press("<f20>"), timeout_s=0.3)
        assert state == "unclaimed"
        assert content(other) == RICH


def test_a_program_that_froze_and_wakes_up_in_time_gets_the_new_text(
    gtk4: WaylandApp,
    sway: VirtualWayland,
    keyboard: VirtualKeyboard,
    clipboard: WaylandClipboard,
    other: Selections,
) -> None:
    other.own("clipboard", {TEXT: b"old"})
    gtk4.set("")
    window = active(sway)
    os.kill(gtk4.pid, signal.SIGSTOP)
    timer = threading.Timer(0.4, os.kill, (gtk4.pid, signal.SIGCONT))
    timer.start()
    state = clipboard.paste("new", into=window, press=lambda: keyboard.press("<ctrl>+v"), timeout_s=10.0)
    timer.join()
    assert state == "claimed"
    gtk4.until_text("new")
    assert content(other) == {TEXT: b"old"}


def test_what_somebody_copies_meanwhile_is_left_alone(
    clipboard: WaylandClipboard, other: Selections, sway: VirtualWayland
) -> None:
    other.own("clipboard", {TEXT: b"before"})

    def copy() -> None:
        other.own("clipboard", {TEXT: b"copied now"})

    state = clipboard.paste("x", into=None, press=copy, timeout_s=0.3)
    assert state == "unclaimed"
    assert content(other) == {TEXT: b"copied now"}


def test_a_chord_that_cannot_be_pressed_gives_the_clipboard_back_at_once(
    clipboard: WaylandClipboard, other: Selections
) -> None:
    other.own("clipboard", RICH)

    def press() -> None:
        raise FieldUnsupported("no such key")

    began_s = time.monotonic()
    with pytest.raises(FieldUnsupported, match="no such key"):
        clipboard.paste("x", into=None, press=press, timeout_s=60.0)
    assert time.monotonic() - began_s < 50
    assert content(other) == RICH


def test_a_clipboard_whose_owner_does_not_answer_is_neither_borrowed_nor_harmed(
    clipboard: WaylandClipboard, sway: VirtualWayland, other: Selections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_wayland_clipboard, "OWNER_QUIET_S", 0.2)
    owner = sway.spawn("wl-copy", "--foreground", "kept")
    until(lambda: b"kept" in content(other).values(), "wl-copy owned the clipboard")
    os.kill(owner.pid, signal.SIGSTOP)
    try:
        pressed: list[int] = []
        with pytest.raises(TargetTimeout, match="does not give its content"):
            clipboard.paste("x", into=None, press=lambda: pressed.append(1), timeout_s=1.0)
        assert not pressed
    finally:
        os.kill(owner.pid, signal.SIGCONT)
    assert sway.run("wl-paste", "-n") == b"kept"
    owner.terminate()
    owner.wait()


def test_a_clipboard_that_is_too_large_is_not_borrowed(
    clipboard: WaylandClipboard, sway: VirtualWayland, other: Selections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_wayland_clipboard, "MOST_BYTES", 100_000)
    other.own("clipboard", RICH)
    pressed: list[int] = []
    with pytest.raises(FieldUnsupported, match="cannot be borrowed"):
        clipboard.paste("x", into=None, press=lambda: pressed.append(1), timeout_s=1.0)
    assert not pressed
    assert content(other) == RICH
    sway.run("wl-copy", stdin=b"x" * 200_000)
    until(lambda: b"x" * 200_000 in content(other).values(), "wl-copy owned the clipboard")
    with pytest.raises(FieldUnsupported, match="cannot be borrowed"):
        clipboard.paste("x", into=None, press=lambda: pressed.append(1), timeout_s=1.0)
    assert sway.run("wl-paste", "-n") == b"x" * 200_000


def test_the_primary_selection_is_borrowed_for_terminals_only(
    clipboard: WaylandClipboard, other: Selections
) -> None:
    other.own("clipboard", {TEXT: b"copied"})
    other.own("primary", {TEXT: b"selected"})
    for app, offered in (("gedit", b"selected"), ("foot", b"words")):
        window = Window("sway:1", app, "", os.getpid())
        seen: list[dict[str, bytes]] = []
        clipboard.paste(
            "words",
            into=window,
            press=lambda seen=seen: seen.append(content(other, "primary")),
            timeout_s=0.2,
        )
        assert seen[0][TEXT] == offered, app
        assert content(other, "primary") == {TEXT: b"selected"}
        assert content(other) == {TEXT: b"copied"}


def test_words_left_for_the_user_are_read_back(clipboard: WaylandClipboard, sway: VirtualWayland) -> None:
    assert clipboard.put("Grüße 你好 😀\n")
    assert sway.run("wl-paste", "-n") == "Grüße 你好 😀\n".encode()
    # The next paste gives them back.
    clipboard.paste("x", into=None, press=lambda: None, timeout_s=0.1)
    assert sway.run("wl-paste", "-n") == "Grüße 你好 😀\n".encode()


def test_half_a_character_is_refused(clipboard: WaylandClipboard, other: Selections) -> None:
    other.own("clipboard", {TEXT: b"before"})
    with pytest.raises(TargetUnencodable):
        clipboard.paste("\ud83d", into=None, press=lambda: None, timeout_s=1.0)
    assert content(other) == {TEXT: b"before"}


def holders() -> list[int]:
    """Processes that keep a selection for us."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if b"voice_edit.desktop._wayland_holder" in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


def test_what_was_given_back_outlives_us_until_somebody_copies_something_else(
    sway: VirtualWayland, other: Selections
) -> None:
    leaving = _clipboard(sway.env)
    other.own("clipboard", RICH)
    leaving.paste("x", into=None, press=lambda: None, timeout_s=0.1)
    assert other.owned("clipboard") is None
    before = holders()
    leaving.close()
    (holder,) = set(holders()) - set(before)
    assert content(other) == RICH
    other.own("clipboard", {TEXT: b"new"})
    until(lambda: holder not in holders(), "the process that kept it ended")
    assert content(other) == {TEXT: b"new"}


def test_nothing_is_left_behind_where_the_clipboard_is_not_ours(
    sway: VirtualWayland, other: Selections
) -> None:
    leaving = _clipboard(sway.env)
    other.own("clipboard", {TEXT: b"x"})
    before = holders()
    leaving.close()
    assert holders() == before


# --- pipes --------------------------------------------------------------------------------------------------


def test_several_pipes_are_read_at_once_and_closed() -> None:
    pipes = {name: os.pipe() for name in ("a", "b")}
    writers = [threading.Thread(target=_fill, args=(writer, name)) for name, (_, writer) in pipes.items()]
    for thread in reversed(writers):
        thread.start()
    got = read_all({name: reader for name, (reader, _) in pipes.items()}, quiet_s=5.0, most=1 << 24)
    assert got == {name: name.encode() * 300_000 for name in pipes}
    for thread in writers:
        thread.join()
    for reader, _ in pipes.values():
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(reader)


def _fill(fd: int, name: str) -> None:
    with os.fdopen(fd, "wb") as file:
        file.write(name.encode() * 300_000)


def test_a_pipe_that_brings_too_much_is_given_up() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"x" * 100)
    with pytest.raises(TooLarge):
        read_all({"a": reader}, quiet_s=5.0, most=99)
    os.close(writer)


def test_a_reader_that_gives_up_ends_the_writer_and_is_no_service() -> None:
    reader, fd = os.pipe()
    writer = Writer(fd, b"x" * 1_000_000)
    writer.write()
    assert not writer.over
    os.close(reader)
    writer.write()
    assert (writer.failed, writer.complete) == (True, False)


def test_who_reads_from_a_pipe_is_told_by_the_kernel() -> None:
    reader, writer = os.pipe()
    child = subprocess.Popen(["sleep", "60"], pass_fds=(writer,))  # which has the writing end, like us
    try:
        assert reads_from(writer, [os.getpid()]) is True
        assert reads_from(writer, [child.pid]) is False
        assert reads_from(writer, []) is None
        assert reads_from(writer, [2**22 + 1]) is None  # no such process
    finally:
        child.kill()
        child.wait()
        os.close(reader)
        os.close(writer)
