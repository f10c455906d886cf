"""Endless labelled speech: text, voice, augmentation, frames, phones; bucketed by length into batches."""

from __future__ import annotations

import math
import multiprocessing as mp
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.training import augment, texts, tokenizer
from engine.training.cast import draw_voice
from engine.training.tokenizer import Pieces
from engine.training.voices import Speakers, Speech

FRAME_SAMPLES = 640
DELAY_FRAMES = 3
"""The phone label of a frame is what was said this many frames before: 120 ms of right context."""
LABEL_OFFSETS_MS = (10, 30)
NO_LABEL = -100
WIDTH_STEP = 8
TOLD_STEP = 128
WORDLESS_SHARE = 0.03
"""How often there is sound but no word in it; the answer is empty."""


@dataclass(frozen=True, slots=True)
class Example:
    """One utterance, ready to be laid out."""

    text: str
    tokens: list[int]
    frames: NDArray[np.float32]
    phones: NDArray[np.int64]
    """int64[frames, 2], NO_LABEL where the synthesiser said nothing."""

    @property
    def positions(self) -> int:
        """Length in the decoder: bos, audio mark, frames, end mark, tokens."""
        return 3 + len(self.frames) + len(self.tokens)


@dataclass(frozen=True, slots=True)
class Batch:
    """Right-padded sequences of one width; causal attention needs no mask, since padding comes last."""

    ids: NDArray[np.int64]
    """int64[b, t]; 0 where a frame or padding stands."""
    is_frame: NDArray[np.bool_]
    """bool[b * t, 1]."""
    frames: NDArray[np.float32]
    """float32[b * t, 640]; zero where no frame stands."""
    phones: NDArray[np.int64]
    """int64[b * t, 2]; NO_LABEL where no frame stands."""
    told_at: NDArray[np.int64]
    """int64[k]: flat positions whose next token is text; k is a multiple of TOLD_STEP."""
    told: NDArray[np.int64]
    """int64[k]: that token, NO_LABEL where `told_at` is padding."""


class Maker:
    """Draws examples."""

    def __init__(self, seed: int, pieces: Pieces, phones: list[str], *, long: float = 0.05) -> None:
        self._rng = random.Random(seed)
        self._np = np.random.default_rng(seed)
        self._pieces, self._long = pieces, long
        self._phone_ids = {p: i for i, p in enumerate(phones)}
        self._speakers = Speakers()
        self._babble: NDArray[np.float32] | None = None

    def _spoken(self, factor: float) -> tuple[str, Speech]:
        """A text and its sound, which is going to be played `factor` times as fast."""
        rng = self._rng
        text = texts.utterance(rng, long=self._long)
        manner = {"rate": rng.uniform(0.88, 1.22) / factor, "pitch": rng.uniform(0.2, 0.8)}
        voice = draw_voice(rng)
        return text, self._speakers.say(voice, text, **manner, pitch_range=rng.uniform(0.3, 0.75))

    def example(self) -> Example:
        """One fresh utterance, augmented."""
        rng, gen = self._rng, self._np
        factor = math.exp(rng.uniform(-0.17, 0.24)) if rng.random() < 0.6 else 1.0
        if rng.random() < WORDLESS_SHARE:
            text, speech = "", Speech(augment.wordless(rng.uniform(0.3, 3.0), gen), [(0.0, "sil")])
        else:
            text, speech = self._spoken(factor)
        x = augment.play_faster(speech.samples, factor)
        before = int(rng.uniform(0, 0.5) * 16_000)
        after = int(rng.uniform(0.26, 0.56) * 16_000)
        x = np.concatenate([np.zeros(before, np.float32), x, np.zeros(after, np.float32)])
        if rng.random() < 0.35:
            x = augment.colour(x, gen)
        if rng.random() < 0.08:
            x = augment.room(x, gen)
        clean = x
        snr_db = rng.uniform(8, 20) if rng.random() < 0.1 else rng.uniform(20, 55)
        x = augment.noise(x, gen, snr_db, self._babble)
        self._babble = clean
        if rng.random() < 0.5:  # the engine feeds zeros and dither where no sound followed
            x[len(x) - int(rng.uniform(0, after)) :] = 0
        x = augment.quantise(x, gen)
        count = len(x) // FRAME_SAMPLES
        phones = [(ms, self._phone_ids.get(name, 0)) for ms, name in speech.phones]
        labels = frame_labels(phones, factor=factor, before=before, frames=count)
        tokens = [*self._pieces.encode(text), tokenizer.END]
        return Example(text, tokens, x[: count * FRAME_SAMPLES].reshape(count, FRAME_SAMPLES), labels)


def frame_labels(
    phones: list[tuple[float, int]], *, factor: float, before: int, frames: int
) -> NDArray[np.int64]:
    """What was being said DELAY_FRAMES before each frame, at two moments of it: int64[frames, 2].

    `phones` are (start in ms, id) as synthesised; `factor` is how much faster they are played, `before` the
    samples put in front. Without phones, everything is NO_LABEL.
    """
    if not phones:
        return np.full((frames, 2), NO_LABEL)
    times = np.arange(frames)[:, None] * 40 + np.array([LABEL_OFFSETS_MS]) - DELAY_FRAMES * 40
    starts = np.array([ms / factor + before / 16 for ms, _ in phones])
    ids = np.array([0, *(phone for _, phone in phones)])
    return ids[np.searchsorted(starts, times, side="right")]


def lay_out(examples: list[Example], width: int) -> Batch:
    """Put examples into one batch of rows of `width` positions."""
    count = len(examples)
    ids = np.zeros((count, width), np.int64)
    is_frame = np.zeros((count, width, 1), np.bool_)
    frames = np.zeros((count, width, FRAME_SAMPLES), np.float32)
    phones = np.full((count, width, 2), NO_LABEL)
    told_at, told = [], []
    for row, e in enumerate(examples):
        end = 2 + len(e.frames)
        ids[row, :2] = tokenizer.BOS, tokenizer.AUDIO
        ids[row, end] = tokenizer.AUDIO_END
        ids[row, end + 1 : end + 1 + len(e.tokens)] = e.tokens
        is_frame[row, 2:end], frames[row, 2:end], phones[row, 2:end] = True, e.frames, e.phones
        told_at += range(row * width + end, row * width + end + len(e.tokens))
        told += e.tokens
    spare = -len(told) % TOLD_STEP
    return Batch(
        ids,
        is_frame.reshape(-1, 1),
        frames.reshape(-1, FRAME_SAMPLES),
        phones.reshape(-1, 2),
        np.array(told_at + [0] * spare),
        np.array(told + [NO_LABEL] * spare),
    )


class Buckets:
    """Collects examples of like length until a batch is full; few shapes, so that kernels are cached."""

    def __init__(self, positions: int) -> None:
        self._positions = positions
        self._waiting: dict[int, list[Example]] = {}

    def add(self, example: Example) -> Batch | None:
        """Take one example; return a batch when its bucket is full."""
        width = -(-example.positions // WIDTH_STEP) * WIDTH_STEP
        waiting = self._waiting.setdefault(width, [])
        waiting.append(example)
        if len(waiting) < max(1, self._positions // width):
            return None
        return lay_out(self._waiting.pop(width), width)


def phone_names(seed: int = 1, count: int = 2500) -> list[str]:
    """Every phone the synthesisers report on a sample of texts; index 0 is silence."""
    rng, speakers, seen = random.Random(seed), Speakers(), set()
    for _ in range(count):
        seen |= {p for _, p in speakers.say(draw_voice(rng), texts.utterance(rng, long=0)).phones}
    return ["sil", *sorted(seen - {"sil"})]


def _work(
    queue: Any, seed: int, pieces_path: str, phones: list[str], most_positions: int, long: float
) -> None:
    from pathlib import Path

    maker, buckets = Maker(seed, Pieces.load(Path(pieces_path)), phones, long=long), Buckets(most_positions)
    while True:
        if (batch := buckets.add(maker.example())) is not None:
            queue.put(batch)


def start_workers(
    count: int, seed: int, pieces_path: str, phones: list[str], *, most_positions: int, long: float = 0.05
) -> Any:
    """Start processes that fill the returned queue with batches for ever."""
    context = mp.get_context("spawn")
    queue = context.Queue(16)
    for index in range(count):
        arguments = (queue, seed * 1000 + index, pieces_path, phones, most_positions, long)
        context.Process(target=_work, args=arguments, daemon=True).start()
    return queue
