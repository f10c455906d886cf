"""Where Wyoming is listened for: an address from the settings, checked, and the socket for it.

Names are not looked up: `localhost` means 127.0.0.1, anything else is written in numbers.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from voice_edit.control.socket_file import LONGEST_PATH_BYTES, is_answered
from voice_edit.errors import DaemonError, UsageError

BACKLOG = 16


class ListenFailed(DaemonError):  # noqa: N818
    """The address is taken, or not this machine's."""

    hint = "Choose another one: wyoming.uri in the settings."


@dataclass(frozen=True, slots=True)
class Address:
    """One address, of a socket in a folder or of TCP."""

    uri: str
    """As the user wrote it."""
    host: str = ""
    """An address in numbers; empty for a socket in a folder."""
    port: int = 0
    """0 lets the system choose one."""
    path: Path | None = None
    """The socket in a folder."""


def parse(uri: str, *, allow_remote: bool) -> Address:
    """The address that `uri` names. Raises UsageError for one that is none, or that others than this machine
    could reach without `allow_remote`.
    """
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _refused(uri, str(error)) from error
    if parts.query or parts.fragment or parts.username is not None:
        raise _refused(uri, "it has more than an address in it")
    if parts.scheme == "unix":
        path = Path(parts.path)
        if parts.netloc or not path.is_absolute() or not path.name:
            raise _refused(uri, "a socket in a folder needs its whole path: unix:///run/user/1000/x.sock")
        if len(os.fsencode(path)) > LONGEST_PATH_BYTES:
            raise _refused(uri, f"the path is longer than {LONGEST_PATH_BYTES} bytes")
        return Address(uri, path=path)
    if parts.scheme != "tcp" or not host or port is None or parts.path:
        raise _refused(uri, "it is neither tcp://ADDRESS:PORT nor unix:///PATH")
    try:
        address = ipaddress.ip_address("127.0.0.1" if host.lower() == "localhost" else host)
    except ValueError:
        raise _refused(uri, f"'{host}' is not an address in numbers") from None
    if not address.is_loopback and not allow_remote:
        raise UsageError(
            f"wyoming.uri = {uri} could be reached by other machines.",
            hint="Wyoming has no passwords: whoever reaches it can use the model. If that is what you want, "
            "set wyoming.allow_remote = true.",
        )
    return Address(uri, str(address), port)


def listen(address: Address) -> socket.socket:
    """A socket that listens there. Raises ListenFailed."""
    try:
        return _listen_tcp(address) if address.path is None else _listen_unix(address.path)
    except OSError as error:
        raise ListenFailed(f"{address.uri} cannot be listened on: {error.strerror or error}.") from error


def _refused(uri: str, why: str) -> UsageError:
    return UsageError(
        f"wyoming.uri = {uri!r} makes no sense: {why}.", hint='Write for example "tcp://127.0.0.1:10300".'
    )


def _listen_tcp(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Right after a restart the port is still remembered by the system.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((address.host, address.port))
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


def _listen_unix(path: Path) -> socket.socket:
    """It appears under its name when it is private already, in the place of what a dead daemon left."""
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OSError(f"{path} is there and is no socket")
        if is_answered(path):
            raise OSError("another program listens there")
    new = path.with_name(f".{path.name}.{os.getpid()}")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with suppress(FileNotFoundError):
            new.unlink()
        listening.bind(os.fspath(new))
        new.chmod(0o600)
        listening.listen(BACKLOG)
        listening.setblocking(False)
        new.rename(path)
    except BaseException:
        listening.close()
        with suppress(OSError):
            new.unlink()
        raise
    return listening
