"""Export a training run: `python -m engine.training.export --run DIR --out engine/bundled`.

Writes the model GGUF (`gemma4`) and the projector GGUF (`gemma4ua`) that unmodified llama.cpp loads. The
phone head stays behind.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import gguf
import numpy as np
import torch

from engine.catalog import profiles
from engine.training import tokenizer
from engine.training.gguf_pair import PROJECTION, Shape, Vocabulary, Weights, write_pair
from engine.training.tokenizer import Pieces

logger = logging.getLogger("export")


def vocabulary(pieces: Pieces) -> Vocabulary:
    """Specials, bytes and pieces in the order of their numbers."""
    kinds = [gguf.TokenType.CONTROL] * len(tokenizer.SPECIALS) + [gguf.TokenType.BYTE] * len(tokenizer.BYTES)
    return Vocabulary(
        tokens=[*tokenizer.SPECIALS, *tokenizer.BYTES, *pieces.pieces],
        types=[*kinds, *[gguf.TokenType.NORMAL] * len(pieces.pieces)],
        merges=[f"{left} {right}" for left, right in pieces.merges],
    )


def tensors(state: dict[str, torch.Tensor]) -> dict[str, Weights]:
    """The checkpoint's weights under llama.cpp's names; training-only parts are left out."""
    named: dict[str, Weights] = {}
    for name, weights in state.items():
        if not name.startswith("phone"):
            named[PROJECTION if name == "projection.weight" else name] = (
                weights.float().numpy().astype(np.float32)
            )
    return named


def export(run: Path, out: Path, precision: str) -> tuple[Path, Path]:
    """Write the pair of a run's checkpoint into `out`; returns (model, projector)."""
    state = torch.load(run / "checkpoint.pt", map_location="cpu")
    pieces, sizes = Pieces.load(run / "pieces.json"), state["shape"]
    shape = Shape(
        n_embd=sizes["width"],
        n_layer=sizes["layers"],
        n_ff=sizes["hidden"],
        n_head=sizes["width"] // sizes["head_size"],
        n_head_kv=sizes["kv_heads"],
        head_dim=sizes["head_size"],
    )
    logger.info("step %d, %.2f hours", state["step"], state["hours"])
    return write_pair(
        out,
        shape,
        tensors(state["model"]),
        vocabulary(pieces),
        name="voice-edit bundled",
        chat_template=profiles()["bundled"].template,
        precision=precision,  # type: ignore[arg-type]
        projector_precision="F32",
        description="A small model of the gemma4 architecture, trained on synthetic English speech",
    )


def main() -> None:
    """Parse arguments and export."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "bundled")
    parser.add_argument("--precision", default="F16", choices=["F32", "F16", "BF16", "Q8_0"])
    a = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for path in export(a.run, a.out, a.precision):
        logger.info("%s  %.1f MB", path, path.stat().st_size / 1e6)


if __name__ == "__main__":
    main()
