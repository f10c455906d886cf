"""What is compared: an engine, a way of feeding it, a prompt, and how long an utterance may be."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, get_args

from voice_edit.errors import UsageError

if TYPE_CHECKING:
    from engine.catalog import ModelFiles
    from voice_edit.config import Settings

Way: TypeAlias = Literal["streamed", "offline", "batch"]
WAYS: dict[Way, str] = {
    "streamed": "as the daemon does: sound goes into the model while it is spoken, partial words are drafts",
    "offline": "our engine, but nothing is computed before the utterance is over",
    "batch": "the finished utterance goes through llama.cpp's own helper (mtmd), token by token",
}
SERVER = "server"
"""The name of the engine that is a server; it has ways of its own."""
USUAL, AUDIO_FIRST, ONE_PASS = "usual", "audio-first", "one-pass"
PROMPTS = (USUAL, AUDIO_FIRST, ONE_PASS, "at-N")
EDGE_BYTES = 1 << 20
SOURCE = Path(__file__).parent.parent.parent
APART = {
    "training",
    "cli",
    "tui",
    "daemon",
    "desktop",
    "service",
    "doctor",
    "control",
    "apps",
    "api",
    "wyoming",
}
"""Parts of the program that no recording goes through."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One column of the comparison."""

    engine: str
    """A name of the catalogue, the path of a GGUF, or `server`."""
    way: Way = "streamed"
    prompt: str = USUAL
    """`usual`; `audio-first`; `at-N`: sound begins at position N or right behind it; `one-pass`: the model is
    shown the text and answers with commands instead of words."""
    longest_s: float | None = None
    """Utterances are cut at pauses to be no longer; None: as the settings and the model want it."""

    @property
    def audio_at(self) -> int | None:
        """N of `at-N`."""
        found = re.fullmatch(r"at-(\d+)", self.prompt)
        return int(found[1]) if found else None

    def parts(self) -> dict[str, str]:
        """What it is made of, for people."""
        longest = "" if self.longest_s is None else f"up to {self.longest_s:g} s"
        return {
            "engine": engine_name(self.engine),
            "way": "" if self.engine == SERVER else self.way,
            "prompt": self.prompt,
            "longest": longest,
        }


def variants(
    engines: Sequence[str], ways: Sequence[str], prompts: Sequence[str], longest: Sequence[float | None]
) -> list[Variant]:
    """Each engine in each way, with each prompt and length, in the order in which they were named. Raises
    UsageError for names that are none.
    """
    for way in ways:
        if way not in get_args(Way):
            raise UsageError(f"--way {way}: there is none.", hint=f"Known: {', '.join(WAYS)}.")
    for prompt in prompts:
        if prompt not in PROMPTS[:3] and not re.fullmatch(r"at-[1-9]\d{0,4}", prompt):
            raise UsageError(
                f"--prompt {prompt}: there is none.", hint=f"Known: {', '.join(PROMPTS)} (N: a position)."
            )
    for seconds in longest:
        if seconds is not None and not 2 <= seconds <= 30:
            raise UsageError(f"--longest {seconds:g}: utterances have 2 to 30 s.", hint="Give 5, 15 or 28.")
    found: dict[Variant, None] = {}
    for engine, way, prompt, seconds in product(engines, ways, prompts, longest):
        if engine == SERVER and prompt != USUAL:
            raise UsageError(
                f"--prompt {prompt}: a server is asked as it wants to be.", hint="Leave --engine server out."
            )
        # A server decides for itself how it takes sound in: it is heard once, whatever ways were named.
        chosen = "batch" if engine == SERVER else way
        found[Variant(engine, cast(Way, chosen), prompt, seconds)] = None
    return list(found)


def labels(chosen: Sequence[Variant]) -> list[str]:
    """A short name for each: what they have in common is left out."""
    rows = [variant.parts() for variant in chosen]
    engines = {variant.engine: row["engine"] for variant, row in zip(chosen, rows, strict=True)}
    for variant, row in zip(chosen, rows, strict=True):
        if sum(name == row["engine"] for name in engines.values()) > 1:  # model.gguf in several folders
            row["engine"] = "/".join(Path(variant.engine).parts[-2:])
    kept = [part for part in rows[0] if len({row[part] for row in rows}) > 1] if len(rows) > 1 else []
    return [" · ".join(row[part] for part in kept if row[part]) or row["engine"] for row in rows]


def engine_name(engine: str) -> str:
    """Of a file, what it is called."""
    return Path(engine).stem if engine.lower().endswith(".gguf") else engine


def settings_of(variant: Variant, settings: Settings) -> Settings:
    """The user's settings with what a variant asks for."""
    engine = {
        "model": variant.engine,
        # Named for the model of the settings; others have theirs beside them.
        "projector": settings.engine.projector if variant.engine == settings.engine.model else None,
    }
    update: dict[str, Any] = {"engine": settings.engine.model_copy(update=engine)}
    if variant.longest_s is not None:
        limit = {"limit_ms": round(variant.longest_s * 1000)}
        update["listening"] = settings.listening.model_copy(update=limit)
    return settings.model_copy(update=update)


def weights(files: ModelFiles) -> dict[str, str]:
    """Which files are used, each with its size and a checksum of both its ends: another quantisation of the
    same name is told apart without reading gigabytes. Raises OSError.
    """
    paths = {"model": files.model, "projector": files.projector, "drafter": files.drafter}
    return {part: _file_fingerprint(path) for part, path in paths.items() if path is not None}


def fingerprint(
    variant: Variant, files: ModelFiles | None, settings: Settings, program: str
) -> tuple[str, dict[str, Any]]:
    """A short name for all that outcomes depend on, and that all of it. `settings`: those of the variant
    (`settings_of`); `program`: which version hears.
    """
    chosen = settings.model_dump(mode="json")
    engine = {k: v for k, v in chosen["engine"].items() if k not in ("model", "projector")}
    about: dict[str, Any] = {
        **asdict(variant),
        "engine": files.name if files is not None else variant.engine,
        "weights": weights(files) if files is not None else chosen.get("server", {}).get("url", ""),
        "profile": asdict(files.profile) if files is not None else {},
        "settings": {"engine": engine, "listening": chosen["listening"], "dictation": chosen["dictation"]},
        "program": program,
    }
    text = json.dumps(about, sort_keys=True, default=list)
    return hashlib.sha256(text.encode()).hexdigest()[:16], about


def program(root: Path = SOURCE) -> str:
    """Which program hears, by a checksum of all of it that may matter: what another one heard counts for
    nothing, and a change of the documentation makes nobody hear everything again.
    """
    digest = hashlib.sha256()
    for package in ("engine", "voice_edit"):
        for path in sorted((root / package).rglob("*")):
            inside = path.relative_to(root)
            if path.suffix in (".py", ".toml") and inside.parts[1] not in APART:
                digest.update(f"{inside.as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _file_fingerprint(path: Path) -> str:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        digest = hashlib.sha256(file.read(EDGE_BYTES))
        file.seek(max(0, size - EDGE_BYTES))
        digest.update(file.read())
    return f"{size} bytes, {digest.hexdigest()[:16]}"
