"""Which way to the keyboard is chosen, and what is said about the others."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from virtual_display import VirtualDisplay, virtual_display

from hotkeys import Attempt, Bindings, NoHotkeyBackend, choose_backend, choosing, probe_backends

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def display() -> Iterator[VirtualDisplay]:
    with virtual_display(window_manager=False) as shown:
        yield shown


@pytest.fixture(autouse=True)
def nothing_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A console: no display, no session bus."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE", "DBUS_SESSION_BUS_ADDRESS", "XAUTHORITY"):
        monkeypatch.delenv(name, raising=False)


def by_name(attempts: list[Attempt]) -> dict[str, Attempt]:
    return {attempt.name: attempt for attempt in attempts}


def test_on_x11_the_backend_that_keeps_the_keys_is_chosen(
    display: VirtualDisplay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", display.name)
    listener = choose_backend(Bindings())
    assert (listener.backend, listener.consumes, listener.problems) == ("x11", True, ())
    listener.close()


def test_each_backend_says_on_a_console_why_it_cannot_work_and_what_to_do() -> None:
    with pytest.raises(NoHotkeyBackend) as caught:
        choose_backend(Bindings())
    assert [attempt.name for attempt in caught.value.tried] == ["x11", "pynput", "portal", "evdev"]
    for name, why, remedy in caught.value.tried:
        assert why, name
        assert remedy, name
        assert f"{name}: {why}" in str(caught.value)
        assert remedy in caught.value.hint


def test_in_a_wayland_session_x11_keys_are_not_trusted_even_with_a_display(display: VirtualDisplay) -> None:
    for environ in ({"WAYLAND_DISPLAY": "wayland-0"}, {"XDG_SESSION_TYPE": "wayland"}):
        told = probe_backends({**environ, "DISPLAY": display.name}, "linux")
        assert [attempt.name for attempt in told] == ["portal", "x11", "pynput", "evdev"]
        assert "Xwayland" in by_name(told)["x11"].why
        assert "voice-edit talk start" in by_name(told)["x11"].remedy
        assert "docs/hotkeys.md" in by_name(told)["pynput"].remedy


def test_reading_the_kernels_devices_is_never_chosen_unasked() -> None:
    told = by_name(probe_backends({}, "linux"))
    assert "only when it is asked for" in told["evdev"].why


def test_on_macos_there_is_pynput() -> None:
    assert [attempt.name for attempt in probe_backends({}, "darwin")] == ["pynput"]


def test_probing_takes_no_key_from_anybody(display: VirtualDisplay) -> None:
    told = by_name(probe_backends({"DISPLAY": display.name}, "linux"))
    assert told["x11"].works


def test_a_backend_that_is_asked_for_by_name_is_the_only_one_tried() -> None:
    with pytest.raises(NoHotkeyBackend, match="DISPLAY is not set") as caught:
        choose_backend(Bindings(), "x11")
    assert [attempt.name for attempt in caught.value.tried] == ["x11"]


def test_asked_for_by_name_x11_works_in_a_wayland_session_too(
    display: VirtualDisplay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", display.name)
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    listener = choose_backend(Bindings(), "x11")
    listener.close()


def test_none_and_no_keys_and_unknown_names_say_so() -> None:
    with pytest.raises(NoHotkeyBackend, match="switched off"):
        choose_backend(Bindings(), "none")
    with pytest.raises(NoHotkeyBackend, match="neither dictate nor edit has a key"):
        choose_backend(Bindings(dictate="", edit=""))
    with pytest.raises(NoHotkeyBackend, match="there is no such backend"):
        choose_backend(Bindings(), "carbon")  # type: ignore[arg-type]


def test_a_missing_library_is_a_reason_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("hotkeys._x11", "hotkeys._portal", "hotkeys._pynput"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delattr("hotkeys._x11", raising=False)
    monkeypatch.delattr("hotkeys._portal", raising=False)
    monkeypatch.delattr("hotkeys._pynput", raising=False)
    told = by_name(probe_backends({"DISPLAY": ":0"}, "linux"))
    for name in ("x11", "pynput", "portal"):
        assert "a library is missing" in told[name].why
        assert told[name].remedy
    with pytest.raises(NoHotkeyBackend, match="a library is missing"):
        choose_backend(Bindings(), "x11")


def test_choosing_loads_no_library_of_a_backend_that_was_not_tried(display: VirtualDisplay) -> None:
    libraries = "{'Xlib', 'pynput', 'evdev', 'dbus_fast'}"
    show = f"print(*sorted({{n.partition('.')[0] for n in sys.modules}} & {libraries}))"
    choose = "hotkeys.choose_backend(hotkeys.Bindings(), 'x11').close()"
    script = f"import sys, hotkeys\n{show}\n{choose}\n{show}\n"
    done = subprocess.run(
        [sys.executable, "-c", script], env=display.env, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "\nXlib\n"


def test_the_remedy_names_are_settings_that_exist() -> None:
    assert set(choosing.get_args(choosing.BackendName)) == {
        "auto",
        "x11",
        "pynput",
        "evdev",
        "portal",
        "none",
    }
