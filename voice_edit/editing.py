"""One text that is edited by voice: what was said goes into the journal, then into the target, and is read
back.

    begin_utterance ─► words ─► understand ─► commands ─► perform ─► plan ─► apply ─► receipt
                    (every arrow is on disk before the next step begins; see journal/)

Between understanding and planning the speaker may be asked (`asking`): which of several places is meant, and
whether a large edit is wanted.

Undo and redo that are *said* go to the journal, like the verbs: they reach back beyond this process.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from voice_edit import pipeline
from voice_edit.errors import (
    Ambiguous,
    Interrupted,
    JournalError,
    NoTarget,
    NotConfirmed,
    VoiceEditError,
)
from voice_edit.journal import audio_store
from voice_edit.pipeline import Mode, Understood

if TYPE_CHECKING:
    from engine.events import Hypothesis, Rejected
    from engine.source import AudioSource
    from engine.speech import SpeechEngine
    from voice_edit.asking import Asker
    from voice_edit.config import Settings
    from voice_edit.document import Edit
    from voice_edit.editor import Editor
    from voice_edit.journal.journal import Journal, Take
    from voice_edit.journal.records import UtteranceRecord
    from voice_edit.pipeline import Heard
    from voice_edit.targets.base import JournaledTarget, Receipt, Snapshot
    from voice_edit.undo import Reverted

SHORTEST_UNHEARD_SAMPLES = 1600
"""100 ms. Less sound than this, left over when listening failed, is not worth a retry."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one utterance."""

    utterance: int
    """Its number in the journal."""
    understood: Understood
    text_before: str
    """The target's text before and after, line ends as "\\n"."""
    text_after: str
    edits: tuple[Edit, ...] = ()
    """Empty if the utterance was an undo, a redo, or asked for nothing in the text."""
    reverted: tuple[Reverted, ...] = ()
    """What a spoken undo or redo took back or made again."""
    receipt: Receipt | None = None
    """None if nothing was to be written."""
    stops: bool = False
    """The speaker said to stop listening."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user may want to know about the target, full sentences."""
        receipts = [self.receipt, *(one.receipt for one in self.reverted)]
        return tuple(note for receipt in receipts if receipt for note in receipt.notes)

    def to_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        from voice_edit.edit_json import edits_to_json

        receipt = self.receipt or (self.reverted[-1].receipt if self.reverted else None)
        return {
            "utterance": self.utterance,
            "words": self.understood.words,
            "mode": self.understood.mode,
            "commands": self.understood.to_data(),
            "edits": edits_to_json(self.edits),
            "reverted": [one.utterance for one in self.reverted],
            "changed": self.text_before != self.text_after,
            "receipt": receipt.to_json() if receipt else None,
        }


@dataclass(frozen=True, slots=True)
class Failure:
    """An utterance that could not be carried out. It changed nothing; the journal has its words and sound."""

    words: str
    error: VoiceEditError

    @property
    def utterance(self) -> int | None:
        """Its number in the journal."""
        return self.error.utterance


class Editing:
    """Applies utterances to a target, each as one checkpoint. Not for several threads at once."""

    def __init__(self, target: JournaledTarget, journal: Journal, *, confirm_chars: int = 0) -> None:
        """`confirm_chars`: an edit that removes or replaces more characters is confirmed first, where there
        is somebody to ask; 0: none is.
        """
        self.target = target
        """May be exchanged between two utterances."""
        self.journal = journal
        self.confirm_chars = confirm_chars
        self._editor: Editor | None = None
        """Remembers what was inserted last, for "delete that" and "I meant ..."."""
        self._edited: str | None = None
        """The name of the target that it belongs to."""

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
    ) -> Outcome:
        """Carry out what was said. Whatever goes wrong, the journal has the words and the reason.

        `ask` answers when several places are meant, and confirms large edits; without it the first is an
        Ambiguous and the second needs no confirmation. Raises CommandError and TargetError (nothing was
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
        self.journal.words(utterance, words, confidence=confidence, timing=timing)
        try:
            understood = pipeline.understand(words, mode=mode)
            self.journal.commands(utterance, understood.to_data())
            return self._carry_out(utterance, understood, ask)
        except VoiceEditError as error:
            self._editor = None
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
    ) -> Iterator[Heard | Outcome | Failure]:
        """Hear a source out and carry out each utterance as soon as it is over.

        Yields what is heard, and after each final hypothesis what became of it. An utterance that cannot be
        carried out does not end the listening. `name` says where the sound came from. Raises AudioFailed,
        ModelFailed, JournalError.
        """
        from engine.events import Hypothesis, Rejected, SpeechStopped

        load_what_a_command_needs()
        with self.journal.begin_take(mode, target=self.target.name, source=name) as take:
            handled = hangover = 0
            try:
                for event in pipeline.hear(source, engine, settings, partials=partials, recorder=take.record):
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
        self, record: UtteranceRecord, engine: SpeechEngine, settings: Settings, *, ask: Asker | None = None
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
        span = self.journal.audio(record.id)
        hangover = (record.timing or {}).get("hangover_samples")
        if span.end_sample is None or hangover is None:
            heard: Iterable[Heard] = pipeline.hear(
                pipeline.open_kept(span), engine, settings, hold=record.hold
            )
        else:
            samples = audio_store.load(span.path, span.start_sample, span.end_sample + hangover)
            heard = [pipeline.hear_utterance(samples, span.end_sample - span.start_sample, engine, settings)]
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

    def _carry_out(self, utterance: int, understood: Understood, ask: Asker | None) -> Outcome:
        from voice_edit.commands import Redo, Save, Stop, Undo

        match understood.commands:
            case (Undo(count=count) | Redo(count=count) as command,):
                return self._revert(utterance, understood, count, undoing=isinstance(command, Undo))
        stops = any(isinstance(command, Stop) for command in understood.commands)
        if understood.commands and all(isinstance(command, Stop | Save) for command in understood.commands):
            text = self.target.snapshot().text
            self.journal.applied(utterance, "The text is kept after every edit.")
            return Outcome(utterance, understood, text, text, stops=stops)
        return self._edit(utterance, understood, ask, stops=stops)

    def _edit(self, utterance: int, understood: Understood, ask: Asker | None, *, stops: bool) -> Outcome:
        from voice_edit import undo

        snapshot = self.target.snapshot()
        if understood.mode == "edit" and "edit" not in snapshot.capabilities:
            raise NoTarget("There is no text here that could be edited.")
        editor = self._editor_on(snapshot)
        understood, edits = self._perform(utterance, editor, understood, ask)
        self._confirm(snapshot.text, editor.document.text, edits, ask)
        receipt = undo.apply_edits(self.journal, self.target, utterance, edits, expected=snapshot.version)
        return Outcome(
            utterance,
            understood,
            snapshot.text,
            editor.document.text,
            tuple(edits),
            receipt=receipt,
            stops=stops,
        )

    def _perform(
        self, utterance: int, editor: Editor, understood: Understood, ask: Asker | None
    ) -> tuple[Understood, list[Edit]]:
        """Carry out the commands on the editor's document; what is ambiguous is asked, one after the other.

        The journal gets the commands as they were chosen.
        """
        from voice_edit import asking

        while True:
            try:
                return understood, pipeline.perform(editor, understood)
            except Ambiguous as error:
                index = ask.choose(error) if ask is not None and error.choices else None
                chosen = None if index is None else asking.choose(understood.commands, error, index)
                if chosen is None:
                    raise
                understood = replace(understood, commands=chosen)
                self.journal.commands(utterance, understood.to_data())

    def _confirm(self, before: str, after: str, edits: Sequence[Edit], ask: Asker | None) -> None:
        from voice_edit.asking import chars_touched

        touched = chars_touched(edits)
        if ask is None or not 0 < self.confirm_chars < touched:
            return
        if not ask.confirm(before, after, edits):
            raise NotConfirmed(
                f"The edit would remove or replace {touched} characters and was not confirmed."
            )

    def _revert(self, utterance: int, understood: Understood, count: int, *, undoing: bool) -> Outcome:
        from voice_edit import undo

        reverted = (undo.undo if undoing else undo.redo)(self.journal, self.target, count)
        self.journal.applied(utterance, revert_message(reverted, undoing=undoing))
        self._editor = None
        before, after = reverted[0].text_before, reverted[-1].text_after
        return Outcome(utterance, understood, before, after, reverted=tuple(reverted))

    def _editor_on(self, snapshot: Snapshot) -> Editor:
        """The editor of the utterance before if the target still is what it left, else a new one.

        The caret is where the target has it. Where a target has none, a new editor starts where the journal
        knows that the last edit left it, or at the end of the text.
        """
        from voice_edit.document import Document, Selection
        from voice_edit.editor import Editor

        editor = self._editor
        if editor is None or self._edited != snapshot.name or editor.document.text != snapshot.text:
            end = len(snapshot.text)
            anchor, head = self.journal.selection(snapshot.name, snapshot.version) or (end, end)
            document = Document(snapshot.text, Selection(anchor, head))
            editor = Editor(document, last_inserted=self._inserted_last(snapshot))
        if snapshot.selection is not None:
            editor.document = Document(snapshot.text, snapshot.selection)
        self._editor, self._edited = editor, snapshot.name
        return editor

    def _inserted_last(self, snapshot: Snapshot) -> tuple[tuple[int, int], ...]:
        """Spans that the last edit put in, if the text is still as it left it: for "I meant ..."."""
        from voice_edit.edit_json import edits_from_json

        record = self.journal.next_to_undo(snapshot.name)
        if record is None or not record.writes or not record.writes[-1].after.same_content(snapshot.version):
            return ()
        said = self.journal.get(record.utterance)
        kinds = {command["kind"] for command in said.commands or []}
        if said.mode != "dictate" and not kinds & {"insert", "replace", "correct"}:
            return ()
        spans = []
        for start, end in edits_from_json(record.edits)[-1].inserted():
            piece = snapshot.text[start:end]
            begin = start + len(piece) - len(piece.lstrip())
            spans.append((begin, begin + len(piece.strip())))
        return tuple(spans)


def load_what_a_command_needs() -> None:
    """Import it before anybody speaks: at the first command it would be waited for (half a second when
    cold).
    """
    import voice_edit.editor
    import voice_edit.spoken.grammar
    import voice_edit.undo  # noqa: F401


def revert_message(reverted: Sequence[Reverted], *, undoing: bool) -> str:
    """One sentence on what was undone or redone, for the journal and for people."""
    done = "Undid" if undoing else "Redid"
    numbers = ", ".join(str(one.utterance) for one in reverted)
    return f"{done} utterance{'s' if len(reverted) > 1 else ''} {numbers}."
