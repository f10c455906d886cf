"""Generated documents, selections, selectors and commands for property tests."""

# ruff: noqa: RUF001  (typographic marks are what this file is about)

import os
import random

from hypothesis import strategies as st

from voice_edit import commands as c
from voice_edit import selectors as s
from voice_edit.document import Document, Selection
from voice_edit.spoken.phrases import phrases

EXAMPLES = int(os.environ.get("VOICE_EDIT_FUZZ_EXAMPLES", "300"))
"""Examples of each property. Set VOICE_EDIT_FUZZ_EXAMPLES=20000 for a long run."""

VOCABULARY = [
    "brown",
    "fox",
    "dog",
    "alice",
    "bob",
    "wednesday",
    "meeting",
    "12",
    "twelve",
    "don't",
    "naïve",
    "red",
    "tea",
]
_PIECES = [
    *VOCABULARY,
    *("Brown", "Fox.", "Alice,", "BOB", "e\u0301lan", "n\u0303", "👨‍👩‍👧"),
    *("🇩🇪🇫🇷", "👍🏽", "שלום", "مرحبا", "日本語。", "ẞ", "ﬁn"),
    *(" ", " ", " ", " ", "  ", "\n", "\n", "\n\n", "\r\n", "\r\n\r\n"),
    *("\t", "\u00a0", "\u200d", "\ufeff", "\u0301", "\r"),
    *(".", ". ", "! ", "? ", ", ", ":", "; ", "…", "(", ")", '"', "“", "”"),
    *("**", "*", "`", "_", "-", "– ", "[", "]"),
    *("# ", "## ", "- ", "* ", "1. ", "2) ", "- [ ] ", "- [x] ", "> "),
    *("```\n", "$5", "50%", "3.5", "2,000", "max_retries"),
]


def texts() -> st.SearchStrategy[str]:
    """Texts of words, marks, Markdown and everything that Unicode makes hard; sometimes any characters at
    all."""
    written = st.lists(st.sampled_from(_PIECES), max_size=40).map("".join)
    return written | st.text(max_size=30)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A text with a caret or selection anywhere, also inside a grapheme cluster."""
    text = draw(texts())
    anchor = draw(st.integers(0, len(text)))
    head = draw(st.integers(0, len(text))) if draw(st.booleans()) else anchor
    return Document(text, Selection(anchor, head))


_WHICH = st.sampled_from([1, 1, 2, 3, -1, -1, -2, "this", "this", "next", "previous", "nearest", "all"])
_WORDS = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=2).map(" ".join)


def _units(within: st.SearchStrategy[s.Selector] | None = None) -> st.SearchStrategy[s.Unit]:
    return st.builds(
        s.Unit,
        unit=st.sampled_from(s.UNIT_NAMES),
        which=_WHICH,
        count=st.sampled_from([1, 1, 1, 2, 3]),
        within=st.none() if within is None else within,
    )


def _units_beside(of: st.SearchStrategy[s.Selector]) -> st.SearchStrategy[s.Unit]:
    after, before = st.tuples(of, st.none()), st.tuples(st.none(), of)
    return st.builds(
        lambda unit, which, count, sides: s.Unit(
            unit=unit, which=which, count=count, after=sides[0], before=sides[1]
        ),
        st.sampled_from(s.UNIT_NAMES),
        st.sampled_from([1, 1, 2, -1, -1, -2, "all"]),
        st.sampled_from([1, 1, 2]),
        after | before | st.tuples(of, of),
    )


def selectors(depth: int = 1) -> st.SearchStrategy[s.Selector]:
    """Any selector; `depth` is how far they are nested."""
    simple = st.one_of(
        _units(),
        _units(),
        st.builds(s.Quote, text=_WORDS, which=st.none() | _WHICH),
        st.builds(s.Quote, text=st.sampled_from(["comma", "the full stop", "."]), which=_WHICH),
        st.just(s.Whole()),
        st.just(s.Selected()),
        st.just(s.That()),
        st.builds(s.WhatWasSaid, about=st.none() | _WORDS),
        st.tuples(st.integers(0, 12), st.integers(0, 12)).map(lambda p: s.Exact(start=min(p), end=max(p))),
    )
    if depth == 0:
        return simple
    inner = selectors(depth - 1)
    ends = inner | places(depth - 1)
    return st.one_of(
        simple,
        _units(inner),
        st.builds(s.Quote, text=_WORDS, which=_WHICH, within=inner),
        st.builds(s.Range, start=ends, end=ends, inclusive=st.booleans()),
        st.builds(s.Range, start=st.none(), end=inner),
        st.builds(s.Everything, side=st.sampled_from(["before", "after"]), of=ends),
        st.builds(s.Unit, unit=st.sampled_from(["sentence", "line", "paragraph"]), containing=inner),
        _units_beside(inner),
    )


def places(depth: int = 1) -> st.SearchStrategy[s.Place]:
    """Any place."""
    sides = st.sampled_from(["before", "after", "start", "end"])
    return st.just(s.Caret()) | st.builds(s.Edge, side=sides, of=selectors(depth))


def text_commands() -> st.SearchStrategy[c.TextCommand]:
    """Any command that a document alone carries out."""
    what, to = selectors(), places()
    odd = [",", ".", "?", "Wednesday", "e\u0301", "\u0301", "🏽", "\u200d👧", "two\nlines", "a"]
    new = _WORDS | st.sampled_from(odd)
    return st.one_of(
        st.builds(c.Insert, text=new, at=to),
        st.builds(c.Delete, what=what),
        st.builds(c.Replace, find=what, text=new | st.just("")),
        st.builds(c.Swap, first=what, second=what),
        st.builds(c.Select, what=what),
        st.builds(c.GoTo, place=to),
        st.builds(c.Move, what=what, to=to),
        st.builds(c.Duplicate, what=what),
        st.builds(c.ChangeCase, style=st.sampled_from(["capitalise", "upper", "lower", "title"]), what=what),
        st.builds(c.Format, style=st.sampled_from(["bold", "italic", "code", "plain"]), what=what),
        st.builds(c.MakeHeading, what=what, level=st.integers(1, 6)),
        st.builds(c.MakeList, style=st.sampled_from(["bullet", "numbered"]), what=what),
        st.builds(c.JoinLines, what=what),
        st.builds(c.SplitLines, what=what, by=st.sampled_from(["sentence", "comma", "word"])),
        st.builds(c.SortLines, what=what, descending=st.booleans()),
        st.builds(c.Break, style=st.sampled_from(["line", "paragraph"]), at=to),
    )


def spoken() -> st.SearchStrategy[str]:
    """A spoken command over the words of the generated documents."""
    return st.integers(0, 2**32).map(lambda seed: phrases(random.Random(seed), VOCABULARY))
