"""The control socket's server, over real sockets."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from fake_daemon import FakeDaemon
from raw_client import Raw, run, until

from voice_edit.control import protocol as p
from voice_edit.control.lines import MAX_LINE_BYTES
from voice_edit.control.server import MAX_CLIENTS, MAX_REQUESTS, Client
from voice_edit.errors import NoMatch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "control.sock"


# --- lines --------------------------------------------------------------------------------------------------


def test_who_connects_is_greeted_with_protocol_version_and_pid(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path, version="1.2.3"):
            client = await Raw.connect(path)
            hello = await client.read()
            wanted = {"event": "hello", "protocol": p.PROTOCOL, "version": "1.2.3", "pid": os.getpid()}
            assert hello.items() >= wanted.items()
            await client.close()

    run(work)


def test_a_request_in_many_pieces_is_one_request_utf_8_split_in_the_middle_included(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path) as daemon:
            client = await Raw.greeted(path)
            line = json.dumps({"id": 1, "command": "say", "words": "Grüße 😀"}, ensure_ascii=False).encode()
            for byte in line + b"\n":
                await client.send(bytes([byte]))
                await asyncio.sleep(0)
            assert (await client.reply())["ok"]
            assert daemon.asked(p.Say) == [p.Say(words="Grüße 😀")]
            await client.close()

    run(work)


def test_many_requests_in_one_piece_are_begun_in_their_order(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path) as daemon:
            client = await Raw.greeted(path)
            words = [str(number) for number in range(20)]
            await client.send(b"".join(p.encode({"id": w, "command": "say", "words": w}) for w in words))
            replies = [await client.reply() for _ in words]
            assert [reply["id"] for reply in replies] == words
            assert [command.words for command in daemon.asked(p.Say)] == words
            await client.close()

    run(work)


def test_half_a_line_is_never_carried_out(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path) as daemon:
            client = await Raw.greeted(path)
            await client.send(b'{"command": "talk.start"}')  # complete, but for the end of the line
            await client.close()
            await until(lambda: not daemon.clients)
            assert daemon.commands == []

    run(work)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"talk please\n", "not_json"),
        (b"\xff\xfe\n", "not_utf8"),
        (b"[]\n", "not_an_object"),
        (b'{"id": 5, "command": "dance"}\n', "unknown_command"),
        (b'{"id": 5, "command": "say", "wrods": "x"}\n', "bad_field"),
    ],
)
def test_nonsense_gets_an_answer_and_the_next_request_is_served(path: Path, line: bytes, code: str) -> None:
    async def work() -> None:
        async with FakeDaemon(path):
            client = await Raw.greeted(path)
            await client.send(b"\r\n" + line)
            reply = await client.reply()
            assert (reply["ok"], reply["error"]["error"]) == (False, code)
            assert reply["id"] == (5 if b"5" in line else None)
            assert reply["error"]["hint"]
            assert (await client.ask("status"))["ok"]
            await client.close()

    run(work)


def test_a_line_that_never_ends_is_refused_and_the_connection_closed(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path) as daemon:
            client = await Raw.greeted(path)
            sending = asyncio.create_task(client.send(b"x" * (4 * MAX_LINE_BYTES)))
            assert (await client.reply())["error"]["error"] == "line_too_long"
            bye = await client.read()
            assert (bye["event"], bye["reason"]) == ("bye", "line_too_long")
            sending.cancel()
            await until(lambda: not daemon.clients)
            await client.close()

    run(work)


def test_a_line_of_exactly_the_limit_is_served(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path) as daemon:
            client = await Raw.greeted(path)
            empty = len(p.encode({"id": 1, "command": "say", "words": ""}))
            line = p.encode({"id": 1, "command": "say", "words": "x" * (MAX_LINE_BYTES - empty)})
            assert len(line) == MAX_LINE_BYTES
            await client.send(line)
            assert (await client.reply())["ok"]
            assert len(daemon.asked(p.Say)[0].words) == MAX_LINE_BYTES - empty
            await client.close()

    run(work)


def test_an_answer_that_is_too_long_becomes_an_error_and_the_connection_lives(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path) as daemon:
            daemon.on("log", {"utterances": ["x" * MAX_LINE_BYTES]})
            daemon.on("play", {"nonsense": float("nan")})
            client = await Raw.greeted(path)
            assert (await client.ask("log"))["error"]["error"] == "fault"
            assert (await client.ask("play", utterance=1))["error"]["error"] == "fault"
            assert (await client.ask("status"))["ok"]
            await client.close()

    run(work)


# --- requests -----------------------------------------------------------------------------------------------


def test_what_goes_wrong_is_told_with_code_hint_and_exit_code(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path) as daemon:
            daemon.on("say", NoMatch("“purple” is not there.", near=["purse"]))
            daemon.on("undo", lambda client, command: 1 / 0)
            client = await Raw.greeted(path)
            error = (await client.ask("say", words="change purple to red"))["error"]
            assert (error["error"], error["exit_code"], error["near"]) == ("no_match", 6, ["purse"])
            error = (await client.ask("undo"))["error"]
            assert (error["error"], error["exit_code"]) == ("fault", 1)
            await client.close()

    run(work)


def test_a_slow_command_holds_up_neither_other_clients_nor_later_requests(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path) as daemon:
            release = asyncio.Event()

            async def slow(client: Client, command: Any) -> dict[str, Any]:
                await release.wait()
                return {"slow": True}

            daemon.on("say", slow)
            first, second = await Raw.greeted(path), await Raw.greeted(path)
            await first.send({"id": "slow", "command": "say", "words": "x"})
            assert (await first.ask("status"))["ok"]
            assert (await second.ask("status"))["ok"]
            release.set()
            reply = await first.reply()
            assert (reply["id"], reply["result"]) == ("slow", {"slow": True})
            await first.close()
            await second.close()

    run(work)


def test_a_client_that_asks_without_end_is_told_so_and_others_are_served(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path) as daemon:
            release = asyncio.Event()

            async def slow(client: Client, command: Any) -> dict[str, Any]:
                await release.wait()
                return {}

            daemon.on("say", slow)
            client = await Raw.greeted(path)
            for number in range(MAX_REQUESTS + 1):
                await client.send({"id": number, "command": "say", "words": "x"})
            refused = await client.reply()
            assert (refused["id"], refused["error"]["error"]) == (MAX_REQUESTS, "too_many_requests")
            release.set()
            assert [(await client.reply())["ok"] for _ in range(MAX_REQUESTS)] == [True] * MAX_REQUESTS
            await client.close()

    run(work)


def test_what_a_client_asked_for_is_done_even_if_it_vanishes_meanwhile(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path) as daemon:
            release, done = asyncio.Event(), asyncio.Event()

            async def slow(client: Client, command: Any) -> dict[str, Any]:
                await release.wait()
                done.set()
                return {"text": "x" * 100_000}

            daemon.on("say", slow)
            client, other = await Raw.greeted(path), await Raw.greeted(path)
            await client.send({"command": "say", "words": "x"})
            await until(lambda: daemon.asked(p.Say))
            client.writer.transport.abort()
            await until(lambda: len(daemon.clients) == 1)  # what it pinned is let go at once
            release.set()
            await done.wait()
            await until(lambda: len(daemon.server.clients) == 1)
            assert (await other.ask("status"))["ok"]
            await other.close()

    run(work)


def test_a_client_that_has_asked_its_last_question_still_gets_its_answer(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path):
            client = await Raw.greeted(path)
            await client.send({"command": "status"})
            client.writer.write_eof()  # as `nc -N` does
            reply = await client.read()
            assert reply["ok"]
            assert reply["id"] is None
            assert await client.read() == {}
            await client.close()

    run(work)


# --- events -------------------------------------------------------------------------------------------------


def test_a_client_gets_the_events_that_it_subscribed_to_and_no_others(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path) as daemon:
            client, quiet = await Raw.greeted(path), await Raw.greeted(path)
            assert not daemon.server.wanted("words")
            reply = await client.ask("subscribe", events=["words", "stage"])
            assert reply["result"] == {"events": ["stage", "words"]}
            assert daemon.server.wanted("words")
            daemon.publish("level", rms_dbfs=-20.0)
            daemon.publish("words", text="one")
            assert (await client.read())["text"] == "one"
            assert (await client.ask("unsubscribe", events=["words"]))["result"] == {"events": ["stage"]}
            daemon.publish("words", text="two")
            daemon.publish("stage", stage="listening")
            assert (await client.read())["stage"] == "listening"
            assert (await quiet.ask("status"))["ok"]
            everything = (await quiet.ask("subscribe"))["result"]["events"]
            assert everything == list(p.BY_EVENT)
            await client.close()
            await quiet.close()
            await until(lambda: not daemon.server.wanted("stage"))

    run(work)


def test_an_event_for_one_client_reaches_it_though_it_did_not_subscribe(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path) as daemon:
            client, other = await Raw.greeted(path), await Raw.greeted(path)
            await until(lambda: len(daemon.clients) == 2)
            daemon.clients[0].send_event(p.SnapshotWanted(request=1))
            assert (await client.read()).items() >= {"event": "target.snapshot", "request": 1}.items()
            assert (await other.ask("status"))["ok"]
            await client.close()
            await other.close()

    run(work)


def test_events_come_from_any_thread_and_with_their_time(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path) as daemon:
            client = await Raw.greeted(path)
            await client.subscribe("words")
            for number in range(50):
                await asyncio.to_thread(daemon.publish, "words", text=str(number))
            told = [await client.read() for _ in range(50)]
            assert [event["text"] for event in told] == [str(number) for number in range(50)]
            times = [event["at_s"] for event in told]
            assert times == sorted(times)
            await client.close()

    run(work)


def smallest_buffers(client: Raw) -> None:
    connection = client.writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)


def test_one_of_ten_clients_never_reads_and_the_others_get_every_event(path: Path) -> None:
    events = 1000

    async def work() -> None:
        async with FakeDaemon(path) as daemon:
            stuck = socket.socket(socket.AF_UNIX)
            stuck.connect(os.fspath(path))
            stuck.sendall(p.encode({"command": "subscribe"}))
            readers = [await Raw.greeted(path) for _ in range(9)]
            for reader in readers:
                await reader.subscribe("words")
            await until(lambda: sum(bool(c.subscribed) for c in daemon.server.clients) == 10)

            async def read_all(reader: Raw) -> list[str]:
                return [(await reader.read())["text"][:6] for _ in range(events)]

            reading = [asyncio.create_task(read_all(reader)) for reader in readers]
            for number in range(events):
                daemon.publish("words", text=f"{number:06}" + "x" * 10_000)
                await asyncio.sleep(0)
            wanted = [f"{number:06}" for number in range(events)]
            for task in reading:
                assert await task == wanted
            await until(lambda: len(daemon.server.clients) == 9)  # the stuck one was dropped
            for reader in readers:
                await reader.close()
            stuck.close()

    run(work)


def test_a_burst_of_levels_never_drops_a_slow_client_and_it_gets_the_newest(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path) as daemon:
            slow = await Raw.greeted(path)
            await slow.subscribe("level", "partial", "words")
            for number in range(20_000):  # 250 levels a second for over a minute, unread
                daemon.publish("level", rms_dbfs=-50.0, sample=number)
                if number % 100 == 0:
                    daemon.publish("partial", text=f"{number} " + "word " * 50)
                    await asyncio.sleep(0)
            daemon.publish("words", text="the end")
            levels: list[int] = []
            while (event := await slow.read())["event"] != "words":
                if event["event"] == "level":
                    levels.append(event["sample"])
            assert levels[-1] == 19_999
            assert levels == sorted(levels)
            assert len(levels) < 20_000
            await slow.close()

    run(work)


def test_more_clients_than_there_is_room_for_are_told_so(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path) as daemon:
            clients = [await Raw.greeted(path) for _ in range(MAX_CLIENTS)]
            await until(lambda: len(daemon.clients) == MAX_CLIENTS)
            late = await Raw.greeted(path)
            assert (await late.read())["reason"] == "too-many-clients"
            assert await late.read() == {}
            await clients.pop().close()
            await until(lambda: len(daemon.clients) == MAX_CLIENTS - 1)
            clients.append(await Raw.greeted(path))
            assert (await clients[-1].ask("status"))["ok"]
            for client in [*clients, late]:
                await client.close()

    run(work)


# --- the end ------------------------------------------------------------------------------------------------


def test_when_the_daemon_ends_everybody_reads_what_was_sent_and_a_good_bye(path: Path) -> None:
    async def work() -> None:
        daemon = FakeDaemon(path)
        async with daemon:
            client = await Raw.greeted(path)
            await client.subscribe("words")
            for number in range(100):
                daemon.publish("words", text=f"{number}")
        texts = [await client.read() for _ in range(101)]
        assert [event.get("text") for event in texts[:-1]] == [str(number) for number in range(100)]
        assert texts[-1].items() >= {"event": "bye", "reason": "stopped"}.items()
        assert await client.read() == {}
        await client.close()

    run(work)


def test_a_client_that_never_reads_does_not_keep_the_daemon_from_ending(path: Path) -> None:
    async def work() -> None:
        with socket.socket(socket.AF_UNIX) as stuck:
            async with FakeDaemon(path) as daemon:
                stuck.connect(os.fspath(path))
                stuck.sendall(p.encode({"command": "subscribe"}))
                await until(lambda: daemon.server.wanted("words"))
                for _ in range(50):
                    daemon.publish("words", text="x" * 100_000)
        assert not daemon.server.clients

    run(work)


def test_a_request_that_never_ends_does_not_keep_the_daemon_from_ending(path: Path) -> None:
    async def work() -> None:
        async with FakeDaemon(path) as daemon:

            async def forever(client: Client, command: Any) -> dict[str, Any]:
                await asyncio.Event().wait()
                return {}

            daemon.on("say", forever)
            client = await Raw.greeted(path)
            await client.send({"command": "say", "words": "x"})
            await until(lambda: daemon.asked(p.Say))
        assert (await client.read())["event"] == "bye"
        await client.close()

    run(work)
