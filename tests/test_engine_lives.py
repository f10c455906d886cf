"""Many threads want something of one engine, and one engine lives many lives: nothing doubles or leaks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
import tiny
from engine_processes import (
    FRAMES,
    States,
    children,
    descriptors,
    is_undisturbed,
    ready,
    until,
)

from engine.client import EngineClient


@pytest.fixture
def states() -> States:
    return States()


@pytest.fixture
def client(states: States) -> Iterator[EngineClient]:
    with EngineClient(tiny.tiny_model(), n_ctx=512, on_state=states.append) as opened:
        yield opened


def test_whatever_threads_want_of_it_there_is_never_a_second_process(client: EngineClient) -> None:
    others = set(children())
    most: list[int] = [0]
    done = threading.Event()

    def repeat(call: Callable[[], object]) -> None:
        while not done.is_set():
            call()
            time.sleep(0.003)

    def count() -> None:
        most[0] = max(most[0], len(set(children()) - others))

    calls = [client.preload, lambda: client.unload(wait_s=0), client.rss_bytes, lambda: client.state, count]
    threads = [threading.Thread(target=repeat, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    try:
        for _ in range(6):
            session = client.session()
            for frame in FRAMES:
                session.push(frame[None])
            assert is_undisturbed(session.finish())
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert most[0] == 1


def test_fifty_lives_leave_no_process_no_descriptor_and_no_thread() -> None:
    """Eight are used for an utterance, the others end at whatever moment of their loading."""
    children_before, threads_before = set(children()), threading.active_count()
    with EngineClient(tiny.tiny_model(), n_ctx=512) as client:
        ready(client)
        client.unload()
        descriptors_before = descriptors()
        for life in range(50):
            if life % 6 == 0:
                session = client.session()
                session.push(FRAMES)
                assert is_undisturbed(session.finish())
            else:
                client.preload()
                until(lambda: client.pid is not None, "a process")
                time.sleep(life * 0.002)
            assert client.unload()
            assert set(children()) == children_before
            assert descriptors() == descriptors_before
    assert threading.active_count() == threads_before
