"""Pass 2: text in, text out, on a sequence of its own beside the utterance.

The prompt up to what was said (instructions, the document's window) is prefilled while somebody still speaks,
block by block between the blocks of sound; when the words are there, only they are left to prefill. The
blocks lie on a grid that begins with the prompt, so they are the same batches whether they were computed
ahead or not, and the text is the same.

With one reservation. Sound and text share llama.cpp's cells. Where an utterance or a prompt is dropped while
the other one grows, what comes next fills the gap, its cells lie in another order, and llama.cpp adds them up
in that order. By how much a token leads then differs by up to 0.006 (bundled model, measured; 0.015 with
random weights): two that are closer than that may change places, in the text or in the words.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine import decode, quoting
from engine.branch import Branch
from engine.draft import DraftSource
from engine.errors import Cancelled, ContextFull
from engine.events import WritingTiming, Written
from engine.kvcache import KVCache
from engine.lookup import DraftLength, PromptLookup
from engine.lookup_gate import DraftGate
from engine.seeing import Sight
from engine.spelling import spell
from engine.texts import MOST_TOKENS

if TYPE_CHECKING:
    from engine._llama_grammar import LlamaGrammar
    from engine.grammar import ByteTokens
    from engine.loaded import LoadedModel

SEQUENCE, FORK_SEQUENCE = 2, 3
"""Sequences of the context; 0 and 1 are those of the utterance."""

BLOCK_TOKENS = 16
"""Tokens prefilled at once. Sound that comes meanwhile waits for them, as long as its own block takes."""

LEAST_ANSWER = 16
"""Positions kept free for an answer; with fewer, the text does not fit."""


class TextPass:
    """Writes texts with an engine's model. One for an engine, used from the engine's thread."""

    def __init__(self, engine: LoadedModel) -> None:
        """Raises ContextFull where the engine was opened without `text_ctx`, ModelCorrupt for an adapter that
        cannot be used.
        """
        if engine.text_ctx < LEAST_ANSWER:
            raise ContextFull(
                "the model was loaded without room for a text pass",
                hint="Open the engine with text_ctx: the positions for instructions, document and answer.",
            )
        self._engine = engine
        if engine.files.adapter is not None:
            adapter = engine.model.load_adapter(engine.files.adapter)
            for sequence in (SEQUENCE, FORK_SEQUENCE):
                engine.context.adapt(sequence, adapter)
        self._sight = Sight(engine)
        self._cache = KVCache(
            self._sight, sequence=SEQUENCE, fork_sequence=FORK_SEQUENCE, most=engine.text_ctx
        )
        self._prefix: tuple[int, ...] = ()
        self._grammar: tuple[str, LlamaGrammar] | None = None
        self._spelling: ByteTokens | None = None
        self._length = DraftLength()
        self.gate: DraftGate | None = DraftGate()
        """Holds looked-up drafts back where they do not pay; None: never."""

    @property
    def room(self) -> int:
        """Tokens that prefix, suffix and answer may have together."""
        return self._engine.text_ctx

    @property
    def is_waiting(self) -> bool:
        """Whether some of the prefix may be prefilled ahead and is not."""
        return self._engine.speed.ahead and self._cache.is_behind

    def tokens(self, text: str, *, begins: bool = False, images: Sequence[bytes] = ()) -> list[int]:
        """Tokens of `text`, special ones recognised where it is not marked as quoted (`quoting`); `begins`:
        with what every prompt begins with. `images`: PNG or JPEG files, one for each `quoting.IMAGE` in it.

        Raises what `Sight.tokens` raises.
        """
        model = self._engine.model
        first, *rest = text.split(quoting.IMAGE) if images else [text]
        found = quoting.tokenize(first, model)
        for image, piece in zip(images, rest, strict=True):
            found += [*self._sight.tokens(image), *quoting.tokenize(piece, model)]
        return [model.bos, *found] if begins and model.adds_bos and found[:1] != [model.bos] else found

    def begin(self, prefix: Sequence[int]) -> None:
        """Say how the next prompt begins: from now on `prefill_some` works on it. What is in the cache of it
        is kept, the rest dropped. Raises ContextFull where it does not fit.
        """
        if len(prefix) + LEAST_ANSWER > self.room:
            raise ContextFull(
                f"a prompt of {len(prefix)} tokens does not fit into the {self.room} of a text pass",
                hint="Ask about less text at once.",
            )
        self._prefix = tuple(prefix)
        self._cache.aim(self._prefix, shared=BLOCK_TOKENS, whole=self._sight.whole(self._prefix))

    def prefill_some(self) -> bool:
        """Prefill one block of the prefix ahead of time. Whether there is more to do. Raises DecodeFailed."""
        if self.is_waiting:
            self._advance()
        return self.is_waiting

    def answer(
        self,
        suffix: Sequence[int],
        *,
        originals: Sequence[Sequence[int]] = (),
        grammar: str | None = None,
        max_tokens: int = MOST_TOKENS,
        on_piece: Callable[[str], None] | None = None,
        give_up: Callable[[], bool] | None = None,
    ) -> Written:
        """Write what follows prefix and `suffix`, which has at least one token.

        `originals`: tokens of what is rewritten, then of the text around it; drafts are looked up there.
        `grammar`: GBNF that the answer must fit. `on_piece` is called with each piece of text as it appears;
        `give_up` is asked before every batch, and may put sound into the engine. Whatever happens, the prefix
        stays as it is for the next answer.

        Raises ContextFull, DecodeFailed, Cancelled, and GrammarUnreadable.
        """
        engine, cache = self._engine, self._cache
        asked_s = time.monotonic()
        ahead_tokens = cache.ledger.prefix
        while cache.is_behind:
            if give_up is not None and give_up():
                raise Cancelled("stopped before the text was written")
            self._advance()
        prefilled_s = time.monotonic()
        branch = Branch(engine.context, cache, suffix)
        if branch.free() < LEAST_ANSWER:
            raise ContextFull(
                f"{len(suffix)} more tokens leave no room for an answer: {cache.ledger.end} of {self.room} "
                "positions are taken",
                hint="Ask about less text at once.",
            )

        def is_cancelled() -> bool:
            engine.steps += 1
            return give_up is not None and give_up()

        picker, sources = self._constrained(grammar, lambda: [token.id for token in answer.tokens])
        lookup = PromptLookup(originals, starts_word=self._starts_word, length=self._length, gate=self.gate)
        sources += [lookup] * (engine.speed.lookup and bool(originals))
        rules = decode.Rules(
            is_end=engine._is_end, max_tokens=min(max_tokens, branch.free()), originals=originals
        )
        if engine.speed.mtp and engine.mtp is not None:
            sources.append(engine.mtp.source(lambda: cache.ledger.end, SEQUENCE))
        answer = decode.Answer(branch, picker, rules, is_cancelled, sources)
        try:
            spelled = spell(answer, engine.model.piece, engine.profile, on_piece)
        finally:
            cache.reopen()
            self._length = lookup.length
        return Written(
            text=spelled.text,
            tokens=spelled.tokens,
            stop=answer.stop,
            confidence=spelled.confidence,
            timing=WritingTiming(
                asked_s=asked_s,
                first_token_s=spelled.first_token_s,
                final_s=spelled.final_s,
                prefill_s=prefilled_s - asked_s,
                ahead_tokens=ahead_tokens,
                late_tokens=cache.ledger.prefix - ahead_tokens,
                steps=answer.steps,
                drafted=answer.drafted,
                accepted=answer.accepted,
            ),
        )

    def clear(self) -> None:
        """Forget the prompt: its cells are free."""
        self._prefix = ()
        self._cache.aim(())
        self._sight.close()

    def _advance(self) -> None:
        self._cache.advance()
        self._engine.steps += 1

    def _starts_word(self, token: int) -> bool:
        return self._engine.model.piece(token)[:1].isspace()

    def _constrained(
        self, text: str | None, answer: Callable[[], Sequence[int]]
    ) -> tuple[decode.Picker, list[DraftSource]]:
        """Who picks the tokens, and who guesses those that the grammar forces."""
        engine = self._engine
        if text is None:
            return engine._picker, []
        from engine._llama_grammar import LlamaGrammar
        from engine.grammar import ByteTokens, ForcedText, GrammarPicker, Position

        if self._grammar is None or self._grammar[0] != text:
            self._grammar = (text, LlamaGrammar(engine.model, text))
        position = Position(self._grammar[1])
        picker = GrammarPicker(engine.model, engine._suppressed, engine._is_end, position, answer)
        if not engine.speed.forced:
            return picker, []
        self._spelling = self._spelling or ByteTokens(engine.model)
        return picker, [ForcedText(engine.model, self._spelling, position)]
