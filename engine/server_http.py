"""The wire to a server: one exchange at a time.

Nothing is kept open in between, so there is nothing to close, and nothing runs while nobody asks. What a
server says is bounded before it is believed: bytes, lines, the blocks in which they come.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.errors import (
    ContextFull,
    ModelError,
    ServerForbidden,
    ServerLost,
    ServerRefused,
    ServerUnreachable,
    ServerUnusable,
)
from engine.server_address import Address, is_loopback, loopback_only, parse_address
from engine.server_dialects import Ask

if TYPE_CHECKING:
    import httpx2

logger = logging.getLogger(__name__)

LONGEST_ANSWER = 8 * 2**20
"""Bytes of an answer that are read; a server that says more is not one of ours."""

LONGEST_LINE = 2**20
"""Bytes of a line in a stream, which holds a word or two."""

LEAST_BLOCK = 64
"""A block that comes counts as so many bytes at least: reading a million of one byte takes a minute."""

TOO_LONG = ("exceed_context_size", "context size", "context length", "context window")
"""What a refusal says where a text does not fit: llama-server, vLLM, SGLang, llama-cpp-python."""

BUSY_WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Waited between tries while a server is busy or still loading and does not say how long that will take."""

LOST_AGAIN = 1
"""How often a request is sent again whose connection broke before the answer had begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """A server, as the user names it."""

    url: str
    kind: str = "auto"
    """One of `server_dialects.KINDS`, or "auto"."""
    model: str = ""
    """Empty: the first that it names."""
    key: str = field(default="", repr=False)
    allow_remote: bool = False
    """Whether words and sound may leave this machine."""
    hears: str = "auto"
    """"auto", "chat", "transcriptions", "no"."""
    connect_s: float = 3.0
    read_s: float = 60.0
    """How long it may be silent."""


class Silent(ServerLost):
    """It said nothing for too long. Asking again would only make it do the same work twice."""


class Wire:
    """HTTP to one server. Its methods are for the loop of a `Call`."""

    def __init__(self, options: ServerOptions) -> None:
        """Raises ServerUnusable, and ServerForbidden for an address that is evidently elsewhere."""
        self.options = options
        self.address: Address = parse_address(options.url)
        self.is_remote = False
        """Whether it turned out to be on another machine; known once it was asked something."""
        if not options.key.isascii() or not options.key.isprintable() or " " in options.key:
            raise ServerUnusable(
                "the server's key holds characters that no key has",
                hint="server.key_file names a file that holds the key and nothing else.",
            )
        if _is_ip(self.address.host):
            loopback_only(self.address, [self.address.host], allow_remote=options.allow_remote)

    async def get(self, path: str) -> tuple[int, str]:
        """Status and text of something that costs nothing to ask for, tried twice. Raises ServerError."""
        for is_last in (False, True):
            try:
                async with self._sent("GET", path) as response:
                    return response.status_code, await _text(response)
            except ServerLost:
                if is_last:
                    raise
        raise AssertionError

    async def lines(self, ask: Ask) -> AsyncGenerator[str, None]:
        """The lines of an answer as they come; where it does not stream, all of it as one.

        A server that is busy or still loads its model is waited for, as long as it may be silent. A request
        is sent again where it was not answered at all, never after a part of its answer. Raises ServerError,
        ContextFull.
        """
        waited_s, lost, waits = 0.0, 0, iter(BUSY_WAITS_S)
        while True:
            begun = False
            try:
                async with self._sent("POST", ask.path, ask) as response:
                    if response.status_code in (429, 503):
                        wait_s = _retry_after(response) or next(waits, BUSY_WAITS_S[-1])
                        if waited_s + wait_s > self.options.read_s:
                            raise ServerRefused(
                                f"{self.address.url} is busy, or still loads its model",
                                hint="Try again in a moment; the server's own log says what it does.",
                            )
                    elif response.status_code != 200:
                        raise self._refused(response.status_code, await _text(response), ask)
                    else:
                        async for line in self._read(response, ask):
                            begun = True
                            yield line
                        return
            except Silent:
                raise
            except ServerLost:
                lost += 1
                if begun or lost > LOST_AGAIN:
                    raise
                continue
            await asyncio.sleep(wait_s)
            waited_s += wait_s

    async def _read(self, response: httpx2.Response, ask: Ask) -> AsyncIterator[str]:
        # A server may ignore that a stream is wanted, and answer at once.
        if not ask.streams or "application/json" in response.headers.get("content-type", ""):
            yield await _text(response)
            return
        rest, size = bytearray(), 0
        async for block in response.aiter_bytes():
            size += max(len(block), LEAST_BLOCK)
            *ends, begin = block.split(b"\n")
            for end in ends:
                rest += end
                yield rest.decode("utf-8", "replace")
                rest.clear()
            rest += begin
            if size > LONGEST_ANSWER or len(rest) > LONGEST_LINE:
                raise ServerLost(f"{self.address.url} does not stop talking")
        if rest:
            yield rest.decode("utf-8", "replace")

    @asynccontextmanager
    async def _sent(self, method: str, path: str, ask: Ask | None = None) -> AsyncIterator[httpx2.Response]:
        """A response whose body was not read yet. Raises ServerError, also for what happens in the body."""
        import httpx2

        _keep_quiet()
        options, address = self.options, self.address
        ips = await self._ips()
        headers = {"Accept-Encoding": "identity", "User-Agent": "voice-edit"}
        if options.key:
            headers["Authorization"] = f"Bearer {options.key}"
        timeout = httpx2.Timeout(options.read_s, connect=options.connect_s)
        try:
            # This machine is reached directly, whatever proxies the environment names.
            async with httpx2.AsyncClient(
                timeout=timeout, trust_env=not ips, verify=self._verify()
            ) as client:
                for ip in ips or ("",):
                    request = client.build_request(
                        method,
                        (address.at(ip) if ip else address.url) + path,
                        headers=headers,
                        **_content(ask),
                    )
                    if ip:
                        request.headers["Host"] = address.netloc
                        request.extensions["sni_hostname"] = address.host
                    try:
                        response = await client.send(request, stream=True, follow_redirects=False)
                    except (httpx2.ConnectError, httpx2.ConnectTimeout):
                        if ip == (ips or ("",))[-1]:
                            raise
                        continue
                    break
                try:
                    self._check(response)
                    yield response
                finally:
                    await response.aclose()
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
            raise ServerUnreachable(f"nothing answers at {address.url} ({_why(error)})") from None
        except httpx2.TimeoutException:
            raise Silent(f"{address.url} was silent for {options.read_s:g} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
            raise ServerLost(f"the connection to {address.url} broke ({type(error).__name__})") from None

    def _verify(self) -> bool:
        """Certificates are always checked; plain HTTP has none, and reading the system's takes 20 ms."""
        return self.address.scheme == "https"

    async def _ips(self) -> tuple[str, ...]:
        """The addresses on this machine to connect to; none where the server is on another one."""
        address = self.address
        if _is_ip(address.host):
            found = [address.host]
        else:
            try:
                loop = asyncio.get_running_loop()
                async with asyncio.timeout(self.options.connect_s):
                    infos = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
            except (OSError, TimeoutError, UnicodeError):
                if self.options.allow_remote:
                    self.is_remote = True
                    return ()  # perhaps a proxy knows it
                raise ServerUnreachable(f"nobody knows a machine named {address.host}") from None
            found = [str(info[4][0]) for info in infos]
        ips = loopback_only(address, found, allow_remote=self.options.allow_remote)
        self.is_remote = not ips
        return ips

    def _check(self, response: httpx2.Response) -> None:
        if 300 <= response.status_code < 400:
            raise ServerForbidden(
                f"{self.address.url} sends us elsewhere",
                hint="Redirections are not followed: name the place itself in server.url.",
            )
        if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
            # A few bytes may become any number of them.
            raise ServerLost(f"{self.address.url} packs its answer, and was asked not to")
        if response.status_code in (401, 403):
            what = "does not take the key" if self.options.key else "asks for a key"
            raise ServerRefused(
                f"{self.address.url} {what}", hint="Put its key into a file and name that: server.key_file."
            )

    def _refused(self, status: int, text: str, ask: Ask) -> ModelError:
        if status in (400, 413, 500) and any(sign in text.lower() for sign in TOO_LONG):
            return ContextFull(
                f"the text does not fit into the context of {self.address.url}",
                hint="Ask about less text at once, or start the server with a larger context.",
            )
        said = reason(text, ask)
        hint = "`voice-edit doctor` says what the server can do; its own log tells more."
        if status == 404:
            hint = f"Look which models it has: {self.address.url}/v1/models; name one in server.model."
        if status == 413:
            hint = "The request is too large for it: raise the server's limit."
        return ServerRefused(f"{self.address.url} refuses ({status}{said and f': {said}'})", hint=hint)


def reason(text: str, ask: Ask | None) -> str:
    """What a server says of its refusal, in one short line; nothing where that repeats what it was asked:
    dictated words are told to nobody else.
    """
    import json

    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    error = data.get("error", data.get("detail")) if isinstance(data, dict) else None
    said = error.get("message") if isinstance(error, dict) else error
    if not isinstance(said, str):
        return ""
    line = " ".join("".join(c if c.isprintable() else " " for c in said).split())[:200]
    asked = " ".join(_texts(ask.body)) if ask is not None else ""
    return "" if any(asked[at : at + 12] in said for at in range(0, max(0, len(asked) - 11))) else line


def _texts(value: Any) -> list[str]:
    """Everything in a request that somebody said or wrote."""
    if isinstance(value, Mapping):
        return [text for key, item in value.items() if key != "model" for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value[:20_000]] if isinstance(value, str) else []


def _content(ask: Ask | None) -> dict[str, Any]:
    if ask is None:
        return {}
    if ask.sound is None:
        return {"json": dict(ask.body)}
    return {"data": dict(ask.body), "files": {"file": ("speech.wav", ask.sound, "audio/wav")}}


async def _text(response: httpx2.Response) -> str:
    whole, size = bytearray(), 0
    async for block in response.aiter_bytes():
        whole += block
        size += max(len(block), LEAST_BLOCK)
        if size > LONGEST_ANSWER:
            raise ServerLost("the server does not stop talking")
    return whole.decode("utf-8", "replace")


def _retry_after(response: httpx2.Response) -> float | None:
    value = response.headers.get("retry-after", "")
    return float(value) if value.isdecimal() and len(value) < 7 and int(value) else None


def _why(error: Exception) -> str:
    """The system's own words for it, without the address that httpx may put in."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__


def _is_ip(host: str) -> bool:
    try:
        is_loopback(host)
    except ValueError:
        return False
    return True


def _keep_quiet() -> None:
    """Requests hold keys and dictated words: the libraries' own logs stay out of ours."""
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
