"""The model that hears also writes: requests as its own chat template says them, on its text pass.

The prompt is cut where the last line of the request begins, whether it was expected or not, so that the same
tokens are computed in the same batches and the text is the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol

from engine import quoting
from engine.catalog import PromptProfile
from engine.errors import ModelUnsupported
from engine.events import Written
from engine.gguf_header import read_header
from engine.prompt import render_messages
from engine.writer import Message, WriteRequest


class Text(Protocol):
    """A text that is being written: `engine.client.ClientText`."""

    def write(
        self,
        suffix: str,
        *,
        originals: tuple[str, ...] = (),
        grammar: str | None = None,
        json_schema: str | None = None,
        max_tokens: int = ...,
        on_piece: Callable[[str], None] | None = None,
    ) -> Written: ...
    def drop(self) -> None: ...


class Reader(Protocol):
    """What writes behind a prompt: `engine.client.EngineClient`."""

    @property
    def files(self) -> Any: ...
    def read(self, prefix: str) -> Text: ...


class LocalWriter:
    """Writes with the model of an `EngineClient` that was given `text_ctx`. From any thread, one text at a
    time: a second `write` gives the first one up.
    """

    def __init__(self, client: Reader) -> None:
        """Nothing is loaded yet."""
        self._client = client
        self._profile: PromptProfile = client.files.profile
        self._lock = threading.Lock()
        self._expected: tuple[str, Text] | None = None
        self._open: Text | None = None

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
        """Not through this way."""
        return False

    def expect(self, request: WriteRequest) -> None:
        """Prefill what comes before the last line of the request. Raises what `write` raises of a request."""
        prefix, _ = self._cut(request)
        with self._lock:
            if self._expected is None or self._expected[0] != prefix:
                self._expected = (prefix, self._client.read(prefix))

    def write(self, request: WriteRequest, *, on_piece: Callable[[str], None] | None = None) -> Written:
        """See `Writer.write`. Raises ModelUnsupported for what this model cannot be asked."""
        prefix, suffix = self._cut(request)
        with self._lock:
            expected, self._expected = self._expected, None
            text = expected[1] if expected and expected[0] == prefix else self._client.read(prefix)
            self._open = text
        try:
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
                if self._open is text:
                    self._open = None

    def cancel(self) -> None:
        """Make the `write` that is running raise Cancelled."""
        with self._lock:
            text = self._open
        if text is not None:
            text.drop()

    def _cut(self, request: WriteRequest) -> tuple[str, str]:
        """The prompt's text, cut in two, with what others wrote marked in it."""
        if request.grammar is not None and request.json_schema is not None:
            raise ValueError("a text fits a grammar or a JSON schema, not both")
        prompt = self._styled(request) if self._profile.styles else self._conversation(request.messages)
        return cut_at_last_line(prompt)

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
        if any(message.images for message in messages):
            raise ModelUnsupported(f"'{self.name}' does not see images here", hint="Ask without the image.")
        turns = [
            {"role": message.role, "content": [{"type": "text", "text": quoting.quoted(message.text)}]}
            for message in messages
        ]
        # The text pass puts the token that begins every prompt in front itself.
        text = render_messages(self._template, turns, bos_text="")
        for message in messages:
            if quoting.quoted(message.text) not in text:
                raise ModelUnsupported(f"the chat template of '{self.name}' leaves out what it is told")
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
