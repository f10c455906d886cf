"""Edits planned for a text that somebody has changed since."""

from __future__ import annotations

import pytest
from edit_strategies import EXAMPLES, texts
from hypothesis import given, settings
from hypothesis import strategies as st

from voice_edit.document import Document, Selection, apply
from voice_edit.edits import Change, Edit, apply_changes, in_order
from voice_edit.rebase import differences, moved_through, rebase
from voice_edit.spoken import grammar

BEFORE = "Dear all,\n\nwe meet on Tuesday at noon.\nBring your notes.\n\nBest,\nAda"


def planned(text: str, words: str) -> list[Edit]:
    """What the words do to the text, with the caret at its end."""
    document, edits = Document.at_end(text), []
    for command in grammar.parse(words) or ():
        edits.append(apply(document, command))  # type: ignore[arg-type]
        document = edits[-1].apply_to(document)
    assert edits
    return edits


def made(text: str, edits: list[Edit] | None) -> str | None:
    if edits is None:
        return None
    for edit in edits:
        text = apply_changes(text, edit.changes)
    return text


@pytest.mark.parametrize(
    ("words", "now", "after"),
    [
        (
            "replace Tuesday with Wednesday",
            BEFORE.replace("Dear all", "Dear all of you"),
            BEFORE.replace("Dear all", "Dear all of you").replace("Tuesday", "Wednesday"),
        ),
        ("replace Tuesday with Wednesday", BEFORE + "\nPS: thanks", None),
        (
            "delete the third line",
            BEFORE.replace("Best", "All the best"),
            BEFORE.replace("Best", "All the best").replace("we meet on Tuesday at noon.\n", ""),
        ),
        (
            "insert hello after notes",
            BEFORE.replace("Dear", "My dear"),
            BEFORE.replace("Dear", "My dear").replace("notes.", "notes hello."),
        ),
    ],
)
def test_an_edit_goes_along_with_its_text(words: str, now: str, after: str | None) -> None:
    edits = planned(BEFORE, words)
    expected = after if after is not None else made(now, planned(now, words))
    assert made(now, rebase(edits, BEFORE, now)) == expected


@pytest.mark.parametrize(
    ("words", "now"),
    [
        ("replace Tuesday with Wednesday", BEFORE.replace("Tuesday", "Thursday")),
        ("replace Tuesday with Wednesday", BEFORE.replace("Tuesday", "Tuesdays")),
        ("replace Tuesday with Wednesday", BEFORE.replace("on Tuesday", "soon")),
        ("delete the second paragraph", BEFORE.replace("at noon", "at one")),
        ("delete the last word", BEFORE + "m"),
        ("insert hello after notes", BEFORE.replace("notes", "notes and pens")),
        ("insert hello after notes", BEFORE.replace("notes", "pens")),
        ("select Tuesday", BEFORE.replace("Tuesday", "Thursday")),
    ],
)
def test_an_edit_whose_scope_was_touched_is_not_moved(words: str, now: str) -> None:
    assert rebase(planned(BEFORE, words), BEFORE, now) is None


def test_all_edits_of_an_utterance_are_moved_or_none() -> None:
    edits = planned(BEFORE, "delete the last word, then replace Tuesday with Wednesday")
    assert len(edits) == 2
    assert made("Oh: " + BEFORE, rebase(edits, BEFORE, "Oh: " + BEFORE)) == made(
        "Oh: " + BEFORE, edits_in(edits)
    )
    assert rebase(edits, BEFORE, BEFORE.replace("Ada", "Eve")) is None


def edits_in(edits: list[Edit], shift: int = 4) -> list[Edit]:
    """The edits, so much further on."""
    return [
        Edit(tuple(Change(c.start + shift, c.old, c.new) for c in edit.changes), edit.before, edit.after)
        for edit in edits
    ]


def test_which_of_two_equal_words_was_deleted_is_not_guessed() -> None:
    text = "It was very very good, as we had hoped it would be."
    first = Change(7, "very", "quite")
    second = Change(12, "very", "quite")
    now = text.replace("very very", "very")
    for change in (first, second):
        assert rebase([Edit((change,), Selection(0, 0), Selection(0, 0))], text, now) is None


def test_the_same_word_in_another_text_is_not_the_same_place() -> None:
    edit = planned("Meet Ada on Tuesday in the yard at noon.", "replace Tuesday with Wednesday")
    assert (
        rebase(
            edit, "Meet Ada on Tuesday in the yard at noon.", "Sell the house, Tuesday or later, for cash."
        )
        is None
    )


def test_a_space_between_two_words_that_were_changed_is_not_the_same_space() -> None:
    text = "Meet Ada on Tuesday in the yard at noon, and bring a chair."
    edit = Edit((Change(4, " ", "\n"),), Selection(0, 0), Selection(0, 0))
    assert rebase([edit], text, text.replace("Meet Ada", "Call Bob")) is None
    assert rebase([edit], text, text.replace("chair", "stool")) is not None


def test_the_caret_after_a_moved_edit_is_where_it_was_meant_to_be() -> None:
    edits = planned(BEFORE, "select Tuesday")
    moved = rebase(edits, BEFORE, "Hello! " + BEFORE)
    assert moved is not None
    start = ("Hello! " + BEFORE).index("Tuesday")
    assert moved[-1].after == Selection(start, start + 7)


def test_a_text_window_that_begins_elsewhere_is_the_same_text() -> None:
    text = " ".join(f"word{number} stands here." for number in range(400))
    window, later = text[1000:5000], text[1400:5400]
    at = window.index("word90 ")
    edit = Edit((Change(at, "word90", "this"),), Selection(0, 0), Selection(0, 0))
    moved = rebase([edit], window, later)
    assert moved is not None
    assert moved[0].changes[0].start == at - 400


# --- carets and selections ---


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("Hello <>world", "Hello my <>world"),  # typed at the caret
        ("Hel<>lo", "Hell<>lo"),
        ("one two <>three", "one <>three"),  # deleted before it
        ("one <>two", "zero one <>two"),  # typed elsewhere
        ("a long line and <>some more", "along line and <>some more"),
        ("<>", "typed<>"),
        ("all gone<>", "<>"),  # a message that was sent
        ("keep [this one] here", "do keep [this one] here"),
        ("keep [this one] here", "keep [this one] right here"),
    ],
)
def test_a_caret_stays_with_its_text(before: str, now: str) -> None:
    text, selection = marked(before)
    then, expected = marked(now)
    assert moved_through(selection, text, then) == expected


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("keep [this one] here", "keep that one here"),
        ("keep [this one] here", "keep this very one here"),
        ("keep [this one] here", "keep  here"),
        ("one two<> three four five", "one five, six or seven"),
        ("a draft for Ada, about the house<>", "Bob likes sport on Sundays"),
    ],
)
def test_a_place_that_is_gone_is_not_guessed(before: str, now: str) -> None:
    text, selection = marked(before)
    assert moved_through(selection, text, now) is None


def marked(text: str) -> tuple[str, Selection]:
    if "<>" in text:
        at = text.index("<>")
        return text.replace("<>", ""), Selection(at, at)
    start, end = text.index("["), text.index("]") - 1
    return text.replace("[", "").replace("]", ""), Selection(start, end)


# --- for all texts ---


@given(texts(), texts())
@settings(max_examples=EXAMPLES)
def test_differences_lead_from_one_text_to_the_other(before: str, now: str) -> None:
    assert apply_changes(before, differences(before, now)) == now


@st.composite
def edited_twice(draw: st.DrawFn) -> tuple[str, list[Edit], str]:
    """A text, edits of it, and what somebody else made of it."""
    before = draw(texts())
    edits, text = [], before
    for _ in range(draw(st.integers(1, 3))):
        changes = draw(changes_of(text))
        here = Selection(len(text), len(text))
        text = apply_changes(text, changes)
        edits.append(Edit(changes, here, Selection(len(text), len(text))))
    return before, edits, apply_changes(before, draw(changes_of(before)))


@st.composite
def changes_of(draw: st.DrawFn, text: str) -> tuple[Change, ...]:
    places = sorted(draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=6)))
    pairs = list(zip(places[::2], places[1::2], strict=False))
    new = st.sampled_from(["", "x", " and so on", "very ", "\n", "\u0301", "🇩🇪"])
    changes = [Change(a, text[a:b], draw(new)) for a, b in pairs]
    return in_order(changes)


@given(edited_twice())
@settings(max_examples=EXAMPLES * 3)
def test_moved_edits_change_the_same_text_and_keep_what_was_typed(case: tuple[str, list[Edit], str]) -> None:
    before, edits, now = case
    moved = rebase(edits, before, now)
    if moved is None:
        return
    text, theirs = before, now
    for edit, placed in zip(edits, moved, strict=True):
        assert [(c.old, c.new) for c in placed.changes] == [(c.old, c.new) for c in edit.changes]
        text, theirs = apply_changes(text, edit.changes), apply_changes(theirs, placed.changes)
        assert 0 <= placed.after.start <= placed.after.end <= len(theirs)
    foreign = differences(before, now)
    assert len(theirs) - len(text) == sum(len(c.new) - len(c.old) for c in foreign)


@given(texts(), texts(), st.data())
@settings(max_examples=EXAMPLES)
def test_a_moved_selection_holds_the_same_text(before: str, now: str, data: st.DataObject) -> None:
    a, b = (data.draw(st.integers(0, len(before))) for _ in range(2))
    moved = moved_through(Selection(a, b), before, now)
    if moved is not None:
        assert 0 <= moved.start <= moved.end <= len(now)
        if a != b:
            assert before[min(a, b) : max(a, b)] in now[max(0, moved.start - 2) : moved.end + 10]


def test_nothing_changed_moves_nothing() -> None:
    edits = planned(BEFORE, "replace Tuesday with Wednesday")
    assert rebase(edits, BEFORE, BEFORE) == edits


def test_two_long_texts_without_anything_in_common_are_compared() -> None:
    before, now = "a b, c. " * 1000, "z. y; x " * 1000
    assert apply_changes(before, differences(before, now)) == now
    assert rebase(planned(before[:80], "delete the last word"), before, now) is None
