"""Models that were fetched or imported: where their files lie, and which of them are in use.

    models/NAME/manifest.json     what is active. Written last, in one step, after every file was checked
    models/NAME/ID/*.gguf         its files; without a manifest that names them they mean nothing
    models/.parts/HASH.part       downloads on their way, named after what they must become
    models/pins.json              hashes that were taken on first use (see models.toml)
    models/.lock                  held by whoever changes any of this

A file gets its place by a rename, never by being written there; so whatever ends the program, there is the
old model, or the new one, or none.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from engine.errors import DiskFull, ModelCorrupt, ModelError, ModelMissing, StoreBusy
from engine.model_rows import Part, is_name, model_rows

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
PARTS: Final = ".parts"
IMPORTS: Final = "import-*"
"""Among the parts: copies of files that are being imported."""
PINS: Final = "pins.json"
BLOCK: Final = 1 << 20
"""Bytes read or written at once."""
SPARE_BYTES: Final = 256 << 20
"""Left free on the disk."""

_ID: Final = re.compile(r"[0-9a-f]{12}")

OnBytes = Callable[[int], object]
"""Told how many more bytes are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """One file of an active model, as it was when it was checked."""

    part: Part
    name: str
    size: int
    sha256: str
    origin: str
    """`owner/name@commit/path`, or `import`."""
    first_use: bool = False
    """Its hash is what the hub said when it was fetched first; nobody else told it."""
    damaged: bool = False
    """It was found to be another one since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredModel:
    """An active model."""

    name: str
    folder: Path
    """Where its files lie."""
    files: tuple[StoredFile, ...]

    def path(self, part: Part) -> Path | None:
        """The file of one part, None where it has none. Raises ModelMissing, ModelCorrupt."""
        file = next((file for file in self.files if file.part == part), None)
        if file is None:
            return None
        path = self.folder / file.name
        again = how_again(self.name, self.files)
        try:
            size = path.stat().st_size
        except OSError:
            raise ModelMissing(f"{path}: is not there any more", hint=again) from None
        if file.damaged or size != file.size:
            why = "is not what it was" if size == file.size else f"has {size:,} bytes, not {file.size:,}"
            raise ModelCorrupt(f"{path}: {why}", hint=again)
        return path

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that was checked and is to become active."""

    file: StoredFile
    path: Path
    """Where it lies now."""
    ours: bool
    """It may be moved away from there."""


def how_again(name: str, files: Sequence[StoredFile] = ()) -> str:
    """How to get a damaged model back: the next step, for people."""
    if name in model_rows() or any(file.origin != "import" for file in files):
        return f"Run: voice-edit model pull {name}"
    return f"Import it again: voice-edit model import PATH --name {name}"


def read(folder: Path, name: str) -> StoredModel | None:
    """The active model of that name, None where there is none. Raises ModelCorrupt for a spoilt manifest."""
    if not is_name(name):
        return None
    path = folder / name / MANIFEST
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        files = tuple(StoredFile(**file) for file in said["files"])
        inside = str(said["folder"])
        if said["format"] != FORMAT or not is_name(inside) or any(not _plain(file) for file in files):
            raise ValueError("written by another version, or changed by hand")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ModelCorrupt(f"{path} cannot be used: {why}", hint=how_again(name)) from None
    return StoredModel(name=name, folder=folder / name / inside, files=files)


def stored(folder: Path) -> list[StoredModel]:
    """Every active model whose manifest can be read. Raises ModelError where the folder cannot."""
    return [model for model in _each(folder).values() if isinstance(model, StoredModel)]


def spoilt(folder: Path) -> dict[str, ModelCorrupt]:
    """Names of models whose manifest is of no use, and why. Raises ModelError."""
    return {name: why for name, why in _each(folder).items() if isinstance(why, ModelCorrupt)}


def _each(folder: Path) -> dict[str, StoredModel | ModelCorrupt]:
    try:
        names = sorted(inside.name for inside in folder.iterdir())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ModelError(
            f"{folder} cannot be read: {error.strerror}",
            hint="It should be a folder of yours: give yourself its rights, or move it away.",
        ) from error
    found: dict[str, StoredModel | ModelCorrupt] = {}
    for name in names:
        try:
            model = read(folder, name)
        except ModelCorrupt as error:
            found[name] = error
        else:
            if model is not None:
                found[name] = model
    return found


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Only one process at a time changes the store; it lets go when it ends, however it ends.

    Raises StoreBusy, ModelError where the folder cannot be made.
    """
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreBusy(f"another voice-edit is busy with {folder}") from None
        yield
    finally:
        os.close(fd)


def part_path(folder: Path, sha256: str) -> Path:
    """Where the bytes gather that must become a file of this hash."""
    return folder / PARTS / f"{sha256}.part"


def activate(folder: Path, name: str, checked: Sequence[Checked]) -> StoredModel:
    """Make checked files the model of that name. Until the very last step nothing has changed.

    The store must be held (`alone`). Raises DiskFull, ModelError.
    """
    essence = "".join(one.file.sha256 for one in checked if one.file.part != "drafter")
    inside = hashlib.sha256(essence.encode()).hexdigest()[:12]
    target = folder / name / inside
    with storing(folder):
        target.mkdir(parents=True, exist_ok=True)
        for one in checked:
            put(one.path, target / one.file.name, move=one.ours)
        _sync(target)
        model = StoredModel(name=name, folder=target, files=tuple(one.file for one in checked))
        _write_manifest(folder, model)
    for one in checked:
        with suppress(OSError):  # until here they lie in both places: who was killed has lost nothing
            part_path(folder, one.file.sha256).unlink(missing_ok=True)
            if one.ours and one.path.resolve() != (target / one.file.name).resolve():
                one.path.unlink(missing_ok=True)
    _tidy(folder / name, model)
    return model


def mark_damaged(folder: Path, model: StoredModel, names: set[str]) -> None:
    """From now on the files of these names are not used any more, and the others are again.

    The store must be held. Where the model was replaced since it was looked at, nothing is marked.
    """
    if read(folder, model.name) != model:
        return
    files = tuple(replace(file, damaged=file.name in names) for file in model.files)
    if files != model.files:
        with storing(folder):
            _write_manifest(folder, replace(model, files=files))


def remove(folder: Path, name: str) -> int | None:
    """Take a model away; returns the bytes that it had, None where there is nothing of it.

    The manifest goes first. What somebody else put there stays; the folder may be a link to anywhere.
    """
    home = folder / name
    with storing(folder):
        ours = [path for path in _inside(home) if path.name == MANIFEST or _ID.fullmatch(path.name)]
        freed = sum(path.stat().st_size for one in ours for path in one.rglob("*") if path.is_file())
        (home / MANIFEST).unlink(missing_ok=True)
        if ours:
            _sync(home)
        for path in ours:
            if path.is_dir():
                shutil.rmtree(path)
        with suppress(OSError):  # not empty, or not there
            home.resolve().rmdir()
            home.unlink(missing_ok=True)  # the link to it
    return freed if ours else None


def _inside(home: Path) -> list[Path]:
    return sorted(home.iterdir()) if home.is_dir() else []


def drop_imports(folder: Path) -> int:
    """Take away what an import left that was killed; returns its bytes. The store must be held."""
    freed = 0
    with storing(folder):
        for path in (folder / PARTS).glob(IMPORTS):
            freed += path.stat().st_size
            path.unlink()
    return freed


def pins(folder: Path) -> dict[str, dict[str, Any]]:
    """Hashes taken on first use: `owner/name@commit/path` -> {"sha256", "size"}. Raises ModelCorrupt."""
    path = folder / PINS
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return {str(key): {"sha256": str(v["sha256"]), "size": int(v["size"])} for key, v in said.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelCorrupt(
            f"{path} cannot be read: {error}",
            hint=f"Move {path} away; files without a known hash are then trusted anew on first use.",
        ) from None


def pin(folder: Path, key: str, sha256: str, size: int) -> None:
    """Keep what was taken on first use; an older pin stays."""
    known = pins(folder)
    if key not in known:
        with storing(folder):
            _write_json(folder / PINS, {**known, key: {"sha256": sha256, "size": size}})


def digest(path: Path, on_bytes: OnBytes = lambda n: None) -> str:
    """SHA-256 of what lies on the disk, hexadecimal. Raises OSError."""
    hashed = hashlib.sha256()
    buffer = memoryview(bytearray(BLOCK))
    with path.open("rb", buffering=0) as file:
        while n := file.readinto(buffer):
            hashed.update(buffer[:n])
            on_bytes(n)
    return hashed.hexdigest()


def require_space(folder: Path, n_bytes: int) -> None:
    """Raises DiskFull, with the numbers, where so many more bytes have no room."""
    place = folder
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if n_bytes + SPARE_BYTES > free:
        raise DiskFull(
            f"{n_bytes / 1e9:.1f} GB are to be written into {folder}, where {free / 1e9:.1f} GB are free "
            f"({SPARE_BYTES / 1e9:.1f} GB are left to others)",
            hint=f"Make room, or make {folder} a link to a folder on another disk.",
        )


def put(source: Path, target: Path, *, move: bool) -> None:
    """Give a file its place in one step: linked, or where that does not go, moved if it may be, or copied.

    It may lie in both places then. Raises OSError.
    """
    source = source.resolve()  # the file itself: a link would lead elsewhere from its new place
    if source == target.resolve():
        return
    beside = _beside(target)
    beside.unlink(missing_ok=True)
    try:
        os.link(source, beside)
        beside.replace(target)
        beside.unlink(missing_ok=True)  # where both were the same file already, a rename does nothing
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise
        if move and source.stat().st_dev == target.parent.stat().st_dev:
            source.replace(target)
        else:
            copy(source, target)


def copy(source: Path, target: Path, on_bytes: OnBytes = lambda n: None) -> None:
    """A copy that is whole or not there. Raises OSError."""
    beside = _beside(target)
    try:
        with source.open("rb", buffering=0) as old, beside.open("wb", buffering=0) as new:
            while block := old.read(BLOCK):
                view = memoryview(block)
                while view:
                    view = view[new.write(view) :]
                on_bytes(len(block))
            os.fsync(new.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def storing(folder: Path) -> Iterator[None]:
    """What the system refuses inside, as DiskFull or ModelError."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise DiskFull(f"{folder}: {error.strerror}", hint="Make room, then run it again.") from error
        raise ModelError(
            f"{error.filename or folder} cannot be written: {error.strerror}",
            hint=f"Make {folder} writable, or set VOICE_EDIT_HOME to a folder of your own.",
        ) from error


def _beside(target: Path) -> Path:
    """Where a file is made ready. A name has at most 255 bytes, and the target's may have them all."""
    return target.with_name(f"{target.name[:50]}.new")


def _plain(file: StoredFile) -> bool:
    """A name that stays inside its folder, and numbers that are some: manifests are files like others."""
    return Path(file.name).name == file.name and int(file.size) > 0 and len(file.sha256) == 64


def _write_manifest(folder: Path, model: StoredModel) -> None:
    said = {"format": FORMAT, "folder": model.folder.name, "files": [asdict(file) for file in model.files]}
    _write_json(folder / model.name / MANIFEST, said)


def _write_json(path: Path, said: Mapping[str, Any]) -> None:
    beside = path.with_name(path.name + ".new")
    with beside.open("w", encoding="utf-8") as file:
        json.dump(said, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """The names in a folder reach the disk, where the system can do that."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(fd)
    finally:
        os.close(fd)


def _tidy(home: Path, model: StoredModel) -> None:
    """What an earlier version of the model left. It may stay; it means nothing."""
    names = {file.name for file in model.files}
    with suppress(OSError):
        for inside in home.iterdir():
            if inside.is_dir() and inside != model.folder:
                shutil.rmtree(inside, ignore_errors=True)
        for path in model.folder.iterdir():
            if path.name not in names:
                path.unlink()
