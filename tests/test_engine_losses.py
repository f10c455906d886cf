"""Engine processes that are killed, stopped or talk nonsense: no word is lost, and nobody waits for ever."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny
from engine_processes import (
    FRAMES,
    States,
    is_running,
    is_undisturbed,
    kill,
    ready,
    undisturbed,
    until,
)

from engine import _engine_process, messages, wire
from engine._engine_process import EngineProcess
from engine.catalog import ModelFiles
from engine.client import EngineClient, Limits
from engine.errors import ContextFull, EngineLost, ModelMissing, ProjectorMismatch
from engine.session import Engine
from engine.training.gguf_pair import Shape, random_tensors, write_pair


@pytest.fixture
def states() -> States:
    return States()


@pytest.fixture
def client(states: States) -> Iterator[EngineClient]:
    with EngineClient(tiny.tiny_model(), n_ctx=512, on_state=states.append) as opened:
        yield opened


def test_killed_before_an_utterance_it_is_started_again_when_it_is_wanted(
    client: EngineClient, states: States
) -> None:
    ready(client)
    kill(client)
    until(lambda: client.state.state == "unloaded", "a lost idle engine is not replaced")
    assert "SIGKILL" in client.state.message
    session = client.session()
    session.push(FRAMES)
    assert is_undisturbed(session.finish())
    assert client.restarts == 0


@pytest.mark.parametrize("pushed", [1, 33, 60])
def test_killed_while_somebody_speaks_it_hears_the_same_words(
    client: EngineClient, states: States, pushed: int
) -> None:
    ready(client)
    session = client.session()
    for frame in FRAMES[:pushed]:
        session.push(frame[None])
    kill(client)
    for frame in FRAMES[pushed:]:
        session.push(frame[None])
        session.partial()
    assert is_undisturbed(session.finish())
    assert client.restarts == 1
    assert states.names == ["loading", "ready", "restarting", "restarting", "ready"]
    assert "SIGKILL" in states[2].message
    assert len({state.pid for state in states} - {None}) == 2


def test_killed_in_the_middle_of_its_answer_it_gives_each_piece_once(
    client: EngineClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive, killed = EngineProcess.receive, []

    def lose_after_a_piece(process: EngineProcess) -> list[messages.FromEngine] | None:
        if process.pid in killed:
            return None  # what it still said is lost
        heard = receive(process) or []
        at = next((i for i, message in enumerate(heard) if isinstance(message, messages.Piece)), None)
        if at is None or killed:
            return heard
        killed.append(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        return heard[: at + 1]

    monkeypatch.setattr(EngineProcess, "receive", lose_after_a_piece)
    pieces: list[str] = []
    session = client.session()
    session.push(FRAMES)
    assert is_undisturbed(session.finish(on_piece=pieces.append))
    assert client.restarts == 1
    assert "".join(pieces).strip() == undisturbed().text


def test_killed_while_the_words_are_waited_for_it_still_brings_them(client: EngineClient) -> None:
    pid = ready(client)
    session = client.session()
    session.push(FRAMES)
    os.kill(pid, signal.SIGSTOP)  # so that it surely does not answer before
    killer = threading.Timer(0.1, os.kill, (pid, signal.SIGKILL))
    killer.start()
    assert is_undisturbed(session.finish())
    killer.join()
    assert client.restarts == 1


def test_killed_while_it_loads_it_is_started_again(client: EngineClient) -> None:
    session = client.session()
    until(lambda: client.pid is not None, "a process")
    session.push(FRAMES[:30])
    kill(client)
    session.push(FRAMES[30:])
    assert is_undisturbed(session.finish())
    assert client.restarts == 1


def test_lost_again_and_again_it_gives_the_utterance_up_and_hears_the_next(client: EngineClient) -> None:
    session = client.session()
    session.push(FRAMES)
    outcome: list[BaseException] = []

    def finish() -> None:
        try:
            session.finish()
        except EngineLost as error:
            outcome.append(error)

    thread = threading.Thread(target=finish)
    thread.start()
    killed: set[int] = set()
    while thread.is_alive():
        pid = client.pid
        if pid is not None and pid not in killed:
            killed.add(pid)
            os.kill(pid, signal.SIGKILL)
        thread.join(0.002)
    assert len(killed) == 3
    (error,) = outcome
    assert "3 times" in str(error)
    assert "voice-edit retry" in error.hint  # type: ignore[attr-defined]
    assert client.state.state == "failed"
    again = client.session()
    again.push(FRAMES)
    assert is_undisturbed(again.finish())


@pytest.mark.parametrize("pushed", [0, 30])
def test_a_process_that_hangs_is_killed_and_replaced(states: States, pushed: int) -> None:
    limits = Limits(silent_s=1.5)
    with EngineClient(tiny.tiny_model(), n_ctx=512, on_state=states.append, limits=limits) as client:
        pid = ready(client)
        session = client.session()
        session.push(FRAMES[:pushed])
        os.kill(pid, signal.SIGSTOP)
        session.push(FRAMES[pushed:])
        assert is_undisturbed(session.finish())
        assert not is_running(pid)
        assert "no sign of life" in states[2].message


def test_a_model_that_cannot_be_loaded_is_told_as_such_at_once(tmp_path: Path, states: States) -> None:
    missing = ModelFiles("gone", tmp_path / "gone.gguf", tmp_path / "mm.gguf", tiny.profile())
    with pytest.raises(ModelMissing) as expected:
        Engine.open(missing)
    with EngineClient(missing, on_state=states.append) as client:
        with pytest.raises(ModelMissing) as caught:
            client.session().finish()
        until(lambda: client.state.state == "failed", "the failure is told")
        assert (str(caught.value), caught.value.hint) == (str(expected.value), expected.value.hint)
        assert states.names == ["loading", "failed"]
        assert str(caught.value) == client.state.message


def test_what_an_error_knows_arrives_too(tmp_path: Path) -> None:
    words, shape = tiny.vocabulary(), Shape(n_embd=32, n_layer=6, n_ff=64, n_head=2, n_head_kv=1, head_dim=16)
    _, narrow = write_pair(
        tmp_path, shape, random_tensors(shape, len(words.tokens)), words, name="narrow", chat_template="x"
    )
    mixed = ModelFiles("mixed", tiny.tiny_model().model, narrow, tiny.profile())
    with EngineClient(mixed) as client, pytest.raises(ProjectorMismatch) as caught:
        client.session().finish()
    assert (caught.value.projector_width, caught.value.model_width) == (32, 64)


def test_an_utterance_that_does_not_fit_is_refused_and_the_next_one_heard() -> None:
    with EngineClient(tiny.tiny_model(), n_ctx=256) as client:
        session = client.session()
        session.push(tiny.sound(250))  # before the model is loaded, nobody knows
        with pytest.raises(ContextFull):
            session.finish()
        assert client.max_frames < 250
        with pytest.raises(ContextFull):
            client.session().push(tiny.sound(250))
        session = client.session()
        session.push(FRAMES)
        assert session.finish().tokens


# --- processes that are no engine ----------------------------------------------------------------------


def impostor(monkeypatch: pytest.MonkeyPatch, says: bytes) -> None:
    """Instead of the engine, start something that says this and waits."""
    code = f"import os, sys, time; os.write(int(sys.argv[1][5:]), {says!r}); time.sleep(600)"
    monkeypatch.setattr(_engine_process, "COMMAND", ("-c", code))


def test_nonsense_from_the_process_counts_as_its_loss(
    monkeypatch: pytest.MonkeyPatch, client: EngineClient, states: States
) -> None:
    impostor(monkeypatch, b"Segmentation fault")
    session = client.session()
    session.push(FRAMES)
    with pytest.raises(EngineLost, match=r"3 times.*nonsense"):
        session.finish()
    until(lambda: client.state.state == "failed", "the failure is told")
    assert client.restarts == 2


def test_an_engine_of_another_version_is_told_as_such_and_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, client: EngineClient, states: States
) -> None:
    other = bytearray(wire.encode(wire.JSON, b"{}"))
    other[2] = wire.PROTOCOL + 1
    impostor(monkeypatch, bytes(other))
    with pytest.raises(EngineLost, match=f"version {wire.PROTOCOL + 1}") as caught:
        client.session().finish()
    assert "voice-edit stop" in caught.value.hint
    until(lambda: client.state.state == "failed", "the failure is told")
    assert states.names == ["loading", "failed"]


def test_a_process_that_cannot_even_be_killed_is_not_joined_by_a_second_one(
    client: EngineClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = ready(client)
    with monkeypatch.context() as patched:
        patched.setattr(EngineProcess, "is_gone", False)
        session = client.session()
        os.kill(pid, signal.SIGKILL)
        for _ in range(2):
            with pytest.raises(EngineLost, match=f"{pid} hangs in the system") as caught:
                session.finish()
            assert "restart the computer" in caught.value.hint
            session = client.session()
    until(lambda: client.state.state == "failed", "the failure is told")
    session = client.session()
    session.push(FRAMES)
    assert is_undisturbed(session.finish())


def test_a_system_without_room_for_a_process_is_told(
    monkeypatch: pytest.MonkeyPatch, client: EngineClient
) -> None:
    monkeypatch.setattr(_engine_process.subprocess, "Popen", _no_room)
    with pytest.raises(EngineLost, match=r"cannot be started.*Resource temporarily unavailable"):
        client.session().finish()


def _no_room(*_: object, **__: object) -> None:
    raise BlockingIOError(11, "Resource temporarily unavailable")
