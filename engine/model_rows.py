"""The models that are known by name: rows of `models.toml`, as data."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from engine.errors import ModelMissing

Part: TypeAlias = Literal["model", "projector", "drafter"]

BUNDLED: Final = "bundled"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """One file of a model, and where it lies on the hub."""

    part: Part
    repo: str
    """`owner/name`."""
    revision: str
    """The commit, 40 hexadecimal digits."""
    path: str
    """Inside the repository."""
    name: str
    """What it is called here."""
    size: int = 0
    """Bytes; 0 where nobody told."""
    sha256: str = ""
    """64 hexadecimal digits; empty where nobody told."""

    @property
    def required(self) -> bool:
        """Whether the model is of no use without it."""
        return self.part != "drafter"

    def __str__(self) -> str:
        return f"{self.repo}/{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """A model that is known by name."""

    name: str
    title: str
    profile: str
    """Its row in profiles.toml."""
    licence: str
    shape: str = ""
    """Its row in `fit.SHAPES`; empty for the bundled model."""
    files: tuple[RemoteFile, ...] = ()
    """What is fetched for it; nothing for the bundled model."""
    shipped: dict[str, str]
    """The bundled model's files: part -> path in this package; `adapter` is a LoRA it writes with."""
    card_file: str = ""
    card_text: str = ""

    def size(self, part: Part) -> int:
        """Bytes of one part, 0 where it has none or nobody told."""
        return sum(file.size for file in self.files if file.part == part)

    def card(self) -> str:
        """What it is, can do and cannot do, as Markdown. Raises ModelMissing."""
        if not self.card_file:
            return f"{self.card_text.strip()}\n\n{self._file_list()}\n"
        try:
            return package_path(self.card_file).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise ModelMissing(
                f"the card of the model '{self.name}' is missing", hint="Install again."
            ) from None

    def _file_list(self) -> str:
        rows = [f"Files, {sum(file.size for file in self.files) / 1e9:.1f} GB:", ""]
        for file in self.files:
            size = f"{file.size:,} bytes" if file.size else "size not known yet"
            digest = file.sha256 or "not known yet: the hub's word is taken the first time"
            rows += [f"* {file.part}: `{file.path}` of {file.repo}, {size}", f"  SHA-256 {digest}"]
        return "\n".join(rows)


def model_rows() -> dict[str, ModelRow]:
    """Every model that is known, by name, in the order of the file."""
    return dict(_rows())


def row_of(name: str) -> ModelRow:
    """One of them. Raises ModelMissing, which lists them all."""
    found = _rows().get(name)
    if found is None:
        known = ", ".join(_rows())
        raise ModelMissing(f"there is no model '{name}'", hint=f"Known models: {known}.")
    return found


def is_name(text: str) -> bool:
    """Whether a model may be called so."""
    return _NAME.fullmatch(text) is not None


def package_path(name: str) -> Path:
    """A file that ships with the package."""
    return Path(str(files("engine"))) / name


def read_rows(text: str) -> dict[str, ModelRow]:
    """The rows of a table like models.toml. Raises ValueError, for a mistake in it."""
    return {name: _row(name, values) for name, values in tomllib.loads(text)["model"].items()}


@cache
def _rows() -> dict[str, ModelRow]:
    return read_rows(package_path("models.toml").read_text(encoding="utf-8"))


def _row(name: str, values: dict[str, Any]) -> ModelRow:
    values = dict(values)
    shipped = {part: values.pop(part) for part in (*get_args(Part), "adapter") if part in values}
    remote = tuple(_remote(name, file) for file in values.pop("file", ()))
    parts = [file.part for file in remote]
    if not is_name(name):
        raise ValueError(f"models.toml: '{name}' is no name for a model")
    if not shipped and not {"model", "projector"} <= set(parts):
        raise ValueError(f"models.toml: '{name}' needs a model and a projector")
    if len(set(parts)) < len(parts) or len({file.name for file in remote}) < len(remote):
        raise ValueError(f"models.toml: '{name}' has two files for the same part or of the same name")
    return ModelRow(
        name=name,
        title=values.pop("title"),
        profile=values.pop("profile"),
        licence=values.pop("licence"),
        shape=values.pop("shape", ""),
        files=remote,
        shipped=shipped,
        card_file=values.pop("card", ""),
        card_text=values.pop("card_text", ""),
    )


def _remote(model: str, values: dict[str, Any]) -> RemoteFile:
    file = RemoteFile(**{"name": Path(values["path"]).name, **values})
    if file.part not in get_args(Part) or not _COMMIT.fullmatch(file.revision) or "/" in file.name:
        raise ValueError(f"models.toml: '{model}': {file} has no known part, no full commit, or a bad name")
    if file.sha256 and not _SHA256.fullmatch(file.sha256):
        raise ValueError(f"models.toml: '{model}': {file}: '{file.sha256}' is no SHA-256")
    return file
