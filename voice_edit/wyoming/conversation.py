"""One connection: describe -> info, ping -> pong, sound -> transcript. One transcription at a time.

    transcribe ─► audio-start ─► audio-chunk ... ─► audio-stop ─► transcript
                                 └─ transcript-start, transcript-chunk ... as utterances end

Sound is heard while it comes. When nobody spoke, the transcript is empty. What fails ends the connection,
with an `error` event before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Protocol

from voice_edit.errors import Interrupted, VoiceEditError
from voice_edit.wyoming import _protocol as wire
from voice_edit.wyoming.reading import ProtocolError, read_event
from voice_edit.wyoming.sound import Format, PushedSource

logger = logging.getLogger(__name__)

MOST_NAMES = 100
LONGEST_NAME = 80
"""Names to listen for that a client may give, and characters of each; more is left out."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long is waited, in seconds."""

    idle_s: float = 120.0
    """For the next event, while nothing is transcribed."""
    stall_s: float = 20.0
    """For the next event, while sound is expected: then its microphone is gone."""
    write_s: float = 20.0
    """Until the other side has taken what we say."""
    longest_s: float = 600.0
    """The sound of one transcription."""


class Hears(Protocol):
    """What turns sound into words; the daemon's side of a conversation."""

    @property
    def info(self) -> wire.Info:
        """What is told of us."""
        ...

    @property
    def language(self) -> str | None:
        """What the words are in, where that is certain."""
        ...

    def expect(self) -> None:
        """Somebody will talk in a moment."""
        ...

    def utterances(self, source: PushedSource, names: Sequence[str]) -> AsyncGenerator[str, None]:
        """The words of each utterance, when it is over. Raises VoiceEditError."""
        ...


class Conversation:
    """One connection, from its first event to its last. Belongs to the loop."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hears: Hears, limits: Limits
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._hears = hears
        self._limits = limits
        self._room = asyncio.Event()
        self._names: tuple[str, ...] = ()
        self._source: PushedSource | None = None
        """Sound that is still coming."""
        self._work: asyncio.Task[None] | None = None
        """The transcription, until its transcript was written."""

    async def run(self) -> None:
        """Until the other side ends it, or something is wrong."""
        try:
            while (event := await self._next()) is not None:
                await self._on(event)
        except ProtocolError as error:
            logger.info("a Wyoming client was hung up on: %s", error)
            await self._complain(str(error), error.code)
        except TimeoutError:
            await self._complain("nothing came for too long", "timeout")
        except OSError as error:
            logger.debug("a Wyoming connection broke: %s", error)
        finally:
            await self._give_up()

    async def _next(self) -> wire.Event | None:
        """The next event, or the failure of a transcription that ends the connection."""
        reading = asyncio.ensure_future(read_event(self._reader))
        try:
            while not reading.done():
                work = self._work
                wait_s = self._patience_s()
                awaited = {reading} if work is None else {reading, work}
                done, _ = await asyncio.wait(awaited, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    raise TimeoutError
                if work is not None and work.done():
                    self._work = self._source = None
                    work.result()
            return reading.result()
        finally:
            if not reading.done():
                reading.cancel()
                with suppress(asyncio.CancelledError, ProtocolError, OSError):
                    await reading

    def _patience_s(self) -> float | None:
        if self._source is not None:
            return self._limits.stall_s
        return self._limits.idle_s if self._work is None else None

    async def _on(self, event: wire.Event) -> None:
        if wire.Describe.is_type(event.type):
            await self._write(self._hears.info)
        elif wire.Ping.is_type(event.type):
            await self._write(wire.Pong(text=wire.Ping.from_event(event).text))
        elif wire.Transcribe.is_type(event.type):
            self._names = _names(event)
            self._hears.expect()
        elif wire.AudioStart.is_type(event.type):
            self._begin(_format(event))
        elif wire.AudioChunk.is_type(event.type):
            await self._take(event)
        elif wire.AudioStop.is_type(event.type) and self._source is not None:
            self._source.end()
            self._source = None
        # Everything else is for programs of other kinds; a server drops what it does not know.

    def _begin(self, form: Format) -> PushedSource:
        if self._work is not None:
            raise ProtocolError("one transcription at a time: wait for the transcript", "busy")
        loop = asyncio.get_running_loop()
        source = PushedSource(form, on_room=lambda: loop.call_soon_threadsafe(self._room.set))
        self._source = source
        self._work = loop.create_task(self._transcribe(source, self._names), name="wyoming transcription")
        self._names = ()
        return source

    async def _take(self, event: wire.Event) -> None:
        form = _format(event)
        source = self._source
        if source is None:
            if self._work is not None:
                return  # sound that comes after its end
            source = self._begin(form)
        if form != source.form:
            raise ProtocolError("the sound changes its format in the middle", "unsupported-audio")
        source.push(event.payload or b"")
        if source.pushed > self._limits.longest_s * 16_000:
            raise ProtocolError(f"more than {self._limits.longest_s:.0f} s of sound", "too-long")
        while source.is_full and self._work is not None and not self._work.done():
            self._room.clear()
            waiting = asyncio.ensure_future(self._room.wait())
            await asyncio.wait({waiting, self._work}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()

    async def _transcribe(self, source: PushedSource, names: Sequence[str]) -> None:
        language = self._hears.language
        text = ""
        try:
            async with aclosing(self._hears.utterances(source, names)) as utterances:
                async for words in utterances:
                    if not text:
                        await self._write(wire.TranscriptStart(language=language))
                    piece = f" {words}" if text else words
                    text += piece
                    await self._write(wire.TranscriptChunk(text=piece))
        except Interrupted:
            raise ProtocolError("the transcription was stopped", "stopped") from None
        except VoiceEditError as error:
            raise ProtocolError(f"{error} {error.hint}", error.code) from error
        finally:
            source.close()
        if not text:
            await self._write(wire.TranscriptStart(language=language))
        await self._write(wire.Transcript(text=text, language=language))
        await self._write(wire.TranscriptStop())

    async def _write(self, what: wire.Eventable) -> None:
        async with asyncio.timeout(self._limits.write_s):
            await wire.async_write_event(what.event(), self._writer)

    async def _complain(self, message: str, code: str) -> None:
        with suppress(OSError, TimeoutError):
            await self._write(wire.Error(text=message, code=code))

    async def _give_up(self) -> None:
        work, self._work = self._work, None
        if self._source is not None:
            self._source.close()
        if work is not None:
            work.cancel()
            await asyncio.wait({work})
            if not work.cancelled():
                work.exception()  # asked for, so that nobody complains that it was not
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


def _format(event: wire.Event) -> Format:
    return Format(*(event.data.get(name) for name in ("rate", "width", "channels")))  # type: ignore[arg-type]


def _names(event: wire.Event) -> tuple[str, ...]:
    """Names to listen for, the more important ones first."""
    found: list[str] = []
    for key in ("transcript_names", "transcript_terms"):
        given = event.data.get(key)
        if isinstance(given, list):
            found += [name for name in given if isinstance(name, str) and 0 < len(name) <= LONGEST_NAME]
    return tuple(dict.fromkeys(found))[:MOST_NAMES]
