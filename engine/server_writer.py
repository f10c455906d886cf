"""A server that writes: texts asked for by messages, from any server, whether it hears or not."""

from __future__ import annotations

import threading
from collections.abc import Callable

from engine.catalog import PromptProfile
from engine.errors import EngineError, ModelUnsupported, ServerError
from engine.events import WritingTiming, Written
from engine.server import Server, server_profile
from engine.server_answer import Answered
from engine.server_call import Call, Tell
from engine.server_dialects import ask_to_write
from engine.server_probe import Capabilities
from engine.writer import WriteRequest

LONGEST_TEXT_S = 1800.0
"""However it dribbles: a large model on a small machine writes a word a second."""

BLIND_HINT = "Leave the image out, or load a model there that sees."


class ServerWriter:
    """Writes with a server. From any thread, one text at a time: a second `write` gives the first one up."""

    def __init__(self, server: Server) -> None:
        """Asks nothing yet."""
        self.server = server
        self._lock = threading.Lock()
        self._call: Call[Answered] | None = None

    @property
    def name(self) -> str:
        """The model that writes, once the server has told it."""
        known = self.server.known
        name = known.name if known is not None else self.server.wire.options.model
        return f"server:{name}" if name else "server"

    @property
    def styles(self) -> tuple[str, ...] | None:
        """Whatever is asked for."""
        return None

    @property
    def sees(self) -> bool:
        """Whether the server says that its model takes images. Asks it where nobody did yet, which takes some
        milliseconds; a server that cannot be reached sees nothing.
        """
        known = self.server.known
        if known is None:
            try:
                known = Call(self._ask).result()
            except EngineError:
                return False
        return known.sees

    def expect(self, request: WriteRequest) -> None:
        """Find out, meanwhile, what the server can do. Servers keep what prompts share by themselves."""
        if self.server.known is None:
            Call(self._ask)

    def write(self, request: WriteRequest, *, on_piece: Callable[[str], None] | None = None) -> Written:
        """The text; see `Writer.write`. Raises ServerError, ContextFull, GrammarUnreadable, Cancelled, and
        ModelUnsupported for images that the model does not see.
        """
        call = Call(lambda tell: self._answer(request, tell))
        with self._lock:
            before, self._call = self._call, call
        if before is not None:
            before.cancel()
        try:
            answered = call.result(on_piece)
        finally:
            with self._lock:
                if self._call is call:
                    self._call = None
        return Written(
            text=answered.text,
            tokens=(),
            stop=answered.stop,
            confidence=answered.confidence,
            timing=WritingTiming(
                asked_s=answered.asked_s,
                first_token_s=answered.first_s,
                final_s=answered.final_s,
                prefill_s=answered.first_s - answered.asked_s,
                ahead_tokens=0,
                late_tokens=0,
                steps=answered.steps,
                drafted=0,
                accepted=0,
            ),
        )

    def cancel(self) -> None:
        """Make the `write` that is running raise Cancelled. From any thread, at any time."""
        with self._lock:
            call = self._call
        if call is not None:
            call.cancel()

    async def _ask(self, tell: Tell) -> Capabilities:
        return await self.server.capabilities()

    async def _answer(self, request: WriteRequest, tell: Tell) -> Answered:
        try:
            known = await self.server.capabilities()
            if any(message.images for message in request.messages) and not known.sees:
                raise ModelUnsupported(f"the server's model {known.name} does not see", hint=BLIND_HINT)
            ask = ask_to_write(known.kind, known.model, request)
            profile: PromptProfile = server_profile(known.model)
            return await self.server.answer(
                ask, profile, tell, max_tokens=request.max_tokens, longest_s=LONGEST_TEXT_S
            )
        except ServerError:
            self.server.forget()
            raise
