from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import errors
from engine.frames import (
    FRAME_SAMPLES,
    WINDOW_SAMPLES,
    SampleGrid,
    WindowGrid,
    frames_in,
    ms_to_samples,
    samples_to_ms,
    samples_to_s,
    windows_in_ms,
)

chunkings = st.lists(st.integers(0, 2000), max_size=12)


def in_chunks(samples: np.ndarray, lengths: list[int]) -> list[np.ndarray]:
    """`samples` cut at the given lengths, one after the other; the rest comes last."""
    return np.split(samples, np.minimum(np.cumsum(lengths), len(samples))) if lengths else [samples]


def all_pieces(grid: SampleGrid, chunks: list[np.ndarray]) -> np.ndarray:
    """What the grid gave, copied at once, because a piece lives until the next call only."""
    return np.concatenate([grid.push(chunk).copy() for chunk in chunks] + [grid.flush().copy()])


def test_milliseconds_samples_windows_and_frames_convert() -> None:
    assert (ms_to_samples(20), ms_to_samples(40)) == (WINDOW_SAMPLES, FRAME_SAMPLES)
    assert samples_to_ms(FRAME_SAMPLES) == 40.0
    assert samples_to_s(24_000) == 1.5
    assert [frames_in(n) for n in (0, 1, 640, 641)] == [0, 1, 1, 2]
    assert [windows_in_ms(ms) for ms in (0, 1, 20, 21, 600)] == [0, 1, 1, 2, 30]


@settings(deadline=None)
@given(st.integers(0, 5000), chunkings, st.sampled_from([1, WINDOW_SAMPLES, FRAME_SAMPLES]))
def test_any_chunking_gives_the_same_pieces(length: int, lengths: list[int], piece: int) -> None:
    samples = np.arange(1, length + 1, dtype=np.float32)
    pieces = all_pieces(SampleGrid(piece), in_chunks(samples, lengths))
    whole = -(-length // piece)
    assert pieces.shape == (whole, piece)
    assert pieces.dtype == np.float32
    assert np.array_equal(pieces.ravel(), np.pad(samples, (0, whole * piece - length)))


@settings(deadline=None)
@given(st.integers(0, 3000))
def test_pending_samples_are_what_flush_still_holds(length: int) -> None:
    grid = SampleGrid(FRAME_SAMPLES)
    grid.push(np.ones(length, dtype=np.float32))
    assert grid.pending_samples == length % FRAME_SAMPLES
    assert int(grid.flush().sum()) == length % FRAME_SAMPLES
    assert grid.pending_samples == 0


def test_whole_frames_pass_through_without_a_copy() -> None:
    chunk = np.ones(2 * FRAME_SAMPLES, dtype=np.float32)
    assert np.shares_memory(SampleGrid(FRAME_SAMPLES).push(chunk), chunk)


def test_frames_that_span_chunks_reuse_one_buffer() -> None:
    grid = SampleGrid(FRAME_SAMPLES)
    grid.push(np.ones(10, dtype=np.float32))
    first = grid.push(np.ones(FRAME_SAMPLES, dtype=np.float32))
    second = grid.push(np.ones(FRAME_SAMPLES, dtype=np.float32))
    assert np.shares_memory(first, second)


def test_the_chunk_is_never_written_to() -> None:
    chunk = np.ones(1000, dtype=np.float32)
    chunk.flags.writeable = False
    grid = WindowGrid()
    for _ in range(5):
        grid.push(chunk)
    grid.flush()


def test_a_flushed_or_reset_grid_starts_another_stream() -> None:
    grid = WindowGrid()
    grid.push(np.full(100, 7.0, dtype=np.float32))
    grid.reset()
    assert grid.flush().shape == (0, WINDOW_SAMPLES)
    grid.push(np.full(5, 2.0, dtype=np.float32))
    assert grid.flush().sum() == 10.0
    assert grid.push(np.ones(WINDOW_SAMPLES, dtype=np.float32)).sum() == WINDOW_SAMPLES


def test_stereo_is_refused_by_the_grid() -> None:
    with pytest.raises(ValueError, match="one dimension"):
        SampleGrid(FRAME_SAMPLES).push(np.zeros((640, 2), dtype=np.float32))


def leaves(cls: type[errors.EngineError]) -> list[type[errors.EngineError]]:
    """Those in errors.py; what a device's file makes of them for itself does not leave it."""
    children = [child for child in cls.__subclasses__() if child.__module__ == errors.__name__]
    return [leaf for child in children for leaf in leaves(child)] or [cls]


@pytest.mark.parametrize("cls", leaves(errors.EngineError), ids=lambda cls: cls.__name__)
def test_every_error_has_its_own_code_a_remedy_and_survives_a_process_border(
    cls: type[errors.EngineError],
) -> None:
    error = cls("take.wav: broken", hint="Do this.")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.hint, copy.fatal) == (cls, "take.wav: broken", "Do this.", cls.fatal)
    assert cls.hint
    assert sum(other.code == cls.code for other in leaves(errors.EngineError)) == 1


def test_a_wrong_projector_names_its_kind_in_the_remedy() -> None:
    error = errors.ProjectorUnsupported("mmproj.gguf", kind="gemma4a")
    assert "'gemma4a'" in error.hint
    assert "'gemma4ua'" in error.hint
    assert pickle.loads(pickle.dumps(error)).kind == "gemma4a"


def test_the_tree_at_the_top_of_the_file_names_every_error() -> None:
    drawn = errors.__doc__ or ""
    missing = [cls.__name__ for cls in leaves(errors.EngineError) if f"── {cls.__name__} " not in drawn]
    assert not missing
