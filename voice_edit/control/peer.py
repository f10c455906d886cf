"""Which user is at the other end of a unix socket."""

from __future__ import annotations

import socket
import struct


def peer_uid(connection: socket.socket) -> int:
    """The user at the other end, as the kernel knows it. Raises OSError where it does not say."""
    credentials = getattr(socket, "SO_PEERCRED", None)
    if credentials is not None:  # Linux: struct ucred, that is pid, uid, gid
        size = struct.calcsize("3i")
        _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, credentials, size))
    else:  # macOS, FreeBSD: struct xucred, that is version and uid, 32 bits each, then groups; SOL_LOCAL is 0
        raw = connection.getsockopt(0, getattr(socket, "LOCAL_PEERCRED", 1), 76)
        _, uid = struct.unpack_from("=iI", raw)
    return int(uid)
