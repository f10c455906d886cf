"""Memory goes back to the system; that nothing else happens is all that can be promised everywhere."""

from __future__ import annotations

import sys

import numpy as np

from voice_edit.daemon import memory


def test_giving_memory_back_harms_nothing() -> None:
    kept = np.arange(1000)
    blocks = [bytearray(60_000) for _ in range(500)]
    del blocks[::2]
    assert memory.give_back() in (True, False)
    assert int(kept.sum()) == 499_500


def test_elsewhere_nothing_happens(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(sys, "platform", "darwin")
    assert memory.give_back() is False
