"""Take files that somebody has already: another program's download, a model of their own.

They are checked, hashed, copied (or moved) into the store and become active like fetched ones. Where their
hashes are those of a model of the catalogue, they become that model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from engine import catalog, model_store
from engine.errors import EngineError, ModelCorrupt, ModelError, ModelMissing, ProjectorMismatch
from engine.gguf_header import read_header, require_model
from engine.model_rows import BUNDLED, Part, is_name, model_rows
from engine.model_store import Checked, StoredFile, StoredModel
from engine.pulling import require

TAKEN = (BUNDLED, "server")
"""Names that mean something else."""

OnImport = Callable[[str, int, int], object]
"""Told what happens to which file: (`checking a.gguf`, bytes done, bytes in all)."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Files to be imported, judged by what they say of themselves."""

    model: Path
    projector: Path
    drafter: Path | None

    @property
    def parts(self) -> tuple[tuple[Part, Path], ...]:
        """Each with what it is."""
        some: tuple[tuple[Part, Path], ...] = (("model", self.model), ("projector", self.projector))
        return (*some, ("drafter", self.drafter)) if self.drafter is not None else some

    @property
    def size(self) -> int:
        """Bytes of all."""
        return sum(path.stat().st_size for _, path in self.parts)


def find_sources(path: Path, *, projector: Path | None = None, drafter: Path | None = None) -> Sources:
    """What is to be imported: a GGUF with its projector beside it, or a folder with one of each.

    Raises ModelMissing, ModelCorrupt, ModelUnsupported, ProjectorUnsupported, ProjectorMismatch.
    """
    model = _model_in(path) if path.is_dir() else path
    header = read_header(model)
    width = require_model(header)
    projector = projector or catalog.projector_beside(model)
    require("projector", projector)
    made_for = read_header(projector).number("clip.audio.projection_dim")
    if made_for and made_for != width:
        raise ProjectorMismatch(
            f"{projector.name} makes soft tokens of {made_for} values, {model.name} takes {width}",
            projector_width=made_for,
            model_width=width,
        )
    named = drafter is not None
    drafter = drafter or catalog.drafter_beside(model)
    if drafter is not None:
        try:
            require("drafter", drafter)
        except EngineError:
            if named:
                raise
            drafter = None
    return Sources(model, projector, drafter)


def take(
    sources: Sources,
    folder: Path,
    *,
    name: str | None = None,
    move: bool = False,
    on_import: OnImport = lambda what, done, total: None,
) -> StoredModel:
    """Make them a model of that name; without one, of the catalogue's name, or one made from the file's.

    Raises ModelError, DiskFull, StoreBusy. Until the last step nothing has changed, and then nothing is left.
    """
    total = sources.size * (1 if move else 2)
    done = 0

    def told(what: str) -> Callable[[int], None]:
        def more(n: int) -> None:
            nonlocal done
            done += n
            on_import(what, done, total)

        return more

    if name is not None:
        _require_name(name)
    with model_store.alone(folder), _importing(folder):
        if not move or any(path.stat().st_dev != folder.stat().st_dev for _, path in sources.parts):
            model_store.require_space(folder, sources.size)
        checked: list[Checked] = []
        with model_store.storing(folder):
            for part, path in sources.parts:
                place = path
                if not move:
                    place = folder / model_store.PARTS / f"import-{part}.part"
                    model_store.copy(path, place, told(f"copying {path.name}"))
                digest = model_store.digest(place, told(f"checking {path.name}"))
                require(part, place)
                taken = {one.file.name.lower() for one in checked}
                called = path.name if path.name.lower() not in taken else f"{part}-{digest[:12]}.gguf"
                file = StoredFile(
                    part=part, name=called, size=place.stat().st_size, sha256=digest, origin="import"
                )
                checked.append(Checked(file, place, True))
        return model_store.activate(folder, _name_for(checked, name, folder), checked)


def _name_for(checked: list[Checked], wanted: str | None, folder: Path) -> str:
    """What the model is called. Raises ModelError for a name that it may not have."""
    hashes = {one.file.part: one.file.sha256 for one in checked}
    same = next(
        (
            row.name
            for row in model_rows().values()
            if row.files
            and all(file.sha256 and file.sha256 == hashes[file.part] for file in row.files if file.required)
        ),
        None,
    )
    name = wanted or same or slug(Path(checked[0].file.name).stem)
    _require_name(name)
    if name in model_rows() and name != same:
        raise _another(name)
    if (there := _there(folder, name)) is not None and name != same:
        old = {file.sha256 for file in there.files if file.part != "drafter"}
        if old != {digest for part, digest in hashes.items() if part != "drafter"}:
            raise ModelError(
                f"there is a model '{name}' already",
                hint=f"voice-edit model remove {name}, or another name: --name NAME",
            )
    return name


def _require_name(name: str) -> None:
    """Raises ModelError for what no model may be called."""
    if name in TAKEN:
        raise _another(name)
    if not is_name(name):
        raise ModelError(
            f"'{name}' cannot be a name: small letters, digits, dots and dashes, 64 at most",
            hint="For example: --name my-model",
        )


def _another(name: str) -> ModelError:
    return ModelError(f"'{name}' is the name of another model", hint="Give it one of its own: --name NAME")


def _there(folder: Path, name: str) -> StoredModel | None:
    """The model of that name; one with a spoilt manifest may be replaced."""
    with suppress(ModelCorrupt):
        return model_store.read(folder, name)
    return None


@contextmanager
def _importing(folder: Path) -> Iterator[None]:
    """No copy of a file is left behind, nor those of an import that was killed."""
    with model_store.storing(folder):
        (folder / model_store.PARTS).mkdir(parents=True, exist_ok=True)
    model_store.drop_imports(folder)
    try:
        yield
    finally:
        model_store.drop_imports(folder)


def slug(text: str) -> str:
    """A name made from a file's: `Gemma-4-E4B_it Q4` -> `gemma-4-e4b-it-q4`."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:64] or "model"


def _model_in(folder: Path) -> Path:
    """The one model among the GGUF files of a folder. Raises ModelMissing."""
    found = []
    for path in sorted(folder.glob("*.gguf")):
        try:
            require_model(read_header(path))
        except EngineError:
            continue
        found.append(path)
    if len(found) != 1:
        names = ", ".join(path.name for path in found)
        raise ModelMissing(
            f"{folder}: holds {f'several models ({names})' if found else 'no model that can be used'}",
            hint="Name the file: voice-edit model import FOLDER/MODEL.gguf",
        )
    return found[0]
