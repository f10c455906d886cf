"""The daemon's ear for keys: what it does when the keyboard goes away and comes back."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import pytest

import hotkeys
from hotkeys import ListenerLost, NoHotkeyBackend, TalkEvent, TalkStart, TalkStop
from voice_edit.config import HotkeySettings
from voice_edit.daemon import key_watch, talk_state
from voice_edit.daemon.key_watch import KeyWatch


class Listener:
    """Gives its events; an exception among them is raised. Then it waits to be closed."""

    backend = "scripted"
    problems = ()

    def __init__(self, *events: TalkEvent | Exception) -> None:
        self._events: queue.SimpleQueue[TalkEvent | Exception | None] = queue.SimpleQueue()
        for event in events:
            self._events.put(event)

    def events(self) -> Iterator[TalkEvent]:
        while (event := self._events.get()) is not None:
            if isinstance(event, Exception):
                raise event
            yield event

    def talking(self, on: bool, *, seen: TalkEvent | None = None) -> None: ...

    def close(self) -> None:
        self._events.put(None)


def watching(monkeypatch: pytest.MonkeyPatch, *found: Listener | Exception) -> tuple[KeyWatch, Any, Any]:
    """A watch that finds these ways to the keyboard one after the other; its gestures and its changes."""
    waiting = list(found)

    def choose(*_: object, **__: object) -> Listener:
        way = waiting.pop(0)
        if isinstance(way, Exception):
            raise way
        return way

    monkeypatch.setattr(hotkeys, "choose_backend", choose)
    monkeypatch.setattr(key_watch, "AGAIN_S", 0.01)
    gestures: queue.SimpleQueue[Any] = queue.SimpleQueue()
    changes: queue.SimpleQueue[Any] = queue.SimpleQueue()
    watch = KeyWatch(
        on_gesture=lambda gesture, _: gestures.put(gesture),
        on_change=lambda: changes.put((watch.backend, watch.problem and watch.problem["code"])),
    )
    watch.open(HotkeySettings())
    return watch, gestures, changes


def test_keys_become_gestures(monkeypatch: pytest.MonkeyPatch) -> None:
    watch, gestures, _ = watching(monkeypatch, Listener(TalkStart("edit", 0.0), TalkStop(1.0)))
    assert gestures.get(timeout=5) == talk_state.Start("edit")
    assert gestures.get(timeout=5) == talk_state.Stop()
    watch.close()


def test_a_keyboard_that_is_lost_is_looked_for_until_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = NoHotkeyBackend([])
    watch, gestures, changes = watching(
        monkeypatch, Listener(ListenerLost("gone")), gone, gone, Listener(TalkStart("dictate", 0.0))
    )
    assert gestures.get(timeout=5) == talk_state.Start("dictate")
    told = [changes.get(timeout=5) for _ in range(4)]
    assert told == [
        ("scripted", None), (None, "listener-lost"), (None, "no-hotkey-backend"), ("scripted", None)
    ]  # fmt: skip
    watch.close()


def test_where_there_never_was_a_keyboard_nobody_looks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    watch, _, changes = watching(monkeypatch, NoHotkeyBackend([]))
    assert changes.get(timeout=5) == (None, "no-hotkey-backend")
    watch.close()
