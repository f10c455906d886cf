"""Gemma 4's own vocabulary: what our prompts are in it, checked with all of it.

The tests use an extract (`tests/gemma4_vocabulary.json`): every special token and byte, and all pieces and
merges that can have a part in our prompts, under their true numbers. This program makes the extract anew out
of the vocabulary in llama.cpp's sources, which ship inside the source distribution of llama-cpp-python, and
compares:

    python -m benchmarks.gemma4_vocabulary                   downloads that distribution (77 MB) with pip
    python -m benchmarks.gemma4_vocabulary --sdist FILE      takes one that is here already
    python -m benchmarks.gemma4_vocabulary --write           writes the extract

Then our prompts are tokenised with the whole vocabulary: by llama.cpp, by the `tokenizers` library, which is
another program, and out of the chat templates that ship with these sources instead of our own.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

VERSION: Final = "0.3.36"
SDIST_SHA256: Final = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
VOCABULARY: Final = "vendor/llama.cpp/models/ggml-vocab-gemma-4.gguf"
CONFIG: Final = "examples/server/configs/gemma-4-12b-it-qat.json"
EXTRACT: Final = Path(__file__).parent.parent / "tests" / "gemma4_vocabulary.json"
NAMES: Final = ("Ada Lovelace", "GitLab")
"""Names that are told in one of the prompts."""
PROFILES: Final = ("gemma-4-12b", "gemma-4-e")

SPACE: Final = "\N{LOWER ONE EIGHTH BLOCK}"
"""Stands for a space in pieces."""
_NORMAL, _CONTROL, _USER_DEFINED, _BYTE = 1, 3, 4, 6


@dataclass(frozen=True, slots=True)
class Extract:
    """A part of a vocabulary, under its true numbers."""

    n_vocab: int
    tokens: dict[int, tuple[str, int]]
    """Piece and type (`gguf.TokenType`) of each token that is in it."""
    merges: list[str]
    """`left right`, best first."""

    @classmethod
    def read(cls, path: Path = EXTRACT) -> Extract:
        """The one that ships with the tests."""
        data = json.loads(path.read_text(encoding="utf-8"))
        tokens = {int(number): (piece, kind) for number, (piece, kind) in data["tokens"].items()}
        return cls(data["n_vocab"], tokens, data["merges"])

    def write(self, path: Path = EXTRACT) -> None:
        """Write it, one token or merge a line."""
        tokens = ",\n".join(
            f"{json.dumps(str(number))}: {json.dumps(entry)}" for number, entry in self.tokens.items()
        )
        merges = ",\n".join(json.dumps(merge) for merge in self.merges)
        source = f"{VOCABULARY} of llama-cpp-python {VERSION}, see benchmarks/gemma4_vocabulary.py"
        path.write_text(
            f'{{"source": {json.dumps(source)},\n"n_vocab": {self.n_vocab},\n'
            f'"tokens": {{\n{tokens}\n}},\n"merges": [\n{merges}\n]}}\n',
            encoding="utf-8",
        )

    def filled(self) -> tuple[list[str], list[int]]:
        """Pieces and types of a vocabulary of true size. No merge leads to what is not in the extract."""
        pieces = [
            self.tokens.get(number, (f"<left out {number}>", _NORMAL)) for number in range(self.n_vocab)
        ]
        return [piece for piece, _ in pieces], [kind for _, kind in pieces]


def prompts() -> dict[str, str]:
    """The texts of our prompts around the sound, by name."""
    from engine.catalog import profiles
    from engine.prompt import render

    found = {}
    for name in PROFILES:
        profile = profiles()[name]
        before, after = render(profile.template, profile, bos_text="<bos>")
        found[f"{name} before"], found[f"{name} after"] = before, after
        found[f"{name} names"] = before + profile.terms.replace("{terms}", ", ".join(NAMES))
    return found


def extract_from(path: Path) -> Extract:
    """What of a vocabulary can have a part in our prompts.

    A merge has one only if what it makes stands in the text, and so do then both its halves.
    """
    import gguf

    fields = gguf.GGUFReader(path).fields
    pieces: list[str] = fields["tokenizer.ggml.tokens"].contents()
    kinds: list[int] = fields["tokenizer.ggml.token_type"].contents()
    merges: list[str] = fields["tokenizer.ggml.merges"].contents()
    texts = [text.replace(" ", SPACE) for text in prompts().values()]
    special = (_CONTROL, _USER_DEFINED, _BYTE)
    tokens = {
        number: (piece, int(kind))
        for number, (piece, kind) in enumerate(zip(pieces, kinds, strict=True))
        if kind in special or any(piece in text for text in texts)
    }
    kept = [merge for merge in merges if any(merge.replace(" ", "") in text for text in texts)]
    return Extract(len(pieces), tokens, kept)


# --- the whole vocabulary ---------------------------------------------------------------------------------


@contextmanager
def sources(sdist: Path | None) -> Iterator[Path]:
    """A folder with the files of the source distribution that are wanted, checked by its hash."""
    with tempfile.TemporaryDirectory(prefix="gemma4-vocabulary-") as folder:
        if sdist is None:
            wanted = ["--no-deps", "--no-binary", "llama-cpp-python", "--dest", folder, "--quiet"]
            subprocess.run(
                [sys.executable, "-m", "pip", "download", f"llama-cpp-python=={VERSION}", *wanted], check=True
            )
            (sdist,) = Path(folder).glob("llama_cpp_python-*.tar.gz")
        with sdist.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != SDIST_SHA256:
            raise SystemExit(f"{sdist}: SHA-256 is {found}, not {SDIST_SHA256}")
        with tarfile.open(sdist) as archive:
            for member in archive:
                if member.name.partition("/")[2] in (VOCABULARY, CONFIG):
                    archive.extract(member, folder, filter="data")
        yield Path(folder) / f"llama_cpp_python-{VERSION}"


@contextmanager
def tokenizer_of(path: Path) -> Iterator[Any]:
    """llama.cpp's tokenizer with the vocabulary of a file that has no weights."""
    from engine.llama import LlamaModel

    model = LlamaModel(path, vocabulary_only=True)
    yield model
    model.close()


def other_tokenizer(path: Path) -> Any:
    """The same vocabulary in the `tokenizers` library, as Gemma's own tokenizer.json describes it."""
    import gguf
    from tokenizers import AddedToken, Tokenizer, models, normalizers

    fields = gguf.GGUFReader(path).fields
    pieces: list[str] = fields["tokenizer.ggml.tokens"].contents()
    kinds: list[int] = fields["tokenizer.ggml.token_type"].contents()
    pairs = [split_merge(merge) for merge in fields["tokenizer.ggml.merges"].contents()]
    numbers = {piece: number for number, piece in enumerate(pieces)}
    made = Tokenizer(models.BPE(vocab=numbers, merges=pairs, byte_fallback=True, unk_token="<unk>"))
    made.normalizer = normalizers.Replace(" ", SPACE)
    made.add_special_tokens(
        [
            AddedToken(piece, special=True, normalized=False)
            for piece, kind in zip(pieces, kinds, strict=True)
            if kind in (_CONTROL, _USER_DEFINED)
        ]
    )
    return made


def split_merge(merge: str) -> tuple[str, str]:
    """`left right`; neither half has a space in it, since spaces are written as `SPACE`."""
    left, _, right = merge.partition(" ")
    return left, right


def main() -> int:
    """Compare, or write."""
    parser = argparse.ArgumentParser(description="Our prompts in Gemma 4's own vocabulary.")
    parser.add_argument("--sdist", type=Path, help="llama-cpp-python's source distribution")
    parser.add_argument("--write", action="store_true", help="write the extract that the tests use")
    a = parser.parse_args()
    with sources(a.sdist) as folder:
        vocabulary = folder / VOCABULARY
        made = extract_from(vocabulary)
        if a.write:
            made.write()
        wrong = list(differences(made, vocabulary, folder / CONFIG))
    for line in wrong:
        print(line)
    print(f"{len(made.tokens)} tokens and {len(made.merges)} merges have a part in our prompts")
    print("the prompts are NOT those of Gemma 4" if wrong else "the prompts are those of Gemma 4")
    return 1 if wrong else 0


def differences(made: Extract, vocabulary: Path, config: Path) -> Iterator[str]:
    """What is not as it should be."""
    from engine.catalog import profiles
    from engine.gguf_header import read_header
    from engine.prompt import build

    if made != Extract.read():
        yield "the extract of the tests is not what the vocabulary gives: run this with --write"
    other = other_tokenizer(vocabulary)
    with tokenizer_of(vocabulary) as model:
        for name, text in prompts().items():
            ours, theirs = model.tokenize(text), other.encode(text, add_special_tokens=False).ids
            if ours != theirs:
                yield f"{name}: llama.cpp gives {ours}, tokenizers {theirs}"
        profile = profiles()["gemma-4-12b"]
        usual = build("", profile, model)
        for origin, template in (
            ("the vocabulary's file", read_header(vocabulary).text("tokenizer.chat_template")),
            ("llama-cpp-python's example", _template_in(json.loads(config.read_text(encoding="utf-8")))),
        ):
            if not template:
                yield f"{origin} has no chat template"
            elif build(template, profile, model) != usual:
                yield f"the chat template of {origin} gives other tokens than ours"


def _template_in(data: Any) -> str:
    """The value of `chat_template`, wherever it is; lines are joined."""
    if isinstance(data, dict):
        for key, value in data.items():
            if key == "chat_template":
                return value if isinstance(value, str) else "\n".join(value)
        return next((found for value in data.values() if (found := _template_in(value))), "")
    return ""


if __name__ == "__main__":
    raise SystemExit(main())
