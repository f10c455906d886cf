"""Texts through the engine process: the words are those of the engine in this process, whatever happens."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import tiny
from engine_processes import FRAMES, hear, is_undisturbed, ready, same_words, undisturbed, until
from hypothesis import given
from hypothesis import strategies as st

from engine._engine_process import EngineProcess
from engine.client import ClientText, EngineClient
from engine.errors import Cancelled, ContextFull, DecodeFailed, EngineLost, GrammarUnreadable
from engine.events import Written
from engine.messages import (
    Answer,
    AskPartial,
    DropText,
    Finish,
    FromEngine,
    Open,
    Read,
    Sound,
    TextFailed,
    TextPiece,
    Write,
    Wrote,
    unpack_from_engine,
)
from engine.session import Engine
from engine.text_worker import TextWorker
from engine.texts import Text, ToldText, next_text_message
from engine.wire import Decoder
from engine.worker import Worker
from engine.writing import TextPass

PROMPT = "Write it in other words. The boxes go to the old house by the lake before the snow comes."
SAID = " Make it shorter:"
ORIGINALS = ("The boxes go to the old house",)


@pytest.fixture
def client() -> Iterator[EngineClient]:
    with EngineClient(tiny.tiny_model(), n_ctx=512, text_ctx=512, n_threads=1) as opened:
        yield opened


@pytest.fixture(scope="module")
def expected() -> Written:
    """What the engine in this process writes."""
    with Engine.open(tiny.tiny_model(), n_ctx=512, text_ctx=512, n_threads=1) as engine:
        text_pass = TextPass(engine)
        text_pass.begin(text_pass.tokens(PROMPT, begins=True))
        originals = [text_pass.tokens(original) for original in ORIGINALS]
        return text_pass.answer(text_pass.tokens(SAID), originals=originals, max_tokens=20)


def write(text: ClientText) -> Written:
    return text.write(SAID, originals=ORIGINALS, max_tokens=20)


def test_the_process_writes_what_the_engine_here_writes(client: EngineClient, expected: Written) -> None:
    pieces: list[str] = []
    found = client.read(PROMPT).write(SAID, originals=ORIGINALS, max_tokens=20, on_piece=pieces.append)
    assert (found.tokens, found.text, found.stop) == (expected.tokens, expected.text, expected.stop)
    assert found.tokens
    assert pieces


def test_a_prompt_is_read_while_somebody_speaks_and_both_are_as_alone(
    client: EngineClient, expected: Written
) -> None:
    text = client.read(PROMPT)
    session = client.session()
    for frame in FRAMES[:, None]:
        session.push(frame)
    heard = session.finish()
    found = write(text)
    assert same_words(heard, undisturbed())
    assert found.tokens == expected.tokens
    again = client.read(PROMPT)
    assert same_words(hear(client, FRAMES), undisturbed())
    timing = write(again).timing
    assert timing.late_tokens == 0, "all of it was in the cache"


def test_a_text_that_is_dropped_is_over_and_the_next_one_is_not(
    client: EngineClient, expected: Written
) -> None:
    text = client.read(PROMPT)
    text.drop()
    with pytest.raises(Cancelled):
        write(text)
    first, second = client.read(PROMPT), client.read(PROMPT)
    with pytest.raises(Cancelled):
        write(first)
    assert write(second).tokens == expected.tokens
    with pytest.raises(RuntimeError, match="over"):
        write(second)


def test_dropping_stops_a_text_that_is_being_written(client: EngineClient, expected: Written) -> None:
    text = client.read(PROMPT)
    begun, outcome = threading.Event(), list[BaseException]()

    def wait() -> None:
        try:
            text.write(SAID, max_tokens=300, on_piece=lambda piece: begun.set())
        except Cancelled as stopped:
            outcome.append(stopped)

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert begun.wait(60)
    text.drop()
    waiting.join(60)
    assert not waiting.is_alive()
    assert write(client.read(PROMPT)).tokens == expected.tokens


def test_what_cannot_be_written_says_why(client: EngineClient, expected: Written) -> None:
    with pytest.raises(ContextFull, match="does not fit") as caught:
        write(client.read("the " * 600))
    assert "less text" in caught.value.hint
    assert write(client.read(PROMPT)).tokens == expected.tokens, "the next one can"
    with EngineClient(tiny.tiny_model(), n_ctx=512, n_threads=1) as small:
        with pytest.raises(ContextFull, match="without room"):
            write(small.read(PROMPT))
        assert same_words(hear(small, FRAMES), undisturbed())


HALF_A_CHARACTER = "the old house \ud83c"


def test_what_would_end_the_process_is_refused_before_and_an_utterance_goes_on(client: EngineClient) -> None:
    session = client.session()
    session.push(FRAMES[:30])
    pid = ready(client)
    with pytest.raises(ContextFull, match="too long"):
        client.read("x" * 2_000_000)
    with pytest.raises(ContextFull, match="too long"):
        client.read("x").write("x" * 2_000_000)
    with pytest.raises(UnicodeEncodeError):
        client.read(HALF_A_CHARACTER)
    text = client.read(PROMPT)
    attempts: list[Callable[[], Written]] = [
        lambda: text.write(""),
        lambda: text.write(HALF_A_CHARACTER),
        lambda: text.write(SAID, originals=[HALF_A_CHARACTER]),
        lambda: text.write(SAID, grammar=HALF_A_CHARACTER),
    ]
    for write_it in attempts:
        with pytest.raises(ValueError, match=r"surrogates|at least one character"):
            write_it()
    session.push(FRAMES[30:])
    assert is_undisturbed(session.finish())
    assert client.pid == pid
    assert write(text).tokens


def test_a_prompt_that_fails_while_it_is_read_ahead_is_never_answered_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Engine.open(tiny.tiny_model(), n_ctx=256, text_ctx=256, n_threads=1) as engine:
        said: list[FromEngine] = []
        texts = TextWorker(engine, said.append, is_dropped=lambda number: False, meanwhile=lambda: None)
        texts.deal_with(Read(1, PROMPT))
        texts.prefill_some()
        decode_tokens = engine.context.decode_tokens

        def fail(*_: object, **__: object) -> None:
            raise DecodeFailed("the driver is gone")

        monkeypatch.setattr(engine.context, "decode_tokens", fail)
        texts.prefill_some()
        assert not texts.is_waiting
        monkeypatch.setattr(engine.context, "decode_tokens", decode_tokens)
        texts.deal_with(Write(1, SAID, (), None, 9, False))
        assert [type(message) for message in said] == [TextFailed]
        texts.deal_with(Read(2, PROMPT))
        texts.deal_with(Write(2, SAID, (), None, 9, False))
        assert [type(message) for message in said] == [TextFailed, Wrote]


def test_what_is_said_while_a_text_is_written_is_heard_before_it_is_done(expected: Written) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Engine.open(tiny.tiny_model(), n_ctx=512, text_ctx=512, n_threads=1) as engine:
        worker = Worker(ours)
        inbox, told = worker._inbox, list[FromEngine]()
        texts = TextWorker(
            engine, told.append, is_dropped=inbox.is_text_dropped, meanwhile=lambda: worker._hear_on(engine)
        )
        texts.deal_with(Read(1, PROMPT))
        inbox.put(Open(1, 0))
        for frame in FRAMES:
            inbox.put(Sound(1, frame[None]))
        inbox.put(AskPartial(1, 1))
        inbox.put(Finish(1, None, None, False))
        texts.deal_with(Write(1, SAID, ORIGINALS, None, 20, True))
        assert not inbox.is_busy()
        assert isinstance(told[0], TextPiece), "nothing else is told here"
        assert isinstance(told[-1], Wrote)
        assert told[-1].written.tokens == expected.tokens
        packets = Decoder().feed(theirs.recv(1 << 20))
        answers = [m for m in map(unpack_from_engine, packets) if isinstance(m, Answer)]
    assert [is_undisturbed(answer.hypothesis) for answer in answers] == [True]
    assert answers[0].hypothesis.timing.final_s < told[-1].written.timing.final_s


def test_a_grammar_that_cannot_be_read_is_no_end_of_the_process(client: EngineClient) -> None:
    hear(client, FRAMES)
    pid = client.pid
    with pytest.raises(GrammarUnreadable):
        client.read(PROMPT).write(SAID, grammar="root ::= [")
    assert client.pid == pid


def test_a_process_that_is_lost_while_it_writes_is_told_and_the_next_one_writes(
    client: EngineClient, expected: Written
) -> None:
    hear(client, FRAMES)
    pid = client.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    text = client.read(PROMPT)
    outcome: list[BaseException] = []

    def wait() -> None:
        try:
            write(text)
        except EngineLost as lost:
            outcome.append(lost)

    waiting = threading.Thread(target=wait)
    waiting.start()
    until(lambda: text._text.write is not None, "the text is asked for")
    os.kill(pid, signal.SIGKILL)
    waiting.join(60)
    assert [str(lost).endswith("while it wrote") for lost in outcome] == [True]
    assert write(client.read(PROMPT)).tokens == expected.tokens
    assert client.pid != pid


def test_a_text_that_is_asked_for_while_the_process_is_sent_away_is_written_by_the_next_one(
    client: EngineClient, expected: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear(client, FRAMES)
    pid = client.pid
    outcome: list[object] = []

    def wait() -> None:
        try:
            outcome.append(write(client.read(PROMPT)).tokens)
        except EngineLost as lost:
            outcome.append(lost)

    waiting = threading.Thread(target=wait)
    end = EngineProcess.end

    def end_late(process: EngineProcess) -> str:
        if not waiting.ident:
            waiting.start()
            until(
                lambda: client._keeper.text is not None and client._keeper.text.is_awaited, "it is asked for"
            )
        return end(process)

    monkeypatch.setattr(EngineProcess, "end", end_late)
    client.unload(wait_s=0.0)
    until(lambda: waiting.ident, "the process is ended")
    waiting.join(60)
    assert outcome == [expected.tokens]
    assert client.pid != pid


# --- what is said ------------------------------------------------------------------------------------------


def test_a_process_is_told_the_prompt_once_and_then_that_it_is_wanted() -> None:
    text, told = Text(3, "prompt"), ToldText()
    step = next_text_message(text, told)
    assert step == (Read(3, "prompt"), ToldText(3))
    assert next_text_message(text, step[1]) is None
    text.write = Write(3, "x", (), None, 9, False)
    step = next_text_message(text, step[1])
    assert step == (text.write, ToldText(3, is_writing=True))
    assert next_text_message(text, step[1]) is None
    assert next_text_message(text, ToldText()) == (Read(3, "prompt"), ToldText(3)), "a new process"


@given(number=st.integers(1, 9), wants=st.booleans(), drop_at=st.integers(0, 3))
def test_a_text_that_is_dropped_is_told_only_to_who_knows_it(number: int, wants: bool, drop_at: int) -> None:
    text, told = Text(number, "p"), ToldText()
    text.write = Write(number, "x", (), None, 9, False) if wants else None
    said = []
    for at in range(6):
        text.is_dropped = at >= drop_at
        step = next_text_message(text, told)
        if step is not None:
            said.append(step[0])
            told = step[1]
    assert [m for m in said if isinstance(m, DropText)] == [DropText(number)] * (drop_at > 0)
    assert not said or drop_at > 0
    assert next_text_message(text, replace(told)) is None
