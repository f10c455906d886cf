"""One utterance, on llama.cpp itself: streamed equals offline, forks leave no trace, cancelling works."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tiny

from benchmarks import mtmd_reference
from engine.catalog import ModelFiles, find_model
from engine.errors import Cancelled, ContextFull, ModelUnsupported, ProjectorMismatch
from engine.events import Hypothesis
from engine.prompt import render
from engine.session import Engine
from engine.source import WavSource
from engine.speed import PLAIN, Speed
from engine.training.gguf_pair import Shape, random_tensors, write_pair

FRAMES = 60


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine.open(tiny.tiny_model(), n_ctx=512) as opened:
        yield opened


def hear(engine: Engine, frames: np.ndarray, *, piece: int | None = None) -> Hypothesis:
    session = engine.session()
    step = piece or len(frames)
    for at in range(0, len(frames), step):
        session.push(frames[at : at + step])
    return session.finish()


def hear_apart(frames: np.ndarray) -> Hypothesis:
    """What another engine hears that was never asked for partial words."""
    with Engine.open(tiny.tiny_model(), n_ctx=512, speed=PLAIN) as engine:
        return hear(engine, frames)


def sample_frames(path: Path) -> np.ndarray:
    """The whole frames of a recording."""
    samples = np.concatenate([chunk.samples for chunk in WavSource(path).chunks()])
    return samples[: len(samples) // 640 * 640].reshape(-1, 640)


def same_words(a: Hypothesis, b: Hypothesis) -> bool:
    return (a.tokens, a.confidence, a.text, a.stop) == (b.tokens, b.confidence, b.text, b.stop)


def as_said(a: Hypothesis, b: Hypothesis) -> bool:
    """Whether the words are the same; checked in other batches, a probability differs in its last digits."""
    assert a.confidence == pytest.approx(b.confidence, abs=0.01)
    return (a.tokens, a.text, a.stop) == (b.tokens, b.text, b.stop)


# --- streaming -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("frames", [FRAMES, 57, 8, 3])
def test_streamed_in_any_pieces_gives_the_tokens_of_one_piece(engine: Engine, seed: int, frames: int) -> None:
    sound = tiny.sound(frames, seed=seed)
    whole = hear(engine, sound)
    assert len(whole.tokens) > 1
    for piece in (1, 4, 8, 25):
        assert same_words(hear(engine, sound, piece=piece), whole), f"in pieces of {piece}"


def test_the_answer_depends_on_the_sound_and_on_its_order(engine: Engine) -> None:
    sound = tiny.sound(FRAMES)
    answers = {
        hear(engine, frames).tokens for frames in (sound, sound[::-1], sound[:40], tiny.sound(FRAMES, seed=9))
    }
    assert len(answers) == 4


@pytest.mark.parametrize("block", [1, 8, 25, 60])
def test_batches_of_another_shape_compute_nearly_the_same(engine: Engine, block: int) -> None:
    sound = tiny.sound(FRAMES)
    reference = hear(engine, sound)
    with Engine.open(tiny.tiny_model(), n_ctx=512, block_frames=block) as other:
        answer = hear(other, sound)
    assert answer.tokens[0] == reference.tokens[0]
    assert answer.confidence == pytest.approx(reference.confidence, abs=0.3)


def test_the_prefix_is_prefilled_once_for_all_utterances(engine: Engine) -> None:
    for seed in range(3):
        hear(engine, tiny.sound(9, seed=seed))
    assert engine.cache.prefix_prefills == 1


def test_frames_are_prefilled_while_they_are_pushed(engine: Engine) -> None:
    session = engine.session()
    taken = []
    for frame in tiny.sound(20):
        session.push(frame[None])
        taken.append(engine.cache.ledger.soft)
    block = engine.block_frames
    assert taken == [n // block * block for n in range(1, 21)]
    assert session.frames_pushed == 20


# --- forks and rewinds -----------------------------------------------------------------------------------


def test_partials_leave_no_trace_in_the_final(engine: Engine) -> None:
    sound = tiny.sound(FRAMES)
    reference = hear(engine, sound)
    session = engine.session()
    for at in range(0, FRAMES, 5):
        session.push(sound[at : at + 5])
        session.partial()
    assert as_said(session.finish(), reference)


def test_without_drafts_partials_leave_not_even_a_trace_in_the_probabilities() -> None:
    sound = tiny.sound(FRAMES)
    with Engine.open(tiny.tiny_model(), n_ctx=512, speed=Speed(draft=False)) as engine:
        reference = hear(engine, sound)
        session = engine.session()
        for at in range(0, FRAMES, 5):
            session.push(sound[at : at + 5])
            assert session.partial().timing.drafted == 0
        assert same_words(session.finish(), reference)


def test_a_partial_of_everything_is_the_final(engine: Engine) -> None:
    session = engine.session()
    session.push(tiny.sound(37))
    partial = session.partial()
    final = session.finish()
    assert (partial.kind, final.kind) == ("partial", "final")
    assert as_said(partial, final)


@pytest.mark.parametrize("seed", range(6))
def test_drafts_and_words_ahead_change_no_word_of_a_random_model(engine: Engine, seed: int) -> None:
    """It is less sure of anything than a trained one, so that guesses are mostly wrong."""
    sound = tiny.sound(FRAMES, seed=seed)
    reference = hear(engine, sound)
    session = engine.session()
    for at in range(0, FRAMES, 7):
        session.push(sound[at : at + 7])
        session.partial()
        session.prepare()
    assert as_said(session.finish(), reference)


# --- words ahead -----------------------------------------------------------------------------------------


def test_words_that_were_prepared_are_there_without_any_more_work(engine: Engine) -> None:
    sound = tiny.sound(FRAMES)
    reference = hear(engine, sound)
    session = engine.session(start_sample=640)
    session.push(sound)
    session.prepare()
    steps = engine.steps
    pieces: list[str] = []
    final = session.finish(on_piece=pieces.append, end_of_speech_s=1.0, end_sample=700)
    assert engine.steps == steps
    assert same_words(final, reference)
    assert "".join(pieces).strip() == final.text
    assert (final.kind, final.end_sample, final.timing.end_of_speech_s) == ("final", 700, 1.0)


@pytest.mark.parametrize("change", ["more", "fewer", "others"])
def test_what_was_prepared_is_void_once_the_frames_change(engine: Engine, change: str) -> None:
    sound, other = tiny.sound(FRAMES), tiny.sound(FRAMES, seed=3)
    session = engine.session()
    session.push(other[:20] if change == "more" else other)
    session.prepare()
    if change == "more":
        session.rewind(20)
        session.push(sound)
    elif change == "fewer":
        session.rewind(len(other))
        session.push(sound)
    else:
        session.rewind(30)
        session.push(other[:30])
        sound = np.concatenate((other[:30], other[:30]))
    assert as_said(session.finish(), hear_apart(sound))


def test_preparing_is_given_up_when_more_is_said(engine: Engine) -> None:
    asked = iter([False, False, False, True])
    session = engine.session()
    session.push(tiny.sound(30))
    session.prepare(give_up=lambda: next(asked))
    session.push(tiny.sound(FRAMES)[30:])
    final = session.finish()
    assert as_said(final, hear_apart(tiny.sound(FRAMES)))
    assert final.timing.drafted  # what was written until then is a draft


def test_with_words_ahead_switched_off_nothing_is_prepared() -> None:
    with Engine.open(tiny.tiny_model(), n_ctx=512, speed=Speed(prepare=False)) as engine:
        session = engine.session()
        session.push(tiny.sound(30))
        steps = engine.steps
        session.prepare()
        assert engine.steps == steps


def test_without_streaming_all_sound_waits_for_the_end() -> None:
    sound = tiny.sound(FRAMES)
    with Engine.open(tiny.tiny_model(), n_ctx=512, speed=PLAIN) as engine:
        session = engine.session()
        session.push(sound)
        assert session.frames_prefilled == 0
        assert same_words(session.finish(), hear_apart(sound))


def test_of_a_recording_every_switch_leaves_the_words_as_they_are(samples: Path) -> None:
    """The bundled model, one sample: with everything on, the final is one batch behind the last block."""
    frames = sample_frames(samples / "07-dictate.wav")
    told = {}
    for name, speed in {"all": Speed(), "none": PLAIN, "drafts": Speed(prepare=False)}.items():
        with Engine.open(find_model(), speed=speed) as engine:
            session = engine.session()
            for at in range(0, len(frames), 5):
                session.push(frames[at : at + 5])
                if speed.draft and at % 25 == 0:
                    session.partial()
            if speed.draft:
                session.partial()
            told[name] = session.finish()
    assert told["none"].text
    assert as_said(told["all"], told["none"])
    assert as_said(told["drafts"], told["none"])
    assert told["none"].timing.steps > len(told["none"].tokens)
    assert told["drafts"].timing.steps == 1
    assert told["drafts"].timing.accepted == len(told["none"].tokens)


@pytest.mark.parametrize("dropped", [1, 3, 7, 8, 20, 45])
def test_rewound_frames_were_never_there(engine: Engine, dropped: int) -> None:
    sound, other = tiny.sound(45), tiny.sound(45, seed=5)
    reference = hear(engine, sound)
    session = engine.session()
    session.push(sound[: 45 - dropped])
    session.push(other[:dropped])
    session.rewind(dropped)
    session.push(sound[45 - dropped :])
    assert session.frames_pushed == 45
    assert same_words(session.finish(), reference)


def test_more_than_was_pushed_cannot_be_rewound(engine: Engine) -> None:
    session = engine.session()
    session.push(tiny.sound(3))
    with pytest.raises(ValueError, match="4 of 3"):
        session.rewind(4)


# --- ending ----------------------------------------------------------------------------------------------


def test_pieces_of_text_appear_while_it_is_written(engine: Engine) -> None:
    session = engine.session()
    session.push(tiny.sound(FRAMES))
    pieces: list[str] = []
    final = session.finish(on_piece=pieces.append)
    assert len(pieces) > 1
    assert "".join(pieces).startswith(final.text.rstrip("\ufffd"))


def test_a_hypothesis_says_where_and_when(engine: Engine) -> None:
    session = engine.session(start_sample=3_200)
    session.push(tiny.sound(25))
    final = session.finish(end_of_speech_s=1.5, end_sample=9_999)
    assert (final.start_sample, final.end_sample) == (3_200, 9_999)
    assert final.timing.audio_s == 1.0
    assert final.timing.end_of_speech_s == 1.5
    assert 0 < final.timing.first_token_s <= final.timing.final_s
    assert final.confidence is not None
    assert final.confidence < 0


def test_the_answer_is_no_longer_than_the_sound_allows(engine: Engine) -> None:
    final = hear(engine, tiny.sound(2))
    assert len(final.tokens) <= 8 + 2


def test_no_suppressed_token_is_ever_produced(engine: Engine) -> None:
    for seed in range(8):
        tokens = hear(engine, tiny.sound(20, seed=seed)).tokens
        assert not set(tokens) & {0, 2, 3, 4, tiny.AUDIO, tiny.AUDIO_END}


def test_tokens_that_the_file_forbids_are_not_produced(tmp_path: Path, engine: Engine) -> None:
    favourites = hear(engine, tiny.sound(20)).tokens
    files = variant(tmp_path, suppress=tuple(set(favourites)))
    with Engine.open(files, n_ctx=512) as other:
        assert not set(hear(other, tiny.sound(20)).tokens) & set(favourites)


def test_a_session_is_over_after_it_was_finished_or_another_began(engine: Engine) -> None:
    first = engine.session()
    first.push(tiny.sound(2))
    second = engine.session()
    with pytest.raises(RuntimeError, match="over"):
        first.push(tiny.sound(1))
    second.push(tiny.sound(2))
    second.finish()
    with pytest.raises(RuntimeError, match="over"):
        second.finish()


def test_cancelling_from_another_thread_stops_between_tokens(engine: Engine) -> None:
    session = engine.session()
    session.push(tiny.sound(FRAMES))
    seen: list[str] = []

    def stop_after_three(piece: str) -> None:
        seen.append(piece)
        if len(seen) == 3:
            thread = threading.Thread(target=engine.cancel)
            thread.start()
            thread.join()

    with pytest.raises(Cancelled):
        session.finish(on_piece=stop_after_three)
    assert len(seen) == 3


def test_an_engine_is_as_new_after_a_cancelled_utterance(engine: Engine) -> None:
    reference = hear(engine, tiny.sound(FRAMES))
    session = engine.session()
    session.push(tiny.sound(FRAMES, seed=3))
    session.cancel()
    for call in (
        session.partial,
        session.finish,
        lambda: session.push(tiny.sound(1)),
        lambda: session.rewind(1),
    ):
        with pytest.raises(Cancelled):
            call()
    assert same_words(hear(engine, tiny.sound(FRAMES)), reference)


def test_more_sound_than_the_context_holds_is_refused_and_the_rest_still_heard() -> None:
    with Engine.open(tiny.tiny_model(), n_ctx=256) as small:
        session = small.session()
        session.push(tiny.sound(small.max_frames))
        with pytest.raises(ContextFull, match="the context has room for"):
            session.push(tiny.sound(1))
        assert session.frames_pushed == small.max_frames
        assert session.finish().tokens


def test_frames_of_another_length_are_our_own_bug(engine: Engine) -> None:
    with pytest.raises(ValueError, match=r"float32\[n, 640\]"):
        engine.session().push(np.zeros((2, 320), dtype=np.float32))


# --- opening ---------------------------------------------------------------------------------------------


def variant(folder: Path, *, template: str | None = None, suppress: tuple[int, ...] = ()) -> ModelFiles:
    words = tiny.vocabulary(suppress=suppress)
    tensors = random_tensors(tiny.SHAPE, len(words.tokens), seed=1)
    tensors["mm.a.input_projection.weight"] *= 4
    model, projector = write_pair(
        folder, tiny.SHAPE, tensors, words, name="voice-edit x", chat_template=template
    )
    return ModelFiles("x", model, projector, tiny.profile())


def test_the_prompt_of_the_bundled_model_is_two_tokens_and_one() -> None:
    with Engine.open(tiny.tiny_model(), n_ctx=256) as engine:
        assert engine.prompt.prefix == (tiny.BOS, tiny.AUDIO)
        assert engine.prompt.tail == (tiny.AUDIO_END,)


def test_a_file_without_a_template_gets_that_of_its_profile(tmp_path: Path) -> None:
    with Engine.open(variant(tmp_path), n_ctx=256) as engine:
        assert engine.prompt.prefix == (tiny.BOS, tiny.AUDIO)


def test_text_around_the_sound_becomes_the_tokens_that_mtmd_makes(tmp_path: Path) -> None:
    template = (
        "{{ bos_token }}{% for m in messages %}<|turn>{{ m.role }}\n"
        "{% for part in m.content %}{{ '<|audio|>' if part.type == 'audio' else part.text }}{% endfor %}"
        "<turn|>\n{% endfor %}<|turn>model\n"
    )
    files = variant(tmp_path, template=template)
    files = dataclasses.replace(
        files, profile=dataclasses.replace(files.profile, instruction="Write the words.")
    )
    before, after = render(template, files.profile, bos_text="<bos>")
    assert before.endswith("user\nWrite the words.")
    theirs = mtmd_reference.hear(files, tiny.sound(2), before, after)
    with Engine.open(files, n_ctx=256) as engine:
        assert list(engine.prompt.prefix) == theirs.before
        assert list(engine.prompt.tail) == theirs.after


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{{ bos_token }} no sound", "0 audio placeholders"),
        ("<|audio|><|audio|>", "2 audio placeholders"),
        ("{% for %}", "cannot be rendered"),
        ("{{ ''.__class__.__mro__ }}<|audio|>", "cannot be rendered"),
    ],
)
def test_a_template_that_cannot_take_sound_is_refused(tmp_path: Path, template: str, complaint: str) -> None:
    files = variant(tmp_path, template=template)
    with pytest.raises(ModelUnsupported, match=complaint) as caught:
        Engine.open(files, n_ctx=256)
    assert str(files.model) in str(caught.value)


def test_a_thought_block_is_closed_where_the_template_did_not_close_it() -> None:
    profile = dataclasses.replace(tiny.profile(), thought_block="<|channel>thought\n<channel|>")
    open_ended = "<|audio|>{{ '<|turn>model\n' }}"
    assert render(open_ended, profile, bos_text="")[1] == "<|turn>model\n<|channel>thought\n<channel|>"
    closed = "<|audio|><|channel>thought\n<channel|>"
    assert render(closed, profile, bos_text="")[1] == "<|channel>thought\n<channel|>"


def test_projector_and_model_of_different_width_are_refused(tmp_path: Path) -> None:
    words = tiny.vocabulary()
    wide = Shape(n_embd=96, n_layer=6, n_ff=128, n_head=2, n_head_kv=1, head_dim=32)
    _, projector = write_pair(tmp_path, wide, random_tensors(wide, len(words.tokens)), words, name="wide")
    with pytest.raises(ProjectorMismatch, match="96 values, the model takes 64"):
        Engine.open(dataclasses.replace(tiny.tiny_model(), projector=projector))


def test_a_context_without_room_for_sound_is_refused(tmp_path: Path) -> None:
    files = tiny.tiny_model()
    long = dataclasses.replace(files.profile, thought_block="word " * 300)
    with pytest.raises(ContextFull, match="no room"):
        Engine.open(dataclasses.replace(files, profile=long), n_ctx=256)


def test_digital_silence_becomes_faint_noise_that_does_not_depend_on_the_pieces(engine: Engine) -> None:
    silence = np.zeros((30, 640), dtype=np.float32)
    assert engine.profile.dither > 0
    assert same_words(hear(engine, silence, piece=3), hear(engine, silence))


def test_without_dither_digital_silence_is_another_sound(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence = np.zeros((30, 640), dtype=np.float32)
    as_noise = hear(engine, silence)
    monkeypatch.setattr(engine, "profile", dataclasses.replace(engine.profile, dither=0.0))
    assert not same_words(hear(engine, silence), as_noise)


def test_no_sound_at_all_has_an_answer_that_is_short(engine: Engine) -> None:
    assert len(engine.session().finish().tokens) <= 8


def test_the_same_shape_as_gemma_4_loads_in_small(tmp_path: Path) -> None:
    """Global layers: one key/value head of double size, no value matrix, partly turned by RoPE; tied."""
    shape = Shape(
        n_embd=64, n_layer=6, n_ff=128, n_head=4, n_head_kv=2, head_dim=16,
        n_head_kv_global=1, head_dim_global=32, value_is_key_global=True,
        rope_base_global=1e6, rotated_share_global=0.25, final_logit_softcapping=30.0, tied=True,
    )  # fmt: skip
    words = tiny.vocabulary()
    model, projector = write_pair(
        tmp_path,
        shape,
        random_tensors(shape, len(words.tokens)),
        words,
        name="voice-edit g",
        precision="Q8_0",
    )
    with Engine.open(ModelFiles("g", model, projector, tiny.profile()), n_ctx=256) as engine:
        sound = tiny.sound(30)
        assert same_words(hear(engine, sound, piece=4), hear(engine, sound))
