"""Passages in pieces, what a model is shown of a document, and which style is meant."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voice_edit.rewriting import passages, requests, styles

QUIET = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
LINES = st.sampled_from(
    ["# Head", "", "- one item", "  - two", "1. three", "Prose that goes on. And on!", "Prose again", "```",
     "x = 1", "> quoted words", "| a | b |", "---", "   ", "and a short end.",
     "A rather long line of a paragraph that was broken by width,",
     "whose second line is about as long as the first line was,"]
)  # fmt: skip
TEXTS = st.lists(LINES, max_size=20).map("\n".join)


@QUIET
@given(TEXTS, st.integers(20, 300), st.booleans())
def test_pieces_that_nobody_changes_make_the_passage_again(text: str, most: int, prose_only: bool) -> None:
    pieces = passages.by_paragraph(text, most, prose_only=prose_only)
    same = passages.together(pieces, [piece.text for piece in pieces if piece.is_asked])
    assert same.split() == text.split()
    assert same.count("\n\n") == text.count("\n\n")


@QUIET
@given(TEXTS, st.integers(20, 300))
def test_pieces_without_unwrapped_lines_are_the_passage_to_the_letter(text: str, most: int) -> None:
    pieces = passages.by_paragraph(text, most, prose_only=False)
    if all(piece.width is None for piece in pieces):
        assert "".join(piece.text for piece in pieces) == text


@QUIET
@given(TEXTS)
def test_what_a_model_of_prose_gets_has_no_marks_and_no_code(text: str) -> None:
    for piece in passages.by_paragraph(text, 200, prose_only=True):
        if piece.is_asked:
            assert not piece.text.startswith(("#", "- ", "> ", "|", "```", "1. "))
            assert piece.text == piece.text.strip()
            assert piece.text


def asked(text: str) -> list[str]:
    return [piece.text for piece in passages.by_paragraph(text, 400, prose_only=True) if piece.is_asked]


@pytest.mark.parametrize(
    "kept",
    [
        "````md\n```\ncode it\n```\nmore\n````", "~~~\n```\ncode it\n~~~", "```py\nx = 1\n```py\ny\n```",
        "    indented code", "\tindented = 1\n\n\tand_more()", "| a | b |\n|---|---|\n| c | d |",
        "a | b\n--- | ---\nc | d", "<div class=x>", "<!-- a remark -->", "[a]: https://x.org", "[^1]: https://x.org",
        "$$", "***", "===",
    ],
)  # fmt: skip
def test_what_is_no_prose_never_reaches_a_model_of_prose(kept: str) -> None:
    assert asked(f"Before.\n\n{kept}\n\nBehind.") == ["Before.", "Behind."]
    pieces = passages.by_paragraph(f"Before.\n\n{kept}\n\nBehind.", 400, prose_only=True)
    assert passages.together(pieces, ["A.", "B."]) == f"A.\n\n{kept}\n\nB."


def test_settings_at_the_top_of_a_document_stay() -> None:
    assert asked("---\ntitle: My trip\ntags: [a]\n---\n\nWe go.") == ["We go."]
    assert asked("---\n\nWe go.\n\n---\n\nWe stay.") == ["We go.", "We stay."]


def test_what_belongs_to_a_list_is_no_code() -> None:
    text = "- one\n\n    goes on here\n- two\n    - three"
    assert asked(text) == ["one", "goes on here", "two", "three"]


def test_lines_of_a_verse_stay_lines_and_a_ragged_paragraph_is_one_line() -> None:
    assert asked("Roses are red\nviolets are blue") == ["Roses are red", "violets are blue"]
    hard = "This line is long enough to be a paragraph.  \nThis one is broken on purpose, by blanks."
    pieces = passages.by_paragraph(hard, 400, prose_only=True)
    assert passages.together(pieces, ["A", "B"]) == "A  \nB"
    ragged = (
        "A very long line of prose that goes on and on until here\nshort\nand a longer one that ends it all."
    )
    assert asked(ragged) == [ragged.replace("\n", " ")]


def test_code_is_never_asked_about() -> None:
    pieces = passages.by_paragraph("Before.\n\n```\nx = 1\n\ny = 2\n```\n\nBehind.", 20, prose_only=False)
    assert [piece.text for piece in pieces if piece.is_asked] == ["Before.", "Behind."]


def test_a_paragraph_that_was_broken_by_width_is_one_line_to_the_model_and_broken_again() -> None:
    text = "\n".join(["word " * 11 + "words", "word " * 11 + "words", "and the end."])
    (piece,) = passages.whole(text)
    assert "\n" not in piece.text
    assert passages.together([piece], [piece.text]) == text
    longer = passages.together([piece], [piece.text.replace("and", "and also")])
    assert max(map(len, longer.split("\n"))) <= 60


def test_lines_of_an_address_stay_lines() -> None:
    address = "Ada Lovelace\n12 St James's Square\nLondon"
    assert passages.whole(address)[0].text == address


def test_a_long_paragraph_is_cut_between_its_sentences() -> None:
    text = "First one is here. " * 10
    pieces = passages.by_paragraph(text.strip(), 60, prose_only=True)
    assert all(piece.text.endswith(".") and len(piece.text) <= 60 for piece in pieces if piece.is_asked)
    assert "".join(piece.text for piece in pieces) == text.strip()


def test_answers_must_be_as_many_as_pieces() -> None:
    pieces = passages.whole(" a ")
    with pytest.raises(ValueError, match="fewer"):
        passages.together(pieces, [])
    with pytest.raises(ValueError, match="more"):
        passages.together(pieces, ["a", "b"])


def test_items_become_sentences_where_points_are_made_of_them() -> None:
    assert passages.as_prose("# Plan\n- we go\n- we stay!\n\nEnd.") == "Plan. we go. we stay!\n\nEnd."


# --- what is shown of the document --------------------------------------------------------------------------


@QUIET
@given(st.integers(0, 500), st.integers(0, 80), st.integers(50, 2000), st.integers(0, 500))
def test_the_window_is_a_part_of_the_text_no_longer_than_allowed(
    start: int, length: int, most: int, caret: int
) -> None:
    text = "\n".join(f"Line {n} says something." for n in range(25))
    start, caret = min(start, len(text)), min(caret, len(text))
    end = min(start + length, len(text))
    window = requests.window_around(text, start, end, most, caret)
    assert window in text
    assert len(window) <= most
    if len(text) <= most:
        assert window == text


def test_near_the_caret_the_window_is_the_one_that_was_shown_ahead() -> None:
    text = "\n".join(f"Line {n} says something." for n in range(200))
    caret = text.index("Line 100")
    ahead = requests.window_around(text, caret, caret, 800, caret)
    assert requests.window_around(text, caret + 20, caret + 60, 800, caret) == ahead


def test_no_window_is_shown_where_none_is_wanted() -> None:
    assert requests.window_around("some text", 0, 4, 0) == ""


# --- styles -------------------------------------------------------------------------------------------------


def test_the_eight_styles_are_there_and_complete() -> None:
    names = [style.name for style in styles.styles()]
    assert names == [
        "Formal",
        "Short",
        "Long",
        "Key points",
        "Simple",
        "Friendly",
        "Fix grammar",
        "Translate",
    ]
    for style in (*styles.styles(), styles.free()):
        assert style.instruction.endswith(".")
        assert 0 <= style.length[0] <= 1 <= style.length[1]
        assert ("{language}" in style.instruction) is style.needs_language


def test_nothing_that_people_say_means_two_styles() -> None:
    said = [word for style in styles.styles() for word in (*style.said, *style.verbs)]
    assert len(said) == len(set(said))


@pytest.mark.parametrize(
    ("said", "style", "language"),
    [
        ("more formal", "Formal", None), ("in a much more formal way", "Formal", None),
        ("a little bit shorter", "Short", None), ("into German", "Translate", "German"),
        ("to deutsch", "Translate", "German"), ("as a list of key points", "Key points", None),
        ("a friendlier tone", "Friendly", None), ("less formal", "Friendly", None),
    ],
)  # fmt: skip
def test_a_style_is_known_by_what_people_say(said: str, style: str, language: str | None) -> None:
    assert styles.meant_by(said.lower().split()) == styles.Meant(style, language)


@pytest.mark.parametrize("said", ["a poem", "formal and in german", "to something simple else", "", "german"])
def test_anything_else_is_a_wish_in_free_words(said: str) -> None:
    assert styles.meant_by(said.split()) is None


@pytest.mark.parametrize("name", ["key points", "Key-Points", "KEY_POINTS"])
def test_a_style_may_be_written_in_any_way(name: str) -> None:
    found = styles.named(name)
    assert found is not None
    assert found.name == "Key points"
    assert styles.named("loud") is None
