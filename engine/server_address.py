"""Where a server is, and whether words may go there: to this machine always, to another one only if allowed.

A name is looked up once, and what is connected to is the address that was found and judged: a name that means
this machine now and another one a moment later reaches nobody else.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from engine.errors import ServerForbidden, ServerUnusable

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of a server's URL."""

    scheme: str
    """http or https."""
    host: str
    """A name, or an IP address without brackets."""
    port: int
    path: str
    """What stands in front of `/v1/...`, without a slash at its end; mostly empty."""

    @property
    def netloc(self) -> str:
        """Host and port as a Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """All of it, for people and logs: it never holds a secret."""
        return f"{self.scheme}://{self.netloc}{self.path}"

    def at(self, ip: str) -> str:
        """The same with the host replaced by one of its IP addresses."""
        host = f"[{ip}]" if ":" in ip else ip
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def parse_address(url: str) -> Address:
    """The parts of `url`; http is taken where no scheme stands, and `/v1` at its end is dropped.

    Raises ServerUnusable.
    """
    text = url.strip()
    if "://" not in text:
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode() if parts.hostname else ""
    except (ValueError, UnicodeError):
        raise ServerUnusable("the server's URL cannot be read") from None
    if parts.scheme not in PORTS:
        raise ServerUnusable(f"a server is reached by http or https, not by “{parts.scheme}”")
    if parts.username is not None or parts.password is not None:
        raise ServerUnusable(
            "the server's URL holds a name or a password",
            hint="URLs end up in logs. Put the key into a file of its own and name it in server.key_file.",
        )
    if parts.query or parts.fragment:
        raise ServerUnusable("the server's URL ends with a query or a fragment, which no server's does")
    if not host:
        raise ServerUnusable("the server's URL names no host")
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return Address(parts.scheme, host, PORTS[parts.scheme] if port is None else port, path)


def is_loopback(ip: str) -> bool:
    """Whether an IP address is this machine and cannot be another one."""
    address = ipaddress.ip_address(ip.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def loopback_only(address: Address, found: Sequence[str], *, allow_remote: bool) -> tuple[str, ...]:
    """Of the IP addresses that were found for a server, those to connect to; none where it is on another
    machine, which is then reached by its name. Raises ServerForbidden where that is not allowed.
    """
    distinct = tuple(dict.fromkeys(found))
    if distinct and all(is_loopback(ip) for ip in distinct):
        return distinct
    if not allow_remote:
        other = next((ip for ip in distinct if not is_loopback(ip)), "")
        where = f" ({other})" if other and other != address.host else ""
        raise ServerForbidden(f"{address.url} is not this machine{where}")
    return ()
