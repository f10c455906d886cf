"""What a daemon and its engine process say to each other, and how that looks as bytes (see `engine.wire`).

    daemon -> engine                          engine -> daemon
    Load       first of all                   Hello     the model is loaded
    Open       an utterance begins            Beat      so much is done; also a sign of life
    Sound      its next frames, raw           Piece     a piece of the answer
    Rewind     drop the newest frames         Partial   the words so far, or none
    AskPartial the words so far, please       Answer    the words
    Prepare    this was all, most likely      Failed    an error, of an utterance or of the model
    Finish     the words, please
    Cancel     stop it; overtakes the others
    Read       a prompt begins so             TextPiece   a piece of a text
    Write      the text behind it, please     Wrote       the text
    DropText   nobody wants it; overtakes     TextFailed  an error, of a text

Each message of an utterance carries its number. Numbers only grow, so whatever comes late is known by it.
"""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.catalog import ModelFiles, profile_of
from engine.errors import EngineError, ModelError
from engine.events import Hypothesis, Timing, WritingTiming, Written
from engine.frames import FRAME_SAMPLES
from engine.loading import Loading
from engine.wire import BEAT, JSON, MAX_PAYLOAD, SOUND, Packet, WireError, encode

MOST_FRAMES: Final = 16
"""Frames in one message: 40 kB. More would make a cancel wait behind them."""

_NUMBER: Final = struct.Struct("<Q")
_BEAT: Final = struct.Struct("<4Q")
_SAMPLE: Final = np.dtype("<f4")

assert MOST_FRAMES * FRAME_SAMPLES * _SAMPLE.itemsize + _NUMBER.size < MAX_PAYLOAD


@dataclass(frozen=True, slots=True)
class Load:
    """Open this model. The arguments are those of `Engine.open`."""

    files: ModelFiles
    n_ctx: int
    n_threads: int | None
    polling: int | None
    loading: Loading
    block_frames: int | None
    beat_s: float
    """While there is work, a sign of life is wanted this often."""
    is_debug: bool
    """Whether llama.cpp's own log is wanted."""
    text_ctx: int = 0


@dataclass(frozen=True, slots=True)
class Open:
    """An utterance begins; one that was open is given up."""

    session: int
    start_sample: int
    terms: tuple[str, ...] = ()
    """Names that may be said."""


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """The next frames of an utterance."""

    session: int
    frames: npt.NDArray[np.float32]
    """float32[n, 640], n <= MOST_FRAMES."""


@dataclass(frozen=True, slots=True)
class Rewind:
    """Drop the newest frames."""

    session: int
    frames: int


@dataclass(frozen=True, slots=True)
class AskPartial:
    """The words so far are wanted, if there is time for them."""

    session: int
    request: int


@dataclass(frozen=True, slots=True)
class Prepare:
    """The sound is complete, most likely: its words will be wanted soon."""

    session: int


@dataclass(frozen=True, slots=True)
class Finish:
    """The words are wanted."""

    session: int
    end_of_speech_s: float | None
    end_sample: int | None
    wants_pieces: bool


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the utterance, whatever is being done for it."""

    session: int


@dataclass(frozen=True, slots=True)
class Read:
    """A prompt begins so: prefill it while there is nothing else to do. Replaces the one before."""

    text: int
    prefix: str
    images: tuple[bytes, ...] = ()
    """PNG or JPEG files, one for each `quoting.IMAGE` in the prefix."""


@dataclass(frozen=True, slots=True)
class Write:
    """The text behind the prompt that was read is wanted. The arguments are those of `TextPass.answer`, as
    text.
    """

    text: int
    suffix: str
    originals: tuple[str, ...]
    grammar: str | None
    max_tokens: int
    wants_pieces: bool
    json_schema: str | None = None


@dataclass(frozen=True, slots=True)
class DropText:
    """Stop it, whatever is being done for it."""

    text: int


@dataclass(frozen=True, slots=True)
class Hello:
    """The model is loaded."""

    pid: int
    profile: str
    max_frames: int
    block_frames: int
    load_s: float


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life, and how far the work is."""

    done: int
    """Messages of the daemon that are dealt with, Cancel not counted."""
    steps: int
    """Grows while the model works: blocks prefilled, batches decoded."""
    session: int = 0
    """The utterance that is open; 0 for none."""
    frames: int = 0
    """Frames of it that were taken in."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the final answer."""

    session: int
    text: str


@dataclass(frozen=True, slots=True)
class Partial:
    """The answer to AskPartial."""

    session: int
    request: int
    hypothesis: Hypothesis | None
    """None: there was more urgent work."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to Finish."""

    session: int
    hypothesis: Hypothesis


@dataclass(frozen=True, slots=True, eq=False)
class Failed:
    """An error. The utterance is over; without one, the model cannot be loaded and the process ends."""

    session: int | None
    error: EngineError


@dataclass(frozen=True, slots=True)
class TextPiece:
    """A piece of a text."""

    text: int
    piece: str


@dataclass(frozen=True, slots=True)
class Wrote:
    """The answer to Write."""

    text: int
    written: Written


@dataclass(frozen=True, slots=True, eq=False)
class TextFailed:
    """An error. The text is over."""

    text: int
    error: EngineError


ToEngine: TypeAlias = (
    Load | Open | Sound | Rewind | AskPartial | Prepare | Finish | Cancel | Read | Write | DropText
)
FromEngine: TypeAlias = Hello | Beat | Piece | Partial | Answer | Failed | TextPiece | Wrote | TextFailed
Message: TypeAlias = ToEngine | FromEngine

_KINDS: Final[dict[str, type[Message]]] = {
    kind.__name__: kind
    for kind in (
        Load,
        Open,
        Rewind,
        AskPartial,
        Prepare,
        Finish,
        Cancel,
        Hello,
        Piece,
        Partial,
        Answer,
        Failed,
        Read,
        Write,
        DropText,
        TextPiece,
        Wrote,
        TextFailed,
    )
}


def pack(message: Message) -> bytes:
    """A message as bytes."""
    if isinstance(message, Sound):
        samples = np.ascontiguousarray(message.frames, dtype=_SAMPLE)
        return encode(SOUND, _NUMBER.pack(message.session) + samples.tobytes())
    if isinstance(message, Beat):
        return encode(BEAT, _BEAT.pack(message.done, message.steps, message.session, message.frames))
    data: dict[str, Any] = {"is": type(message).__name__}
    for field in fields(message):
        data[field.name] = _to_data(getattr(message, field.name))
    return encode(JSON, json.dumps(data, separators=(",", ":")).encode())


def unpack_to_engine(packet: Packet) -> ToEngine:
    """What the daemon says in a packet. Raises WireError where it says nothing that is known."""
    message = _unpack(packet)
    if isinstance(message, FromEngine):
        raise WireError(f"the daemon has no {type(message).__name__} to say")
    return message


def unpack_from_engine(packet: Packet) -> FromEngine:
    """What the engine says in a packet. Raises WireError where it says nothing that is known."""
    message = _unpack(packet)
    if isinstance(message, ToEngine):
        raise WireError(f"the engine has no {type(message).__name__} to say")
    return message


def _unpack(packet: Packet) -> Message:
    if packet.kind == SOUND:
        return _unpack_sound(packet.payload)
    if packet.kind == BEAT:
        if len(packet.payload) != _BEAT.size:
            raise WireError(f"{len(packet.payload)} bytes are no sign of life")
        return Beat(*_BEAT.unpack(packet.payload))
    try:
        data = json.loads(packet.payload)
        kind = _KINDS[data.pop("is")]
        if set(data) != {field.name for field in fields(kind)}:
            raise WireError(f"{kind.__name__} has other fields than {sorted(data)}")
        for name, build in _BUILDERS.items():
            if data.get(name) is not None:
                data[name] = build(data[name])
        message: Message = kind(**data)
    except WireError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WireError(f"not a message: {type(error).__name__}") from error
    return message


def _unpack_sound(payload: bytes) -> Sound:
    frame_bytes = FRAME_SAMPLES * _SAMPLE.itemsize
    if len(payload) < _NUMBER.size or (len(payload) - _NUMBER.size) % frame_bytes:
        raise WireError(f"{len(payload)} bytes are no whole frames")
    (session,) = _NUMBER.unpack_from(payload)
    samples = np.frombuffer(payload, dtype=_SAMPLE, offset=_NUMBER.size)
    return Sound(session, samples.reshape(-1, FRAME_SAMPLES))


def _to_data(value: Any) -> Any:
    if isinstance(value, ModelFiles):
        return {name: str(x) if isinstance(x, Path) else x for name, x in asdict(value).items()}
    if isinstance(value, Hypothesis | Written | Loading):
        return asdict(value)
    if isinstance(value, EngineError):
        return error_to_data(value)
    if isinstance(value, tuple):
        return [base64.b64encode(item).decode() if isinstance(item, bytes) else item for item in value]
    return value


def _hypothesis(data: dict[str, Any]) -> Hypothesis:
    # Times are seconds of the monotonic clock. On Linux and macOS it counts from the start of the machine,
    # for all processes alike, so they can be compared with ours as they are.
    # Nothing is judged in the engine process, so there is no verdict to be built.
    lists = {name: tuple(data[name]) for name in ("tokens", "word_log_probs")}
    return Hypothesis(**{**data, **lists, "timing": Timing(**data["timing"]), "verdict": None})


def _written(data: dict[str, Any]) -> Written:
    return Written(**{**data, "tokens": tuple(data["tokens"]), "timing": WritingTiming(**data["timing"])})


def _model_files(data: dict[str, Any]) -> ModelFiles:
    profile = profile_of({name: _tuples(value) for name, value in data["profile"].items()})
    drafter, adapter = (None if data[part] is None else Path(data[part]) for part in ("drafter", "adapter"))
    return ModelFiles(data["name"], Path(data["model"]), Path(data["projector"]), profile, drafter, adapter)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def error_to_data(error: EngineError) -> dict[str, Any]:
    """An error as JSON: its class by its code, its message, hint and numbers."""
    details = {name: value for name, value in vars(error).items() if isinstance(value, str | int | bool)}
    return {"code": error.code, "message": str(error), "details": details}


def error_from_data(data: dict[str, Any]) -> EngineError:
    """The same error again, of the same class. A code that nobody knows becomes a ModelError."""
    kind = _error_kinds().get(data["code"], ModelError)
    error = kind(str(data["message"]))
    vars(error).update(data["details"])
    return error


def _error_kinds() -> dict[str, type[EngineError]]:
    found: dict[str, type[EngineError]] = {}
    waiting: list[type[EngineError]] = [EngineError]
    while waiting:
        kind = waiting.pop()
        if kind.__module__ == EngineError.__module__:  # what is refined elsewhere is told as what it refines
            found[kind.code] = kind
        waiting += kind.__subclasses__()
    return found


def _names(data: Any) -> tuple[str, ...]:
    if not isinstance(data, list) or not all(isinstance(name, str) for name in data):
        raise WireError("names are a list of texts")
    return tuple(data)


_BUILDERS: Final[dict[str, Any]] = {
    "terms": _names,
    "originals": _names,
    "images": lambda data: tuple(base64.b64decode(image, validate=True) for image in _names(data)),
    "written": _written,
    "files": _model_files,
    "loading": lambda data: Loading(**data),
    "hypothesis": _hypothesis,
    "error": error_from_data,
}
