"""Write the model card: `python -m engine.training.card --run DIR --results hearing.json --rewrites FILE`.

Numbers come from `python -m benchmarks.hearing --json hearing.json`, `python -m benchmarks.rewrites --output
rewrites.json` and the run's curve; nothing in the card's tables is typed by hand.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from engine.training import cast, texts
from engine.training.gguf_pair import MODEL_FILE, PROJECTOR_FILE
from engine.training.train import CURVE

BUNDLED = Path(__file__).parent.parent / "bundled"
KINDS = ("sentence", "salad", "command")


def results_table(results: dict[str, Any]) -> str:
    """A row for each voice, and one for each group's sum."""
    lines = [
        "| voice | sentences WER | word salad WER | commands WER | commands understood | by ear |",
        "|---|---|---|---|---|---|",
    ]
    for title, group in (("trained", cast.TRAINED), ("never heard", cast.UNHEARD)):
        rows = [results[voice] for voice in group if voice in results]
        lines += [_row(voice, [results[voice]]) for voice in group if voice in results]
        if rows:
            lines.append(_row(f"**all {title}**", rows))
    return "\n".join(lines)


def _row(name: str, rows: list[dict[str, Any]]) -> str:
    def share(kind: str, over: str, under: str) -> str:
        return f"{sum(r[kind][over] for r in rows) / max(1, sum(r[kind][under] for r in rows)):.1%}"

    rates = " | ".join(share(kind, "errors", "words") for kind in KINDS)
    understood = " | ".join(share("command", count, "texts") for count in ("parsed", "by_ear"))
    return f"| {name} | {rates} | {understood} |"


def rewrites_table(results: list[dict[str, Any]]) -> str:
    """A row for each style: right of all, by the words of the text; then wrong words."""
    lengths = ((0, 20), (20, 50), (50, 120), (120, 10_000), (0, 10_000))
    lines = [
        "| style | under 20 words | 20 to 49 | 50 to 119 | longer | all | wrong words |",
        "|---|---|---|---|---|---|---|",
    ]
    for style in dict.fromkeys(one["style"] for one in results):
        ones = [one for one in results if one["style"] == style]
        cells = []
        for first, last in lengths:
            some = [one["is_right"] for one in ones if first <= one["words"] < last]
            cells.append(f"{sum(some)} of {len(some)}")
        wrong, words = sum(one["wrong_words"] for one in ones), sum(one["words"] for one in ones)
        lines.append(f"| {style} | {' | '.join(cells)} | {wrong / words:.1%} of {words:,} |")
    return "\n".join(lines)


def curve_table(path: Path, points: int = 14) -> str:
    """About `points` rows of the run's curve."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    step = max(1, len(rows) // points)
    chosen = rows[step - 1 :: step]
    if rows and chosen[-1] != rows[-1]:
        chosen.append(rows[-1])
    head = (
        "| step | hours | text loss | phone loss | tokens right | phones right |\n|---|---|---|---|---|---|\n"
    )
    return head + "\n".join("| " + " | ".join(row) + " |" for row in chosen)


def card(run: Path, results: dict[str, Any], rewritten: dict[str, Any], folder: Path) -> str:
    """The whole card."""
    state = torch.load(run / "checkpoint.pt", map_location="cpu")
    shape = state["shape"]
    parameters = sum(v.numel() for k, v in state["model"].items() if not k.startswith("phone")) / 1e6
    sizes = {name: (folder / name).stat().st_size / 1e6 for name in (MODEL_FILE, PROJECTOR_FILE)}
    template = (Path(__file__).parent / "card.md").read_text(encoding="utf-8")
    return template.format(
        parameters=f"{parameters:.1f}",
        width=shape["width"],
        layers=shape["layers"],
        hidden=shape["hidden"],
        vocabulary=shape["vocabulary"],
        words=len(texts.vocabulary()),
        model_mb=f"{sizes[MODEL_FILE]:.1f}",
        projector_mb=f"{sizes[PROJECTOR_FILE]:.1f}",
        steps=state["step"],
        hours=f"{state['hours']:.2f}",
        results=results_table(results),
        rewrites=rewrites_table(rewritten["texts"]),
        rewrites_count=rewritten["count"],
        rewrites_seed=rewritten["seed"],
        count=next(iter(results.values()))["sentence"]["texts"],
        curve=curve_table(run / CURVE),
    )


def main() -> None:
    """Parse arguments and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--rewrites", type=Path, required=True)
    parser.add_argument("--bundled", type=Path, default=BUNDLED)
    a = parser.parse_args()
    results = json.loads(a.results.read_text(encoding="utf-8"))
    rewritten = json.loads(a.rewrites.read_text(encoding="utf-8"))
    text = card(a.run, results, rewritten, a.bundled)
    (a.bundled / "MODEL_CARD.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
