"""What an answer to "which one?" does to the commands: the same as having named the place at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from golden_cases import cases

from voice_edit import pipeline
from voice_edit.asking import chars_touched, choose
from voice_edit.caret_marks import read_marked, write_marked
from voice_edit.commands import AnyCommand, Delete, Format, Insert, from_json, to_json
from voice_edit.document import Document
from voice_edit.editor import Editor
from voice_edit.edits import Change, Edit, Selection
from voice_edit.errors import Ambiguous, NeedsWriter, NoMatch, VoiceEditError
from voice_edit.selectors import Edge, Quote, Whole


def answered(
    document: Document, commands: Sequence[AnyCommand], answers: Sequence[int]
) -> tuple[Document, tuple[AnyCommand, ...]]:
    """Perform the commands, answering each question in turn; every answer must be asked for."""
    commands = tuple(commands)
    for index in answers:
        with pytest.raises(Ambiguous) as caught:
            Editor(document).perform(commands)
        chosen = choose(commands, caught.value, index)
        assert chosen is not None
        commands = chosen
    editor = Editor(document)
    editor.perform(commands)
    return editor.document, commands


def said(words: str) -> tuple[AnyCommand, ...]:
    return pipeline.understand(words, mode="edit").commands


# say, before, answers, after
TABLE = [
    # words that are quoted
    ("delete foo", "a foo b foo c<>", [0], "a b foo c<>"),
    ("delete foo", "a foo b foo c<>", [1], "a foo b c<>"),
    ("select foo", "foo a foo<>", [1], "foo a [foo]"),
    ("go to foo", "foo a foo<>", [1], "foo a <>foo"),
    ("replace the cat with the dog", "A cat sat by a cat.<>", [1], "A cat sat by a dog.<>"),
    ("make foo bold", "foo and foo<>", [0], "**foo** and foo<>"),
    # places to insert at
    ("insert eggs after milk", "milk bread milk too<>", [0], "milk eggs bread milk too<>"),
    ("insert eggs before milk", "milk bread milk too<>", [1], "milk bread eggs milk too<>"),
    ("insert eggs after the line with milk", "milk\na\nmilk b\n<>", [0], "milk\neggs\na\nmilk b\n<>"),
    ("new paragraph after foo", "A foo is foo now.<>", [1], "A foo is foo\n\nnow.<>"),
    # units that hold something, stand beside something, are called something
    ("delete the line with milk", "milk\nbread\nmilk too\n<>", [0], "bread\nmilk too\n<>"),
    ("delete the item with milk", "- milk\n- bread\n- milk too\n<>", [1], "- milk\n- bread\n<>"),
    ("delete the paragraph with foo", "A foo.\n\nB foo.\n\nC.<>", [0], "B foo.\n\nC.<>"),
    ("delete the section called intro", "# Intro\n\na\n\n# Intro\n\nb\n<>", [1], "# Intro\n\na\n<>"),
    ("delete the word after foo", "foo a bar foo b bar<>", [1], "foo a bar foo bar<>"),
    ("delete the two words after foo", "foo a bar. foo b bar<>", [0], "foo. foo b bar<>"),
    ("delete the line below milk", "milk\na\nmilk\nb\n<>", [0], "milk\nmilk\nb\n<>"),
    ("delete the blank line", "a\n\nb\n\nc<>\n", [1], "a\n\nb\nc<>\n"),
    ("sort the list with c", "- c\n- a\n\nx\n\n- c\n- b<>", [0], "- a\n- c\n\nx\n\n- c\n- b<>"),
    # where they are looked for
    ("delete the last word of the line with foo", "foo a\nbar\nfoo b<>", [0], "foo\nbar\nfoo b<>"),
    ("delete foo in the line with bar", "foo bar foo\nbar foo<>", [0, 1], "foo bar\nbar foo<>"),
    ("delete foo in the line with bar", "foo bar foo\nbar foo<>", [1], "foo bar foo\nbar<>"),
    # the ends of a stretch
    ("delete from foo to bar", "foo a bar foo b bar<>", [1], "foo a bar<>"),
    ("delete everything after foo", "foo a bar. foo b bar<>", [1], "foo a bar. foo<>"),
    # two places in one command
    ("swap foo and bar", "foo bar foo bar<>", [0, 1], "bar bar foo foo<>"),
    ("swap foo and foo", "foo x foo<>", [0, 1], "foo x foo<>"),
    ("move foo after bar", "foo bar foo bar<>", [0, 0], "bar foo foo bar<>"),
    ("move the line with milk to the top", "a\nmilk\nb\nmilk c<>", [1], "milk c<>\na\nmilk\nb"),
    # corrections
    ("I meant Wednesday not Tuesday", "Tuesday or Tuesday.<>", [1], "Tuesday or Wednesday.<>"),
]  # fmt: skip


@pytest.mark.parametrize(("say", "before", "answers", "after"), TABLE)
def test_the_chosen_place_is_the_one_that_was_meant(
    say: str, before: str, answers: list[int], after: str
) -> None:
    document, commands = answered(read_marked(before), said(say), answers)
    assert write_marked(document) == after
    assert tuple(from_json(to_json(commands))) == commands


@pytest.mark.parametrize(
    ("asked", "named", "before"),
    [
        ("delete {}foo", "the {} foo", "Foo is here, foo there. A foo, and\nfoo\n\nfoo foo.<>"),
        ("delete the {}line with a", "the {} line with a", "- a\n- b\n- a b\n\nx a\n<>"),
        ("make the {}sentence with x bold", "the {} sentence with x", "An x. A y. One x, two x? X!<>"),
        ("capitalise {}foo", "the {} foo", "a foo. “foo” (foo) foo<>"),
    ],
)
def test_choosing_the_nth_is_saying_the_nth(asked: str, named: str, before: str) -> None:
    document = read_marked(before)
    with pytest.raises(Ambiguous) as caught:
        Editor(document).perform(said(asked.format("")))
    places = len(caught.value.choices)
    assert places > 2
    names = ["first", "second", "third", "fourth", "fifth", "sixth"]
    for index in range(places):
        directly = said(asked.replace("the {}", "{}").format(f"the {names[index]} "))
        editor = Editor(document)
        editor.perform(directly)
        assert answered(document, said(asked.format("")), [index])[0] == editor.document


def test_each_command_of_an_utterance_is_asked_about_in_the_text_the_ones_before_left() -> None:
    commands = (
        Insert(text="a longer beginning,", at=Edge(side="start", of=Whole())),
        Delete(what=Quote(text="foo")),
        Format(style="bold", what=Quote(text="bar")),
    )
    before = read_marked("x foo bar foo bar<>")
    document, chosen = answered(before, commands, [1, 0])
    assert document.text == "a longer beginning, x foo **bar** bar"
    assert chosen[0] == commands[0]


def test_what_is_asked_shows_the_document_in_which_the_places_are() -> None:
    commands = (Delete(what=Quote(text="x")), Delete(what=Quote(text="foo")))
    with pytest.raises(Ambiguous) as caught:
        Editor(read_marked("x foo foo<>")).perform(commands)
    error = caught.value
    assert error.command == 1
    assert [error.document.text[choice.start : choice.end] for choice in error.choices] == ["foo", "foo"]


def test_new_text_for_one_of_several_places_still_needs_a_writer() -> None:
    commands = said("rewrite the sentence with foo")
    with pytest.raises(NeedsWriter):
        answered(read_marked("A foo. B foo.<>"), commands, [1])


def test_the_same_place_twice_is_refused_as_if_it_had_been_said() -> None:
    with pytest.raises(NoMatch, match="overlap"):
        answered(read_marked("foo x foo<>"), said("swap foo and foo"), [0, 0])


def test_an_error_that_does_not_tell_its_selector_chooses_nothing() -> None:
    with pytest.raises(Ambiguous) as caught:
        Editor(read_marked("foo foo<>")).perform(said("delete foo"))
    known = caught.value
    assert choose(said("delete bar"), known, 0) is None
    with pytest.raises(IndexError):
        choose(said("delete foo"), known, 2)
    known.selector = None
    assert choose(said("delete foo"), known, 0) is None


def ends(document: Document, commands: tuple[AnyCommand, ...], depth: int = 0) -> Iterator[object]:
    """What becomes of the commands by every way of answering."""
    assert depth < 6, "the same thing is asked again and again"
    editor = Editor(document)
    try:
        editor.perform(commands)
        yield editor.document
    except Ambiguous as error:
        for index in range(len(error.choices)):
            chosen = choose(commands, error, index)
            assert chosen is not None
            assert chosen != commands
            yield from ends(document, chosen, depth + 1)
    except VoiceEditError as error:
        yield error


def test_every_golden_case_that_is_ambiguous_can_be_answered() -> None:
    asked = 0
    for name, case in cases():
        if not isinstance(case["say"], str) or case.get("mode") == "dictate":
            continue
        try:
            commands = said(case["say"])
        except VoiceEditError:
            continue
        document = read_marked(case["before"])
        try:
            Editor(document).perform(commands)
        except Ambiguous:
            outcomes = list(ends(document, commands))
            asked += 1
            assert len(outcomes) > 1, name
        except VoiceEditError:
            pass
    assert asked > 10


def test_only_what_was_there_counts_as_touched() -> None:
    caret = Selection(0, 0)
    edits = [
        Edit((Change(0, "abc", ""), Change(9, "", "much new text")), caret, caret),
        Edit((Change(2, "de", "xyz"),), caret, caret),
    ]
    assert chars_touched(edits) == 5
    assert chars_touched([]) == 0
