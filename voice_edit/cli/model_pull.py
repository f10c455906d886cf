"""`voice-edit model pull`: what it says before the first byte, and while they arrive."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from voice_edit.cli.model import gb

if TYPE_CHECKING:
    from engine.fit import Needs
    from engine.model_rows import ModelRow
    from engine.pulling import OnPull, Planned, Pulled, Step
    from voice_edit.cli.options import Invocation
    from voice_edit.cli.output import Output
    from voice_edit.config import Settings

EVERY_S = 1.0
"""How often progress is told in JSON."""
EVERY_PERCENT = 10
"""How often it is told where nobody watches a terminal."""


def pull(run: Invocation, name: str, *, drafter: bool, dry_run: bool, anyway: bool) -> Pulled | None:
    """Say what will be done, do it, say what was done. Raises ModelFailed, Interrupted."""
    from voice_edit import models
    from voice_edit.errors import Interrupted
    from voice_edit.pipeline import failures_named

    output, settings, paths = run.output(), run.settings(), run.paths()
    with failures_named():
        from engine import pulling
        from engine.model_rows import row_of

        row = row_of(name)
        planned = pulling.plan(row, paths.models, drafter=drafter)
        needs = models.needs_of_row(row, settings)
        _say_plan(output, row, planned, str(paths.models))
        _say_fit(output, row, needs, settings, anyway=anyway or dry_run)
        if dry_run:
            return None
        hub = _hub()
        try:
            with _progress(output, row.name) as on_step:
                done = pulling.pull(row, paths.models, hub, drafter=drafter, on_step=on_step)
        except KeyboardInterrupt:
            raise Interrupted(
                "Interrupted.",
                hint=f"What was fetched is kept: voice-edit model pull {name} goes on from there.",
            ) from None
    _say_done(output, done)
    return done


def _hub() -> Any:
    """The one of the environment; imported only when something is really to be fetched."""
    from engine._hub import HuggingFaceHub

    return HuggingFaceHub()


def _say_plan(output: Output, row: ModelRow, planned: list[Planned], folder: str) -> None:
    """What would be fetched, file by file."""
    files = [
        {
            "file": one.file.name, "part": one.file.part, "repo": one.file.repo,
            "revision": one.file.revision, "bytes": one.file.size or None, "bytes_here": one.here,
            "sha256": one.file.sha256 or None,
        }
        for one in planned
    ]  # fmt: skip
    missing = sum(one.missing for one in planned)
    lines = [row.title]
    for one in planned:
        size = f"{gb(one.file.size)} GB" if one.file.size else "size unknown"
        state = ", here" if one.file.size and not one.missing else ""
        state = f", {gb(one.here)} GB of it here" if one.here and one.missing else state
        unknown = "" if one.file.sha256 else ", hash unknown: the hub's word is taken this first time"
        lines.append(f"  {one.file.name}   {size}{state}   {one.file.repo}{unknown}")
    if missing or not all(one.file.size for one in planned):
        lines.append(f"To fetch: {gb(missing)} GB, into {folder}")
    output.result(
        {"plan": row.name, "files": files, "fetch_bytes": missing, "folder": folder}, "\n".join(lines)
    )


def _say_fit(output: Output, row: ModelRow, needs: Needs | None, settings: Settings, *, anyway: bool) -> None:
    """Whether it fits. Raises ModelTooLarge with the numbers, unless that does not matter."""
    from engine import fit
    from engine.errors import ModelTooLarge

    if needs is None:
        return
    place = fit.place(needs, fit.machine(), settings.engine.loading())
    verdict = "fits" if place.fits else "does NOT fit"
    output.result(
        {"memory_bytes": needs.total, "fits": place.fits, "where": place.where, "said": place.said},
        f"It {verdict}: it needs {place.said}.",
    )
    if not place.fits and not anyway:
        raise ModelTooLarge(
            f"{row.name} does not fit into this machine's memory; nothing was fetched",
            hint="Take a smaller one (voice-edit model list), free some memory, or fetch it --anyway.",
        )


def _say_done(output: Output, done: Pulled) -> None:
    model = done.model
    for why in done.left_out:
        output.warn(f"Without its drafter: {why}", "The model works without it, only slower.")
    if done.first_use:
        output.note(
            f"The hash of {', '.join(done.first_use)} is the hub's own word, trusted this once and kept."
        )
    data = {
        "model": model.name, "folder": str(model.folder), "fetched_bytes": done.fetched,
        "already_here": done.already, "trusted_on_first_use": list(done.first_use),
        "left_out": list(done.left_out),
        "files": [{"file": one.name, "bytes": one.size, "sha256": one.sha256} for one in model.files],
    }  # fmt: skip
    if done.already:
        output.result(data, f"{model.name} was here already; every byte of it is right.")
    else:
        output.result(
            data, f"{model.name} is ready: every byte checked. Use it: voice-edit model use {model.name}"
        )


@contextmanager
def _progress(output: Output, name: str) -> Iterator[OnPull]:
    """Tells the steps: as a bar, as JSON once a second, or as a line for every tenth."""
    if output.shows_progress:
        with _bar(output, name) as on_step:
            yield on_step
        return
    last_s, last_percent = -EVERY_S, -1

    def told(step: Step) -> None:
        nonlocal last_s, last_percent
        now_s = time.monotonic()
        percent = step.fetched * 100 // step.total if step.total else 0
        if output.as_json:
            if now_s - last_s >= EVERY_S:
                last_s = now_s
                output.result(
                    {
                        "pull": name, "stage": step.stage, "file": step.file.name, "fetched": step.fetched,
                        "total": step.total, "note": step.note,
                    }
                )  # fmt: skip
        elif step.stage == "waiting":
            output.note(f"waiting, then on from {gb(step.fetched)} GB: {step.note}")
        elif percent // EVERY_PERCENT > last_percent // EVERY_PERCENT:
            last_percent = percent
            output.note(f"{percent:3d} %  {gb(step.fetched)} of {gb(step.total)} GB")

    yield told


@contextmanager
def _bar(output: Output, name: str) -> Iterator[OnPull]:
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        TimeRemainingColumn(), TextColumn("[dim]{task.fields[note]}"),
    )  # fmt: skip
    with Progress(*columns, console=output.err, transient=True) as bar:
        task = bar.add_task(name, total=None, note="")

        def told(step: Step) -> None:
            from rich.markup import escape

            note = step.file.name if step.stage == "fetching" else f"{step.stage} {step.file.name}"
            if step.stage == "checking" and step.size:
                note += f" {step.done * 100 // step.size} %"
            note = f"{note}: {step.note}" if step.note else note
            bar.update(task, total=step.total or None, completed=step.fetched, note=escape(note))

        yield told
