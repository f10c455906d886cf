"""What hangs, ends or is not there: programs, their fields, the accessibility bus."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from atspi_fields import Scene, scene
from virtual_desktop import running
from virtual_display import until

from voice_edit.desktop import _atspi
from voice_edit.desktop.errors import FieldSecret, FieldUnsupported
from voice_edit.edits import Selection
from voice_edit.errors import TargetGone, TargetTimeout, TargetUncertain

TEXT = "Grüße, 你好 😀 end."
SHOWN_PASSWORD = """
import gi
gi.require_version("Gtk", "3.0")
from gi.repository import Gtk
F5 = 0xFFC2
window, entry = Gtk.Window(title="shown-password"), Gtk.Entry(visibility=False, text="hunter2")
window.connect("key-press-event", lambda _, key: key.keyval == F5 and entry.set_visibility(True))
window.add(entry)
window.show_all()
window.present()
Gtk.main()
"""


@pytest.fixture
def stage() -> Iterator[Scene]:
    """One for each test: they break things."""
    with scene() as made:
        yield made


def told(stage: Scene) -> Any:
    return stage.service.focused()


@pytest.mark.parametrize("kind", ["gtk3", "gtk4", "qt"])
def test_a_program_that_hangs_is_given_up_and_nothing_is_written(stage: Scene, kind: str) -> None:
    app = stage.app(kind)
    app.set(TEXT)
    element = stage.element(app)
    field = stage.service.field(element)
    app.freeze()
    assert told(stage) == element, "what has the focus is known without asking"
    for act in (
        lambda: field.look(100),
        lambda: field.replace(0, 5, "x"),
        lambda: field.select(Selection(0, 5)),
        field.is_alive,
    ):
        with pytest.raises(TargetTimeout):
            act()
    app.thaw()
    until(lambda: field.look(100).text == TEXT, "it answered again")
    assert app.text() == TEXT


@pytest.mark.parametrize("kind", ["gtk3", "gtk4", "qt"])
def test_a_program_that_hangs_while_it_is_written_to_does_all_of_it_later(
    stage: Scene, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = stage.app(kind)
    app.set("Gruesse, ende.")
    field = stage.field(app)

    async def untouched() -> int:
        return (1 << 7) | (1 << 8)  # editable, enabled

    monkeypatch.setattr(field, "_check", untouched)
    if kind == "qt":  # it would be asked for its text, to count

        async def native(*points: int) -> tuple[int, ...]:
            return points

        monkeypatch.setattr(field._plain, "native", native)  # type: ignore[attr-defined]
    app.freeze()
    with pytest.raises(TargetUncertain):
        field.replace(0, 7, "Grüße 😀")
    app.thaw()
    app.expect("Grüße 😀, ende.")


def test_a_program_that_hangs_behind_does_not_hide_the_field_in_front(stage: Scene) -> None:
    hung = stage.app("gtk3")
    app = stage.app("qt")
    element = stage.element(app)
    hung.freeze()
    with stage.desk.entered():
        late = _atspi.open_atspi()
    try:
        assert late.focused() == element
        assert late.field(element).is_focused()
        late.close()
        with stage.desk.entered():
            late = _atspi.open_atspi()
        stage.app("tk")
        until(lambda: late.focused() is None, "nothing has the focus, and what hangs is not waited for again")
    finally:
        late.close()


@pytest.mark.parametrize("kind", ["gtk3", "gtk4", "qt", "chromium"])
def test_a_program_that_ended_is_gone_and_has_no_focus(stage: Scene, kind: str) -> None:
    app = stage.app(kind)
    app.set(TEXT)
    element = stage.element(app)
    field = stage.service.field(element)
    stage.closed(kind)
    until(lambda: told(stage) is None, "it lost the focus")
    assert not field.is_alive()
    for act in (lambda: field.look(100), lambda: field.replace(0, 5, "x"), field.is_focused):
        with pytest.raises(TargetGone):
            act()


def test_a_password_that_a_click_shows_stays_a_secret(stage: Scene) -> None:
    stage.desk.spawn("/usr/bin/python3", "-c", SHOWN_PASSWORD)
    until(lambda: (element := told(stage)) is not None and element.secret, "the password was told as one")
    stage.desk.tap("F5")
    until(lambda: (element := told(stage)) is not None and element.role == "text", "it was shown")
    element = told(stage)
    assert (element.secret, element.readable, element.writable) == (True, False, False)
    with pytest.raises(FieldSecret):
        stage.service.field(element).look(100)


def of(stage: Scene, program: str) -> list[int]:
    """Processes of this desktop, by the name of their program."""
    found = []
    for pid in running(stage.desk.folder):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if program.encode() in b" ".join(words[:2]):
            found.append(pid)
    return found


def test_an_accessibility_bus_that_was_started_anew_is_used(stage: Scene) -> None:
    app = stage.app("gtk3")
    field = stage.field(app)
    for pid in of(stage, "at-spi-bus-launcher"):
        os.kill(pid, signal.SIGKILL)
    for pid in of(stage, "at-spi2"):  # its bus daemon
        os.kill(pid, signal.SIGKILL)
    until(lambda: told(stage) is None, "the focus was forgotten")
    assert not field.is_alive()
    until(lambda: stage.service.bus.connected, "it connected again")
    other = stage.app("qt")
    other.set(TEXT)
    assert stage.field(other).look(100).text == TEXT


def test_a_registry_that_was_started_anew_is_told_what_we_listen_to(stage: Scene) -> None:
    stage.element(stage.app("qt"))
    registries = of(stage, "at-spi2-registryd")
    assert registries
    for pid in registries:
        os.kill(pid, signal.SIGKILL)
    until(lambda: of(stage, "at-spi2-registryd") not in ([], registries), "another was started")
    app = stage.app("gtk3")
    app.set(TEXT)
    assert stage.field(app).look(100).text == TEXT


def test_without_a_session_bus_it_says_so_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    with pytest.raises(FieldUnsupported, match="session bus") as error:
        _atspi.open_atspi()
    assert "at-spi2-core" in error.value.hint
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    with pytest.raises(FieldUnsupported, match="cannot be reached"):
        _atspi.open_atspi()
    means = _atspi.probe()
    assert (means.part, means.name, means.works) == ("accessibility", "at-spi", False)
    assert "at-spi2-core" in means.remedy
    assert means.why.endswith(".")


def test_doctor_is_told_that_it_works_and_that_it_was_switched_on(stage: Scene) -> None:
    assert stage.service.switched_on
    with stage.desk.entered():
        means = _atspi.probe()
    assert means.works
    assert "Qt" not in means.why, "it was on already"


def test_what_was_closed_stays_closed_and_says_so(stage: Scene) -> None:
    app = stage.app("qt")
    field = stage.field(app)
    stage.service.close()
    stage.service.close()
    with pytest.raises(TargetGone):
        field.look(100)
