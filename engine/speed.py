"""What makes an answer fast. Nothing of it changes a word: each part can be switched off to prove that."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Switches, all on. `voice-edit bench` measures what each is worth."""

    stream: bool = True
    """Sound is prefilled while somebody speaks; off: all of it waits for the end."""
    draft: bool = True
    """The last partial words are the draft of the next ones: checked in one batch, not written one by one."""
    prepare: bool = True
    """The final words are computed as soon as nobody speaks any more, before it is certain that this was
    all."""
    lookup: bool = True
    """A rewrite is drafted from the text that it rewrites."""
    mtp: bool = True
    """A drafter model is used where there is one."""
    ahead: bool = True
    """The prompt of a rewrite is prefilled while somebody still speaks."""
    forced: bool = True
    """Text that a grammar leaves no choice about is put in at once."""


PLAIN = Speed(stream=False, draft=False, prepare=False, lookup=False, mtp=False, ahead=False, forced=False)
"""One token after the other, after the last sample."""
