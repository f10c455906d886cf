"""Grabs on a real X server, with keys that the server takes for real ones."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hotkey_ear import Ear
from virtual_display import PATIENCE_S, TypingPad, VirtualDisplay, until, virtual_display

from hotkeys import (
    BackendUnavailable,
    Bindings,
    ChordTaken,
    ChordUnsupported,
    ListenerLost,
    NoHotkeyBackend,
    Problem,
    _x11,
    _xkb,
    choose_backend,
)
from hotkeys._x11 import X11Listener
from hotkeys.gesture import KeyEvent
from hotkeys.modifiers import HeldModifiers, wait_until_released

CHORD = ("ctrl", "alt", "space")


@pytest.fixture(scope="module")
def shared() -> Iterator[VirtualDisplay]:
    with virtual_display() as shown:
        yield shown


@pytest.fixture
def display(shared: VirtualDisplay) -> Iterator[VirtualDisplay]:
    """The module's display with a fresh US keyboard."""
    shared.us_layout()
    yield shared
    shared.hands_off()


@pytest.fixture
def pad(display: VirtualDisplay) -> Iterator[TypingPad]:
    window = TypingPad(display)
    yield window
    window.close()


@contextmanager
def listening(
    display: VirtualDisplay, kind: type[X11Listener] = X11Listener, **bindings: Any
) -> Iterator[Ear]:
    """An ear on this display; fails when it heard what the test did not ask for."""
    ear = Ear(kind(Bindings(**bindings), display=display.name))
    try:
        yield ear
    except BaseException:
        ear.close()
        raise
    assert ear.close() == []


def typed(pad: TypingPad, display: VirtualDisplay) -> list[str]:
    """What the window saw up to now, modifiers left out; a last "z" tells that nothing is under way."""
    display.tap("z")
    until(lambda: "z" in pad.look(), "the z arrived")
    seen = [key for key in pad.pressed if not key.endswith(("_L", "_R"))]
    pad.pressed.clear()
    return seen[:-1]


# --- our keys are ours, all others are not ------------------------------------------------------------------


def test_holding_the_chord_talks_and_the_window_with_the_focus_sees_nothing_of_it(
    display: VirtualDisplay, pad: TypingPad
) -> None:
    with listening(display, style="hold") as ear:
        display.down(*CHORD)
        assert ear.next() == "start dictate"
        display.up(*reversed(CHORD))
        assert ear.next() == "stop"
        display.tap("a", "space")
        assert typed(pad, display) == ["a", "space"]


def test_without_a_listener_the_window_does_see_the_chord(display: VirtualDisplay, pad: TypingPad) -> None:
    display.down(*CHORD)
    display.up(*reversed(CHORD))
    assert typed(pad, display) == ["space"]


def test_after_close_the_chord_is_everybodys_again(display: VirtualDisplay, pad: TypingPad) -> None:
    with listening(display):
        pass
    display.down(*CHORD)
    display.up(*reversed(CHORD))
    assert typed(pad, display) == ["space"]


def test_a_larger_chord_goes_to_the_window_and_not_to_us(display: VirtualDisplay, pad: TypingPad) -> None:
    with listening(display):
        display.down("ctrl", "alt", "shift", "space")
        display.up("space", "shift", "alt", "ctrl")
        assert typed(pad, display) == ["space"]


def test_of_two_chords_the_more_specific_one_is_pressed(display: VirtualDisplay) -> None:
    with listening(
        display, dictate="<ctrl>+<alt>+space", edit="<ctrl>+<alt>+<shift>+space", style="hold"
    ) as ear:
        display.down("alt", "shift", "ctrl", "space")
        assert ear.next() == "start edit"
        display.up("space", "shift")
        assert ear.next() == "stop"
        display.down("space")
        assert ear.next() == "start dictate"
        display.up("space", "alt", "ctrl")
        assert ear.next() == "stop"


@pytest.mark.parametrize("locks", [["Num_Lock"], ["Caps_Lock"], ["Num_Lock", "Caps_Lock"], ["Scroll_Lock"]])
def test_locks_do_not_hide_the_chord(display: VirtualDisplay, locks: list[str]) -> None:
    display.tap(*locks)
    try:
        with listening(display, style="hold") as ear:
            display.down(*CHORD)
            assert ear.next() == "start dictate"
            display.up(*reversed(CHORD))
            assert ear.next() == "stop"
    finally:
        display.tap(*locks)


KEYS = {
    "<f9>": ["F9"],
    "<pause>": ["Pause"],
    "<right_ctrl>": ["105"],  # by key code: for some right-hand modifiers xdotool adds a left-hand one
    "`": ["grave"],
    "<menu>": ["Menu"],
    "<insert>": ["Insert"],
    "<super>+<shift>+5": ["Super_L", "Shift_L", "5"],
    "<ctrl>+?": ["Control_L", "Shift_L", "slash"],
}


@pytest.mark.parametrize("chord", KEYS)
def test_all_sorts_of_keys_can_be_held(display: VirtualDisplay, pad: TypingPad, chord: str) -> None:
    keys = KEYS[chord]
    with listening(display, dictate=chord, style="hold") as ear:
        display.down(*keys)
        assert ear.next() == "start dictate"
        display.up(*reversed(keys))
        assert ear.next() == "stop"
        assert typed(pad, display) == []


# --- how keyboards behave -----------------------------------------------------------------------------------


@pytest.mark.parametrize("detectable", [True, False])
@pytest.mark.parametrize("style", ["hold", "hybrid", "toggle"])
def test_a_held_key_that_repeats_is_one_press(
    display: VirtualDisplay, monkeypatch: pytest.MonkeyPatch, style: str, detectable: bool
) -> None:
    heard: list[KeyEvent] = []

    class Counting(X11Listener):
        def _feed(self, event: KeyEvent) -> None:
            heard.append(event)
            super()._feed(event)

    if not detectable:
        monkeypatch.setattr(_xkb.Keyboard, "detectable_auto_repeat", lambda _: False)
    with listening(display, Counting, style=style, debounce_ms=0) as ear:
        display.down(*CHORD)
        assert ear.next() == "start dictate"
        until(lambda: sum(type(event).__name__ == "Press" for event in heard) > 20, "the key repeated")
        display.up(*reversed(CHORD))
        if style != "toggle":
            assert ear.next() == "stop"
        releases = sum(type(event).__name__ == "Release" for event in heard)
        until(lambda: ear.listener._gesture.down is None, "the release was seen")  # type: ignore[attr-defined]
        display.tap("Escape")
        assert style != "toggle" or ear.next() == "cancel"
    assert releases > 10 if not detectable else releases <= 1


@pytest.mark.parametrize("detectable", [True, False])
def test_modifiers_released_before_the_key_do_not_end_the_hold(
    display: VirtualDisplay, pad: TypingPad, monkeypatch: pytest.MonkeyPatch, detectable: bool
) -> None:
    if not detectable:
        monkeypatch.setattr(_xkb.Keyboard, "detectable_auto_repeat", lambda _: False)
    with listening(display, style="hold") as ear:
        display.down(*CHORD)
        assert ear.next() == "start dictate"
        display.up("ctrl", "alt")
        time.sleep(0.5)  # for some repeats of the bare space bar
        assert len(ear.gestures) == 1
        display.up("space")
        assert ear.next() == "stop"
        assert typed(pad, display) == []


def test_a_key_that_came_up_unseen_is_found_by_asking_the_server(
    display: VirtualDisplay, monkeypatch: pytest.MonkeyPatch
) -> None:
    class LosesReleases(X11Listener):
        lost = 0

        def _released(self, keycode: int) -> Iterator[KeyEvent]:
            self.lost += 1
            return iter(()) if self.lost == 1 else super()._released(keycode)

    monkeypatch.setattr(_x11, "LOOK_S", 0.05)
    with listening(display, LosesReleases, dictate="<f9>", style="hold") as ear:
        display.down("F9")
        assert ear.next() == "start dictate"
        display.up("F9")
        assert ear.next() == "stop"
        assert ear.listener.lost == 2  # type: ignore[attr-defined]


def test_a_key_that_stays_down_too_long_stops(display: VirtualDisplay) -> None:
    with listening(display, dictate="<f9>", style="hold", longest_hold_s=0.3) as ear:
        display.down("F9")
        assert ear.next() == "start dictate"
        assert ear.next() == "stop"
        display.up("F9")


# --- Escape -------------------------------------------------------------------------------------------------


def test_escape_cancels_in_the_middle_of_a_hold_and_the_window_does_not_see_it(
    display: VirtualDisplay, pad: TypingPad
) -> None:
    with listening(display, style="hold") as ear:
        display.down(*CHORD)
        assert ear.next() == "start dictate"
        display.tap("Escape")
        assert ear.next() == "cancel"
        display.up(*reversed(CHORD))
        assert typed(pad, display) == []


def test_escape_is_ours_only_while_somebody_talks(display: VirtualDisplay, pad: TypingPad) -> None:
    with listening(display, style="toggle") as ear:
        display.tap("Escape")
        assert typed(pad, display) == ["Escape"]
        display.down(*CHORD)
        display.up(*reversed(CHORD))
        assert ear.next() == "start dictate"
        display.tap("Escape")
        assert ear.next() == "cancel"
        assert typed(pad, display) == []
        display.tap("Escape")
        assert typed(pad, display) == ["Escape"]


def test_escape_cancels_what_was_begun_by_command(display: VirtualDisplay, pad: TypingPad) -> None:
    with listening(display) as ear:
        ear.listener.talking(True)
        until(lambda: ear.listener._gesture.talk == "outside", "it was told")  # type: ignore[attr-defined]
        display.tap("Escape")
        assert ear.next() == "cancel"
        ear.listener.talking(False)
        until(lambda: not ear.listener._cancel_wanted, "Escape was let go")  # type: ignore[attr-defined]
        display.tap("Escape")
        assert typed(pad, display) == ["Escape"]


def test_alt_escape_stays_the_window_managers(display: VirtualDisplay) -> None:
    with listening(display, style="toggle") as ear:
        display.down(*CHORD)
        display.up(*reversed(CHORD))
        assert ear.next() == "start dictate"
        display.down("alt")
        display.tap("Escape")
        display.up("alt")
        display.down(*CHORD)
        display.up(*reversed(CHORD))
        assert ear.next() == "stop"
        assert ear.listener.problems == ()


def grabbed(ear: Ear) -> frozenset[int]:
    """The key codes of the dictate chord as they are grabbed now."""
    assert isinstance(ear.listener, X11Listener)
    grab = ear.listener._grabs.get("dictate")
    return grab.keycodes if grab else frozenset()


# --- keyboard maps ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["us", "de", "fr", "ru", "us,ru", "ru,us", "us(dvorak)"])
def test_chords_work_in_every_layout_and_follow_the_label_where_there_is_one(
    display: VirtualDisplay, layout: str
) -> None:
    display.layout("-layout", layout.partition("(")[0], "-variant", layout.partition("(")[2].rstrip(")"))
    with listening(display, style="hold", edit="<ctrl>+<alt>+q", dictate="`") as ear:
        q_key = {"fr": "38", "us(dvorak)": "53"}.get(layout, "24")
        display.down("ctrl", "alt", q_key)
        assert ear.next() == "start edit"
        display.up(q_key, "alt", "ctrl")
        assert ear.next() == "stop"


def test_a_layout_that_is_loaded_while_we_listen_is_followed(display: VirtualDisplay, pad: TypingPad) -> None:
    with listening(display, style="hold", dictate="<ctrl>+<alt>+z", edit="") as ear:
        for layout, z_key, y_key in (("us", "52", "29"), ("de", "29", "52"), ("us", "52", "29")):
            display.layout(layout)
            wanted = int(z_key)
            until(lambda code=wanted: code in grabbed(ear), "the key moved")
            display.down("ctrl", "alt", y_key)
            display.up(y_key)
            display.down(z_key)
            assert ear.next() == "start dictate"
            display.up(z_key, "alt", "ctrl")
            assert ear.next() == "stop"
        assert typed(pad, display).count("z") <= 1  # only what the German keyboard calls z is ours


def test_switching_between_two_layouts_of_one_map_changes_nothing(display: VirtualDisplay) -> None:
    display.layout("-layout", "us,ru", "-option", "grp:menu_toggle")
    with listening(display, style="hold") as ear:
        for _ in range(3):
            display.down("ctrl", "alt", "26")
            assert ear.next() == "start edit"
            display.up("26", "alt", "ctrl")
            assert ear.next() == "stop"
            display.tap("Menu")


def test_altgr_is_a_modifier_of_its_own_where_the_layout_has_it(display: VirtualDisplay) -> None:
    display.layout("de")
    with listening(display, dictate="<right_alt>+<f9>", edit="<alt>+<f9>", style="hold") as ear:
        for modifier, heard in (("ISO_Level3_Shift", "start dictate"), ("Alt_L", "start edit")):
            display.down(modifier, "F9")
            assert ear.next() == heard
            display.up("F9", modifier)
            assert ear.next() == "stop"


def test_a_side_that_x11_cannot_tell_is_refused_and_said(display: VirtualDisplay) -> None:
    with pytest.raises(ChordUnsupported, match="cannot tell <right_ctrl> from <left_ctrl>") as caught:
        X11Listener(Bindings(dictate="<right_ctrl>+<f9>", edit=""), display=display.name)
    assert "Write <ctrl> instead" in caught.value.hint


def test_a_character_that_no_key_types_is_told_while_the_other_chord_works(display: VirtualDisplay) -> None:
    with listening(display, dictate="<f9>", edit="<ctrl>+ж") as ear:
        assert [problem.code for problem in ear.listener.problems] == ["chord-missing"]
        assert "no key of this keyboard types 'ж'" in ear.listener.problems[0].message
        display.layout("-layout", "us,ru")
        until(lambda: ear.listener.problems == (), "the new layout has it")


# --- somebody else has the key ------------------------------------------------------------------------------


def test_a_chord_that_another_program_holds_is_told_with_what_to_do(display: VirtualDisplay) -> None:
    with listening(display, dictate="<f9>", edit=""):
        with pytest.raises(ChordTaken, match="dictate: another program holds <f9>") as caught:
            X11Listener(Bindings(dictate="<f9>", edit=""), display=display.name)
        assert "keyboard settings" in caught.value.hint
        with listening(display, dictate="<f9>", edit="<f10>", style="hold") as ear:
            assert [problem.code for problem in ear.listener.problems] == ["chord-taken"]
            display.down("F10")
            assert ear.next() == "start edit"
            display.up("F10")
            assert ear.next() == "stop"


def test_choosing_does_not_go_behind_the_back_of_the_program_that_holds_the_chord(
    display: VirtualDisplay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", display.name)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("XDG_SESSION_TYPE", raising=False)
    with listening(display, dictate="<f9>", edit=""), pytest.raises(NoHotkeyBackend) as caught:
        choose_backend(Bindings(dictate="<f9>", edit=""))
    assert [attempt.name for attempt in caught.value.tried] == ["x11"]


def test_problems_are_told_to_whoever_asked(display: VirtualDisplay) -> None:
    told: list[tuple[Problem, ...]] = []
    with listening(display, dictate="<f9>", edit=""):
        listener = X11Listener(
            Bindings(dictate="<f9>", edit="<f10>"), display=display.name, on_problems=told.append
        )
        listener.close()
    assert [[problem.code for problem in problems] for problems in told] == [["chord-taken"]]


# --- ends ---------------------------------------------------------------------------------------------------


def test_closing_in_the_middle_of_a_hold_cancels_and_lets_go(display: VirtualDisplay, pad: TypingPad) -> None:
    ear = Ear(X11Listener(Bindings(style="hold"), display=display.name))
    display.down(*CHORD)
    assert ear.next() == "start dictate"
    assert ear.close() == ["cancel"]
    display.up(*reversed(CHORD))
    assert ear.close() == []
    assert typed(pad, display) == []


def test_a_dead_server_ends_the_talk_and_the_events_with_an_error() -> None:
    with virtual_display(window_manager=False) as doomed:
        ear = Ear(X11Listener(Bindings(style="hold"), display=doomed.name))
        doomed.down(*CHORD)
        assert ear.next() == "start dictate"
        doomed.kill_server()
        assert ear.next() == "stop"
        assert ear.next() == "end"
    assert isinstance(ear.error, ListenerLost)
    assert "the X server is gone" in str(ear.error)
    assert ear.error.hint


def test_a_server_that_hangs_does_not_hang_whoever_closes() -> None:
    with virtual_display(window_manager=False) as hung:
        listener = X11Listener(Bindings(style="hold"), display=hung.name)
        hung.server.send_signal(signal.SIGSTOP)
        try:
            closing = threading.Thread(target=listener.close)
            closing.start()
            closing.join(PATIENCE_S)
            assert not closing.is_alive()
        finally:
            hung.server.send_signal(signal.SIGCONT)


def test_without_a_server_the_reason_and_the_remedy_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(BackendUnavailable, match="DISPLAY is not set") as caught:
        X11Listener(Bindings())
    assert "graphical session" in caught.value.hint
    with pytest.raises(BackendUnavailable, match="the X server :9999 does not let us in"):
        X11Listener(Bindings(), display=":9999")


def test_nothing_is_left_open_when_listeners_come_and_go(display: VirtualDisplay) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    X11Listener(Bindings(), display=display.name).close()
    before, threads = descriptors(), threading.active_count()
    for _ in range(5):
        X11Listener(Bindings(), display=display.name).close()
    assert (descriptors(), threading.active_count()) == (before, threads)


# --- modifiers that are still down --------------------------------------------------------------------------


def test_held_modifiers_are_named_and_locks_are_not(display: VirtualDisplay) -> None:
    asked = HeldModifiers(display.name)
    assert asked.held() == frozenset()
    display.tap("Num_Lock", "Caps_Lock")
    assert asked.held() == frozenset()
    display.down("37", "62")
    assert asked.held() == {"left_ctrl", "right_shift"}
    display.up("37", "62")
    display.tap("Num_Lock", "Caps_Lock")
    display.down("a")
    assert asked.held() == frozenset()
    display.up("a")
    asked.close()


def test_text_waits_for_the_release_of_modifiers_and_gives_up_in_the_end(display: VirtualDisplay) -> None:
    display.down("ctrl", "alt")
    assert not wait_until_released(0.05, display=display.name)
    released = threading.Timer(0.2, lambda: display.up("alt", "ctrl"))
    released.start()
    assert wait_until_released(PATIENCE_S, display=display.name)
    released.join()
    assert wait_until_released(0.0, display=display.name)
