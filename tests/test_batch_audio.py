"""Finished recordings through llama.cpp's own mtmd: the same words as streaming gives, only later."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import tiny

from engine.batch_audio import BatchEngine
from engine.catalog import ModelFiles, find_model
from engine.errors import Cancelled, ContextFull
from engine.events import Hypothesis
from engine.frames import FRAME_SAMPLES
from engine.session import Engine
from engine.source import read_audio
from engine.speech import SpeechEngine
from engine.speed import PLAIN
from engine.training.gguf_pair import random_tensors, write_pair

RECORDINGS = sorted((Path(__file__).parent.parent / "samples").glob("*.wav"))


@pytest.fixture(scope="module")
def batch() -> Iterator[BatchEngine]:
    with BatchEngine.open(find_model(), n_threads=1) as opened:
        yield opened


@pytest.fixture(scope="module")
def streaming() -> Iterator[Engine]:
    with Engine.open(find_model(), n_threads=1) as opened:
        yield opened


@pytest.fixture(scope="module")
def small() -> Iterator[BatchEngine]:
    with BatchEngine.open(tiny.tiny_model(), n_ctx=512, n_threads=1) as opened:
        yield opened


def frames_of(recording: Path) -> np.ndarray:
    samples = read_audio(recording)[: 375 * FRAME_SAMPLES]
    return samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)


def hear(engine: SpeechEngine, frames: np.ndarray, *, piece: int = 25) -> Hypothesis:
    session = engine.session()
    for at in range(0, len(frames), piece):
        session.push(frames[at : at + piece])
    return session.finish()


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_a_finished_recording_has_the_words_that_streaming_gives(
    recording: Path, batch: BatchEngine, streaming: Engine
) -> None:
    frames = frames_of(recording)
    late, early = hear(batch, frames), hear(streaming, frames)
    assert (late.tokens, late.text, late.stop) == (early.tokens, early.text, early.stop)
    # mtmd rounds the frames to 16 bit before it projects them.
    assert late.confidence == pytest.approx(early.confidence, abs=1e-3)
    assert late.timing.audio_s == early.timing.audio_s
    assert late.timing.steps == len(late.tokens) + 1


def test_a_loop_is_cut_and_the_rest_of_an_answer_written_as_when_streaming(small: BatchEngine) -> None:
    stops = set()
    with Engine.open(tiny.tiny_model(), n_ctx=512, n_threads=1) as streaming:
        for seed in range(4):
            late, early = (hear(engine, tiny.sound(100, seed=seed)) for engine in (small, streaming))
            assert (late.tokens, late.text, late.stop) == (early.tokens, early.text, early.stop)
            stops.add(late.stop)
    assert "repetition" in stops


def test_the_prompt_is_prefilled_once_for_all_utterances(
    small: BatchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = hear(small, tiny.sound(40))
    hear(small, tiny.sound(30, seed=1))
    prefilled: list[int] = []
    decode_tokens = small.context.decode_tokens

    def spy(tokens: Sequence[int], position: int, **options: int) -> None:
        prefilled.append(position)
        decode_tokens(tokens, position, **options)

    monkeypatch.setattr(small.context, "decode_tokens", spy)
    again = hear(small, tiny.sound(40), piece=7)
    assert (again.tokens, again.confidence) == (first.tokens, first.confidence)
    assert min(prefilled) >= 40


def test_rewound_frames_were_never_there(small: BatchEngine) -> None:
    frames = tiny.sound(50)
    session = small.session()
    session.push(frames)
    session.rewind(20)
    session.push(frames[30:35])
    assert session.frames_pushed == 35
    assert session.finish().tokens == hear(small, frames[:35]).tokens


def test_there_are_no_partials_and_all_sound_waits_for_the_end(small: BatchEngine) -> None:
    session = small.session()
    session.push(tiny.sound(30))
    assert session.partial() is None
    assert session.frames_prefilled == 0
    session.prepare()
    assert session.frames_prefilled == 30


def test_words_that_were_prepared_are_there_without_any_more_work(small: BatchEngine) -> None:
    plain = hear(small, tiny.sound(30))
    session = small.session()
    session.push(tiny.sound(30))
    session.prepare()
    steps, pieces = small.steps, list[str]()
    ready = session.finish(on_piece=pieces.append, end_of_speech_s=1.0, end_sample=77)
    assert small.steps == steps
    assert (ready.tokens, ready.text, ready.confidence) == (plain.tokens, plain.text, plain.confidence)
    assert ready.text.startswith("".join(pieces).strip())  # half a character may stand at its end
    assert (ready.end_sample, ready.timing.end_of_speech_s) == (77, 1.0)


def test_what_was_prepared_is_void_once_the_frames_change(small: BatchEngine) -> None:
    session = small.session()
    session.push(tiny.sound(30))
    session.prepare()
    session.push(tiny.sound(40)[30:])
    assert session.finish().tokens == hear(small, tiny.sound(40)).tokens
    session = small.session()
    session.push(tiny.sound(30))
    session.prepare()
    session.rewind(5)
    assert session.finish().tokens == hear(small, tiny.sound(30)[:25]).tokens


def test_with_words_ahead_switched_off_nothing_is_prepared() -> None:
    with BatchEngine.open(tiny.tiny_model(), n_ctx=512, speed=PLAIN) as engine:
        session = engine.session()
        session.push(tiny.sound(30))
        session.prepare()
        assert session.frames_prefilled == 0


def test_preparing_is_given_up_when_more_is_said(small: BatchEngine) -> None:
    session = small.session()
    session.push(tiny.sound(30))
    session.prepare(give_up=lambda: True)
    assert session.frames_prefilled == 0
    assert session.finish().tokens == hear(small, tiny.sound(30)).tokens


def test_no_sound_at_all_has_no_words(small: BatchEngine) -> None:
    heard = small.session().finish()
    assert (heard.text, heard.tokens, heard.confidence, heard.stop) == ("", (), None, "eos")


def test_more_sound_than_the_context_holds_is_refused(small: BatchEngine) -> None:
    session = small.session()
    with pytest.raises(ContextFull):
        session.push(np.zeros((600, FRAME_SAMPLES), np.float32))


def test_cancelling_from_another_thread_stops_it_and_the_next_utterance_is_heard(small: BatchEngine) -> None:
    plain = hear(small, tiny.sound(40))
    session = small.session()
    session.push(tiny.sound(40))
    pieces: list[str] = []

    def stop(piece: str) -> None:
        pieces.append(piece)
        thread = threading.Thread(target=small.cancel)
        thread.start()
        thread.join()

    with pytest.raises(Cancelled):
        session.finish(on_piece=stop)
    assert len(pieces) == 1
    assert hear(small, tiny.sound(40)).tokens == plain.tokens


def test_cancelling_while_the_sound_is_taken_in_leaves_an_engine_that_hears(small: BatchEngine) -> None:
    session = small.session()
    session.push(tiny.sound(40))
    asked = iter([False, True])  # before the sound, and behind its first batch
    session.prepare(give_up=lambda: next(asked))
    assert session.frames_prefilled == 0
    assert session.finish().tokens == hear(small, tiny.sound(40)).tokens


def test_digital_silence_becomes_the_faint_noise_that_streaming_makes_of_it(small: BatchEngine) -> None:
    silence = np.zeros((100, FRAME_SAMPLES), np.float32)
    with Engine.open(tiny.tiny_model(), n_ctx=512, n_threads=1) as streaming:
        assert hear(small, silence).confidence == pytest.approx(hear(streaming, silence).confidence, abs=1e-3)
        assert hear(small, silence).tokens == hear(streaming, silence).tokens
    undithered = dataclasses.replace(
        tiny.tiny_model(), profile=dataclasses.replace(tiny.profile(), dither=0.0)
    )
    with BatchEngine.open(undithered, n_ctx=512, n_threads=1) as other:
        assert hear(other, silence).confidence != pytest.approx(hear(small, silence).confidence, abs=1e-3)


@pytest.mark.parametrize("begin", ["{{ bos_token }}", ""], ids=["template writes <bos>", "it does not"])
def test_names_are_told_as_streaming_tells_them(tmp_path: Path, begin: str) -> None:
    template = (
        begin + "{% for m in messages %}<|turn>{{ m.role }}\n"
        "{% for part in m.content %}{{ '<|audio|>' if part.type == 'audio' else part.text }}{% endfor %}"
        "<turn|>\n{% endfor %}<|turn>model\n"
    )
    words = tiny.vocabulary()
    pair = write_pair(
        tmp_path,
        tiny.SHAPE,
        random_tensors(tiny.SHAPE, len(words.tokens), seed=1),
        words,
        name="asking tiny",
        chat_template=template,
    )
    profile = dataclasses.replace(
        tiny.profile(), instruction="Write the words.", terms=" Names: {terms}.", terms_tokens=20
    )
    files = ModelFiles("asking", *pair, profile)
    names = ["Ada", "GitLab", "<|turn>"]
    with BatchEngine.open(files, n_ctx=512) as late, Engine.open(files, n_ctx=512) as early:
        for told in (names, [], names[1:]):
            heard = []
            for engine in (late, early):
                session = engine.session(terms=told)
                session.push(tiny.sound(30))
                heard.append(session.finish())
            assert heard[0].tokens == heard[1].tokens
            assert heard[0].confidence == pytest.approx(heard[1].confidence, abs=1e-3)
            assert late._prefix == early.prompt.prefix_with(told, early.model)


def test_a_session_is_over_after_it_was_finished(small: BatchEngine) -> None:
    session = small.session()
    session.push(tiny.sound(20))
    session.finish()
    with pytest.raises(RuntimeError, match="is over"):
        session.push(tiny.sound(1))
