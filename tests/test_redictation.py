"""Passages said again: what is put right, what is left alone, and what is never taken for one."""

from __future__ import annotations

import random

import pytest

from voice_edit.caret_marks import read_marked
from voice_edit.commands import AnyCommand, Replace
from voice_edit.document import apply
from voice_edit.edits import Document
from voice_edit.recent import Said
from voice_edit.redictation import commands
from voice_edit.selectors import Exact

TEXT = (
    "We walked over the old bridge on Tuesday. It was raining, and the *river* was high. "
    "The plumber came at nine o'clock with 12 pipes for Anna's kitchen."
)


def put_right(text: str, words: str, *, said: tuple[Said, ...] = ()) -> str | None:
    """The text with the passage put right; None if nothing resembles the words."""
    document = read_marked(text) if "<>" in text else Document.at_end(text)
    found = commands(document, words, said=said)
    for command in found:
        document = apply(document, command).apply_to(document)  # type: ignore[arg-type]
    return document.text if found else None


@pytest.mark.parametrize(
    ("words", "old", "new"),
    [
        ("the green bridge on Thursday", "old bridge on Tuesday", "green bridge on Thursday"),
        ("The green bridge on Thursday.", "old bridge on Tuesday", "green bridge on Thursday"),
        ("and the river was low", "high", "low"),
        ("the river was very high", "was high", "was very high"),
        ("walked over the bridge on Tuesday", "the old bridge", "the bridge"),
        ("It was snowing and the river was high", "raining", "snowing"),
        ("A plumber came at nine", "The plumber", "A plumber"),
        ("An old bridge on Tuesday", "the old", "an old"),
        ("the plumber came at ten o'clock with twelve pipes", "nine", "ten"),
        ("with fourteen pipes", "12", "14"),
        ("pipes for Emma's kitchen", "Anna", "Emma"),
        ("bridge on Wednesday", "Tuesday", "Wednesday"),
    ],
)
def test_only_what_differs_is_replaced(words: str, old: str, new: str) -> None:
    assert put_right(TEXT, words) == TEXT.replace(old, new)


@pytest.mark.parametrize(
    "words",
    [
        "hello world how are you",
        "the old bridge on Tuesday",  # it is there already
        "The old bridge, on Tuesday!",
        "Thursday",
        "stone bridge",
        "on a",
        "it was the best of times",
        "with the for and of",
        "a green door in Thursday's house",
        "we should buy some milk and bread",
        " ".join(["word"] * 60),
        "...",
    ],
)
def test_what_resembles_nothing_is_no_passage_said_again(words: str) -> None:
    assert put_right(TEXT, words) is None


def test_of_two_the_one_said_last_is_meant() -> None:
    text = "We meet on Tuesday at noon. They meet on Tuesday at noon.<>"
    first, second = (text.index("meet"), text.index("meet") + 23), (text.rindex("meet"), len(text) - 2)
    assert put_right(text, "meet on Friday at noon", said=(Said((first,)), Said((second,)))) == (
        "We meet on Friday at noon. They meet on Tuesday at noon."
    )


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("a red door, a red door<>", "a red door, a blue door"),
        ("<>a red door, a red door", "a blue door, a red door"),
    ],
)
def test_else_the_one_nearest_to_the_caret(text: str, after: str) -> None:
    assert put_right(text, "a blue door") == after


def test_the_commands_name_places_that_hold_while_they_are_carried_out() -> None:
    found = commands(Document.at_end(TEXT), "the green bridge on Thursday")
    places = [
        command.find.start
        for command in found
        if isinstance(command, Replace) and isinstance(command.find, Exact)
    ]
    assert len(places) == 2
    assert places == sorted(places, reverse=True)


def test_an_empty_text_resembles_nothing() -> None:
    assert commands(Document.at_end(""), "the green bridge") == ()


def test_every_place_of_a_long_text_is_found() -> None:
    chosen = random.Random(5)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(chosen.choices(letters, k=6)) for _ in range(1100)]
    document = Document.at_end(" ".join(words))
    assert len(document.text) < 8000
    for at in (0, 500, 1090):
        said = [*words[at : at + 4], "something", *words[at + 5 : at + 9]]
        found: tuple[AnyCommand, ...] = commands(document, " ".join(said))
        (command,) = found
        assert apply(document, command).changes[0].old == words[at + 4]  # type: ignore[arg-type]
