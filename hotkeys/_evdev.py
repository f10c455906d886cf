"""Keys of the kernel's input devices: works under any compositor and on the console, but only when asked for.

Reading /dev/input takes membership in the group `input`, and whoever is in it can read everything that is
typed on this computer, passwords too: so can every program that is started from then on. Nothing is consumed.
Keys are known by their place on a US keyboard, since the kernel knows no layouts.

Tested with made-up devices; a machine with /dev/uinput is needed for more.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol

from hotkeys.bindings import Bindings
from hotkeys.errors import BackendUnavailable, ChordUnsupported, Problem
from hotkeys.gesture import KeyEvent
from hotkeys.keys import BY_EVDEV, KEYS, SIDES
from hotkeys.listener import OnProblems, ThreadedListener
from hotkeys.pressed import Pressed

FOLDER: Final = Path("/dev/input")
GROUP_HINT: Final = (
    "Add yourself to the group: sudo usermod -aG input $USER, and log in again. Mind what it means: every "
    "program you run can then read everything typed on this computer, passwords too. Keys of the compositor "
    "need no such right: see docs/hotkeys.md."
)
NOT_CONSUMED: Final = Problem(
    "not-consumed",
    "the program with the focus sees the talk keys too",
    "Choose keys that type nothing, such as <f13>, <pause> or <right_ctrl>.",
)
_EV_SYN, _EV_KEY, _SYN_DROPPED = 0, 1, 3
_RESCAN_S: Final = 3.0
"""How often the folder is looked at where the kernel cannot tell of changes."""


class Device(Protocol):
    """What is used of `evdev.InputDevice`."""

    def fileno(self) -> int: ...
    def read(self) -> Iterable[Any]:
        """Events with `type`, `code`, `value`. OSError: unplugged; BlockingIOError: there is none."""

    def capabilities(self) -> dict[int, list[int]]:
        """Event type -> the codes it can send."""

    def active_keys(self) -> list[int]:
        """Codes of the keys that are down now."""

    def close(self) -> None: ...


def open_device(path: Path) -> Device:
    """A kernel device. Raises OSError, PermissionError among them."""
    from evdev import InputDevice

    device: Device = InputDevice(str(path))
    return device


def event_files(folder: Path = FOLDER) -> list[Path]:
    """The input devices that there are."""
    return sorted(folder.glob("event*"))


def why_not(folder: Path = FOLDER) -> BackendUnavailable | None:
    """What speaks against reading the devices, or None."""
    try:
        import evdev  # noqa: F401
    except ImportError as error:
        return BackendUnavailable(f"the evdev package is missing: {error}", hint="pip install evdev")
    files = event_files(folder)
    if not files:
        return BackendUnavailable(f"no input devices in {folder}", hint="Containers and servers have none.")
    if not any(os.access(file, os.R_OK) for file in files):
        return BackendUnavailable(f"no permission to read {folder}/event*", hint=GROUP_HINT)
    return None


class EvdevListener(ThreadedListener):
    """Reads every keyboard there is and every one that is plugged in later.

    Raises BackendUnavailable, or ChordUnsupported for keys that have no place on a US keyboard.
    """

    backend = "evdev"
    consumes = False

    def __init__(
        self,
        bindings: Bindings,
        *,
        on_problems: OnProblems | None = None,
        folder: Path = FOLDER,
        opener: Callable[[Path], Device] = open_device,
    ) -> None:
        super().__init__(bindings, on_problems=on_problems)
        for action, chord in bindings.chords().items():
            if chord.key not in KEYS:
                raise ChordUnsupported(
                    f"{action}: the kernel knows keys by place, and {chord.key!r} has none on a US keyboard",
                    hint="Name the key by what a US keyboard has there: ` for the one below Esc.",
                )
        if opener is open_device and (reason := why_not(folder)) is not None:
            raise reason
        names = {chord.key for chord in bindings.chords().values()} | SIDES.keys()
        self._wanted = {KEYS[name].evdev for name in names}
        self._pressed = Pressed(bindings)
        self._folder, self._opener = folder, opener
        self._devices: dict[Path, Device] = {}
        self._held: dict[Path, set[str]] = {}
        """Which keys each keyboard holds down: a key is up when no keyboard holds it."""
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._woken.setblocking(False)
        self._changes = _watch(folder)
        self._scanned_s = 0.0
        self._set_problems([NOT_CONSUMED])
        try:
            list(self._scan())
            if not self._devices:
                raise BackendUnavailable(f"no keyboard in {folder} that we may read", hint=GROUP_HINT)
        except BaseException:
            self._let_go()
            raise
        self._start()

    # --- waiting ------------------------------------------------------------------------------------------

    def _wait(self, timeout_s: float | None) -> Iterator[KeyEvent]:
        if self._changes is None:
            timeout_s = min(_RESCAN_S, _RESCAN_S if timeout_s is None else timeout_s)
        waited = {device.fileno(): path for path, device in self._devices.items()}
        others = [self._woken.fileno(), *([] if self._changes is None else [self._changes])]
        ready, _, _ = select.select([*waited, *others], [], [], timeout_s)
        for descriptor in ready:
            if descriptor in waited and waited[descriptor] in self._devices:
                yield from self._read(waited[descriptor])
        for descriptor in set(ready) & set(others):
            with contextlib.suppress(BlockingIOError):
                while os.read(descriptor, 4096):
                    pass
        if self._changes in ready or time.monotonic() - self._scanned_s >= _RESCAN_S:
            yield from self._scan()

    def _read(self, path: Path) -> Iterator[KeyEvent]:
        device = self._devices[path]
        try:
            for event in device.read():
                if event.type == _EV_SYN and event.code == _SYN_DROPPED:
                    yield from self._resync(path)
                elif event.type == _EV_KEY and event.code in BY_EVDEV:
                    yield from self._move(path, BY_EVDEV[event.code], event.value != 0)
        except BlockingIOError:
            return
        except OSError:
            yield from self._unplug(path)

    def _move(self, path: Path, key: str, is_down: bool) -> Iterator[KeyEvent]:
        held = self._held[path]
        (held.add if is_down else held.discard)(key)
        if not is_down and any(key in other for other in self._held.values()):
            return
        now_ms = round(self._now_s() * 1000)
        self._pressed, event = (self._pressed.press if is_down else self._pressed.release)(key, now_ms)
        if event is not None:
            yield event

    def _resync(self, path: Path) -> Iterator[KeyEvent]:
        """The kernel threw events away: ask which keys are down. What came up meanwhile is released."""
        down = {BY_EVDEV[code] for code in self._devices[path].active_keys() if code in BY_EVDEV}
        for key in self._held[path] - down:
            yield from self._move(path, key, False)
        self._held[path] |= down

    # --- devices come and go ------------------------------------------------------------------------------

    def _scan(self) -> Iterator[KeyEvent]:
        self._scanned_s = time.monotonic()
        there = event_files(self._folder)
        for path in self._devices.keys() - set(there):
            yield from self._unplug(path)
        for path in there:
            if path not in self._devices:
                with contextlib.suppress(
                    OSError
                ):  # not ours to read (yet: udev sets the rights a moment later)
                    device = self._opener(path)
                    if self._wanted & set(device.capabilities().get(_EV_KEY, ())):
                        self._devices[path], self._held[path] = device, set()
                    else:
                        device.close()
        if not self._devices and self._thread.is_alive():
            self._set_problems(
                [NOT_CONSUMED, Problem("no-keyboard", "no keyboard is plugged in", "Plug one in.")]
            )
        elif self._devices:
            self._set_problems([NOT_CONSUMED])

    def _unplug(self, path: Path) -> Iterator[KeyEvent]:
        device = self._devices.pop(path)
        for key in list(self._held[path]):
            yield from self._move(path, key, False)
        del self._held[path]
        with contextlib.suppress(OSError):
            device.close()

    # --- ends ---------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._waker.send(b"x")

    def _let_go(self) -> None:
        for device in self._devices.values():
            with contextlib.suppress(OSError):
                device.close()
        self._devices.clear()
        if self._changes is not None:
            os.close(self._changes)
            self._changes = None
        self._waker.close()
        self._woken.close()


def _watch(folder: Path) -> int | None:
    """A descriptor to be read when files come, go or change rights there; None where there is no inotify."""
    create, delete, attributes = 0x100, 0x200, 0x4
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        descriptor: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if descriptor < 0:
            return None
        if libc.inotify_add_watch(descriptor, os.fsencode(folder), create | delete | attributes) < 0:
            os.close(descriptor)
            return None
    except (OSError, AttributeError):
        return None
    return descriptor
