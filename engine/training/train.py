"""Train the bundled model: `python -m engine.training.train --run DIR --hours 2.5`.

Resumes when DIR has a checkpoint; a signal to stop saves one. One command on two cores or on CUDA. Two
losses: the next text token, and the phones of every frame. The learning rate warms up, stays, and falls to
zero over the last part of the hours, so that a run can be prolonged by a higher --hours.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from engine.training import data, start, texts
from engine.training.gguf_pair import MODEL_FILE
from engine.training.model import Ear, Shape
from engine.training.tokenizer import Pieces, pieces_of

logger = logging.getLogger("train")
CURVE = "curve.tsv"
"""Step, hours, text loss, phone loss, share of tokens right, share of phones right; a line each 25 steps."""


def losses(
    ear: Ear, batch: data.Batch, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, float, float]:
    """Return (text loss, phone loss, share of tokens right, share of phones right)."""
    ids, is_frame, frames, phones, told_at, told = (
        torch.from_numpy(a).to(device)
        for a in (batch.ids, batch.is_frame, batch.frames, batch.phones, batch.told_at, batch.told)
    )
    hidden, phone_logits = ear(ids, frames, is_frame)
    logits = ear.output(hidden.index_select(0, told_at)).float()
    text_loss = F.cross_entropy(logits, told, ignore_index=data.NO_LABEL)
    phone_loss = F.cross_entropy(
        phone_logits.view(-1, ear.s.phones), phones.view(-1), ignore_index=data.NO_LABEL
    )
    right = (logits.argmax(-1) == told)[told != data.NO_LABEL].float().mean().item()
    heard = (phone_logits.argmax(-1) == phones)[phones > 0].float().mean().item()
    return text_loss, phone_loss, right, heard


def optimizers(ear: Ear, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the inner matrices; AdamW for the rest, the signal-processing start among it."""
    matrices, rest = [], []
    for name, parameter in ear.named_parameters():
        inner = name.startswith("blk.") and parameter.ndim == 2 and not name.startswith("blk.0.ffn")
        (matrices if inner else rest).append(parameter)
    return [
        torch.optim.Muon(matrices, lr=rate, weight_decay=0.02, adjust_lr_fn="match_rms_adamw", ns_steps=5),
        torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True),
    ]


def schedule(fraction: float, step: int, warmup: int = 100, fall: float = 0.4) -> float:
    """Factor on the learning rate: warm-up by steps, flat, then linear to zero over the last `fall`."""
    return min(1.0, (step + 1) / warmup) * min(1.0, max(0.0, (1.0 - fraction) / fall))


def prepare(run: Path, seed: int, size: int, pair: Path | None) -> tuple[Pieces, list[str]]:
    """The tokenizer and phone list of a run, made once; the tokenizer of an exported pair is kept."""
    run.mkdir(parents=True, exist_ok=True)
    if not (run / "phones.json").exists():
        made = pieces_of(pair / MODEL_FILE) if pair else Pieces.train(list(texts.corpus(seed, 60_000)), size)
        made.save(run / "pieces.json")
        (run / "phones.json").write_text(json.dumps(data.phone_names(seed)), encoding="utf-8")
    return Pieces.load(run / "pieces.json"), json.loads((run / "phones.json").read_text(encoding="utf-8"))


def save(run: Path, ear: Ear, optimisers: list[torch.optim.Optimizer], step: int, hours: float) -> None:
    """Write the checkpoint beside the old one, then swap."""
    state = {
        "shape": ear.s.as_dict(),
        "model": ear.state_dict(),
        "optim": [o.state_dict() for o in optimisers],
    }
    torch.save({**state, "step": step, "hours": hours}, run / "checkpoint.new")
    (run / "checkpoint.new").replace(run / "checkpoint.pt")


def report(run: Path, step: int, hours: float, figures: tuple[float, ...]) -> None:
    """Log one line, and keep it for the model card's curve."""
    line = "step %d  %.3f h  text %.3f  phone %.3f  tokens %.3f  phones %.3f  rows %.0f  queue %d"
    logger.info(line, step, hours, *figures)
    with (run / CURVE).open("a", encoding="utf-8") as out:
        out.write("\t".join([str(step), f"{hours:.3f}", *(f"{x:.3f}" for x in figures[:4])]) + "\n")


def drain(queue: Any) -> Iterator[data.Batch]:
    """Batches for ever."""
    while True:
        yield queue.get()


def main() -> None:
    """Parse arguments and train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--run", type=Path, required=True, help="folder of checkpoints, outside the repository"
    )
    parser.add_argument(
        "--hours", type=float, default=2.5, help="training time in all, resumed runs included"
    )
    parser.add_argument("--start", type=Path, help="folder of an exported pair to go on from, in a new run")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rate", type=float, default=1.5e-3, help="highest learning rate")
    parser.add_argument(
        "--fall", type=float, default=0.4, help="share of the hours in which the rate falls to zero"
    )
    parser.add_argument("--pieces", type=int, default=700, help="size of the text vocabulary")
    parser.add_argument(
        "--positions", type=int, default=3200, help="decoder positions a batch, padding included"
    )
    parser.add_argument("--long", type=float, default=0.04, help="share of utterances of several sentences")
    parser.add_argument("--workers", type=int, default=1, help="processes that synthesise speech")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--steps", type=int, default=0, help="stop after this many steps (for trying things out)"
    )
    a = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    device = torch.device(a.device)
    pieces, phones = prepare(a.run, a.seed, a.pieces, a.start)
    ear = Ear(Shape(len(pieces), len(phones))).to(device)
    optims = optimizers(ear, a.rate)
    step, before = 0, 0.0
    if (a.run / "checkpoint.pt").exists():
        state = torch.load(a.run / "checkpoint.pt", map_location=device)
        ear.load_state_dict(state["model"])
        for optim, saved in zip(optims, state["optim"], strict=True):
            optim.load_state_dict(saved)
        step, before = state["step"], state["hours"]
    elif a.start:
        logger.info("from %s, learning anew: %s", a.start, ", ".join(start.load_into(ear, a.start)))
    count = sum(p.numel() for p in ear.parameters()) / 1e6
    logger.info(
        "%.1f M parameters, %d pieces, %d phones, step %d, %.2f h behind us",
        count,
        len(pieces),
        len(phones),
        step,
        before,
    )
    queue = data.start_workers(
        a.workers, a.seed + step, str(a.run / "pieces.json"), phones, most_positions=a.positions, long=a.long
    )
    started, saved_at, seen = time.monotonic(), time.monotonic(), []
    asked_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_stop.set())
    for batch in drain(queue):
        hours = before + (time.monotonic() - started) / 3600
        if hours >= a.hours or (a.steps and step >= a.steps) or asked_to_stop.is_set():
            break
        for optim in optims:
            for group in optim.param_groups:
                group["lr"] = a.rate * schedule(hours / a.hours, step, fall=a.fall)
        text, phone, right, heard = losses(ear, batch, device)
        loss = text * min(1.0, step / 300) + phone
        for optim in optims:
            optim.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(ear.parameters(), 1.0)
        if torch.isfinite(norm):
            for optim in optims:
                optim.step()
        step += 1
        seen.append((text.item(), phone.item(), right, heard, len(batch.ids)))
        if step % 25 == 0:
            t, p, r, h, n = np.mean(seen, 0)
            report(a.run, step, hours, (t, p, r, h, n, queue.qsize()))
            seen = []
        if time.monotonic() - saved_at > 180:
            save(a.run, ear, optims, step, hours)
            saved_at = time.monotonic()
    save(a.run, ear, optims, step, hours)


if __name__ == "__main__":
    main()
