"""What a drafter learns from: the cache and the hidden states of the frozen model while it writes.

A drafter reads the keys and values of the model's last two layers, so those are kept, in float16, with the
hidden state behind every token of the answer and the token that the model itself would write next.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.training import tokenizer
from engine.training.data import Buckets, Example, Maker, lay_out
from engine.training.model import EPS, Ear, Layer, rotate

logger = logging.getLogger("drafter")


@dataclass(frozen=True, slots=True)
class Lesson:
    """One utterance as the model had it in its cache."""

    keys: Tensor
    """float16[2, kv heads, t, size]: of the last but one layer and of the last, turned by position."""
    values: Tensor
    """float16[2, kv heads, t, size]."""
    hidden: Tensor
    """float16[n, width]: behind the mark that ends the audio, and behind each token of the answer but one."""
    tokens: Tensor
    """int64[n]: the answer; the first follows the mark."""
    chosen: Tensor
    """int64[n]: what the model would write behind each of `tokens`."""


@torch.no_grad()
def lessons(ear: Ear, examples: Sequence[Example]) -> list[Lesson]:
    """Run the model over labelled speech; examples of like length waste the least."""
    width = max(e.positions for e in examples)
    batch = lay_out(list(examples), width)
    entered: dict[int, Tensor] = {}
    hooks = [
        ear.blk[i].register_forward_pre_hook(lambda _, inputs, i=i: entered.__setitem__(i, inputs))
        for i in (ear.s.layers - 2, ear.s.layers - 1)
    ]
    try:
        hidden, _ = ear(
            torch.from_numpy(batch.ids), torch.from_numpy(batch.frames), torch.from_numpy(batch.is_frame)
        )
    finally:
        for hook in hooks:
            hook.remove()
    seen = [_keys_values(ear.blk[i], *entered[i]) for i in sorted(entered)]  # type: ignore[arg-type]
    keys, values = (torch.stack([pair[k] for pair in seen], 1) for k in (0, 1))
    hidden = hidden.view(len(examples), width, -1)
    made = []
    for row, e in enumerate(examples):
        mark = 2 + len(e.frames)
        n = len(e.tokens)
        behind = hidden[row, mark : mark + n + 1]
        made.append(
            Lesson(
                keys[row, :, :, : mark + n].half().clone(),
                values[row, :, :, : mark + n].half().clone(),
                behind[:-1].half().clone(),
                torch.tensor(e.tokens),
                ear.output(behind[1:]).argmax(-1),
            )
        )
    return made


def _keys_values(layer: Layer, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """What `Layer.forward` attends to: [b, kv heads, t, size] each."""
    s, (b, t, _) = layer.s, x.shape
    y = layer.attn_norm(x)
    k = layer.attn_k_norm(layer.attn_k(y).view(b, t, s.kv_heads, s.head_size).float()).transpose(1, 2)
    v = F.rms_norm(layer.attn_v(y).view(b, t, s.kv_heads, s.head_size).float(), (s.head_size,), None, EPS)
    return rotate(k, cos, sin), v.transpose(1, 2)


def gather(ear: Ear, maker: Maker, count: int, *, most_positions: int = 3200) -> list[Lesson]:
    """`count` lessons from fresh speech, or a few more."""
    found: list[Lesson] = []
    began = time.monotonic()
    for batch in _batches(maker, most_positions):
        found += lessons(ear, batch)
        logger.info("%d of %d utterances, %.0f s", len(found), count, time.monotonic() - began)
        if len(found) >= count:
            return found
    return found


class _Grouping(Buckets):
    """Buckets that hand out the examples themselves."""

    def take(self, example: Example) -> list[Example] | None:
        """Take one example; return those of a bucket that is full."""
        width = -(-example.positions // 8) * 8
        waiting = self._waiting.setdefault(width, [])
        waiting.append(example)
        return self._waiting.pop(width) if len(waiting) * width >= self._positions else None


def _batches(maker: Maker, most_positions: int) -> Iterator[list[Example]]:
    grouping = _Grouping(most_positions)
    while True:
        full = grouping.take(maker.example())
        if full is not None:
            yield full


@dataclass(frozen=True, slots=True)
class Rounds:
    """A batch of drafting rounds: one for each place in an answer, drafted `steps` tokens far."""

    keys: Tensor
    """float32[utterances, 2, kv heads, t, size], padded at the end."""
    values: Tensor
    row: Tensor
    """int64[n]: the utterance of each round."""
    position: Tensor
    """int64[n]: of the newest token, which is not in the cache; what is before it is seen."""
    hidden: Tensor
    """float32[n, width]: of the model, behind the token before."""
    tokens: Tensor
    """int64[n, steps]: the newest token, then those that the model chose."""
    wanted: Tensor
    """int64[n, steps]: what to guess; NO_LABEL where the chain has left the text."""


NO_LABEL = -100


def rounds(chosen: Sequence[Lesson], steps: int) -> Rounds:
    """Lay lessons out for training."""
    longest = max(lesson.keys.shape[2] for lesson in chosen)
    keys, values, row, position, hidden, tokens, wanted = [], [], [], [], [], [], []
    for index, lesson in enumerate(chosen):
        spare = longest - lesson.keys.shape[2]
        keys.append(F.pad(lesson.keys.float(), (0, 0, 0, spare)))
        values.append(F.pad(lesson.values.float(), (0, 0, 0, spare)))
        n = len(lesson.tokens)
        first = lesson.keys.shape[2] - n + 1
        # The end token is an answer's last; nothing is drafted behind it.
        for at in range(n - 1):
            row.append(index)
            position.append(first + at)
            hidden.append(lesson.hidden[at])
            fed, labels, true = [], [], True
            for step in range(steps):
                there = at + step < n - 1
                fed.append(int(lesson.tokens[at + step]) if there else tokenizer.END)
                labels.append(int(lesson.chosen[at + step]) if there and true else NO_LABEL)
                true = there and true and labels[-1] == int(lesson.tokens[at + step + 1])
            tokens.append(fed)
            wanted.append(labels)
    return Rounds(
        torch.stack(keys),
        torch.stack(values),
        torch.tensor(row),
        torch.tensor(position),
        torch.stack(hidden).float(),
        torch.tensor(np.array(tokens)),
        torch.tensor(np.array(wanted)),
    )
