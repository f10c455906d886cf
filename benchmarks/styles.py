"""How good is a model at rewriting? `python -m benchmarks.styles`: it rewrites the passages of `styles.yaml`,
and what came back is counted by style: taken or refused (`rewriting/guards.py`; nobody is asked), and how
many of the taken ones have what the row expects. Printed as a table; all answers with `--output FILE`.

    python -m benchmarks.styles                     the bundled model, on the rows that suit a small one
    python -m benchmarks.styles --model FILE.gguf --all
    VOICE_EDIT_SERVER__URL=http://127.0.0.1:8080 python -m benchmarks.styles --all
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from engine.writer import Writer
from voice_edit.commands import Rewrite
from voice_edit.config import Paths, RewriteSettings, load_settings
from voice_edit.edits import Document
from voice_edit.errors import NeedsWriter
from voice_edit.pipeline import Understood
from voice_edit.rewriting.errors import RewriteRefused, TextWanted
from voice_edit.rewriting.opening import OwnWriter
from voice_edit.rewriting.rewriter import Rewriter
from voice_edit.selectors import Whole
from voice_edit.targets.base import Snapshot, Version

DATA = Path(__file__).with_suffix(".yaml")
FREE = "free words"


@dataclass(frozen=True, slots=True)
class Case:
    """A passage, and what a good rewrite of it has."""

    before: str
    style: str = ""
    language: str | None = None
    say: str = ""
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    most: float | None = None
    least: float | None = None
    stays: bool = False
    small: bool = False

    def missed(self, after: str) -> list[str]:
        """What of it a text does not have, in words."""
        flags = re.IGNORECASE | re.MULTILINE
        found = [f"has not: {one}" for one in self.has if re.search(one, after, flags) is None]
        found += [f"has: {one}" for one in self.lacks if re.search(one, after, flags) is not None]
        found += ["is as it was"] if after == self.before and not self.stays else []
        part = len(after) / len(self.before)
        if self.most is not None and part > self.most:
            found.append(f"{part:.2f} of the length, at most {self.most}")
        if self.least is not None and part < self.least:
            found.append(f"{part:.2f} of the length, at least {self.least}")
        return found


@dataclass(frozen=True, slots=True)
class Trial:
    """What came back for one passage."""

    style: str
    before: str
    after: str
    verdict: str
    """taken, refused (never taken, or doubtful and nobody asked), or unable."""
    why: str
    missed: tuple[str, ...]
    """What it lacks of what was expected; of taken ones only."""
    seconds: float


def cases(*, small_only: bool = False) -> list[Case]:
    """The rows of `styles.yaml`."""
    rows = yaml.safe_load(DATA.read_text(encoding="utf-8"))
    found = [Case(**{name: _frozen(value) for name, value in row.items()}) for row in rows]
    return [case for case in found if case.small or not small_only]


def rewrite(case: Case, writer: Writer) -> Trial:
    """Have one passage rewritten. Raises what the engine raises."""
    settings = RewriteSettings(confirm="doubtful")
    command = Rewrite(
        scope=Whole(), instruction=case.say or case.style, style=case.style or None, language=case.language
    )
    document = Document.at_end(case.before)
    wanted = TextWanted("asked", command=0, document=document, span=(0, len(case.before)))
    snapshot = Snapshot("case", case.before, None, Version.of(case.before), frozenset({"edit", "lines"}))
    kept: list[Understood] = []
    began_s = time.monotonic()
    verdict, why = "taken", ""
    try:
        Rewriter(lambda: writer, lambda: settings).fill(
            Understood(command.instruction, "edit", (command,)), wanted, snapshot, keep=kept.append
        )
    except RewriteRefused as error:
        verdict, why = "refused", str(error)
    except NeedsWriter as error:
        verdict, why = "unable", str(error)
    seconds = time.monotonic() - began_s
    done = kept[-1].commands[0] if kept else None
    after = done.text or "" if isinstance(done, Rewrite) else ""
    missed = tuple(case.missed(after)) if verdict == "taken" else ()
    return Trial(case.style or FREE, case.before, after, verdict, why, missed, seconds)


def summary(trials: Iterable[Trial]) -> dict[str, Counter[str]]:
    """By style: how many of each verdict, and how many are as expected."""
    found: dict[str, Counter[str]] = {}
    for trial in trials:
        count = found.setdefault(trial.style, Counter())
        count["all"] += 1
        count[trial.verdict] += 1
        count["expected"] += trial.verdict == "taken" and not trial.missed
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", help="a name of the catalogue or a GGUF; default: as configured")
    parser.add_argument("--all", action="store_true", help="also what is too much for a small model")
    parser.add_argument("--output", type=Path, help="all answers, as JSON")
    parser.add_argument("--show", action="store_true", help="print every answer that is not as expected")
    chosen = parser.parse_args(arguments)
    overrides: dict[str, dict[str, Any]] = {"engine": {"model": chosen.model}} if chosen.model else {}
    paths = Paths.from_environment()
    settings = load_settings(paths, overrides=overrides)
    console = Console()
    with OwnWriter(settings, paths) as opened:
        writer = opened()
        if writer is None:
            raise SystemExit("Nothing is configured that writes.")
        trials = [rewrite(case, writer) for case in cases(small_only=not chosen.all)]
        name = writer.name
    table = Table("style", "passages", "taken", "refused", "unable", "as expected", title=name)
    for style, count in summary(trials).items():
        table.add_row(style, *(str(count[key]) for key in ("all", "taken", "refused", "unable", "expected")))
    console.print(table)
    for trial in trials if chosen.show else ():
        if trial.missed or trial.verdict != "taken":
            console.print(f"{trial.style}: {trial.before!r} -> {trial.after!r}: {trial.why or trial.missed}")
    if chosen.output is not None:
        chosen.output.write_text(json.dumps({"model": name, "trials": [asdict(t) for t in trials]}, indent=1))


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


if __name__ == "__main__":
    main()
