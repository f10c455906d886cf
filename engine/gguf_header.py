"""What a GGUF file says about itself, read without llama.cpp and without its weights.

llama.cpp may abort the process over a file it does not expect, so every file is judged here first: is it
GGUF, is it whole, is it of a kind that we can feed. Reading costs a walk over the metadata (0.3 s for the
262,144 tokens of Gemma 4, where the `gguf` package takes many seconds) and needs no more than the standard
library.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import mmap
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from engine.errors import ModelCorrupt, ModelMissing, ModelUnsupported, ProjectorUnsupported

Scalar: TypeAlias = bool | int | float | str
Value: TypeAlias = Scalar | tuple[bool | int | float, ...] | None
"""A metadata value; None stands for an array that is longer than anything we look at."""

MAGIC: Final = b"GGUF"
VERSIONS: Final = (2, 3)
KEPT_ARRAY: Final = 4096
"""Longer arrays (tokens, scores, merges) are stepped over."""

_SCALARS: Final = {
    0: struct.Struct("<B"),
    1: struct.Struct("<b"),
    2: struct.Struct("<H"),
    3: struct.Struct("<h"),
    4: struct.Struct("<I"),
    5: struct.Struct("<i"),
    6: struct.Struct("<f"),
    7: struct.Struct("<?"),
    10: struct.Struct("<Q"),
    11: struct.Struct("<q"),
    12: struct.Struct("<d"),
}
_STRING: Final = 8
_ARRAY: Final = 9
_U32: Final = _SCALARS[4]
_U64: Final = _SCALARS[10]

TENSOR_TYPES: Final = {
    # number: (name, values in a block, bytes in a block); from ggml.h
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    20: ("IQ4_NL", 32, 18),
    23: ("IQ4_XS", 256, 136),
    30: ("BF16", 1, 2),
}


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Where one tensor lies."""

    name: str
    shape: tuple[int, ...]
    """numpy's order: rows first."""
    kind: str
    """Name of its ggml type, or `type 99` where we do not know it."""
    offset: int
    """First byte, counted from the start of the file."""
    n_bytes: int
    """Length; 0 where the type is unknown to us."""


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """Metadata and table of tensors of one file that is as long as it says."""

    path: Path
    metadata: dict[str, Value]
    tensors: dict[str, TensorInfo]

    @property
    def architecture(self) -> str:
        """`gemma4`, `clip`, ...; empty where the file does not say."""
        return self.text("general.architecture")

    def text(self, key: str, default: str = "") -> str:
        """A string, or `default` where there is none of that name."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else default

    def number(self, key: str, default: int = 0) -> int:
        """A whole number, or `default` where there is none of that name."""
        value = self.metadata.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else default


def read_header(path: Path) -> GgufHeader:
    """Read the header. Raises ModelMissing, or ModelCorrupt also where it ends too early."""
    try:
        found = path.stat()
        size = found.st_size
        if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):  # opening a pipe would wait
            raise ModelMissing(f"{path}: is no file but a device or a pipe")
        with path.open("rb") as file:
            if size == 0:
                raise ModelCorrupt(f"{path}: the file is empty")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _parse(path, data)
    except FileNotFoundError:
        raise ModelMissing(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ModelMissing(f"{path}: is a folder, not a GGUF file") from None
    except PermissionError:
        raise ModelMissing(f"{path}: not readable by this user", hint=f"chmod u+r '{path}'") from None
    except OSError as error:  # its name is too long, its disk is broken, its links go round
        raise ModelMissing(f"{shortened(str(path))}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # a NUL in its name
        raise ModelMissing(f"{str(path)!r}: cannot be read: {error}") from None
    except (struct.error, IndexError, OverflowError):
        raise ModelCorrupt(f"{path}: ends inside its header, after {size} bytes") from None


def shortened(text: str) -> str:
    """For a message: what is longer than any path is cut."""
    return text if len(text) <= 300 else f"{text[:300]}..."


def require_model(header: GgufHeader) -> int:
    """Width of the embeddings of a model that we can feed, or ModelUnsupported."""
    architecture = header.architecture
    if architecture == "clip":
        raise ModelUnsupported(
            f"{header.path}: is a projector, not a model",
            hint="Give the model's own file; the mmproj file is found beside it.",
        )
    if architecture != "gemma4":
        said = architecture or "not said"
        raise ModelUnsupported(f"{header.path}: its architecture is '{said}', not 'gemma4'")
    width = header.number("gemma4.embedding_length")
    if width < 1 or "token_embd.weight" not in header.tensors:
        raise ModelCorrupt(f"{header.path}: a gemma4 file without embeddings")
    return width


def projector_kind(header: GgufHeader) -> str:
    """How a projector takes sound: `gemma4ua`, `gemma4a`, ...; '' if it takes none. Raises
    ProjectorUnsupported for what is no projector.
    """
    if header.architecture != "clip":
        raise ProjectorUnsupported(
            f"{header.path}: is not a projector, its architecture is '{header.architecture or 'not said'}'",
            hint="Give the file whose name starts with 'mmproj' and that belongs to this model.",
        )
    return header.text("clip.audio.projector_type") or header.text("clip.projector_type")


def require_projector(header: GgufHeader) -> TensorInfo:
    """The one matrix of a `gemma4ua` projector. Raises ProjectorUnsupported for every other kind."""
    kind = projector_kind(header)
    if kind != "gemma4ua":
        found = f"its audio projector is '{kind}'" if kind else "it has no audio projector"
        raise ProjectorUnsupported(f"{header.path}: {found}", kind=kind)
    matrix = header.tensors.get("mm.a.input_projection.weight")
    if matrix is None:
        raise ModelCorrupt(f"{header.path}: has no tensor mm.a.input_projection.weight")
    return matrix


class _Reader:
    """A position in the mapped file. Reading beyond its end raises struct.error or IndexError."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.at = 0

    def u32(self) -> int:
        self.at += 4
        return int(_U32.unpack_from(self.data, self.at - 4)[0])

    def u64(self) -> int:
        self.at += 8
        return int(_U64.unpack_from(self.data, self.at - 8)[0])

    def string(self) -> str:
        length = self.u64()
        start = self.at
        self.skip(length)
        return self.data[start : self.at].decode(errors="replace")

    def skip(self, n_bytes: int) -> None:
        self.at += n_bytes
        if self.at > len(self.data):
            raise IndexError

    def scalar(self, kind: int) -> bool | int | float:
        layout = _SCALARS.get(kind)
        if layout is None:
            raise ModelCorrupt(f"unknown metadata type {kind}")
        self.at += layout.size
        value: bool | int | float = layout.unpack_from(self.data, self.at - layout.size)[0]
        return value

    def value(self, kind: int) -> Value:
        if kind == _STRING:
            return self.string()
        return self.array() if kind == _ARRAY else self.scalar(kind)

    def array(self) -> Value:
        kind, count = self.u32(), self.u64()
        if kind == _STRING:
            unpack, data, at = _U64.unpack_from, self.data, self.at
            for _ in range(count):
                at += 8 + unpack(data, at)[0]
            self.at = at
            self.skip(0)
            return None
        if kind not in _SCALARS:
            raise ModelCorrupt(f"unknown metadata type {kind} in an array")
        if count <= KEPT_ARRAY:
            return tuple(self.scalar(kind) for _ in range(count))
        self.skip(count * _SCALARS[kind].size)
        return None


def _parse(path: Path, data: mmap.mmap) -> GgufHeader:
    if data[:4] != MAGIC:
        raise ModelCorrupt(f"{path}: is not a GGUF file (it does not begin with 'GGUF')")
    reader = _Reader(data)
    reader.at = 4
    version = reader.u32()
    if version not in VERSIONS:
        raise ModelCorrupt(f"{path}: GGUF version {version} is not one of {', '.join(map(str, VERSIONS))}")
    n_tensors, n_values = reader.u64(), reader.u64()
    try:
        metadata = {}
        for _ in range(n_values):
            key = reader.string()
            metadata[key] = reader.value(reader.u32())
        infos = [_tensor(reader) for _ in range(n_tensors)]
    except ModelCorrupt as error:
        raise ModelCorrupt(f"{path}: {error}") from None
    alignment = metadata.get("general.alignment")
    step = alignment if isinstance(alignment, int) and alignment > 0 else 32
    base = -(-reader.at // step) * step
    tensors: dict[str, TensorInfo] = {}
    for info in infos:
        end = base + info.offset + info.n_bytes
        if end > len(data):
            raise ModelCorrupt(
                f"{path}: is truncated, tensor {info.name} ends at byte {end}, the file at {len(data)}"
            )
        tensors[info.name] = TensorInfo(info.name, info.shape, info.kind, base + info.offset, info.n_bytes)
    return GgufHeader(path, metadata, tensors)


def _tensor(reader: _Reader) -> TensorInfo:
    name = reader.string()
    n_dims = reader.u32()
    if n_dims > 4:
        raise ModelCorrupt(f"tensor {name} has {n_dims} dimensions")
    shape = tuple(reader.u64() for _ in range(n_dims))[::-1]
    number, offset = reader.u32(), reader.u64()
    values = 1
    for dim in shape:
        values *= dim
    kind, block, size = TENSOR_TYPES.get(number, (f"type {number}", 1, 0))
    return TensorInfo(name, shape, kind, offset, -(-values // block) * size)
