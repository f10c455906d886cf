"""What key backends will keep to."""

import dataclasses
from collections.abc import Iterator

import pytest

from hotkeys import Cancel, HotkeyListener, TalkEvent, TalkStart, TalkStop


class Scripted:
    """A listener that plays what it was given; the smallest thing that is one."""

    def __init__(self, *events: TalkEvent) -> None:
        self._events = events

    def events(self) -> Iterator[TalkEvent]:
        yield from self._events

    def close(self) -> None:
        self._events = ()


def test_a_scripted_listener_is_a_listener() -> None:
    listener: HotkeyListener = Scripted(
        TalkStart("edit", 0.0), TalkStop(1.5), TalkStart("dictate", 2.0), Cancel(2.5)
    )
    heard = list(listener.events())
    assert [type(event).__name__ for event in heard] == ["TalkStart", "TalkStop", "TalkStart", "Cancel"]
    listener.close()
    listener.close()


def test_gestures_cannot_be_changed_on_their_way() -> None:
    start = TalkStart("edit", 0.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        start.mode = "dictate"  # type: ignore[misc]
