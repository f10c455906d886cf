"""Which way a model hears, from the kind of its projector: while somebody speaks, or afterwards.

`gemma4ua` (12B, the bundled model) is one matrix, `gemma4a` (E2B, E4B) an encoder that can be run piece by
piece: both are streamed by `session`. Other kinds go through llama.cpp's mtmd in `batch_audio`, an utterance
at a time.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from engine.catalog import ModelFiles
from engine.conformer import KIND as CONFORMER
from engine.errors import EngineError
from engine.gguf_header import projector_kind, read_header
from engine.loading import Loading
from engine.speed import Speed

if TYPE_CHECKING:
    from engine.batch_audio import BatchEngine, BatchSession
    from engine.session import Engine, Session

    LocalEngine: TypeAlias = Engine | BatchEngine
    """An engine in this process."""
    LocalSession: TypeAlias = Session | BatchSession
    """One of its utterances."""

STREAMED = ("gemma4ua", CONFORMER)


def is_streamed(projector: Path) -> bool:
    """Whether sound goes into the model while it is spoken. True also for a file that cannot be read: opening
    the model then tells what is wrong, the model's own faults first.
    """
    try:
        kind = projector_kind(read_header(projector))
    except EngineError:
        return True
    return kind in (*STREAMED, "")


def open_engine(
    files: ModelFiles,
    *,
    n_ctx: int = 2048,
    text_ctx: int = 0,
    n_threads: int | None = None,
    polling: int | None = None,
    loading: Loading | None = None,
    block_frames: int | None = None,
    speed: Speed | None = None,
) -> LocalEngine:
    """Load a model in this process, the way that its projector asks for. Arguments and errors are those of
    `Engine.open`; `block_frames` has a meaning only where sound is streamed.
    """
    if is_streamed(files.projector):
        from engine.session import Engine

        return Engine.open(
            files,
            n_ctx=n_ctx,
            text_ctx=text_ctx,
            n_threads=n_threads,
            polling=polling,
            loading=loading,
            block_frames=block_frames,
            speed=speed,
        )
    from engine.batch_audio import BatchEngine

    return BatchEngine.open(
        files,
        n_ctx=n_ctx,
        text_ctx=text_ctx,
        n_threads=n_threads,
        polling=polling,
        loading=loading,
        speed=speed,
    )
