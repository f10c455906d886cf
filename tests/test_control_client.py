"""Both clients of the control socket: the blocking one of the command line, and the one that comes back."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from fake_daemon import FakeDaemon, running_daemon

from voice_edit.control import peer
from voice_edit.control import protocol as p
from voice_edit.control.client import ControlClient
from voice_edit.control.link import DaemonLink
from voice_edit.errors import (
    ControlUnavailable,
    DaemonBusy,
    DaemonGone,
    DaemonNotRunning,
    NoMatch,
    ProtocolMismatch,
    RemoteFailure,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "control.sock"


@contextmanager
def listening(path: Path, *answers: bytes, keep_open: bool = True) -> Iterator[socket.socket]:
    """Something at the socket that is no daemon of ours: sends `answers` to whoever connects."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    done = threading.Event()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.fspath(path))
        server.listen(4)

        def serve() -> None:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                with suppress(OSError):
                    for answer in answers:
                        connection.sendall(answer)
                if keep_open:
                    done.wait(20)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server
        finally:
            done.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def hello(**more: Any) -> bytes:
    return p.encode({"event": "hello", "protocol": p.PROTOCOL, "version": "1", "pid": 4242, **more})


# --- blocking -----------------------------------------------------------------------------------------------


def test_a_request_gets_its_answer(path: Path) -> None:
    with running_daemon(path) as daemon, ControlClient(path) as client:
        assert client.hello["pid"] == os.getpid()
        assert client.request("talk.start", mode="edit")["stage"] == "listening"
        assert daemon.commands == [p.TalkStart(mode="edit")]


def test_events_that_come_before_an_answer_are_kept_in_order(path: Path) -> None:
    with running_daemon(path) as daemon, ControlClient(path) as client:
        client.request("subscribe", events=["words"])
        for number in range(3):
            daemon.publish("words", text=str(number))
        client.request("status")
        assert [(client.next_event(5.0) or {}).get("text") for _ in range(3)] == ["0", "1", "2"]
        assert client.next_event(0.0) is None


def test_the_events_end_with_the_daemon(path: Path) -> None:
    with running_daemon(path) as daemon, ControlClient(path) as client:
        client.request("subscribe")
        daemon.publish("words", text="x" * 300_000)  # several reads long
        daemon.stop()
        assert [event["event"] for event in client.events()] == ["words", "bye"]
        with pytest.raises(DaemonGone):
            client.request("status")


def test_what_the_daemon_tells_of_a_failure_is_raised_with_its_details(path: Path) -> None:
    with running_daemon(path) as daemon, ControlClient(path) as client:
        daemon.on("say", NoMatch("“purple” is not there.", near=["purse"]))
        with pytest.raises(RemoteFailure, match="purple") as told:
            client.request("say", words="change purple to red")
        assert (told.value.exit_code, told.value.code, told.value.to_json()["near"]) == (
            6,
            "no_match",
            ["purse"],
        )
        assert "purse" in told.value.hint


def test_nobody_there_says_how_to_start_it(path: Path) -> None:
    with pytest.raises(DaemonNotRunning) as told:
        ControlClient(path)
    assert "voice-edit run" in told.value.hint
    assert told.value.exit_code == 8
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(path))
    with pytest.raises(DaemonNotRunning):
        ControlClient(path)


def test_one_that_does_not_greet_or_answer_in_time_is_busy(path: Path) -> None:
    with listening(path), pytest.raises(DaemonBusy, match="greet"):
        ControlClient(path, timeout_s=0.05)
    path.unlink()
    with listening(path, hello()), ControlClient(path) as client, pytest.raises(DaemonBusy, match="status"):
        client.request("status", timeout_s=0.05)


def test_a_late_answer_is_not_taken_for_that_of_the_next_request(path: Path) -> None:
    with running_daemon(path) as daemon, ControlClient(path) as client:
        late = asyncio.Event()

        async def slow(_: object, command: object) -> dict[str, Any]:
            await late.wait()
            return {"late": True}

        daemon.on("say", slow)
        with pytest.raises(DaemonBusy):
            client.request("say", words="x", timeout_s=0.05)
        assert daemon._loop is not None
        daemon._loop.call_soon_threadsafe(late.set)
        assert client.request("status")["stage"] == "idle"


@pytest.mark.parametrize(
    ("greeting", "error"),
    [
        (hello(protocol=99), ProtocolMismatch),
        (hello(protocol="one"), ProtocolMismatch),
        (b'{"event": "welcome"}\n', ProtocolMismatch),
        (b"HTTP/1.1 400 Bad Request\r\n", DaemonGone),
        (b"x" * (2 << 20), DaemonGone),
    ],
    ids=["newer", "odd", "other", "http", "endless"],
)
def test_what_is_not_our_daemon_is_told_apart(path: Path, greeting: bytes, error: type[Exception]) -> None:
    with listening(path, greeting), pytest.raises(error):
        ControlClient(path)


def test_a_daemon_of_another_version_is_named_with_its_pid(path: Path) -> None:
    with listening(path, hello(protocol=99)), pytest.raises(ProtocolMismatch, match="version 99") as told:
        ControlClient(path)
    assert told.value.pid == 4242


def test_a_connection_that_ends_in_the_middle_is_no_answer(path: Path) -> None:
    answers = hello(), b'{"id": 1, "ok": tr'
    with (
        listening(path, *answers, keep_open=False),
        ControlClient(path) as client,
        pytest.raises(DaemonGone),
    ):
        client.request("status")


def test_another_users_program_at_our_socket_is_told_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "voice_edit.control.client.peer_uid", lambda connection: peer.peer_uid(connection) + 1
    )
    with running_daemon(path), pytest.raises(ControlUnavailable, match="another user"):
        ControlClient(path)


def test_a_line_that_comes_in_pieces_is_read_whole_utf_8_split_in_the_middle_included(path: Path) -> None:
    line = '{"id": 1, "ok": true, "result": {"text": "Grüße 😀"}}\n'.encode()
    with listening(path, hello(), *(bytes([byte]) for byte in line)), ControlClient(path) as client:
        assert client.request("status") == {"text": "Grüße 😀"}


def test_the_client_of_the_command_line_loads_little() -> None:
    import subprocess
    import sys

    code = (
        "import sys, voice_edit.control.client, voice_edit.paths, voice_edit.cli.requests\n"
        "heavy = {'asyncio', 'pydantic', 'typer', 'rich', 'numpy', 'platformdirs', 'sqlite3'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# --- the one that comes back --------------------------------------------------------------------------------


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await work()

    asyncio.run(bounded())


class Inbox:
    """Collects what a link tells."""

    def __init__(self, link: DaemonLink) -> None:
        self.link = link
        self.got: list[dict[str, Any]] = []
        self._news = asyncio.Condition()
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self.link.messages():
            async with self._news:
                self.got.append(message)
                self._news.notify_all()

    async def until(self, **wanted: Any) -> dict[str, Any]:
        """The first message with these fields; everything before it is forgotten."""
        async with self._news:
            while True:
                for index, message in enumerate(self.got):
                    if message.items() >= wanted.items():
                        del self.got[: index + 1]
                        return message
                await self._news.wait()


def test_a_link_connects_subscribes_and_answers(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path) as daemon, DaemonLink(path, events=["words"]) as link:
            inbox = Inbox(link)
            await inbox.until(event="link", connected=True)
            assert (await inbox.until(event="hello"))["pid"] == os.getpid()
            assert (await link.request(p.Status()))["stage"] == "idle"
            daemon.publish("level", rms_dbfs=-1.0)
            daemon.publish("words", text="hello")
            await inbox.until(event="words", text="hello")
            assert not any(message["event"] == "level" for message in inbox.got)
            daemon.on("answer", NoMatch("no such question"))
            with pytest.raises(RemoteFailure, match="question"):
                await link.request(p.Answer(question=1, choice=None))
            await link.close()
            await inbox.task

    run(work)


def test_a_link_waits_for_a_daemon_and_comes_back_to_the_next_one(path: Path) -> None:
    async def work() -> None:
        async with DaemonLink(path) as link:
            inbox = Inbox(link)
            down = await inbox.until(event="link", connected=False)
            assert down["error"]["error"] == "daemon_not_running"
            with pytest.raises(DaemonNotRunning):
                await link.request(p.Status())
            for _ in range(2):
                async with FakeDaemon(path) as daemon:
                    link.try_now()
                    await inbox.until(event="link", connected=True)
                    await link.request(p.Status())
                    daemon.publish("words", text="subscribed again")
                    await inbox.until(event="words")
                await inbox.until(event="bye")
                assert (await inbox.until(event="link", connected=False))["error"]["error"] == "daemon_gone"

    run(work)


def test_an_absent_daemon_is_told_of_once_and_not_at_every_attempt(path: Path) -> None:
    async def work() -> None:
        async with DaemonLink(path) as link:
            inbox = Inbox(link)
            await inbox.until(event="link", connected=False)
            for _ in range(5):
                link.try_now()
                await asyncio.sleep(0.02)
            assert inbox.got == []

    run(work)


def test_a_request_under_way_fails_when_the_daemon_dies(path: Path) -> None:
    async def work() -> None:
        daemon = FakeDaemon(path)
        async with DaemonLink(path) as link:
            inbox = Inbox(link)
            async with daemon:

                async def forever(_: object, command: object) -> dict[str, Any]:
                    await asyncio.Event().wait()
                    return {}

                daemon.on("say", forever)
                link.try_now()
                await inbox.until(event="link", connected=True)
                asking = asyncio.create_task(link.request(p.Say(words="x"), timeout_s=None))
                while not daemon.asked(p.Say):
                    await asyncio.sleep(0.005)
            with pytest.raises(DaemonGone):
                await asking

    run(work)


def test_a_request_that_is_not_answered_in_time_says_so_and_others_go_on(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path) as daemon, DaemonLink(path) as link:

            async def forever(_: object, command: object) -> dict[str, Any]:
                await asyncio.Event().wait()
                return {}

            daemon.on("say", forever)
            inbox = Inbox(link)
            await inbox.until(event="link", connected=True)
            with pytest.raises(DaemonBusy):
                await link.request(p.Say(words="x"), timeout_s=0.05)
            assert (await link.request(p.Status()))["stage"] == "idle"

    run(work)


def test_a_reader_that_asks_in_between_never_blocks_itself(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path) as daemon, DaemonLink(path) as link:
            seen = 0
            async for message in link.messages():
                if message["event"] == "hello":
                    await link.request(p.Status())
                    for number in range(500):
                        daemon.publish("words", text=str(number))
                        daemon.publish("level", rms_dbfs=-1.0, sample=number)
                elif message["event"] == "words":
                    assert message["text"] == str(seen)
                    seen += 1
                    if seen % 100 == 0:
                        await link.request(p.Status())
                    if seen == 500:
                        break

    run(work)


def test_a_daemon_of_another_version_is_told_apart_by_a_link(path: Path) -> None:
    async def work() -> None:
        with listening(path, hello(protocol=99)):
            async with DaemonLink(path) as link:
                down = await Inbox(link).until(event="link", connected=False)
                assert down["error"]["error"] == "protocol_mismatch"
                assert not link.connected

    run(work)
