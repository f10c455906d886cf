"""Begin a run from an exported pair instead of from nothing: grammar and vocabulary grow, training goes on.

The pair holds everything but the optimiser's memory and the phone head, which are learnt again in minutes.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import torch

from engine.training.gguf_pair import MODEL_FILE, PROJECTION, PROJECTOR_FILE
from engine.training.model import Ear


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
