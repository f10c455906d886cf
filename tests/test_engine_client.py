"""The engine in a process of its own: the same words, and everything that may be wanted of it."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny
from engine_processes import (
    FRAMES,
    States,
    children,
    has_words_of,
    is_running,
    is_undisturbed,
    ready,
    same_words,
    undisturbed,
    until,
)

from engine.catalog import find_model
from engine.client import ClientSession, EngineClient, EngineState
from engine.errors import Cancelled
from engine.events import Hypothesis, Level
from engine.listening import listen
from engine.session import Engine
from engine.source import WavSource, read_audio


@pytest.fixture
def states() -> States:
    return States()


@pytest.fixture
def client(states: States) -> Iterator[EngineClient]:
    with EngineClient(tiny.tiny_model(), n_ctx=512, on_state=states.append) as opened:
        yield opened


# --- the same words ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", ["01-change", "05-sort", "07-dictate"])
def test_words_of_the_bundled_model_are_those_of_the_engine_in_this_process(
    samples: Path, bundled: tuple[EngineClient, Engine], sample: str
) -> None:
    client, engine = bundled
    frames = frames_of(samples / f"{sample}.wav")
    expected = engine.session()
    expected.push(frames)
    session = client.session(start_sample=640)
    for frame in frames:
        session.push(frame[None])
    heard = session.finish()
    assert same_words(heard, expected.finish())
    assert (heard.start_sample, heard.end_sample) == (640, 640 * (1 + len(frames)))


@pytest.fixture(scope="module")
def bundled() -> Iterator[tuple[EngineClient, Engine]]:
    with EngineClient(find_model()) as client, Engine.open(find_model()) as engine:
        yield client, engine


def frames_of(path: Path) -> np.ndarray:
    sound = read_audio(path)
    return sound[: len(sound) // 640 * 640].reshape(-1, 640)


def test_listening_hears_the_same_through_either(samples: Path, bundled: tuple[EngineClient, Engine]) -> None:
    def hear(engine: Engine | EngineClient) -> list[object]:
        source = WavSource(samples / "05-sort.wav")
        heard = listen(source, engine, partial_every_ms=300)
        return [
            (event.text, event.tokens, event.start_sample, event.end_sample)
            if isinstance(event, Hypothesis)
            # How far the model is behind depends on the machine, not on the words.
            else replace(event, behind_ms=0.0)
            if isinstance(event, Level)
            else event
            for event in heard
            if not (isinstance(event, Hypothesis) and event.kind == "partial")
        ]

    client, engine = bundled
    assert hear(client) == hear(engine)


def test_frames_may_be_rewound(client: EngineClient) -> None:
    session = client.session()
    session.push(FRAMES[:50])
    session.push(tiny.sound(20, seed=7))
    session.rewind(23)
    assert session.frames_pushed == 47
    session.push(FRAMES[47:])
    assert is_undisturbed(session.finish())
    with pytest.raises(ValueError, match="cannot be dropped"):
        client.session().rewind(1)


def test_partial_words_never_wait_and_change_nothing(client: EngineClient) -> None:
    ready(client)
    with Engine.open(tiny.tiny_model(), n_ctx=512) as engine:
        undisturbed = engine.session()
        undisturbed.push(FRAMES[:21])
        expected = undisturbed.partial()
    session = client.session()
    session.push(FRAMES[:21])
    assert session.partial() is None  # asked for; nobody waits
    heard: list[Hypothesis | None] = [None]

    def has_come() -> bool:
        heard.append(session.partial())
        return heard[-1] is not None

    until(has_come, "partial words")
    assert heard[-1] is not None
    assert heard[-1].kind == "partial"
    assert same_words(heard[-1], expected)
    session.push(FRAMES[21:])
    assert has_words_of(session.finish())


def until_prepared(session: ClientSession) -> None:
    """The process does one thing after the other: these partial words come after the final ones."""
    until(lambda: session.partial() is not None, "partial words after those that were prepared")


def test_words_that_were_prepared_are_known_before_they_are_wanted(client: EngineClient) -> None:
    ready(client)
    session = client.session()
    session.push(FRAMES)
    session.prepare()
    until_prepared(session)
    wanted_s = time.monotonic()
    final = session.finish(end_sample=123)
    assert final.timing.final_s < wanted_s
    assert final.end_sample == 123
    assert is_undisturbed(final)


def test_words_that_were_prepared_are_forgotten_when_more_is_said(client: EngineClient) -> None:
    ready(client)
    session = client.session()
    session.push(FRAMES[:30])
    session.prepare()
    until_prepared(session)
    session.push(tiny.sound(9, seed=8))
    session.prepare()
    session.rewind(12)
    session.push(FRAMES[27:])
    wanted_s = time.monotonic()
    final = session.finish()
    assert final.timing.final_s > wanted_s
    assert final.tokens == undisturbed().tokens


def test_how_far_the_process_is_behind_shows_and_passes(client: EngineClient) -> None:
    pid = ready(client)
    session = client.session()
    session.push(FRAMES[:8])
    until(lambda: session.lag_frames == 0, "the sound to be taken in")
    os.kill(pid, signal.SIGSTOP)
    session.push(FRAMES[8:])
    assert session.lag_frames == len(FRAMES) - 8
    os.kill(pid, signal.SIGCONT)
    until(lambda: session.lag_frames == 0, "the process to catch up")
    assert is_undisturbed(session.finish())


def test_times_are_on_the_clock_of_this_process(client: EngineClient) -> None:
    session = client.session()
    session.push(FRAMES)
    asked_s = time.monotonic()
    heard = session.finish(end_of_speech_s=asked_s, end_sample=5)
    assert asked_s <= heard.timing.first_token_s <= heard.timing.final_s <= time.monotonic()
    assert (heard.timing.end_of_speech_s, heard.end_sample) == (asked_s, 5)


def test_pushing_to_a_stopped_process_does_not_wait(client: EngineClient) -> None:
    pid = ready(client)
    os.kill(pid, signal.SIGSTOP)
    try:
        session = client.session()
        for _ in range(20):  # three megabytes: far more than a socket holds
            session.push(FRAMES)
            session.rewind(len(FRAMES))
            session.push(FRAMES)
            session.partial()
            session.rewind(len(FRAMES))
        session.push(FRAMES)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert is_undisturbed(session.finish())
    assert client.pid == pid


# --- cancelling, closing, unloading --------------------------------------------------------------------


def test_a_cancel_from_another_thread_ends_the_wait_at_once(client: EngineClient) -> None:
    pid = ready(client)
    session = client.session()
    session.push(FRAMES)
    os.kill(pid, signal.SIGSTOP)  # it would never answer
    timer = threading.Timer(0.1, client.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        session.finish()
    timer.join()
    os.kill(pid, signal.SIGCONT)
    with pytest.raises(RuntimeError, match="over"):
        session.push(FRAMES)
    again = client.session()
    again.push(FRAMES)
    assert is_undisturbed(again.finish())
    assert client.pid == pid


def test_a_session_that_is_given_up_is_over(client: EngineClient) -> None:
    first = client.session()
    first.push(tiny.sound(60, seed=3))
    second = client.session()
    with pytest.raises(RuntimeError, match="over"):
        first.push(FRAMES)
    second.push(FRAMES)
    assert is_undisturbed(second.finish())
    second.cancel()
    third = client.session()
    third.cancel()
    with pytest.raises(Cancelled):
        third.push(FRAMES)


def test_unloading_ends_the_process_and_waits_for_an_open_utterance(
    client: EngineClient, states: States
) -> None:
    pid = ready(client)
    assert client.rss_bytes() > 5_000_000  # type: ignore[operator]
    session = client.session()
    session.push(FRAMES[:30])
    assert client.unload(wait_s=0) is False
    session.push(FRAMES[30:])
    assert is_undisturbed(session.finish())
    assert client.unload()
    assert not is_running(pid)
    assert pid not in children()
    assert client.rss_bytes() is None
    assert client.state == EngineState("unloaded")
    assert states.names == ["loading", "ready", "unloaded"]


def test_preloading_a_process_that_runs_does_nothing(client: EngineClient) -> None:
    pid = ready(client)
    session = client.session()
    for frame in FRAMES:
        session.push(frame[None])
        client.preload()
    assert is_undisturbed(session.finish())
    assert client.pid == pid


def test_closing_does_not_wait_for_a_process_that_hangs(states: States) -> None:
    client = EngineClient(tiny.tiny_model(), n_ctx=512, on_state=states.append)
    pid = ready(client)
    session = client.session()
    session.push(FRAMES)
    os.kill(pid, signal.SIGSTOP)
    closing = threading.Timer(0.1, client.close)
    closing.start()
    with pytest.raises(Cancelled):
        session.finish()
    closing.join()
    assert not is_running(pid)
    client.close()
    for call in (client.preload, client.session):
        with pytest.raises(RuntimeError, match="closed"):
            call()


def test_an_interrupted_wait_leaves_the_engine_fit_for_the_next_utterance(client: EngineClient) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    session = client.session()
    session.push(FRAMES)
    with pytest.raises(KeyboardInterrupt):
        session.finish(on_piece=interrupted)
    again = client.session()
    again.push(FRAMES)
    assert is_undisturbed(again.finish())


# --- what runs, and what it tells ----------------------------------------------------------------------


def test_llama_cpps_log_goes_to_the_debug_log_and_the_words_do_not(
    caplog: pytest.LogCaptureFixture, samples: Path
) -> None:
    with caplog.at_level(logging.DEBUG), EngineClient(find_model()) as client:
        session = client.session()
        session.push(frames_of(samples / "01-change.wav"))
        text = session.finish().text
    assert "Wednesday" in text
    assert any("llama.cpp: " in record.getMessage() for record in caplog.records)
    assert all(record.levelno <= logging.DEBUG for record in caplog.records if "llama.cpp" in record.message)
    assert "Wednesday" not in caplog.text


def test_files_named_from_the_folder_of_the_daemon_are_found_from_that_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = replace(tiny.tiny_model(), model=Path("m"), projector=Path("p"), drafter=Path("d"))
    with EngineClient(files, n_ctx=512) as client:
        load = client._keeper._load.files
    assert (load.model, load.projector, load.drafter) == (tmp_path / "m", tmp_path / "p", tmp_path / "d")


def test_no_code_runs_from_the_folder_in_which_the_daemon_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: EngineClient
) -> None:
    for name in ("engine.py", "numpy.py", "json.py"):
        (tmp_path / name).write_text("raise SystemExit('code of a stranger')")
    monkeypatch.chdir(tmp_path)
    session = client.session()
    session.push(FRAMES)
    assert is_undisturbed(session.finish())
    assert Path(f"/proc/{client.pid}/cwd").readlink() == Path("/")
