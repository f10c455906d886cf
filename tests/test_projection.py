"""Frames to soft tokens: the numbers of llama.cpp's own path, and clear words about misfit projectors."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
import tiny

from benchmarks import mtmd_reference
from engine.errors import ModelCorrupt, ModelMissing, ProjectorMismatch, ProjectorUnsupported
from engine.projection import Projection
from engine.training.gguf_pair import PROJECTION, random_tensors, write_pair

LARGEST_RELATIVE_DIFFERENCE = 1e-5


def relative_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Largest difference of a row, relative to the row's own size."""
    scale = np.abs(theirs).max(axis=1, keepdims=True)
    return float((np.abs(ours - theirs) / np.maximum(scale, 1e-6)).max())


def test_soft_tokens_equal_those_of_mtmd() -> None:
    files, frames = tiny.tiny_model(), tiny.sound(60)
    frames *= np.geomspace(1e-4, 3.0, 60, dtype=np.float32)[:, None]  # from a whisper to clipping
    theirs = mtmd_reference.hear(files, frames, "<bos>", "")
    assert theirs.sample_rate == 16_000
    ours = Projection.read(files.projector).project(frames)
    assert ours.shape == theirs.soft_tokens.shape == (60, 64)
    assert relative_difference(ours, theirs.soft_tokens) < LARGEST_RELATIVE_DIFFERENCE


def test_a_last_frame_padded_with_zeros_equals_what_mtmd_pads() -> None:
    files, samples = tiny.tiny_model(), tiny.sound(3).ravel()[: 2 * 640 + 100]
    theirs = mtmd_reference.hear(files, samples, "<bos>", "").soft_tokens
    padded = np.zeros(3 * 640, dtype=np.float32)
    padded[: len(samples)] = samples
    ours = Projection.read(files.projector).project(padded.reshape(3, 640))
    assert relative_difference(ours, theirs) < LARGEST_RELATIVE_DIFFERENCE


def test_a_frame_of_zeros_becomes_the_zero_vector() -> None:
    projection = Projection.read(tiny.tiny_model().projector)
    assert not projection.project(np.zeros((2, 640), dtype=np.float32)).any()


def test_loudness_is_lost() -> None:
    projection = Projection.read(tiny.tiny_model().projector)
    frames = tiny.sound(5)
    quiet, loud = projection.project(frames * 0.1), projection.project(frames)
    np.testing.assert_allclose(quiet, loud, rtol=2e-2, atol=2e-2)


def test_soft_tokens_do_not_depend_on_how_many_frames_come_at_once() -> None:
    projection = Projection.read(tiny.tiny_model().projector)
    frames = tiny.sound(20)
    whole = projection.project(frames).copy()
    single = np.concatenate([projection.project(frames[i : i + 1]).copy() for i in range(20)])
    np.testing.assert_allclose(single, whole, rtol=1e-4, atol=1e-5)


def test_results_can_be_written_into_memory_that_is_there() -> None:
    projection = Projection.read(tiny.tiny_model().projector)
    out = np.empty((4, 64), dtype=np.float32)
    assert projection.project(tiny.sound(4), out=out) is out


@pytest.mark.parametrize("precision", ["F32", "F16", "BF16", "Q8_0"])
def test_each_published_storage_is_read(tmp_path: Path, precision: str) -> None:
    words = tiny.vocabulary()
    tensors = random_tensors(tiny.SHAPE, len(words.tokens))
    _, path = write_pair(
        tmp_path,
        tiny.SHAPE,
        tensors,
        words,
        name="x",
        projector_precision=precision,  # type: ignore[arg-type]
    )
    ours = Projection.read(path).project(tiny.sound(10))
    exact = Projection(tensors[PROJECTION]).project(tiny.sound(10))
    assert (
        relative_difference(ours, exact) < {"F32": 1e-7, "F16": 2e-3, "BF16": 1e-2, "Q8_0": 2e-2}[precision]
    )


def test_a_projector_of_another_width_is_refused_before_llama_cpp_sees_it() -> None:
    with pytest.raises(ProjectorMismatch, match="64 values, the model takes 3840") as caught:
        Projection.read(tiny.tiny_model().projector, n_embd=3840)
    assert (caught.value.projector_width, caught.value.model_width) == (64, 3840)
    assert "mmproj file that belongs" in caught.value.hint


def test_a_projector_of_another_kind_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "mmproj-e4b.gguf"
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_clip_has_audio_encoder(True)
    writer.add_clip_audio_projector_type("gemma4a")
    _finish(writer)
    with pytest.raises(ProjectorUnsupported, match="gemma4a") as caught:
        Projection.read(path)
    assert "gemma4a" in caught.value.hint
    assert "gemma4ua" in caught.value.hint


def test_a_model_given_as_projector_is_refused() -> None:
    with pytest.raises(ProjectorUnsupported, match="is not a projector") as caught:
        Projection.read(tiny.tiny_model().model)
    assert "mmproj" in caught.value.hint


def test_a_projector_without_its_matrix_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "mmproj.gguf"
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_clip_audio_projector_type("gemma4ua")
    _finish(writer)
    with pytest.raises(ModelCorrupt, match=r"mm\.a\.input_projection"):
        Projection.read(path)


def test_a_matrix_with_nan_in_it_is_corrupt(tmp_path: Path) -> None:
    words = tiny.vocabulary()
    tensors = random_tensors(tiny.SHAPE, len(words.tokens))
    tensors[PROJECTION][3, 5] = np.nan
    _, path = write_pair(tmp_path, tiny.SHAPE, tensors, words, name="x")
    with pytest.raises(ModelCorrupt, match="NaN"):
        Projection.read(path)


def test_a_missing_projector_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"nowhere\.gguf"):
        Projection.read(tmp_path / "nowhere.gguf")


def _finish(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_a_projector_without_sound_is_refused_as_such(tmp_path: Path) -> None:
    path = tmp_path / "mmproj-vision.gguf"
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_bool("clip.has_vision_encoder", True)
    _finish(writer)
    with pytest.raises(ProjectorUnsupported, match="it has no audio projector"):
        Projection.read(path)
