"""Small random models that speak in Gemma 4's own vocabulary, as far as our prompts go.

Every token has its true number. What has no part in our prompts is a piece that nothing is ever tokenised to:
see benchmarks/gemma4_vocabulary.py, which makes the extract and checks it against the whole.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import conformer

from benchmarks.gemma4_vocabulary import Extract
from engine.catalog import ModelFiles, profiles
from engine.training.gguf_pair import Shape, Vocabulary, random_tensors, write_pair

SHAPE = Shape(n_embd=32, n_layer=6, n_ff=64, n_head=2, n_head_kv=1, head_dim=32)


@cache
def small_gemma(profile: str = "gemma-4-12b") -> ModelFiles:
    """A model and its projector on disk, asked as `profile` says: with one matrix for 12B, with a conformer
    for E2B and E4B. Written once in a test run.
    """
    if profile == "gemma-4-e":
        usual = small_gemma()
        projector = usual.model.with_name("mmproj-conformer.gguf")
        conformer.write_conformer(projector, n_embd=SHAPE.n_embd)
        return ModelFiles(profile, usual.model, projector, profiles()[profile])
    folder = Path(tempfile.mkdtemp(prefix="small-gemma-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # 32 MB
    extract = Extract.read()
    tokens, types = extract.filled()
    words = Vocabulary(tokens=tokens, types=types, merges=extract.merges)
    tensors = random_tensors(SHAPE, len(tokens), seed=4)
    model, projector = write_pair(folder, SHAPE, tensors, words, name=f"small {profile}")
    return ModelFiles(profile, model, projector, profiles()[profile])
