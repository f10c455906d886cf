"""One take from the microphone: the sound from the moment somebody wants it until a moment after they stop.

The microphone's thread puts sound in and never waits; whoever iterates takes it out. All waiting has an end,
also when the sound system hangs: then the reader gets an error.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from engine.errors import MicrophoneError, MicrophoneLost
from engine.events import AudioChunk, Samples
from engine.frames import FRAME_SAMPLES, SAMPLE_RATE, ms_to_samples, samples_to_s
from engine.loudness import LOUD_ENOUGH, power
from engine.microphone_problems import Problem
from engine.supervision import FIRST_SOUND_S, REOPENING_S

MOST_PENDING_S = 60.0
"""A reader that is further behind loses sound, which is counted; 4 MB."""

GAP_SILENCE_S = 1.0
"""A gap in the sound becomes silence of its length, at most this much: enough to part two words or
utterances."""

GRACE_S = 1.0
"""How much later than promised the tail may come before the take ends without it."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Sound that was not recorded because the microphone was away."""

    at_sample: int
    """Where in the take; silence stands there."""
    missing_s: float
    """How long the microphone gave nothing."""
    reason: str
    """Why, for people."""


class MicrophoneSource:
    """An `AudioSource` whose sound is said right now. Made by `Microphone.begin`."""

    def __init__(
        self,
        *,
        pre_roll: Samples | None = None,
        delay_s: Callable[[], float],
        explain: Callable[[MicrophoneSource], Problem | None],
        on_end: Callable[[MicrophoneSource], None],
    ) -> None:
        """`delay_s`: how long ago the newest sound that was fed was said. `explain` says what is wrong with
        the microphone. `on_end` is called, possibly more than once, when no more sound is needed."""
        self._changed = threading.Condition()
        self._pending: deque[Samples] = deque()
        self._pending_samples = 0
        self._fed = 0
        self._given = 0
        self._end: int | None = None
        self._deadline_s: float | None = None
        self._complete = False
        self._error: MicrophoneError | None = None
        self._delay_s = delay_s
        self._explain = explain
        self._on_end = on_end
        self._last_s = time.monotonic()
        self.began_s = self._last_s
        """When it was asked for, in seconds of the monotonic clock."""
        self.first_sound_s: float | None = None
        """When its first sample came, pre-roll left out; None while none did."""
        self.pre_roll_samples = 0
        """How many of its first samples are from before it was asked for."""
        self.released_sample: int | None = None
        """See `HeldSource`. None also where the first sound came after the release."""
        self.dropped_samples = 0
        """Samples lost because somebody was too slow: the device's driver, this machine, or the reader."""
        self.gaps: list[Gap] = []
        """Times during which the microphone was away."""
        self.silent = True
        """Nothing but digital silence came so far."""
        self.loudest_power = 0.0
        """Mean square, around its mean, of the loudest chunk that came until one was loud enough to hear."""
        if pre_roll is not None and len(pre_roll):
            self._put(pre_roll)
            self.pre_roll_samples = self._fed

    @property
    def reopened(self) -> int:
        """How often the microphone was lost and came back."""
        return len(self.gaps)

    @property
    def behind_s(self) -> float:
        """See `HeldSource`."""
        return samples_to_s(self._pending_samples)

    @property
    def samples(self) -> int:
        """How many came so far."""
        return self._fed

    @property
    def is_complete(self) -> bool:
        """No more sound is needed; what is there may still be read."""
        return self._complete

    def chunks(self) -> Iterator[AudioChunk]:
        """The sound as it comes, in chunks of at most 40 ms. A second call goes on where the first stopped.

        Raises a MicrophoneError where the microphone cannot be opened, or is lost and does not come back;
        everything that came before is given first.
        """
        while (samples := self._next()) is not None:
            samples.flags.writeable = False
            yield AudioChunk(samples, self._given)
            self._given += len(samples)

    def stop_after(self, tail_ms: float) -> None:
        """The speaker stopped now: what was said until now still comes, then `tail_ms` more, then the end."""
        now_s, delay_s, tail_s = time.monotonic(), self._delay_s(), tail_ms / 1000
        with self._changed:
            if self._complete or self._deadline_s is not None:
                return
            self._deadline_s = now_s + tail_s
            if self.first_sound_s is not None:
                self.released_sample = self._fed + round(delay_s * SAMPLE_RATE)
                self._end = self._fed + round((delay_s + tail_s) * SAMPLE_RATE)
                self._deadline_s += delay_s + GRACE_S
            self._changed.notify_all()

    def enough(self) -> None:
        """See `HeldSource`. What came already can still be read."""
        self.finish()

    def close(self) -> None:
        """See `AudioSource`. What was not read yet is forgotten."""
        with self._changed:
            self._complete = True
            self._pending.clear()
            self._pending_samples = 0
            self._changed.notify_all()
        self._on_end(self)

    def problem(self) -> Problem | None:
        """What is wrong with the microphone as far as this take shows, or None: why nothing was heard."""
        return self._explain(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- for the microphone's thread --------------------------------------------------------------------

    def feed(self, samples: Samples, *, silent: bool) -> None:
        """Append float32[n], never written to again. Never waits."""
        with self._changed:
            if self._complete or not len(samples):
                return
            now_s = self._last_s = time.monotonic()
            if self.first_sound_s is None:
                self.first_sound_s = now_s
            self.silent = self.silent and silent
            if self.loudest_power <= LOUD_ENOUGH:
                self.loudest_power = max(self.loudest_power, power(samples))
            if self._end is not None:
                samples = samples[: max(0, self._end - self._fed)]
            self._put(samples)
            self._finish_if_due(now_s)
            self._changed.notify_all()

    def gap(self, missing_s: float, reason: str) -> None:
        """The microphone was away for `missing_s` and is back."""
        with self._changed:
            if self._complete:
                return
            self.gaps.append(Gap(self._fed, missing_s, reason))
            silence = ms_to_samples(1000 * min(missing_s, GAP_SILENCE_S))
            if self._end is not None:
                silence = min(silence, max(0, self._end - self._fed))
            self._put(np.zeros(silence, dtype=np.float32))

    def lose(self, samples: int) -> None:
        """Sound was lost on the way."""
        self.dropped_samples += samples

    def fail(self, error: MicrophoneError) -> None:
        """There will be no more sound."""
        with self._changed:
            if not self._complete:
                self._error = error
                self._complete = True
                self._changed.notify_all()

    def finish(self) -> None:
        """There will be no more sound, and that is fine."""
        with self._changed:
            self._complete = True
            self._changed.notify_all()

    def finish_if_due(self) -> None:
        """End the take if its time is over although the tail did not come."""
        with self._changed:
            self._finish_if_due(time.monotonic())

    # ----------------------------------------------------------------------------------------------------

    def _put(self, samples: Samples) -> None:
        room = round(MOST_PENDING_S * SAMPLE_RATE) - self._pending_samples
        if len(samples) > room:
            self.dropped_samples += len(samples)
            return
        for at in range(0, len(samples), FRAME_SAMPLES):
            self._pending.append(samples[at : at + FRAME_SAMPLES])
        self._pending_samples += len(samples)
        self._fed += len(samples)

    def _finish_if_due(self, now_s: float) -> None:
        is_whole = self._end is not None and self._fed >= self._end
        if is_whole or (self._deadline_s is not None and now_s >= self._deadline_s):
            self._complete = True
            self._changed.notify_all()

    def _next(self) -> Samples | None:
        """The next chunk; None at the end."""
        with self._changed:
            while not self._pending:
                now_s = time.monotonic()
                self._finish_if_due(now_s)
                if self._complete:
                    break
                self._wait(now_s)
            else:
                samples = self._pending.popleft()
                self._pending_samples -= len(samples)
                return samples
        self._on_end(self)
        if self._error is not None:
            raise self._error
        return None

    def _wait(self, now_s: float) -> None:
        """Until something changes, or it was waited long enough for sound: then that is an error.

        The microphone's thread says earlier what is wrong, unless it hangs in the sound system itself.
        """
        patience_s = 2 * FIRST_SOUND_S + (REOPENING_S if self._fed else 0.0)
        over_s = self._last_s + patience_s
        if now_s >= over_s:
            self._complete = True
            self._error = MicrophoneLost(
                f"the microphone gives no sound, for {now_s - self._last_s:.0f} s now",
                hint="Restart the sound system: systemctl --user restart pipewire pipewire-pulse pulseaudio",
            )
            return
        self._changed.wait(min(over_s, self._deadline_s or over_s) - now_s)
