"""The endpoint in a thread of its own: opened, told about, closed.

Nothing of it runs in the loop in which the microphone is listened to, and nothing at all while nobody asks.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from voice_edit.api import token
from voice_edit.api.app import build
from voice_edit.api.desk import Desk
from voice_edit.api.endpoint import Endpoint
from voice_edit.api.failures import ApiUnavailable
from voice_edit.api.guard import Guard
from voice_edit.api.protocol import BoundedProtocol

if TYPE_CHECKING:
    from engine.background import BackgroundEngine
    from engine.writer import Writer
    from voice_edit.api.desk import Job
    from voice_edit.config import Settings
    from voice_edit.paths import Paths

logger = logging.getLogger(__name__)

START_S = 10.0
STOP_S = 1
"""How long clients have to take the answer that the program was stopped, in whole seconds."""
_HEAD_BYTES = 32 << 10
_FORM_BYTES = 64 << 10
"""What a form has around its file, at most."""


@dataclass(frozen=True, slots=True)
class Served:
    """What is offered: the model and what belongs to it."""

    background: Callable[[], BackgroundEngine]
    settings: Callable[[], Settings]
    paths: Paths
    open_writer: Callable[[Job], Writer | None]


class _Server(uvicorn.Server):
    """uvicorn's, which looks ten times a second whether it is to end; this one is told."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up: Future[None] = Future()
        self._ended: asyncio.Event
        self._loop: asyncio.AbstractEventLoop

    async def main_loop(self) -> None:
        """Until `end`."""
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.is_up.set_result(None)
        await self._ended.wait()

    def end(self) -> None:
        """From any thread."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ended.set)


class ApiServer:
    """The endpoint, open from `start` to `close`."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._port = 0
        self._desk: Desk | None = None
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """Its port; 0 while it is not open."""
        return self._port

    @property
    def url(self) -> str:
        """What clients are to be given; '' while it is not open."""
        return f"http://127.0.0.1:{self._port}/v1" if self._port else ""

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Open it. Raises ApiUnavailable."""
        served = self._served
        chosen = served.settings().api
        token.ensure(served.paths.api_token)
        sockets = bound(chosen.port)
        self._port = int(sockets[0].getsockname()[1])
        self._desk = Desk(
            lambda: served.background().another(), at_once=chosen.at_once, timeout_s=chosen.timeout_s
        )
        endpoint = Endpoint(
            desk=self._desk,
            model=lambda: served.background().files.name,
            settings=served.settings,
            paths=served.paths,
            open_writer=served.open_writer,
            began_s=int(time.time()),
        )
        guard = Guard(
            build(endpoint),
            port=lambda: self._port,
            fits=token.Key(served.paths.api_token).fits,
            most_bytes=(chosen.max_upload_mb << 20) + _FORM_BYTES,
        )
        config = uvicorn.Config(
            guard,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=logging.ERROR,  # what clients do wrong is told to them
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=STOP_S,
            h11_max_incomplete_event_size=_HEAD_BYTES,
        )
        self._server = server = _Server(config)
        self._thread = threading.Thread(
            target=self._run, args=(server, sockets), name="endpoint", daemon=True
        )
        self._thread.start()
        try:
            server.is_up.result(START_S)
        except Exception as error:
            self.close()
            raise ApiUnavailable(f"The endpoint could not be opened: {error}.") from error
        logger.info("the endpoint is open at %s", self.url)

    def close(self) -> None:
        """Close it; what is on its way is given up. Calling it again does nothing."""
        desk, self._desk = self._desk, None
        server, self._server = self._server, None
        if desk is not None:
            desk.close()
        if server is not None and server.is_up.done():
            server.end()
        if self._thread is not None:
            self._thread.join(STOP_S + 2.0)
        self._port = 0

    @staticmethod
    def _run(server: _Server, sockets: list[socket.socket]) -> None:
        try:
            asyncio.run(server.serve(sockets=sockets))
        except BaseException as error:
            logger.exception("the endpoint ended")
            if not server.is_up.done():
                server.is_up.set_exception(error)
        finally:
            for each in sockets:
                each.close()


def bound(port: int) -> list[socket.socket]:
    """Sockets on 127.0.0.1 and, where there is one, ::1; 0 is a port that is free. Raises ApiUnavailable.

    Both, because "localhost" may mean either: on the one that we left free, another user of the machine could
    wait for clients with our key.
    """
    first = _bind(socket.AF_INET, "127.0.0.1", port)
    try:
        second = _bind(socket.AF_INET6, "::1", int(first.getsockname()[1]))
    except _NoSuchAddressError:
        return [first]
    except BaseException:
        first.close()
        raise
    return [first, second]


class _NoSuchAddressError(Exception):
    """The machine has no IPv6."""


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    try:
        listening = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        if family == socket.AF_INET6:
            raise _NoSuchAddressError from error
        raise ApiUnavailable(f"There is no socket to be had: {error.strerror}.") from error
    try:
        # Only what is left of connections that are over may be in the way, not somebody who listens.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((host, port))
        listening.listen(64)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) and family == socket.AF_INET6:
            raise _NoSuchAddressError from error
        hint = "Choose another port: api.port. Another program there would be sent the key by your clients."
        raise ApiUnavailable(f"{host}:{port} cannot be listened on: {error.strerror}.", hint=hint) from error
    return listening
