"""Keys in, talk gestures out.

    chord.py     how chords are written, and when one is pressed
    gesture.py   when a key begins, ends or gives up talking
    listener.py  the thread that waits for keys; one `_underscore` module for each way to the keyboard
    choosing.py  which of them works here, and why the others do not
    modifiers.py which modifiers are physically down

Knows nothing of sound or of edits. Importing this package imports no key library: pynput raises without a
display, so backends are imported when they are chosen.
"""

from hotkeys._scripted import ScriptedListener, timeline
from hotkeys.bindings import Bindings
from hotkeys.choosing import BackendName, choose_backend, probe_backends
from hotkeys.chord import Chord, parse
from hotkeys.errors import (
    Attempt,
    BackendUnavailable,
    ChordInvalid,
    ChordTaken,
    ChordUnsupported,
    HotkeyError,
    ListenerLost,
    NoHotkeyBackend,
    Problem,
)
from hotkeys.gesture import Style
from hotkeys.listener import HotkeyListener
from hotkeys.talk import Cancel, Mode, TalkEvent, TalkStart, TalkStop

__all__ = [
    "Attempt",
    "BackendName",
    "BackendUnavailable",
    "Bindings",
    "Cancel",
    "Chord",
    "ChordInvalid",
    "ChordTaken",
    "ChordUnsupported",
    "HotkeyError",
    "HotkeyListener",
    "ListenerLost",
    "Mode",
    "NoHotkeyBackend",
    "Problem",
    "ScriptedListener",
    "Style",
    "TalkEvent",
    "TalkStart",
    "TalkStop",
    "choose_backend",
    "parse",
    "probe_backends",
    "timeline",
]
