"""The bytes between a daemon and its engine process: messages with a length, and a version in each.

    magic "VE" · protocol, 1 byte · kind, 1 byte · payload length, 4 bytes little-endian · payload

What a payload means is said in `engine.messages`. Pure: bytes in, bytes out. The layout of the header never
changes, so that two versions of the program can at least tell that they are two.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

PROTOCOL: Final = 6
"""Raised with every change of a message. Both ends must speak the same."""

MAGIC: Final = b"VE"
JSON: Final = 1
"""A payload of UTF-8 JSON: one object."""
SOUND: Final = 2
"""A payload of raw samples."""
BEAT: Final = 3
"""A payload of four numbers. There is one for each frame, and JSON would cost more than all else of it."""

MAX_PAYLOAD: Final = 1 << 20
"""Bytes in the largest payload. The longest answer needs a twentieth of it."""

_HEADER: Final = struct.Struct("<2sBBI")


class WireError(Exception):
    """What came is no message of this protocol; nothing after it can be trusted."""


class OtherVersion(WireError):  # noqa: N818  (says what is wrong)
    """The other end speaks another version of the protocol."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the other end speaks version {version} of the protocol, this one {PROTOCOL}")
        self.version = version


class Packet(NamedTuple):
    """One message as bytes."""

    kind: int
    """JSON, SOUND or BEAT."""
    payload: bytes


def encode(kind: int, payload: bytes | bytearray | memoryview) -> bytes:
    """A message as bytes. Raises ValueError for a payload that is too large, which the other end would
    refuse.
    """
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"{len(payload)} bytes are more than the {MAX_PAYLOAD} of a message")
    return b"".join((_HEADER.pack(MAGIC, PROTOCOL, kind, len(payload)), payload))


class Decoder:
    """Cuts a stream of bytes, however it is fragmented, into packets."""

    def __init__(self) -> None:
        self._held = bytearray()
        """The beginning of a packet that is not whole yet."""

    @property
    def held(self) -> int:
        """Bytes that wait for the rest of their packet. A stream that ends well leaves none."""
        return len(self._held)

    def feed(self, data: bytes | memoryview) -> list[Packet]:
        """Take the next bytes; return the packets that are now whole.

        Raises WireError for anything that is no packet, as soon as its header is there.
        """
        held = self._held
        held += data
        packets: list[Packet] = []
        at = 0
        while len(held) - at >= _HEADER.size:
            magic, protocol, kind, length = _HEADER.unpack_from(held, at)
            if magic != MAGIC:
                raise WireError(f"a message cannot begin with {bytes(magic)!r}")
            if protocol != PROTOCOL:
                raise OtherVersion(protocol)
            if kind not in (JSON, SOUND, BEAT):
                raise WireError(f"there is no message of kind {kind}")
            if length > MAX_PAYLOAD:
                raise WireError(f"a message of {length} bytes is too large")
            begin = at + _HEADER.size
            if len(held) - begin < length:
                break
            with memoryview(held) as view:  # one copy instead of two
                packets.append(Packet(kind, bytes(view[begin : begin + length])))
            at = begin + length
        del held[:at]
        return packets
