"""The live microphone: opened when somebody wants sound, watched while it is open, let go of afterwards.

    device ─► callback ─► ring ─► converter ─► takes (and, where it is kept warm, the last second in memory)
             PortAudio's   └──────── the microphone's own thread ────────┘      └─► whoever reads them

One thread does all that may take long: opening, asking the sound server, closing. Whoever begins, reads or
ends a take never waits for it longer than promised, also when the sound system hangs.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from engine import _pulse, microphone_problems
from engine._portaudio import InputStream
from engine._pulse import PulseServer
from engine.errors import MicrophoneError, MicrophoneLost
from engine.events import Samples
from engine.frames import ms_to_samples, samples_to_s
from engine.microphone_choice import DEFAULT, Choice
from engine.microphone_events import EventKind, MicrophoneEvent, MicrophoneState
from engine.microphone_opening import open_input
from engine.microphone_problems import Problem
from engine.microphone_source import Gap, MicrophoneSource
from engine.microphone_stream import StreamReader
from engine.ring import SampleRing
from engine.supervision import gives_up_s, machine_slept_s, pause_s

__all__ = [
    "Gap",
    "Microphone",
    "MicrophoneEvent",
    "MicrophoneSource",
    "MicrophoneState",
    "Problem",
    "diagnose",
]

logger = logging.getLogger(__name__)

POLL_S = 0.02
"""How often the ring is emptied: the callback may not wake anybody."""

CLOSE_S = 3.0
"""How long `close` waits for the sound system to let go."""

MOST_WARM_MS = 1000


class Microphone:
    """One microphone by its name or the system's choice, for several takes, also at once. Thread-safe.

    With `warm_ms` it is kept open, and the last `warm_ms` of sound are kept in memory (never on disk) for the
    beginning of the next take; with 0 it is open only while there is a take.
    """

    def __init__(
        self,
        device: str = DEFAULT,
        *,
        warm_ms: int = 0,
        on_event: Callable[[MicrophoneEvent], None] | None = None,
        slept_s: Callable[[], float] = machine_slept_s,
    ) -> None:
        """`on_event` is called from the microphone's thread and must not wait. `slept_s`: seconds that the
        machine has slept so far."""
        if not 0 <= warm_ms <= MOST_WARM_MS:
            raise ValueError(f"warm_ms is 0 to {MOST_WARM_MS}, not {warm_ms}")
        self._wanted_name = device
        self._warm_samples = ms_to_samples(warm_ms)
        self._on_event = on_event
        self._slept_s = slept_s
        self._changed = threading.Condition()
        self._takes: list[MicrophoneSource] = []
        self._begun = 0
        self._thread: threading.Thread | None = None
        self._closing = False
        self._state: MicrophoneState = "closed"
        self._name = device
        self._problem: Problem | None = None
        self._server: PulseServer | None = None
        self._warm: SampleRing | None = None
        self._reader: StreamReader | None = None
        if self._warm_samples:
            with self._changed:
                self._need_thread()

    @property
    def state(self) -> MicrophoneState:
        """`closed`, `opening`, `open`, or `lost` while it is waited for to come back."""
        return self._state

    @property
    def device_name(self) -> str:
        """The device that is listened to, or was last; before that, the name that was asked for."""
        return self._name

    @property
    def problem(self) -> Problem | None:
        """What is known to be wrong with it, the worst first."""
        return self._problem

    def begin(self, *, pre_roll_ms: int = 0) -> MicrophoneSource:
        """Start a take. Returns at once; a device that is not open is opened meanwhile, and the first chunk
        tells that it runs. Failures come out of the take's `chunks`.

        `pre_roll_ms`: begin so long ago, as far as the microphone was open and kept that much.
        """
        with self._changed:
            take = MicrophoneSource(
                pre_roll=self._recent(ms_to_samples(pre_roll_ms)),
                delay_s=self._delay_s,
                explain=self._explain,
                on_end=self._ended,
            )
            self._takes.append(take)
            self._begun += 1
            self._closing = False
            self._need_thread()
            self._changed.notify_all()
        return take

    def close(self) -> None:
        """End all takes and let go of the device. Returns after a few seconds even if that hangs."""
        with self._changed:
            self._closing = True
            for take in self._takes:
                take.finish()
            thread = self._thread
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(CLOSE_S)
            if thread.is_alive():
                logger.warning("%s: the sound system does not let go of it", self._name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- for the takes ----------------------------------------------------------------------------------

    def _recent(self, samples: int) -> Samples | None:
        ring = self._warm
        if ring is None or not samples or self._state != "open":
            return None
        return ring.read(max(ring.start, ring.end - samples), ring.end).copy()

    def _delay_s(self) -> float:
        """How long ago the newest sound that takes were fed was said."""
        reader = self._reader
        return 0.0 if reader is None else reader.delay_s(time.monotonic())

    def _explain(self, take: MicrophoneSource) -> Problem | None:
        if take.first_sound_s is None:
            return self._problem or microphone_problems.not_started(self._name)
        problems = microphone_problems.explain(
            server=self._server,
            name=self._name,
            silent_s=samples_to_s(take.samples) if take.silent else None,
            loudest_dbfs=10.0 * math.log10(max(take.loudest_power, 1e-10)),
        )
        return problems[0] if problems else None

    def _ended(self, take: MicrophoneSource) -> None:
        with self._changed:
            if take in self._takes:
                self._takes.remove(take)
                self._changed.notify_all()

    # --- the thread -------------------------------------------------------------------------------------

    def _need_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="microphone", daemon=True)
            self._thread.start()

    def _is_wanted(self) -> bool:
        """Whether the device must be open; forgets the takes that are over. With the lock held."""
        for take in self._takes:
            take.finish_if_due()
        self._takes = [take for take in self._takes if not take.is_complete]
        return not self._closing and bool(self._takes or self._warm_samples)

    def _run(self) -> None:
        try:
            loss: _Loss | None = None
            while (opened := self._open_patiently(loss)) is not None:
                reader = StreamReader(
                    *opened, self._wanted_name, now_s=time.monotonic(), slept_s=self._slept_s()
                )
                try:
                    loss = self._listen(reader, loss)
                finally:
                    reader.close()
        except Exception as error:
            logger.exception("the microphone's thread failed")
            with self._changed:
                for take in self._takes:
                    take.fail(MicrophoneError(f"listening failed ({error})"))
                self._thread = None
                self._state = "closed"

    def _open_patiently(self, loss: _Loss | None) -> tuple[InputStream, Choice] | None:
        """Open the device, again and again if needed; None as soon as nobody wants it (any more)."""
        attempts = begun = 0
        while True:
            with self._changed:
                is_over = not self._is_wanted()
            if is_over and self._has_retired():
                return None
            with self._changed:
                if self._begun > begun:
                    attempts, begun = 0, self._begun
            if loss is None and self._state != "opening":
                self._state = "opening"
                self._tell("opening", f"opening {self._name}")
            try:
                return open_input(self._wanted_name)
            except MicrophoneError as error:
                self._not_opened(error, loss)
            with self._changed:
                if self._is_wanted() and self._begun == begun:
                    self._changed.wait(pause_s(attempts, somebody_waits=bool(self._takes)))
            attempts += 1

    def _not_opened(self, error: MicrophoneError, loss: _Loss | None) -> None:
        """Fail the takes that have waited long enough."""
        now_s = time.monotonic()
        with self._changed:
            for take in self._takes:
                lost_s = loss.at_s if loss is not None and take.first_sound_s is not None else None
                if now_s < gives_up_s(error, take.began_s, lost_s):
                    continue
                if lost_s is None:
                    take.fail(error)
                else:
                    take.fail(MicrophoneLost(f"{self._name} was lost: {error}", hint=error.hint))
        self._note(microphone_problems.of_error(error))

    def _has_retired(self) -> bool:
        """Tell that it is closed, then end; False if somebody wants it again by then."""
        self._state = "closed"
        self._warm = None
        self._tell("closed", f"{self._name} is closed")
        with self._changed:
            if self._is_wanted():
                return False
            self._thread = None  # whoever begins from now on starts another one
            return True

    def _listen(self, reader: StreamReader, loss: _Loss | None) -> _Loss | None:
        """Give sound to the takes until nobody wants it (None), or the device must be opened anew."""
        reason, heard_s, gap_s, is_told = "", None, 0.0, False
        while not reason:
            with self._changed:
                if not self._is_wanted():
                    return None
                self._changed.wait(POLL_S)
            now_s = time.monotonic()
            # First whether it ended, then what is there: nothing can come after that.
            reason = reader.ended(now_s, self._slept_s())
            for samples in reader.read(now_s):
                if heard_s is None:
                    gap_s = self._runs(reader, loss, now_s - samples_to_s(len(samples)))
                heard_s = now_s
                self._give(reader, samples)
            if lost := reader.lost():
                self._overflowed(lost)
            if heard_s is None or reason:
                continue
            if reader.look_is_due(now_s):
                reason = self._look(reader, now_s, tell_move=is_told)
            if not is_told:
                is_told = True
                if loss is None:
                    self._tell("open", f"listening to {self._name}")
                else:
                    self._tell("reopened", f"{self._name} is back; {gap_s:.1f} s are missing", gap_s=gap_s)
        if len(rest := reader.flush()):
            self._give(reader, rest)
        self._reader = None
        if heard_s is None and loss is not None:
            return loss
        self._state = "lost"
        self._tell("lost", f"{self._name} gives no more sound: {reason}", "It is waited for.")
        return _Loss(heard_s or time.monotonic(), reason)

    def _runs(self, reader: StreamReader, loss: _Loss | None, since_s: float) -> float:
        """Its first sound has come, which begins at `since_s`; how long the gap before it is."""
        gap_s = 0.0 if loss is None else max(0.0, since_s - loss.at_s)
        with self._changed:
            self._reader = reader
            self._warm = SampleRing(self._warm_samples) if self._warm_samples else None
            self._state = "open"
            for take in self._takes:
                if loss is not None and take.first_sound_s is not None:
                    take.gap(gap_s, loss.reason)
        return gap_s

    def _give(self, reader: StreamReader, samples: Samples) -> None:
        has_turned = reader.silence.push(samples)
        with self._changed:
            if self._warm is not None:
                self._warm.push(samples)
            for take in self._takes:
                take.feed(samples, silent=not reader.silence.heard)
            is_talking = bool(self._takes)
        if has_turned and not reader.silence.is_long:
            self._judge(reader)
        elif has_turned:
            self._look(reader, time.monotonic())
            if self._problem is not None and is_talking:
                self._tell("silent", self._problem.message, self._problem.hint, problem=self._problem)

    def _look(self, reader: StreamReader, now_s: float, *, tell_move: bool = True) -> str:
        """Ask the server about the device and tell what is new. Why it must be left is returned, or ''."""
        refuse = reader.look(now_s)
        self._server = reader.server
        if reader.name != self._name:
            self._name = reader.name
            if tell_move and not refuse:
                self._tell("moved", f"listening to {self._name} now")
        self._judge(reader)
        return refuse

    def _judge(self, reader: StreamReader) -> None:
        """Say what is wrong with it, as far as it is known."""
        silence = reader.silence
        problems = microphone_problems.explain(
            server=reader.server, name=self._name, silent_s=silence.silent_s if silence.is_long else None
        )
        self._note(problems[0] if problems else None)

    def _note(self, problem: Problem | None) -> None:
        """Remember what is wrong, and tell it if it is news."""
        before, self._problem = self._problem, problem
        if (before and before.code) == (problem and problem.code):
            return
        if problem is None:
            self._tell("problem", f"{self._name} is in order")
        else:
            self._tell("problem", problem.message, problem.hint, problem=problem)

    def _overflowed(self, samples: int) -> None:
        with self._changed:
            for take in self._takes:
                take.lose(samples)
        self._tell(
            "overflow",
            f"{samples_to_s(samples) * 1000:.0f} ms of sound were lost: this computer was too busy",
            "Close programs that use much of the processor.",
            dropped_samples=samples,
        )

    def _tell(
        self,
        kind: EventKind,
        message: str,
        hint: str = "",
        *,
        problem: Problem | None = None,
        dropped_samples: int = 0,
        gap_s: float = 0.0,
    ) -> None:
        event = MicrophoneEvent(kind, self._name, message, hint, problem, dropped_samples, gap_s)
        logger.debug("%s: %s", kind, message)
        if self._on_event is not None:
            try:
                self._on_event(event)
            except Exception:
                logger.exception("whoever is told about the microphone failed")


@dataclass(frozen=True, slots=True)
class _Loss:
    """The microphone was lost and is not back."""

    at_s: float
    """When its last sound came."""
    reason: str
    """Why, for people."""


def diagnose(device: str = DEFAULT, *, listen_s: float = 1.2) -> list[Problem]:
    """Listen to the microphone for a moment; what is wrong with it, the worst first. Takes up to 10 s where
    the sound system hangs. Nobody need speak."""
    with Microphone(device) as microphone, microphone.begin() as take:
        try:
            for chunk in take.chunks():
                if chunk.start_sample >= ms_to_samples(1000 * listen_s):
                    break
        except MicrophoneError as error:
            return [microphone_problems.of_error(error)]
        server = _pulse.ask()
        return microphone_problems.explain(
            server=server,
            name=microphone.device_name,
            silent_s=samples_to_s(take.samples) if take.silent else None,
        )
