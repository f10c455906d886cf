"""How often partial words are computed, by what they and the sound cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.pacing import LONGEST_S, SHARE, Pacer


def paced(busy: float, cost_s: float | None = None, *, now_s: float = 0.0) -> Pacer:
    """A machine on which a second of sound takes `busy` seconds, and the last partial took `cost_s`."""
    pacer = Pacer()
    for _ in range(100):
        pacer.pushed(4, busy * 0.16)
    if cost_s is not None:
        pacer.computed(cost_s, now_s)
    return pacer


def test_the_first_partial_waits_for_nothing() -> None:
    assert Pacer().allows(0.0)
    assert paced(0.3).allows(0.0)


def test_a_machine_that_just_keeps_up_computes_none() -> None:
    assert not paced(0.9).allows(1e9)


def test_dear_partials_come_seldom_and_cheap_ones_often() -> None:
    assert paced(0.1, 0.01).allows(0.05)
    assert not paced(0.1, 0.4).allows(0.5)
    assert paced(0.1, 0.4).allows(1.0)


def test_the_busier_the_machine_the_longer_the_wait() -> None:
    assert paced(0.1, 0.1).allows(0.25)
    assert not paced(0.7, 0.1).allows(0.25)
    assert paced(0.7, 0.1).allows(1.0)


def test_partials_that_would_hold_up_the_sound_stop_for_long() -> None:
    cost = 2 * LONGEST_S + 0.1
    assert not paced(0.1, cost).allows(10 * cost)
    assert paced(0.1, cost).allows(20 * cost)


def test_a_partial_is_given_up_before_it_holds_up_the_sound_for_long() -> None:
    assert not Pacer().is_too_long(5.0, 5.0 + LONGEST_S)
    assert Pacer().is_too_long(5.0, 5.1 + LONGEST_S)


def test_what_was_slow_once_is_forgotten() -> None:
    pacer = paced(0.95)
    for _ in range(100):
        pacer.pushed(4, 0.01)
    assert pacer.busy == pytest.approx(0.0625, abs=0.01)
    assert pacer.allows(0.0)


@given(busy=st.floats(0.0, 0.79), cost_s=st.floats(0.001, 2 * LONGEST_S))
def test_partials_never_take_more_than_their_share_of_the_free_time(busy: float, cost_s: float) -> None:
    pacer = paced(busy, cost_s)
    wait_s = next(ms / 1000 for ms in range(1, 10_000) if pacer.allows(ms / 1000))
    assert cost_s / wait_s <= SHARE * (1.0 - pacer.busy) + 1e-6
