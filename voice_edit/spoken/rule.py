"""A rule of the spoken grammar: a pattern and what a fit means."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from voice_edit.commands import EditCommand, Rewrite
from voice_edit.phrase import Phrase

Slots = dict[str, Phrase]
Meaning = EditCommand | list[EditCommand] | Rewrite | None


@dataclass(frozen=True)
class Rule:
    """`build` gets the slots of one fit; None from it means: no sense, look on."""

    pattern: str
    build: Callable[[Slots], Meaning]

    @cached_property
    def verbs(self) -> frozenset[str]:
        """The first words a phrase may have to fit; empty if any (the pattern begins with a slot or an
        option)."""
        head = self.pattern.split()[0]
        if head[0] in "{[":
            return frozenset()
        return frozenset(choice.split("_")[0] for choice in head.split("|"))
