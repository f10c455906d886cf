"""Which text a selector means."""

from typing import Any

import pytest
import yaml

from voice_edit.caret_marks import read_marked
from voice_edit.compact import selector, selector_to_compact
from voice_edit.document import resolve, resolve_all
from voice_edit.errors import Ambiguous, NoMatch
from voice_edit.selectors import Exact, Quote, Unit


def means(before: str, compact: str) -> str:
    document = read_marked(before)
    span = resolve(document, selector(yaml.safe_load(compact)))
    return document.text[span.start : span.end]


@pytest.mark.parametrize(
    ("before", "compact", "text"),
    [
        ("one two<> three", "{word: this}", "two"),
        ("one two<> three", "{word: next}", "three"),
        ("one tw<>o three", "{word: previous}", "one"),
        ("one two three", "{word: last, count: 2}", "two three"),
        ("A b. C d! E f?", "{sentence: 2}", "C d!"),
        ("a\n\nb<>\nc", "{paragraph: this}", "b\nc"),
        ("# A\n\nx\n\n# B\n\ny", "{section: this, called: b}", "# B\n\ny"),
        ("a b\nc d", "{word: last, in: {line: first}}", "b"),
        ("A x. B y.", "{sentence: this, with: y}", "B y."),
        ("a b c d", "{from: b, to: c}", "b c"),
        ("a b c d", "{between: [a, d]}", "b c"),
        ("a b c d", "{everything_after: b}", "c d"),
        ("a b c d", "{span: [2, 5]}", "b c"),
        ("- milk\n- bread", "{item: last}", "bread"),
        ("foo bar<> foo", "{quote: foo, which: next}", "foo"),
        ("x\n- a\n- b<>\n\ny", "{list: this}", "- a\n- b"),
        ("ab [cd] ef", "{selection: this}", "cd"),
        ("Dr. Smith left. He ate.", "{sentence: 2}", "He ate."),
        ("a b, c d", "{word: first, after: b}", "c"),
        ("a b, c d", "{word: last, count: 2, before: d}", "b, c"),
        ("a b\nc d\ne", "{line: first, after: a}", "c d"),
        ("a b\nc d\ne", "{line: all, after: a, before: e}", "c d"),
        ("A b. C d. E.", "{sentence: first, after: {sentence: first}}", "C d."),
        ("a b a c\na d", "{word: first, after: a, in: {line: 2}}", "d"),
        ("one\n  \ntwo", "{blank_line: this}", "  "),
    ],
)
def test_a_selector_means_its_text(before: str, compact: str, text: str) -> None:
    assert means(before, compact) == text


def test_the_caret_never_decides_between_quotes_but_a_selection_does() -> None:
    document = read_marked("foo<> bar foo")
    with pytest.raises(Ambiguous) as caught:
        resolve(document, Quote(text="foo"))
    assert [(choice.start, choice.end) for choice in caught.value.choices] == [(0, 3), (8, 11)]
    document = read_marked("foo [bar foo]")
    assert resolve(document, Quote(text="foo")).start == 8


def test_every_names_all_places_and_the_last_word_of_every_line_one_in_each() -> None:
    document = read_marked("a b\nc d")
    assert len(resolve_all(document, Unit(unit="word", which="all"))) == 4
    each = Unit(unit="word", which=-1, within=Unit(unit="line", which="all"))
    assert [document.text[s.start : s.end] for s in resolve_all(document, each)] == ["b", "d"]


def test_a_neighbour_is_offered_for_each_place_of_the_quote_unless_it_is_the_same_one() -> None:
    document = read_marked("a brown dog, a brown cat\nand more")
    with pytest.raises(Ambiguous) as caught:
        resolve(document, selector({"word": "first", "after": "brown"}))
    assert [document.text[c.start : c.end] for c in caught.value.choices] == ["dog", "cat"]
    assert resolve(document, selector({"line": "first", "after": "brown"})).start == 25
    every = selector({"word": "first", "after": {"every": "brown"}})
    assert [document.text[s.start : s.end] for s in resolve_all(document, every)] == ["dog", "cat"]


def test_the_blank_line_is_the_one_at_the_caret_or_the_only_one() -> None:
    document = read_marked("a\n<>\nb\n\nc")
    assert resolve(document, Unit(unit="blank_line")).start == 2
    with pytest.raises(Ambiguous):
        resolve(document.select(6, 6), Unit(unit="blank_line"))
    assert len(resolve_all(document, Unit(unit="blank_line", which=1, count=2))) == 2


def test_what_is_not_there_says_what_nearly_is() -> None:
    with pytest.raises(NoMatch) as caught:
        means("the browser", "brown")
    assert caught.value.near == ("browser",)
    with pytest.raises(NoMatch):
        means("one two", "{word: 3}")


def test_a_span_inside_a_cluster_grows_to_its_borders() -> None:
    document = read_marked("a👨‍👩‍👧b")
    span = resolve(document, Exact(start=2, end=3))
    assert document.text[span.start : span.end] == "👨‍👩‍👧"


@pytest.mark.parametrize(
    "compact",
    [
        "brown",
        "{every: brown, in: {paragraph: 2}}",
        "{word: last, count: 2, in: {sentence: this}}",
        "{from: {caret: here}, to: {end_of: {line: this}}}",
        "{everything_before: {caret: here}}",
        "{section: this, called: Introduction}",
        "{to: brown}",
        "{word: first, after: brown}",
        "{from: {word: last, before: fox}, to: {line: 2, after: {sentence: this}}}",
        "{line: all, after: milk, before: salt, in: {list: this}}",
        "{blank_line: all}",
    ],
)
def test_the_compact_form_reads_what_it_writes(compact: str) -> None:
    data: Any = yaml.safe_load(compact)
    assert selector_to_compact(selector(data)) == data


@pytest.mark.parametrize(
    "compact",
    [
        "{}",
        "{word: 0}",
        "{nonsense: this}",
        "{word: last, of: x}",
        "{line: 1, called: x}",
        "{word: this, after: x}",
    ],
)
def test_a_senseless_selector_is_a_value_error(compact: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        selector(yaml.safe_load(compact))
