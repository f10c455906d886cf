"""The control socket as a file: whose it is, who may use it, what is left of it."""

from __future__ import annotations

import gc
import os
import socket
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from fake_daemon import FakeDaemon, running_daemon
from raw_client import Raw, run

from voice_edit.control.socket_file import BoundSocket
from voice_edit.errors import ControlUnavailable, DaemonRunning


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "control.sock"


def test_nobody_else_can_reach_the_socket(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    before = os.umask(0)
    try:
        run(work)
    finally:
        os.umask(before)


def test_a_folder_that_others_can_enter_is_closed_first(path: Path) -> None:
    path.parent.mkdir(mode=0o777)
    path.parent.chmod(0o777)
    BoundSocket(path).close()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_folder_that_is_a_link_is_no_safe_place(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    path.parent.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ControlUnavailable, match="not a folder of yours"):
        BoundSocket(path)


def test_the_socket_is_gone_when_the_daemon_ends(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path):
            pass

    run(work)
    assert list(path.parent.iterdir()) == []


def test_a_second_daemon_is_refused_and_the_first_goes_on(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path):
            with pytest.raises(DaemonRunning):
                await FakeDaemon(path).server.start()
            client = await Raw.greeted(path)
            assert (await client.ask("status"))["ok"]
            await client.close()

    run(work)


def test_one_that_answers_without_holding_the_lock_is_not_replaced_either(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(os.fspath(path))
        other.listen(1)
        with pytest.raises(DaemonRunning):
            BoundSocket(path)


def test_the_socket_that_a_dead_daemon_left_is_replaced(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(path))
    assert path.exists()
    path.with_suffix(".lock").touch()

    async def work() -> None:
        async with FakeDaemon(path):
            await (await Raw.greeted(path)).close()

    run(work)


def test_of_many_daemons_that_start_at_once_one_runs(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(path))
    together = threading.Barrier(8)

    def start(number: int) -> BoundSocket | None:
        together.wait()
        try:
            return BoundSocket(path)
        except DaemonRunning:
            return None

    with ThreadPoolExecutor(8) as threads:
        (running,) = [bound for bound in threads.map(start, range(8)) if bound is not None]
    assert path.stat().st_ino
    running.close()
    assert list(path.parent.iterdir()) == []


def test_who_connects_in_the_moment_of_the_end_is_let_go(path: Path) -> None:
    """asyncio would leave such a connection open; the tests fail on sockets that nobody closed."""
    for _ in range(20):
        with running_daemon(path), socket.socket(socket.AF_UNIX) as client:
            client.connect(os.fspath(path))
    gc.collect()


def test_a_path_that_no_socket_can_have_is_named(tmp_path: Path) -> None:
    with pytest.raises(ControlUnavailable, match="longer than"):
        BoundSocket(tmp_path / ("x" * 120) / "control.sock")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ControlUnavailable):
        BoundSocket(tmp_path / "file" / "run" / "control.sock")


def test_another_user_gets_not_even_a_greeting(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path, owner_uid=os.geteuid() + 1) as daemon:
            client = await Raw.connect(path)
            with suppress(ConnectionResetError):
                assert await client.read() == {}
            assert daemon.clients == []
            await client.close()

    run(work)


def test_the_kernel_tells_who_is_at_the_other_end() -> None:
    from voice_edit.control.peer import peer_uid

    here, there = socket.socketpair(socket.AF_UNIX)
    with here, there:
        assert peer_uid(here) == os.geteuid()
