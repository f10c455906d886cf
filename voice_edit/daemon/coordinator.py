"""Who talks now, to which text, and what it is shown as. Runs in the daemon's loop; owns no device itself.

gesture ─► talk_state.decide ─► begin: target, microphone, journal's take ─► Talker (working thread)
                                end, give up                                    │
clients ◄──────────────────────────────── events ◄──────────────────────────────┘
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from voice_edit import pipeline
from voice_edit.daemon import memory, talk_state, telling
from voice_edit.daemon.take_job import TakeJob
from voice_edit.daemon.talk_state import Begin, End, Ended, Gesture, GiveUp, StopWork, Talking
from voice_edit.desktop.errors import FieldReadOnly, FieldSecret
from voice_edit.errors import VoiceEditError

if TYPE_CHECKING:
    from engine.microphone import Microphone, MicrophoneEvent
    from voice_edit.config import Settings
    from voice_edit.daemon.client_asker import ClientAsker
    from voice_edit.daemon.talking import Talker, Work
    from voice_edit.daemon.target_book import Chosen, TargetBook
    from voice_edit.engines import ResidentEngine
    from voice_edit.journal.journal import Journal

logger = logging.getLogger(__name__)

StageName: TypeAlias = Literal["idle", "listening", "hearing", "writing", "applying", "asking"]

ROTATE_S = 300.0
"""Hands-free listening begins a new recording this often: those in which nobody spoke are not kept."""

ROTATE_AGAIN_S = 0.5
"""Somebody was speaking just then."""

MICROPHONE_NOTICES = {"lost": "warning", "reopened": "info", "moved": "info", "overflow": "warning"}
"""What of the microphone's news the user is told in words, and how bad it is."""

FOCUS_S = 0.15
"""So long is waited, before the microphone is opened, until it is known what has the focus."""

GIVE_BACK_S = 30.0
"""So long after the last take, memory that it left behind goes back to the system."""

COUNTED = {"outcome": "applied", "reverted": "applied", "failed": "failed", "rejected": "rejected"}


class Coordinator:
    """The daemon's state. Call it from the loop only, except for `emit` and the `on_...` callbacks."""

    def __init__(
        self,
        *,
        settings: Settings,
        journal: Journal,
        publish: Callable[[telling.Event], object],
        targets: TargetBook,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`publish` sends an event to every client that wants it, in the loop."""
        self.settings = settings
        self.journal = journal
        self.targets = targets
        self.counters: Counter[str] = Counter()
        self.talker: Talker
        self.asker: ClientAsker
        self.microphone: Microphone
        self.engine: ResidentEngine
        self.on_failure: Callable[[telling.Event], object] = lambda event: None
        """Told of failures, for a desktop notification."""
        self.on_talking: Callable[[bool, Any], object] = lambda talking, seen: None
        """Told whether somebody talks by key or command, for the cancel key: with each change, and after each
        gesture of a key with the key's event."""
        self.on_cue: Callable[[str], object] = lambda cue: None
        """Told when listening has started, stopped, or was cancelled, for sounds."""
        self.dropped_samples = 0
        """Lost because the machine was too busy, in all takes."""
        self._publish = publish
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._lock = asyncio.Lock()
        self._talking = Talking()
        self._recording: TakeJob | None = None
        self._chosen: Chosen | None = None
        self._work: Work | None = None
        self._shown: tuple[Any, ...] = ()
        self._shown_target: dict[str, Any] = {}
        self._shown_microphone: dict[str, Any] = {}
        self._speaking = False
        self._resting = False
        """Nobody is listened to, hands-free, until the focus is on something else."""
        self._ending: TakeJob | None = None
        """Its key is up and its tail may still be listened to."""
        self._takes = 0
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    # --- what is going on -------------------------------------------------------------------------------

    @property
    def stage(self) -> StageName:
        """What the user should believe that we are doing."""
        return "listening" if self._recording is not None else self._work or "idle"

    @property
    def mode(self) -> str | None:
        """What the take that is recorded is for."""
        return None if self._recording is None else self._recording.mode

    @property
    def hands_free(self) -> str:
        """What is listened for without a key."""
        return self._talking.hands_free

    @property
    def take(self) -> int | None:
        """Number of the take that is recorded."""
        return None if self._recording is None else self._recording.number

    @property
    def _is_held(self) -> bool:
        """Whether a take is recorded that a key or command will end."""
        return self._recording is not None and self._recording.hold

    @property
    def engine_name(self) -> str:
        """The model in use."""
        return self.engine.files.name

    def engine_json(self) -> dict[str, Any]:
        """As `status` says it."""
        engine = self.engine
        return {
            "state": engine.state.state,
            "name": engine.files.name,
            "pid": engine.pid,
            "rss_bytes": engine.rss_bytes(),
            "restarts": engine.restarts,
        }

    def microphone_json(self) -> dict[str, Any]:
        """As `status` says it."""
        microphone, problem = self.microphone, self.microphone.problem
        shown = None
        if problem is not None:
            shown = {"code": problem.code, "message": problem.message, "hint": problem.hint}
        return {
            "state": microphone.state,
            "device": microphone.device_name,
            "problem": shown,
            "dropped_samples": self.dropped_samples,
        }

    def target(self) -> Chosen:
        """What is talked to now, or would be."""
        if self._recording is not None and self._chosen is not None:
            return self._chosen
        return self.targets.choose()

    # --- gestures ---------------------------------------------------------------------------------------

    async def gesture(self, gesture: Gesture, *, file: Path | None = None) -> None:
        """Somebody began to talk, stopped, or changed their mind. `file`: the target, for this take only.

        Raises TargetError, AudioFailed where no take could be begun.
        """
        now_s = self._clock()
        async with self._lock:
            state, actions = talk_state.decide(self._talking, gesture)
            self._talking = state
            try:
                for action in actions:
                    await self._do(action, file, now_s)
            finally:
                self._tell_stage()

    def gesture_soon(self, gesture: Gesture, seen: Any = None) -> None:
        """The same where nobody waits: failures become notices. `seen`: the event of the key that it was."""
        self._spawn(self._gesture_told(gesture, seen))

    async def _gesture_told(self, gesture: Gesture, seen: Any = None) -> None:
        try:
            await self.gesture(gesture)
        except VoiceEditError as error:
            self.publish(telling.notice_of(error))
        finally:
            if seen is not None:
                self.on_talking(self._is_held, seen)

    async def _do(self, action: talk_state.Action, file: Path | None, now_s: float) -> None:
        match action:
            case Begin():
                try:
                    await self._begin(action, file)
                except VoiceEditError as error:
                    if not action.hold and isinstance(error, FieldSecret | FieldReadOnly):
                        self._rest(error)
                        return
                    self._talking, _ = talk_state.decide(self._talking, Ended(hands_free_too=True))
                    self.wait_to_unload()
                    raise
            case End(tail=tail):
                self._end(self.settings.microphone.release_tail_ms if tail else 0, now_s)
            case GiveUp():
                self._give_up()
            case StopWork():
                self.asker.cancel()
                self.talker.stop_work()

    async def _begin(self, begin: Begin, file: Path | None) -> None:
        from engine.pump import RecordingSource

        self.asker.cancel()
        self._cancel_timer("unload")
        if file is None:
            await self.look_at_focus()
            chosen = self.targets.choose(follows_caret=not begin.hold)
        else:  # it is read, and may lie on a slow disk: not in the loop
            chosen = await self._loop.run_in_executor(None, self.targets.open, file)
        if chosen.refusal is not None:
            raise chosen.refusal
        self.targets.talked_to(chosen)
        with pipeline.failures_named():
            live = self.microphone.begin(pre_roll_ms=self.settings.microphone.warm_ms if begin.hold else 0)
        try:
            self.engine.preload()
            pinned = self._loop.run_in_executor(None, _pin, chosen)
            take = await self._loop.run_in_executor(
                None,
                lambda: self.journal.begin_take(
                    begin.mode,
                    target=chosen.target.name,
                    source=self.microphone.device_name,
                    hold=begin.hold,
                ),
            )
            await pinned
        except BaseException:
            live.close()
            raise
        self._takes += 1
        self.counters["takes"] += 1
        job = TakeJob(
            number=self._takes,
            mode=begin.mode,
            hold=begin.hold,
            target=chosen.target,
            source=RecordingSource(live, take.record),
            problem=live.problem,
            take=take,
        )
        self._recording, self._chosen = job, chosen
        self._resting = False
        self.talker.take(job)
        if begin.hold:
            self._later("longest", self.settings.daemon.longest_take_s, self._too_long)
            if self.microphone.state == "open":  # it is kept warm
                self.on_cue("start")
        else:
            self._later("rotate", ROTATE_S, self._rotate_soon)

    async def look_at_focus(self) -> None:
        """Know what has the focus. A program that does not answer is not waited for: somebody speaks."""
        fields = self.targets.fields
        if fields is not None:
            asked = self._loop.run_in_executor(None, fields.refresh)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(asked), FOCUS_S)

    def _end(self, tail_ms: int, now_s: float) -> None:
        job, self._recording = self._recording, None
        if job is None:  # it had ended by itself
            return
        self._cancel_timer("longest")
        self._cancel_timer("rotate")
        job.released_s, job.tail_ms = now_s, tail_ms if job.hold else None
        job.source.stop_after(tail_ms)
        if job.hold:  # not while the tail is listened to
            self._ending = job
            self._later("cue", tail_ms / 1000, self._heard_out)

    def _heard_out(self) -> None:
        """Nothing more is listened to: say so, once."""
        self._cancel_timer("cue")
        self._ending = None
        self.on_cue("stop")

    def _give_up(self) -> None:
        job, self._recording = self._recording, None
        if job is not None:
            job.cancelled.set()
            job.source.close()
            if job.hold:
                self.on_cue("cancel")

    def _too_long(self) -> None:
        seconds = self.settings.daemon.longest_take_s
        message = f"Stopped listening after {seconds:g} s: the key seems to be stuck."
        self.publish(telling.notice("warning", "take_too_long", message, "What was said until now counts."))
        self.gesture_soon(talk_state.Stop())

    # --- hands-free -------------------------------------------------------------------------------------

    def _rotate_soon(self) -> None:
        self._spawn(self._rotate())

    def _ought_to_rotate(self) -> bool:
        """Whether who listens without a key should listen for something else now."""
        job, chosen = self._recording, self._chosen
        if self._resting:
            return self.targets.choose().refusal is None
        if job is None or job.hold or chosen is None:
            return False
        now = self.targets.choose()
        return chosen.differs(now) or now.refusal is not None

    async def _rotate(self) -> None:
        """Begin a new recording without a gap, in a pause."""
        async with self._lock:
            job, begin = self._recording, self._talking.take
            if begin is None or begin.hold or (job is None and not self._resting):
                self._resting = False
                return
            refusal = self.targets.choose().refusal
            if job is not None and self._speaking and refusal is None:
                self._later("rotate", ROTATE_AGAIN_S, self._rotate_soon)
                return
            try:
                await self._begin(begin, None)
            except (FieldSecret, FieldReadOnly) as error:
                self._rest(error)
            except VoiceEditError as error:
                self.publish(telling.notice_of(error))
                if job is None:
                    self._talking, self._resting = Talking(), False
            else:
                if job is not None:
                    job.source.stop_after(0)
            self._tell_stage()

    def _rest(self, error: VoiceEditError) -> None:
        """The focus is where nobody is listened to. What was said before counts."""
        if not self._resting:
            hint = "Listening goes on in the next field that takes text."
            self.publish(telling.notice("warning", error.code, str(error), hint))
        self._resting = True
        self._end(0, self._clock())

    # --- what the working thread tells ------------------------------------------------------------------

    def emit(self, event: telling.Event) -> None:
        """Publish an event; from any thread."""
        self.from_thread(self.publish, event)

    def on_work(self, work: Work | None) -> None:
        """What the working thread does; from any thread."""
        self.from_thread(self._set_work, work)

    def on_ended(self, job: TakeJob, said_stop: bool) -> None:
        """A take has been dealt with; from any thread."""
        self.from_thread(self._ended, job, said_stop)

    def publish(self, event: telling.Event) -> None:
        """Send an event to the clients, and count it."""
        name = event["event"]
        if name == "speech":
            self._speaking = event["speaking"]
        if name in COUNTED:
            self.counters[COUNTED[name]] += 1
            self.counters["utterances"] += 1
        if name == "failed" or (name == "notice" and event["level"] == "error"):
            self.on_failure(event)
        self._publish(event)

    def on_microphone(self, event: MicrophoneEvent) -> None:
        """What the microphone tells; from any thread."""
        self.from_thread(self._microphone_told, event)

    def from_thread(self, call: Callable[..., object], *arguments: object) -> None:
        """Call it in the loop, from any thread; not at all once the loop has ended."""
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:  # the loop is closed: the daemon stops, nobody listens any more
            logger.debug("an event came after the end")

    def _microphone_told(self, event: MicrophoneEvent) -> None:
        self.dropped_samples += event.dropped_samples
        if event.kind in MICROPHONE_NOTICES:
            level, code = MICROPHONE_NOTICES[event.kind], f"microphone_{event.kind}"
            self.publish(telling.notice(level, code, event.message, event.hint))
        if event.kind == "open" and self._is_held:
            self.on_cue("start")
        if event.kind == "reopened":
            self.counters["reopened"] += 1
        shown = self.microphone_json()
        if shown != self._shown_microphone:
            self._shown_microphone = shown
            self.publish(telling.event("microphone", **shown))

    def _set_work(self, work: Work | None) -> None:
        self._work = work
        self._tell_stage()

    def _ended(self, job: TakeJob, said_stop: bool) -> None:
        self._speaking = False
        if job is self._ending and self._recording is None:  # before its tail was over
            self._heard_out()
        if self._recording is job:
            self._recording = None
            self._spawn(self._gesture_told(Ended(hands_free_too=said_stop)))
        elif said_stop:
            self._spawn(self._gesture_told(talk_state.SetHandsFree("off")))
        if not job.hold and not job.handled:
            self._loop.run_in_executor(None, self.journal.forget_take, job.take)
        self.wait_to_unload()
        self._later("memory", GIVE_BACK_S, lambda: self._loop.run_in_executor(None, memory.give_back))
        self._tell_stage()

    def wait_to_unload(self) -> None:
        """Free the model when nothing was said for a while."""
        seconds = self.settings.daemon.unload_after_s
        if not seconds:
            self._cancel_timer("unload")
        elif self._recording is None:
            # It waits for the end of an utterance: not in the loop.
            self._later("unload", seconds, lambda: self._loop.run_in_executor(None, self.engine.unload))

    def tell_target(self) -> None:
        """Say so if words would now go elsewhere. Listening without a key goes there in the next pause."""
        if self._ought_to_rotate():
            self._later("rotate", 0.0, self._rotate_soon)
        shown = self.target().to_json()
        if shown != self._shown_target:
            self._shown_target = shown
            self.publish(telling.event("target", **shown))

    def _tell_stage(self) -> None:
        shown = (self.stage, self.mode, self.take, self.hands_free)
        if shown != self._shown:
            self._shown = shown
            stage, mode, take, hands_free = shown
            self.publish(telling.event("stage", stage=stage, mode=mode, take=take, hands_free=hands_free))
            self.on_talking(self._is_held, None)
        self.tell_target()

    def exchange_microphone(self, open_other: Callable[[], Microphone]) -> bool:
        """Listen through another microphone from now on. False while somebody talks: nothing is changed."""
        if self._recording is not None:
            return False
        self.microphone.close()
        self.microphone = open_other()
        return True

    # --- the end ----------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Give up what is being recorded; its sound is kept."""
        async with self._lock:
            self._talking, self._resting = Talking(), False
            if self._recording is not None:
                self._give_up()
            for name in list(self._timers):
                self._cancel_timer(name)
        self.asker.cancel()

    # --- inside -----------------------------------------------------------------------------------------

    def _later(self, name: str, seconds: float, call: Callable[[], object]) -> None:
        self._cancel_timer(name)
        self._timers[name] = self._loop.call_later(seconds, call)

    def _cancel_timer(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _spawn(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _pin(chosen: Chosen) -> None:
    """A field is looked at before anybody has said much; all other targets keep still anyway."""
    from voice_edit.targets.field import FieldTarget
    from voice_edit.targets.field_blind import BlindFieldTarget

    if isinstance(chosen.target, FieldTarget | BlindFieldTarget):
        chosen.target.pin()
