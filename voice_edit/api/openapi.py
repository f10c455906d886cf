"""The endpoint's description, made of the classes that check it (`schemas`).

Every operation names every answer that it can give: what comes from the guard can come from all of them.
"""

from __future__ import annotations

from functools import cache
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from voice_edit import __version__
from voice_edit.api import schemas
from voice_edit.api.requests import ALIAS, WHISPER

_GUARD = {
    "400": "The request is no request that can be understood.",
    "401": "The key is missing or wrong.",
    "403": "From a browser, or by another name than this machine's.",
    "503": "The model cannot be used now.",
}
_BODY = {
    "408": "The body came too slowly.",
    "413": "The body is too large.",
    "415": "The body is of another type.",
    "429": "Too many requests wait already.",
    "504": "It took too long, waiting included.",
}
_MODEL = {"404": "There is no such model."}
_WORDS = {"422": "The words fit no place in the text, fit several, or are no command."}
_FAULT = {"500": "A fault in voice-edit itself."}

_TOLD: tuple[type[BaseModel], ...] = (
    schemas.ErrorAnswer,
    schemas.ModelCard,
    schemas.ModelList,
    schemas.Transcription,
    schemas.VerboseTranscription,
    schemas.TextDelta,
    schemas.TextDone,
    schemas.ChatCompletion,
    schemas.EditAnswer,
)
_ASKED: tuple[type[BaseModel], ...] = (schemas.ChatRequest, schemas.EditRequest)
_REF = "#/components/schemas/"


@cache
def document(model: str, url: str) -> dict[str, Any]:
    """OpenAPI 3.1, for the model in use and where it is asked."""
    wanted = [(model, "serialization") for model in _TOLD] + [(model, "validation") for model in _ASKED]
    _, defined = models_json_schema(wanted, ref_template=_REF + "{model}")  # type: ignore[arg-type]
    named = defined["$defs"]
    for asked in _ASKED:
        named[asked.__name__]["properties"]["model"] = {"type": "string", "enum": _names(model)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "voice-edit",
            "version": __version__,
            "description": "The model on this machine, as OpenAI's interface says it. Loopback only.",
        },
        "servers": [{"url": url}],
        "security": [{"key": []}],
        "paths": _paths(model),
        "components": {
            "schemas": named,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`voice-edit api token` prints it.",
                }
            },
        },
    }


def _names(model: str, *aliases: str) -> list[str]:
    return list(dict.fromkeys([model, ALIAS, *aliases]))


def _paths(model: str) -> dict[str, Any]:
    return {
        "/v1/models": {"get": _operation("listModels", "The model in use.", _json(schemas.ModelList))},
        "/v1/models/{model}": {
            "get": _operation("getModel", "One model.", _json(schemas.ModelCard), more=_MODEL)
            | {
                "parameters": [
                    {
                        "name": "model",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "string", "minLength": 1},
                    }
                ]
            }
        },
        "/v1/audio/transcriptions": {"post": _transcribe(model)},
        "/v1/chat/completions": {"post": _chat()},
        "/v1/edits": {"post": _edit()},
        "/openapi.json": {
            "get": _operation("getDescription", "This.", {"application/json": {"schema": {"type": "object"}}})
        },
    }


def _transcribe(model: str) -> dict[str, Any]:
    text = {"schema": {"type": "string"}}
    content = {
        "application/json": {
            "schema": {"anyOf": [_ref(schemas.Transcription), _ref(schemas.VerboseTranscription)]}
        },
        "text/plain": text,
        "application/x-subrip": text,
        "text/vtt": text,
        "text/event-stream": text,
    }
    form = {
        "type": "object",
        "required": ["file", "model"],
        "properties": {
            "file": {"type": "string", "format": "binary", "description": "WAV, FLAC, OGG or MP3."},
            "model": {"type": "string", "enum": _names(model, WHISPER)},
            "language": {"type": "string", "maxLength": 35},
            "prompt": {
                "type": "string",
                "maxLength": 4000,
                "description": "Names that may be said, with commas in between.",
            },
            "response_format": {"type": "string", "enum": list(get_args(schemas.Format)), "default": "json"},
            "stream": {"type": "boolean", "default": False},
            "temperature": {"type": "number", "minimum": 0, "maximum": 1, "description": "Without effect."},
            "timestamp_granularities[]": {"type": "array", "items": {"type": "string", "enum": ["segment"]}},
        },
    }
    answer = _operation("createTranscription", "Words of a recording.", content, more={**_BODY, **_MODEL})
    return {**answer, "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}}}


def _chat() -> dict[str, Any]:
    content = {**_json(schemas.ChatCompletion), "text/event-stream": {"schema": {"type": "string"}}}
    answer = _operation(
        "createChatCompletion", "An answer to a conversation.", content, more={**_BODY, **_MODEL}
    )
    return {**answer, "requestBody": {"required": True, "content": _json(schemas.ChatRequest)}}


def _edit() -> dict[str, Any]:
    more = {**_BODY, **_MODEL, **_WORDS}
    summary = "What becomes of a text by what is said about it; nothing is written anywhere."
    answer = _operation("createEdit", summary, _json(schemas.EditAnswer), more=more)
    return {**answer, "requestBody": {"required": True, "content": _json(schemas.EditRequest)}}


def _operation(
    name: str, summary: str, content: dict[str, Any], *, more: dict[str, str] | None = None
) -> dict[str, Any]:
    answers: dict[str, Any] = {"200": {"description": summary, "content": content}}
    for status, why in {**_GUARD, **(more or {}), **_FAULT}.items():
        answers[status] = {"description": why, "content": _json(schemas.ErrorAnswer)}
        if status in ("429", "503"):
            seconds = {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds to wait."}
            answers[status]["headers"] = {"Retry-After": seconds}
        if status == "401":
            answers[status]["headers"] = {
                "WWW-Authenticate": {"schema": {"type": "string"}, "required": True}
            }
    return {"operationId": name, "summary": summary, "responses": dict(sorted(answers.items()))}


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(model)}}


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF + model.__name__}
