"""Which trials are made, and in which order: every utterance in every way, one way after the other.

The ways take turns at being first, so that neither a warm cache nor a machine that grows slower favours one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from voice_edit.bench import resources, sounds, trial
from voice_edit.bench.clock import BenchClock, RealClock, SkippingClock
from voice_edit.bench.trial import Apply, Trial
from voice_edit.bench.ways import EngineKind, Opening, SwitchedEngine, Way, open_engine

if TYPE_CHECKING:
    from engine.catalog import ModelFiles
    from engine.events import Hypothesis, Samples
    from voice_edit.bench.forced import ForcedPicker
    from voice_edit.bench.sounds import BenchUtterance
    from voice_edit.config import Settings

NOTE = "# Notes\n\nThe bench dictates below this line.\n\n"
"""What stands in the file that is dictated into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be measured."""

    ways: Sequence[Way]
    seconds: Sequence[float]
    """Lengths of speech."""
    runs: int
    """How often each utterance is heard in each way."""
    opening: Opening
    paced: bool = False
    """Whether sound is really waited for. Else waiting takes no time; work always takes its own."""
    forced: bool = False
    """Whether given tokens stand in for the model's own; see `forced`."""
    edits: bool = True
    """Whether the words are put into a file, through the journal, and read back."""

    @property
    def trials(self) -> int:
        """How many there will be, those for warming up included."""
        return len(self.ways) * (len(self.seconds) * self.runs + len(warm_up(self.seconds)))


@dataclass(frozen=True, slots=True)
class Loaded:
    """What an engine takes before anything is heard, in bytes; None where nobody says."""

    resident: int | None
    """By how much the process grew when the model was opened."""
    gpu_mb: float | None


@dataclass(slots=True)
class Result:
    """What came of a plan."""

    trials: list[Trial] = field(default_factory=list)
    loaded: dict[str, Loaded] = field(default_factory=dict)
    """By the kind of engine: `mtmd` for the peer's way, `ours` for all others."""
    peak_bytes: dict[str, int] = field(default_factory=dict)
    """The most that the process held while a way was at work, the models of the other ways included."""


def warm_up(seconds: Sequence[float]) -> list[float]:
    """Lengths that each way hears once before anything counts: the shortest and the longest."""
    return sorted({min(seconds), max(seconds)})


def order(ways: Sequence[Way], turn: int) -> list[Way]:
    """The ways, beginning with another one each turn."""
    at = turn % len(ways)
    return [*ways[at:], *ways[:at]]


def execute(
    plan: Plan,
    files: ModelFiles,
    pieces: Sequence[Samples],
    settings: Settings,
    *,
    on_trial: Callable[[Trial], None] | None = None,
) -> Result:
    """Make all trials of a plan, of `pieces` of speech. Raises UsageError where they make no utterance, and
    what the engine raises.
    """
    result = Result()
    with ExitStack() as stack:
        bench = _Bench(plan, settings, Path(stack.enter_context(tempfile.TemporaryDirectory())))
        for kind in dict.fromkeys(way.engine for way in plan.ways):
            before, gpu_before = resources.memory().resident, resources.gpu_memory_mb()
            engine = open_engine(kind, plan.ways, files, plan.opening)
            stack.callback(engine.close)
            bench.take(kind, engine)
            after, gpu_after = resources.memory().resident, resources.gpu_memory_mb()
            result.loaded[kind] = Loaded(
                None if before is None or after is None else after - before,
                None if gpu_before is None or gpu_after is None else gpu_after - gpu_before,
            )
        for seconds in warm_up(plan.seconds):
            for way in plan.ways:
                warm = bench.hear(way, sounds.utterance(pieces, seconds, 0), run=-1)
                if on_trial is not None:
                    on_trial(warm)
        for run in range(plan.runs):
            for number, seconds in enumerate(plan.seconds):
                utterance = sounds.utterance(pieces, seconds, run)
                for way in order(plan.ways, run + number):
                    resources.forget_peak()
                    result.trials.append(bench.hear(way, utterance, run=run))
                    peak = resources.memory().peak or 0
                    result.peak_bytes[way.key] = max(peak, result.peak_bytes.get(way.key, 0))
                    if on_trial is not None:
                        on_trial(result.trials[-1])
    return result


class _Bench:
    """The opened ways, and the file that is dictated into."""

    def __init__(self, plan: Plan, settings: Settings, folder: Path) -> None:
        self._plan = plan
        self._settings = settings
        self._folder = folder
        self._energy = resources.EnergyMeter()
        self._engines: dict[EngineKind, SwitchedEngine] = {}
        self._pickers: dict[EngineKind, ForcedPicker] = {}

    def take(self, kind: EngineKind, engine: SwitchedEngine) -> None:
        """Let `engine` be what hears in all ways of a kind."""
        self._engines[kind] = engine
        if self._plan.forced:
            from voice_edit.bench.forced import force

            self._pickers[kind] = force(engine)

    def hear(self, way: Way, utterance: BenchUtterance, *, run: int) -> Trial:
        """One trial."""
        clock: BenchClock = RealClock() if self._plan.paced else SkippingClock()
        engine = self._engines[way.engine]
        engine.speed = way.speed
        with self._applying() as apply:
            return trial.hear(
                way,
                engine,
                utterance,
                run=run,
                clock=clock,
                apply=apply,
                before_answer=self._script(way, utterance),
                energy=self._energy,
            )

    def _script(self, way: Way, utterance: BenchUtterance) -> Callable[[int], None] | None:
        """What tells the forced picker which answer comes next."""
        picker = self._pickers.get(way.engine)
        if picker is None:
            return None
        from voice_edit.bench.forced import script_for

        script = script_for(self._engines[way.engine], utterance)
        return lambda frames: picker.begin(script.answer(frames))

    @contextmanager
    def _applying(self) -> Iterator[Apply | None]:
        """A fresh file with its journal, opened before anybody speaks, as the daemon has it."""
        if not self._plan.edits:
            yield None
            return
        from voice_edit import sessions
        from voice_edit.editing import Failure, load_what_a_command_needs
        from voice_edit.paths import Paths

        load_what_a_command_needs()
        note = self._folder / "note.md"
        note.write_text(NOTE)
        paths = Paths(self._folder / "config", self._folder / "data", self._folder / "run")
        with sessions.open_editing(note, self._settings, paths, tell=lambda sentence: None) as editing:

            def apply(hypothesis: Hypothesis) -> None:
                done = editing.try_hypothesis(hypothesis, mode="dictate")
                if isinstance(done, Failure):
                    raise done.error

            yield apply
