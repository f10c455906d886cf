"""Draws the voices of training, and lists those of the tables; who they are is data in `cast.toml`."""

from __future__ import annotations

import random
import tomllib
from importlib.resources import files

_CAST = tomllib.loads(files("engine.training").joinpath("cast.toml").read_text(encoding="utf-8"))
_ESPEAK, _FLITE = _CAST["espeak"], _CAST["flite"]["voices"]
_VARIANTS = _ESPEAK["variants"].split()

TRAINED: tuple[str, ...] = tuple(_CAST["tables"]["trained"].split())
"""A cross-section of the trained voices."""
UNHEARD: tuple[str, ...] = tuple(_CAST["tables"]["unheard"].split())
"""Voices that training never uses."""


def draw_voice(rng: random.Random) -> str:
    """A trained voice as `synthesiser:voice`."""
    if rng.random() >= _ESPEAK["share"]:
        return "flite:" + rng.choices(list(_FLITE), list(_FLITE.values()))[0]
    accent = rng.choices(list(_ESPEAK["accents"]), list(_ESPEAK["accents"].values()))[0]
    if rng.random() < _ESPEAK["plain_share"]:
        return f"espeak:{accent}"
    return f"espeak:{accent}+{rng.choice(_VARIANTS)}"
