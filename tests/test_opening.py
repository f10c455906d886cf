"""The desktop is put together from what works; what does not is told with its remedy and breaks nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from virtual_desktop import VirtualDesktop, virtual_desktop

from voice_edit.config import Settings
from voice_edit.desktop.base import Desktop, Means
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.desktop.opening import open_desktop
from voice_edit.desktop.session import session_kind

X11 = {"DISPLAY": ":77"}
WAYLAND = {"WAYLAND_DISPLAY": "wayland-7", "DISPLAY": ":77"}


class Part:
    """Stands for anything that was opened."""

    switched_on = False

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments


def broken(error: Exception) -> Any:
    def open_it(*arguments: Any) -> Any:
        raise error

    return open_it


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a module in the place of one of ours: `library("_x11", X11Windows=..., ...)`."""

    def put(name: str, **content: Any) -> None:
        module = ModuleType(f"voice_edit.desktop.{name}")
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, module.__name__, module)

    put("_atspi", open_atspi=Part)
    put("_x11", X11Windows=Part, X11Keyboard=Part, X11Clipboard=Part)
    return put


def told(desktop: Desktop, part: str) -> Means:
    """What is told of a part; the first one counts."""
    return next(one for one in desktop.means if one.part == part)


@pytest.mark.parametrize(
    ("environ", "platform", "kind"),
    [
        ({}, "linux", "none"), ({"DISPLAY": ""}, "linux", "none"), (X11, "linux", "x11"),
        (WAYLAND, "linux", "wayland"), ({}, "darwin", "macos"), ({}, "win32", "windows"),
    ],
)  # fmt: skip
def test_the_kind_of_session_is_read_from_the_environment(
    environ: dict[str, str], platform: str, kind: str
) -> None:
    assert session_kind(environ, platform) == kind


def test_all_parts_of_an_x_session_are_opened_and_told(library: Any) -> None:
    desktop = open_desktop(X11, platform="linux")
    assert None not in (desktop.accessibility, desktop.windows, desktop.clipboard, desktop.keyboard)
    assert [(one.part, one.works) for one in desktop.means] == [
        ("accessibility", True), ("windows", True), ("keyboard", True), ("clipboard", True),
    ]  # fmt: skip
    assert desktop.windows.arguments == (":77",)  # type: ignore[union-attr]


def test_one_part_that_fails_leaves_the_others(library: Any) -> None:
    refusal = FieldUnsupported("The X server has no XTEST.", hint="Start it with +extension XTEST.")
    library("_x11", X11Windows=Part, X11Keyboard=broken(refusal), X11Clipboard=Part)
    desktop = open_desktop(X11, platform="linux")
    assert desktop.keyboard is None
    assert desktop.clipboard is not None
    assert told(desktop, "keyboard").why == "The X server has no XTEST."
    assert told(desktop, "keyboard").remedy == "Start it with +extension XTEST."
    assert told(desktop, "clipboard").works


def test_without_a_clipboard_of_its_own_words_can_still_be_left_somewhere(library: Any) -> None:
    library("_x11", X11Windows=Part, X11Keyboard=Part, X11Clipboard=broken(FieldUnsupported("No.")))
    desktop = open_desktop(X11, platform="linux")
    assert desktop.clipboard is not None
    assert desktop.clipboard.name == "pyperclip"
    with pytest.raises(FieldUnsupported):
        desktop.clipboard.paste("words", into=None, press=lambda: None, timeout_s=1.0)


def test_a_library_that_is_missing_is_told_with_the_way_to_get_it(library: Any) -> None:
    library("_atspi", open_atspi=broken(ModuleNotFoundError("No module named 'dbus_fast'")))
    means = told(open_desktop(X11, platform="linux"), "accessibility")
    assert "dbus_fast" in means.why
    assert "pip install voice-edit" in means.remedy


def test_a_fault_of_ours_in_one_part_is_told_and_breaks_nothing(library: Any) -> None:
    library("_atspi", open_atspi=broken(ZeroDivisionError("oh")))
    desktop = open_desktop(X11, platform="linux")
    assert desktop.accessibility is None
    assert "ZeroDivisionError: oh" in told(desktop, "accessibility").why
    assert desktop.keyboard is not None


def test_accessibility_that_we_switched_on_is_told_because_programs_notice(library: Any) -> None:
    class Sleeping(Part):
        switched_on = True

    library("_atspi", open_atspi=Sleeping)
    assert "is on now" in told(open_desktop(X11, platform="linux"), "accessibility").why


def test_a_wayland_session_takes_what_there_is_and_tells_the_rest(library: Any) -> None:
    lacking = Means("keyboard", "wtype", False, "It has no virtual keyboard.", "Install ydotool.")
    parts = SimpleNamespace(windows=Part(), keyboard=None, clipboard=Part(), means=(lacking,))
    library("_wayland", open_wayland=lambda environ: parts)
    desktop = open_desktop(WAYLAND, platform="linux")
    assert (desktop.windows, desktop.keyboard, desktop.clipboard) == (parts.windows, None, parts.clipboard)
    assert told(desktop, "keyboard") == lacking


def test_a_mac_takes_what_there_is(library: Any) -> None:
    parts = SimpleNamespace(accessibility=Part(), windows=Part(), keyboard=Part(), clipboard=Part(), means=())
    library("_ax", open_ax=lambda: parts)
    desktop = open_desktop({}, platform="darwin")
    assert (desktop.kind, desktop.accessibility) == ("macos", parts.accessibility)


def test_on_windows_it_says_not_yet_and_leaves_words_on_the_clipboard() -> None:
    desktop = open_desktop({}, platform="win32")
    assert (desktop.accessibility, desktop.windows, desktop.keyboard) == (None, None, None)
    assert desktop.clipboard is not None
    assert "yet" in told(desktop, "accessibility").why
    assert "Ctrl+V" in told(desktop, "keyboard").remedy


def test_without_a_desktop_nothing_is_tried(library: Any) -> None:
    library("_atspi", open_atspi=broken(AssertionError("tried")))
    desktop = open_desktop({}, platform="linux")
    assert desktop.clipboard is None
    assert not any(one.works for one in desktop.means)
    assert "voice-edit tui" in told(desktop, "keyboard").remedy


def test_switched_off_nothing_is_tried(library: Any) -> None:
    library("_atspi", open_atspi=broken(AssertionError("tried")))
    desktop = open_desktop(X11, Settings.model_validate({"field": {"enabled": False}}), platform="linux")
    assert (desktop.accessibility, desktop.clipboard) == (None, None)
    assert {one.why for one in desktop.means} == {"Switched off by field.enabled."}


def test_nothing_is_left_open_when_the_desktop_is_closed(library: Any) -> None:
    closed: list[Any] = []

    class Closing(Part):
        def close(self) -> None:
            closed.append(self)

    library("_atspi", open_atspi=Closing)
    library("_x11", X11Windows=Closing, X11Keyboard=Closing, X11Clipboard=Closing)
    open_desktop(X11, platform="linux").close()
    assert len(closed) == 4


# --- with a real desktop ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def desk() -> Iterator[VirtualDesktop]:
    with virtual_desktop() as desk:
        yield desk


def test_a_real_x_session_opens_and_knows_the_window_and_the_field(desk: VirtualDesktop) -> None:
    app = desk.start("gtk3")
    with desk.entered():
        desktop = open_desktop(desk.env)
        try:
            assert [one for one in desktop.means if not one.works] == []
            assert desktop.windows is not None
            assert desktop.accessibility is not None
            window, element = desktop.windows.active(), desktop.accessibility.focused()
        finally:
            desktop.close()
    app.close()
    assert window is not None
    assert element is not None
    assert window.pid == element.pid
    assert (element.toolkit, element.role, element.editable) == ("gtk3", "text", True)


def test_a_display_that_is_gone_leaves_a_desktop_that_says_so() -> None:
    desktop = open_desktop({"DISPLAY": ":4711", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere/bus"})
    try:
        assert (desktop.windows, desktop.keyboard) == (None, None)
        assert told(desktop, "keyboard").remedy
    finally:
        desktop.close()
