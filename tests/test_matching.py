"""Quotes match as people speak."""

import pytest

from voice_edit.matching import find_quote, near_misses


def places(text: str, quote: str) -> list[str]:
    return [text[start:end] for start, end in find_quote(text, quote)]


@pytest.mark.parametrize(
    ("text", "quote", "found"),
    [
        ("Hello, World", "hello world", ["Hello, World"]),
        ("the quick\nbrown fox", "quick brown", ["quick\nbrown"]),
        ("a naïve café", "naive cafe", ["naïve café"]),
        ("We need 12 eggs", "twelve", ["12"]),
        ("We need twelve eggs", "12", ["twelve"]),
        ("He wrote 1984 in 1948", "nineteen eighty four", ["1984"]),
        ("2,000 euros", "two thousand", ["2,000"]),
        ("It weighs 120 grams", "one hundred and twenty", ["120"]),
        ("3.5 hours", "three point five", ["3.5"]),
        ("50% off", "fifty percent", ["50%"]),
        ("the 3rd of May", "third of may", ["3rd of May"]),
        ("We cannot help", "can not", ["cannot"]),
        ("It is over", "it's over", ["It is over"]),
        ("don\u2019t", "do not", ["don\u2019t"]),
        ("Bob's car", "bob", ["Bob"]),
        ("print(userName)", "user name", ["userName"]),
        ("MAX_RETRIES", "max retries", ["MAX_RETRIES"]),
        ("salt & pepper", "salt and pepper", ["salt & pepper"]),
        ("foo, bar, foo", "foo", ["foo", "foo"]),
    ],
)
def test_what_is_said_is_found_however_it_is_written(text: str, quote: str, found: list[str]) -> None:
    assert places(text, quote) == found


@pytest.mark.parametrize(
    ("text", "quote"), [("cathedral", "cat"), ("1948", "nineteen"), ("twenty five", "five"), ("3.5", "three")]
)
def test_parts_of_words_and_numbers_are_not_found(text: str, quote: str) -> None:
    assert places(text, quote) == []


@pytest.mark.parametrize(
    ("text", "quote", "found"),
    [
        ("The bookshelf", "book shelf", ["bookshelf"]),
        ("an e-mail address", "email address", ["e-mail address"]),
    ],
)
def test_words_may_be_written_together_or_apart(text: str, quote: str, found: list[str]) -> None:
    assert places(text, quote) == found


@pytest.mark.parametrize(
    ("text", "quote", "found"),
    [
        ("Give it to John", "jon", ["John"]),
        ("not the right key", "write", ["right"]),
        ("the colour", "color", ["colour"]),
    ],
)
def test_what_sounds_alike_is_the_last_resort(text: str, quote: str, found: list[str]) -> None:
    assert places(text, quote) == found


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("brown fox and the lazy dog", "brown fox and lazy dog"),
        ("brown fox and lazy dog", "brown fox and the lazy dog"),
        ("colour of the sky", "color of sky"),
        ("the longer rope", "a longer rope"),
    ],
)
def test_no_word_is_left_out_by_ear(text: str, quote: str) -> None:
    assert places(text, quote) == []


def test_one_word_may_sound_like_two() -> None:
    assert places("Ask Katherine today", "kath ryn") == ["Katherine"]
    assert places("Ask Kath Ryn today", "katherine today") == ["Kath Ryn today"]


def test_an_exact_word_keeps_what_sounds_alike_away() -> None:
    assert places("There, their car is new", "their") == ["their"]


def test_the_name_of_a_mark_is_the_mark_unless_the_word_stands_there() -> None:
    assert places("a, b, 2,000", "comma") == [",", ","]
    assert places("The comma, here", "comma") == ["comma"]


def test_near_misses_come_best_first() -> None:
    assert near_misses("the browser and the crown", "brown")[0] in ("browser", "crown")
    assert near_misses("nothing like it", "zebra") == ()
