"""The prompt around an utterance, from the chat template that the model's GGUF carries.

The template is rendered with an audio placeholder, split there, and its two halves are tokenised apart with
the audio's markers between them: exactly the pieces that llama.cpp's mtmd tokenises. What templates cannot
know (the instruction, which markers, whether a thought block must be closed) comes from the profile.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from engine.catalog import PromptProfile
from engine.errors import ModelUnsupported
from engine.terms import usable

logger = logging.getLogger(__name__)

_MARK = "\ue0ff"
"""Stands for the terms while a template is rendered; no text has it (Unicode's private use)."""


class Tokenizer(Protocol):
    """What a prompt needs of `llama.LlamaModel`."""

    @property
    def bos(self) -> int: ...
    @property
    def adds_bos(self) -> bool: ...
    def tokenize(self, text: str) -> list[int]: ...
    def text_of(self, token: int) -> str: ...


@dataclass(frozen=True, slots=True)
class TermsPlace:
    """Where in the prompt names are told that may be said."""

    before: str
    """The prompt's text up to it."""
    sentence: str
    """What is then put there, with `{terms}` in it."""
    after: str
    """The prompt's text behind it, up to the audio."""
    most_tokens: int
    """By how many the prompt may grow."""
    shared: int
    """Tokens that the prompt begins with, whatever the names."""

    def text(self, terms: Sequence[str]) -> str:
        """The prompt's text up to the audio, with these names."""
        return self.before + self.sentence.replace("{terms}", ", ".join(terms)) + self.after


@dataclass(frozen=True, slots=True)
class Prompt:
    """The tokens before the soft tokens and those after them."""

    prefix: tuple[int, ...]
    """The prompt up to the marker that opens audio, without names. See `prefix_with`."""
    tail: tuple[int, ...]
    """From the marker that closes audio to where the answer begins."""
    place: TermsPlace | None = None
    """None where this model is never told names."""
    before: str = ""
    """The text whose tokens are `prefix`, without the marker."""
    after: str = ""
    """The text whose tokens are `tail`, without the marker."""

    @property
    def shared(self) -> int:
        """Tokens that every prefix begins with; 0 where there is only one."""
        return 0 if self.place is None else self.place.shared

    @property
    def most_tokens(self) -> int:
        """Tokens of the longest prefix and the tail."""
        more = 0 if self.place is None else self.place.most_tokens
        return len(self.prefix) + more + len(self.tail)

    def prefix_with(self, terms: Sequence[str], tokenizer: Tokenizer) -> tuple[int, ...]:
        """The prefix that tells these names: the first of them, as many as fit. What is no name is left out
        (see `terms.usable`). Without a place for them, and without names, `prefix`.
        """
        return self._told(terms, tokenizer)[1]

    def text_with(self, terms: Sequence[str], tokenizer: Tokenizer) -> str:
        """The text of the prompt up to the audio that tells these names, for who tokenises it elsewhere."""
        names, prefix = self._told(terms, tokenizer)
        text = self.before if self.place is None or not names else self.place.text(names)
        is_whole = len(tokenizer.tokenize(text)) == len(prefix) - 1
        return text if is_whole else tokenizer.text_of(tokenizer.bos) + text

    def _told(self, terms: Sequence[str], tokenizer: Tokenizer) -> tuple[list[str], tuple[int, ...]]:
        """The names that are told, and the prefix that tells them."""
        found, names = self.prefix, list[str]()
        if self.place is None:
            return names, found
        for name in usable(terms):
            longer = _tokens_before_audio(self.place.text([*names, name]), tokenizer)
            longer = (*longer, self.prefix[-1])
            if len(longer) - len(self.prefix) <= self.place.most_tokens:
                found, names = longer, [*names, name]
        return names, found


def render(template: str, profile: PromptProfile, *, bos_text: str) -> tuple[str, str]:
    """The text before and after the audio. Raises ModelUnsupported for a template that cannot take audio."""
    content = [{"type": "audio"}]
    if profile.instruction:
        content.insert(0, {"type": "text", "text": profile.instruction})
    text = render_messages(template, [{"role": "user", "content": content}], bos_text=bos_text)
    before, placeholder, after = text.partition(profile.audio_placeholder)
    if not placeholder or profile.audio_placeholder in after:
        raise ModelUnsupported(
            f"its chat template writes {text.count(profile.audio_placeholder)} audio placeholders, not one",
            hint="The template may be older than the audio support; fetch a newer GGUF of this model.",
        )
    if profile.thought_block and not after.endswith(profile.thought_block):
        after += profile.thought_block
    return before, after


def render_messages(template: str, messages: Sequence[dict[str, Any]], *, bos_text: str) -> str:
    """A conversation as the model's chat template writes it, up to where the answer begins.

    Raises ModelUnsupported for a template that cannot be rendered.
    """
    from jinja2 import TemplateError
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # The settings under which chat templates are written: those of transformers' apply_chat_template.
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    try:
        return environment.from_string(template).render(
            messages=messages, bos_token=bos_text, add_generation_prompt=True, enable_thinking=False
        )
    except TemplateError as error:
        raise ModelUnsupported(f"its chat template cannot be rendered: {error}") from error


def build(template: str, profile: PromptProfile, tokenizer: Tokenizer) -> Prompt:
    """Render the template (or the profile's, where the file has none) and tokenise its pieces."""
    template = template or profile.template
    bos_text = tokenizer.text_of(tokenizer.bos)
    before, after = render(template, profile, bos_text=bos_text)
    begin, end = tokenizer.tokenize(profile.audio_begin), tokenizer.tokenize(profile.audio_end)
    if len(begin) != 1 or len(end) != 1:
        raise ModelUnsupported(
            f"its vocabulary lacks {profile.audio_begin} or {profile.audio_end}: it was not made to hear"
        )
    prefix = _tokens_before_audio(before, tokenizer)
    place = _place(template, profile, tokenizer, before, after)
    return Prompt((*prefix, *begin), (*end, *tokenizer.tokenize(after)), place, before, after)


def _tokens_before_audio(text: str, tokenizer: Tokenizer) -> tuple[int, ...]:
    tokens = tokenizer.tokenize(text)
    if tokenizer.adds_bos and tokens[:1] != [tokenizer.bos]:
        tokens.insert(0, tokenizer.bos)
    return tuple(tokens)


def _place(
    template: str, profile: PromptProfile, tokenizer: Tokenizer, before: str, after: str
) -> TermsPlace | None:
    """Where the template leaves room for names; None if the profile wants none, or the template rewrites what
    it is given, so that without names the prompt would not be what it was.
    """
    if not profile.terms:
        return None
    marked = replace(profile, instruction=profile.instruction + _MARK)
    with_mark, tail = render(template, marked, bos_text=tokenizer.text_of(tokenizer.bos))
    head, mark, rest = with_mark.partition(_MARK)
    if not mark or head + rest != before or tail != after:
        logger.info("the chat template has no place for names")
        return None
    place = TermsPlace(head, profile.terms, rest, profile.terms_tokens, 0)
    plain = _tokens_before_audio(before, tokenizer)
    told = _tokens_before_audio(place.text(["Ada"]), tokenizer)
    shared = next(
        (at for at, pair in enumerate(zip(plain, told, strict=False)) if pair[0] != pair[1]), len(plain)
    )
    return replace(place, shared=shared) if shared else None


def special_tokens(texts: tuple[str, ...], tokenizer: Tokenizer) -> tuple[int, ...]:
    """The tokens that are spelled like this; spellings that the vocabulary does not have are left out."""
    found = (tokenizer.tokenize(text) for text in texts)
    return tuple(tokens[0] for tokens in found if len(tokens) == 1)
