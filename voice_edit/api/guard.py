"""Who may ask, and how much: in front of everything else, the same for every path.

A page in a browser on this machine can send requests to loopback, and by a name that resolves to it (DNS
rebinding) even read the answers; other users of the machine can connect as well. So before a byte of the body
is looked at:

    Host       names loopback and our port       else 403: a page that was rebound has its own name there
    Origin     is not there                      else 403: no page has business here, so there is no CORS
    Authorization  holds the token               else 401
    Content-Length, and what really comes        else 413
    all of the body within `BODY_S`              else 408

The first three decide purely: `refusal`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from voice_edit.api.failures import ApiError, told
from voice_edit.errors import VoiceEditError

logger = logging.getLogger(__name__)

Message: TypeAlias = Any
Receive: TypeAlias = Callable[[], Any]
Send: TypeAlias = Callable[[Message], Any]
App: TypeAlias = Callable[[Any, Receive, Send], Any]
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]

BODY_S = 30.0
"""How long a body may take to come; from this very machine, the largest takes a fraction of a second."""

_ALWAYS = [
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'"),
]


def hosts(port: int) -> frozenset[bytes]:
    """What the Host header may be."""
    names = (b"127.0.0.1", b"localhost", b"[::1]")
    return frozenset([*(b"%s:%d" % (name, port) for name in names), *(names if port == 80 else ())])


def refusal(headers: Headers, *, port: int, fits: Callable[[bytes], bool]) -> ApiError | None:
    """Why a request with these headers (names in lower case) is not even looked at; None if it is.

    `fits`: whether an Authorization header holds the token.
    """
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value)
    host = found.get(b"host", [])
    if len(host) != 1 or host[0].strip().lower() not in hosts(port):
        return ApiError(
            403,
            "host_not_allowed",
            "This endpoint is asked by an address of this machine only.",
            hint=f"Use http://127.0.0.1:{port}/v1 as it stands.",
        )
    site = found.get(b"sec-fetch-site", [b"none"])
    if b"origin" in found or site != [b"none"]:
        return ApiError(
            403,
            "browser_not_allowed",
            "Pages in a browser may not use this endpoint.",
            hint="Ask from a program on this machine.",
        )
    authorization = found.get(b"authorization", [b""])
    if len(authorization) != 1 or not fits(authorization[0]):
        return ApiError(
            401,
            "invalid_api_key",
            "The key of the endpoint is missing or wrong.",
            hint='`voice-edit api token` prints it; send it as "Authorization: Bearer KEY".',
            headers={"WWW-Authenticate": 'Bearer realm="voice-edit"'},
        )
    return None


class Guard:
    """The ASGI application in front of another one."""

    def __init__(
        self,
        app: App,
        *,
        port: Callable[[], int],
        fits: Callable[[bytes], bool],
        most_bytes: int,
    ) -> None:
        """`most_bytes`: of a body."""
        self._app = app
        self._port = port
        self._fits = fits
        self._most_bytes = most_bytes

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began_s = time.monotonic()
        answer = _Answer(send)
        body = _Body(receive, self._most_bytes)
        try:
            refused = self._refusal(scope["headers"])
            if refused is not None:
                raise refused
            body.check_announced(scope["headers"])
            await self._app(scope, body.receive, answer.send)
        except Exception as error:
            failed = error if isinstance(error, ApiError) else _fault(error)
            if answer.has_begun:
                raise  # it cannot be taken back; the connection is cut
            await answer.fail(failed, body_is_read=body.is_complete)
        finally:
            taken_s = time.monotonic() - began_s
            logger.debug("%s %s: %s in %.3f s", scope["method"], scope["path"], answer.status, taken_s)

    def _refusal(self, headers: Headers) -> ApiError | None:
        try:
            return refusal(headers, port=self._port(), fits=self._fits)
        except VoiceEditError as error:
            return ApiError(503, error.code, str(error), hint=error.hint, headers={"Retry-After": "60"})


class _Body:
    """What the client sends, counted and timed."""

    def __init__(self, receive: Receive, most_bytes: int) -> None:
        self._receive = receive
        self._most_bytes = most_bytes
        self._bytes = 0
        self._until_s = time.monotonic() + BODY_S
        self.is_complete = False

    def check_announced(self, headers: Headers) -> None:
        """Raises ApiError for a length that is too much, and for none that can be understood."""
        announced = [value for name, value in headers if name == b"content-length"]
        if any(not value.isdigit() for value in announced):
            raise ApiError(400, "bad_request", "Content-Length is no number.")
        if any(int(value) > self._most_bytes for value in announced):
            raise self._too_large()

    async def receive(self) -> Message:
        """The next part. Raises ApiError where it is too much, or too slow."""
        if self.is_complete:
            return await self._receive()  # who asks now waits for the client to go away
        try:
            async with asyncio.timeout(self._until_s - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            hint = "Send it again, all at once."
            raise ApiError(408, "body_too_slow", "The request came too slowly.", hint=hint) from None
        self._count(message)
        if self._bytes > self._most_bytes:
            raise self._too_large()
        return message

    def _count(self, message: Message) -> None:
        self._bytes += len(message.get("body", b""))
        self.is_complete = message["type"] != "http.request" or not message.get("more_body", False)

    def _too_large(self) -> ApiError:
        return ApiError(
            413,
            "request_too_large",
            f"The request is larger than {self._most_bytes >> 20} MiB.",
            hint="Send less at once, compress the sound (FLAC, OGG), or raise api.max_upload_mb.",
        )


class _Answer:
    """What the client is told, with the headers that every answer has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            self.status = message["status"]
            message = {**message, "headers": [*message.get("headers", []), *_ALWAYS]}
        await self._send(message)

    async def fail(self, error: ApiError, *, body_is_read: bool) -> None:
        """Tell of a failure, and hang up where the client may still be sending."""
        from starlette.responses import JSONResponse

        headers = dict(error.headers)
        if not body_is_read:
            headers["Connection"] = "close"
        response = JSONResponse(error.to_json(), status_code=error.status, headers=headers)
        await response({"type": "http"}, _nothing, self.send)


def _fault(error: Exception) -> ApiError:
    failed = told(error)
    if failed.status == 500:
        logger.error("a fault at the endpoint", exc_info=error)
    return failed


async def _nothing() -> Message:
    raise AssertionError("an answer does not read")
