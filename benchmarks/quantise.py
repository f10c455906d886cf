"""Write a model in other precisions, so that they can be compared: `python -m benchmarks.quantise --out DIR`.

    python -m benchmarks.quantise --types F16 Q8_0 Q4_0 --out quantised
    voice-edit eval FOLDER --engine quantised/f16/bundled-f16.gguf --engine quantised/q8_0/bundled-q8_0.gguf

llama.cpp's own quantiser does the work; the projector stays as it is and is laid beside each file. A
precision higher than the file's own brings nothing back: it is the same weights in more bytes. (The bundled
model is F16.)
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from engine.catalog import find_model

TYPES = ("F16", "BF16", "Q8_0", "Q6_K", "Q5_0", "Q5_K_M", "Q4_0", "Q4_K_M", "IQ4_NL")
MODEL = "bundled"


class QuantiseError(Exception):
    """llama.cpp refused."""


def quantise(model: Path, target: Path, kind: str, *, threads: int = 1) -> Path:
    """Write `model` as `target` in another precision. Raises QuantiseError; nothing is left then.

    Matrices whose rows do not divide into blocks of the type are kept in a type that fits, as llama.cpp
    chooses it.
    """
    from llama_cpp import llama_cpp as llama

    params = llama.llama_model_quantize_default_params()
    params.ftype = getattr(llama, f"LLAMA_FTYPE_MOSTLY_{kind}")
    params.nthread = threads
    params.allow_requantize = True
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    llama.llama_backend_init()
    code = llama.llama_model_quantize(str(model).encode(), str(part).encode(), params)
    if code != 0 or not part.is_file():
        part.unlink(missing_ok=True)
        raise QuantiseError(f"llama.cpp did not write {model} as {kind} (code {code})")
    part.replace(target)
    return target


def variants(model: str, kinds: list[str], folder: Path, *, threads: int = 1) -> list[Path]:
    """Write a model in each precision, with its projector, in a folder of its own. Raises QuantiseError and
    what `find_model` raises.
    """
    files = find_model(model)
    found = []
    for kind in kinds:
        place = folder / kind.lower()
        target = place / f"{files.name}-{kind.lower()}.gguf"
        found.append(quantise(files.model, target, kind, threads=threads))
        shutil.copyfile(files.projector, place / "mmproj.gguf")
    return found


def main() -> None:
    """Parse arguments and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=MODEL, help="a model of the catalogue or the path of a GGUF")
    parser.add_argument("--types", nargs="+", default=["F16", "Q8_0", "Q4_0"], choices=TYPES)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    a = parser.parse_args()
    for path in variants(a.model, a.types, a.out, threads=a.threads):
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
