"""The process that hears one variant: `python -m voice_edit.evaluation.worker`, started by `runner`.

It is told its job in one line on stdin, and answers with one line for each thing that happens. When stdin
ends, whoever started it is gone, and so is it. The model is in no other process, so the most memory that this
one held is the model's, and a model that makes llama.cpp abort ends nothing else.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.opening import LocalEngine
    from engine.speech import SpeechEngine
    from voice_edit.config import Settings
    from voice_edit.evaluation.variants import Variant
    from voice_edit.paths import Paths


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is to do."""

    folder: str
    split: str | None
    variant: dict[str, Any]
    overrides: dict[str, dict[str, Any]]
    """Settings from the command line."""
    keys: list[str]
    """Items that are to be heard, in this order."""
    scratch: str
    """A folder for the journal of what is edited; whoever is left of the two processes removes it."""


def main() -> None:
    """Do a job."""
    # What libraries print on stdout must not get between our lines.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="surrogatepass")
    os.dup2(2, 1)
    job = Job(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_die_with_parent, args=(job.scratch,), daemon=True).start()
    from voice_edit.errors import Fault, VoiceEditError

    try:
        _work(job, answers)
    except VoiceEditError as error:
        _say(answers, {"error": error.to_json()})
    except Exception as error:
        fault = Fault(f"A fault in voice-edit itself: {type(error).__name__}: {error}")
        _say(answers, {"error": fault.to_json()})
        raise


def _work(job: Job, answers: IO[str]) -> None:
    """Raises VoiceEditError."""
    from voice_edit.bench import resources
    from voice_edit.config import load_settings
    from voice_edit.evaluation.carrying import open_desk
    from voice_edit.evaluation.hearing import Ear
    from voice_edit.evaluation.layouts import read_folder
    from voice_edit.evaluation.one_pass import OnePass
    from voice_edit.evaluation.variants import ONE_PASS, Variant, settings_of
    from voice_edit.paths import Paths

    variant = Variant(**job.variant)
    paths = Paths.from_environment()
    settings = settings_of(variant, load_settings(paths, overrides=job.overrides))
    items = {item.key: item for item in read_folder(Path(job.folder), split=job.split).items}
    with ExitStack() as stack:
        desk = stack.enter_context(open_desk(settings, Path(job.scratch)))
        before, gpu_before = resources.memory().resident, resources.gpu_memory_mb()
        engine = open_ear(variant, settings, paths)
        stack.callback(engine.close)
        after, gpu_after = resources.memory().resident, resources.gpu_memory_mb()
        one_pass = OnePass(_local(engine)) if variant.prompt == ONE_PASS else None
        grown = None if before is None or after is None else after - before
        on_gpu = None if gpu_before is None or gpu_after is None else gpu_after - gpu_before
        _say(answers, {"ready": {"opened_bytes": grown, "gpu_mb": on_gpu, "model": engine.files.name}})
        ear = Ear(engine, variant.way, settings, desk, one_pass)
        for key in job.keys:
            _say(answers, {"begun": key})
            _say(answers, {"heard": ear.hear(items[key]).to_json()})


def open_ear(variant: Variant, settings: Settings, paths: Paths) -> SpeechEngine:
    """The engine of a variant with its prompt. `settings`: the variant's. Raises ModelFailed, UsageError."""
    from voice_edit import pipeline
    from voice_edit.evaluation.prompts import PromptSwitch
    from voice_edit.evaluation.variants import ONE_PASS, SERVER, USUAL

    if variant.engine == SERVER:
        from voice_edit import engines

        return engines.open_local(settings, paths)
    with pipeline.failures_named():
        engine = _open_local(variant, settings, paths)
    try:
        if variant.prompt not in (USUAL, ONE_PASS):
            PromptSwitch(engine).choose(variant)
    except BaseException:
        engine.close()
        raise
    return engine


def _open_local(variant: Variant, settings: Settings, paths: Paths) -> LocalEngine:
    from engine.opening import open_engine
    from engine.speed import PLAIN, Speed
    from voice_edit import pipeline

    files = pipeline.find_model(settings, paths)
    chosen = settings.engine
    context, threads, loading = chosen.context_tokens, chosen.threads, chosen.loading()
    if variant.way == "batch":
        from engine.batch_audio import BatchEngine

        return BatchEngine.open(files, n_ctx=context, n_threads=threads, loading=loading, speed=PLAIN)
    speed = Speed() if variant.way == "streamed" else PLAIN
    return open_engine(files, n_ctx=context, n_threads=threads, loading=loading, speed=speed)


def _local(engine: SpeechEngine) -> LocalEngine:
    from engine.batch_audio import BatchEngine
    from engine.session import Engine

    assert isinstance(engine, Engine | BatchEngine), "only our own engines are asked for commands"
    return engine


def _say(answers: IO[str], message: dict[str, Any]) -> None:
    answers.write(json.dumps(message, ensure_ascii=False) + "\n")
    answers.flush()


def _die_with_parent(scratch: str) -> None:
    """Also in the middle of an item: nobody is there to take what comes of it."""
    sys.stdin.read()
    shutil.rmtree(scratch, ignore_errors=True)  # it holds what was said
    os._exit(1)


if __name__ == "__main__":
    main()
