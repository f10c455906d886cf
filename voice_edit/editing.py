"""One file that is edited by voice: what was said goes into the journal, then into the file, and is read
back.

    begin_utterance ─► words ─► understand ─► commands ─► perform ─► plan ─► apply ─► receipt
                    (every arrow is on disk before the next step begins; see journal.py)

Undo and redo that are *said* go to the journal, like the verbs: they reach back beyond this process.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voice_edit import audio_store, pipeline
from voice_edit.errors import Interrupted, JournalError, VoiceEditError
from voice_edit.pipeline import Mode, Understood

if TYPE_CHECKING:
    from engine.events import Hypothesis, Rejected
    from engine.session import Engine
    from engine.source import AudioSource
    from voice_edit.config import Settings
    from voice_edit.document import Edit
    from voice_edit.editor import Editor
    from voice_edit.journal import Journal, Take
    from voice_edit.journal_records import UtteranceRecord
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
    """The file's text before and after, line ends as "\\n"."""
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
        """What the user may want to know about the file, full sentences."""
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


class Editing:
    """Applies utterances to one file, each as one checkpoint. Not for several threads at once."""

    def __init__(self, target: JournaledTarget, journal: Journal) -> None:
        self.target = target
        self.journal = journal
        self._editor: Editor | None = None
        """Remembers what was inserted last, for "delete that" and "I meant ..."."""

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
    ) -> Outcome:
        """Carry out what was said. Whatever goes wrong, the journal has the words and the reason.

        Raises CommandError and TargetError (nothing was written), JournalError.
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
            return self._carry_out(utterance, understood)
        except VoiceEditError as error:
            self._editor = None
            self.journal.failed(utterance, error)
            raise

    def listen(
        self,
        source: AudioSource,
        engine: Engine,
        settings: Settings,
        *,
        mode: Mode,
        name: str,
        partials: bool = False,
    ) -> Iterator[Heard | Outcome | Failure]:
        """Hear a source out and carry out each utterance as soon as it is over.

        Yields what is heard, and after each final hypothesis what became of it. An utterance that cannot be
        carried out does not end the listening. `name` says where the sound came from. Raises AudioFailed,
        ModelFailed, JournalError.
        """
        from engine.events import Hypothesis, Rejected, SpeechStopped

        _load_what_a_command_needs()
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
                        done = self.try_hypothesis(event, mode=mode, take=take, hangover_samples=hangover)
                        yield done
                        if isinstance(done, Outcome) and done.stops:
                            return
            except (VoiceEditError, KeyboardInterrupt) as error:
                self._keep_unheard(error, mode, take, handled)
                raise

    def listen_again(
        self, record: UtteranceRecord, engine: Engine, settings: Settings
    ) -> Iterator[Heard | Outcome | Failure]:
        """Hear the kept recording of `record` once more and carry it out as a retry; nothing is recorded
        anew.

        An utterance that was heard out is fed as it was at first; sound that was not is listened to like a
        source. Yields as `listen`. Raises AudioGone, AudioFailed, ModelFailed, JournalError.
        """
        from engine.events import Hypothesis

        assert record.mode != "transcribe", "a transcription has no file to be applied to"
        span = self.journal.audio(record.id)
        hangover = (record.timing or {}).get("hangover_samples")
        if span.end_sample is None or hangover is None:
            heard: Iterable[Heard] = pipeline.hear(pipeline.open_kept(span), engine, settings)
        else:
            samples = audio_store.load(span.path, span.start_sample, span.end_sample + hangover)
            heard = [pipeline.hear_utterance(samples, span.end_sample - span.start_sample, engine, settings)]
        for event in heard:
            yield event
            if isinstance(event, Hypothesis) and event.kind == "final":
                mode, number = record.mode, record.id
                yield self.try_hypothesis(event, mode=mode, retry_of=number, hangover_samples=hangover)

    def try_hypothesis(
        self,
        hypothesis: Hypothesis,
        *,
        mode: Mode,
        take: Take | None = None,
        retry_of: int | None = None,
        hangover_samples: int | None = None,
    ) -> Outcome | Failure:
        """Carry out what was heard; a failure of the words or of the file is returned. Raises
        JournalError.
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

    def _keep_unheard(
        self, error: VoiceEditError | KeyboardInterrupt, mode: Mode, take: Take, start: int
    ) -> None:
        """Enter the sound that was recorded and not heard into the journal, so that `retry` finds it."""
        if take.samples - start < SHORTEST_UNHEARD_SAMPLES:
            return
        utterance = self.journal.begin_utterance(
            self.target.name, mode, take=take, start_sample=start, end_sample=take.samples
        )
        known = error if isinstance(error, VoiceEditError) else Interrupted("Interrupted while listening.")
        self.journal.failed(utterance, known)

    def _carry_out(self, utterance: int, understood: Understood) -> Outcome:
        from voice_edit.commands import Redo, Save, Stop, Undo

        match understood.commands:
            case (Undo(count=count) | Redo(count=count) as command,):
                return self._revert(utterance, understood, count, undoing=isinstance(command, Undo))
        stops = any(isinstance(command, Stop) for command in understood.commands)
        if understood.commands and all(isinstance(command, Stop | Save) for command in understood.commands):
            text = self.target.snapshot().text
            self.journal.applied(utterance, "The file is saved after every edit.")
            return Outcome(utterance, understood, text, text, stops=stops)
        return self._edit(utterance, understood, stops=stops)

    def _edit(self, utterance: int, understood: Understood, *, stops: bool) -> Outcome:
        from voice_edit import undo

        snapshot = self.target.snapshot()
        editor = self._editor_on(snapshot)
        edits = pipeline.perform(editor, understood)
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

    def _revert(self, utterance: int, understood: Understood, count: int, *, undoing: bool) -> Outcome:
        from voice_edit import undo

        reverted = (undo.undo if undoing else undo.redo)(self.journal, self.target, count)
        self.journal.applied(utterance, revert_message(reverted, undoing=undoing))
        self._editor = None
        before, after = reverted[0].text_before, reverted[-1].text_after
        return Outcome(utterance, understood, before, after, reverted=tuple(reverted))

    def _editor_on(self, snapshot: Snapshot) -> Editor:
        """The editor of the utterance before if the file still is what it left, else a new one.

        A new one starts where the journal knows that the last edit left the caret, or at the end of the text.
        """
        from voice_edit.document import Document, Selection
        from voice_edit.editor import Editor

        if self._editor is None or self._editor.document.text != snapshot.text:
            end = len(snapshot.text)
            anchor, head = self.journal.selection(snapshot.name, snapshot.version) or (end, end)
            document = Document(snapshot.text, Selection(anchor, head))
            self._editor = Editor(document, last_inserted=self._inserted_last(snapshot))
        return self._editor

    def _inserted_last(self, snapshot: Snapshot) -> tuple[tuple[int, int], ...]:
        """Spans that the last edit put in, if the file is still as it left it: for "I meant ..."."""
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


def _load_what_a_command_needs() -> None:
    """Import it before anybody speaks: at the first command it would be waited for (half a second when
    cold).
    """
    import voice_edit.editor
    import voice_edit.spoken
    import voice_edit.undo  # noqa: F401


def revert_message(reverted: Sequence[Reverted], *, undoing: bool) -> str:
    """One sentence on what was undone or redone, for the journal and for people."""
    done = "Undid" if undoing else "Redid"
    numbers = ", ".join(str(one.utterance) for one in reverted)
    return f"{done} utterance{'s' if len(reverted) > 1 else ''} {numbers}."
