"""One text that is edited by voice: what was said goes into the journal, then into the target, and is read
back.

    begin_utterance ─► words ─► understand ─► commands ─► perform ─► plan ─► land ─► receipt
                    (every arrow is on disk before the next step begins; see journal/)

Between understanding and planning the speaker may be asked (`asking`): which of several places is meant, and
whether a large edit is wanted. Words that are no command may be a passage said again (`redictation`).

Undo and redo that are *said* go to the journal, like the verbs: they reach back beyond this process.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from voice_edit import doubt, pipeline
from voice_edit.errors import (
    Ambiguous,
    Interrupted,
    JournalError,
    NoMatch,
    NoTarget,
    NotConfirmed,
    NotUnderstood,
    TargetError,
    VoiceEditError,
)
from voice_edit.journal import audio_store
from voice_edit.outcome import Failure, Outcome, revert_message
from voice_edit.pipeline import Mode, Understood
from voice_edit.questions import SAID_AGAIN
from voice_edit.text_memory import TextMemory
from voice_edit.weighing import Weigher
from voice_edit.wording import Wording, around

if TYPE_CHECKING:
    from engine.events import Hypothesis, Rejected
    from engine.judging.verdict import Verdict
    from engine.source import AudioSource
    from engine.speech import SpeechEngine
    from voice_edit.config import Settings, WeakSettings
    from voice_edit.journal.journal import Journal, Take
    from voice_edit.journal.records import UtteranceRecord
    from voice_edit.landing import Plan, Planner
    from voice_edit.pipeline import Heard
    from voice_edit.questions import Asker
    from voice_edit.rewriting.rewriter import Rewriter
    from voice_edit.second_ear import SecondEar
    from voice_edit.targets.base import JournaledTarget, Snapshot

__all__ = ["Editing", "Failure", "Outcome", "load_what_a_command_needs", "revert_message"]

SHORTEST_UNHEARD_SAMPLES = 1600
"""100 ms. Less sound than this, left over when listening failed, is not worth a retry."""


class Editing:
    """Applies utterances to a target, each as one checkpoint. Not for several threads at once."""

    def __init__(self, target: JournaledTarget, journal: Journal, *, confirm_chars: int = 0) -> None:
        """`confirm_chars`: an edit that removes or replaces more characters is confirmed first, where there
        is somebody to ask; 0: none is.
        """
        self.target = target
        """May be exchanged between two utterances."""
        self.journal = journal
        from voice_edit.config import WeakSettings

        self.confirm_chars = confirm_chars
        self.weak: WeakSettings = WeakSettings()
        """What is done with doubtful words."""
        self.wording = Wording()
        """What becomes of words on their way into the text."""
        self.rewriter: Rewriter | None = None
        """Who writes new text where that is asked for; None: nobody."""
        self._memory = TextMemory(journal)

    def say(
        self,
        words: str,
        *,
        mode: Mode,
        take: Take | None = None,
        start_sample: int | None = None,
        end_sample: int | None = None,
        confidence: float | None = None,
        timing: Any = None,
        retry_of: int | None = None,
        ask: Asker | None = None,
        verdict: Verdict | None = None,
    ) -> Outcome:
        """Carry out what was said. Whatever goes wrong, the journal has the words and the reason.

        `ask` answers when several places are meant, and confirms large edits; without it the first is an
        Ambiguous and the second needs no confirmation. `verdict`: how far the words can be trusted; what is
        done with doubtful ones is said in `doubt`. A text that changes meanwhile is read again (see
        `landing`). Raises CommandError and TargetError (nothing was
        written, but see TargetUncertain), JournalError; the error knows the utterance's number.
        """
        utterance = self.journal.begin_utterance(
            self.target.name,
            mode,
            take=take,
            start_sample=start_sample,
            end_sample=end_sample,
            retry_of=retry_of,
        )
        self.journal.words(
            utterance, words, confidence=confidence, timing=timing, why=doubt.for_journal(verdict)
        )
        try:
            try:
                meant = words if mode == "dictate" else self.wording.command(words, self._text_around())
                understood = pipeline.understand(meant, mode=mode)
            except NotUnderstood as error:
                return self._say_again(utterance, words, mode, error, ask)
            self.journal.commands(utterance, understood.to_data())
            return self._carry_out(utterance, understood, ask, verdict)
        except VoiceEditError as error:
            error.is_about(utterance)
            self.journal.failed(utterance, error)
            raise

    def do(self, understood: Understood, *, ask: Asker | None = None) -> Outcome:
        """Carry out what somebody asked for without the grammar; the journal gets it like spoken words.
        Raises as `say`.
        """
        utterance = self.journal.begin_utterance(self.target.name, understood.mode)
        self.journal.words(utterance, understood.words)
        try:
            self.journal.commands(utterance, understood.to_data())
            return self._carry_out(utterance, understood, ask, None)
        except VoiceEditError as error:
            error.is_about(utterance)
            self.journal.failed(utterance, error)
            raise

    def listen(
        self,
        source: AudioSource,
        engine: SpeechEngine,
        settings: Settings,
        *,
        mode: Mode,
        name: str,
        partials: bool = False,
        ask: Asker | None = None,
        second: SecondEar | None = None,
    ) -> Iterator[Heard | Outcome | Failure]:
        """Hear a source out and carry out each utterance as soon as it is over.

        Yields what is heard, and after each final hypothesis what became of it. An utterance that cannot be
        carried out does not end the listening. `name` says where the sound came from; `second` hears again
        what is doubtful. Raises AudioFailed, ModelFailed, JournalError.
        """
        from engine.events import Hypothesis, Rejected, SpeechStopped

        load_what_a_command_needs()
        with self.journal.begin_take(mode, target=self.target.name, source=name) as take:
            handled = hangover = 0
            try:
                heard = Weigher(engine, settings, mode=mode, second=second).hear(
                    source, partials=partials, recorder=take.record, terms=self.terms
                )
                for event in heard:
                    yield event
                    if isinstance(event, SpeechStopped):
                        hangover = event.hangover_samples
                    elif isinstance(event, Rejected):
                        handled = event.end_sample
                        self._reject(event, mode, take)
                    elif isinstance(event, Hypothesis) and event.kind == "final":
                        handled = event.end_sample
                        done = self.try_hypothesis(
                            event, mode=mode, take=take, hangover_samples=hangover, ask=ask
                        )
                        yield done
                        if isinstance(done, Outcome) and done.stops:
                            return
            except VoiceEditError as error:
                self.keep_unheard(take, error, mode=mode, start_sample=handled)
                raise
            except KeyboardInterrupt:
                interrupted = Interrupted("Interrupted while listening.")
                self.keep_unheard(take, interrupted, mode=mode, start_sample=handled)
                raise

    def listen_again(
        self,
        record: UtteranceRecord,
        engine: SpeechEngine,
        settings: Settings,
        *,
        ask: Asker | None = None,
        second: SecondEar | None = None,
    ) -> Iterator[Heard | Outcome | Failure]:
        """Hear the kept recording of `record` once more and carry it out as a retry; nothing is recorded
        anew.

        An utterance that was heard out at once is fed as it was at first; other sound is listened to like a
        source, and if it was said with the key held, it is one utterance again, however it was cut. Yields
        as `listen`. Raises AudioGone, AudioFailed, ModelFailed, JournalError.
        """
        from engine.events import Hypothesis
        from engine.joining import as_one

        assert record.mode != "transcribe", "a transcription has no target to be applied to"
        weigher = Weigher(engine, settings, mode=record.mode, second=second)
        span = self.journal.audio(record.id)
        hangover = (record.timing or {}).get("hangover_samples")
        if span.end_sample is None or hangover is None:
            heard: Iterable[Heard] = weigher.hear(
                pipeline.open_kept(span), hold=record.hold, terms=self.terms
            )
        else:
            samples = audio_store.load(span.path, span.start_sample, span.end_sample + hangover)
            speech = span.end_sample - span.start_sample
            heard = [weigher.hear_kept(samples, speech, terms=self.terms())]
        held: list[Hypothesis] = []
        mode, number = record.mode, record.id
        for event in heard:
            yield event
            if isinstance(event, Hypothesis) and event.kind == "final":
                if record.hold:
                    held.append(event)
                else:
                    yield self.try_hypothesis(
                        event, mode=mode, retry_of=number, hangover_samples=hangover, ask=ask
                    )
        if held:
            once = hangover if len(held) == 1 else None
            yield self.try_hypothesis(
                as_one(held), mode=mode, retry_of=number, hangover_samples=once, ask=ask
            )

    def try_hypothesis(
        self,
        hypothesis: Hypothesis,
        *,
        mode: Mode,
        take: Take | None = None,
        retry_of: int | None = None,
        hangover_samples: int | None = None,
        ask: Asker | None = None,
    ) -> Outcome | Failure:
        """Carry out what was heard; a failure of the words or of the target is returned. Raises
        JournalError.

        `hangover_samples`: the silence after an utterance that was fed at once; None for joined ones.
        """
        timing = hypothesis.timing
        kept = {
            "audio_s": timing.audio_s,
            "prefill_s": timing.prefill_s,
            "decode_s": timing.decode_s,
            "hangover_samples": hangover_samples,
        }
        try:
            return self.say(
                hypothesis.text,
                mode=mode,
                take=take,
                start_sample=hypothesis.start_sample,
                end_sample=hypothesis.end_sample,
                confidence=hypothesis.confidence,
                timing=kept,
                retry_of=retry_of,
                ask=ask,
                verdict=hypothesis.verdict,
            )
        except JournalError:
            raise
        except VoiceEditError as error:
            return Failure(hypothesis.text, error)

    def _reject(self, rejected: Rejected, mode: Mode, take: Take) -> None:
        utterance = self.journal.begin_utterance(
            self.target.name,
            mode,
            take=take,
            start_sample=rejected.start_sample,
            end_sample=rejected.end_sample,
        )
        self.journal.rejected(utterance, rejected.reason, rejected.message)
        if rejected.verdict is not None:
            self.journal.why(utterance, "hearing", doubt.for_journal(rejected.verdict))

    def keep_unheard(self, take: Take, error: VoiceEditError, *, mode: Mode, start_sample: int) -> int | None:
        """Enter sound that was recorded and not carried out, from `start_sample` to where the recording is
        now, into the journal, so that `retry` finds it.

        `error` says why: listening failed, or the speaker gave it up (`Cancelled`); its hint then names the
        number. Returns it, or None when there is too little sound.
        """
        if take.samples - start_sample < SHORTEST_UNHEARD_SAMPLES:
            return None
        utterance = self.journal.begin_utterance(
            self.target.name, mode, take=take, start_sample=start_sample, end_sample=take.samples
        )
        error.is_about(utterance)
        self.journal.failed(utterance, error)
        return utterance

    def _carry_out(
        self, utterance: int, understood: Understood, ask: Asker | None, verdict: Verdict | None
    ) -> Outcome:
        from voice_edit.commands import Redo, Save, Stop, Undo

        match understood.commands:
            case (Undo(count=count) | Redo(count=count) as command,):
                return self._revert(utterance, understood, count, undoing=isinstance(command, Undo))
        stops = any(isinstance(command, Stop) for command in understood.commands)
        if understood.commands and all(isinstance(command, Stop | Save) for command in understood.commands):
            text = self.target.snapshot().text
            self.journal.applied(utterance, "The text is kept after every edit.")
            return Outcome(utterance, understood, text, text, stops=stops)
        return self._edit(utterance, understood, ask, verdict, stops=stops)

    def _edit(
        self,
        utterance: int,
        understood: Understood,
        ask: Asker | None,
        verdict: Verdict | None,
        *,
        stops: bool,
    ) -> Outcome:
        from voice_edit.reach import is_rewrite

        plan = self._plan(utterance, self._snapshot(understood.mode), understood, ask)
        was_asked = doubt.is_settled_by_asking(plan, verdict, self.weak, ask, utterance=utterance)
        if is_rewrite(understood.commands):  # it was shown where that is wanted, and is not written twice
            understood = plan.understood
        elif not was_asked:
            self._confirm(plan, ask)
        done = self._land(
            utterance, plan, ask, lambda now: self._plan(utterance, now, understood, ask), stops=stops
        )
        return done if was_asked else replace(done, doubt=doubt.note(verdict, self.weak))

    def _say_again(
        self, utterance: int, words: str, mode: Mode, error: NotUnderstood, ask: Asker | None
    ) -> Outcome:
        """Words that are no command: perhaps a passage of the text, said again to put it right. Never done
        without having asked. Raises `error`.
        """
        from voice_edit import redictation

        if mode != "edit" or ask is None or not ask.is_there() or not words.strip():
            raise error

        def plan_for(snapshot: Snapshot) -> Plan:
            document = self._memory.document(snapshot)
            commands = redictation.commands(document, words, said=self._memory.said(snapshot))
            if not commands:
                raise error
            return self._plan_for(utterance, snapshot, Understood(words, mode, commands), None)

        plan = plan_for(self._snapshot(mode))
        if not ask.confirm(plan.snapshot.text, plan.text_after, plan.edits, question=SAID_AGAIN):
            raise error
        self.journal.commands(utterance, plan.understood.to_data())
        return self._land(utterance, plan, ask, plan_for)

    def terms(self) -> tuple[str, ...]:
        """Names that may be said next, for the model."""
        return self.wording.terms(self._text_around())

    def expect_rewrite(self) -> None:
        """A rewrite may be asked for next: whoever writes gets ready. Raises TargetError, ModelFailed."""
        if self.rewriter is None:
            return
        snapshot = self.target.snapshot()
        if "edit" in snapshot.capabilities:
            document = self._memory.document(snapshot)
            self.rewriter.expect(document.text, document.selection.head)

    def _text_around(self) -> str:
        try:
            return around(self.target.snapshot())
        except TargetError:  # it will be told when something is to be done there
            return ""

    def _snapshot(self, mode: Mode) -> Snapshot:
        snapshot = self.target.snapshot()
        if mode == "edit" and "edit" not in snapshot.capabilities:
            raise NoTarget("There is no text here that could be edited.")
        return snapshot

    def _plan(self, utterance: int, snapshot: Snapshot, understood: Understood, ask: Asker | None) -> Plan:
        """What the commands do, to a window of the text if that is enough, else to all of it."""
        from voice_edit.reach import is_about_what_was_said, is_far, is_rewrite, touches_edge

        commands = understood.commands
        if snapshot.whole is None or understood.mode == "dictate":
            return self._plan_for(utterance, snapshot, understood, ask)
        may_be_elsewhere = is_about_what_was_said(commands) and not self._memory.shows_the_newest(snapshot)
        if not is_far(commands) and not may_be_elsewhere:
            before, behind = (count > 0 for count in snapshot.outside)
            with suppress(NoMatch):
                plan = self._plan_for(utterance, snapshot, understood, ask)
                if not touches_edge(plan.edits, len(snapshot.text), before=before, behind=behind):
                    return plan
                understood = plan.understood if is_rewrite(commands) else understood
        return self._plan_for(utterance, snapshot.whole(), understood, ask)

    def _plan_for(
        self, utterance: int, snapshot: Snapshot, understood: Understood, ask: Asker | None
    ) -> Plan:
        """What the commands do to this text; what is ambiguous is asked, one after the other.

        The journal gets the commands as they were chosen.
        """
        from voice_edit import asking
        from voice_edit.landing import Plan
        from voice_edit.rewriting.errors import TextWanted

        document = self._memory.document(snapshot)
        editor = self._memory.editor_on(document, snapshot)
        manners, meant = self.wording.dictation(around(snapshot))
        while True:
            try:
                edits = pipeline.perform(editor, understood, manners=manners, meant=meant)
                return Plan(snapshot, document.selection, understood, tuple(edits), editor)
            except Ambiguous as error:
                index = ask.choose(error) if ask is not None and error.choices else None
                chosen = None if index is None else asking.choose(understood.commands, error, index)
                if chosen is None:
                    raise
                understood = replace(understood, commands=chosen)
                self.journal.commands(utterance, understood.to_data())
            except TextWanted as wanted:
                if self.rewriter is None:
                    raise
                understood = self.rewriter.fill(
                    understood,
                    wanted,
                    snapshot,
                    ask=ask,
                    confirm_chars=self.confirm_chars,
                    keep=lambda filled: self.journal.commands(utterance, filled.to_data()),
                )

    def _land(
        self, utterance: int, plan: Plan, ask: Asker | None, planner: Planner, *, stops: bool = False
    ) -> Outcome:
        from voice_edit import landing

        done, receipt = landing.land(self.journal, self.target, utterance, plan, planner=planner, ask=ask)
        before, after = done.snapshot.text, done.text_after
        self._memory.leave(done.snapshot.name, after, done.editor)
        return Outcome(utterance, done.understood, before, after, done.edits, receipt=receipt, stops=stops)

    def _confirm(self, plan: Plan, ask: Asker | None) -> None:
        from voice_edit.asking import chars_touched

        touched = chars_touched(plan.edits)
        if ask is None or not 0 < self.confirm_chars < touched:
            return
        if not ask.confirm(plan.snapshot.text, plan.text_after, plan.edits):
            raise NotConfirmed(
                f"The edit would remove or replace {touched} characters and was not confirmed."
            )

    def _revert(self, utterance: int, understood: Understood, count: int, *, undoing: bool) -> Outcome:
        from voice_edit import undo

        reverted = (undo.undo if undoing else undo.redo)(self.journal, self.target, count)
        self.journal.applied(utterance, revert_message(reverted, undoing=undoing))
        before, after = reverted[0].text_before, reverted[-1].text_after
        self._memory.forget()
        return Outcome(utterance, understood, before, after, reverted=tuple(reverted))


def load_what_a_command_needs() -> None:
    """Import it before anybody speaks: at the first command it would be waited for (half a second when
    cold).
    """
    import voice_edit.editor
    import voice_edit.landing
    import voice_edit.spoken.grammar
    import voice_edit.undo  # noqa: F401
