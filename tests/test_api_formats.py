"""Forms of an answer, without a model: subtitles, diffs, names in a prompt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import Hypothesis, Timing
from voice_edit.api import formats
from voice_edit.api.hearing import MOST_TERMS, terms
from voice_edit.api.unified_diff import MOST_LINES, unified_diff

TIMING = Timing(None, 0.0, 0.0, 0.0, 0.0, 0.0)


def said(text: str, start_ms: int = 0, end_ms: int = 1000) -> Hypothesis:
    return Hypothesis("final", text, (), -0.1, start_ms * 16, end_ms * 16, "eos", TIMING)


def test_subtitles_count_hours() -> None:
    utterances = [said("One.", 0, 1500), said("Two.", 3_599_999, 3_600_000)]
    assert formats.srt(utterances) == (
        "1\n00:00:00,000 --> 00:00:01,500\nOne.\n\n2\n00:59:59,999 --> 01:00:00,000\nTwo.\n\n"
    )
    assert formats.vtt([]) == "WEBVTT\n\n"


@given(st.text())
def test_no_words_can_break_out_of_their_cue(text: str) -> None:
    for whole in (formats.srt([said(text), said("end")]), formats.vtt([said(text), said("end")])):
        cues = [cue for cue in whole.removeprefix("WEBVTT\n\n").split("\n\n") if cue]
        assert len(cues) == 2
        assert whole.count("-->") == 2


def test_marks_of_webvtt_are_escaped() -> None:
    assert "a &lt;b&gt; &amp;c" in formats.vtt([said("a <b> &c")])


lines = st.lists(st.sampled_from(["a", "b", "", "längere Zeile", "\t"]), max_size=12)


@given(lines, lines, st.booleans(), st.booleans(), st.booleans())
def test_a_diff_is_one_that_patch_understands(
    before: list[str], after: list[str], ended: bool, also_ended: bool, is_long: bool
) -> None:
    old = "\n".join(before) + "\n" * ended
    new = "\n".join(after) + "\n" * also_ended
    if is_long:
        old, new = ("x\n" * (MOST_LINES + 1) + text + "\ny" * 5 for text in (old, new))
    assert applied(old, unified_diff(old, new)) == new


def applied(text: str, diff: str) -> str:
    """What a reader of unified diffs makes of it: written here from the format's description."""
    if not diff:
        return text
    old = text.split("\n")
    new: list[str] = []
    at = 0
    rows = diff.split("\n")[2:-1]
    last_has_end = {"-": True, "+": True}
    for number, row in enumerate(rows):
        mark, line = row[:1], row[1:]
        if row.startswith("@@"):
            start, count = map(int, [*row.split()[1][1:].split(","), "1"][:2])
            begin = start - 1 if count else start
            new += old[at:begin]
            at = begin
        elif mark == "\\":
            marks = ("-", "+") if rows[number - 1][0] == " " else (rows[number - 1][0],)
            last_has_end |= dict.fromkeys(marks, False)
        elif mark == "+":
            new.append(line)
        else:
            assert old[at] == line
            at += 1
            new += [line] * (mark == " ")
    rest = old[at:]
    if rest and rest != [""]:  # the end of the text is beyond the last hunk
        return "\n".join([*new, *rest])
    return "\n".join(new) + "\n" * (last_has_end["+"] and bool(new))


def test_texts_that_are_hard_to_compare_are_shown_as_one_block() -> None:
    old, new = "a\n" * 60_000, "b\n" * 60_000
    assert unified_diff(old, new).startswith("--- before\n+++ after\n@@ -1,60000 +1,60000 @@\n-a\n")


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("", ()),
        ("Kowalczyk, Anna  Meyer;\nvoice-edit.", ("Kowalczyk", "Anna Meyer", "voice-edit")),
        (",, ;\n", ()),
        ("a, b, a", ("a", "b")),
    ],
)
def test_a_prompt_is_names(prompt: str, expected: tuple[str, ...]) -> None:
    assert terms(prompt) == expected
    assert len(terms(",".join(map(str, range(1000))))) == MOST_TERMS
