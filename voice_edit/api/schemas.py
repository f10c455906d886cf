"""What may be asked and what is answered, one class each: requests are checked by them, and the OpenAPI
document is made of them.

Fields that OpenAI knows and we do not are ignored, as its own server does; those whose absence would change
an answer are refused (`chat.REFUSED`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from voice_edit.commands import AnyCommand

MOST_WORDS = 2000
"""Characters that can be said or asked at once."""
MOST_TEXT = 200_000
"""Characters of a text that is edited."""
MOST_MESSAGES = 100
MOST_TOKENS = 4096
"""Of an answer."""

Mode: TypeAlias = Literal["dictate", "edit"]
Format: TypeAlias = Literal["json", "text", "srt", "verbose_json", "vtt"]
SoundFormat: TypeAlias = Literal["wav", "mp3", "flac", "ogg"]
Offset: TypeAlias = Annotated[int, Field(ge=0, le=MOST_TEXT)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# --- what is asked ------------------------------------------------------------------------------------------


class InputAudio(_Asked):
    """Sound as base64."""

    data: str = Field(min_length=1, description="A WAV, FLAC, OGG or MP3 file as base64.")
    format: SoundFormat | None = Field(default=None, description="The content decides, not this.")


class TextPart(_Asked):
    """Text of a message."""

    type: Literal["text"]
    text: str


class AudioPart(_Asked):
    """Sound in a message. Its words take its place."""

    type: Literal["input_audio"]
    input_audio: InputAudio


class ImageUrl(_Asked):
    """An image as a data URL. Nothing is ever fetched."""

    url: str = Field(pattern=r"^data:image/(png|jpeg);base64,", min_length=24)


class ImagePart(_Asked):
    """An image in a message, for models that see."""

    type: Literal["image_url"]
    image_url: ImageUrl


Part: TypeAlias = Annotated[TextPart | AudioPart | ImagePart, Field(discriminator="type")]


class ChatMessage(_Asked):
    """One turn."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | Annotated[list[Part], Field(min_length=1, max_length=50)]


class JsonSchema(_Asked):
    """A schema that the answer fits."""

    name: str = Field(min_length=1, max_length=64)
    schema_: dict[str, Any] = Field(alias="schema")


class AsText(_Asked):
    """The answer is text."""

    type: Literal["text"]


class AsJson(_Asked):
    """The answer is a JSON object."""

    type: Literal["json_object"]


class AsSchema(_Asked):
    """The answer is JSON that fits a schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchema


class ChatRequest(_Asked):
    """`POST /v1/chat/completions`."""

    model: str = Field(min_length=1, max_length=200)
    messages: list[ChatMessage] = Field(min_length=1, max_length=MOST_MESSAGES)
    stream: bool | None = None
    max_tokens: int | None = Field(default=None, ge=1, le=MOST_TOKENS)
    max_completion_tokens: int | None = Field(default=None, ge=1, le=MOST_TOKENS)
    response_format: Annotated[AsText | AsJson | AsSchema, Field(discriminator="type")] | None = None
    temperature: float | None = Field(
        default=None, ge=0, le=2, description="Without effect: the likeliest token is always taken."
    )
    n: Literal[1] | None = None


class Caret(_Asked):
    """A selection; the caret where both are equal. Offsets are code points of `text`."""

    anchor: Offset
    head: Offset


class EditRequest(_Asked):
    """`POST /v1/edits`: a text, and what is said about it, as words or as sound."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["words"], "properties": {"words": {"type": "string"}}},
                {"required": ["input_audio"], "properties": {"input_audio": {"type": "object"}}},
            ],
            "examples": [
                {"text": "The quick brown fox.", "words": "change brown to red"},
                {"text": "", "words": "new words", "mode": "dictate", "selection": {"anchor": 0, "head": 0}},
            ],
        }
    )

    text: str = Field(max_length=MOST_TEXT)
    words: str | None = Field(default=None, min_length=1, max_length=MOST_WORDS)
    input_audio: InputAudio | None = None
    selection: Caret | None = Field(default=None, description="Default: the caret at the end.")
    mode: Mode = Field(default="edit", description='"dictate": the words are inserted and never obeyed.')
    model: str | None = Field(default=None, max_length=200)


# --- what is told -------------------------------------------------------------------------------------------


class ErrorBody(_Told):
    """What went wrong."""

    model_config = ConfigDict(extra="allow", frozen=True)

    message: str
    type: str
    param: str | None
    code: str
    hint: str = Field(description="What to do next.")


class ErrorAnswer(_Told):
    """Every answer that is no success."""

    error: ErrorBody


class ModelCard(_Told):
    """A model."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["voice-edit"] = "voice-edit"


class ModelList(_Told):
    """`GET /v1/models`."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class Duration(_Told):
    """What was used."""

    type: Literal["duration"] = "duration"
    seconds: float


class Transcription(_Told):
    """Words of a recording."""

    text: str
    usage: Duration


class Segment(_Told):
    """One utterance."""

    id: int
    seek: int = Field(description="Hundredths of a second before it.")
    start: float = Field(description="Seconds.")
    end: float
    text: str
    tokens: list[int]
    temperature: Literal[0] = 0
    avg_logprob: float | None
    compression_ratio: float


class Unheard(_Told):
    """A stretch of sound in which there are no words, and why."""

    reason: str
    message: str
    start: float
    end: float


class VerboseTranscription(_Told):
    """Words of a recording, and where they are in it."""

    task: Literal["transcribe"] = "transcribe"
    language: str = Field(description="As asked for; the model does not tell.")
    duration: float
    text: str
    segments: list[Segment]
    rejected: list[Unheard]
    usage: Duration


class TextDelta(_Told):
    """An event of a stream: the next words."""

    type: Literal["transcript.text.delta"] = "transcript.text.delta"
    delta: str


class TextDone(_Told):
    """The last event of a stream: all of the words."""

    type: Literal["transcript.text.done"] = "transcript.text.done"
    text: str
    usage: Duration


class AnswerMessage(_Told):
    """What the model says."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class Choice(_Told):
    """The one answer."""

    index: Literal[0] = 0
    message: AnswerMessage
    finish_reason: Literal["stop", "length"]
    logprobs: None = None


class ChatCompletion(_Told):
    """An answer to a chat."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]


class Selected(_Told):
    """A selection; offsets are code points."""

    anchor: int
    head: int


class OneChange(_Told):
    """At `start` of the text before it, `old` became `new`."""

    start: int
    old: str
    new: str


class EditAnswer(_Told):
    """What was said, what it asks for, and what becomes of the text. Nothing is written anywhere."""

    object: Literal["edit"] = "edit"
    words: str = Field(description="As heard or given; empty where nobody spoke.")
    mode: Mode
    commands: list[AnyCommand] = Field(description="Empty in dictation.")
    summary: str = Field(description="The commands in their short form, for people.")
    changed: bool
    text: str
    selection: Selected
    changes: list[OneChange] = Field(description="In the order in which they are to be made.")
    diff: str = Field(description="A unified diff; empty where nothing changes.")
    rejected: list[Unheard]
