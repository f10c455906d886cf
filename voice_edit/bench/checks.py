"""What is refused before an hour is spent on it, or seven gigabytes written for it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from voice_edit.bench import tables
from voice_edit.errors import ModelFailed, UsageError

if TYPE_CHECKING:
    from engine.catalog import ModelFiles
    from voice_edit.bench.ways import Way

LAID_OUT_ANEW = 0.8
"""Share of a model's file that each engine on the processor holds once more in memory, laid out for it:
measured with the 1b shape, where embeddings, which stay as they are, are a quarter of the file."""


def refuse_contradictions(shape: str | None, model: str | None, projector: Path | None, keep: bool) -> None:
    """Options of which one would be ignored. Raises UsageError."""
    if shape is not None and model is not None:
        raise UsageError("--shape stands in for a model; --model names one.", hint="Give one of the two.")
    if shape is not None and projector is not None:
        raise UsageError(
            "--shape writes a projector of its own; --projector names one.", hint="Give one of the two."
        )
    if keep and shape is None:
        raise UsageError(
            "--keep is about the files that --shape writes.", hint="Give --shape too, or leave --keep out."
        )


def make_folder(folder: Path) -> None:
    """Make the folder for the results and see that it can be written. Raises UsageError."""
    hint = "Name another folder: --output FOLDER"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise UsageError(f"{folder} is no folder.", hint=hint) from error
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}.", hint=hint) from error
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".bench-") as probe:
            probe.write(b"\n")
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}.", hint=hint) from error


def require_drafter(ways: Sequence[Way], files: ModelFiles) -> None:
    """Raise UsageError where a way needs a drafter and the model has none."""
    asked = [way.key for way in ways if way.speed.mtp]
    if asked and files.drafter is None:
        raise UsageError(
            f"--ways {asked[0]}: there is no drafter for the model {files.name}.",
            hint="Put its drafter (mtp-*.gguf) beside the model, or name other ways.",
        )


def require_memory(n_bytes: int, ways: Sequence[Way], available: int | None) -> None:
    """Raise ModelFailed where engines that compute on the processor would not fit beside each other.

    `n_bytes`: the size of the model's file; `available`: memory that can still be had, None where nobody
    knows.
    """
    kinds = {way.engine for way in ways}
    needed = round(n_bytes * LAID_OUT_ANEW) * len(kinds)
    if available is None or needed <= available:
        return
    fewer = "These ways open the model twice; without `peer`, once: --ways stream,draft,prepared. "
    raise ModelFailed(
        f"About {tables.size(needed)} of memory are needed and {tables.size(available)} are free.",
        hint=(fewer if len(kinds) > 1 else "") + "End other programs, or measure a smaller model.",
    )
