"""Tells the service manager how the daemon is: systemd's sd_notify(3) protocol, without a library.

The manager puts the address of a datagram socket into NOTIFY_SOCKET. Without it every call does nothing, so
that the daemon says the same things in a terminal, under systemd, and on a system that has no systemd.
Nothing here raises: a message that cannot be delivered is no reason to stop listening.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping, MutableMapping

logger = logging.getLogger(__name__)

SOCKET_VARIABLE = "NOTIFY_SOCKET"
WATCHDOG_VARIABLE = "WATCHDOG_USEC"
WATCHDOG_PID_VARIABLE = "WATCHDOG_PID"


class Notifier:
    """The daemon's line to the service manager. May be used from any thread."""

    def __init__(self, address: str | None, *, watchdog_s: float | None = None) -> None:
        """`address` is a path or `@name` (abstract); None for nobody to tell. `watchdog_s` is the time after
        which the manager takes a silent daemon for hung; None where it does not watch.
        """
        self._address = _socket_address(address)
        self.watchdog_interval_s: float | None = None if watchdog_s is None else watchdog_s / 2
        """Call `ping` this often, in seconds: half of what the manager waits. None: it does not wait."""

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str] = os.environ) -> Notifier:
        """What the manager told this process, taken out of `environ`: our children are not the service, and
        a message of theirs would be believed (NotifyAccess) or complained about.
        """
        address = environ.pop(SOCKET_VARIABLE, None)
        watchdog_s = watchdog_timeout_s(environ, os.getpid())
        environ.pop(WATCHDOG_VARIABLE, None)
        environ.pop(WATCHDOG_PID_VARIABLE, None)
        return cls(address, watchdog_s=watchdog_s if address else None)

    @property
    def listened_to(self) -> bool:
        """Whether a service manager started us and wants to know."""
        return self._address is not None

    def ready(self, status: str = "") -> bool:
        """Starting is over: clients can connect. Returns whether it was delivered."""
        return self._send("READY=1", *_status(status))

    def status(self, text: str) -> bool:
        """One line for `systemctl status`. Never put dictated words in it: the manager logs it."""
        return self._send(*_status(text))

    def ping(self) -> bool:
        """Still alive. To be sent from where a hang would be noticed, the loop, not from a helper thread."""
        return self._send("WATCHDOG=1")

    def stopping(self, status: str = "") -> bool:
        """Shutting down; the manager waits for TimeoutStopSec now."""
        return self._send("STOPPING=1", *_status(status))

    def _send(self, *lines: str) -> bool:
        if self._address is None or not lines:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | _CLOEXEC) as line:
                line.setblocking(False)  # a manager that does not read must not stop the daemon's loop
                line.connect(self._address)
                line.send("\n".join(lines).encode("utf-8", "replace"))
        except OSError as error:
            logger.debug("the service manager was not told %s: %s", lines[0], error)
            return False
        return True


_CLOEXEC = getattr(socket, "SOCK_CLOEXEC", 0)  # Linux only; elsewhere Python sets the flag itself


def watchdog_timeout_s(environ: Mapping[str, str], pid: int) -> float | None:
    """After how many seconds of silence the manager acts, if it watches process `pid`; else None."""
    watched = environ.get(WATCHDOG_PID_VARIABLE)
    if watched and watched != str(pid):  # meant for our parent, inherited by accident
        return None
    try:
        microseconds = int(environ.get(WATCHDOG_VARIABLE, "0"))
    except ValueError:
        return None
    return microseconds / 1e6 if microseconds > 0 else None


def _socket_address(address: str | None) -> str | bytes | None:
    """A path as it is, `@name` as an abstract address. Others (vsock) are for machines, not for services."""
    if not address or address[0] not in "@/":
        return None
    return b"\0" + os.fsencode(address[1:]) if address[0] == "@" else address


def _status(text: str) -> tuple[str, ...]:
    line = " ".join(text.split())  # a line break would begin another assignment
    return (f"STATUS={line}",) if line else ()
