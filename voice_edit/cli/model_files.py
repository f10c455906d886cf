"""`voice-edit model remove`, `verify` and `import`: the files of models that are here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from voice_edit.cli.model import gb
from voice_edit.errors import ModelFailed, UsageError
from voice_edit.pipeline import failures_named

if TYPE_CHECKING:
    from engine.model_store import StoredModel
    from voice_edit.cli.options import Invocation
    from voice_edit.cli.output import Output
    from voice_edit.paths import Paths


def remove(run: Invocation, name: str) -> None:
    """Remove a model and what was begun of it. Raises UsageError, ModelFailed."""
    with failures_named():
        from engine import model_store, pulling
        from engine.model_rows import is_name, model_rows

        output, paths, settings = run.output(), run.paths(), run.settings()
        row = model_rows().get(name)
        if row is not None and row.shipped:
            raise UsageError(f"The model '{name}' ships with the program.", hint="It takes 20 MB and stays.")
        if settings.engine.model == name:
            raise UsageError(
                f"The model '{name}' is in use.", hint="Use another one first: voice-edit model use bundled"
            )
        if settings.fallback.engine == name:
            raise UsageError(
                f"The model '{name}' is the second engine.",
                hint=f"Name another one, or none, as fallback.engine in {paths.config_file}",
            )
        with model_store.alone(paths.models):
            removed = model_store.remove(paths.models, name) if is_name(name) else None
            freed = (removed or 0) + model_store.drop_imports(paths.models)
            for one in pulling.plan(row, paths.models) if row is not None else ():
                part = model_store.part_path(paths.models, one.file.sha256)
                if one.file.sha256 and part.exists():
                    freed += part.stat().st_size
                    part.unlink()
        if not freed and removed is None:
            known = ", ".join(model.name for model in model_store.stored(paths.models)) or "none"
            raise UsageError(f"There is nothing of a model '{name}' here.", hint=f"Here are: {known}.")
        output.result(
            {"removed": name, "freed_bytes": freed}, f"Removed {name}; {gb(freed)} GB are free again."
        )


def verify(run: Invocation, name: str | None) -> None:
    """Compare hashes. Raises ModelFailed for a damaged file, UsageError for a name of nothing."""
    with failures_named():
        from engine import model_store

        output, paths = run.output(), run.paths()
        bad: dict[str, str] = {}
        if name is None:
            found = model_store.stored(paths.models)
            for spoilt, error in model_store.spoilt(paths.models).items():
                output.result({"model": spoilt, "ok": False, "error": str(error)}, f"{spoilt:<22}{error}")
                bad[spoilt] = error.hint
        else:
            one = model_store.read(paths.models, name)
            if one is None:
                raise UsageError(
                    f"No model '{name}' was fetched or imported.", hint="See: voice-edit model list"
                )
            found = [one]
        if not found and not bad:
            output.note("No model was fetched or imported.")
        for model in found:
            if not _verified(output, paths, model):
                bad[model.name] = model_store.how_again(model.name, model.files)
        if bad:
            raise ModelFailed(
                f"Damaged, and not used any more: {', '.join(bad)}.", hint="\n".join(bad.values())
            )


def _verified(output: Output, paths: Paths, model: StoredModel) -> bool:
    """Whether every file of it is what it was."""
    from engine import model_store

    with output.progress(f"Reading {model.name}", model.size) as advance:
        done, damaged = 0, set()
        rows: list[tuple[dict[str, object], str]] = []
        for file in model.files:

            def more(n: int, name: str = file.name) -> None:
                nonlocal done
                done += n
                advance(done, name)

            try:
                digest = model_store.digest(model.folder / file.name, more)
            except OSError as error:
                digest = f"cannot be read: {error.strerror}"
            right = digest == file.sha256
            if not right:
                damaged.add(file.name)
            said = "right" if right else "DAMAGED"
            rows.append(
                (
                    {
                        "model": model.name,
                        "file": file.name,
                        "ok": right,
                        "sha256": digest,
                        "origin": file.origin,
                    },
                    f"{model.name:<22}{file.name:<44}{said}",
                )
            )
    for data, shown in rows:
        output.result(data, shown)
    if damaged != {file.name for file in model.files if file.damaged}:
        with model_store.alone(paths.models):
            model_store.mark_damaged(paths.models, model, damaged)
    return not damaged


def import_(
    run: Invocation, path: Path, *, name: str | None, projector: Path | None, drafter: Path | None, move: bool
) -> None:
    """Take files into the store. Raises ModelFailed."""
    with failures_named():
        from engine import importing

        output, paths = run.output(), run.paths()
        sources = importing.find_sources(path, projector=projector, drafter=drafter)
        with output.progress("Importing", sources.size * (1 if move else 2)) as advance:
            model = importing.take(
                sources,
                paths.models,
                name=name,
                move=move,
                on_import=lambda what, done, total: advance(done, what),
            )
    files = [
        {"part": one.part, "file": one.name, "bytes": one.size, "sha256": one.sha256} for one in model.files
    ]
    output.result(
        {"model": model.name, "folder": str(model.folder), "files": files},
        f"{model.name} is ready ({', '.join(one.name for one in model.files)}). "
        f"Use it: voice-edit model use {model.name}",
    )
