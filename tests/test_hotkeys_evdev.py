"""The kernel's keyboards. A machine that lets us make some (/dev/uinput) is not to be had everywhere, so the
devices are made up here; the folder that is watched, the descriptors and the waiting are real.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hotkey_ear import Ear
from virtual_display import until

from hotkeys import BackendUnavailable, Bindings, ChordUnsupported, _evdev
from hotkeys._evdev import EvdevListener
from hotkeys.keys import KEYS


@dataclass(frozen=True)
class Event:
    type: int
    code: int
    value: int


class Keyboard:
    """Stands in for evdev.InputDevice: events go through a real pipe's readiness."""

    def __init__(self, keys: Iterable[str] = KEYS) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._keys = [KEYS[key].evdev for key in keys]
        self._queue: list[Event] = []
        self.unplugged = self.closed = False
        self.down: set[int] = set()

    def fileno(self) -> int:
        return self._reader

    def read(self) -> Iterator[Event]:
        os.read(self._reader, 4096)
        if self.unplugged:
            raise OSError(19, "No such device")
        queue, self._queue = self._queue, []
        yield from queue

    def capabilities(self) -> dict[int, list[int]]:
        return {0: [0, 1], 1: self._keys}

    def active_keys(self) -> list[int]:
        return sorted(self.down)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            os.close(self._reader)
            os.close(self._writer)

    def move(self, *moves: str) -> None:
        """ "+space" goes down, "-space" comes up, "=space" repeats, "!" says that events were lost."""
        for move in moves:
            if move == "!":
                self._queue.append(Event(0, 3, 0))
                continue
            code = KEYS[move[1:]].evdev
            (self.down.discard if move[0] == "-" else self.down.add)(code)
            self._queue.append(Event(1, code, {"+": 1, "-": 0, "=": 2}[move[0]]))
            self._queue.append(Event(0, 0, 0))
        os.write(self._writer, b"x")

    def lose(self, *moves: str) -> None:
        """What happens without an event."""
        for move in moves:
            (self.down.discard if move[0] == "-" else self.down.add)(KEYS[move[1:]].evdev)

    def unplug(self) -> None:
        self.unplugged = True
        os.write(self._writer, b"x")


class Computer:
    """A folder of devices."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.devices: dict[str, Keyboard] = {}

    def plug(self, name: str, keyboard: Keyboard) -> Keyboard:
        self.devices[name] = keyboard
        (self.folder / name).touch()
        return keyboard

    def open(self, path: Path) -> Any:
        return self.devices[path.name]


@pytest.fixture
def computer(tmp_path: Path) -> Iterator[Computer]:
    made = Computer(tmp_path)
    yield made
    for device in made.devices.values():
        device.close()


@contextmanager
def listening(computer: Computer, **bindings: Any) -> Iterator[Ear]:
    ear = Ear(EvdevListener(Bindings(**bindings), folder=computer.folder, opener=computer.open))
    try:
        yield ear
    except BaseException:
        ear.close()
        raise
    assert ear.close() == []
    assert all(device.closed for device in computer.devices.values())


def test_a_chord_is_held_and_repeats_are_one_press(computer: Computer) -> None:
    keyboard = computer.plug("event0", Keyboard())
    with listening(computer, style="hold") as ear:
        keyboard.move("+left_ctrl", "+left_alt", "+space", "=space", "=space")
        assert ear.next() == "start dictate"
        keyboard.move("-left_ctrl", "=space", "-space", "-left_alt")
        assert ear.next() == "stop"


def test_escape_cancels(computer: Computer) -> None:
    keyboard = computer.plug("event0", Keyboard())
    with listening(computer, style="hold") as ear:
        keyboard.move("+left_ctrl", "+left_alt", "+e", "+esc", "-esc", "-e")
        assert ear.next() == "start edit"
        assert ear.next() == "cancel"


def test_a_chord_may_be_spread_over_two_keyboards(computer: Computer) -> None:
    one, two = computer.plug("event0", Keyboard()), computer.plug("event1", Keyboard())
    with listening(computer, style="hold") as ear:
        one.move("+left_ctrl", "+left_alt")
        until(lambda: len(ear.listener._pressed.held) == 2, "the modifiers were seen")  # type: ignore[attr-defined]
        two.move("+space")
        assert ear.next() == "start dictate"
        two.move("-space")
        assert ear.next() == "stop"


def test_a_key_that_two_keyboards_hold_is_up_when_both_let_go(computer: Computer) -> None:
    one, two = computer.plug("event0", Keyboard()), computer.plug("event1", Keyboard())
    with listening(computer, style="hold", dictate="<f9>", debounce_ms=0) as ear:
        one.move("+f9")
        assert ear.next() == "start dictate"
        two.move("+f9")
        until(lambda: all(ear.listener._held.values()), "both hold it")  # type: ignore[attr-defined]
        one.move("-f9")
        until(lambda: not all(ear.listener._held.values()), "one let go")  # type: ignore[attr-defined]
        assert ear.listener._gesture.is_talking  # type: ignore[attr-defined]
        two.move("-f9")
        assert ear.next() == "stop"


def test_a_keyboard_that_is_plugged_in_later_is_heard(computer: Computer) -> None:
    computer.plug("event0", Keyboard())
    with listening(computer, style="hold", dictate="<f9>") as ear:
        late = computer.plug("event7", Keyboard())
        late.move("+f9")
        assert ear.next() == "start dictate"
        late.move("-f9")
        assert ear.next() == "stop"


def test_a_keyboard_that_is_unplugged_in_the_middle_of_a_hold_ends_it(computer: Computer) -> None:
    keyboard = computer.plug("event0", Keyboard())
    with listening(computer, style="hold", dictate="<f9>") as ear:
        keyboard.move("+f9")
        assert ear.next() == "start dictate"
        keyboard.unplug()
        assert ear.next() == "stop"
        (computer.folder / "event0").unlink()
        until(lambda: len(ear.listener.problems) == 2, "it says that there is no keyboard")
        assert ear.listener.problems[1].code == "no-keyboard"
        again = computer.plug("event0", Keyboard())
        again.move("+f9", "-f9")
        assert ear.next() == "start dictate"
        assert ear.next() == "stop"


def test_when_the_kernel_threw_events_away_the_keys_are_asked_for(computer: Computer) -> None:
    keyboard = computer.plug("event0", Keyboard())
    with listening(computer, style="hold", dictate="<f9>") as ear:
        keyboard.move("+f9")
        assert ear.next() == "start dictate"
        keyboard.lose("-f9")
        keyboard.move("!")
        assert ear.next() == "stop"


def test_mice_are_left_alone_and_a_pedal_with_one_key_is_heard(computer: Computer) -> None:
    mouse = computer.plug("event0", Keyboard(keys=[]))
    pedal = computer.plug("event1", Keyboard(keys=["f13"]))
    with listening(computer, style="hold", dictate="<f13>") as ear:
        assert mouse.closed
        pedal.move("+f13")
        assert ear.next() == "start dictate"
        pedal.move("-f13")
        assert ear.next() == "stop"


def test_it_says_that_keys_are_not_consumed(computer: Computer) -> None:
    computer.plug("event0", Keyboard())
    with listening(computer) as ear:
        assert not ear.listener.consumes
        assert [problem.code for problem in ear.listener.problems] == ["not-consumed"]


def test_without_permission_the_group_and_its_price_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "event0").touch()
    monkeypatch.setattr(_evdev.os, "access", lambda *_: False)
    with pytest.raises(BackendUnavailable, match="no permission to read") as caught:
        EvdevListener(Bindings(), folder=tmp_path)
    assert "usermod -aG input" in caught.value.hint
    assert "passwords" in caught.value.hint


def test_a_machine_without_keyboards_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailable, match="no input devices in"):
        EvdevListener(Bindings(), folder=tmp_path)


def test_a_character_without_a_place_on_a_us_keyboard_is_refused(computer: Computer) -> None:
    with pytest.raises(ChordUnsupported, match="'ж' has none on a US keyboard"):
        EvdevListener(Bindings(dictate="<ctrl>+ж"), folder=computer.folder, opener=computer.open)


def test_our_codes_are_the_kernels() -> None:
    from evdev import ecodes

    names = {
        "esc": "ESC", "a": "A", "`": "GRAVE", "/": "SLASH", "\\": "BACKSLASH", "space": "SPACE", "f1": "F1",
        "f12": "F12", "f13": "F13", "f24": "F24", "right_alt": "RIGHTALT", "left_super": "LEFTMETA",
        "pause": "PAUSE", "print_screen": "SYSRQ", "menu": "COMPOSE", "kp_divide": "KPSLASH", "p": "P",
        "m": "M", "=": "EQUAL", "]": "RIGHTBRACE", "'": "APOSTROPHE", "mic_mute": "MICMUTE", "<": "102ND",
        "media_play_pause": "PLAYPAUSE", "right_ctrl": "RIGHTCTRL", "page_down": "PAGEDOWN",
        "l": "L", "0": "0",
    }  # fmt: skip
    assert {key: KEYS[key].evdev for key in names} == {
        key: ecodes.ecodes[f"KEY_{name}"] for key, name in names.items()
    }
    assert len({key.evdev for key in KEYS.values()}) == len(KEYS)
