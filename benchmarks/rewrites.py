"""How well the bundled model rewrites: `python -m benchmarks.rewrites`, a table by style and length.

Texts are those that training sets aside: of the same making as what it learnt from (synthetic sentences with
invented words and numbers to copy), never seen. A rewrite is right only to the letter. Asked and answered as
in the program: the engine process, `LocalWriter`, real llama.cpp.

    python -m benchmarks.rewrites --count 100 --adapter RUN/rewrites.gguf --output FILE
"""

from __future__ import annotations

import argparse
import difflib
import json
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from engine.catalog import find_model
from engine.client import EngineClient
from engine.local_writer import LocalWriter
from engine.training import rewrites
from engine.writer import Message, WriteRequest

LENGTHS = ((0, 20), (20, 50), (50, 120), (120, 10_000))
"""Words of the text, from and below."""
TEXT_CTX = 2048


@dataclass(frozen=True, slots=True)
class Rewritten:
    """One text, and what came of it."""

    style: str
    words: int
    is_right: bool
    wrong_words: int
    """Words to be put, taken or exchanged to make it right."""
    stop: str
    seconds: float
    before: str
    wanted: str
    written: str


def word_errors(wanted: str, written: str) -> int:
    """Words that differ, line ends counted as words."""
    a, b = (text.replace("\n", " \n ").split(" ") for text in (wanted, written))
    return sum(
        max(i2 - i1, j2 - j1)
        for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
        if tag != "equal"
    )


def rewrite(writer: LocalWriter, pair: rewrites.Pair) -> Rewritten:
    """One text through the program's own way."""
    request = WriteRequest(
        messages=(Message("user", pair.before),), style=pair.style, text=pair.before, originals=(pair.before,)
    )
    written = writer.write(request)
    return Rewritten(
        pair.style,
        len(pair.before.split()),
        written.stop == "eos" and written.text == pair.after,
        word_errors(pair.after, written.text),
        written.stop,
        written.timing.final_s - written.timing.asked_s,
        pair.before,
        pair.after,
        written.text,
    )


def table(found: list[Rewritten]) -> Table:
    """Right of all, by style and length; then wrong words."""
    shown = Table("style", *(f"{a}-{b - 1} words" for a, b in LENGTHS[:-1]), "longer", "all", "wrong words")
    by_style: dict[str, list[Rewritten]] = defaultdict(list)
    for one in found:
        by_style[one.style].append(one)
    for style, ones in by_style.items():
        cells = []
        for first, last in (*LENGTHS, (0, 10_000)):
            some = [one.is_right for one in ones if first <= one.words < last]
            cells.append(f"{sum(some)}/{len(some)}" if some else "")
        words, wrong = sum(one.words for one in ones), sum(one.wrong_words for one in ones)
        shown.add_row(style, *cells, f"{wrong} of {words}")
    return shown


def main() -> None:
    """Parse arguments, rewrite, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=50, help="texts of each style")
    parser.add_argument("--adapter", type=Path, help="instead of the one that ships")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wrong", type=int, default=0, help="show so many of each style that are wrong")
    parser.add_argument("--output", type=Path, help="every text, as JSON")
    a = parser.parse_args()
    files = find_model("bundled")
    if a.adapter is not None:
        files = replace(files, adapter=a.adapter)
    found: list[Rewritten] = []
    console = Console()
    with EngineClient(files, n_ctx=512, text_ctx=TEXT_CTX, n_threads=1) as client:
        writer = LocalWriter(client)
        for style in rewrites.STYLES:
            found += [rewrite(writer, pair) for pair in rewrites.set_aside(style, a.count, a.seed)]
    console.print(table(found))
    for style in rewrites.STYLES:
        for one in [one for one in found if one.style == style and not one.is_right][: a.wrong]:
            console.print(
                f"\n{style}:\n{one.before}\n-> {one.written}\nnot {one.wanted}", highlight=False, markup=False
            )
    if a.output:
        told = {"count": a.count, "seed": a.seed, "texts": [asdict(one) for one in found]}
        a.output.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
