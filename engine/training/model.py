"""llama.cpp's `gemma4` graph in PyTorch, small, with the audio projection in front and a phone head for
training.

Norm weights are used as they are (no 1 + w); queries and keys are normalised and the attention scale is 1;
values get a weightless norm; token embeddings are scaled by sqrt(width), audio is not. Matrix products run
in bfloat16 where the machine is fast at it, everything else in float32.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-6
FRAME_SAMPLES = 640


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the decoder."""

    vocabulary: int
    phones: int
    width: int = 384
    layers: int = 6
    hidden: int = 1024
    head_size: int = 64
    kv_heads: int = 2
    phone_layer: int = 4
    """The phone head reads the output of this many layers, so that the layers above can attend to phones."""

    @property
    def heads(self) -> int:
        """Query heads."""
        return self.width // self.head_size

    def as_dict(self) -> dict[str, int]:
        """For checkpoints."""
        return asdict(self)


class Norm(nn.Module):
    """RMSNorm whose weight is used as it is."""

    def __init__(self, size: int, start: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((size,), start))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last dimension."""
        return F.rms_norm(x, (x.shape[-1],), self.weight, EPS)


class Linear(nn.Module):
    """A matrix kept in float32 and multiplied in bfloat16 while training."""

    half = True

    def __init__(self, inputs: int, outputs: int, std: float | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(
            torch.randn(outputs, inputs) * (std if std is not None else inputs**-0.5 * 0.6)
        )

    def forward(self, x: Tensor) -> Tensor:
        """x @ weight.T in float32 out."""
        if Linear.half:
            return F.linear(x.to(torch.bfloat16), self.weight.to(torch.bfloat16))
        return F.linear(x, self.weight)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position on [b, heads, t, size], halves as llama.cpp's NEOX order pairs them."""
    a, b = x.chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention with scale 1; written out on CPUs, where the fused kernel's backward pass is slow."""
    if q.is_cuda:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1.0, enable_gqa=True)
    (b, heads, t, size), shared = q.shape, k.shape[1]
    scores = q.reshape(b, shared, -1, size) @ k.transpose(-1, -2)
    mask = torch.full((t, t), float("-inf"), dtype=q.dtype).triu_(1)
    weights = (scores.view(b, shared, heads // shared, t, t) + mask).softmax(-1)
    return (weights.view(b, shared, -1, t) @ v).view(b, heads, t, size)


class Layer(nn.Module):
    """One decoder block."""

    def __init__(self, s: Shape) -> None:
        super().__init__()
        self.s = s
        self.attn_norm, self.post_attention_norm = Norm(s.width), Norm(s.width, 0.5)
        self.ffn_norm, self.post_ffw_norm = Norm(s.width), Norm(s.width, 0.5)
        self.attn_q, self.attn_output = Linear(s.width, s.width), Linear(s.width, s.width)
        self.attn_k, self.attn_v = (
            Linear(s.width, s.kv_heads * s.head_size),
            Linear(s.width, s.kv_heads * s.head_size),
        )
        self.attn_q_norm, self.attn_k_norm = (
            Norm(s.head_size, s.head_size**-0.25),
            Norm(s.head_size, s.head_size**-0.25),
        )
        self.ffn_gate, self.ffn_up = Linear(s.width, s.hidden), Linear(s.width, s.hidden)
        self.ffn_down = Linear(s.hidden, s.width)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """[b, t, width] -> [b, t, width]."""
        s, (b, t, _) = self.s, x.shape
        y = self.attn_norm(x)
        q = self.attn_q_norm(self.attn_q(y).view(b, t, s.heads, s.head_size).float()).transpose(1, 2)
        k = self.attn_k_norm(self.attn_k(y).view(b, t, s.kv_heads, s.head_size).float()).transpose(1, 2)
        v = F.rms_norm(
            self.attn_v(y).view(b, t, s.kv_heads, s.head_size).float(), (s.head_size,), None, EPS
        ).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if Linear.half:
            q, k, v = q.bfloat16(), k.bfloat16(), v.bfloat16()
        a = attend(q, k, v)
        x = x + self.post_attention_norm(self.attn_output(a.transpose(1, 2).reshape(b, t, s.width)).float())
        y = self.ffn_norm(x)
        y = self.ffn_down(F.gelu(self.ffn_gate(y), approximate="tanh") * self.ffn_up(y))
        return x + self.post_ffw_norm(y.float())


class Ear(nn.Module):
    """The decoder, its projection and its two heads."""

    def __init__(self, s: Shape) -> None:
        super().__init__()
        self.s = s
        self.projection = Linear(FRAME_SAMPLES, s.width)
        self.token_embd = nn.Embedding(s.vocabulary, s.width)
        self.blk = nn.ModuleList(Layer(s) for _ in range(s.layers))
        self.output_norm, self.output = Norm(s.width), Linear(s.width, s.vocabulary)
        self.phone_norm, self.phone = Norm(s.width), Linear(s.width, 2 * s.phones)
        nn.init.normal_(self.token_embd.weight, std=s.width**-0.5)
        _hear_spectra(self)

    def forward(self, ids: Tensor, frames: Tensor, is_frame: Tensor) -> tuple[Tensor, Tensor]:
        """Return hidden states [b * t, width] and phone logits [b * t, 2, phones].

        `ids` is [b, t], `frames` [b * t, 640], `is_frame` bool [b * t, 1].
        """
        b, t = ids.shape
        x = self.token_embd(ids.view(-1)) * self.s.width**0.5
        if len(frames):
            soft = self.projection(F.rms_norm(frames, (FRAME_SAMPLES,), eps=EPS)).float()
            x = torch.where(is_frame, soft, x)
        x = x.view(b, t, -1)
        half = self.s.head_size // 2
        angles = torch.arange(t, device=x.device)[:, None] * 10_000.0 ** (
            -torch.arange(half, device=x.device) / half
        )
        cos, sin = angles.cos(), angles.sin()
        phones = None
        for index, layer in enumerate(self.blk, 1):
            x = layer(x, cos, sin)
            if index == self.s.phone_layer:
                phones = self.phone(self.phone_norm(x)).float().view(-1, 2, self.s.phones)
        assert phones is not None
        return self.output_norm(x).view(b * t, -1), phones


@torch.no_grad()
def _hear_spectra(ear: Ear) -> None:
    """Start as a spectrum analyser: windowed cosine/sine pairs, a squaring first feed-forward, mel-like sums.

    From a random start, text and CTC losses learn to ignore the audio; from this start phones come within
    minutes. Everything stays trainable.
    """
    s = ear.s
    bands = s.width // 16
    bins = (s.width - 2 * bands) // 4
    n = np.arange(320)
    taper = np.sin(np.pi * (n + 0.5) / 320) ** 0.5
    near = np.arange(2, 2 + bins // 2)
    far = (2 + bins // 2) + np.cumsum(np.linspace(1.2, 2.6, bins - bins // 2))
    steps = np.unique(np.round(np.concatenate([near, far])))[:bins]
    steps = np.concatenate([steps, steps[-1] + 1 + np.arange(bins - len(steps))])
    matrix = np.zeros((s.width, FRAME_SAMPLES), np.float32)

    def mel(hertz: float | np.ndarray) -> np.ndarray:
        return 2595 * np.log10(1 + np.asarray(hertz) / 700)

    edges = np.linspace(mel(50), mel(steps[-1] * 50 + 100), bands + 1)
    members: dict[tuple[int, int], list[int]] = {}
    row = 0
    for half in range(2):
        for step in steps:
            band = int(np.clip(np.searchsorted(edges, mel(step * 50)) - 1, 0, bands - 1))
            for wave in (np.cos, np.sin):
                v = taper * wave(2 * np.pi * step * 50 * n / 16_000)
                matrix[row, half * 320 : (half + 1) * 320] = v / np.linalg.norm(v)
                members.setdefault((half, band), []).append(row)
                row += 1
    ear.projection.weight.copy_(torch.from_numpy(matrix))
    first: Layer = ear.blk[0]  # type: ignore[assignment]
    first.attn_output.weight.mul_(0.05)
    gate, up = torch.randn(s.hidden, s.width) * 0.01, torch.randn(s.hidden, s.width) * 0.01
    down = torch.randn(s.width, s.hidden) * 0.01
    unit = 0
    for (half, band), rows in sorted(members.items()):
        for i in rows:
            if unit + 2 > s.hidden:
                break
            gate[unit : unit + 2], up[unit : unit + 2], down[:, unit : unit + 2] = (
                0,
                0,
                down[:, unit : unit + 2] * 0.1,
            )
            gate[unit, i], up[unit, i], gate[unit + 1, i], up[unit + 1, i] = 1.5, 1.0, -1.5, -1.0
            down[row + half * bands + band, unit : unit + 2] = len(rows) ** -0.5
            unit += 2
    first.ffn_gate.weight.copy_(gate)
    first.ffn_up.weight.copy_(up)
    first.ffn_down.weight.copy_(down)
    first.post_ffw_norm.weight.fill_(1.0)
