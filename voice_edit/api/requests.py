"""What a client has sent: forms and JSON, held in memory and checked before anything is done with them."""

from __future__ import annotations

import base64
import binascii
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from voice_edit.api.failures import ApiError

if TYPE_CHECKING:
    from starlette.requests import Request

M = TypeVar("M", bound=BaseModel)

logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # what clients do wrong is told to them

MOST_FIELDS = 32
MOST_FIELD_BYTES = 64 << 10
MOST_PARTS = 1 << 18
"""Of a JSON body: brackets, commas and colons, those in texts included. While JSON is read, nothing else runs
in this program, the microphone's part of it neither: 50 ms for so many.
"""


class _InMemory(MultiPartParser):
    """Files stay in memory, which the guard bounds: what was said is not put on a disk on its way."""

    spool_max_size = 1 << 62


@dataclass(frozen=True, slots=True)
class Form:
    """A `multipart/form-data` body."""

    fields: dict[str, list[str]]
    files: dict[str, bytes]

    def one(self, name: str) -> str | None:
        """The field's value, or None. Raises ApiError where it is there more than once."""
        values = self.fields.get(name, [])
        if len(values) > 1:
            raise bad_field(name, "is there more than once")
        return values[0] if values else None


async def read_form(request: Request) -> Form:
    """The body as a form with at most one file. Raises ApiError."""
    if _media_type(request) != "multipart/form-data":
        hint = 'Send a form: curl -F file=@speech.wav -F model="voice-edit"'
        raise ApiError(415, "unsupported_media_type", "This takes multipart/form-data.", hint=hint)
    parser = _InMemory(
        request.headers,
        request.stream(),
        max_files=1,
        max_fields=MOST_FIELDS,
        max_part_size=MOST_FIELD_BYTES,
    )
    try:
        parsed = await parser.parse()
    except (MultiPartException, UnicodeError, LookupError) as error:
        why = getattr(error, "message", "") or "it cannot be read"
        raise ApiError(400, "bad_form", f"The form is damaged: {why}") from error
    fields: dict[str, list[str]] = {}
    files: dict[str, bytes] = {}
    for name, value in parsed.multi_items():
        if isinstance(value, UploadFile):
            files[name] = await value.read()
            await value.close()
        else:
            fields.setdefault(name, []).append(value)
    return Form(fields, files)


async def read_json(request: Request, model: type[M]) -> M:
    """The body as an object of that class, nothing converted. Raises ApiError."""
    if _media_type(request) != "application/json":
        hint = 'Send "Content-Type: application/json".'
        raise ApiError(415, "unsupported_media_type", "This takes application/json.", hint=hint)
    body = await request.body()
    if sum(body.count(mark) for mark in (b"[", b"{", b",", b":")) > MOST_PARTS:
        raise ApiError(413, "request_too_large", "That is more than anybody needs to ask at once.")
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise bad_field(where or None, first["msg"]) from error
    except RecursionError as error:
        raise bad_field(None, "nested too deeply") from error


def sound(data: str, param: str) -> bytes:
    """Sound that was sent as base64. Raises ApiError."""
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise bad_field(param, "is no base64") from error


def bad_field(name: str | None, why: str) -> ApiError:
    """A field that is not as it should be."""
    message = f"{name}: {why}" if name else why
    return ApiError(400, "invalid_value", message, param=name, hint="See /openapi.json and docs/endpoint.md.")


def check_model(asked: str | None, known: str, *aliases: str) -> None:
    """Raises ApiError where another model is asked for than the one that is here."""
    if asked is not None and asked not in (known, ALIAS, *aliases):
        raise ApiError(
            404,
            "model_not_found",
            f"There is no model '{asked[:100]}' here.",
            param="model",
            hint=f"Ask for '{known}', or '{ALIAS}', which is whatever is in use.",
        )


ALIAS = "voice-edit"
"""The model in use, whichever it is."""
WHISPER = "whisper-1"
"""What tools ask for that transcribe and cannot be told another name."""


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
