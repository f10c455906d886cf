"""How a place in a text is named. A selector is a description; `resolve` finds its span in one document.

    Selector = Quote | Unit | Whole | Selected | That | WhatWasSaid | Range | Everything | Exact
                                                  names a piece of text
    Place    = Caret | Edge                               names a point between two characters

Everything here is frozen data with one JSON form (`kind` tells which). The rules by which a selector finds
its text are in `resolving.py` and in docs/commands.md.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

UnitName = Literal[
    "character", "word", "sentence", "line", "blank_line", "item", "heading", "paragraph", "section", "list"
]
UNIT_NAMES: tuple[UnitName, ...] = (
    "character",
    "word",
    "sentence",
    "line",
    "blank_line",
    "item",
    "heading",
    "paragraph",
    "section",
    "list",
)

Ordinal = Annotated[int, Field(ge=-999, le=999)]
Which = Ordinal | Literal["this", "next", "previous", "nearest", "all"]
"""1 is the first, -1 the last, -2 the last but one; the words count from the caret; "all" is every one."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _check_which(which: Which | None) -> None:
    if which == 0:
        raise ValueError("ordinals count from 1 (or from -1 backwards); there is no 0th place")


class Quote(_Model):
    """Words that stand in the text, matched as people speak."""

    kind: Literal["quote"] = "quote"
    text: Annotated[str, Field(min_length=1)]
    which: Which | None = None
    """None: the only one there is; several are an `Ambiguous`."""
    within: "Selector | None" = None

    @model_validator(mode="after")
    def _ordinal_is_not_zero(self) -> Self:
        _check_which(self.which)
        return self


class Unit(_Model):
    """Words, sentences, lines, ... counted from the top, from the end or from the caret."""

    kind: Literal["unit"] = "unit"
    unit: UnitName
    which: Which = "this"
    count: Annotated[int, Field(ge=1, le=9999)] = 1
    """That many neighbouring units: the last two words, the next three lines."""
    called: str | None = None
    """A heading's or section's title, as spoken."""
    containing: "Selector | None" = None
    """The unit in which this stands: the sentence with "brown" in it."""
    after: "Selector | None" = None
    """Only those that stand behind this count: 1 is the one right behind it."""
    before: "Selector | None" = None
    """Only those that stand in front of this count: -1 is the one right in front of it."""
    within: "Selector | None" = None

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        _check_which(self.which)
        if (self.after or self.before) and not isinstance(self.which, int) and self.which != "all":
            raise ValueError(
                f"before or after something, {self.unit}s are counted: first, last, 2, -2 or all"
            )
        if self.called is not None and self.unit not in ("section", "heading"):
            raise ValueError(f"only a section or a heading can be called by its title, not a {self.unit}")
        return self


class Whole(_Model):
    """The whole document."""

    kind: Literal["document"] = "document"


class Selected(_Model):
    """What is selected now; nothing selected is a `NoMatch`."""

    kind: Literal["selection"] = "selection"


class That(_Model):
    """What was just spoken of: the selection if there is one, else the text inserted last."""

    kind: Literal["that"] = "that"


class WhatWasSaid(_Model):
    """What an utterance put into the text lately: the last one, or the one that is about something."""

    kind: Literal["said"] = "said"
    about: Annotated[str, Field(min_length=1)] | None = None
    """Words that are in it, matched as people speak."""


class Range(_Model):
    """From one piece of text to another; `inclusive` says whether the two ends belong to it.

    No `start` is the start of the document (or of `within`), no `end` its end.
    """

    kind: Literal["range"] = "range"
    start: "Selector | Place | None" = None
    end: "Selector | Place | None" = None
    inclusive: bool = True
    within: "Selector | None" = None

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.start is None and self.end is None:
            raise ValueError("a range needs a start or an end")
        return self


class Everything(_Model):
    """All text before or after something, up to the edge of the document (or of `within`)."""

    kind: Literal["everything"] = "everything"
    side: Literal["before", "after"]
    of: "Selector | Place"
    within: "Selector | None" = None


class Exact(_Model):
    """Code point offsets, as a choice of an `Ambiguous` gives them. Widened to whole grapheme clusters."""

    kind: Literal["span"] = "span"
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.end < self.start:
            raise ValueError("a span ends before it starts")
        return self


class Caret(_Model):
    """Where the caret is. A selection counts as the place of its own text."""

    kind: Literal["caret"] = "caret"


class Edge(_Model):
    """A point at a piece of text. `before` and `after` stand outside it, `start` and `end` inside.

    The difference shows with lines and paragraphs: text put after a line becomes a line of its own,
    text put at the end of a line is added to that line.
    """

    kind: Literal["edge"] = "edge"
    side: Literal["before", "after", "start", "end"]
    of: "Selector"


Selector = Annotated[
    Quote | Unit | Whole | Selected | That | WhatWasSaid | Range | Everything | Exact,
    Field(discriminator="kind"),
]
Place = Annotated[Caret | Edge, Field(discriminator="kind")]

for _model in (Quote, Unit, Range, Everything, Edge):
    _model.model_rebuild()
