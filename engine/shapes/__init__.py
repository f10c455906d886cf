"""Models of true size with random weights, where real ones are not at hand: for speed and memory, not for
words.

    with shape_files("12b", cache_folder, keep=False) as files, Engine.open(files) as engine: ...

`write_shape` only writes. The shapes are the rows of `dimensions.SHAPES`; what is not as in the published
model is in their `note`, which whoever shows numbers shows with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from engine.catalog import ModelFiles, find_model, profiles
from engine.errors import EngineError, ModelMissing
from engine.gguf_header import read_header
from engine.shapes.dimensions import SHAPES, Shape
from engine.shapes.writing import Plan, Progress, write

__all__ = [
    "SHAPES",
    "Progress",
    "Shape",
    "find_shape",
    "shape_bytes",
    "shape_files",
    "write_shape",
]

PROFILE = "gemma-4-12b"
"""The profile that a file of the `gemma4` architecture gets. Its words are whole pieces of the vocabulary."""
FORMAT = 1
"""Counted up when the same dimensions are written in another way: what was kept before is then not used."""
KEPT = "kept"
"""An empty file of this name beside the files says that they are to stay."""


def find_shape(name: str) -> Shape:
    """A row of `SHAPES`, or ModelMissing with the names there are."""
    shape = SHAPES.get(name)
    if shape is None:
        raise ModelMissing(f"there is no shape '{name}'", hint=f"Known shapes: {', '.join(SHAPES)}.")
    return shape


def shape_bytes(shape: str | Shape) -> int:
    """Bytes that the files of a shape take on disk, at most; nearly all of them are the model's weights."""
    return _plan(shape, 0).n_bytes()


def write_shape(
    shape: str | Shape,
    folder: Path,
    *,
    seed: int = 0,
    words: Sequence[str] = (),
    progress: Progress | None = None,
) -> ModelFiles:
    """Write model, projector and drafter of a shape into `folder`, unless they are there, and return them.

    The same shape, seed and words give the same bytes. Memory stays below 250 MB, whatever the size. `words`
    are whole pieces of the vocabulary: with a list of English words, texts take about as many tokens as with
    the published vocabulary, without one half as many again. `progress` gets the bytes written and the bytes
    there will be; what it raises ends the writing and leaves nothing behind. Raises ModelMissing for an
    unknown name, DiskFull, PackageMissing, OSError.
    """
    plan = _plan(shape, seed, words)
    if not _is_whole(plan, folder):
        from engine.shapes.noise import Noise

        write(plan, folder, Noise(seed), progress=progress)
    files = find_model(str(folder / plan.model), projector=folder / plan.projector)
    return replace(files, name=f"{plan.shape.name}-random", drafter=folder / plan.drafter)


@contextmanager
def shape_files(
    shape: str | Shape,
    cache: Path,
    *,
    keep: bool = False,
    seed: int = 0,
    words: Sequence[str] = (),
    progress: Progress | None = None,
) -> Iterator[ModelFiles]:
    """The files of a shape in a folder of their own under `cache`, deleted afterwards unless this run or one
    before said `keep`. Raises as `write_shape`.
    """
    plan = _plan(shape, seed, words)
    folder = cache / plan.stem
    try:
        files = write_shape(shape, folder, seed=seed, words=words, progress=progress)
        if keep:
            (folder / KEPT).touch()
        yield files
    finally:
        if not (folder / KEPT).exists():
            for name in (plan.model, plan.projector, plan.drafter):
                (folder / name).unlink(missing_ok=True)
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _plan(shape: str | Shape, seed: int, words: Sequence[str] = ()) -> Plan:
    row = find_shape(shape) if isinstance(shape, str) else shape
    profile = profiles()[PROFILE]
    prompt = (profile.instruction, profile.terms, "system\nuser\nmodel\nthought")
    texts = (*prompt, "".join(f" {word}" for word in words if word.isascii() and word.isalpha()))
    digest = sha256(repr((FORMAT, row, texts)).encode()).hexdigest()[:8]
    return Plan(row, f"random-{row.name}-{seed}-{digest}", texts)


def _is_whole(plan: Plan, folder: Path) -> bool:
    """Whether every file is there and as long as its header says."""
    try:
        for name in (plan.model, plan.projector, plan.drafter):
            read_header(folder / name)
    except EngineError:
        return False
    return True
