"""What to say to each kind of server, and how to read its answer. Pure: nothing here opens a connection.

Most speak OpenAI's chat endpoint, and differ in how they take sound, a grammar and "do not think":

    llama-server, mlx, openai   input_audio        vllm       the same, or a model that only transcribes
    sglang                      audio_url          litert-lm  input_audio, reasoning_effort, its own limit
    ollama                      its own /api/chat: sound travels among the images, known by its first bytes
    lmstudio, llama-cpp-python  no sound
"""

from __future__ import annotations

import base64
import io
import json
import math
import re
import wave
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from engine.errors import GrammarUnreadable, ServerLost
from engine.events import HypothesisStop, Samples
from engine.frames import SAMPLE_RATE
from engine.writer import Message, WriteRequest

Kind: TypeAlias = Literal[
    "llama-server", "llama-cpp-python", "vllm", "sglang", "ollama", "lmstudio", "litert-lm", "mlx", "openai"
]  # fmt: skip
Way: TypeAlias = Literal["chat", "transcriptions"]
"""How sound is taken."""

KINDS: tuple[Kind, ...] = (
    "llama-server", "llama-cpp-python", "vllm", "sglang", "ollama", "lmstudio", "litert-lm", "mlx", "openai",
)  # fmt: skip

TELLS_LOG_PROBS = frozenset({"llama-server", "vllm", "sglang", "ollama"})
"""Those that are asked how sure they are; others may refuse a field that they do not know."""

TELLS_USAGE = frozenset({"llama-server", "vllm", "sglang", "lmstudio", "litert-lm", "mlx", "openai"})
"""Those that count the prompt's tokens where `stream_options` asks for it."""

HIDES_CUTS = frozenset({"litert-lm"})
"""Those that call every end a plain one; an answer of as many tokens as were allowed was cut."""

THINKS_BY_TEMPLATE = frozenset({"llama-server", "vllm", "sglang", "mlx"})
"""Those that hand `chat_template_kwargs` to the model's chat template."""


LEAST_LOG_PROB = -100.0

_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, ready to be sent with POST."""

    path: str
    body: Mapping[str, Any] = field(repr=False)
    """JSON, or the fields of a form where there is a file."""
    sound: bytes | None = field(default=None, repr=False)
    """A WAV file for a form; None: the body is JSON."""
    streams: bool = True
    """Whether the answer comes in lines, piece by piece."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one line of an answer says."""

    text: str = ""
    pieces: tuple[tuple[str, float], ...] = ()
    """The tokens of the text with the log probability of each, where the server tells."""
    stop: HypothesisStop | None = None
    """Why it ended, in the line that says so."""
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    is_last: bool = False
    """Whether nothing follows."""


def wav_file(samples: Samples) -> bytes:
    """Samples float32[n] of 16 kHz as a WAV file of 16 bits, with the header by which servers know it."""
    whole = np.clip(np.rint(samples.reshape(-1) * 32767.0), -32768, 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(whole.tobytes())
    return buffer.getvalue()


# --- asking ---------------------------------------------------------------------------------------------


def ask_to_hear(
    kind: Kind, way: Way, model: str, instruction: str, sound: bytes, *, max_tokens: int, names: str = ""
) -> Ask:
    """Ask for the words in a WAV file. `names`: those that may be said, for endpoints without instruction."""
    if way == "transcriptions":
        form = {"model": model, "response_format": "json", "temperature": "0"}
        if names:
            form["prompt"] = names
        return Ask("/v1/audio/transcriptions", form, sound, streams=False)
    encoded = base64.b64encode(sound).decode()
    if kind == "ollama":
        turn = {"role": "user", "content": instruction, "images": [encoded]}
        return Ask("/api/chat", _ollama(model, [turn], max_tokens))
    # Text first: sound in front of the instruction makes Gemma 4 12B answer what was said.
    parts: list[dict[str, Any]] = [{"type": "text", "text": instruction}] if instruction else []
    if kind == "sglang":
        parts.append({"type": "audio_url", "audio_url": {"url": f"data:audio/wav;base64,{encoded}"}})
    else:
        parts.append({"type": "input_audio", "input_audio": {"data": encoded, "format": "wav"}})
    return Ask("/v1/chat/completions", _chat(kind, model, [{"role": "user", "content": parts}], max_tokens))


def ask_to_write(kind: Kind, model: str, request: WriteRequest) -> Ask:
    """Ask for a text. Raises GrammarUnreadable where the server takes no grammar."""
    if kind == "ollama":
        turns = [
            {"role": message.role, "content": message.text}
            | (
                {"images": [base64.b64encode(image).decode() for image in message.images]}
                if message.images
                else {}
            )
            for message in request.messages
        ]
        body = _ollama(model, turns, request.max_tokens)
        if request.json_schema is not None:
            body["format"] = json.loads(request.json_schema)
    else:
        body = _chat(kind, model, [_turn(message) for message in request.messages], request.max_tokens)
        if request.json_schema is not None and kind == "llama-cpp-python":
            body["response_format"] = {"type": "json_object", "schema": json.loads(request.json_schema)}
        elif request.json_schema is not None:
            schema = {"name": "answer", "schema": json.loads(request.json_schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if request.grammar is not None:
        body |= _grammar(kind, request.grammar)
    return Ask("/api/chat" if kind == "ollama" else "/v1/chat/completions", body)


def _chat(kind: Kind, model: str, turns: list[dict[str, Any]], max_tokens: int) -> dict[str, Any]:
    body: dict[str, Any] = {"model": model, "messages": turns, "temperature": 0, "stream": True}
    body["max_completion_tokens" if kind == "litert-lm" else "max_tokens"] = max_tokens
    if kind in TELLS_USAGE:
        body["stream_options"] = {"include_usage": True}
    if kind in TELLS_LOG_PROBS:
        body["logprobs"] = True
    if kind in THINKS_BY_TEMPLATE:
        body["chat_template_kwargs"] = {"enable_thinking": False}
    if kind == "litert-lm":
        body["reasoning_effort"] = "none"
    if kind == "mlx":  # mlx-vlm's own name for it; others of that family read the template's
        body["enable_thinking"] = False
    return body


def _ollama(model: str, turns: list[dict[str, Any]], max_tokens: int) -> dict[str, Any]:
    return {
        "model": model, "messages": turns, "stream": True, "think": False, "logprobs": True,
        "options": {"temperature": 0, "num_predict": max_tokens},
    }  # fmt: skip


def _turn(message: Message) -> dict[str, Any]:
    if not message.images:
        return {"role": message.role, "content": message.text}
    parts: list[dict[str, Any]] = []
    for image in message.images:
        mime = "image/png" if image.startswith(b"\x89PNG") else "image/jpeg"
        url = f"data:{mime};base64,{base64.b64encode(image).decode()}"
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return {"role": message.role, "content": [*parts, {"type": "text", "text": message.text}]}


def _grammar(kind: Kind, grammar: str) -> dict[str, Any]:
    if kind in ("llama-server", "llama-cpp-python"):
        return {"grammar": grammar}
    if kind == "vllm":
        return {"structured_outputs": {"grammar": grammar}}
    if kind == "sglang":
        return {"ebnf": grammar}
    raise GrammarUnreadable(
        f"a server of the kind {kind} takes no grammar",
        hint="Ask for a JSON schema instead; llama.cpp's servers, vLLM and SGLang take both.",
    )


# --- reading --------------------------------------------------------------------------------------------


def read_line(line: str) -> Chunk | None:
    """What a line of an answer says; None where it says nothing: a blank, a comment.

    Known are server-sent events with OpenAI's chunks, Ollama's JSON lines, and answers that come at once.
    Raises ServerLost for what is none of them, and where an error is told in the middle of an answer.
    """
    text = line.strip()
    if not text or text.startswith((":", "event:", "id:", "retry:")):
        return None
    text = text.removeprefix("data:").strip()
    if text == "[DONE]":
        return Chunk(stop="eos", is_last=True)  # for those that never say why they ended
    data = read_object(text)
    if data.get("error"):
        raise ServerLost("the server broke its answer off with an error")
    if isinstance(data.get("text"), str) and "choices" not in data:
        return Chunk(plain(data["text"]), stop="eos", is_last=True)
    return _ollama_chunk(data) if "message" in data or "done" in data else _openai_chunk(data)


def plain(text: str) -> str:
    """Without control characters, but for line ends and tabs: what a server says is typed into programs and
    shown in terminals, which obey them.
    """
    return _STEERING.sub("", text)


def read_object(text: str) -> dict[str, Any]:
    """A JSON object. Raises ServerLost."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise ServerLost("the server says what is no answer")
    return data


def _openai_chunk(data: dict[str, Any]) -> Chunk:
    usage = data.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    prompt_tokens, answer_tokens = (
        _count(counts.get("prompt_tokens")),
        _count(counts.get("completion_tokens")),
    )
    choices = data.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return Chunk(prompt_tokens=prompt_tokens, answer_tokens=answer_tokens)
    choice = choices[0]
    delta = choice.get("delta") or choice.get("message")
    content = delta.get("content") if isinstance(delta, dict) else None
    scores = choice.get("logprobs")
    told = scores.get("content") if isinstance(scores, dict) else None
    return Chunk(
        text=plain(content) if isinstance(content, str) else "",
        pieces=_pieces(told),
        stop=_stop(choice.get("finish_reason")),
        prompt_tokens=prompt_tokens,
        answer_tokens=answer_tokens,
    )


def _ollama_chunk(data: dict[str, Any]) -> Chunk:
    message = data.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    return Chunk(
        text=plain(content) if isinstance(content, str) else "",
        pieces=_pieces(data.get("logprobs")),
        stop=_stop(data.get("done_reason") or "stop") if data.get("done") else None,
        prompt_tokens=_count(data.get("prompt_eval_count")),
        answer_tokens=_count(data.get("eval_count")),
        is_last=bool(data.get("done")),
    )


def _pieces(told: Any) -> tuple[tuple[str, float], ...]:
    found = []
    for item in told if isinstance(told, list) else ():
        log_prob = _log_prob(item.get("logprob")) if isinstance(item, dict) else None
        if log_prob is not None:
            found.append((str(item.get("token", "")), log_prob))
    return tuple(found)


def _log_prob(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    # JSON has no NaN and no infinity; Python reads them all the same. vLLM says -9999 for "never".
    return min(0.0, float(max(value, LEAST_LOG_PROB))) if abs(value) < math.inf else None


def _stop(reason: Any) -> HypothesisStop | None:
    """OpenAI's reasons as ours. Whatever is not a plain end means that the text is not all of it."""
    if reason is None:
        return None
    return "eos" if reason in ("stop", "eos") else "max_tokens" if reason == "length" else "cancelled"


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
