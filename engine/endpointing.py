"""When an utterance begins and when it is over: a pure machine that counts windows.

It is fed one VAD signal and one level per 20 ms window. An utterance begins with an *onset* (a short run of
speech), keeps some *pre-roll* from before it, and ends with a *hangover* of silence. It must not outgrow
what the model can hear at once, so a monologue is cut where it hurts least: the longer it grows, the
shorter a pause suffices, and at the limit it is cut at the quietest window. Utterances never overlap, and
after a cut the next one begins where the last one ended, so that no window of speech is heard twice or not
at all.

While a key is held (`hold_settings`), the speaker says when it is over: nothing ends what they say but the
end of the source, which comes with the release. It is cut where the limit or a long pause demands it, and
each cut says so (`reason == "limit"`: the words go on), so that the pieces can be made one again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from engine.errors import NoSpeech
from engine.events import SpeechStarted, SpeechStopped, StopReason
from engine.frames import WINDOW_SAMPLES, ms_to_samples, samples_to_ms, windows_in_ms
from engine.vad import SILENCE_DBFS

HARD_LIMIT_MS = 30_000
"""What Gemma 4 was trained to hear at once; beyond it, it loops and invents (llama.cpp issue 24138)."""

CONTEXT_WINDOWS = 50
"""One second before an utterance helps to judge the noise in it."""

SpeechEvent: TypeAlias = SpeechStarted | SpeechStopped


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointingSettings:
    """How patient endpointing is. All times in milliseconds; all are rounded up to whole windows of 20 ms."""

    onset_ms: int = 60
    """Unbroken speech needed to begin; shorter sounds are clicks."""
    hangover_ms: int = 600
    """Silence waited through before the utterance is over."""
    ends_at_pause: bool = True
    """Whether a hangover of silence ends what the speaker says. If not, only the end of the source does: they
    hold a key and may think as long as it is down. See `hold_settings`."""
    cuts_at_pause: bool = True
    """Without `ends_at_pause`: whether a hangover of silence cuts nevertheless, so that the model hears the
    pieces one by one."""
    pre_roll_ms: int = 300
    """Audio kept from before the onset: soft consonants that no detector sees."""
    tail_ms: int = 400
    """Audio fed after the last speech, so that the model hears that it is over: real sound as far as it was
    waited for, silence after that."""
    limit_ms: int = 15_000
    """Longest stretch ever fed to the model at once, tail included. At most 30,000."""
    min_speech_ms: int = 80
    """An utterance with less speech than this, above its noise, is rejected."""
    patience: float = 0.6
    """Share of the limit up to which the whole hangover is waited for; beyond it, shorter pauses do."""
    shortest_pause_ms: int = 100
    """The pause that suffices when the limit is near; also what closes a plosive, so not less."""
    search_ms: int = 2_000
    """At the limit, the quietest window is searched in this last stretch."""
    noise_margin_db: float = 6.0
    """Speech counts towards `min_speech_ms` where it is this much above the utterance's noise floor."""

    vowel_ms: int = 120
    """An utterance is rejected if no stretch of it keeps its level for so long: keys, lips, knocks. The
    shortest of 78 recorded words kept it for 160 ms, whispered too."""
    vowel_range_db: float = 20.0
    """Keeping its level means moving within this range. It is only asked for in utterances whose loudest
    sound is further than this above their noise; noise would hide where a vowel ends."""

    def __post_init__(self) -> None:
        _between("onset_ms", self.onset_ms, 20, 1_000)
        _between("hangover_ms", self.hangover_ms, 100, 5_000)
        _between("pre_roll_ms", self.pre_roll_ms, 0, 2_000)
        _between("tail_ms", self.tail_ms, 0, 2_000)
        if self.limit_ms > HARD_LIMIT_MS:
            raise ValueError(
                f"limit_ms = {self.limit_ms}: the model hears at most {HARD_LIMIT_MS} ms at once and invents "
                f"words beyond; choose {HARD_LIMIT_MS} or less, longer speech is cut at pauses anyway"
            )
        least = self.tail_ms + self.pre_roll_ms + self.onset_ms + 1_000
        if self.limit_ms < least:
            raise ValueError(
                f"limit_ms = {self.limit_ms} leaves no room for speech between pre-roll and tail; "
                f"choose {least} or more"
            )
        _between("min_speech_ms", self.min_speech_ms, 0, 1_000)
        _between("patience", self.patience, 0.1, 1.0)
        _between("shortest_pause_ms", self.shortest_pause_ms, 40, self.hangover_ms)
        _between("search_ms", self.search_ms, 100, 10_000)
        _between("noise_margin_db", self.noise_margin_db, 0.0, 30.0)
        _between("vowel_ms", self.vowel_ms, 20, 500)
        _between("vowel_range_db", self.vowel_range_db, 3.0, 100.0)

    @property
    def longest_windows(self) -> int:
        """Windows that an utterance may have, so that it fits under the limit together with its tail."""
        return ms_to_samples(self.limit_ms - self.tail_ms) // WINDOW_SAMPLES

    @property
    def minds_pauses(self) -> bool:
        """Whether a hangover of silence stops an utterance, be it the end or a cut."""
        return self.ends_at_pause or self.cuts_at_pause

    @property
    def patient_windows(self) -> int:
        """The longest utterance for which the limit is still far: no pause is cut short for its sake."""
        return int(self.patience * self.longest_windows)

    @property
    def search_windows(self) -> int:
        """Windows searched for the quietest one; never more than the younger half of the utterance."""
        return min(windows_in_ms(self.search_ms), self.longest_windows // 2)

    @property
    def history_samples(self) -> int:
        """Whoever keeps this many of the last samples has all that `Endpointing` may still ask for."""
        hangover = windows_in_ms(self.hangover_ms)
        windows = max(
            self.search_windows,
            # A held utterance may be a pause almost from its beginning until the limit comes near.
            hangover if self.minds_pauses else max(hangover, self.patient_windows + 1),
            windows_in_ms(self.onset_ms) + windows_in_ms(self.pre_roll_ms),
        )
        return (windows + 1) * WINDOW_SAMPLES


def hold_settings(settings: EndpointingSettings, *, whole: bool = False) -> EndpointingSettings:
    """The same settings for as long as a key is held: the release is the end, a pause is not.

    The pieces between long pauses are heard one by one and belong together: the bundled model stops writing
    at a pause of a second and would lose what follows (two sentences 1.5 s apart: 1 of 8 pairs complete when
    heard whole, 8 of 8 in pieces). `whole` is for models that hear on: then only the limit cuts, at pauses
    when it comes near.
    """
    return replace(settings, ends_at_pause=False, cuts_at_pause=not whole)


def _between(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} = {value}: choose {least:g} to {most:g}")


def rejection(stopped: SpeechStopped, settings: EndpointingSettings) -> NoSpeech | None:
    """Why nothing may be inserted from this utterance, or None if it holds speech."""
    if stopped.speech_samples >= ms_to_samples(settings.min_speech_ms):
        if stopped.has_vowel is not False:
            return None
        return NoSpeech(
            f"only clicks or knocks: no sound in it lasts as long as a vowel ({settings.vowel_ms} ms)"
        )
    heard = samples_to_ms(stopped.speech_samples)
    return NoSpeech(
        f"only {heard:.0f} ms of sound rise above the noise like a voice; "
        f"the shortest word takes {settings.min_speech_ms} ms"
    )


class Endpointing:
    """Feed every window in order with `push`, then call `finish` once. Raises nothing on any input.

    Windows are counted from 0, window i being the samples [320 i, 320 i + 320) of the source. How the
    source was chunked cannot matter, because chunks are not seen here.
    """

    def __init__(self, settings: EndpointingSettings | None = None) -> None:
        self.settings = settings or EndpointingSettings()
        self._onset = windows_in_ms(self.settings.onset_ms)
        self._hangover = windows_in_ms(self.settings.hangover_ms)
        self._vowel = windows_in_ms(self.settings.vowel_ms)
        self._pre_roll = windows_in_ms(self.settings.pre_roll_ms)
        self._shortest_pause = windows_in_ms(self.settings.shortest_pause_ms)
        self._longest = self.settings.longest_windows
        self._patient = self.settings.patient_windows
        self._search = self.settings.search_windows
        # One slot per window, written round and round: the utterance and what was before it.
        self._levels = np.empty(self._longest + CONTEXT_WINDOWS, dtype=np.float32)
        self._flags = np.empty(self._longest + CONTEXT_WINDOWS, dtype=np.bool_)
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next window is window 0 of another source."""
        self._windows = 0
        self._run = 0
        self._open = False
        self._start = 0
        self._voice_start = 0
        self._last_end = 0
        self._speech_end = 0
        self._resume_before = 0
        self._continues = False

    @property
    def in_utterance(self) -> bool:
        """Whether an utterance has begun and is not over."""
        return self._open

    @property
    def keep_from_sample(self) -> int:
        """No event to come starts before this sample, so that audio before it may be forgotten."""
        if self._open:
            first = min(self._speech_end, max(self._start, self._windows - self._search))
        else:
            first = max(self._last_end, self._windows - self._run - self._pre_roll)
        return max(0, first) * WINDOW_SAMPLES

    def push(self, window_is_speech: bool, level_dbfs: float) -> list[SpeechEvent]:
        """Take the next window; return what it made certain: nothing, one event, or a stop and a start.

        `level_dbfs` is the window's level as `vad.level_dbfs` measures it; anything below -100, or NaN,
        counts as -100.
        """
        slot = self._windows % len(self._levels)
        self._levels[slot] = level_dbfs if level_dbfs > SILENCE_DBFS else SILENCE_DBFS
        self._flags[slot] = window_is_speech
        self._windows += 1
        return self._in_speech(window_is_speech) if self._open else self._in_silence(window_is_speech)

    def finish(self) -> list[SpeechEvent]:
        """The source has ended: close the utterance that is open, if one is."""
        self._run = 0
        if not self._open:
            return []
        return [self._stop(self._speech_end, self._windows - self._speech_end, "end_of_source")]

    def so_far(self) -> SpeechStopped:
        """What `finish` would tell of the utterance that is open. Nothing changes."""
        assert self._open, "there is no utterance"
        return self._stopped(self._speech_end, self._windows - self._speech_end, "end_of_source")

    def _in_silence(self, is_speech: bool) -> list[SpeechEvent]:
        self._run = self._run + 1 if is_speech else 0
        # After an early cut, the speaker is still in the middle of something: any speech goes on with it at
        # once, exactly where an utterance without a limit would have gone on.
        resumed = is_speech and self._windows - self._run < self._resume_before
        if self._run < self._onset and not resumed:
            return []
        onset = self._windows - self._run
        return [self._begin(max(onset - self._pre_roll, self._last_end), onset)]

    def _in_speech(self, is_speech: bool) -> list[SpeechEvent]:
        if is_speech:
            self._speech_end = self._windows
        pause = self._windows - self._speech_end
        length = self._windows - self._start
        if pause and pause >= self._needed_pause(length):
            over = pause >= self._hangover and self.settings.ends_at_pause
            return [self._stop(self._speech_end, pause, "pause" if over else "limit")]
        if length < self._longest:
            return []
        if pause:
            return [self._stop(self._speech_end, pause, "limit")]
        cut = self._quietest() + 1
        onset = next(window for window in range(cut, self._windows) if self._flags[window % len(self._flags)])
        return [self._stop(cut, 0, "limit"), self._begin(cut, onset)]

    def _needed_pause(self, length: int) -> int:
        """Windows of silence that end an utterance of this length: the hangover, and less near the limit."""
        if length <= self._patient:
            return self._hangover if self.settings.minds_pauses else self._longest
        # The shortest pause suffices from halfway between there and the limit.
        share = min(1.0, (length - self._patient) / max(1.0, (self._longest - self._patient) / 2))
        return round(self._hangover + share * (self._shortest_pause - self._hangover))

    def _quietest(self) -> int:
        """The late window after which a cut hurts least: one in a gap if there is any, else the softest."""
        # Never in the pre-roll: both sides of a cut hold speech.
        first = max(self._windows - self._search, self._voice_start)
        span = np.arange(first, self._windows) % len(self._levels)
        levels, flags = self._levels[span], self._flags[span]
        # Averaged over 60 ms, so that a cut falls into a dip and not beside one soft window.
        soft = np.full(len(span), np.inf, dtype=np.float32)
        soft[1:-1] = (levels[:-2] + levels[1:-1] + levels[2:]) / 3
        if not flags[1:-1].all():
            soft[flags] = np.inf
        return first + int(np.argmin(soft))

    def _begin(self, start: int, onset: int) -> SpeechStarted:
        self._open = True
        self._continues = self._resume_before > 0 and start == self._last_end
        self._run = 0
        self._start = start
        self._voice_start = onset
        self._speech_end = self._windows
        return SpeechStarted(start_sample=start * WINDOW_SAMPLES, onset_sample=onset * WINDOW_SAMPLES)

    def _stop(self, end: int, pause: int, reason: StopReason) -> SpeechStopped:
        stopped = self._stopped(end, pause, reason)
        self._open = False
        self._last_end = end
        self._resume_before = end + self._hangover if reason == "limit" else 0
        return stopped

    def _stopped(self, end: int, pause: int, reason: StopReason) -> SpeechStopped:
        speech, has_vowel = self._speech_above_noise(end)
        return SpeechStopped(
            end_sample=end * WINDOW_SAMPLES,
            hangover_samples=pause * WINDOW_SAMPLES,
            reason=reason,
            speech_samples=speech * WINDOW_SAMPLES,
            has_vowel=None if self._continues else has_vowel,
        )

    def _speech_above_noise(self, end: int) -> tuple[int, bool | None]:
        """Speech windows of the open utterance, up to `end`, that stand out from the noise in and around it;
        whether as many of them as a vowel has lie side by side and are about as loud, None if noise hides it.

        Steady noise that the detector takes for a voice has none: it is its own floor.
        """
        first = max(0, self._start - CONTEXT_WINDOWS, self._windows - len(self._levels))
        levels = _unrolled(self._levels, first, self._windows)
        power = 10.0 ** (levels / 10.0)
        # Averaged over 60 ms: a fan's level wanders from window to window as much as a soft voice rises
        # above it.
        sums = np.concatenate(([0.0], np.cumsum(power, dtype=np.float64)))
        n = len(power)
        ends = min(2, n)
        means = np.empty(n)
        means[1:-1] = (sums[3:] - sums[:-3]) / 3
        means[0], means[-1] = sums[ends] / ends, (sums[n] - sums[n - ends]) / ends
        smooth = 10.0 * np.log10(np.maximum(means, 1e-10))
        floor = np.partition(smooth, n // 10)[n // 10]
        span = slice(self._start - first, end - first)
        loud = smooth[span] >= floor + self.settings.noise_margin_db
        voice = _unrolled(self._flags, self._start, end) & loud
        if float(smooth[span].max()) < floor + self.settings.vowel_range_db:
            return int(np.count_nonzero(voice)), None
        has_vowel = False
        if len(loud) >= self._vowel:
            highest = _running(np.maximum, levels[span], self._vowel)
            lowest = _running(np.minimum, levels[span], self._vowel)
            even = highest - lowest <= self.settings.vowel_range_db
            has_vowel = bool((even & _running(np.logical_and, loud, self._vowel)).any())
        return int(np.count_nonzero(voice)), has_vowel


def _unrolled(ring: npt.NDArray[Any], first: int, last: int) -> npt.NDArray[Any]:
    """The entries [first, last) of what was written round and round into `ring`; a view where they lie side
    by side.
    """
    at, n = first % len(ring), last - first
    return (
        ring[at : at + n] if at + n <= len(ring) else np.concatenate((ring[at:], ring[: at + n - len(ring)]))
    )


def _running(take: np.ufunc, values: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    """`take` over every stretch of `length` neighbours."""
    found = values[: len(values) - length + 1].copy()
    for shift in range(1, length):
        take(found, values[shift : shift + len(found)], out=found)
    return found
