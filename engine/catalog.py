"""Which files a name means, and how each model wants to be asked: rows of `profiles.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from engine import model_store
from engine.errors import ModelCorrupt, ModelError, ModelMissing, ModelUnsupported
from engine.gguf_header import GgufHeader, read_header, require_model, shortened
from engine.judging.calibration import Calibration
from engine.model_rows import ModelRow, model_rows, package_path, row_of
from engine.model_store import StoredModel

DEFAULT_MODEL = "bundled"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptProfile:
    """What a model wants besides its chat template. Each field is described at the top of `profiles.toml`."""

    name: str
    match: tuple[tuple[str, str], ...] = ()
    instruction: str = ""
    terms: str = ""
    terms_tokens: int = 0
    template: str = ""
    audio_placeholder: str = "<|audio|>"
    audio_begin: str = "<|audio>"
    audio_end: str = "<audio|>"
    image_placeholder: str = ""
    thought_block: str = ""
    thought_open: str = ""
    thought_close: str = ""
    suppressed: tuple[str, ...] = ()
    end_tokens: tuple[str, ...] = ()
    tokens_per_word: float = 3.0
    max_utterance_ms: int = 15_000
    tail_ms: int = 400
    dither: float = 0.0
    block_frames: int = 8
    styles: tuple[str, ...] = ()
    style_prompt: str = ""
    min_confidence: float = -4.0
    min_confidence_alone: float = -4.0
    language: str = ""
    calibration: Calibration | None = None

    def fits(self, header: GgufHeader) -> bool:
        """Whether every pattern of `match` is met by the file's metadata."""
        return bool(self.match) and all(
            fnmatchcase(header.text(key).lower(), pattern.lower()) for key, pattern in self.match
        )


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model that can be opened."""

    name: str
    model: Path
    projector: Path
    profile: PromptProfile
    drafter: Path | None = None
    """A `gemma4-assistant` made for this model, which guesses its next tokens; None where there is none."""
    adapter: Path | None = None
    """A LoRA that the model writes texts with, and never hears with; None where it needs none."""


def profiles() -> dict[str, PromptProfile]:
    """Every profile by name, in the order in which they are tried."""
    return {name: _profile(name, row) for name, row in _table()["profile"].items()}


def model_names() -> list[str]:
    """Names of the catalogue that `find_model` takes; it takes those of imported models too."""
    return list(model_rows())


def find_model(
    name_or_path: str = DEFAULT_MODEL, *, projector: str | Path | None = None, folder: Path | None = None
) -> ModelFiles:
    """The files of a model: by its name, or by the path of its GGUF.

    `folder` is where models lie that were pulled or imported (see `model_store`), and where files of the
    catalogue's models may have been put by hand. `projector` overrides the mmproj file, which else is the one
    that belongs to the model or lies beside it. A drafter is taken along where there is one; nothing depends
    on it. Raises ModelMissing with the way to get the files, ModelCorrupt, ModelUnsupported.
    """
    row = model_rows().get(name_or_path)
    if row is not None and row.shipped:
        found = _shipped(row)
    elif folder is not None and (stored := model_store.read(folder, name_or_path)) is not None:
        found = _stored(stored, row)
    elif row is not None:
        found = _by_hand(row, folder)
    else:
        return _by_path(at_home(name_or_path), projector, folder)
    if projector is not None:
        found = replace(found, projector=at_home(projector))
    for path in (found.model, found.projector):
        if not exists(path) or not path.is_file():
            what = "is a folder, not a GGUF file" if exists(path) and path.is_dir() else "no such file"
            raise ModelMissing(f"{path}: {what}", hint="Install again, or name another file.")
    return found


def model_card(name: str = DEFAULT_MODEL) -> str:
    """What a model of the catalogue is, can do and cannot do, as Markdown. Raises ModelMissing."""
    return row_of(name).card()


def _shipped(row: ModelRow) -> ModelFiles:
    paths = {part: package_path(name) for part, name in row.shipped.items()}
    return ModelFiles(
        row.name, paths["model"], paths["projector"], profiles()[row.profile], paths.get("drafter"),
        paths.get("adapter"),
    )  # fmt: skip


def _stored(stored: StoredModel, row: ModelRow | None) -> ModelFiles:
    """An active model. Raises ModelMissing, ModelCorrupt where its files are not what they were."""
    model, mmproj = stored.path("model"), stored.path("projector")
    if model is None or mmproj is None:
        raise ModelCorrupt(
            f"the model '{stored.name}' lacks a part", hint=f"Run: voice-edit model pull {stored.name}"
        )
    try:
        drafter = stored.path("drafter")
    except ModelError:  # it only makes things faster
        drafter = None
    profile = profiles()[row.profile] if row is not None else profile_for(model)
    return ModelFiles(stored.name, model, mmproj, profile, drafter)


def _by_hand(row: ModelRow, folder: Path | None) -> ModelFiles:
    """Files that somebody put into the folder under the names of the catalogue. Raises ModelMissing."""
    found: dict[str, Path] = {}
    for file in row.files:
        names = dict.fromkeys((file.name, Path(file.path).name))
        for path in (folder / name for name in names) if folder is not None else ():
            if path.is_file():
                found.setdefault(file.part, path)
        if file.required and file.part not in found:
            raise ModelMissing(
                f"the model '{row.name}' is not here", hint=f"Get it: voice-edit model pull {row.name}"
            )
    return ModelFiles(
        row.name, found["model"], found["projector"], profiles()[row.profile], found.get("drafter")
    )


def profile_for(model: Path) -> PromptProfile:
    """How a model of this file wants to be asked. Raises ModelMissing, ModelCorrupt, ModelUnsupported."""
    header = read_header(model)
    require_model(header)
    profile = next((profile for profile in profiles().values() if profile.fits(header)), None)
    if profile is None:
        raise ModelUnsupported(f"{model}: no profile in profiles.toml fits it")
    return profile


def _by_path(model: Path, projector: str | Path | None, folder: Path | None) -> ModelFiles:
    if model == Path() or (not exists(model) and model.suffix.lower() != ".gguf"):
        own = model_store.stored(folder) if folder is not None else []
        known = ", ".join(dict.fromkeys([*model_names(), *(one.name for one in own)]))
        raise ModelMissing(
            f"'{shortened(str(model))}' is neither a model of the catalogue nor a file",
            hint=f"Known models: {known}.",
        )
    profile = profile_for(model)
    mmproj = at_home(projector) if projector is not None else projector_beside(model)
    return ModelFiles(model.stem, model, mmproj, profile, drafter_beside(model))


def at_home(path: str | Path) -> Path:
    """With the home folder for `~`; `~somebody` who does not exist stays as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def exists(path: Path) -> bool:
    """Whether there is something of that name; a name that the system does not take is none."""
    try:
        return path.exists()
    except OSError:
        return False


def drafter_beside(model: Path) -> Path | None:
    """The drafter in the model's folder: the one `mtp*.gguf`, or of several the one whose name behind `mtp-`
    begins the model's. None where there is none or where it is not clear; it only makes things faster.
    """
    found = sorted(path for path in model.parent.glob("*.gguf") if path.name.lower().startswith("mtp"))
    named = [
        path for path in found if (rest := path.stem[4:].lower()) and model.stem.lower().startswith(rest)
    ]
    return max(named, key=lambda path: len(path.stem)) if named else found[0] if len(found) == 1 else None


def projector_beside(model: Path) -> Path:
    """The one projector in the model's folder; of several, the one that is named after the model."""
    found = sorted(path for path in model.parent.glob("*.gguf") if path.name.lower().startswith("mmproj"))
    named = [path for path in found if model.stem.lower() in path.stem.lower()]
    if len(named or found) == 1:
        return (named or found)[0]
    if not found:
        raise ModelMissing(
            f"{model.parent}: holds no projector for {model.name}",
            hint="Put the model's mmproj file beside it, or name it with --projector FILE.",
        )
    names = ", ".join(path.name for path in found)
    raise ModelMissing(
        f"{model.parent}: holds several projectors ({names})",
        hint="Name the right one with --projector FILE.",
    )


@cache
def _table() -> dict[str, dict[str, Any]]:
    return tomllib.loads((files("engine") / "profiles.toml").read_text(encoding="utf-8"))


def _profile(name: str, row: dict[str, Any]) -> PromptProfile:
    known = {field.name for field in fields(PromptProfile)}
    unknown = sorted(set(row) - known)
    if unknown:
        raise ValueError(f"profiles.toml: profile '{name}' has unknown keys: {', '.join(unknown)}")
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in row.items()
    }
    if bool(values.get("terms")) != bool(values.get("terms_tokens")) or "{terms}" not in values.get(
        "terms", "{terms}"
    ):
        raise ValueError(f"profiles.toml: profile '{name}': terms needs '{{terms}}' in it, and terms_tokens")
    values["match"] = tuple(row.get("match", {}).items())
    return profile_of({"name": name, **values})


def profile_of(values: dict[str, Any]) -> PromptProfile:
    """A profile from its fields as plain data. Raises TypeError, ValueError for what is none."""
    measured = values.get("calibration")
    if measured is not None:
        curves: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in measured.items()
        }
        measured = Calibration(**curves)
    return PromptProfile(**{**values, "calibration": measured})
