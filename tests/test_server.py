"""Servers that hear and write, over real sockets. What answers here has no model: see fake_servers.py; a real
one is in test_server_real.py.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from engine.errors import (
    Cancelled,
    ContextFull,
    GrammarUnreadable,
    ModelUnsupported,
    ServerDeaf,
    ServerForbidden,
    ServerLost,
    ServerRefused,
    ServerUnreachable,
    ServerUnusable,
)
from engine.events import Hypothesis
from engine.server import Server, ServerEngine, ServerOptions
from engine.server_call import Call
from engine.server_dialects import KINDS
from engine.server_probe import Capabilities
from engine.server_writer import ServerWriter
from engine.writer import Message, WriteRequest
from tests import fake_servers as fakes
from tests.fake_servers import Answer, Asked, FakeServer, Reply, delta, events, serving

FRAMES = np.random.default_rng(1).normal(0.0, 0.1, (30, 640)).astype(np.float32)
HELLO = WriteRequest(messages=(Message("user", "Please greet the velvet undertow."),))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def engine_for(url: str, **options: Any) -> ServerEngine:
    return ServerEngine(Server(ServerOptions(url=url, **options)))


def hear(engine: ServerEngine, pieces: list[str] | None = None) -> Hypothesis:
    session = engine.session()
    session.push(FRAMES)
    return session.finish(on_piece=None if pieces is None else pieces.append)


def ask(server: Server, *, for_hearing: bool = True) -> Capabilities:
    return Call(lambda tell: server.capabilities(for_hearing=for_hearing)).result()


SPEAKERS: dict[str, tuple[Answer, str, str]] = {
    "llama-server": (fakes.llama_server("Hello", " there."), "llama-server", "chat"),
    "vllm": (fakes.openai("Hello", " there.", owner="vllm"), "vllm", "chat"),
    "sglang": (fakes.openai("Hello", " there.", owner="sglang", takes="audio_url"), "sglang", "chat"),
    "ollama": (fakes.ollama("Hello", " there."), "ollama", "chat"),
    "litert-lm": (fakes.openai("Hello", " there.", owner="litert-lm"), "litert-lm", "chat"),
    "mlx": (fakes.mlx("Hello", " there."), "mlx", "chat"),
    "others": (fakes.openai("Hello", " there."), "openai", "chat"),
    "whisper": (fakes.whisper("Hello there."), "vllm", "transcriptions"),
}


@pytest.mark.parametrize("name", SPEAKERS)
def test_each_kind_is_known_by_itself_and_heard_in_its_own_dialect(name: str) -> None:
    answer, kind, way = SPEAKERS[name]
    with serving(answer) as server:
        engine = engine_for(server.url)
        pieces: list[str] = []
        heard = hear(engine, pieces)
        known = engine.server.known
    assert known is not None
    assert (known.kind, known.hears) == (kind, way)
    assert heard.text == "Hello there."
    assert "".join(pieces) == "Hello there."
    assert heard.stop == "eos"
    assert (heard.start_sample, heard.end_sample) == (0, 30 * 640)
    assert engine.state.state == "ready"
    assert server.asked[-1].has_sound


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_is_named_is_asked_as_it_wants(kind: str) -> None:
    answer = {
        "llama-server": fakes.llama_server("Yes."),
        "sglang": fakes.openai("Yes.", takes="audio_url"),
        "ollama": fakes.ollama("Yes."),
        "lmstudio": fakes.lmstudio("Yes."),
    }.get(kind, fakes.openai("Yes."))
    with serving(answer) as server:
        engine = engine_for(server.url, kind=kind)
        if kind in ("lmstudio", "llama-cpp-python"):
            with pytest.raises(ServerDeaf):
                hear(engine)
        else:
            assert hear(engine).text == "Yes."


def test_how_sure_the_server_is_of_each_word_is_kept() -> None:
    with serving(fakes.llama_server("Hello", " there", ".", scores=-0.25)) as server:
        heard = hear(engine_for(server.url))
    assert heard.confidence == pytest.approx(-0.25)
    assert heard.word_log_probs == pytest.approx((-0.25, -0.5))


def test_a_server_that_does_not_say_how_sure_it_is_is_not_called_certain() -> None:
    with serving(fakes.openai("Hello there.")) as server:
        heard = hear(engine_for(server.url))
    assert heard.confidence is None
    assert heard.word_log_probs == ()


# --- deaf ones ------------------------------------------------------------------------------------------


def test_a_server_that_takes_sound_and_leaves_it_out_is_deaf() -> None:
    with serving(fakes.openai("Please provide the audio.", ignores=True)) as server:
        engine = engine_for(server.url)
        with pytest.raises(ServerDeaf, match="left it out"):
            hear(engine)
        assert engine.state.state == "failed"
        assert "rewrite.writer" in ServerDeaf.hint


def test_a_server_that_does_not_count_is_not_believed_unless_it_is_told_to_be() -> None:
    def answer(asked: Asked) -> Reply | None:
        return fakes.said("Words.") if asked.path == "/v1/chat/completions" else fakes.openai()(asked)

    with serving(answer) as server:
        with pytest.raises(ServerDeaf, match="does not say"):
            hear(engine_for(server.url))
        assert hear(engine_for(server.url, hears="chat")).text == "Words."


@pytest.mark.parametrize(
    "answer", [fakes.llama_server(audio=False), fakes.ollama(capabilities=["completion"]), fakes.lmstudio()]
)
def test_a_server_that_says_that_it_is_deaf_is_played_nothing(answer: Answer) -> None:
    with serving(answer) as server:
        with pytest.raises(ServerDeaf):
            hear(engine_for(server.url))
        assert not any(asked.has_sound for asked in server.asked)


def test_a_server_that_only_writes_is_never_played_anything() -> None:
    with serving(fakes.openai("Greetings.")) as server:
        assert ServerWriter(Server(ServerOptions(url=server.url))).write(HELLO).text == "Greetings."
        assert not any(asked.has_sound for asked in server.asked)


def test_the_model_that_is_in_memory_is_taken_and_a_name_that_is_given_goes_first() -> None:
    with serving(fakes.lmstudio("Yes.")) as server:
        assert ask(Server(ServerOptions(url=server.url))).model == "google/gemma-4-12b"
        assert ask(Server(ServerOptions(url=server.url, model="qwen3-8b"))).model == "qwen3-8b"
    with serving(fakes.mlx("Yes.")) as server:
        assert ask(Server(ServerOptions(url=server.url))).models == ("in-memory", "on-disk")


# --- writing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["llama-server", "vllm", "sglang", "ollama", "litert-lm", "mlx", "others"])
def test_texts_come_in_pieces_from_every_kind(name: str) -> None:
    with serving(SPEAKERS[name][0]) as server:
        pieces: list[str] = []
        written = ServerWriter(Server(ServerOptions(url=server.url))).write(HELLO, on_piece=pieces.append)
    assert written.text == "Hello there."
    assert pieces == ["Hello", " there."]
    assert written.stop == "eos"


@pytest.mark.parametrize(
    ("reason", "stop"), [("length", "max_tokens"), ("content_filter", "cancelled"), ("stop", "eos")]
)
def test_an_answer_that_was_cut_says_so(reason: str, stop: str) -> None:
    with serving(chatting(events(delta("Hal"), delta(stop=reason)))) as server:
        assert ServerWriter(Server(ServerOptions(url=server.url))).write(HELLO).stop == stop


def test_a_cut_that_a_server_hides_is_seen_by_its_length() -> None:
    cut = events(delta("Hal"), delta(stop="stop"), {"choices": [], "usage": {"completion_tokens": 9}})
    models = fakes.openai(owner="litert-lm")
    request = WriteRequest(messages=HELLO.messages, max_tokens=9)
    longer = WriteRequest(messages=HELLO.messages, max_tokens=10)
    with serving(lambda asked: cut if asked.method == "POST" else models(asked)) as server:
        writer = ServerWriter(Server(ServerOptions(url=server.url)))
        assert writer.write(request).stop == "max_tokens"
        assert writer.write(longer).stop == "eos"


def test_thoughts_are_no_text() -> None:
    reply = fakes.said("<|channel>", "thought\nhm", "<channel|>", "Hello.")
    with serving(chatting(reply)) as server:
        pieces: list[str] = []
        written = ServerWriter(Server(ServerOptions(url=server.url))).write(HELLO, on_piece=pieces.append)
    assert written.text == "".join(pieces) == "Hello."


def test_images_go_to_those_that_see_only() -> None:
    request = WriteRequest(messages=(Message("user", "What is it?", images=(b"\x89PNG...",)),))
    with serving(fakes.llama_server("A cat.", vision=True)) as sees, serving(fakes.llama_server()) as blind:
        assert ServerWriter(Server(ServerOptions(url=sees.url))).write(request).text == "A cat."
        writer = ServerWriter(Server(ServerOptions(url=blind.url)))
        assert not writer.sees
        with pytest.raises(ModelUnsupported, match="does not see"):
            writer.write(request)
        assert not blind.posts("/v1/chat/completions")


def test_a_grammar_that_a_server_cannot_keep_is_not_left_out() -> None:
    request = WriteRequest(messages=HELLO.messages, grammar='root ::= "a"')
    with serving(fakes.openai("b")) as server, pytest.raises(GrammarUnreadable):
        ServerWriter(Server(ServerOptions(url=server.url))).write(request)


def test_a_second_text_gives_the_first_one_up(stack: ExitStack) -> None:
    hold = threading.Event()
    replies = [events(delta("One"), delta(stop="stop")), events(delta("Two"), delta(stop="stop"))]
    waiting = Reply(200, [replies[0].parts[0], hold, *replies[0].parts[1:]], replies[0].headers)
    server = stack.enter_context(serving(chatting(waiting, replies[1])))
    writer = ServerWriter(Server(ServerOptions(url=server.url)))
    outcome: list[BaseException] = []

    def first() -> None:
        try:
            writer.write(HELLO)
        except Cancelled as error:
            outcome.append(error)

    thread = threading.Thread(target=first)
    thread.start()
    assert server.began.wait(fakes.PATIENCE_S)
    assert writer.write(HELLO).text == "Two"
    thread.join(fakes.PATIENCE_S)
    assert len(outcome) == 1


# --- sessions -------------------------------------------------------------------------------------------


def chatting(*replies: Reply) -> Answer:
    """A server that answers its chats one after the other, the last reply again and again."""
    left = list(replies)

    def answer(asked: Asked) -> Reply | None:
        if asked.path == "/v1/chat/completions":
            return left.pop(0) if len(left) > 1 else left[0]
        return fakes.llama_server()(asked)

    return answer


def test_what_was_prepared_is_not_asked_for_again() -> None:
    with serving(fakes.llama_server("Hello.")) as server:
        session = engine_for(server.url).session()
        session.push(FRAMES)
        session.prepare()
        session.prepare()
        pieces: list[str] = []
        assert session.finish(on_piece=pieces.append, end_of_speech_s=1.0, end_sample=7).text == "Hello."
        assert pieces == ["Hello."]
        assert len(server.posts("/v1/chat/completions")) == 1


def test_sound_that_comes_after_all_makes_what_was_prepared_void(stack: ExitStack) -> None:
    hold = threading.Event()
    first = Reply(200, [b"data: ", hold], {"Content-Type": "text/event-stream"})
    server = stack.enter_context(serving(chatting(first, fakes.said("All of it."))))
    session = engine_for(server.url).session()
    session.push(FRAMES)
    session.prepare()
    assert server.began.wait(fakes.PATIENCE_S)
    session.push(FRAMES)
    assert server.left.wait(fakes.PATIENCE_S), "the server was not told that nobody wants its answer"
    assert session.finish().text == "All of it."
    short, whole = server.posts("/v1/chat/completions")
    assert len(whole.body) > len(short.body)


def test_rewinding_is_as_if_it_had_never_been_pushed() -> None:
    with serving(fakes.llama_server("Hello.")) as server:
        engine = engine_for(server.url)
        hear(engine)
        session = engine.session()
        session.push(FRAMES)
        session.push(FRAMES[:7])
        session.prepare()
        session.rewind(7)
        assert session.frames_pushed == 30
        session.finish()
        first, *_, last = server.posts("/v1/chat/completions")
        assert first.body == last.body


def test_cancelling_ends_the_wait_and_the_request_at_once(stack: ExitStack) -> None:
    hold = threading.Event()
    stalled = Reply(200, [b"data: ", hold], {"Content-Type": "text/event-stream"})
    server = stack.enter_context(serving(chatting(stalled)))
    engine = engine_for(server.url)
    session = engine.session()
    session.push(FRAMES)
    threading.Thread(target=lambda: server.began.wait(fakes.PATIENCE_S) and engine.cancel()).start()
    with pytest.raises(Cancelled):
        session.finish()
    assert server.left.wait(fakes.PATIENCE_S)
    assert engine.state.state == "ready"


def test_a_new_session_gives_the_old_one_up() -> None:
    with serving(fakes.llama_server("Hello.")) as server:
        engine = engine_for(server.url)
        old = engine.session()
        engine.session()
        with pytest.raises((Cancelled, RuntimeError)):
            old.push(FRAMES)


def test_an_utterance_without_frames_is_not_sent() -> None:
    with serving(fakes.llama_server("Thank you.")) as server:
        assert engine_for(server.url).session().finish().text == ""
        assert server.asked == []


def test_no_more_is_collected_than_models_can_hear_at_once() -> None:
    engine = engine_for("http://127.0.0.1:9")
    session = engine.session()
    session.push(np.zeros((engine.max_frames, 640), dtype=np.float32))
    with pytest.raises(ContextFull):
        session.push(FRAMES[:1])


def test_names_that_may_be_said_are_told() -> None:
    with serving(fakes.openai("Ada.", owner="vllm")) as server, serving(fakes.whisper("Ada.")) as whisper:
        for url in (server.url, whisper.url):
            session = engine_for(url).session(terms=["Ada", "GitLab"])
            session.push(FRAMES)
            session.finish()
        assert "Ada, GitLab" in server.asked[-1].json["messages"][0]["content"][0]["text"]
        assert b"Ada, GitLab" in whisper.asked[-1].body


def test_states_are_told_as_they_change() -> None:
    states: list[str] = []
    with serving(fakes.llama_server("Hello.")) as server:
        engine = ServerEngine(
            Server(ServerOptions(url=server.url)), on_state=lambda s: states.append(s.state)
        )
        assert engine.state.state == "unloaded"
        hear(engine)
        assert engine.unload()
        hear(engine)
    assert states == ["loading", "ready", "unloaded", "loading", "ready"]
    assert engine.files.name == "server:gemma-4-12b-it"


def test_loading_ahead_does_not_wait_and_tells_why_it_failed() -> None:
    told = threading.Event()
    states: list[Any] = []

    def on_state(state: Any) -> None:
        states.append(state)
        if state.state == "failed":
            told.set()

    engine = ServerEngine(Server(ServerOptions(url=unused_url())), on_state=on_state)
    engine.preload()
    assert told.wait(fakes.PATIENCE_S)
    assert "nothing answers" in states[-1].message
    engine.close()


def test_a_server_that_was_started_again_with_another_model_is_asked_again() -> None:
    with serving(
        chatting(fakes.said("One."), fakes.error(404, "no such model"), fakes.said("Two."))
    ) as server:
        engine = engine_for(server.url)
        assert hear(engine).text == "One."
        with pytest.raises(ServerRefused):
            hear(engine)
        models = len([asked for asked in server.asked if asked.path == "/v1/models"])
        assert hear(engine).text == "Two."
        assert len([asked for asked in server.asked if asked.path == "/v1/models"]) == models + 1


# --- what goes wrong ------------------------------------------------------------------------------------


def unused_url() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_nobody_at_home_is_said_with_the_address() -> None:
    url = unused_url()
    with pytest.raises(ServerUnreachable, match=url) as refused:
        hear(engine_for(url))
    assert "server.url" in refused.value.hint


@pytest.mark.parametrize("parts", [[b"data: "], [b'data: {"choices": [{"delta": {"content": "Hal"}}]}\n\n']])
def test_a_server_that_is_silent_for_too_long_is_given_up_and_not_asked_twice(parts: list[bytes]) -> None:
    stalled = Reply(200, [*parts, threading.Event()], {"Content-Type": "text/event-stream"})
    with serving(chatting(stalled)) as server:
        with pytest.raises(ServerLost, match="silent"):
            hear(engine_for(server.url, read_s=0.2))
        assert len(server.posts("/v1/chat/completions")) == 1


def test_an_answer_that_breaks_off_is_never_taken_for_all_of_it() -> None:
    half = events(delta("Half of"), done=False)
    cut = Reply(200, half.parts, half.headers, cut=True)
    for reply in (cut, half):
        with serving(chatting(reply)) as server, pytest.raises(ServerLost):
            hear(engine_for(server.url))
        assert len(server.posts("/v1/chat/completions")) == 1, "a part of an answer was asked for again"


def test_a_connection_that_breaks_before_the_answer_is_tried_once_more() -> None:
    nothing = Reply(200, [], {"Content-Length": "5"})
    with serving(chatting(nothing, fakes.said("Hello."))) as server:
        assert hear(engine_for(server.url)).text == "Hello."
        assert len(server.posts("/v1/chat/completions")) == 2
    with serving(chatting(nothing)) as server:
        with pytest.raises(ServerLost):
            hear(engine_for(server.url))
        assert len(server.posts("/v1/chat/completions")) == 2


def test_a_server_that_still_loads_is_waited_for_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    busy, told = fakes.error(503, "Loading model"), fakes.error(429, "slow down", **{"Retry-After": "7"})
    with serving(chatting(busy, told, busy, fakes.said("Hello."))) as server:
        assert hear(engine_for(server.url)).text == "Hello."
    assert slept == [0.5, 7.0, 1.0]
    with serving(chatting(busy)) as server, pytest.raises(ServerRefused, match="loads its model"):
        hear(engine_for(server.url, read_s=5.0))
    tomorrow = fakes.error(429, "no", **{"Retry-After": "86400"})
    with serving(chatting(tomorrow)) as server, pytest.raises(ServerRefused):
        hear(engine_for(server.url))


def test_a_server_that_does_not_stop_talking_is_stopped() -> None:
    flood = events(*[delta("word " * 1000)] * 200, delta(stop="stop"))
    with serving(chatting(flood)) as server:
        heard = hear(engine_for(server.url))
    assert heard.stop == "max_tokens"
    long = Reply(200, [b"x" * 2**20] * 10, {"Content-Type": "text/event-stream"})
    with serving(chatting(long)) as server, pytest.raises(ServerLost, match="stop talking"):
        hear(engine_for(server.url))


def test_a_refusal_is_told_without_what_was_asked() -> None:
    def answer(asked: Asked) -> Reply | None:
        if asked.path == "/v1/chat/completions":
            return fakes.error(400, "cannot parse: " + asked.json["messages"][-1]["content"])
        return fakes.llama_server()(asked)

    with serving(answer) as server, pytest.raises(ServerRefused) as refused:
        ServerWriter(Server(ServerOptions(url=server.url))).write(HELLO)
    assert "velvet" not in str(refused.value)
    long = fakes.error(400, "prompt is too long\nby 7 tokens")
    with serving(chatting(long)) as server, pytest.raises(ServerRefused, match="is too long by 7 tokens"):
        ServerWriter(Server(ServerOptions(url=server.url))).write(HELLO)


@pytest.mark.parametrize(
    "message",
    [
        "request (3003 tokens) exceeds the available context size (1024 tokens), try increasing it",
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens",
        "Requested tokens (3003) exceed context window of 512",
    ],
)
def test_a_text_that_does_not_fit_there_is_told_as_one_that_does_not_fit_here(message: str) -> None:
    with serving(chatting(fakes.error(400, message))) as server, pytest.raises(ContextFull):
        ServerWriter(Server(ServerOptions(url=server.url))).write(HELLO)


# --- where it may be ------------------------------------------------------------------------------------


def test_another_machine_is_refused_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ServerForbidden, match="not this machine") as refused:
        Server(ServerOptions(url="http://192.0.2.7:8000"))
    assert "allow_remote" in refused.value.hint
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("192.0.2.7", 8000))])
    monkeypatch.setattr(socket.socket, "connect", forbidden)
    with pytest.raises(ServerForbidden, match=r"192\.0\.2\.7"):
        hear(engine_for("http://gpu.example:8000"))


def only_here(host: Any, port: Any, *_: Any, **__: Any) -> Any:
    """A resolver that knows this machine and no other one."""
    if host not in ("127.0.0.1", b"127.0.0.1"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


def forbidden(*_: Any) -> None:
    raise AssertionError("a connection was opened")


def test_a_name_that_changes_its_meaning_reaches_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    lookups: list[Any] = []
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        if host in ("box.example", b"box.example"):
            lookups.append(host)
            ip = "127.0.0.1" if len(lookups) % 2 else "192.0.2.7"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]
        assert host in ("127.0.0.1", b"127.0.0.1"), f"{host!r} was looked up"
        return real(host, port, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with serving(fakes.llama_server("Hello.")) as server:
        engine = engine_for(f"http://box.example:{server.port}")
        with pytest.raises(ServerForbidden):
            hear(engine)
        assert server.asked[0].headers["host"] == f"box.example:{server.port}"
        assert len(server.asked) == 1


def test_both_addresses_of_localhost_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        if host in ("localhost", b"localhost"):
            six, four = ("::1", port, 0, 0), ("127.0.0.1", port)
            return [(socket.AF_INET6, 1, 6, "", six), (socket.AF_INET, 1, 6, "", four)]
        return real(host, port, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with serving(fakes.llama_server("Hello.")) as server:
        assert hear(engine_for(f"localhost:{server.port}")).text == "Hello."


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirection_is_not_followed(status: int) -> None:
    with serving(fakes.llama_server("Hello.")) as other:
        moved = Reply(status, [], {"Location": f"{other.url}/v1/chat/completions", "Content-Length": "0"})
        with serving(lambda asked: moved) as server, pytest.raises(ServerForbidden, match="elsewhere"):
            hear(engine_for(server.url, key="secret"))
        assert other.asked == []


def test_a_proxy_of_the_environment_gets_nothing_of_what_stays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        serving(fakes.llama_server("From the proxy.")) as proxy,
        serving(fakes.llama_server("Here.")) as server,
    ):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert hear(engine_for(server.url)).text == "Here."
        assert proxy.asked == []
        # Another machine that was allowed is reached as everything else on this one reaches it.
        monkeypatch.setattr(socket, "getaddrinfo", only_here)
        assert hear(engine_for("http://gpu.invalid:8000", allow_remote=True)).text == "From the proxy."


# --- keys -----------------------------------------------------------------------------------------------


def guarded(answer: Answer, key: str) -> Answer:
    def guard(asked: Asked) -> Reply | None:
        if asked.headers.get("authorization") != f"Bearer {key}":
            return fakes.error(401, f"wrong key: {asked.headers.get('authorization')}")
        return answer(asked)

    return guard


def test_a_key_opens_the_door_and_is_told_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(guarded(fakes.llama_server("Hello."), "sesame-8731")) as server:
        options = ServerOptions(url=server.url, key="sesame-8731")
        assert hear(ServerEngine(Server(options))).text == "Hello."
        with pytest.raises(ServerRefused, match="does not take the key") as wrong:
            hear(engine_for(server.url, key="guess-4242"))
        with pytest.raises(ServerRefused, match="asks for a key") as missing:
            hear(engine_for(server.url))
    told = caplog.text + repr(options) + str(wrong.value) + wrong.value.hint + str(missing.value)
    assert "sesame" not in told
    assert "4242" not in told


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel", "a\x00b"])
def test_what_cannot_be_a_key_is_refused_before_it_is_sent(key: str) -> None:
    with pytest.raises(ServerUnusable) as refused:
        Server(ServerOptions(url="http://127.0.0.1:9", key=key))
    assert key not in str(refused.value)


def test_what_was_said_and_written_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(fakes.llama_server("Marmalade", " skies.")) as server:
        assert hear(engine_for(server.url)).text == "Marmalade skies."
        ServerWriter(Server(ServerOptions(url=server.url))).write(HELLO)
    assert "Marmalade" not in caplog.text
    assert "velvet" not in caplog.text


def test_nothing_is_left_running(stack: ExitStack) -> None:
    before = threading.active_count()
    server: FakeServer = stack.enter_context(serving(fakes.llama_server("Hello.")))
    mine = threading.active_count() - before
    hear(engine_for(server.url))
    for thread in threading.enumerate():
        if thread.name.startswith("server-"):
            thread.join(fakes.PATIENCE_S)
            assert not thread.is_alive()
    assert threading.active_count() - before <= mine + 1
