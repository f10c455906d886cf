"""Begin a run from an exported pair instead of from nothing: grammar and vocabulary grow, training goes on.

The pair holds everything but the optimiser's memory and the phone head, which are learnt again in minutes.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import torch

from engine.training import tokenizer
from engine.training.gguf_pair import MODEL_FILE, PROJECTION, PROJECTOR_FILE
from engine.training.model import Ear
from engine.training.tokenizer import Pieces


def pieces_of(folder: Path) -> Pieces:
    """The text vocabulary of an exported pair."""
    fields = gguf.GGUFReader(folder / MODEL_FILE).fields
    tokens = [str(token) for token in fields["tokenizer.ggml.tokens"].contents()]
    merges = [str(merge).split(" ") for merge in fields["tokenizer.ggml.merges"].contents()]
    return Pieces(tokens[tokenizer.FIRST_PIECE :], [(left, right) for left, right in merges])


def load_into(ear: Ear, folder: Path) -> list[str]:
    """Copy the pair's weights into `ear`; returns the names that the pair does not hold.

    Raises ValueError where a shape differs.
    """
    wanted = ear.state_dict()
    for file in (MODEL_FILE, PROJECTOR_FILE):
        for tensor in gguf.GGUFReader(folder / file).tensors:
            name = "projection.weight" if tensor.name == PROJECTION else tensor.name
            if name not in wanted:
                continue
            values = torch.from_numpy(np.array(gguf.dequantize(tensor.data, tensor.tensor_type), np.float32))
            if values.shape != wanted[name].shape:
                raise ValueError(f"{name} is {tuple(values.shape)}, not {tuple(wanted[name].shape)}")
            with torch.no_grad():
                wanted.pop(name).copy_(values)
    return list(wanted)
