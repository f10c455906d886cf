"""The desktop that other tests rely on: its programs tell the truth, and nothing outlives it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from desktop_apps import PROGRAMS
from virtual_desktop import VirtualDesktop, running, virtual_desktop
from virtual_display import until

LINES = "Grüße, 你好 😀 end.\nSecond line"


@pytest.fixture(scope="module")
def desk() -> Iterator[VirtualDesktop]:
    with virtual_desktop() as desk:
        yield desk


@pytest.mark.parametrize("kind", PROGRAMS)
def test_a_program_holds_what_it_was_given_and_what_was_typed(desk: VirtualDesktop, kind: str) -> None:
    app = desk.start(kind)
    for field in app.fields:
        text = LINES.split("\n", maxsplit=1)[0] if field in ("entry", "password") else LINES
        app.set(text, caret=11, field=field)
        assert (app.text(field), app.selection(field)) == (text, (11, 11))
        app.select(3, 11, field=field)
        assert app.selection(field) == (3, 11)
        app.focus(field)
    app.focus("text")
    app.select(10, 10)
    desk.tap("x")
    app.expect(LINES[:10] + "x" + LINES[10:])
    app.close()


@pytest.mark.parametrize("kind", ["xterm", "vte"])
def test_a_terminal_tells_what_arrived_on_its_keyboard(desk: VirtualDesktop, kind: str) -> None:
    terminal = desk.start(kind)
    desk.tap("h", "i", "ctrl+c", "Return")
    terminal.expect("hi\x03\n")
    terminal.set()
    assert terminal.text() == ""
    terminal.close()


def test_a_frozen_program_takes_keys_when_it_goes_on(desk: VirtualDesktop) -> None:
    app = desk.start("qt")
    app.freeze()
    desk.tap("x")
    state = Path(f"/proc/{app.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    assert state == "T"
    app.thaw()
    app.expect("x")
    app.close()


def test_the_program_started_last_is_in_front_until_another_is_brought_there(desk: VirtualDesktop) -> None:
    first, second = desk.start("tk"), desk.start("tk")
    assert desk.active_window() == desk.window_of(second)
    assert first.focused() is None
    desk.activate(first)
    assert first.focused() == "text"
    first.close()
    second.close()


def test_nothing_outlives_a_desktop() -> None:
    with virtual_desktop() as desk:
        folder = desk.folder
        desk.start("gtk3")
        desk.start("chromium").freeze()
        desk.start("xterm").freeze()
        assert len(running(folder)) > 5
    until(lambda: not running(folder), "everything that was started had ended")
    assert not folder.exists()
