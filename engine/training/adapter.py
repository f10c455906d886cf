"""Teach the bundled model rewrites: `python -m engine.training.adapter --run RUN --minutes 60`.

The model stays as it is (`engine/bundled`), and hears as it did: what is learnt is an adapter (LoRA, a
product of two thin matrices for each of its matrices) that llama.cpp applies while a text is written and
never while sound is taken in. Resumes when RUN has a checkpoint; a signal to stop saves one.
"""

from __future__ import annotations

import argparse
import logging
import math
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import parametrize

from engine.training import rewrites
from engine.training.drafter import BUNDLED, frozen_model
from engine.training.gguf_pair import MODEL_FILE, finish
from engine.training.model import Ear, Linear
from engine.training.tokenizer import Pieces, pieces_of

logger = logging.getLogger("adapter")

ADAPTER_FILE = "rewrites.gguf"
NO_LABEL = -100
WIDTH_STEP = 32
SHORT = 64
"""Positions of the longest text at the beginning."""
HELD_OUT = 16
"""Texts of each style that are written freely now and then, to see how many come out right."""


class Change(nn.Module):
    """What is added to a matrix [out, in]: b [out, rank] @ a [rank, in], zero at first."""

    def __init__(self, outputs: int, inputs: int, rank: int) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.randn(rank, inputs) * inputs**-0.5)
        self.b = nn.Parameter(torch.zeros(outputs, rank))

    def forward(self, weight: Tensor) -> Tensor:
        """The matrix with the change."""
        return weight + self.b @ self.a


def attach(ear: Ear, rank: int) -> dict[str, Change]:
    """Put a change on every matrix of the decoder and on its output; returns them by llama.cpp's names."""
    found = {}
    for name, module in ear.named_modules():
        if isinstance(module, Linear) and (name.startswith("blk.") or name == "output"):
            change = Change(*module.weight.shape, min(rank, *module.weight.shape))
            parametrize.register_parametrization(module, "weight", change)
            found[f"{name}.weight"] = change
    return found


@dataclass(frozen=True, slots=True)
class Lesson:
    """A prompt and the answer to learn."""

    prompt: list[int]
    answer: list[int]

    @property
    def positions(self) -> int:
        """Length in the decoder."""
        return len(self.prompt) + len(self.answer)


@dataclass(frozen=True, slots=True)
class Batch:
    """Right-padded rows of one width."""

    ids: NDArray[np.int64]
    """int64[b, t]."""
    told_at: NDArray[np.int64]
    """int64[k]: flat positions whose next token is learnt."""
    told: NDArray[np.int64]
    """int64[k]: that token."""


def lay_out(lessons: Sequence[Lesson], width: int) -> Batch:
    """Put lessons into rows of `width` positions."""
    ids = np.zeros((len(lessons), width), np.int64)
    told_at, told = [], []
    for row, lesson in enumerate(lessons):
        ids[row, : lesson.positions] = [*lesson.prompt, *lesson.answer]
        first = row * width + len(lesson.prompt) - 1
        told_at += range(first, first + len(lesson.answer))
        told += lesson.answer
    return Batch(ids, np.array(told_at), np.array(told))


def batches(
    pieces: Pieces, rng: random.Random, positions: int, longest: Callable[[], float]
) -> Iterator[Batch]:
    """Batches for ever, each of texts of like length, none longer than `longest` positions."""
    waiting: dict[int, list[Lesson]] = {}
    while True:
        pair = rewrites.pair(rng)
        lesson = Lesson(rewrites.prompt(pieces, pair.style, pair.before), rewrites.answer(pieces, pair.after))
        if lesson.positions > longest():
            continue
        width = -(-lesson.positions // WIDTH_STEP) * WIDTH_STEP
        rows = waiting.setdefault(width, [])
        rows.append(lesson)
        if len(rows) >= max(1, positions // width):
            yield lay_out(waiting.pop(width), width)


def logits_of(ear: Ear, ids: Tensor, at: Tensor) -> Tensor:
    """Logits [k, vocabulary] at the flat positions `at` of `ids` [b, t]."""
    nothing = torch.zeros((0, 1))
    hidden, _ = ear(ids, nothing, nothing)
    found: Tensor = ear.output(hidden.index_select(0, at)).float()
    return found


@torch.no_grad()
def free_answers(ear: Ear, lessons: Sequence[Lesson]) -> list[bool]:
    """Whether each answer is written exactly when nothing is told: every greedy pick is the right token."""
    right = []
    with parametrize.cached():
        for lesson in lessons:
            batch = lay_out([lesson], lesson.positions)
            picks = logits_of(ear, torch.from_numpy(batch.ids), torch.from_numpy(batch.told_at)).argmax(-1)
            right.append(bool((picks == torch.from_numpy(batch.told)).all()))
    return right


def examine(ear: Ear, pieces: Pieces, count: int = HELD_OUT) -> dict[str, float]:
    """Share of set-aside texts whose rewrite is right to the letter, by style."""
    return {
        style: float(
            np.mean(
                free_answers(
                    ear,
                    [
                        Lesson(
                            rewrites.prompt(pieces, style, pair.before), rewrites.answer(pieces, pair.after)
                        )
                        for pair in rewrites.set_aside(style, count)
                    ],
                )
            )
        )
        for style in rewrites.STYLES
    }


def export(changes: dict[str, Change], path: Path) -> Path:
    """Write the adapter as llama.cpp reads it."""
    part = path.with_suffix(".part")
    writer = gguf.GGUFWriter(part, "gemma4")
    writer.add_type("adapter")
    writer.add_name("voice-edit bundled rewrites")
    writer.add_string("adapter.type", "lora")
    rank = max(len(change.a) for change in changes.values())
    writer.add_float32("adapter.lora.alpha", float(rank))  # llama.cpp divides by the rank of each pair
    for name, change in changes.items():
        scale = len(change.a) / rank
        for half, weights in (("a", change.a), ("b", change.b * scale)):
            values = np.ascontiguousarray(weights.detach().float().numpy())
            writer.add_tensor(f"{name}.lora_{half}", values.astype(np.float16))
    finish(writer, part, path)
    return path


def train(ear: Ear, changes: dict[str, Change], pieces: Pieces, run: Path, a: argparse.Namespace) -> None:
    """AdamW; warm-up, flat, then linear to zero over the last part of the time."""
    optimiser = torch.optim.AdamW(
        [
            {"params": [change.a for change in changes.values()], "scale": 1.0},
            {"params": [change.b for change in changes.values()], "scale": 2.0},
        ],
        lr=a.rate,
        betas=(0.9, 0.98),
        weight_decay=0.0,
        fused=True,
    )
    step, before, kept = 0, 0.0, run / "adapter.pt"
    if kept.exists():
        state = torch.load(kept)
        for name, change in changes.items():
            change.load_state_dict(state["changes"][name])
        optimiser.load_state_dict(state["optimiser"])
        step, before = state["step"], state["minutes"]

    def save(minutes: float) -> None:
        changed = {name: change.state_dict() for name, change in changes.items()}
        state = {
            "changes": changed, "optimiser": optimiser.state_dict(), "step": step, "minutes": minutes,
        }  # fmt: skip
        torch.save(state, kept.with_suffix(".new"))
        kept.with_suffix(".new").replace(kept)

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    began, minutes, seen = time.thread_time(), before, []
    saved = examined = minutes

    def longest() -> float:
        """Copying is learnt from short texts first; from a third of the time on, they have any length."""
        return SHORT * 2 ** (9 * minutes / a.minutes) if minutes < a.minutes / 3 else math.inf

    for batch in batches(pieces, random.Random(a.seed + step), a.positions, longest):
        minutes = before + (time.thread_time() - began) / 60
        if minutes >= a.minutes or stop.is_set():
            break
        factor = min(1.0, (step + 1) / 50) * min(1.0, (1 - minutes / a.minutes) / a.fall)
        for group in optimiser.param_groups:
            group["lr"] = a.rate * factor * group["scale"]
        told = torch.from_numpy(batch.told)
        logits = logits_of(ear, torch.from_numpy(batch.ids), torch.from_numpy(batch.told_at))
        loss = F.cross_entropy(logits, told, ignore_index=NO_LABEL)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([p for group in optimiser.param_groups for p in group["params"]], 1.0)
        optimiser.step()
        step += 1
        seen.append((loss.item(), float((logits.argmax(-1) == told).float().mean())))
        if step % 25 == 0:
            text, right = np.mean(seen, 0)
            logger.info("step %d  %.1f min  loss %.3f  tokens %.3f", step, minutes, text, right)
            seen = []
        if minutes - examined > 5:
            scores = examine(ear, pieces)
            logger.info("  to the letter: %s", "  ".join(f"{k} {v:.2f}" for k, v in scores.items()))
            examined = minutes
        if minutes - saved > 2:
            save(minutes)
            saved = minutes
    save(minutes)
    scores = examine(ear, pieces, 64)
    logger.info("step %d: to the letter: %s", step, "  ".join(f"{k} {v:.2f}" for k, v in scores.items()))


def main() -> None:
    """Parse arguments, train, export."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="folder outside the repository")
    parser.add_argument("--model", type=Path, default=BUNDLED, help="folder of the model's pair")
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="of processor time, resumed runs included"
    )
    parser.add_argument("--rank", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--fall", type=float, default=0.4, help="share of the time in which the rate falls")
    parser.add_argument("--positions", type=int, default=3200, help="decoder positions a batch, padding too")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    a = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    a.run.mkdir(parents=True, exist_ok=True)
    ear, _ = frozen_model(a.model)
    changes = attach(ear, a.rank)
    logger.info(
        "%.2f M numbers in the adapter", sum(c.a.numel() + c.b.numel() for c in changes.values()) / 1e6
    )
    train(ear, changes, pieces_of(a.model / MODEL_FILE), a.run, a)
    path = export(changes, a.run / ADAPTER_FILE)
    logger.info("%s  %.1f MB", path, path.stat().st_size / 1e6)


if __name__ == "__main__":
    main()
