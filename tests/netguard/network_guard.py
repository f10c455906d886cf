"""Sees every socket that Python code connects, binds or sends from, and every name it looks up.

Installed in the process of the tests and, through `sitecustomize.py`, in every Python that they start with
our PYTHONPATH, the engine process included. What reaches beyond this machine is refused and written down.

Code in C (llama.cpp, PortAudio) opens sockets unseen by this: `benchmarks/offline.py` counts packets.
"""

from __future__ import annotations

import os
import sys

if False:  # every Python of every test pays for what is imported here
    from typing import Any

LOG = "NETWORK_GUARD_LOG"
"""Names the file in which refused calls are written down, a line of JSON each."""
SEEN = "NETWORK_GUARD_SEEN"
"""Names a file in which every guarded process writes its command line; not written where it is unset."""
ALLOWED = "NETWORK_GUARD_ALLOWED"
"""Set where a test may reach other machines."""

LOOKUPS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}
ADDRESSES = {"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"}
OURS = {"AF_UNIX", "AF_NETLINK"}
INTERNET = {"AF_INET", "AF_INET6"}


def beyond(event: str, args: tuple[Any, ...]) -> str | None:
    """What an audit event reaches beyond this machine, in words; None for nothing."""
    if event in LOOKUPS:
        name = _text(args[0])
        return None if not name or _is_address(name) or _is_localhost(name) else f"the name {name}"
    if event == "socket.getnameinfo":
        host = _text(args[0][0])
        return None if _is_loopback(host) else f"the name of {host}"
    if event not in ADDRESSES:
        return None
    used, address = args[0], args[1]
    family = getattr(used.family, "name", str(used.family))
    if family in OURS or address is None:  # sendmsg on what is connected
        return None
    if family not in INTERNET:
        return f"a socket of family {family}"
    host = _text(address[0])
    if host == "" and event != "socket.bind":
        return None  # to whatever listens on this machine
    return None if _is_loopback(host) else f"{host or 'every interface'} port {address[1]}"


def install() -> None:
    """Guard this process from now on. There is no way back."""
    if seen := os.environ.get(SEEN):
        _append(seen, {"pid": os.getpid(), "command": _command()})
    sys.addaudithook(_hook)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if not event.startswith("socket."):
        return
    reached = beyond(event, args)
    if reached is None or os.environ.get(ALLOWED):
        return
    if log := os.environ.get(LOG):
        import traceback

        stack = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_stack()[-60:]]
        _append(log, {"event": event, "reached": reached, "command": _command(), "stack": stack})
    raise PermissionError(f"{event} would reach {reached}, and nothing may leave this machine in a test")


def _append(path: str, line: dict[str, Any]) -> None:
    import json

    with open(path, "a", encoding="utf-8") as log:  # noqa: PTH123 - pathlib takes its time
        log.write(json.dumps(line) + "\n")


def _command() -> list[str]:
    return sys.orig_argv


def _text(host: Any) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")


def _is_localhost(name: str) -> bool:
    return name.lower() == "localhost" or name.lower().endswith(".localhost")


def _is_address(host: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    import ipaddress

    if _is_localhost(host):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
