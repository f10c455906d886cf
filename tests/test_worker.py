"""The engine process by itself: it goes when nobody is left to work for, and only then."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny
from engine_processes import (
    FRAMES,
    States,
    is_running,
    is_undisturbed,
    ready,
    until,
)

from engine import messages, wire
from engine.client import EngineClient
from engine.loading import Loading

ROOT = Path(__file__).parent.parent


@pytest.fixture
def states() -> States:
    return States()


@pytest.fixture
def client(states: States) -> Iterator[EngineClient]:
    with EngineClient(tiny.tiny_model(), n_ctx=512, on_state=states.append) as opened:
        yield opened


class Bare:
    """A worker without a client."""

    def __init__(self) -> None:
        self.socket, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "engine.worker", f"--fd={theirs.fileno()}", f"--parent={os.getpid()}"],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
        )
        theirs.close()

    def close(self) -> None:
        self.socket.close()
        self.process.kill()
        self.process.wait()


@pytest.fixture
def bare() -> Iterator[Bare]:
    worker = Bare()
    yield worker
    worker.close()


def test_it_ends_when_nobody_is_at_the_other_end(bare: Bare) -> None:
    bare.socket.close()
    assert bare.process.wait(60) == 0


def test_it_ends_over_garbage(bare: Bare) -> None:
    bare.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert bare.process.wait(60) == 4


def test_it_tells_its_version_to_a_daemon_of_another_one(bare: Bare) -> None:
    hello = bytearray(wire.encode(wire.JSON, b"{}"))
    hello[2] = wire.PROTOCOL + 1
    bare.socket.sendall(hello)
    assert bare.process.wait(60) == 4
    assert bare.socket.recv(3) == wire.MAGIC + bytes([wire.PROTOCOL])


def test_ctrl_c_and_a_polite_end_are_not_for_it(client: EngineClient) -> None:
    pid = ready(client)
    session = client.session()
    session.push(FRAMES[:30])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(pid, number)
    session.push(FRAMES[30:])
    assert is_undisturbed(session.finish())
    assert client.pid == pid
    assert os.getpgid(pid) == pid


HELPER = """
import sys, time, tiny
from engine.client import EngineClient
client = EngineClient(tiny.tiny_model(), n_ctx=512)
client.preload()
while client.state.state != "ready":
    time.sleep(0.01)
print(client.pid, flush=True)
time.sleep(600)
"""


def test_it_ends_when_the_daemon_is_killed() -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    with subprocess.Popen([sys.executable, "-c", HELPER], stdout=subprocess.PIPE, env=environment) as daemon:
        try:
            assert daemon.stdout is not None
            pid = int(daemon.stdout.readline())
            assert is_running(pid)
        finally:
            daemon.kill()
    until(lambda: not is_running(pid), "the engine is gone")


ORPHAN = """
import os, subprocess, sys
fd = int(sys.argv[1])
worker = subprocess.Popen(
    [sys.executable, "-m", "engine.worker", f"--fd={fd}", f"--parent={os.getpid()}"], pass_fds=[fd]
)
print(worker.pid, flush=True)
os.read(0, 1)
"""


def test_it_ends_with_its_parent_even_while_somebody_holds_its_socket() -> None:
    ours, theirs = socket.socketpair()
    with (
        ours,
        theirs,
        subprocess.Popen(
            [sys.executable, "-c", ORPHAN, str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        ) as parent,
    ):
        try:
            assert parent.stdout is not None
            pid = int(parent.stdout.readline())
            ours.sendall(
                messages.pack(messages.Load(tiny.tiny_model(), 512, 1, None, Loading(), None, 1.0, False))
            )
            assert ours.recv(1) == b"V"  # it has come as far as to speak
        finally:
            parent.kill()
        until(lambda: not is_running(pid), "the engine is gone")
