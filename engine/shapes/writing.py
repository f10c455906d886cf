"""Writes a shape's files as they are made: never a model in memory, never half a file under its name."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from uuid import uuid4

from engine.errors import DiskFull, PackageMissing
from engine.shapes import metadata, pieces
from engine.shapes.dimensions import Shape
from engine.shapes.tensors import (
    ALIGNMENT,
    Tensor,
    data_bytes,
    drafter_tensors,
    model_tensors,
    projector_tensors,
)

if TYPE_CHECKING:
    from gguf import GGUFWriter

    from engine.shapes.noise import Noise

logger = logging.getLogger(__name__)

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the bytes written so far and the bytes there will be. What it raises ends the writing."""

METADATA_BYTES = 24 << 20
"""Room for the vocabulary of one file, with a reserve."""
SPARE_BYTES = 512 << 20
"""What must stay free on the disk when all is written."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The files of one shape: their names and what goes into them. Nothing is written yet."""

    shape: Shape
    stem: str
    """What the files' names have in common."""
    texts: tuple[str, ...] = ()
    """Their words are whole pieces of the vocabulary."""

    def tensors(self) -> dict[str, list[Tensor]]:
        """Tensors by file name: the model, its projector, its drafter."""
        return {
            self.model: list(model_tensors(self.shape.text)),
            self.projector: list(projector_tensors(self.shape.text)),
            self.drafter: list(drafter_tensors(self.shape.drafter, self.shape.text)),
        }

    @property
    def model(self) -> str:
        """Name of the model's file."""
        return f"{self.stem}.gguf"

    @property
    def projector(self) -> str:
        """Name of the projector's file."""
        return f"mmproj-{self.stem}.gguf"

    @property
    def drafter(self) -> str:
        """Name of the drafter's file."""
        return f"mtp-{self.stem}.gguf"

    def n_bytes(self) -> int:
        """Bytes of all files, the vocabulary estimated upwards."""
        return sum(data_bytes(tensors) + METADATA_BYTES for tensors in self.tensors().values())


def write(plan: Plan, folder: Path, noise: Noise, *, progress: Progress | None = None) -> None:
    """Write every file of `plan` into `folder`; all appear at the end, or none.

    Raises DiskFull before the first byte where there is no room, PackageMissing, OSError.
    """
    try:
        from gguf import GGUFWriter
    except ModuleNotFoundError as error:
        raise PackageMissing(
            f"the package '{error.name}' is needed to write model files",
            hint="pip install 'voice-edit[bench]'",
        ) from error

    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    require_room(folder, plan.n_bytes())
    shape = plan.shape
    vocabulary = pieces.make(shape.text.n_vocab, plan.texts)
    contents = plan.tensors()
    count = _Counter(sum(data_bytes(tensors) for tensors in contents.values()), progress)
    parts = {name: folder / f".{name}.{os.getpid()}.{uuid4().hex[:8]}.part" for name in contents}
    try:
        for name, path in parts.items():
            kind = {plan.model: "gemma4", plan.projector: "clip", plan.drafter: "gemma4-assistant"}[name]
            writer = GGUFWriter(path, kind)
            metadata.describe(writer, f"Random weights, {shape.title}")
            if name == plan.projector:
                metadata.add_projector(writer, shape.text)
            else:
                if name == plan.model:
                    metadata.add_model(writer, shape.text)
                else:
                    metadata.add_drafter(writer, shape.drafter, shape.text)
                metadata.add_vocabulary(writer, vocabulary)
            _stream(writer, contents[name], noise, count)
        # The model comes last: where it is, the others are.
        for name in (plan.projector, plan.drafter, plan.model):
            parts[name].replace(folder / name)
    finally:
        for path in parts.values():
            path.unlink(missing_ok=True)
    logger.info("%s is written to %s", shape.name, folder)


def _sweep(folder: Path) -> None:
    """Remove what processes left behind that were ended while they wrote."""
    for path in folder.glob(".*.part"):
        writer = path.name.split(".")[-3]
        if writer.isdigit() and not _runs(int(writer)):
            path.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def require_room(folder: Path, n_bytes: int) -> None:
    """Raise DiskFull where `n_bytes` more would leave less than `SPARE_BYTES`."""
    free = shutil.disk_usage(folder).free
    if free < n_bytes + SPARE_BYTES:
        raise DiskFull(
            f"{folder}: {n_bytes / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free "
            f"({SPARE_BYTES / 1e9:.1f} GB stay untouched)"
        )


class _Counter:
    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total, self._progress = total, progress
        self._done = 0

    def add(self, n_bytes: int) -> None:
        self._done += n_bytes
        if self._progress is not None:
            self._progress(self._done, self._total)


def _stream(writer: GGUFWriter, tensors: list[Tensor], noise: Noise, count: _Counter) -> None:
    """Header, metadata, table of tensors, and then the data, piece by piece, past `gguf`'s own buffers."""
    import numpy as np
    from gguf import GGMLQuantizationType

    for tensor in tensors:
        stored = GGMLQuantizationType[tensor.kind]
        # The type of the values only says that the shape counts values, not bytes.
        writer.add_tensor_info(tensor.name, tensor.shape, np.dtype(np.float32), tensor.n_bytes, stored)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        assert writer.fout is not None
        file = writer.fout[0]
        file.write(bytes(-file.tell() % ALIGNMENT))
        for tensor in tensors:
            for piece in noise.pieces(tensor):
                file.write(piece)
                count.add(len(piece))
            padding = -tensor.n_bytes % ALIGNMENT
            file.write(bytes(padding))
            count.add(padding)
        file.flush()
        # Else the system writes gigabytes back while a benchmark is already measuring.
        os.fsync(file.fileno())
    finally:
        writer.close()
