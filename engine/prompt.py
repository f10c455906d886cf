"""The prompt around an utterance, from the chat template that the model's GGUF carries.

The template is rendered with an audio placeholder, split there, and its two halves are tokenised apart with
the audio's markers between them: exactly the pieces that llama.cpp's mtmd tokenises. What templates cannot
know (the instruction, which markers, whether a thought block must be closed) comes from the profile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.catalog import PromptProfile
from engine.errors import ModelUnsupported


class Tokenizer(Protocol):
    """What a prompt needs of `llama.LlamaModel`."""

    @property
    def bos(self) -> int: ...
    @property
    def adds_bos(self) -> bool: ...
    def tokenize(self, text: str) -> list[int]: ...
    def text_of(self, token: int) -> str: ...


@dataclass(frozen=True, slots=True)
class Prompt:
    """The tokens before the soft tokens and those after them."""

    prefix: tuple[int, ...]
    """The prompt up to the marker that opens audio. The same for each utterance."""
    tail: tuple[int, ...]
    """From the marker that closes audio to where the answer begins."""


def render(template: str, profile: PromptProfile, *, bos_text: str) -> tuple[str, str]:
    """The text before and after the audio. Raises ModelUnsupported for a template that cannot take audio."""
    from jinja2 import TemplateError
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    content = [{"type": "audio"}]
    if profile.instruction:
        content.insert(0, {"type": "text", "text": profile.instruction})
    # The settings under which chat templates are written: those of transformers' apply_chat_template.
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    try:
        text = environment.from_string(template).render(
            messages=[{"role": "user", "content": content}],
            bos_token=bos_text,
            add_generation_prompt=True,
            enable_thinking=False,
        )
    except TemplateError as error:
        raise ModelUnsupported(f"its chat template cannot be rendered: {error}") from error
    before, placeholder, after = text.partition(profile.audio_placeholder)
    if not placeholder or profile.audio_placeholder in after:
        raise ModelUnsupported(
            f"its chat template writes {text.count(profile.audio_placeholder)} audio placeholders, not one",
            hint="The template may be older than the audio support; fetch a newer GGUF of this model.",
        )
    if profile.thought_block and not after.endswith(profile.thought_block):
        after += profile.thought_block
    return before, after


def build(template: str, profile: PromptProfile, tokenizer: Tokenizer) -> Prompt:
    """Render the template (or the profile's, where the file has none) and tokenise its pieces."""
    bos_text = tokenizer.text_of(tokenizer.bos)
    before, after = render(template or profile.template, profile, bos_text=bos_text)
    begin, end = tokenizer.tokenize(profile.audio_begin), tokenizer.tokenize(profile.audio_end)
    if len(begin) != 1 or len(end) != 1:
        raise ModelUnsupported(
            f"its vocabulary lacks {profile.audio_begin} or {profile.audio_end}: it was not made to hear"
        )
    prefix = tokenizer.tokenize(before)
    if tokenizer.adds_bos and prefix[:1] != [tokenizer.bos]:
        prefix.insert(0, tokenizer.bos)
    return Prompt(prefix=(*prefix, *begin), tail=(*end, *tokenizer.tokenize(after)))


def special_tokens(texts: tuple[str, ...], tokenizer: Tokenizer) -> tuple[int, ...]:
    """The tokens that are spelled like this; spellings that the vocabulary does not have are left out."""
    found = (tokenizer.tokenize(text) for text in texts)
    return tuple(tokens[0] for tokens in found if len(tokens) == 1)
