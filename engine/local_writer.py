"""The model that hears also writes: requests as its own chat template says them, on its text pass.

The prompt is cut where the last line of the request begins, whether it was expected or not, so that the same
tokens are computed in the same batches and the text is the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeAlias

from engine import quoting
from engine.catalog import PromptProfile
from engine.errors import Cancelled, EngineError, ModelUnsupported
from engine.events import Written
from engine.gguf_header import read_header
from engine.prompt import render_messages
from engine.seeing import BLIND_HINT, check_image, vision_kind
from engine.texts import TextSession
from engine.writer import Message, WriteRequest

_Beginning: TypeAlias = tuple[str, tuple[bytes, ...]]
"""How a prompt begins, and the images in that."""


class Reader(Protocol):
    """What writes behind a prompt: `engine.client.EngineClient`."""

    @property
    def files(self) -> Any: ...
    def read(self, prefix: str, images: tuple[bytes, ...] = ...) -> TextSession: ...


@dataclass(slots=True)
class _Attempt:
    """A call of `write`: it may be given up before there is a text."""

    text: TextSession | None = None
    is_given_up: bool = False


class LocalWriter:
    """Writes with the model of an `EngineClient` that was given `text_ctx`. From any thread, one text at a
    time: a second `write` gives the first one up.
    """

    def __init__(self, client: Reader) -> None:
        """Nothing is loaded yet."""
        self._client = client
        self._profile: PromptProfile = client.files.profile
        self._lock = threading.Lock()
        self._expected: tuple[_Beginning, TextSession] | None = None
        self._now: _Attempt | None = None

    @property
    def name(self) -> str:
        """The model that writes."""
        return str(self._client.files.name)

    @property
    def styles(self) -> tuple[str, ...] | None:
        """Names of the rewrites that the model has learnt; None: it takes instructions."""
        return self._profile.styles or None

    @property
    def sees(self) -> bool:
        """Whether the model takes images, and its projector makes soft tokens of them."""
        return self._sees

    @cached_property
    def _sees(self) -> bool:
        try:
            return bool(
                self._profile.image_placeholder and vision_kind(read_header(self._client.files.projector))
            )
        except EngineError:
            return False

    def expect(self, request: WriteRequest) -> None:
        """Prefill what comes before the last line of the request. Raises what `write` raises of a request."""
        begins, _ = self._cut(request)
        with self._lock:
            if self._expected is None or self._expected[0] != begins:
                self._expected = (begins, self._client.read(*begins))

    def write(self, request: WriteRequest, *, on_piece: Callable[[str], None] | None = None) -> Written:
        """See `Writer.write`. Raises ModelUnsupported for what this model cannot be asked."""
        attempt = _Attempt()
        with self._lock:
            self._now = attempt
        try:
            begins, suffix = self._cut(request)
            with self._lock:
                if attempt.is_given_up:
                    raise Cancelled("the text was given up")
                expected, self._expected = self._expected, None
                text = expected[1] if expected and expected[0] == begins else self._client.read(*begins)
                attempt.text = text
            return text.write(
                suffix,
                originals=request.originals,
                grammar=request.grammar,
                json_schema=request.json_schema,
                max_tokens=request.max_tokens,
                on_piece=on_piece,
            )
        finally:
            with self._lock:
                if self._now is attempt:
                    self._now = None

    def cancel(self) -> None:
        """Make the `write` that is running raise Cancelled."""
        with self._lock:
            attempt = self._now
            if attempt is None:
                return
            attempt.is_given_up = True
        if attempt.text is not None:
            attempt.text.drop()

    def _cut(self, request: WriteRequest) -> tuple[_Beginning, str]:
        """The prompt's text, cut in two, with what others wrote marked in it, and the images that it begins
        with.
        """
        if request.grammar is not None and request.json_schema is not None:
            raise ValueError("a text fits a grammar or a JSON schema, not both")
        images = tuple(image for message in request.messages for image in message.images)
        if images and not self.sees:
            raise ModelUnsupported(f"'{self.name}' does not see", hint=BLIND_HINT)
        for image in images:
            check_image(image)
        prompt = self._styled(request) if self._profile.styles else self._conversation(request.messages)
        prefix, suffix = cut_at_last_line(prompt)
        if prefix.count(quoting.IMAGE) != len(images):
            raise ModelUnsupported(
                f"the chat template of '{self.name}' does not put images in front of the text",
                hint="The template may be older than that; fetch a newer GGUF of this model.",
            )
        return (prefix, images), suffix

    def _styled(self, request: WriteRequest) -> str:
        if request.style not in self._profile.styles:
            known = ", ".join(self._profile.styles)
            raise ModelUnsupported(
                f"'{self.name}' has learnt a few rewrites by name ({known}), and takes no other instructions",
                hint="A larger model does: see `voice-edit model list`.",
            )
        before, _, after = self._profile.style_prompt.replace("{style}", request.style).partition("{text}")
        return before + quoting.quoted(request.text) + after

    def _conversation(self, messages: tuple[Message, ...]) -> str:
        if not messages or messages[-1].role != "user":
            raise ValueError("the user has the last word of a request")
        turns = [
            {
                "role": message.role,
                "content": [
                    *({"type": "image"} for _ in message.images),
                    {"type": "text", "text": quoting.quoted(message.text)},
                ],
            }
            for message in messages
        ]
        # The text pass puts the token that begins every prompt in front itself.
        text = render_messages(self._template, turns, bos_text="")
        for message in messages:
            if quoting.quoted(message.text) not in text:
                raise ModelUnsupported(f"the chat template of '{self.name}' leaves out what it is told")
        if self._profile.image_placeholder:
            text = quoting.with_images(text, self._profile.image_placeholder)
        block = self._profile.thought_block
        return text + block if block and not text.endswith(block) else text

    @cached_property
    def _template(self) -> str:
        files = self._client.files
        return read_header(files.model).text("tokenizer.chat_template") or str(files.profile.template)


def cut_at_last_line(prompt: str) -> tuple[str, str]:
    """The prompt's text up to where the last line of what is quoted last begins, and the rest; each with
    whole marks. Nothing is lost: without the marks, both together read as before.
    """
    opened = prompt.rfind(quoting.OPEN)
    if opened < 0:
        raise ValueError("a prompt quotes somebody")
    end = prompt.index(quoting.CLOSE, opened)
    line = prompt.rfind("\n", opened, end) + 1
    if line == 0:
        return prompt[:opened], prompt[opened:]
    return prompt[:line] + quoting.CLOSE, quoting.OPEN + prompt[line:]
