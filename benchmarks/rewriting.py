"""Rewriting with drafts looked up in the old text: `python -m benchmarks.rewriting`, a table by vocabulary.

The paragraphs of `rewriting.txt` (about 120 words of which ten change) are rewritten. No model at hand writes
these rewrites by itself, so the new text is *forced* as what the model chooses; all else is real: tokenizer,
index, draft lengths, every batch in llama.cpp with logits on every row, and the comparison of its rows. Steps
for a token depend on text and vocabulary only. Times do depend on the model: those of the bundled one are
true for it (9.8 million weights, random texts mean nothing to it); with `--vocabulary` the weights are tiny
and random, and the times say nothing about the model that the vocabulary belongs to.

    python -m benchmarks.rewriting --vocabulary ggml-vocab-gemma-4.gguf --output FOLDER
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from engine.catalog import ModelFiles, find_model, profiles
from engine.events import Written
from engine.session import Engine
from engine.speed import Speed
from engine.writing import TextPass
from voice_edit.bench.forced import ForcedPicker, end_token, force

DATA = Path(__file__).with_suffix(".txt")
INSTRUCTION = "Rewrite the text. Change what is asked for and nothing else.\n"
PLAIN = Speed(lookup=False, mtp=False)
LOOKUP = Speed(mtp=False)
WAYS = ("plain", "always", "gated")
"""Token by token; with whatever lookup finds; with what of it pays, as it is used."""
CHANGE = re.compile(r"\{([^|}]*)\|([^|}]*)\}")


@dataclass(frozen=True, slots=True)
class Pair:
    """A paragraph and what becomes of it."""

    before: str
    after: str
    changed: int
    """Words that change."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """One paragraph, rewritten plainly and with drafts."""

    words: int
    changed: int
    tokens: int
    """Tokens of the new text, its end included: as many as plain steps."""
    steps: int
    drafted: int
    accepted: int
    plain_s: float
    """Median time from the first batch behind the prompt to the last, token by token."""
    always_s: float
    """The same with every draft that lookup finds; steps and drafted are of this."""
    gated_s: float
    """The same with drafts as long as they pay, which is found out anew in each paragraph."""

    @property
    def steps_per_token(self) -> float:
        return self.steps / self.tokens


def read_pairs(text: str) -> list[Pair]:
    """Paragraphs of the data file. Its first one is a comment."""
    pairs = []
    for paragraph in text.split("\n\n")[1:]:
        line = " ".join(paragraph.split())
        before, after = (_tidy(CHANGE.sub(rf"\{side}", line)) for side in (1, 2))
        pairs.append(Pair(before, after, changed=len(CHANGE.findall(line))))
    return pairs


def _tidy(text: str) -> str:
    """A word that went away leaves no gap."""
    return re.sub(r" +([.,;:?])?", lambda gap: gap[1] or " ", text)


def rewrite(text_pass: TextPass, picker: ForcedPicker, pair: Pair, end: int) -> Written:
    """One answer in which the model "chooses" the new text."""
    script = [*text_pass.tokens(pair.after), end]
    picker.begin(script)
    text_pass.begin(text_pass.tokens(INSTRUCTION, begins=True) + text_pass.tokens(pair.before))
    while text_pass.prefill_some():
        pass
    old = text_pass.tokens(pair.before)
    found = text_pass.answer(text_pass.tokens("\n"), originals=[old], max_tokens=len(script))
    assert [*found.tokens, end] == script, "drafts changed the text"
    return found


def measure(engine: Engine, pairs: Sequence[Pair], runs: int) -> list[Rewritten]:
    """Rewrite every paragraph in each way, `runs` times by turns, after one that does not count."""
    picker, end = force(engine), end_token(engine.model)
    found = []
    for pair in pairs:
        times: dict[str, list[float]] = {way: [] for way in WAYS}
        done: dict[str, Written] = {}
        for run in range(runs + 1):
            for way in WAYS[run % 3 :] + WAYS[: run % 3]:
                engine.speed = PLAIN if way == "plain" else LOOKUP
                # What was learnt from one paragraph would help the next; each stands alone.
                text_pass = TextPass(engine)
                if way == "always":
                    text_pass.gate = None
                written = done[way] = rewrite(text_pass, picker, pair, end)
                if run:
                    times[way].append(
                        written.timing.final_s - written.timing.asked_s - written.timing.prefill_s
                    )
        plain, looked_up = done["plain"], done["always"]
        assert plain.tokens == looked_up.tokens == done["gated"].tokens
        assert plain.timing.steps == len(plain.tokens) + 1
        found.append(
            Rewritten(
                words=len(pair.before.split()),
                changed=pair.changed,
                tokens=len(plain.tokens) + 1,
                steps=looked_up.timing.steps,
                drafted=looked_up.timing.drafted,
                accepted=looked_up.timing.accepted,
                plain_s=statistics.median(times["plain"]),
                always_s=statistics.median(times["always"]),
                gated_s=statistics.median(times["gated"]),
            )
        )
    return found


@contextmanager
def model_with(vocabulary: Path) -> Iterator[ModelFiles]:
    """A tiny model with random weights and the vocabulary of a GGUF file; deleted afterwards."""
    from gguf import GGUFReader

    from engine.training.gguf_pair import Shape, Vocabulary, random_tensors, write_pair

    fields = GGUFReader(vocabulary).fields

    def column(name: str) -> list[Any]:
        field = fields[f"tokenizer.ggml.{name}"]
        return list(field.contents())

    words = Vocabulary(column("tokens"), column("token_type"), column("merges"))
    shape = Shape(n_embd=64, n_layer=6, n_ff=128, n_head=2, n_head_kv=1, head_dim=32, tied=True)
    with tempfile.TemporaryDirectory() as folder:
        profile = profiles()["bundled"]
        tensors = random_tensors(shape, len(words.tokens))
        pair = write_pair(
            Path(folder), shape, tensors, words, name="random weights", chat_template=profile.template
        )
        yield ModelFiles("random weights", *pair, profile)


def summary(rows: Sequence[Rewritten]) -> dict[str, float]:
    """The numbers of a table's row."""
    tokens, steps = sum(row.tokens for row in rows), sum(row.steps for row in rows)
    return {
        "paragraphs": len(rows),
        "words": statistics.mean(row.words for row in rows),
        "tokens": tokens / len(rows),
        "steps_per_token": steps / tokens,
        "steps_per_token_worst": max(row.steps_per_token for row in rows),
        "acceptance": sum(row.accepted for row in rows) / max(1, sum(row.drafted for row in rows)),
        "plain_s": statistics.median(row.plain_s for row in rows),
        "always_s": statistics.median(row.always_s for row in rows),
        "gated_s": statistics.median(row.gated_s for row in rows),
        "always_faster": statistics.median(row.plain_s / row.always_s for row in rows),
        "gated_faster": statistics.median(row.plain_s / row.gated_s for row in rows),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--vocabulary", type=Path, action="append", default=[], help="a GGUF; may be repeated"
    )
    parser.add_argument("--runs", type=int, default=5, help="times each paragraph is rewritten (default 5)")
    parser.add_argument("--threads", type=int, default=1, help="threads of llama.cpp (default 1)")
    parser.add_argument("--output", type=Path, help="a folder for rewriting.json")
    a = parser.parse_args()
    pairs = read_pairs(DATA.read_text(encoding="utf-8"))
    results: dict[str, list[Rewritten]] = {}
    options: dict[str, Any] = {"n_ctx": 256, "text_ctx": 1024, "n_threads": a.threads}
    with Engine.open(find_model("bundled"), **options) as engine:
        results["bundled model"] = measure(engine, pairs, a.runs)
    for path in a.vocabulary:
        with model_with(path) as files, Engine.open(files, **options) as engine:
            results[f"{path.name}, tiny random weights"] = measure(engine, pairs, a.runs)
    table = Table(title="Rewriting: ten words of a paragraph change; the new text is forced")
    table.add_column("vocabulary", min_width=20)
    for heading in (
        "words",
        "tokens",
        "steps/token",
        "worst",
        "accepted",
        "plain",
        "always",
        "x",
        "gated",
        "x",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, rows in results.items():
        s = summary(rows)
        table.add_row(
            name,
            f"{s['words']:.0f}",
            f"{s['tokens']:.0f}",
            f"{s['steps_per_token']:.3f}",
            f"{s['steps_per_token_worst']:.3f}",
            f"{s['acceptance']:.2f}",
            f"{s['plain_s'] * 1000:.0f} ms",
            f"{s['always_s'] * 1000:.0f} ms",
            f"{s['always_faster']:.2f}",
            f"{s['gated_s'] * 1000:.0f} ms",
            f"{s['gated_faster']:.2f}",
        )
    Console(width=120).print(table)
    if a.output is not None:
        a.output.mkdir(parents=True, exist_ok=True)
        data = {
            name: {"summary": summary(rows), "rows": [asdict(row) for row in rows]}
            for name, rows in results.items()
        }
        (a.output / "rewriting.json").write_text(json.dumps(data, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
