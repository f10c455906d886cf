"""The daemon's working thread: what is said is heard, understood and applied here, one thing after another.

    take (being recorded) ─► hear ─► words ─► Editing.say ─► journal, target, receipt ─► events

Takes and everything else that touches a text (typed words, undo, retry) pass through one queue, so that no
two edits meet. During a take that queue is served between two windows of sound; what needs the model waits
for the end of the utterance, and another take for the end of this one.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from engine.errors import WordsUnsure
from voice_edit.daemon import telling
from voice_edit.daemon.editings import Editings
from voice_edit.doubt import for_journal
from voice_edit.editing import Editing, Failure, Outcome, load_what_a_command_needs
from voice_edit.errors import AudioFailed, Cancelled, Fault, NotUnderstood, TargetError, VoiceEditError
from voice_edit.targets import names
from voice_edit.vocabulary.vocabulary import Vocabulary
from voice_edit.weighing import Weigher

if TYPE_CHECKING:
    from engine.events import Hypothesis, Rejected
    from engine.speech import SpeechEngine
    from voice_edit.asking import Asker
    from voice_edit.config import Settings
    from voice_edit.daemon.take_job import TakeJob
    from voice_edit.journal.journal import Journal
    from voice_edit.journal.records import UtteranceRecord
    from voice_edit.pipeline import Mode
    from voice_edit.rewriting.rewriter import Rewriter
    from voice_edit.second_ear import SecondEar
    from voice_edit.targets.base import JournaledTarget

logger = logging.getLogger(__name__)

Work: TypeAlias = Literal["hearing", "writing", "applying", "asking"]
Emit: TypeAlias = Callable[[dict[str, Any]], object]
T = TypeVar("T")

LEAST_VOICED_MS = 40.0
"""Of a word that is dictated alone. Of 144 such words of nine voices one had less ("stop": 30); clicks of
lips that the model was sure were a word had 0."""

PART_UNSURE = (
    "A part of what was said could not be made out.",
    "The rest was written down; the sound of all of it is kept, see `voice-edit log`.",
)


@dataclass(frozen=True, slots=True)
class _Job:
    """Something for the working thread."""

    run: Callable[[], None]
    kind: Literal["take", "hearing", "text"]
    """What it needs: an end of all hearing, the model, or neither."""


class Talker:
    """Owns the working thread. Everything public may be called from any thread."""

    def __init__(
        self,
        *,
        journal: Journal,
        engine: Callable[[], SpeechEngine],
        settings: Callable[[], Settings],
        emit: Emit,
        on_work: Callable[[Work | None], object],
        watched: Callable[[], bool],
        asker: Asker | None = None,
        on_ended: Callable[[TakeJob, bool], object] | None = None,
        shelters: Callable[[], Sequence[JournaledTarget]] = tuple,
        vocabulary: Callable[[], Vocabulary] = Vocabulary,
        rewriter: Rewriter | None = None,
        second: Callable[[], SecondEar | None] = lambda: None,
    ) -> None:
        """`emit` gets the events of docs/control.md. `on_work` is told what is being done, None: nothing.

        `watched`: whether somebody looks at partial hypotheses. `on_ended(job, said_stop)` is called when a
        take has been dealt with; `said_stop`: the speaker said to stop listening. `shelters`: where dictated
        words go that their target did not take. `rewriter`: who writes new text where that is asked for.
        `second` hears again what is doubtful.
        """
        self._journal = journal
        self._engine = engine
        self._settings = settings
        self._emit = emit
        self._on_work = on_work
        self._watched = watched
        self._asker = asker
        self._on_ended = on_ended or (lambda job, said_stop: None)
        self._shelters = shelters
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._waiting: deque[_Job | None] = deque()
        """Taken out of the queue and not done yet. Working thread only."""
        self._editings = Editings(journal, settings, vocabulary, rewriter)
        self._rewriter = rewriter
        self._second = second
        self._current: TakeJob | None = None
        self._thread = threading.Thread(target=self._run, name="take", daemon=True)
        self._thread.start()

    def take(self, job: TakeJob) -> None:
        """Hear a take and apply what is said; it may still be recorded. Returns at once."""
        self._jobs.put(_Job(lambda: self._take(job), "take"))

    def submit(self, work: Callable[[], T], *, hears: bool = False) -> Future[T]:
        """Do something else that touches a text, after what was asked for before. `hears`: with the model."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = work()
            except BaseException as error:
                self._on_work(None)
                future.set_exception(error)
            else:
                self._on_work(None)
                future.set_result(result)

        self._jobs.put(_Job(run, "hearing" if hears else "text"))
        return future

    def stop_work(self) -> None:
        """Give up what is being heard or asked now. What is being written to a target is finished."""
        job = self._current
        if job is not None:
            job.cancelled.set()
            job.source.close()
        self._engine().cancel()
        if self._rewriter is not None:
            self._rewriter.cancel()
        second = self._second()
        if second is not None:
            second.cancel()

    def close(self, *, timeout_s: float = 5.0) -> None:
        """End the thread after what it is doing now."""
        self._jobs.put(None)
        self._thread.join(timeout_s)

    def editing(self, target: JournaledTarget) -> Editing:
        """The editing of a target, with its memory of what was inserted last. Working thread only."""
        return self._editings.of(target)

    def apply_words(self, target: JournaledTarget, words: str, mode: Mode) -> Outcome:
        """Carry out typed words, and tell what became of them. Working thread only. Raises as `say`."""
        self._on_work("applying")
        try:
            outcome = self.editing(target).say(words, mode=mode, ask=self._asker)
        except VoiceEditError as error:
            self._emit(telling.failed(error, words=words))
            raise
        self._emit(telling.outcome(outcome, target=target))
        return outcome

    def revert(self, target: JournaledTarget, direction: str, count: int) -> telling.Event:
        """Undo or redo edits of a target, and tell. Working thread only. Raises what `undo` raises."""
        from voice_edit import undo

        self._on_work("applying")
        reverted = (undo.undo if direction == "undo" else undo.redo)(self._journal, target, count)
        self._editings.forget(target)
        event = telling.reverted(reverted, direction) | {"target": target.name}
        self._emit(event)
        return event

    def retry(
        self, record: UtteranceRecord, target: JournaledTarget, *, by_words: bool = False
    ) -> telling.Event:
        """Hear a kept recording again, or take the words (`by_words`, or there is none), and apply them.

        Working thread only. Raises what hearing and applying raise.
        """
        from engine.events import Rejected

        editing = self.editing(target)
        self._on_work("hearing")
        if record.audio is None or (by_words and record.words is not None):
            outcome = editing.say(record.words or "", mode=_mode(record), retry_of=record.id, ask=self._asker)
            event = telling.outcome(outcome, target=target)
            self._emit(event)
            return event
        told, refused = None, None
        second = self._second()
        for heard in editing.listen_again(
            record, self._engine(), self._settings(), ask=self._asker, second=second
        ):
            if isinstance(heard, Outcome):
                told = telling.outcome(heard, target=target)
                self._emit(told)
            elif isinstance(heard, Failure):
                raise heard.error
            elif isinstance(heard, Rejected):
                refused = heard
        if told is None:
            why = "There are no words in it." if refused is None else refused.message
            raise AudioFailed(why, hint="The recording stays in the history.")
        return told

    # --- inside -----------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (job := self._waiting.popleft() if self._waiting else self._jobs.get()) is not None:
            self._guarded(job)

    def _guarded(self, job: _Job) -> None:
        try:
            job.run()
        except VoiceEditError as error:
            self._emit(telling.notice_of(error))
        except Exception as error:
            logger.exception("a fault in the working thread")
            self._emit(telling.notice_of(_fault(error)))
        finally:
            self._on_work(None)

    def _serve_others(self, *, speaking: bool) -> None:
        """In the middle of a take: do what clients asked for meanwhile, in their order."""
        with suppress(queue.Empty):
            while True:
                self._waiting.append(self._jobs.get_nowait())
        while self._waiting:
            job = self._waiting[0]
            if job is None:  # nobody wants anything any more
                if self._current is not None:
                    self._current.source.close()
                return
            # The model hears one utterance at a time, and what was said first comes first.
            if job.kind == "take" or (job.kind == "hearing" and speaking):
                return
            self._waiting.popleft()
            self._guarded(job)
            self._on_work("hearing")

    def _take(self, job: TakeJob) -> None:
        self._current = job
        self._on_work("hearing")
        said_stop = False
        try:
            said_stop = self._hear(job)
        except VoiceEditError as error:
            self._keep_unheard(job, error)
        except Exception as error:
            logger.exception("a fault while hearing")
            self._keep_unheard(job, _fault(error))
        finally:
            self._current = None
            job.source.close()
            try:
                job.take.finish("interrupted" if job.cancelled.is_set() else "complete")
            finally:  # nobody is left talking to a full disk
                self._on_work(None)
                self._on_ended(job, said_stop)

    def _hear(self, job: TakeJob) -> bool:
        """Hear a take out. True if the speaker said to stop listening."""
        from engine.events import Hypothesis, Level, Rejected, SpeechStarted, SpeechStopped

        load_what_a_command_needs()
        finals: list[Hypothesis] = []
        refused: Rejected | None = None
        unsure = False
        hangover, spoke, speaking = 0, False, False
        if job.mode == "edit":
            self._editings.expect_edit(job.target)
        weigher = Weigher(self._engine(), self._settings(), mode=job.mode, second=self._second())
        heard = weigher.hear(
            job.source,
            partials=self._watched(),
            hold=job.hold,
            terms=self.editing(job.target).terms,
        )
        for event in heard:
            if job.cancelled.is_set():
                raise Cancelled("Cancelled.")
            if isinstance(event, SpeechStarted):
                spoke = speaking = True
            if isinstance(event, Rejected):
                refused, speaking = event, False
                unsure = unsure or event.reason == WordsUnsure.code
                if not job.hold and spoke:  # an hour in which nobody spoke is no failure
                    self._reject(job, event)
            elif isinstance(event, Hypothesis) and event.kind == "final":
                speaking, job.words_s = False, time.monotonic()
                if job.hold:
                    finals.append(event)
                elif self._apply(job, [event], hangover):
                    return True
            else:
                if isinstance(event, SpeechStopped):
                    hangover, job.endpoint_s = event.hangover_samples, time.monotonic()
                    job.note_tail(event)
                self._emit(telling.heard(event))
                if isinstance(event, Level):
                    self._serve_others(speaking=speaking or job.hold)
        if job.cancelled.is_set():
            raise Cancelled("Cancelled.")
        if finals and unsure and job.mode == "edit":  # never a part of a command
            self._incomplete(job, finals)
            return False
        if finals:
            if unsure:
                self._emit(telling.notice("warning", "words_unsure", *PART_UNSURE))
            return self._apply(job, finals, hangover)
        if refused is not None and job.hold:
            self._reject(job, refused)
        return False

    def _apply(self, job: TakeJob, finals: list[Hypothesis], hangover_samples: int) -> bool:
        """Carry out what was heard as one utterance. True if the speaker said to stop listening."""
        from engine.events import Rejected
        from engine.joining import as_one

        heard = as_one(finals)
        job.handled = heard.end_sample
        if job.mode == "dictate" and self._is_doubtful(heard, job.take.path):
            message = "One word was heard, if it was one."
            hint = "Say it again, or a few words with it."
            stretch = Rejected(WordsUnsure.code, message, hint, heard.start_sample, heard.end_sample)
            self._reject(job, stretch)
            return False
        began_s = job.released_s if job.hold else heard.timing.end_of_speech_s
        self._emit(telling.words(heard))
        self._on_work("applying")
        done = self.editing(job.target).try_hypothesis(
            heard,
            mode=job.mode,
            take=job.take,
            # A retry can feed the model exactly as now only where one hypothesis was the whole utterance.
            hangover_samples=hangover_samples if len(finals) == 1 else None,
            ask=self._asker,
        )
        if isinstance(done, Failure):
            self._emit(telling.failed(done.error, words=done.words))
            if job.mode == "dictate" and isinstance(done.error, TargetError) and not job.cancelled.is_set():
                self._rescue(done)
        else:
            timing = telling.timing(
                heard,
                began_s=began_s,
                endpoint_s=job.endpoint_s,
                words_s=job.words_s,
                release_ms=job.tail_ms,
                parts=len(finals),
            )
            timing |= telling.times_of(job.target)
            self._emit(telling.outcome(done, target=job.target, timing=timing))
        self._on_work("hearing")
        return isinstance(done, Outcome) and done.stops

    def _rescue(self, failure: Failure) -> None:
        """Words that their target did not take: where the user finds them."""
        reached = []
        for shelter in self._shelters():
            with suppress(TargetError):
                self.editing(shelter).say(failure.words, mode="dictate", retry_of=failure.utterance)
                reached.append(names.shown(shelter.name))
        if reached:
            where = " and ".join(reached)
            message = f"The words went to {where} instead."
            self._emit(
                telling.notice("warning", "words_sheltered", message, "Paste them where you want them.")
            )

    def _is_doubtful(self, heard: Hypothesis, recording: Path) -> bool:
        """A single word that may be a click. A command is understood or not; dictation writes it down."""
        if len(heard.text.split()) != 1 or (heard.verdict is not None and heard.verdict.others):
            return False  # two engines heard it
        if (heard.confidence or 0.0) < self._engine().profile.min_confidence_alone:
            return True
        from engine.voicing import voiced_ms
        from voice_edit.journal import audio_store

        return voiced_ms(audio_store.load(recording, heard.start_sample, heard.end_sample)) < LEAST_VOICED_MS

    def _incomplete(self, job: TakeJob, finals: list[Hypothesis]) -> None:
        """A command of which the model did not make out a part: nothing is done, the sound is kept."""
        from engine.joining import join

        text = join(finals)
        error = NotUnderstood(f"Only “{text}” could be made out; a part of what was said was not.")
        self.editing(job.target).keep_unheard(job.take, error, mode=job.mode, start_sample=job.handled)
        self._emit(telling.failed(error, words=text))

    def _reject(self, job: TakeJob, rejected: Rejected) -> None:
        job.handled = rejected.end_sample
        reason, message, hint = rejected.reason, rejected.message, rejected.hint
        if reason in telling.SILENT_REASONS and (problem := job.problem()) is not None:
            reason, message, hint = problem.code, problem.message, problem.hint
        utterance = self._journal.begin_utterance(
            job.target.name,
            job.mode,
            take=job.take,
            start_sample=rejected.start_sample,
            end_sample=rejected.end_sample,
        )
        self._journal.rejected(utterance, reason, message)
        if rejected.verdict is not None:
            self._journal.why(utterance, "hearing", for_journal(rejected.verdict))
        self._emit(telling.rejected(utterance, reason, message, hint))

    def _keep_unheard(self, job: TakeJob, error: VoiceEditError) -> None:
        """Hearing failed or was given up: keep the sound. Who holds a key may still be speaking: that too.
        Listening without a key has no end that could be waited for.
        """
        if job.cancelled.is_set():
            error = Cancelled("Cancelled.")
        elif job.hold and not isinstance(error, AudioFailed):
            self._record_the_rest(job)
        utterance = self.editing(job.target).keep_unheard(
            job.take, error, mode=job.mode, start_sample=job.handled
        )
        if isinstance(error, Cancelled):
            self._emit(telling.rejected(utterance, error.code, str(error), error.hint))
        else:
            self._emit(telling.failed(error, words=""))

    def _record_the_rest(self, job: TakeJob) -> None:
        """The model is gone, the speaker goes on: what they say still reaches the disk."""
        try:
            for _ in job.source.chunks():
                if job.cancelled.is_set():
                    return
        except Exception as error:  # the device is gone as well; what is on disk stays
            logger.warning("the rest of a take could not be recorded: %s", error)


def _fault(error: Exception) -> Fault:
    return Fault(f"A fault in voice-edit itself: {type(error).__name__}: {error}")


def _mode(record: UtteranceRecord) -> Mode:
    return "edit" if record.mode == "edit" else "dictate"
