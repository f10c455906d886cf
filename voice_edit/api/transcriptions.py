"""`POST /v1/audio/transcriptions`: words of a recording."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from starlette.responses import JSONResponse, PlainTextResponse, Response

from voice_edit.api import formats
from voice_edit.api.endpoint import Endpoint, gone
from voice_edit.api.failures import ApiError
from voice_edit.api.hearing import Words, hear
from voice_edit.api.requests import WHISPER, Form, bad_field, check_model, read_form
from voice_edit.api.schemas import Duration, Format, TextDelta, TextDone
from voice_edit.api.streams import EventStream

if TYPE_CHECKING:
    from starlette.requests import Request

    from engine.events import Hypothesis
    from voice_edit.api.desk import Job

MOST_PROMPT = 4000


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for."""

    file: bytes
    format: Format
    language: str
    prompt: str
    stream: bool


async def transcribe(endpoint: Endpoint, request: Request) -> Any:
    """Answer it."""
    job = endpoint.desk.admit()
    try:
        asked = understood(await read_form(request), endpoint.model())
    except BaseException:
        endpoint.desk.leave(job)
        raise
    settings = endpoint.settings()

    def work(on_utterance: Callable[[Hypothesis], None] | None = None) -> Words:
        return hear(job, asked.file, settings, prompt=asked.prompt, on_utterance=on_utterance)

    if asked.stream:
        return EventStream(_stream(endpoint, job, work, gone(request)))
    return answer(await endpoint.desk.work(job, work, gone(request)), asked)


def understood(form: Form, model: str) -> Asked:
    """What a form asks for. Raises ApiError."""
    if "file" not in form.files:
        raise bad_field("file", "the recording is missing")
    asked_model = form.one("model")
    if asked_model is None:
        raise bad_field("model", "is missing")
    check_model(asked_model, model, WHISPER)
    response_format = form.one("response_format") or "json"
    if response_format not in get_args(Format):
        raise bad_field("response_format", f"is one of {', '.join(get_args(Format))}")
    stream = form.one("stream") or "false"
    if stream not in ("true", "false"):
        raise bad_field("stream", "is true or false")
    _check_temperature(form.one("temperature"))
    granularities = [*form.fields.get("timestamp_granularities[]", [])]
    if any(value not in ("segment", "word") for value in granularities):
        raise bad_field("timestamp_granularities[]", "is segment")
    if "word" in granularities:
        hint = "Ask for segments: an utterance is one."
        raise ApiError(400, "unsupported", "The model does not tell when each word was said.", hint=hint)
    language, prompt = form.one("language") or "", form.one("prompt") or ""
    if len(language) > 35:  # the longest tag of BCP 47 that is in use
        raise bad_field("language", "is a language, such as en")
    if len(prompt) > MOST_PROMPT:
        raise bad_field("prompt", f"is longer than {MOST_PROMPT} characters")
    return Asked(form.files["file"], response_format, language, prompt, stream == "true")  # type: ignore[arg-type]


def answer(words: Words, asked: Asked) -> Response:
    """The words as they were asked for."""
    match asked.format:
        case "json":
            return JSONResponse(formats.plain(words).model_dump())
        case "verbose_json":
            return JSONResponse(formats.verbose(words, asked.language).model_dump())
        case "text":
            return PlainTextResponse(words.text + "\n")
        case "srt":
            return PlainTextResponse(formats.srt(words.utterances), media_type="application/x-subrip")
        case "vtt":
            return PlainTextResponse(formats.vtt(words.utterances), media_type="text/vtt")


async def _stream(
    endpoint: Endpoint,
    job: Job,
    work: Callable[[Callable[[Hypothesis], None]], Words],
    client_gone: Callable[[], Any],
) -> AsyncGenerator[dict[str, Any]]:
    def do(emit: Callable[[Any], None]) -> None:
        said = False

        def on_utterance(heard: Hypothesis) -> None:
            nonlocal said
            emit(TextDelta(delta=f" {heard.text}" if said else heard.text))
            said = True

        words = work(on_utterance)
        emit(TextDone(text=words.text, usage=Duration(seconds=words.duration_s)))

    async for event in endpoint.desk.events(job, do, client_gone):
        yield event.model_dump()


def _check_temperature(value: str | None) -> None:
    try:
        is_fine = value is None or 0.0 <= float(value) <= 1.0
    except ValueError:
        is_fine = False
    if not is_fine:
        raise bad_field("temperature", "is a number from 0 to 1; it has no effect")
