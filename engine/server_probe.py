"""What a server is, which model it has, and whether that hears and sees: asked, never assumed.

Who it is, its list of models says mostly (`owned_by`). Whether it hears, some declare; the others are played
a second of near silence. A server may refuse that, or, worse, take it and leave it out: its model would then
answer an instruction to transcribe nothing. So the prompt's tokens are counted with the sound and without,
and a server that does not count is not believed.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.errors import ServerDeaf, ServerLost, ServerRefused
from engine.frames import SAMPLE_RATE
from engine.server_dialects import (
    KINDS,
    Ask,
    Kind,
    Way,
    ask_to_hear,
    read_line,
    read_object,
    wav_file,
)
from engine.server_http import Wire

SOUND_TOKENS = 8
"""A second of sound makes a prompt longer by at least so many tokens: 25 with Gemma 4, 12 with others."""

LONGEST_NAME = 300
"""Characters of a model's name, which may be the path of its file."""

OWNERS: dict[str, Kind] = {
    "llamacpp": "llama-server",
    "me": "llama-cpp-python",
    "vllm": "vllm",
    "sglang": "sglang",
    "library": "ollama",
    "litert-lm": "litert-lm",
}
"""What each calls the owner of its models in `/v1/models`; Ollama says "library" of its own ones."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server can do."""

    kind: Kind
    model: str
    """The one that is asked."""
    models: tuple[str, ...]
    """All that it names."""
    hears: Way | None
    """How it takes sound; None where it does not."""
    deaf: str
    """Why not, for people; '' where it hears."""
    sees: bool
    """Whether it says that it takes images."""

    @property
    def name(self) -> str:
        """The model's name without the folders in which it lies on the server."""
        return self.model.rstrip("/").rpartition("/")[2] if self.model.endswith(".gguf") else self.model

    def require_hearing(self) -> Way:
        """How it takes sound. Raises ServerDeaf."""
        if self.hears is None:
            raise ServerDeaf(f"the server's model {self.name} does not hear: {self.deaf}")
        return self.hears


@dataclass(frozen=True, slots=True)
class _Told:
    """What a server declares of itself. None: nothing."""

    kind: Kind
    models: tuple[str, ...]
    hears: bool | None = None
    sees: bool | None = None


async def probe(wire: Wire, *, for_hearing: bool) -> Capabilities:
    """Ask a server what it can do. Without `for_hearing` it is not played anything where it declares nothing.

    Raises ServerError.
    """
    options = wire.options
    told = await _declared(wire)
    if options.model:
        model = options.model
    elif told.models:
        model = told.models[0]
    else:
        raise ServerRefused(
            f"{wire.address.url} names no model", hint="Load one there, or name it in server.model."
        )
    if told.kind == "ollama":
        told = await _ollama(wire, model, told)
    hears, deaf = await _hearing(wire, told, model, for_hearing=for_hearing)
    return Capabilities(told.kind, model, told.models, hears, deaf, bool(told.sees))


async def _declared(wire: Wire) -> _Told:
    wanted = wire.options.kind
    if wanted == "ollama":
        return _Told("ollama", await _names(wire, "/api/tags", "models", "name"))
    listed = await _object(wire, "/v1/models")
    data = listed.get("data") if listed is not None else None
    rows = [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []
    rows.sort(key=lambda row: row.get("loaded") is False)
    models = tuple(filter(None, (_name(row.get("id")) for row in rows)))
    kind: Kind = next((known for known in KINDS if known == wanted), "openai")
    if wanted == "auto":
        owner = str(rows[0].get("owned_by", "")) if rows else ""
        kind = OWNERS.get(owner, "openai")
        if kind in ("openai", "ollama") and await _is_ollama(wire):
            return _Told("ollama", await _names(wire, "/api/tags", "models", "name"))
        if kind == "openai" and rows and isinstance(rows[0].get("loaded"), bool):
            kind = "mlx"
        elif kind == "openai" and await _names(wire, "/api/v0/models", "data", "id"):
            kind = "lmstudio"
    if kind == "llama-server":
        return await _llama_server(wire, models)
    if kind == "llama-cpp-python":  # its packaged server loads no projector that cannot see
        return _Told(kind, models, hears=False)
    if kind == "lmstudio":
        return await _lmstudio(wire, models)
    return _Told(kind, models)


async def _llama_server(wire: Wire, models: tuple[str, ...]) -> _Told:
    props = await _object(wire, "/props") or {}
    told = props.get("modalities")
    if not isinstance(told, dict):
        return _Told("llama-server", models)
    return _Told("llama-server", models, bool(told.get("audio")), bool(told.get("vision")))


async def _lmstudio(wire: Wire, models: tuple[str, ...]) -> _Told:
    """Those in memory first: naming another one makes LM Studio load it."""
    listed = await _object(wire, "/api/v0/models") or {}
    data = listed.get("data")
    rows = [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []
    rows = [row for row in rows if _name(row.get("id"))]
    chatting = [row for row in rows if row.get("type") in ("llm", "vlm")]
    chatting.sort(key=lambda row: row.get("state") != "loaded")
    names = tuple(str(row["id"]) for row in chatting) or models
    first = next((row for row in chatting if row["id"] == (wire.options.model or names[0])), {})
    return _Told("lmstudio", names, hears=False, sees=first.get("type") == "vlm")


async def _ollama(wire: Wire, model: str, told: _Told) -> _Told:
    ask = Ask("/api/show", {"model": model}, streams=False)
    try:
        shown = read_object(await _all(wire, ask))
    except ServerRefused:
        return told
    can = shown.get("capabilities")
    if not isinstance(can, list):
        return told
    return _Told("ollama", told.models, "audio" in can, "vision" in can)


async def _is_ollama(wire: Wire) -> bool:
    return bool(await _names(wire, "/api/tags", "models", "name"))


async def _hearing(wire: Wire, told: _Told, model: str, *, for_hearing: bool) -> tuple[Way | None, str]:
    chosen = wire.options.hears
    if chosen == "no":
        return None, "server.hears says so"
    if chosen == "chat":
        return "chat", ""
    if chosen == "transcriptions":
        return "transcriptions", ""
    if told.hears is not None:
        return ("chat", "") if told.hears else (None, "the server says that it takes no sound")
    if not for_hearing:
        return None, "it was not asked"
    why = await _taken(wire, told.kind, model)
    if why and await _transcribes(wire, told.kind, model):
        return "transcriptions", ""
    return (None, why) if why else ("chat", "")


async def _taken(wire: Wire, kind: Kind, model: str) -> str:
    """Why a second of near silence is not taken in a chat; '' where it is."""
    text = "Transcribe the following speech segment."
    hush = np.random.default_rng(0).normal(0.0, 1e-4, SAMPLE_RATE).astype(np.float32)
    heard = ask_to_hear(kind, "chat", model, text, wav_file(hush), max_tokens=1)
    plain = Ask(heard.path, {**heard.body, "messages": [{"role": "user", "content": text}]})
    try:
        with_sound = await _prompt_tokens(wire, heard)
        without = await _prompt_tokens(wire, plain)
    except (ServerRefused, ServerLost) as error:
        return str(error)
    if with_sound is None or without is None:
        return 'it took a test sound and does not say whether it was heard; server.hears = "chat" believes it'
    if with_sound - without < SOUND_TOKENS:
        return "it took a test sound and left it out"
    return ""


async def _transcribes(wire: Wire, kind: Kind, model: str) -> bool:
    """Whether there is an endpoint for transcriptions that takes a second of near silence."""
    hush = np.random.default_rng(0).normal(0.0, 1e-4, SAMPLE_RATE).astype(np.float32)
    ask = ask_to_hear(kind, "transcriptions", model, "", wav_file(hush), max_tokens=1)
    try:
        chunk = read_line(await _all(wire, ask))
    except (ServerRefused, ServerLost):
        return False
    return chunk is not None and chunk.stop == "eos"


async def _prompt_tokens(wire: Wire, ask: Ask) -> int | None:
    found: int | None = None
    async with aclosing(wire.lines(ask)) as lines:
        async for line in lines:
            chunk = read_line(line)
            if chunk is not None and chunk.prompt_tokens is not None:
                found = chunk.prompt_tokens
    return found


async def _all(wire: Wire, ask: Ask) -> str:
    async with aclosing(wire.lines(ask)) as lines:
        return "\n".join([line async for line in lines])


async def _object(wire: Wire, path: str) -> dict[str, Any] | None:
    """The JSON object there; None where there is none."""
    status, text = await wire.get(path)
    if status != 200:
        return None
    try:
        return read_object(text)
    except ServerLost:
        return None


async def _names(wire: Wire, path: str, rows: str, name: str) -> tuple[str, ...]:
    data = await _object(wire, path) or {}
    found = data.get(rows)
    named = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    return tuple(filter(None, (_name(row.get(name)) for row in named)))


def _name(value: Any) -> str:
    """A model's name; '' for what is none: it is shown in terminals, and sent back."""
    is_one = isinstance(value, str) and len(value) <= LONGEST_NAME and value.isprintable()
    return value if is_one else ""


def shown(capabilities: Capabilities) -> str:
    """In one line, for people."""
    can = [
        f"hears ({capabilities.hears})" if capabilities.hears else "does not hear",
        "writes",
        "sees" if capabilities.sees else "does not see",
    ]
    return f"{capabilities.kind} with {capabilities.name}: {', '.join(can)}"
