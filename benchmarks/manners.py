"""Do manners leave correct sentences alone? `python -m benchmarks.manners`: each option against an evaluation
set of our own (tests/golden/manners): sentences that must stay as they are, and sentences that must be
changed in just one way. The set is cut in two halves by checksum: rules were tuned on one half only.

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
Half: TypeAlias = Literal["tuning", "held_out"]
OPTIONS: dict[str, Manners] = {
    "spoken_marks": replace(AS_HEARD, spoken_marks="certain"),
    "fillers": replace(AS_HEARD, fillers=True),
    "corrections": replace(AS_HEARD, corrections=True),
    "usual": Manners(),
    "everything": Manners(corrections=True),
    "spoken_marks = all": replace(AS_HEARD, spoken_marks="all"),
}


def half_of(sentence: str) -> Half:
    """Which half a sentence belongs to, by checksum."""
    return "tuning" if zlib.crc32(sentence.encode()) % 2 else "held_out"


def that_stay() -> Iterator[tuple[str, str]]:
    """(topic, sentence) of all that must stay as they are."""
    for topic, lines in _read("stay.yaml").items():
        for line in lines.splitlines():
            yield topic, line


def that_change() -> Iterator[tuple[str, str, str]]:
    """(topic, as heard, as written) of all that must be changed."""
    for topic, lines in _read("change.yaml").items():
        for line in lines.splitlines():
            heard, _, written = line.partition(" => ")
            yield topic, heard, re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], written)


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


def _read(name: str) -> dict[str, str]:
    data: dict[str, str] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return data


def report(half: Half) -> dict[str, object]:
    """Counts for one half."""
    stay = [line for _, line in that_stay() if half_of(line) == half]
    change = [(heard, written) for _, heard, written in that_change() if half_of(heard) == half]
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


def failures(half: Half) -> dict[str, list[str]]:
    """What went wrong in one half, with all options on."""
    every = OPTIONS["everything"]
    broken = [
        f"{form}  =>  {new!r}"
        for _, line in that_stay()
        if half_of(line) == half
        for form, new in altered(line, every)
    ]
    wrong = [
        f"{heard}  =>  {new!r}, not {written!r}"
        for _, heard, written in that_change()
        if half_of(heard) == half and (new := tidied(heard, manners=every).text) != written
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
    parser.add_argument("--show", choices=["tuning", "held_out"])
    parser.add_argument("--text", type=Path, action="append", default=[])
    a = parser.parse_args()
    if a.show:
        print(json.dumps(failures(a.show), indent=1, ensure_ascii=False))
    elif a.text:
        print(json.dumps([read_text(path) for path in a.text], indent=1, ensure_ascii=False))
    else:
        print(json.dumps({half: report(half) for half in ("tuning", "held_out")}, indent=1))


if __name__ == "__main__":
    main()
