"""What daemon and engine process say to each other survives fragmentation; nonsense is refused at once."""

from __future__ import annotations

import json
import struct
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import errors, messages, wire
from engine.catalog import ModelFiles, profiles
from engine.events import Hypothesis, Timing, WritingTiming, Written
from engine.loading import CACHE_BITS, Loading
from engine.wire import Packet, WireError

packets = st.builds(Packet, st.sampled_from([wire.JSON, wire.SOUND, wire.BEAT]), st.binary(max_size=300))


@st.composite
def fragments(draw: st.DrawFn, data: bytes) -> list[bytes]:
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@given(st.data(), st.lists(packets, max_size=8))
def test_any_fragmentation_gives_the_packets_that_were_sent(data: st.DataObject, sent: list[Packet]) -> None:
    stream = b"".join(wire.encode(*packet) for packet in sent)
    decoder = wire.Decoder()
    received = [packet for piece in data.draw(fragments(stream)) for packet in decoder.feed(piece)]
    assert received == sent
    assert decoder.held == 0


@given(packets, st.integers(1, 10))
def test_what_is_cut_off_is_held_and_never_handed_out(packet: Packet, missing: int) -> None:
    whole = wire.encode(*packet)
    decoder = wire.Decoder()
    assert decoder.feed(whole[: -min(missing, len(whole))]) == []


@given(st.binary(min_size=8, max_size=64).filter(lambda b: not b.startswith(wire.MAGIC)))
def test_bytes_that_are_no_packet_are_refused_as_soon_as_a_header_is_there(garbage: bytes) -> None:
    with pytest.raises(WireError):
        wire.Decoder().feed(garbage)


def test_another_version_is_told_by_its_number() -> None:
    data = bytearray(wire.encode(wire.JSON, b"{}"))
    data[2] = wire.PROTOCOL + 1
    with pytest.raises(wire.OtherVersion) as caught:
        wire.Decoder().feed(bytes(data))
    assert caught.value.version == wire.PROTOCOL + 1


def test_a_packet_that_claims_to_be_huge_is_refused_before_it_is_waited_for() -> None:
    with pytest.raises(WireError, match="too large"):
        wire.Decoder().feed(struct.pack("<2sBBI", wire.MAGIC, wire.PROTOCOL, wire.JSON, wire.MAX_PAYLOAD + 1))
    with pytest.raises(ValueError, match="more than"):
        wire.encode(wire.JSON, bytes(wire.MAX_PAYLOAD + 1))


def test_an_unknown_kind_of_packet_is_refused() -> None:
    with pytest.raises(WireError, match="kind 9"):
        wire.Decoder().feed(struct.pack("<2sBBI", wire.MAGIC, wire.PROTOCOL, 9, 0))


# --- messages --------------------------------------------------------------------------------------------

numbers = st.integers(0, 2**53)
floats = st.floats(allow_nan=False, width=64)
timings = st.builds(Timing, st.none() | floats, floats, floats, floats, floats, floats)
hypotheses = st.builds(
    Hypothesis,
    kind=st.sampled_from(["partial", "final"]),
    text=st.text(),
    tokens=st.lists(numbers, max_size=20).map(tuple),
    confidence=st.none() | floats,
    start_sample=numbers,
    end_sample=numbers,
    stop=st.sampled_from(["eos", "max_tokens", "repetition", "cancelled"]),
    timing=timings,
)
texts = st.builds(
    Written,
    text=st.text(),
    tokens=st.lists(numbers, max_size=20).map(tuple),
    stop=st.sampled_from(["eos", "max_tokens", "repetition"]),
    confidence=st.none() | floats,
    timing=st.builds(WritingTiming, floats, floats, floats, floats, *[numbers] * 5),
)
files = st.builds(
    ModelFiles,
    name=st.text(),
    model=st.just(Path("/models/a b.gguf")),
    projector=st.just(Path("/models/mmproj-ä.gguf")),
    profile=st.sampled_from(list(profiles().values())),
    drafter=st.sampled_from([None, Path("/models/mtp ö.gguf")]),
)
counts = st.none() | st.integers(0, 999)
to_engine = st.one_of(
    st.builds(
        messages.Load,
        files,
        numbers,
        counts,
        counts,
        st.builds(
            Loading,
            gpu_layers=st.none() | st.integers(-1, 99),
            kv_type=st.sampled_from(list(CACHE_BITS)),
            mlock=st.booleans(),
        ),
        counts,
        floats,
        st.booleans(),
        numbers,
    ),
    st.builds(messages.Open, numbers, numbers, st.lists(st.text(), max_size=5).map(tuple)),
    st.builds(messages.Rewind, numbers, numbers),
    st.builds(messages.AskPartial, numbers, numbers),
    st.builds(messages.Finish, numbers, st.none() | floats, st.none() | numbers, st.booleans()),
    st.builds(messages.Cancel, numbers),
    st.builds(messages.Read, numbers, st.text()),
    st.builds(
        messages.Write,
        numbers,
        st.text(),
        st.lists(st.text(), max_size=3).map(tuple),
        st.none() | st.text(),
        numbers,
        st.booleans(),
    ),
    st.builds(messages.DropText, numbers),
)
from_engine = st.one_of(
    st.builds(messages.Hello, numbers, st.text(), numbers, numbers, floats),
    st.builds(messages.Beat, numbers, numbers, numbers, numbers),
    st.builds(messages.Piece, numbers, st.text()),
    st.builds(messages.Partial, numbers, numbers, st.none() | hypotheses),
    st.builds(messages.Answer, numbers, hypotheses),
    st.builds(messages.TextPiece, numbers, st.text()),
    st.builds(messages.Wrote, numbers, texts),
)


def packet_of(message: messages.Message) -> Packet:
    (packet,) = wire.Decoder().feed(messages.pack(message))
    return packet


@given(to_engine)
def test_what_the_daemon_says_is_what_the_engine_hears(message: messages.ToEngine) -> None:
    assert messages.unpack_to_engine(packet_of(message)) == message
    with pytest.raises(WireError):
        messages.unpack_from_engine(packet_of(message))


@given(from_engine)
def test_what_the_engine_says_is_what_the_daemon_hears(message: messages.FromEngine) -> None:
    assert messages.unpack_from_engine(packet_of(message)) == message
    with pytest.raises(WireError):
        messages.unpack_to_engine(packet_of(message))


@given(st.integers(0, messages.MOST_FRAMES), st.integers(0, 2**32), numbers)
def test_sound_arrives_bit_by_bit(frames: int, seed: int, session: int) -> None:
    bits = np.random.default_rng(seed).integers(0, 2**32, (frames, 640), dtype=np.uint32)
    received = messages.unpack_to_engine(packet_of(messages.Sound(session, bits.view(np.float32))))
    assert isinstance(received, messages.Sound)
    assert received.session == session
    np.testing.assert_array_equal(received.frames.view(np.uint32), bits)


def test_sound_in_another_layout_of_memory_arrives_the_same() -> None:
    sound = np.arange(1280, dtype=np.float64).reshape(640, 2).T
    received = messages.unpack_to_engine(packet_of(messages.Sound(1, sound)))  # type: ignore[arg-type]
    assert isinstance(received, messages.Sound)
    np.testing.assert_array_equal(received.frames, sound)


def every_error() -> list[errors.EngineError]:
    found, waiting = [], [errors.EngineError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__ == errors.__name__:
            found.append(kind("what happened", hint="what to do"))
    projector = errors.ProjectorUnsupported("old", kind="whisper")
    mismatch = errors.ProjectorMismatch("wide", projector_width=3, model_width=5)
    fatal = errors.DecodeFailed("no memory")
    fatal.fatal = True
    return [*found, projector, mismatch, fatal]


@pytest.mark.parametrize("error", every_error(), ids=lambda error: error.code)
def test_an_error_arrives_as_the_same_error(error: errors.EngineError) -> None:
    received = messages.unpack_from_engine(packet_of(messages.Failed(7, error)))
    assert isinstance(received, messages.Failed)
    assert type(received.error) is type(error)
    assert str(received.error) == str(error)
    assert vars(received.error) == vars(error)
    assert (received.error.hint, received.error.fatal) == (error.hint, error.fatal)


@given(st.recursive(st.none() | st.booleans() | numbers | st.text(), st.lists) | st.binary(max_size=200))
def test_json_that_is_no_message_is_refused_and_nothing_else_happens(data: Any) -> None:
    payload = data if isinstance(data, bytes) else json.dumps(data).encode()
    for unpack in (messages.unpack_to_engine, messages.unpack_from_engine):
        with pytest.raises(WireError):
            unpack(Packet(wire.JSON, payload))


@given((to_engine | from_engine).filter(lambda message: not isinstance(message, messages.Beat)), st.data())
def test_a_message_with_a_missing_or_a_foreign_field_is_refused(
    message: messages.Message, data: st.DataObject
) -> None:
    said = json.loads(packet_of(message).payload)
    if data.draw(st.booleans()):
        said["foreign"] = 1
    else:
        del said[data.draw(st.sampled_from([field.name for field in fields(message)]))]
    with pytest.raises(WireError):
        messages._unpack(Packet(wire.JSON, json.dumps(said).encode()))


@pytest.mark.parametrize("size", [0, 7, 9, 8 + 2559, 8 + 2561])
def test_sound_that_is_no_whole_frames_is_refused(size: int) -> None:
    with pytest.raises(WireError, match="no whole frames"):
        messages.unpack_to_engine(Packet(wire.SOUND, bytes(size)))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_sign_of_life_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(WireError, match="no sign of life"):
        messages.unpack_from_engine(Packet(wire.BEAT, bytes(size)))


def test_a_sign_of_life_is_short_for_there_is_one_with_every_frame() -> None:
    assert len(messages.pack(messages.Beat(1, 2, 3, 4))) == 40
