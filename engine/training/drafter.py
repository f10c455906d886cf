"""Train a drafter for the bundled model: `python -m engine.training.drafter --run RUN --minutes 20`.

The model stays as it is (`engine/bundled`); what it had in its cache while it heard fresh synthetic speech is
gathered once into RUN, then a few small layers learn to guess its next tokens. Whether that pays is another
question, which `python -m benchmarks.drafter` answers on the machine at hand.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.training import start
from engine.training.data import Maker
from engine.training.drafter_data import NO_LABEL, Lesson, Rounds, gather, rounds
from engine.training.drafter_file import (
    DRAFTER_FILE,
    DrafterShape,
    expected_tensors,
    shape_of,
    vocabulary_of,
    write_drafter,
)
from engine.training.gguf_pair import MODEL_FILE, Shape
from engine.training.model import Ear, Linear, Norm, rotate
from engine.training.model import Shape as EarShape
from engine.training.tokenizer import pieces_of

logger = logging.getLogger("drafter")

BUNDLED = Path(__file__).parent.parent / "bundled"


class DrafterLayer(nn.Module):
    """Attention with queries only, then a feed-forward part."""

    def __init__(self, shape: DrafterShape, layer: int) -> None:
        super().__init__()
        d, self.size, self.heads = shape.n_embd, shape.head_size(layer), shape.n_head
        self.kv_heads, self.reads = shape.heads_kv(layer), 0 if shape.sliding[layer] else 1
        self.attn_norm, self.post_attention_norm = Norm(d), Norm(d, 0.5)
        self.ffn_norm, self.post_ffw_norm = Norm(d), Norm(d, 0.5)
        self.attn_q, self.attn_output = Linear(d, self.heads * self.size), Linear(self.heads * self.size, d)
        self.attn_q_norm = Norm(self.size, self.size**-0.25)
        self.ffn_gate, self.ffn_up = Linear(d, shape.n_ff), Linear(d, shape.n_ff)
        self.ffn_down = Linear(shape.n_ff, d)

    def forward(self, x: Tensor, r: Rounds, turn: tuple[Tensor, Tensor]) -> Tensor:
        """[n, d] -> [n, d]; round i reads what is before its position in the cache of its utterance."""
        n, group = len(x), self.heads // self.kv_heads
        q = self.attn_q_norm(self.attn_q(self.attn_norm(x)).view(n, self.heads, self.size))
        q = rotate(q, turn[0][:, None], turn[1][:, None]).view(n, self.kv_heads, group, self.size)
        keys, values = r.keys[:, self.reads], r.values[:, self.reads]
        unseen = torch.arange(keys.shape[2]) >= r.position[:, None]
        # Rounds of one utterance lie together: each utterance's keys are used once for all of them.
        parts, counts = [], torch.bincount(r.row, minlength=len(keys)).tolist()
        for k, v, part, hidden in zip(keys, values, q.split(counts), unseen.split(counts), strict=True):
            scores = torch.einsum("nkgs,kts->nkgt", part, k).masked_fill(hidden[:, None, None], -torch.inf)
            parts.append(torch.einsum("nkgt,kts->nkgs", scores.softmax(-1), v))
        x = x + self.post_attention_norm(self.attn_output(torch.cat(parts).reshape(n, -1)))
        y = self.ffn_norm(x)
        y = self.ffn_down(F.gelu(self.ffn_gate(y), approximate="tanh") * self.ffn_up(y))
        return x + self.post_ffw_norm(y)


class Drafter(nn.Module):
    """llama.cpp's `gemma4-assistant` graph; `embedding` is the model's own, which it borrows."""

    def __init__(self, shape: DrafterShape, embedding: Tensor) -> None:
        super().__init__()
        d, wide = shape.n_embd, shape.target.n_embd
        self.shape = shape
        self.register_buffer("embedding", embedding * wide**0.5, persistent=False)
        self.token_embd = Linear(d, len(embedding))
        self.pre, self.post = Linear(2 * wide, d), Linear(d, wide)
        self.output_norm = Norm(d)
        self.blk = nn.ModuleList(DrafterLayer(shape, layer) for layer in range(shape.n_layer))

    def forward(self, r: Rounds) -> list[Tensor]:
        """Logits [n, vocabulary] of each step; a step reads the token before and its own last state."""
        half = self.shape.target.head_dim // 2
        angles = r.position[:, None] * 10_000.0 ** (-torch.arange(half) / half)
        turn = angles.cos(), angles.sin()
        hidden, steps = r.hidden, []
        for step in range(r.tokens.shape[1]):
            x = self.pre(torch.cat([self.embedding[r.tokens[:, step]], hidden], -1))  # type: ignore[index]
            for layer in self.blk:
                x = layer(x, r, turn)
            x = self.output_norm(x)
            hidden = self.post(x)
            steps.append(self.token_embd(x))
        return steps


def frozen_model(folder: Path) -> tuple[Ear, Shape]:
    """The exported model as PyTorch has it, and its shape; the phone head is not in the files."""
    shape = shape_of(folder / MODEL_FILE)
    n_vocab = len(pieces_of(folder / MODEL_FILE))
    ear = Ear(EarShape(n_vocab, 1, shape.n_embd, shape.n_layer, shape.n_ff, shape.head_dim, shape.n_head_kv))
    start.load_into(ear, folder)
    return ear.requires_grad_(False).eval(), shape


def losses(drafter: Drafter, r: Rounds) -> tuple[Tensor, list[float]]:
    """Cross entropy over all steps, and the share of right guesses of each."""
    total, right = torch.zeros(()), []
    for step, logits in enumerate(drafter(r)):
        wanted = r.wanted[:, step]
        known = wanted != NO_LABEL
        total = total + 0.8**step * F.cross_entropy(logits[known], wanted[known])
        right.append(float((logits[known].argmax(-1) == wanted[known]).float().mean()))
    return total, right


def train(drafter: Drafter, found: list[Lesson], *, minutes: float, steps: int, rate: float) -> None:
    """AdamW, warm-up, then a linear fall to zero at the end of the time. 64 lessons are held out."""
    optimiser = torch.optim.AdamW(drafter.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    tested, taught = rounds(found[:64], steps), sorted(found[64:], key=lambda one: one.keys.shape[2])
    groups = [taught[at : at + 24] for at in range(0, len(taught), 24)]
    began, step = time.monotonic(), 0
    while (past := (time.monotonic() - began) / (60 * minutes)) < 1:
        if step % 400 == 0:
            with torch.no_grad():
                loss, right = losses(drafter, tested)
            logger.info(
                "step %d  held out: loss %.3f  right %s", step, loss, " ".join(f"{x:.3f}" for x in right)
            )
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 100) * (1 - past)
        loss, _ = losses(drafter, rounds(groups[int(torch.randint(len(groups), ()))], steps))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(drafter.parameters(), 1.0)
        optimiser.step()
        step += 1
    with torch.no_grad():
        _, right = losses(drafter, tested)
    logger.info("step %d  held out: right %s", step, " ".join(f"{x:.3f}" for x in right))


def export(drafter: Drafter, model: Path, path: Path) -> Path:
    """Write what was learnt to `path`; `model` is the file that it was learnt from."""
    named = {name: weights.float().numpy() for name, weights in drafter.state_dict().items()}
    for inside, outside in (("pre.", "nextn.pre_projection."), ("post.", "nextn.post_projection.")):
        named[f"{outside}weight"] = named.pop(f"{inside}weight")
    vocabulary = vocabulary_of(model)
    for name, dims in expected_tensors(drafter.shape, len(vocabulary.tokens)).items():
        if name.endswith("layer_output_scale.weight"):
            named[name] = torch.ones(dims).numpy()
    description = "Guesses the next tokens of voice-edit's bundled model"
    return write_drafter(
        path, drafter.shape, named, vocabulary, name="voice-edit bundled drafter", description=description
    )


def main() -> None:
    """Parse arguments, gather once, train, export."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="folder outside the repository")
    parser.add_argument("--model", type=Path, default=BUNDLED, help="folder of the model's pair")
    parser.add_argument("--utterances", type=int, default=12_000, help="gathered once; the run keeps them")
    parser.add_argument("--minutes", type=float, default=10.0, help="of training, gathering not counted")
    parser.add_argument("--steps", type=int, default=3, help="tokens that are guessed in a row")
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--threads", type=int, default=1)
    a = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    Linear.half = False
    a.run.mkdir(parents=True, exist_ok=True)
    ear, shape = frozen_model(a.model)
    kept = a.run / "lessons.pt"
    if not kept.exists():
        found = gather(ear, Maker(a.seed, pieces_of(a.model / MODEL_FILE), ["sil"]), a.utterances)
        torch.save([(x.keys, x.values, x.hidden, x.tokens, x.chosen) for x in found], kept)
    found = [Lesson(*parts) for parts in torch.load(kept)]
    drafter = Drafter(DrafterShape(shape, a.width, a.hidden, a.heads), ear.token_embd.weight.detach())
    train(drafter, found, minutes=a.minutes, steps=a.steps, rate=a.rate)
    path = export(drafter, a.model / MODEL_FILE, a.run / DRAFTER_FILE)
    logger.info("%s  %.1f MB", path, path.stat().st_size / 1e6)


if __name__ == "__main__":
    main()
