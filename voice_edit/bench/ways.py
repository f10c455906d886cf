"""The ways of hearing that are compared: each is the one before it and one thing more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from engine.loading import Loading
from engine.speech import SpeechEngine
from engine.speed import PLAIN, Speed

if TYPE_CHECKING:
    from engine.catalog import ModelFiles

EngineKind: TypeAlias = Literal["ours", "mtmd"]


class SwitchedEngine(SpeechEngine, Protocol):
    """What is measured: an engine whose switches can be set between two utterances."""

    speed: Speed


@dataclass(frozen=True, slots=True)
class Way:
    """One of them."""

    key: str
    """For options, JSON and pictures."""
    title: str
    """For tables."""
    meaning: str
    """One sentence."""
    speed: Speed
    """What it may use."""
    engine: EngineKind = "ours"
    """Who computes: our engine, or llama.cpp's own helper for sound. Ways of one kind share the model in
    memory."""
    partials: bool = False
    """Whether partial words are asked for while somebody speaks."""


PEER = Way(
    "peer",
    "(1) peer",
    "the finished recording goes through llama.cpp's own helper for sound (mtmd) and is decoded token by "
    "token: what llama-server does",
    PLAIN,
    "mtmd",
)
STREAM = Way(
    "stream",
    "(2) + streaming prefill",
    "the model takes in the sound while somebody speaks",
    Speed(draft=False, prepare=False, mtp=False),
)
DRAFT = Way(
    "draft",
    "(3) + draft",
    "partial words are computed meanwhile, and the last of them are checked in one batch as the draft of "
    "the final words",
    Speed(prepare=False, mtp=False),
    partials=True,
)
PREPARED = Way(
    "prepared",
    "(4) + preemptive final",
    "the final words are computed while the silence lasts that ends an utterance",
    Speed(mtp=False),
    partials=True,
)
OFFLINE = Way(
    "offline",
    "(0) all at the end",
    "our engine, with everything off: the sound is taken in when it is over",
    PLAIN,
)
MTP = Way(
    "mtp",
    "(2b) + drafter",
    "as (2), and a drafter model guesses the next tokens, which are checked in one batch",
    Speed(draft=False, prepare=False),
)

WAYS = {way.key: way for way in (OFFLINE, PEER, STREAM, MTP, DRAFT, PREPARED)}
USUAL = (PEER, STREAM, DRAFT, PREPARED)


@dataclass(frozen=True, slots=True)
class Opening:
    """How the model is opened, the same for all ways."""

    context_tokens: int = 2048
    threads: int | None = None
    """None: what the engine chooses for a model of this size."""
    gpu_layers: int = -1


def open_engine(kind: EngineKind, ways: Sequence[Way], files: ModelFiles, opening: Opening) -> SwitchedEngine:
    """Load the model for all ways of a kind. Raises the engine's errors."""
    if kind == "mtmd":
        from engine.batch_audio import BatchEngine

        return BatchEngine.open(
            files,
            n_ctx=opening.context_tokens,
            n_threads=opening.threads,
            loading=Loading(gpu_layers=opening.gpu_layers),
            speed=PLAIN,
        )
    from engine.session import Engine

    return Engine.open(
        files,
        n_ctx=opening.context_tokens,
        n_threads=opening.threads,
        loading=Loading(gpu_layers=opening.gpu_layers),
        # What it loads once, it loads if any of them wants it.
        speed=Speed(mtp=any(way.speed.mtp for way in ways)),
    )
