"""What the engine process does for texts: reads prompts while nothing else is to be done, and writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.errors import Cancelled, EngineError
from engine.messages import FromEngine, Read, TextFailed, TextPiece, Write, Wrote

if TYPE_CHECKING:
    from engine.opening import LocalEngine
    from engine.writing import TextPass


class TextWorker:
    """The text pass of an engine. Used by the thread that works."""

    def __init__(
        self,
        engine: LocalEngine,
        send: Callable[[FromEngine], None],
        *,
        is_dropped: Callable[[int], bool],
        meanwhile: Callable[[], None],
    ) -> None:
        """`is_dropped`: whether nobody wants the text of that number any more. `meanwhile` is called between
        the batches of a text that is written, to do what is more urgent.
        """
        self._engine = engine
        self._send = send
        self._is_dropped = is_dropped
        self._meanwhile = meanwhile
        self._pass: TextPass | None = None
        self._number = 0

    @property
    def is_waiting(self) -> bool:
        """Whether there is something to prefill ahead."""
        return self._pass is not None and self._pass.is_waiting and not self._is_dropped(self._number)

    def prefill_some(self) -> None:
        """Prefill one block of the prompt that is being read."""
        assert self._pass is not None
        try:
            self._pass.prefill_some()
        except EngineError as error:
            self._pass.clear()
            self._fail(self._number, error)

    def deal_with(self, message: Read | Write) -> None:
        """Begin to read a prompt, or write what follows it."""
        try:
            if isinstance(message, Read):
                self._number = message.text
                text_pass = self._opened()
                prefix = text_pass.tokens(message.prefix, begins=True, images=message.images)
                text_pass.begin(prefix)
            elif message.text == self._number and not self._is_dropped(message.text):
                self._write(message, self._opened())
        except Cancelled:
            pass
        except EngineError as error:
            self._fail(message.text, error)

    def _fail(self, number: int, error: EngineError) -> None:
        self._number = 0  # a Write that follows a Read that failed must not answer to another prompt
        self._send(TextFailed(number, error))

    def _write(self, message: Write, text_pass: TextPass) -> None:
        number = message.text

        def give_up() -> bool:
            self._meanwhile()
            return self._is_dropped(number)

        grammar = message.grammar
        if message.json_schema is not None:
            from engine._llama_grammar import grammar_of_schema

            grammar = grammar_of_schema(message.json_schema)
        written = text_pass.answer(
            text_pass.tokens(message.suffix),
            originals=[text_pass.tokens(original) for original in message.originals],
            grammar=grammar,
            max_tokens=message.max_tokens,
            on_piece=(lambda piece: self._send(TextPiece(number, piece))) if message.wants_pieces else None,
            give_up=give_up,
        )
        self._send(Wrote(number, written))

    def _opened(self) -> TextPass:
        if self._pass is None:
            from engine.writing import TextPass

            self._pass = TextPass(self._engine)
        return self._pass
