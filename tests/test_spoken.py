"""What spoken words are understood as. Most of it is in the golden cases; here are the grammar's promises."""

import random

import pytest
from edit_strategies import EXAMPLES, VOCABULARY
from hypothesis import given, settings
from hypothesis import strategies as st

from voice_edit.commands import Rewrite
from voice_edit.compact import one_line
from voice_edit.numbers import cardinal, digit_readings, ordinal
from voice_edit.spoken.grammar import parse
from voice_edit.spoken.phrases import RESERVED, phrases


def understood(words: str) -> str:
    parsed = parse(words)
    assert isinstance(parsed, list), parsed
    return one_line(parsed)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32))
def test_every_generated_phrase_is_a_command_with_any_capital_and_mark(seed: int) -> None:
    words = phrases(random.Random(seed), VOCABULARY)
    plain = parse(words)
    assert plain is not None, words
    written = parse(words[0].upper() + words[1:] + ".")
    assert type(written) is type(plain), words
    if isinstance(plain, list) and isinstance(written, list):
        assert [command.kind for command in written] == [command.kind for command in plain], words


def test_generated_phrases_reach_every_command() -> None:
    rng = random.Random(7)
    kinds: set[str] = set()
    for _ in range(3000):
        parsed = parse(phrases(rng, VOCABULARY))
        if isinstance(parsed, Rewrite):
            kinds.add("rewrite")
        elif parsed is not None:
            kinds.update(command.kind for command in parsed)
    assert kinds == {
        *("insert", "delete", "replace", "swap", "select", "go_to", "move", "duplicate", "case", "format"),
        *("heading", "list", "join", "split", "sort", "break", "undo", "redo", "correct", "save", "stop"),
        "rewrite",
    }


def test_generated_phrases_are_the_same_for_the_same_seed() -> None:
    assert [phrases(random.Random(5), VOCABULARY) for _ in range(3)] == [
        phrases(random.Random(5), VOCABULARY) for _ in range(3)
    ]
    assert "to" in RESERVED


@pytest.mark.parametrize(
    "prefix", ["please ", "Can you ", "could you please ", "Okay, ", "I'd like you to ", ""]
)
@pytest.mark.parametrize("suffix", ["", ".", " please", ", please."])
def test_politeness_and_final_marks_change_nothing(prefix: str, suffix: str) -> None:
    assert understood(f"{prefix}delete the last word{suffix}") == "[{delete: {word: last}}]"


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("capitalize the first word", "[{capitalise: {word: first}}]"),
        ("italicise hello", "[{italic: hello}]"),
        ("undo the last three changes", "[{undo: 3}]"),
        ("scratch that", "[undo]"),
        ("delete brown and then save", "[{delete: brown}, save]"),
        ('change "from to" to "to from"', "[{replace: {find: from to, with: to from}}]"),
        ("select from red to the end of the line", "[{select: {from: red, to: {end_of: {line: this}}}}]"),
        ("go back two words", "[{go_to: {before: {word: previous, count: 2}}}]"),
        ("delete the word after brown", "[{delete: {word: first, after: brown}}]"),
        ("delete two words before fox", "[{delete: {word: last, count: 2, before: fox}}]"),
        ("delete the second word before fox", "[{delete: {word: -2, before: fox}}]"),
        ("delete line below milk", "[{delete: {line: first, after: milk}}]"),
        ("delete the word after this", "[{delete: {word: first, after: this}}]"),
        ("delete the line after this", "[{delete: {line: first, after: {line: this}}}]"),
        ("select the line before last", "[{select: {line: last, before: {line: last}}}]"),
        ("select the two words after the caret", "[{select: {word: next, count: 2}}]"),
        ("delete the word brown after fox", "[{delete: brown after fox}]"),
        ("delete the empty line after brown", "[{delete: {blank_line: first, after: brown}}]"),
        ("move the line above salt below milk", "[{move: {line: last, before: salt}, to: {after: milk}}]"),
        (
            "insert sugar after the line below milk",
            "[{insert: sugar, at: {after: {line: first, after: milk}}}]",
        ),
        ("swap the first and last word", "[{swap: [{word: first}, {word: last}]}]"),
        ("add milk to the list", "[{insert: milk, at: {after: {item: last, in: {list: this}}}}]"),
    ],
)
def test_words_have_their_meaning(words: str, meaning: str) -> None:
    assert understood(words) == meaning


@pytest.mark.parametrize(
    "words",
    ["", ".", "the weather is nice today", "delete", "what time is it", "hello", "please", "brown", "…"],
)
def test_what_is_no_command_is_none_or_says_what_is_deleted(words: str) -> None:
    expected = "[{delete: {that: this}}]" if words == "delete" else "None"
    parsed = parse(words)
    assert (one_line(parsed) if isinstance(parsed, list) else str(parsed)) == expected


def test_a_rewrite_keeps_the_instruction_as_it_was_said() -> None:
    parsed = parse("Please translate the last sentence into German.")
    assert isinstance(parsed, Rewrite)
    assert parsed.instruction == "translate the last sentence into German"
    assert one_line(parsed) == (
        "{rewrite: {scope: {sentence: last}, instruction: translate the last sentence into German, "
        "style: Translate, language: German}}"
    )


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("zero", 0),
        ("twenty five", 25),
        ("a hundred", 100),
        ("two hundred and five", 205),
        ("three thousand and one", 3001),
        ("two million three hundred thousand", 2_300_000),
        ("one two", None),
        ("hundred thousand five million", None),
        ("42", 42),
    ],
)
def test_cardinals_have_their_value(words: str, value: int | None) -> None:
    assert cardinal(words.split()) == value


def test_ordinals_and_years_are_read() -> None:
    assert ordinal(["twenty", "first"]) == 21
    assert ordinal(["3rd"]) == 3
    assert "1984" in digit_readings(["nineteen", "eighty", "four"])


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from([*VOCABULARY, *sorted(RESERVED)]), max_size=14).map(" ".join)
)
def test_no_words_at_all_break_the_parser(words: str) -> None:
    parse(words)
