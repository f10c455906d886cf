"""`POST /v1/chat/completions`: what the model says to a conversation, sound included.

Sound is heard first, like any other; its words stand in the message where the sound stood. So a model that
writes is given text alone. One that only hears, or has learnt only a few rewrites, answers a turn that holds
sound with its words, whatever else the turn says, and nothing else.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any, Literal

from starlette.responses import JSONResponse

from voice_edit.api.endpoint import Endpoint, gone
from voice_edit.api.failures import ApiError
from voice_edit.api.hearing import hear
from voice_edit.api.requests import bad_field, check_model, read_json, sound
from voice_edit.api.schema_limits import check_schema
from voice_edit.api.schemas import (
    AnswerMessage,
    AsJson,
    AsSchema,
    AudioPart,
    ChatCompletion,
    ChatRequest,
    Choice,
    ImagePart,
    TextPart,
)
from voice_edit.api.streams import EventStream

if TYPE_CHECKING:
    from starlette.requests import Request

    from engine.writer import Message, Writer
    from voice_edit.api.desk import Job

REFUSED = ("tools", "functions", "logprobs", "stop", "audio", "logit_bias")
"""Fields that would change the answer and that nobody here acts upon."""
MOST_SOUNDS = 8
USUAL_TOKENS = 1024

Finish = Literal["stop", "length"]


async def complete(endpoint: Endpoint, request: Request) -> Any:
    """Answer it."""
    job = endpoint.desk.admit()
    try:
        asked = await read_json(request, ChatRequest)
        _check(asked, await request.json(), endpoint.model())
    except BaseException:
        endpoint.desk.leave(job)
        raise

    def work(on_piece: Callable[[str], None] | None = None) -> tuple[str, Finish]:
        return _answer(endpoint, job, asked, on_piece)

    name = f"chatcmpl-{secrets.token_hex(12)}"
    if asked.stream:
        return EventStream(_stream(endpoint, job, name, work, gone(request)))
    text, finish = await endpoint.desk.work(job, work, gone(request))
    choice = Choice(message=AnswerMessage(content=text), finish_reason=finish)
    answer = ChatCompletion(id=name, created=int(time.time()), model=endpoint.model(), choices=[choice])
    return JSONResponse(answer.model_dump())


def _check(asked: ChatRequest, raw: dict[str, Any], model: str) -> None:
    check_model(asked.model, model)
    for field in REFUSED:
        if raw.get(field):
            raise ApiError(400, "unsupported", f"'{field}' cannot be used here.", param=field)
    if asked.messages[-1].role != "user":
        raise bad_field("messages", "the user has the last word")
    parts = [
        part for message in asked.messages if not isinstance(message.content, str) for part in message.content
    ]
    if sum(isinstance(part, AudioPart) for part in parts) > MOST_SOUNDS:
        raise bad_field("messages", f"at most {MOST_SOUNDS} sounds can be sent at once")
    if isinstance(asked.response_format, AsSchema):
        check_schema(asked.response_format.json_schema.schema_, "response_format.json_schema.schema")


def _answer(
    endpoint: Endpoint, job: Job, asked: ChatRequest, on_piece: Callable[[str], None] | None
) -> tuple[str, Finish]:
    """Hear, then write. In a thread of the desk's."""
    writer = endpoint.writer(job)
    if writer is None or writer.styles is not None:
        return _words_of_the_last_turn(endpoint, job, asked, on_piece), "stop"
    from engine.writer import WriteRequest

    messages = tuple(
        _message(endpoint, job, message.role, message.content, writer) for message in asked.messages
    )
    written = writer.write(
        WriteRequest(
            messages=messages,
            json_schema=_schema(asked),
            max_tokens=asked.max_completion_tokens or asked.max_tokens or USUAL_TOKENS,
        ),
        on_piece=on_piece,
    )
    return written.text, "stop" if written.stop == "eos" else "length"


def _words_of_the_last_turn(
    endpoint: Endpoint, job: Job, asked: ChatRequest, on_piece: Callable[[str], None] | None
) -> str:
    content = asked.messages[-1].content
    sounds = [] if isinstance(content, str) else [part for part in content if isinstance(part, AudioPart)]
    if not sounds or (asked.response_format is not None and asked.response_format.type != "text"):
        raise ApiError(
            400,
            "model_only_hears",
            f"'{endpoint.model()}' cannot hold a conversation; it answers sound with its words.",
            param="model",
            hint="Send input_audio, ask /v1/edits, or use a larger model: see `voice-edit model list`.",
        )
    text = " ".join(filter(None, (_heard(endpoint, job, part) for part in sounds)))
    if on_piece is not None:
        on_piece(text)
    return text


def _message(endpoint: Endpoint, job: Job, role: str, content: Any, writer: Writer) -> Message:
    from engine.writer import Message

    known: Literal["system", "user", "assistant"] = "system"
    if role in ("user", "assistant"):
        known = "user" if role == "user" else "assistant"
    if isinstance(content, str):
        return Message(known, content)
    texts: list[str] = []
    images: list[bytes] = []
    for part in content:
        match part:
            case TextPart():
                texts.append(part.text)
            case AudioPart():
                texts.append(_heard(endpoint, job, part))
            case ImagePart():
                if not writer.sees:
                    message = f"'{writer.name}' does not see images here."
                    raise ApiError(400, "model_does_not_see", message, param="messages")
                images.append(sound(part.image_url.url.partition(",")[2], "messages"))
    return Message(known, "\n".join(texts), tuple(images))


def _heard(endpoint: Endpoint, job: Job, part: AudioPart) -> str:
    return hear(job, sound(part.input_audio.data, "input_audio.data"), endpoint.settings()).text


def _schema(asked: ChatRequest) -> str | None:
    match asked.response_format:
        case AsSchema(json_schema=wanted):
            return json.dumps(wanted.schema_)
        case AsJson():
            return '{"type": "object"}'
    return None


async def _stream(
    endpoint: Endpoint,
    job: Job,
    name: str,
    work: Callable[[Callable[[str], None]], tuple[str, Finish]],
    client_gone: Callable[[], Any],
) -> AsyncGenerator[dict[str, Any] | str]:
    created, model = int(time.time()), endpoint.model()

    def chunk(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return {
            "id": name,
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
            "choices": [choice],
        }

    def do(emit: Callable[[Any], None]) -> None:
        begun = False

        def on_piece(piece: str) -> None:
            nonlocal begun
            if not begun:
                emit(chunk({"role": "assistant", "content": ""}))
                begun = True
            emit(chunk({"content": piece}))

        _, finish = work(on_piece)
        if not begun:
            emit(chunk({"role": "assistant", "content": ""}))
        emit(chunk({}, finish))
        emit("[DONE]")

    async for data in endpoint.desk.events(job, do, client_gone):
        yield data
