"""Borders of grapheme clusters: found without reading a long line from its beginning, and the same ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_edit import graphemes
from voice_edit.graphemes import clusters, snap_left, snap_right

PARTS = [
    "a", "Z", " ", ".", "0", "\n", "\r", "\r\n", "\t", "\u00e9", "e\u0301", "\u0301", "\u200d", "\ufe0f",
    "\U0001f469", "\U0001f469\u200d\U0001f467", "\U0001f3fd", "\U0001f1e9", "\U0001f1ea", "\U0001f600",
    "\u20e3", "\u4f60", "\u304b", "\u3099", "\u05d0", "\u05b0", "\u0600", "\u0627", "\u0928", "\u094d",
    "\u0938", "\u0947", "\u0e01", "\u0e33", "\u1100", "\u1161", "\u11a8", "\uac00", "\ufffc", "\ufeff",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PARTS), max_size=12).map("".join)


@given(TEXTS)
def test_borders_are_those_that_reading_from_the_beginning_finds(text: str) -> None:
    borders = {0, len(text), *(end for _, end in clusters(text))}
    for at in range(len(text) + 1):
        assert snap_left(text, at) == max(border for border in borders if border <= at)
        assert snap_right(text, at) == min(border for border in borders if border >= at)


@pytest.mark.parametrize(
    "text", ["word " * 4000, "\u4f60\u597d" * 9000, "\U0001f469\u200d\U0001f467 " * 5000]
)
def test_a_border_in_a_long_line_is_found_near_it(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0

    def counted(text: str, start: int = 0, end: int | None = None):  # type: ignore[no-untyped-def]
        nonlocal read
        for span in clusters(text, start, end):
            read += 1
            yield span

    monkeypatch.setattr(graphemes, "clusters", counted)
    for at in range(len(text) - 200, len(text)):
        snap_left(text, at)
    assert read < 2000
