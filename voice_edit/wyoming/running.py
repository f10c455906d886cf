"""The Wyoming server in a thread with a loop of its own, so that nothing of it waits where the microphone is
listened to."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING

from voice_edit.wyoming.server import MOST_CONNECTIONS, WyomingServer

if TYPE_CHECKING:
    from engine.speech import SpeechEngine
    from voice_edit.config import Settings

logger = logging.getLogger(__name__)

START_S = 10.0
STOP_S = 5.0


class Wyoming:
    """Open from `start` to `close`, which both wait."""

    def __init__(
        self, settings: Settings, engine: SpeechEngine, *, expect: Callable[[], object] = lambda: None
    ) -> None:
        """`engine`: what hears, for several at once, like `SharedEngine.background`. `expect` is called when
        somebody is about to talk, and must not wait.
        """
        self._settings = settings
        self._engine = engine
        self._expect = expect
        self._up: Future[str] = Future()
        self._loop: asyncio.AbstractEventLoop
        self._ended: asyncio.Event
        self._thread = threading.Thread(target=self._run, name="wyoming", daemon=True)

    @property
    def uri(self) -> str:
        """Where it is reached; '' while it is not open."""
        return self._up.result() if self._up.done() and self._thread.is_alive() else ""

    def start(self) -> None:
        """Open it. Raises UsageError, ListenFailed."""
        self._thread.start()
        try:
            self._up.result(START_S)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Hang up on everybody; what is heard for them is given up. Calling it again does nothing."""
        if not self._thread.is_alive():
            return
        with suppress(RuntimeError, AttributeError):  # its loop is closed, or has not begun
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(STOP_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if not self._up.done():
                self._up.set_exception(error)
            else:
                logger.exception("the Wyoming server ended")

    async def _serve(self) -> None:
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        server = WyomingServer(self._settings, self._engine, at_once=MOST_CONNECTIONS, expect=self._expect)
        await server.start()
        try:
            self._up.set_result(server.uri or "")
            await self._ended.wait()
        finally:
            await server.close()
