"""The Wyoming server: accepts connections, and lets each hear in a thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from voice_edit import __version__, pipeline
from voice_edit.wyoming import _protocol as wire
from voice_edit.wyoming import address
from voice_edit.wyoming.conversation import Conversation, Limits
from voice_edit.wyoming.reading import LINE_BYTES
from voice_edit.wyoming.sound import PushedSource

if TYPE_CHECKING:
    from engine.speech import SpeechEngine
    from voice_edit.config import Settings

logger = logging.getLogger(__name__)

MOST_CONNECTIONS = 8


class WyomingServer:
    """Listens as the settings say. Belongs to the loop that starts it."""

    def __init__(
        self,
        settings: Settings,
        engine: SpeechEngine,
        *,
        limits: Limits | None = None,
        at_once: int = 1,
        expect: Callable[[], object] = lambda: None,
    ) -> None:
        """`engine`: what hears, with at most `at_once` sessions open. `expect` is called, in the loop, when
        somebody is about to talk.
        """
        self._settings = settings
        self._engine = engine
        self._limits = limits or Limits(longest_s=settings.daemon.longest_take_s)
        self._expect = expect
        self._turns = asyncio.Semaphore(at_once)
        self._threads = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="wyoming")
        self._conversations: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._address: address.Address | None = None

    @property
    def uri(self) -> str | None:
        """Where it listens, the port included that the system chose; None where it does not."""
        if self._server is None or self._address is None:
            return None
        if self._address.path is not None:
            return self._address.uri
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"

    async def start(self) -> None:
        """Begin to listen. Raises UsageError, ListenFailed."""
        chosen = self._settings.wyoming
        self._address = address.parse(chosen.uri, allow_remote=chosen.allow_remote)
        listening = address.listen(self._address)
        if self._address.path is None:
            self._server = await asyncio.start_server(self._accept, sock=listening, limit=LINE_BYTES)
        else:
            self._server = await asyncio.start_unix_server(self._accept, sock=listening, limit=LINE_BYTES)
        logger.info("Wyoming is listened for on %s", self.uri)

    async def close(self) -> None:
        """Hang up on everybody. Calling it again does nothing."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            if self._address is not None and self._address.path is not None:
                with suppress(OSError):
                    self._address.path.unlink()
        for task in self._conversations:
            task.cancel()
        if self._conversations:
            await asyncio.wait(self._conversations)
        self._threads.shutdown(wait=False)

    # --- what conversations need ----------------------------------------------------------------------------

    @property
    def info(self) -> wire.Info:
        """See `Hears`."""
        name = self._engine.files.name
        who = wire.Attribution(name="voice-edit", url="")
        model = wire.AsrModel(
            name=name,
            attribution=who,
            installed=True,
            description=f"{name}, in the voice-edit that runs in the background",
            version=None,
            languages=self._languages(),
        )
        program = wire.AsrProgram(
            name="voice-edit",
            attribution=who,
            installed=True,
            description="Speech to text by voice-edit",
            version=__version__,
            models=[model],
            supports_transcript_streaming=True,
        )
        return wire.Info(asr=[program])

    @property
    def language(self) -> str | None:
        """See `Hears`."""
        known = self._languages()
        return known[0] if len(known) == 1 else None

    def _languages(self) -> list[str]:
        return [name for name in (one.strip() for one in self._settings.wyoming.languages.split(",")) if name]

    def expect(self) -> None:
        """See `Hears`."""
        self._expect()

    async def utterances(self, source: PushedSource, names: Sequence[str]) -> AsyncGenerator[str, None]:
        """See `Hears`. Heard in a thread of its own."""
        loop = asyncio.get_running_loop()
        words: asyncio.Queue[str | None] = asyncio.Queue()

        def tell(text: str | None) -> None:
            loop.call_soon_threadsafe(words.put_nowait, text)

        def hear() -> None:
            from engine.events import Hypothesis

            try:
                for event in pipeline.hear(source, self._engine, self._settings, terms=lambda: names):
                    if isinstance(event, Hypothesis) and event.kind == "final":
                        tell(event.text)
            finally:
                tell(None)

        async with self._turns:
            work = loop.run_in_executor(self._threads, hear)
            try:
                while (text := await words.get()) is not None:
                    yield text
                await work
            finally:
                # Whoever comes next must not open a session before this one is closed.
                source.close()
                with suppress(Exception):
                    await asyncio.shield(work)

    # --- connections ----------------------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a connection is served by a task"
        if len(self._conversations) >= MOST_CONNECTIONS:
            busy = wire.Error(text=f"{MOST_CONNECTIONS} connections are open already", code="busy")
            with suppress(OSError):
                await wire.async_write_event(busy.event(), writer)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            return
        self._conversations.add(task)
        try:
            await Conversation(reader, writer, self, self._limits).run()
        except asyncio.CancelledError:
            pass  # the daemon ends
        except Exception:
            logger.exception("a fault in a Wyoming conversation")
        finally:
            self._conversations.discard(task)
