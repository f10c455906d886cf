"""Has every variant hear every item, each variant in a process of its own, and keeps what comes of it.

What is in the results already is not heard again. A process that dies takes one item with it, which counts
as an item that could not be heard.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING, Any

from voice_edit.errors import ModelFailed, RemoteFailure, UsageError
from voice_edit.evaluation.dataset import Dataset
from voice_edit.evaluation.outcomes import Heard
from voice_edit.evaluation.store import Store
from voice_edit.evaluation.variants import SERVER, Variant, fingerprint, settings_of
from voice_edit.evaluation.worker import Job

if TYPE_CHECKING:
    from voice_edit.config import Settings
    from voice_edit.evaluation.dataset import Item
    from voice_edit.paths import Paths

MOST_DEATHS = 3
"""A variant whose process dies more often is given up."""


@dataclass(frozen=True, slots=True)
class Task:
    """One variant, and what names its outcomes."""

    variant: Variant
    fingerprint: str
    about: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """What all variants have in common."""

    dataset: Dataset
    split: str | None
    overrides: dict[str, dict[str, Any]]
    on_item: Callable[[Task, Heard, bool], None] = lambda task, heard, is_new: None
    """Told of each outcome, those included that were known."""


def tasks(chosen: Sequence[Variant], settings: Settings, paths: Paths, program: str) -> list[Task]:
    """What there is to do for each variant. Raises ModelFailed for files that are missing."""
    from voice_edit import pipeline

    found = []
    for variant in chosen:
        own = settings_of(variant, settings)
        files = None if variant.engine == SERVER else pipeline.find_model(own, paths)
        try:
            found.append(Task(variant, *fingerprint(variant, files, own, program)))
        except OSError as error:
            raise ModelFailed(
                f"{error.filename} cannot be read: {error.strerror}.", hint="Check its permissions."
            ) from error
    return found


def execute(run: Run, tasks: Sequence[Task], store: Store) -> dict[str, list[Heard]]:
    """All outcomes by the variants' fingerprints, in the order of the items. Raises ModelFailed, UsageError;
    what was heard until then is kept.
    """
    prints = {item.key: _fingerprint(item) for item in run.dataset.items}
    found = {}
    for task in tasks:
        _hear(run, task, store, prints)
        kept = store.variant(task.fingerprint)
        found[task.fingerprint] = [kept.outcomes[item.key][1] for item in run.dataset.items]
    return found


def _fingerprint(item: Item) -> str:
    try:
        return item.fingerprint()
    except OSError as error:
        raise UsageError(f"{item.audio} cannot be read: {error.strerror}.", hint="Check it.") from error


def _hear(run: Run, task: Task, store: Store, prints: Mapping[str, str]) -> None:
    kept = store.variant(task.fingerprint)
    todo = []
    for key, print_ in prints.items():
        known = kept.heard(key, print_)
        if known is None:
            todo.append(key)
        else:
            run.on_item(task, known, False)
    if not todo:
        return
    store.tell(task.fingerprint, task.about)
    deaths = 0
    while todo:
        lost, message = None, ""
        for answer in _answers(run, task.variant, todo):
            if "ready" in answer:
                store.tell(task.fingerprint, answer["ready"])
            elif "begun" in answer:
                lost = answer["begun"]
            elif "heard" in answer:
                heard = Heard.from_json(answer["heard"])
                store.add(task.fingerprint, prints[heard.key], heard)
                run.on_item(task, heard, True)
                todo.remove(heard.key)
                lost = None
            else:
                message = answer["died"]
        if not todo:
            return
        deaths += 1
        if lost is None or deaths > MOST_DEATHS:
            raise ModelFailed(
                f"The process of {task.variant.engine} ended {deaths} times{message}.",
                hint="`voice-edit transcribe --model ...` may tell more; the other items can still be heard.",
            )
        heard = Heard(key=lost, error="engine_died", message=f"The process ended{message}.")
        store.add(task.fingerprint, prints[lost], heard)
        run.on_item(task, heard, True)
        todo.remove(lost)


def _answers(run: Run, variant: Variant, keys: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What a worker says, and at last `died`, if it did. Raises what it could not do."""
    with (
        tempfile.TemporaryDirectory(prefix="voice-edit-eval-", ignore_cleanup_errors=True) as scratch,
        _worker() as (process, complaints),
    ):
        job = Job(str(run.dataset.folder), run.split, asdict(variant), run.overrides, list(keys), scratch)
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(asdict(job), default=str) + "\n")
            process.stdin.flush()
            for line in process.stdout:
                answer = json.loads(line)
                if "error" in answer:
                    raise RemoteFailure(answer["error"])
                yield answer
        except BrokenPipeError:
            pass
        code = process.wait()
        if code:
            complaints.seek(0)
            last = complaints.read().decode(errors="replace").strip().rpartition("\n")[2]
            how = f" by signal {-code}" if code < 0 else f" with exit code {code}"
            yield {"died": f"{how}: {last}" if last else how}


@contextmanager
def _worker() -> Iterator[tuple[subprocess.Popen[str], IO[bytes]]]:
    """A process that ends when this does."""
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            [sys.executable, "-m", "voice_edit.evaluation.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            encoding="utf-8",
            errors="surrogatepass",
        )
        try:
            yield process, complaints
        finally:
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                with suppress(BrokenPipeError):
                    pipe.close()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
