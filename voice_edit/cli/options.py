"""Options that several verbs share, each written once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from voice_edit.cli.output import Output
    from voice_edit.config import Settings
    from voice_edit.paths import Paths


@dataclass
class Invocation:
    """What holds for one run of the program, whatever the verb. Lives in the root context."""

    verbose: bool = False
    json: bool = False
    overrides: dict[str, dict[str, object]] = field(default_factory=dict)
    """Settings given on the command line: section -> name -> value."""

    def output(self) -> Output:
        """Where this run prints."""
        from voice_edit.cli.output import Output

        return Output(as_json=self.json)

    def paths(self) -> Paths:
        """This user's folders."""
        from voice_edit.paths import Paths

        return Paths.from_environment()

    def settings(self) -> Settings:
        """File, environment and command line together. Raises UsageError."""
        from voice_edit.config import load_settings

        return load_settings(self.paths(), overrides=self.overrides)


def invocation(context: typer.Context) -> Invocation:
    """The run that this context belongs to."""
    root = context.find_root()
    if root.obj is None:  # shell completion asks for options without running the root command
        root.obj = Invocation()
    assert isinstance(root.obj, Invocation)
    return root.obj


def _take_json(context: typer.Context, value: bool) -> bool:
    invocation(context).json |= value
    return value


def _take_model(context: typer.Context, value: str | None) -> str | None:
    if value is not None:
        invocation(context).overrides.setdefault("engine", {})["model"] = value
    return value


def _take_projector(context: typer.Context, value: Path | None) -> Path | None:
    if value is not None:
        invocation(context).overrides.setdefault("engine", {})["projector"] = value
    return value


AsJson = Annotated[
    bool,
    typer.Option(
        "--json", callback=_take_json, is_eager=True, help="Print one JSON object a line instead of text."
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="NAME|GGUF", callback=_take_model, help="The model that hears. Default: bundled."
    ),
]
Projector = Annotated[
    Path | None,
    typer.Option(
        "--projector",
        metavar="GGUF",
        readable=False,
        callback=_take_projector,
        help="The projector, if --model is a file.",
    ),
]
Dictate = Annotated[
    bool, typer.Option("--dictate", help="Insert the words as they are; none of them is a command.")
]
