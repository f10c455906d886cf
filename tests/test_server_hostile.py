"""Servers that are broken, or mean it: whatever they say and however slowly, there are words or an error in
bounded time and memory, and what they say steers nothing. Real sockets, no model.
"""

from __future__ import annotations

import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from engine import server as engine_server
from engine.errors import Cancelled, ServerError, ServerLost, ServerUnreachable
from engine.events import Hypothesis
from engine.server import Server, ServerEngine, ServerOptions
from engine.server_call import Call
from engine.server_dialects import read_line
from tests import fake_servers as fakes
from tests.fake_servers import Answer, Asked, Reply, delta, events, serving

FRAMES = np.random.default_rng(1).normal(0.0, 0.1, (30, 640)).astype(np.float32)
STREAM = {"Content-Type": "text/event-stream"}


def hear(url: str, **options: Any) -> Hypothesis:
    session = ServerEngine(Server(ServerOptions(url=url, **options))).session()
    session.push(FRAMES)
    return session.finish()


def chatting(reply: Reply) -> Answer:
    """A llama-server that answers so to whatever it hears."""

    def answer(asked: Asked) -> Reply | None:
        return reply if asked.path == "/v1/chat/completions" else fakes.llama_server()(asked)

    return answer


# --- without end -------------------------------------------------------------------------------------------


def test_an_answer_that_was_complete_is_taken_where_the_server_never_hangs_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_end = threading.Event()
    said = events(delta("All of it."), delta(stop="stop"), done=False).parts
    with serving(chatting(Reply(200, [*said, b"data: [DONE]\n\n", open_end], STREAM))) as server:
        assert hear(server.url, read_s=1000.0).text == "All of it."
    monkeypatch.setattr(engine_server, "AFTER_END_S", 0.2)
    with serving(chatting(Reply(200, [*said, open_end], STREAM))) as server:
        assert hear(server.url, read_s=1000.0).text == "All of it."


def test_an_answer_that_was_complete_is_taken_where_the_connection_breaks_behind_it() -> None:
    whole = events(delta("All of it."), delta(stop="stop"), done=False)
    with serving(chatting(Reply(200, whole.parts, STREAM, cut=True))) as server:
        assert hear(server.url).text == "All of it."


def test_what_follows_an_answer_is_no_part_of_it() -> None:
    two = events(delta("Mine."), delta(stop="stop"), delta(" Somebody else's."), delta(stop="stop"))
    with serving(chatting(two)) as server:
        assert hear(server.url).text == "Mine."


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"])
def test_a_server_that_dribbles_and_is_never_silent_is_given_up(
    monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    """A byte of a head, or a comment of a stream, now and then."""
    monkeypatch.setattr(engine_server, "LONGEST_SILENCES", 1.0)
    dribble = b": still here\n\n" if head else b"HTTP/1.1 100 Continue\r\n\r\n"
    slow = raw_server(lambda sent: head + dribble, again=dribble)
    with slow as url, pytest.raises(ServerLost, match="within"):
        hear(url, read_s=0.6, kind="vllm", hears="chat", model="gemma")


def test_an_answer_in_a_million_crumbs_is_cut_off() -> None:
    crumbs = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n"
    endless = raw_server(lambda sent: crumbs, again=b"1\r\nx\r\n" * 4096, pause_s=0.0)
    with endless as url, pytest.raises(ServerLost, match="does not stop talking"):
        hear(url, kind="vllm", hears="chat", model="gemma")


def test_a_packed_answer_is_not_unpacked() -> None:
    bomb = gzip.compress(b"data: " + b" " * (64 << 20))
    packed = Reply(200, [bomb], {**STREAM, "Content-Encoding": "gzip"})
    with serving(chatting(packed)) as server:
        tracemalloc.start()
        try:
            with pytest.raises(ServerLost, match="packs"):
                hear(server.url)
            assert tracemalloc.get_traced_memory()[1] < 32 << 20
        finally:
            tracemalloc.stop()


# --- names that nobody finds -------------------------------------------------------------------------------


@pytest.fixture
def slow_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A resolver that says nothing until it is let."""
    let = threading.Event()

    def slow(*_: Any, **__: Any) -> Any:
        let.wait(fakes.PATIENCE_S)
        raise socket.gaierror("nobody knows")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    yield let
    let.set()


def test_a_name_that_is_looked_up_for_ever_is_given_up_in_time(slow_names: threading.Event) -> None:
    began_s = time.monotonic()
    with pytest.raises(ServerUnreachable):
        hear("http://box.example:8000", connect_s=0.2)
    assert not slow_names.is_set()
    assert time.monotonic() - began_s < fakes.PATIENCE_S / 2, "the resolver was waited for"


def test_looking_a_name_up_can_be_cancelled(slow_names: threading.Event) -> None:
    engine = ServerEngine(Server(ServerOptions(url="http://box.example:8000", connect_s=1000.0)))
    session = engine.session()
    session.push(FRAMES)
    session.prepare()
    threading.Timer(0.2, session.cancel).start()
    began_s = time.monotonic()
    with pytest.raises(Cancelled):
        session.finish()
    assert time.monotonic() - began_s < fakes.PATIENCE_S / 2


def test_giving_up_what_ends_at_that_moment_is_no_fault() -> None:
    async def nothing(tell: Callable[[str], None]) -> None:
        return

    for _ in range(300):
        call = Call(nothing)
        while call._thread.is_alive():
            call.cancel()


# --- what they say -----------------------------------------------------------------------------------------


def test_what_a_server_says_steers_no_terminal() -> None:
    steering = events(delta("One\x1b[2J\x07\x9b2J\x00 two.\r\nThree."), delta(stop="stop"))
    with serving(chatting(steering)) as server:
        assert hear(server.url).text == "One[2J2J two.\nThree."


@pytest.mark.parametrize("name", ["\x1b[2Jgemma", "\ud800", "a\nb", "x" * 10_000, 7, {"a": 1}, None, ""])
@pytest.mark.parametrize("kind", ["auto", "ollama", "lmstudio", "llama-server"])
def test_a_model_with_a_name_that_is_none_is_not_there(name: Any, kind: str) -> None:
    listed = {
        "data": [{"id": name, "owned_by": "x", "type": "llm", "state": "loaded"}],
        "models": [{"name": name}],
    }
    with serving(lambda asked: fakes.plain(listed)) as server, pytest.raises(ServerError, match="names no"):
        hear(server.url, kind=kind)


@pytest.mark.parametrize("score", ["NaN", "-Infinity", "Infinity", "-1e999", "-" + "9" * 4000, "true", '"x"'])
def test_a_probability_that_is_none_is_not_counted(score: str) -> None:
    scored = '{"content": [{"token": "Hi", "logprob": SCORE}]}'.replace("SCORE", score)
    chunk = read_line(f'data: {{"choices": [{{"delta": {{"content": "Hi"}}, "logprobs": {scored}}}]}}')
    assert chunk is not None
    assert chunk.pieces in ((), (("Hi", -100.0),))


@pytest.mark.parametrize(
    "said",
    [
        b"", b"\x00" * 100, b"HTTP/1.1 200\r\n\r\n", b"HTTP/1.1 999 What\r\n\r\n", b"HTTP/1.1 200 OK\r\n" * 3,
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + b"[" * 100_000,
        b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"x" * 1_000_000,
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {\"choices\": [7]}\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: \xff\xfe\xfd\n\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"choices\": [{\"message\": [1e999]}]}",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        b"HTTP/1.1 503 Busy\r\nRetry-After: " + b"9" * 5000 + b"\r\nContent-Length: 0\r\n\r\n",
    ],
)  # fmt: skip
def test_nonsense_is_an_error_that_says_so(said: bytes) -> None:
    with raw_server(lambda sent: said) as url, pytest.raises(ServerError):
        hear(url, kind="vllm", hears="chat", model="gemma", read_s=2.0)


@contextmanager
def raw_server(
    answer: Callable[[bytes], bytes], *, again: bytes = b"", pause_s: float = 0.02
) -> Iterator[str]:
    """Sends bytes, whatever it is sent; then `again`, as long as somebody listens; then hangs up."""
    over = threading.Event()
    talking: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)

        def talk(connection: socket.socket) -> None:
            with connection:
                try:
                    connection.sendall(answer(connection.recv(1 << 16)))
                    while again and not over.wait(pause_s):
                        connection.sendall(again)
                except OSError:
                    return

        def accept() -> None:
            while not over.is_set():
                try:
                    connection, _ = listening.accept()
                except TimeoutError:
                    continue
                connection.settimeout(fakes.PATIENCE_S)
                talking.append(threading.Thread(target=talk, args=(connection,)))
                talking[-1].start()

        talking.append(threading.Thread(target=accept))
        talking[0].start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            over.set()
            for each in talking:
                each.join()
