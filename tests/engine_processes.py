"""Engine processes, as the system sees them and as their client does."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tiny

from engine.client import EngineClient, EngineState
from engine.events import Hypothesis
from engine.session import Engine
from engine.speech import SpeechEngine

PATIENCE_S = 60.0
"""A condition that does not come true within this never will, however busy the machine is."""


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition. Raises AssertionError when it does not come true."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.005)


def is_running(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def children() -> list[int]:
    """Processes of ours, zombies included."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # that thread has just ended
            found += [int(pid) for pid in (task / "children").read_text(encoding="ascii").split()]
    return found


def descriptors() -> int:
    """How many files are open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  (a name each is enough)


# --- through a client ------------------------------------------------------------------------------------

FRAMES = tiny.sound(60)
"""What is said in these tests to the tiny model."""


@cache
def undisturbed() -> Hypothesis:
    """What the engine in this process hears in FRAMES."""
    with Engine.open(tiny.tiny_model(), n_ctx=512) as engine:
        return hear(engine, FRAMES)


def hear(engine: SpeechEngine, frames: np.ndarray) -> Hypothesis:
    """One utterance, frame by frame."""
    session = engine.session()
    for frame in frames:
        session.push(frame[None])
    return session.finish()


def same_words(a: Hypothesis, b: Hypothesis) -> bool:
    """Whether they agree bit by bit in everything but times."""
    return (a.tokens, a.confidence, a.text, a.stop) == (b.tokens, b.confidence, b.text, b.stop)


def is_undisturbed(heard: Hypothesis) -> bool:
    """Whether these are the words of FRAMES."""
    return len(heard.tokens) > 1 and same_words(heard, undisturbed())


def has_words_of(heard: Hypothesis) -> bool:
    """Whether these are the words of FRAMES. Where partial words were their draft, they were checked in other
    batches, and the confidence may differ in its last digits."""
    known = undisturbed()
    is_as_sure = heard.confidence == pytest.approx(known.confidence, abs=0.01)
    return is_as_sure and (heard.tokens, heard.text, heard.stop) == (known.tokens, known.text, known.stop)


class States(list[EngineState]):
    """Every state that a client told."""

    @property
    def names(self) -> list[str]:
        return [state.state for state in self]


def ready(client: EngineClient) -> int:
    """The number of its process, once that has loaded."""
    client.preload()
    until(lambda: client.state.state == "ready", "the engine is ready")
    assert client.pid is not None
    return client.pid


def kill(client: EngineClient) -> None:
    """SIGKILL its process, whatever that is doing."""
    pid = client.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: client.pid != pid, "the loss is noticed")
