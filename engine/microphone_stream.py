"""One opening of a device: its sound at 16 kHz as it comes, and what the sound server knows of it."""

from __future__ import annotations

from collections.abc import Iterator

from engine import _pulse
from engine._portaudio import InputStream
from engine._pulse import PulseServer
from engine.events import Samples
from engine.frames import SAMPLE_RATE
from engine.microphone_choice import SERVER_DEVICES, Choice, follow
from engine.resampling import Converter
from engine.supervision import STALL_S, SilenceWatch, StreamWatch

LOOK_S = 30.0
"""How often the sound server is asked at least; most changes it tells by itself."""

SETTLE_S = 0.05
"""Changes come in bursts: the server is asked once for all of them."""


class StreamReader:
    """Reads one open stream. Used by one thread, but for `delay_s`."""

    def __init__(
        self, stream: InputStream, choice: Choice, wanted: str, *, now_s: float, slept_s: float
    ) -> None:
        self._stream = stream
        self._choice = choice
        self._wanted = wanted
        self._converter = Converter(stream.rate, stream.channels)
        self._watch = StreamWatch(now_s, slept_s)
        self._fresh_s = now_s
        self._dropped = 0
        self._changes = _pulse.Watch()
        self._look_at_s = now_s
        self.name = choice.name
        """For people."""
        self.server: PulseServer | None = None
        """What the server said when it was asked last."""
        self.silence = SilenceWatch()

    def read(self, now_s: float) -> Iterator[Samples]:
        """What came since the last call, at 16 kHz, as new arrays."""
        ring = self._stream.ring
        while len(block := ring.read()):
            samples = self._converter.push(block)
            ring.release(len(block))
            self._fresh_s = now_s
            if len(samples):
                yield samples

    def flush(self) -> Samples:
        """The last of it, after the device gave its last."""
        return self._converter.flush()

    def lost(self) -> int:
        """Samples at 16 kHz that were lost since the last call."""
        dropped = self._stream.ring.dropped
        new, self._dropped = dropped - self._dropped, dropped
        return -(-new * SAMPLE_RATE // self._stream.rate)

    def delay_s(self, now_s: float) -> float:
        """How long ago the newest sound that `read` gave was said."""
        since_s = now_s - self._fresh_s + self._stream.latency_s + self._converter.pending_s
        return min(STALL_S, max(0.0, since_s))

    def ended(self, now_s: float, slept_s: float) -> str:
        """Why the device must be opened anew, for people; '' where all is well."""
        if self._stream.ended.is_set():
            return "it was unplugged, or the sound server stopped"
        return self._watch.check(self._stream.ring.written, now_s, slept_s)

    def look_is_due(self, now_s: float) -> bool:
        """Whether the server should be asked now."""
        if self._changes.changed():
            self._look_at_s = min(self._look_at_s, now_s + SETTLE_S)
        return now_s >= self._look_at_s

    def look(self, now_s: float) -> str:
        """Ask the server, which takes 20 ms, or 2 s where it hangs; go back to the source that was asked for
        if need be. Why it must not be listened to is returned, for people; '' where all is well."""
        self._look_at_s = now_s + LOOK_S
        server = _pulse.ask()
        if server is None:
            return ""
        following = follow(self._wanted, self._choice, self.server, server)
        if following.move_to is not None and server.our_output is not None:
            moved = _pulse.move(server.our_output, following.move_to.name)
            server = (_pulse.ask() or server) if moved else server
        if _is_muted(self.server) and not _is_muted(server):
            self.silence.begin_anew()
        self.server = server
        is_ours = server.our_output is not None
        is_default = self._choice.source is None and self._choice.device.name in SERVER_DEVICES
        if server.current is not None and (is_ours or is_default):
            self.name = server.current.description
        return following.refuse

    def close(self) -> None:
        """Let go of the device; takes as long as the sound system needs."""
        self._changes.close()
        self._stream.close()


def _is_muted(server: PulseServer | None) -> bool:
    return server is not None and server.current is not None and server.current.is_muted
