"""Other prompts than a model's own, to see what they do to its hearing: sound first, sound late, one pass.

They are put in place of the usual one in an engine that is open: a prompt belongs to no weights.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from engine.catalog import PromptProfile
from engine.gguf_header import read_header
from engine.prompt import Prompt, build
from voice_edit.errors import UsageError
from voice_edit.evaluation.variants import AUDIO_FIRST, Variant

if TYPE_CHECKING:
    from engine.opening import LocalEngine

FILLER = (
    "The following lines belong to an earlier note and have nothing to do with the recording. ",
    "The shed was painted green in spring, and nobody has opened the left door since. ",
    "Two of the five chairs stand in the hall, the others were lent to a neighbour. ",
    "Rain is expected for the weekend, so the walk along the river may begin later. ",
)
"""Text that fills the prompt up to a position; it says nothing about the sound."""

REVERSED = (
    "{%- set messages = [{'role': messages[0]['role'], 'content': messages[0]['content'] | reverse | list}] "
    "-%}"
)
"""In front of a template: the parts of the first message the other way round."""


class PromptSwitch:
    """Puts prompts into an engine, and the usual one back."""

    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine
        self._usual: Prompt = engine.prompt
        self._profile: PromptProfile = engine.profile
        self._room = engine.max_frames + engine.prompt.most_tokens
        self._template = read_header(engine.files.model).text("tokenizer.chat_template")

    def choose(self, variant: Variant) -> None:
        """The prompt that a variant asks for, where it is one prompt for all items. Raises UsageError where
        the model's prompt takes no text, or the sound already begins behind the wanted position.
        """
        if variant.audio_at is not None:
            self._put(self._at(variant.audio_at))
        elif variant.prompt == AUDIO_FIRST:
            self._require_text()
            template = REVERSED + (self._template or self._profile.template)
            self._put(build(template, self._profile, self._engine.model))

    def ask(self, instruction: str) -> None:
        """Have the next utterances follow `instruction` instead of the usual one. Raises UsageError as
        above, or where it is too long.
        """
        self._require_text()
        self._put(self._built(instruction))

    def as_usual(self) -> None:
        """The model's own prompt again."""
        self._put(self._usual)

    def _at(self, position: int) -> Prompt:
        self._require_text()
        usual = self._profile.instruction
        filled, prompt, number = "", self._usual, 0
        if len(prompt.prefix) > position:
            raise UsageError(
                f"--prompt at-{position}: with this model, sound begins at {len(prompt.prefix)} anyway.",
                hint="Choose a later position.",
            )
        # A sentence at a time, then word by word: positions are the tokenizer's business.
        while len(prompt.prefix) < position:
            sentence = FILLER[number % len(FILLER)]
            longer = self._built(f"{filled}{sentence}\n\n{usual}")
            if len(longer.prefix) > position:
                for word in sentence.split():
                    if len(prompt.prefix) >= position:
                        break
                    filled += f"{word} "
                    prompt = self._built(f"{filled}\n\n{usual}")
                break
            filled, prompt, number = filled + sentence, longer, number + 1
        return prompt

    def _built(self, instruction: str) -> Prompt:
        profile = replace(self._profile, instruction=instruction)
        return build(self._template, profile, self._engine.model)

    def _require_text(self) -> None:
        if not self._profile.instruction or self._built("Listen.").prefix == self._usual.prefix:
            raise UsageError(
                f"The prompt of {self._engine.files.name} holds nothing but sound: it cannot be changed.",
                hint="Only models that follow instructions can be compared with other prompts.",
            )

    def _put(self, prompt: Prompt) -> None:
        room = self._room - prompt.most_tokens
        if room < self._engine.block_frames:
            raise UsageError(
                f"A prompt of {prompt.most_tokens} tokens leaves no room for sound.",
                hint="Give it more: VOICE_EDIT_ENGINE__CONTEXT_TOKENS=8192",
            )
        # The room for frames was made for the usual prompt, which is the shortest.
        self._engine.max_frames = min(room, self._room - self._usual.most_tokens)
        self._engine.prompt = prompt
