"""Main street: the stages in the order of the data. Read this file first.

    recording ─► open_recording   checked and refused before anything happens
              ─► hear             endpointing, frames, projection, prefill, words   (the engine)
    words     ─► understand       spoken-command grammar, or plain dictation
    commands  ─► perform          on a pure document: edits that know their inverse
    edits     ─► journal, target  written down first, applied, read back            (editing.py)

Nothing here prints, and everything heavy is imported when it is used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from voice_edit.errors import AudioFailed, Interrupted, ModelFailed, NotUnderstood, UsageError

if TYPE_CHECKING:
    from engine.catalog import ModelFiles
    from engine.client import EngineState
    from engine.endpointing import EndpointingSettings
    from engine.events import Hypothesis, Level, Rejected, Samples, SpeechStarted, SpeechStopped
    from engine.source import AudioSource, PcmSource, WavSource
    from engine.speech import SpeechEngine, SpeechSession
    from voice_edit.commands import AnyCommand
    from voice_edit.config import Paths, Settings
    from voice_edit.document import Edit
    from voice_edit.editor import Editor
    from voice_edit.engines import OpenedEngine, ResidentEngine
    from voice_edit.journal.records import AudioSpan
    from voice_edit.manners.fitting import Meant
    from voice_edit.manners.manners import Manners

    Heard: TypeAlias = Level | SpeechStarted | SpeechStopped | Hypothesis | Rejected

Mode: TypeAlias = Literal["dictate", "edit"]
"""What the words are for. Whoever starts listening decides, never the words."""


# --- sound ----------------------------------------------------------------------------------------------


def open_recording(path: Path, *, paced: bool = False) -> WavSource:
    """A recording as a source, `paced` like a microphone or as fast as it is read. Raises AudioFailed naming
    it.
    """
    with failures_named():
        from engine.source import WavSource

        return WavSource(path, paced=paced)


def open_kept(span: AudioSpan) -> PcmSource:
    """The kept recording of an utterance as a source. Raises AudioGone, AudioFailed."""
    from voice_edit.journal import audio_store

    samples = audio_store.load(span.path, span.start_sample, span.end_sample)
    with failures_named():
        from engine.source import PcmSource

        return PcmSource(samples)


def find_model(settings: Settings, paths: Paths) -> ModelFiles:
    """The files of the model in use. Raises ModelFailed, also where a server hears: it has none here."""
    from voice_edit import engines

    if engines.uses_server(settings):
        raise ModelFailed(
            "A server hears, so there are no model files here.",
            hint="Name a model for this: --model bundled, or a GGUF file.",
        )
    with failures_named():
        from engine import catalog

        return catalog.find_model(
            settings.engine.model, projector=settings.engine.projector, folder=paths.models
        )


def describe_model(settings: Settings, paths: Paths, name: str) -> tuple[dict[str, Any], str]:
    """What is known of a model, as data and as a card in Markdown; a known model's files need not be here.

    Raises ModelFailed for a name that nobody knows and a file that is no model.
    """
    from engine import catalog
    from engine.errors import ModelMissing

    with failures_named():
        known = name in catalog.model_names()
        card = catalog.model_card(name) if known else ""
        try:
            files = catalog.find_model(name, projector=settings.engine.projector, folder=paths.models)
        except ModelMissing:
            if not known:
                raise
            return {"name": name, "model": None, "projector": None}, card
    parts = {"model": files.model, "projector": files.projector}
    data: dict[str, Any] = {"name": files.name, "profile": files.profile.name}
    for part, path in parts.items():
        data |= {part: str(path), f"{part}_bytes": path.stat().st_size}
    if not known:
        rows = "".join(
            f"* {part}: `{path}` ({path.stat().st_size:,} bytes)\n" for part, path in parts.items()
        )
        card = f"# {files.name}\n\nNot in the catalogue; asked like `{files.profile.name}`.\n\n{rows}"
    return data, card


def open_model(settings: Settings, paths: Paths) -> OpenedEngine:
    """What hears, in this process and ready; see `engines.open_local`. Raises ModelFailed, UsageError."""
    from voice_edit import engines

    return engines.open_local(settings, paths)


def open_engine(
    settings: Settings, paths: Paths, on_state: Callable[[EngineState], None] | None = None
) -> ResidentEngine:
    """What hears for the daemon, not started yet; see `engines.open_resident`. Raises ModelFailed,
    UsageError.
    """
    from voice_edit import engines

    return engines.open_resident(settings, paths, on_state)


def hear(
    source: AudioSource,
    engine: SpeechEngine,
    settings: Settings,
    *,
    partials: bool = False,
    hold: bool = False,
    recorder: Callable[[Samples], None] | None = None,
    terms: Callable[[], Sequence[str]] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Heard]:
    """What is heard, as it happens: levels, begin and end of speech, partial (if asked for) and final words.

    `hold`: the speaker tells the end, so pauses do not; a `HeldSource` that was released may end before its
    tail is over (`microphone.release_quiet_ms`). `recorder` gets every chunk before anything else looks at
    it. `terms` is asked at the start of each utterance for names that may be said (see `vocabulary`); it must
    be quick. `clock` gives seconds that only grow. Raises AudioFailed, ModelFailed, Interrupted.
    """
    from engine.endpointing import hold_settings
    from engine.listening import listen
    from engine.vad import choose_detector

    chosen = settings.listening
    endpointing = _endpointing(settings, engine)
    if hold:
        endpointing = hold_settings(endpointing)
    with failures_named():
        detector = choose_detector(
            chosen.detector, aggressiveness=chosen.aggressiveness, floor_dbfs=chosen.floor_dbfs
        )
        yield from listen(
            source,
            engine,
            settings=endpointing,
            detector=detector,
            partial_every_ms=chosen.partial_every_ms,
            partials_shown=partials,
            release_quiet_ms=settings.microphone.release_quiet_ms if hold else None,
            recorder=recorder,
            terms=terms if engine.profile.terms else None,
            clock=clock,
        )


def hear_utterance(
    samples: Samples,
    speech_samples: int,
    engine: SpeechEngine,
    settings: Settings,
    *,
    terms: Sequence[str] = (),
    on_session: Callable[[SpeechSession], None] = lambda session: None,
) -> Hypothesis:
    """Hear one kept utterance again, fed exactly as at first: its sound, then a tail of fixed length.

    `samples` is float32[n]: the `speech_samples` of the utterance and the hangover that was waited through
    after them. The tail is that real sound as far as it goes, and zeros after it. `terms`: names that may be
    said, perhaps learnt since. `on_session` is given what can be cancelled. Raises ModelFailed, Interrupted.
    """
    import numpy as np

    from engine.frames import FRAME_SAMPLES, frames_in, ms_to_samples

    tail = ms_to_samples(_endpointing(settings, engine).tail_ms)
    real = samples[: speech_samples + tail]
    frames = np.zeros((frames_in(speech_samples + tail), FRAME_SAMPLES), dtype=np.float32)
    frames.reshape(-1)[: len(real)] = real
    with failures_named():
        session = engine.session(terms=terms)
        on_session(session)
        session.push(frames)
        return session.finish(end_sample=speech_samples)


def _endpointing(settings: Settings, engine: SpeechEngine) -> EndpointingSettings:
    """What the user set, and for the rest what the model wants. Raises UsageError."""
    from dataclasses import replace

    from engine.listening import settings_for

    chosen = settings.listening
    names = ("onset_ms", "hangover_ms", "pre_roll_ms", "min_speech_ms", "tail_ms", "limit_ms")
    values = {name: getattr(chosen, name) for name in names if getattr(chosen, name) is not None}
    try:
        return replace(settings_for(engine.profile), **values)
    except ValueError as error:
        raise UsageError(
            f"The settings in [listening] contradict each other: {error}.", hint="See docs/configuration.md."
        ) from error


# --- words ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Understood:
    """What one utterance asks for."""

    words: str
    """As heard or typed."""
    mode: Mode
    commands: tuple[AnyCommand, ...]
    """In the order they were said; empty in dictation, where the words themselves are wanted."""

    def to_data(self) -> list[Any]:
        """The commands as JSON says them."""
        import json

        from voice_edit.commands import to_json

        data: list[Any] = json.loads(to_json(self.commands))
        return data

    def to_text(self) -> str:
        """The commands in their compact form, for people."""
        from voice_edit.compact import one_line, to_compact

        if self.mode == "dictate":
            return "dictated"
        return ", then ".join(one_line(to_compact(command)) for command in self.commands)


def understand(words: str, *, mode: Mode) -> Understood:
    """What the words ask for. Dictated words ask for nothing but to be written down.

    Raises NotUnderstood.
    """
    from voice_edit.commands import Rewrite

    if not words.strip():
        raise NotUnderstood(
            "There are no words.", hint="Nothing was changed. Say or type what to do, or what to write."
        )
    if mode == "dictate":
        return Understood(words, mode, ())
    from voice_edit.spoken import grammar

    parsed = grammar.parse(words)
    if not parsed:
        raise NotUnderstood(f"“{words}” is no command that is known.")
    return Understood(words, mode, (parsed,) if isinstance(parsed, Rewrite) else tuple(parsed))


def perform(
    editor: Editor,
    understood: Understood,
    *,
    manners: Manners | None = None,
    meant: Callable[[str], Meant] | None = None,
) -> list[Edit]:
    """Carry it out on the editor's document, as one checkpoint. `manners`: of dictated words; None: the
    usual. `meant`: what the user's vocabulary makes of them.

    Raises NoMatch, Ambiguous, NothingToUndo, NothingToRedo, and NeedsWriter for words that ask for new text.
    """
    if understood.mode == "dictate":
        from voice_edit.manners.manners import USUAL

        return editor.dictate(understood.words, manners=manners or USUAL, meant=meant)
    return editor.perform(understood.commands)


# --- failures -------------------------------------------------------------------------------------------


@contextmanager
def failures_named() -> Iterator[None]:
    """The engine's failures as ours: with the exit code of their kind, their message and their hint."""
    from engine.errors import AudioError, Cancelled, EngineError

    try:
        yield
    except AudioError as error:
        raise AudioFailed(str(error), hint=error.hint) from error
    except Cancelled as error:
        raise Interrupted("Cancelled.") from error
    except EngineError as error:
        raise ModelFailed(str(error), hint=error.hint) from error
