"""Programs that write down how they were called and answer as they were told: a folder for PATH."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SCRIPT = """#!{python}
import json, os, sys
name = os.path.basename(sys.argv[0])
folder = os.path.dirname(os.path.abspath(sys.argv[0]))
with open(os.path.join(folder, "calls"), "a") as calls:
    calls.write(json.dumps([name, *sys.argv[1:]]) + "\\n")
with open(os.path.join(folder, name + ".environment"), "w") as told:
    json.dump(dict(os.environ), told)
with open(os.path.join(folder, name + ".answers")) as file:
    answers = json.load(file)
for words, answer in answers:
    if all(word in sys.argv[1:] for word in words):
        sys.stdout.write(answer.get("out", ""))
        sys.stderr.write(answer.get("err", ""))
        sys.exit(answer.get("code", 0))
"""


class FakePrograms:
    """A folder of programs. Put `environ["PATH"]` to `str(folder)`: then there are no others."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, name: str) -> None:
        """A program that succeeds and says nothing, unless `answer` says otherwise."""
        program = self.folder / name
        program.write_text(_SCRIPT.format(python=sys.executable))
        program.chmod(0o755)
        (self.folder / f"{name}.answers").write_text("[]")

    def answer(self, name: str, *words: str, out: str = "", err: str = "", code: int = 0) -> None:
        """How `name` answers when it is called with all of these words; later answers are asked first."""
        path = self.folder / f"{name}.answers"
        answers = json.loads(path.read_text())
        path.write_text(json.dumps([[words, {"out": out, "err": err, "code": code}], *answers]))

    def calls(self) -> list[str]:
        """Every call as one line, and forget them."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [" ".join(json.loads(line)) for line in lines]

    def environment_of(self, name: str) -> dict[str, Any]:
        """With which variables it was called last."""
        found: dict[str, Any] = json.loads((self.folder / f"{name}.environment").read_text())
        return found

    def environ(self, **more: str) -> Mapping[str, str]:
        """An environment with these programs and no others."""
        return {"PATH": str(self.folder), "HOME": str(self.folder.parent / "home"), **more}


def only(folder: Path) -> str:
    """A PATH on which nothing is found."""
    folder.mkdir(exist_ok=True)
    return os.fspath(folder)
