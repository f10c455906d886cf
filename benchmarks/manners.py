"""Do manners leave correct sentences alone? `python -m benchmarks.manners`: each option against an evaluation
set of our own (tests/golden/manners): sentences that must stay as they are, and sentences that must be
changed in just one way. The set is cut in two halves by checksum: rules were tuned on one half. A third part
was written later, when the rules were finished.

`--show tuning` prints what went wrong in the tuning half. `--text FILE` reads any other English text, a
sentence at a time, and prints what would be changed in it. Printed as JSON.
"""

# ruff: noqa: RUF001  (typographic marks are taken out of sentences here)

from __future__ import annotations

import argparse
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias

import yaml

from voice_edit.manners.manners import AS_HEARD, Manners
from voice_edit.manners.wording import tidied

FOLDER = Path(__file__).parent.parent / "tests" / "golden" / "manners"
Part: TypeAlias = Literal["tuning", "held_out", "later"]
PARTS: tuple[Part, ...] = ("tuning", "held_out", "later")
OPTIONS: dict[str, Manners] = {
    "spoken_marks": replace(AS_HEARD, spoken_marks="certain"),
    "fillers": replace(AS_HEARD, fillers=True),
    "corrections": replace(AS_HEARD, corrections=True),
    "usual": Manners(),
    "spoken_marks = all": replace(AS_HEARD, spoken_marks="all"),
}


def that_stay(part: Part) -> list[str]:
    """The sentences that must stay as they are."""
    return list(_lines("stay", part))


def that_change(part: Part) -> list[tuple[str, str]]:
    """(as heard, as written) of those that must be changed."""
    pairs = (line.partition(" => ") for line in _lines("change", part))
    return [
        (heard, re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], written))
        for heard, _, written in pairs
    ]


def _lines(name: str, part: Part) -> Iterator[str]:
    file = FOLDER / (f"{name}_later.yaml" if part == "later" else f"{name}.yaml")
    topics: dict[str, str] = yaml.safe_load(file.read_text(encoding="utf-8"))
    for line in "".join(topics.values()).splitlines():
        half = "tuning" if zlib.crc32(line.partition(" => ")[0].encode()) % 2 else "held_out"
        if part in ("later", half):
            yield line


def words_only(sentence: str) -> str:
    """The sentence as a recogniser writes it that hears words only: one capital, one final mark."""
    bare = re.sub(r"[“”\"(),;:…]|(?<=\w)[.!?]+(?= )", "", sentence)
    bare = re.sub(r"(?<=[a-z]) +", " ", bare).strip()
    first = bare[:1].upper() + bare[1:]
    return first if first[-1:] in ".!?" else first + "."


def altered(sentence: str, manners: Manners) -> list[tuple[str, str]]:
    """(heard, written) where something was changed, in the sentence as it stands and as words only."""
    forms = dict.fromkeys([sentence, words_only(sentence)])
    return [(form, new) for form in forms if (new := tidied(form, manners=manners).text) != form]


def report(part: Part) -> dict[str, object]:
    """Counts for one part."""
    stay, change = that_stay(part), that_change(part)
    rows: dict[str, object] = {}
    for option, manners in OPTIONS.items():
        broken = [line for line in stay if altered(line, manners)]
        results = [(heard, tidied(heard, manners=manners).text, written) for heard, written in change]
        rows[option] = {
            "clean": len(stay),
            "clean_altered": len(broken),
            "clean_altered_percent": round(100 * len(broken) / len(stay), 2),
            "to_change": len(change),
            "right": sum(new == written for _, new, written in results),
            "left_alone": sum(new == heard != written for heard, new, written in results),
            "changed_otherwise": sum(new not in (heard, written) for heard, new, written in results),
        }
    return rows


def failures(part: Part) -> dict[str, list[str]]:
    """What went wrong in one part, with all options on."""
    every = OPTIONS["usual"]
    broken = [f"{form}  =>  {new!r}" for line in that_stay(part) for form, new in altered(line, every)]
    wrong = [
        f"{heard}  =>  {new!r}, not {written!r}"
        for heard, written in that_change(part)
        if (new := tidied(heard, manners=every).text) != written
    ]
    return {"clean_altered": broken, "not_changed_rightly": wrong}


def sentences_of(text: str) -> Iterator[str]:
    """The sentences of a plain text; lines run on, blank lines part."""
    for block in re.split(r"\n\s*\n|^%$", text, flags=re.MULTILINE):
        for sentence in re.split(r"(?<=[.!?])[\"”’']? +(?=[\"“‘A-Z])", " ".join(block.split())):
            if 2 <= len(sentence.split()) <= 60:
                yield sentence


def read_text(path: Path) -> dict[str, object]:
    """What would be changed in the sentences of a text of others."""
    lines = list(dict.fromkeys(sentences_of(path.read_text(encoding="utf-8", errors="replace"))))
    rows: dict[str, object] = {"file": path.name, "sentences": len(lines)}
    for option in ("spoken_marks", "fillers", "corrections"):
        changed = [f"{line}  =>  {new!r}" for line in lines for line, new in altered(line, OPTIONS[option])]
        rows[option] = {"changed": len(changed), "percent": round(100 * len(changed) / max(1, len(lines)), 3)}
        rows[f"{option}_changes"] = changed[:40]
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--show", choices=PARTS)
    parser.add_argument("--text", type=Path, action="append", default=[])
    a = parser.parse_args()
    if a.show:
        print(json.dumps(failures(a.show), indent=1, ensure_ascii=False))
    elif a.text:
        print(json.dumps([read_text(path) for path in a.text], indent=1, ensure_ascii=False))
    else:
        print(json.dumps({part: report(part) for part in PARTS}, indent=1))


if __name__ == "__main__":
    main()
