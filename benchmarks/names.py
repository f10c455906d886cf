"""How well names are told from other words by their sound: `python -m benchmarks.names`.

Three questions, each with every word list of the user's that is tried:

* clean: sentences in which no name of the list is said. How many does the matcher change? (None should be.)
* misheard: names as recognisers misspell them, from `benchmarks/names.yaml`. How many become what was meant,
  and how many become something else?
* in the text around: the same, where the name only stands in the document.

The clean sentences are the prose of this project's own documentation and the sentences of names.yaml; the
hard word lists are names drawn by chance from the lexicon, which sound like everything.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import regex
import yaml

from voice_edit.vocabulary.entries import Entries, Word
from voice_edit.vocabulary.lexicon import _lists
from voice_edit.vocabulary.matcher import folded
from voice_edit.vocabulary.vocabulary import Vocabulary

ROOT = Path(__file__).parent.parent
DATA = Path(__file__).with_name("names.yaml")
HARD_LISTS = 20
HARD_NAMES = 200


def clean_sentences() -> list[str]:
    """Prose of the documentation, without code, and the sentences that were written for this."""
    found = list(yaml.safe_load(DATA.read_text(encoding="utf-8"))["clean"])
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = regex.sub(r"```.*?```", " ", page.read_text(encoding="utf-8"), flags=regex.DOTALL)
        text = regex.sub(r"[`*_#|]|\]\([^)]*\)|\[|<[^>]*>", " ", text)
        for sentence in regex.split(r"(?<=[.!?])\s+|\n\s*\n|\n\s*[-*] ", text):
            words = " ".join(sentence.split())
            if len(words.split()) >= 5:
                found.append(words)
    return found


def vocabulary(names: list[str]) -> Vocabulary:
    return Vocabulary(Entries(tuple(Word(name) for name in names)))


def altered(words: Vocabulary, sentences: list[str], *, window: str = "") -> tuple[int, int, list[str]]:
    """Of how many sentences without any of the names, how many were changed, and what was."""
    known = [folded(word.write) for word in words.entries.words]
    looked_at, changed, what = 0, 0, []
    for sentence in sentences:
        letters = folded(sentence)
        if any(name in letters for name in known if len(name) > 3):
            continue
        looked_at += 1
        made = words.corrected(sentence, window).made
        if made:
            changed += 1
            what += [f"{one.heard} -> {one.write}" for one in made]
    return looked_at, changed, what


def heard_rightly(pairs: list[dict[str, Any]], *, in_text: bool) -> dict[str, Any]:
    """What becomes of misheard names, where all of them are known together."""
    names = sorted({pair["name"] for pair in pairs})
    window = "".join(f"We spoke with {name} about it. " for name in names) if in_text else ""
    words = vocabulary([] if in_text else names)
    right, wrong, missed = 0, [], []
    for pair in pairs:
        said = f"Yesterday I asked {pair['heard']} about the report."
        meant = f"Yesterday I asked {pair['name']} about the report."
        got = words.correct(said, window)
        if got == meant:
            right += 1
        elif got == said:
            missed.append(f"{pair['heard']} ({pair['name']})")
        else:
            wrong.append(f"{pair['heard']}: {got[18:-18]}, meant {pair['name']}")
    return {"pairs": len(pairs), "right": right, "left": len(missed), "wrong": wrong, "missed": missed}


def main() -> int:
    """Run all of it and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", type=Path, help="write the numbers there as well")
    parser.add_argument("--show", action="store_true", help="show each change of a clean sentence")
    a = parser.parse_args()
    data = yaml.safe_load(DATA.read_text(encoding="utf-8"))
    sentences = clean_sentences()
    usual = vocabulary(sorted({pair["name"] for pair in data["misheard"]}))
    result: dict[str, Any] = {}
    looked_at, changed, what = altered(usual, sentences)
    result["clean, names of names.yaml"] = {"sentences": looked_at, "altered": changed, "what": what}
    document = "".join(f"We spoke with {word.write} about it. " for word in usual.entries.words)
    looked_at, changed, what = altered(Vocabulary(), sentences, window=document)
    result["clean, the same names in the text around"] = {
        "sentences": looked_at,
        "altered": changed,
        "what": what,
    }
    rng, known = random.Random(1), sorted(_lists()[1])
    total, bad, what = 0, 0, []
    for _ in range(HARD_LISTS):
        names = [name.title() for name in rng.sample([one for one in known if one.isalpha()], HARD_NAMES)]
        looked_at, changed, more = altered(vocabulary(names), sentences)
        total, bad, what = total + looked_at, bad + changed, [*what, *more]
    result[f"clean, {HARD_LISTS} lists of {HARD_NAMES} names by chance"] = {
        "sentences": total,
        "altered": bad,
        "what": what,
    }
    result["misheard, names of the user's"] = heard_rightly(data["misheard"], in_text=False)
    result["misheard, names in the text around"] = heard_rightly(data["misheard"], in_text=True)
    times = []
    for sentence in sentences[:200]:
        began = time.perf_counter()
        usual.correct(sentence, document)
        times.append((time.perf_counter() - began) * 1000)
    result["time of one utterance, ms"] = {
        "median": round(statistics.median(times), 2),
        "p95": round(sorted(times)[int(len(times) * 0.95)], 2),
    }
    for name, told in result.items():
        shown = {key: value for key, value in told.items() if not isinstance(value, list)}
        print(f"{name}: {', '.join(f'{key} {value}' for key, value in shown.items())}")
        for key in ("wrong", "missed", "what"):
            if told.get(key) and (a.show or key == "wrong"):
                print(f"    {key}: {'; '.join(told[key])}")
    if a.json:
        a.json.write_text(json.dumps(result, indent=2, ensure_ascii=False), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
