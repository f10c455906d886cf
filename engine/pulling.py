"""Get a model: look what is there already, ask the hub what the rest is, fetch, check, then make it active.

Nothing of it is used before all of it was checked: first the bytes (SHA-256, read back from the disk), then
whether they are a model, its projector, its drafter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from engine import download, model_store
from engine.download import Expected, Hub, Patience, Stage
from engine.errors import DownloadError, ModelCorrupt, ModelError, ModelUnsupported
from engine.gguf_header import projector_kind, read_header, require_model
from engine.model_rows import ModelRow, Part, RemoteFile
from engine.model_store import Checked, StoredFile, StoredModel

PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class Step:
    """How far a pull is."""

    file: RemoteFile
    stage: Stage
    done: int
    """Bytes of this file; of what is checked, when it is checked."""
    size: int
    fetched: int
    """Bytes of all files that are here."""
    total: int
    """Bytes of all files."""
    note: str = ""
    """Why it waits."""


class OnPull(Protocol):
    """Told every step, several times a second."""

    def __call__(self, step: Step) -> None: ...


@dataclass(frozen=True, slots=True)
class Planned:
    """One file that a pull would bring."""

    file: RemoteFile
    here: int
    """Bytes that are here already: all of them for a file that was checked, less for one on its way."""

    @property
    def missing(self) -> int:
        """Bytes to fetch, 0 where its size is not known."""
        return max(0, self.file.size - self.here)


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did."""

    model: StoredModel
    fetched: int
    """Bytes that were fetched."""
    already: bool = False
    """It was all here."""
    first_use: tuple[str, ...] = ()
    """Files whose hash only the hub told."""
    left_out: tuple[str, ...] = field(default=())
    """Why the drafter is missing; the model works without."""


def plan(row: ModelRow, folder: Path, *, drafter: bool = True) -> list[Planned]:
    """What a pull would bring, as far as it is known without asking anybody. Raises ModelCorrupt."""
    pinned = model_store.pins(folder)
    active = _active(folder, row.name)
    planned = []
    for file in wanted(row, drafter=drafter):
        known = _with_pin(file, pinned)
        have = active.get(known.sha256)
        part = model_store.part_path(folder, known.sha256 or "-")
        here = known.size if have else part.stat().st_size if part.exists() else 0
        planned.append(Planned(known, here))
    return planned


def wanted(row: ModelRow, *, drafter: bool = True) -> Sequence[RemoteFile]:
    """The files of a pull. Raises ModelError for the bundled model."""
    if not row.files:
        raise ModelError(
            f"the model '{row.name}' ships with the program", hint=f"Use it: voice-edit model use {row.name}"
        )
    return [file for file in row.files if drafter or file.required]


def pull(
    row: ModelRow,
    folder: Path,
    hub: Hub,
    *,
    drafter: bool = True,
    on_step: OnPull = lambda step: None,
    patience: Patience = PATIENCE,
) -> Pulled:
    """Bring a model and make it active.

    Raises DownloadError (HubUnreachable, HubRefused, WrongBytes), DiskFull, StoreBusy, ModelCorrupt,
    ModelUnsupported, ModelError. Whatever it raises, and whatever ends the process, what was active still is,
    and what was fetched is not fetched again.
    """
    files = wanted(row, drafter=drafter)
    with model_store.alone(folder):
        job = _Job(row, folder, hub, on_step, patience)
        expected: dict[str, Expected] = {}
        for file in files:
            with job.optional(file):
                expected[file.name] = job.expect(file)
        job.total = sum(one.size for one in expected.values())
        model_store.require_space(folder, job.missing(files, expected))
        checked = []
        for file in files:
            if file.name in expected:
                with job.optional(file):
                    checked.append(job.bring(file, expected[file.name]))
        already = not job.fetched and _active(folder, row.name).keys() == {one.file.sha256 for one in checked}
        model = model_store.activate(folder, row.name, checked)
        for one in checked:
            if one.file.first_use:
                model_store.pin(folder, one.file.origin, one.file.sha256, one.file.size)
        first_use = tuple(one.file.name for one in checked if one.file.first_use)
        return Pulled(model, job.fetched, already, first_use, tuple(job.left_out))


class _Job:
    """One pull."""

    def __init__(self, row: ModelRow, folder: Path, hub: Hub, on_step: OnPull, patience: Patience) -> None:
        self.row, self.folder, self.hub, self.patience = row, folder, hub, patience
        self.total = 0
        self.fetched = 0
        self.left_out: list[str] = []
        self._tell = on_step
        self._done = 0
        self._pins = model_store.pins(folder)
        self._active = _active(folder, row.name)
        self._elsewhere = {
            file.sha256: model
            for model in model_store.stored(folder)
            for file in model.files
            if not file.damaged
        }

    def optional(self, file: RemoteFile) -> _Optional:
        """A drafter that cannot be had is told and left out."""
        return _Optional(file, self.left_out)

    def expect(self, file: RemoteFile) -> Expected:
        """What the file must be. The hub is only asked where it is to be fetched, or nobody else knows."""
        known = _with_pin(file, self._pins)
        pinned = Expected(known.size, known.sha256, first_use=True) if not file.sha256 else None
        if known.sha256 and known.size and (known.sha256 in self._elsewhere or self.hub.cached(file)):
            return Expected(known.size, known.sha256, first_use=not file.sha256)
        answer = download.ask(self.hub, file, self.patience, self._telling(file, file.size))
        return download.expect(file, answer, pinned)

    def missing(self, files: Sequence[RemoteFile], expected: dict[str, Expected]) -> int:
        """Bytes that the disk must have room for."""
        missing = 0
        for file in files:
            one = expected.get(file.name)
            if one is not None and one.sha256 not in self._elsewhere:
                part = model_store.part_path(self.folder, one.sha256)
                missing += max(0, one.size - (part.stat().st_size if part.exists() else 0))
        return missing

    def bring(self, file: RemoteFile, expected: Expected) -> Checked:
        """The file, checked: from another model, from the hub's own cache, or from the hub."""
        tell = self._telling(file, expected.size)
        found = self._found(file, expected, tell)
        ours = found is None
        if found is None:
            found = model_store.part_path(self.folder, expected.sha256)
            self.fetched += download.fetch(self.hub, file, expected, found, tell, self.patience)
        try:
            require(file.part, found)
        except ModelError as error:
            if ours:
                found.unlink(missing_ok=True)
            raise type(error)(f"{file} is not what it should be: {error}") from error
        self._done += expected.size
        origin = f"{file.repo}@{file.revision}/{file.path}"
        stored = StoredFile(
            part=file.part, name=file.name, size=expected.size, sha256=expected.sha256, origin=origin,
            first_use=expected.first_use,
        )  # fmt: skip
        return Checked(stored, found, ours)

    def _found(self, file: RemoteFile, expected: Expected, tell: download.OnStep) -> Path | None:
        """The same bytes on this machine, checked."""
        places: list[Path] = []
        if (model := self._elsewhere.get(expected.sha256)) is not None:
            places += [model.folder / one.name for one in model.files if one.sha256 == expected.sha256]
        if (cached := self.hub.cached(file)) is not None:
            places.append(cached)
        for place in places:
            try:
                if download.matches(place, expected, tell):
                    return place
            except OSError:
                continue
        return None

    def _telling(self, file: RemoteFile, size: int) -> download.OnStep:
        def tell(stage: Stage, done: int, note: str = "") -> None:
            here = self._done + (done if stage in ("fetching", "waiting") else size)
            self._tell(Step(file, stage, done, size, min(here, self.total), self.total, note))

        return tell


class _Optional:
    """Lets a required file's failure out; a drafter's is kept as a sentence."""

    def __init__(self, file: RemoteFile, left_out: list[str]) -> None:
        self._file, self._left_out = file, left_out

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if self._file.required or not isinstance(error, DownloadError | ModelCorrupt | ModelUnsupported):
            return False
        self._left_out.append(str(error))
        return True


def require(part: Part, path: Path) -> None:
    """The file is of the kind that this part of a model is. Raises ModelCorrupt, ModelUnsupported, ..."""
    header = read_header(path)
    if part == "model":
        require_model(header)
    elif part == "projector":
        if not projector_kind(header):
            raise ModelUnsupported(f"{path}: a projector that takes no sound")
    elif header.architecture != "gemma4-assistant":
        raise ModelUnsupported(f"{path}: is no drafter, its architecture is '{header.architecture}'")


def _with_pin(file: RemoteFile, pinned: dict[str, dict[str, object]]) -> RemoteFile:
    """With hash and size as they were taken on first use, where the catalogue does not tell them."""
    pin = pinned.get(f"{file.repo}@{file.revision}/{file.path}")
    if file.sha256 or pin is None:
        return file
    return replace(file, sha256=str(pin["sha256"]), size=int(str(pin["size"])))


def _active(folder: Path, name: str) -> dict[str, StoredFile]:
    """Usable files of the active model, by hash; a spoilt manifest counts as none."""
    try:
        model = model_store.read(folder, name)
    except ModelCorrupt:
        return {}
    return {file.sha256: file for file in model.files if not file.damaged} if model else {}
