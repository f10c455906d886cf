"""The recordings that ship with voice-edit: what each says, and what it should do to the notes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voice_edit.pipeline import Mode


@dataclass(frozen=True, slots=True)
class Sample:
    """One step of the demo."""

    name: str
    recording: Path
    say: str
    """What is said in it, as it should be written down."""
    mode: Mode
    before: str
    """The notes before it, and after it was carried out."""
    after: str
    voice: str
    """Who speaks, e.g. `espeak-ng:en-us+f2`."""


def samples_folder() -> Path:
    """Where the recordings lie: in the installed package, or in the source beside it. Raises UsageError."""
    from voice_edit.errors import UsageError

    package = Path(__file__).parent.parent
    for folder in (package / "samples", package.parent / "samples"):
        if (folder / "notes.md").is_file():
            return folder
    raise UsageError("The recordings of the demo are missing.", hint="Install voice-edit again.")


def load_samples(folder: Path) -> list[Sample]:
    """Every `<name>.yaml` with its recording, in the order of the names."""
    import yaml

    samples = []
    for path in sorted(folder.glob("*.yaml")):
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        samples.append(
            Sample(
                name=path.stem,
                recording=path.with_suffix(".wav"),
                say=data["say"],
                mode=data["mode"],
                before=data["before"],
                after=data["after"],
                voice=data["voice"],
            )
        )
    return samples
