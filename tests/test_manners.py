"""What may be changed in dictated words, measured on sentences that must stay and sentences that must not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.manners import OPTIONS, PARTS, Part, altered, sentences_of, that_change, that_stay, words_only
from engine.training.texts import corpus
from voice_edit.config import DictationSettings
from voice_edit.manners.corrections import corrected
from voice_edit.manners.fillers import without_fillers
from voice_edit.manners.manners import AS_HEARD, USUAL, Manners, manners_for
from voice_edit.manners.mark_names import NAMES
from voice_edit.manners.punctuation import punctuated
from voice_edit.manners.said import Cut, with_cuts, words_of
from voice_edit.manners.wording import tidied


@pytest.mark.parametrize("part", PARTS)
def test_at_most_one_correct_sentence_in_a_hundred_is_altered(part: Part) -> None:
    stay = that_stay(part)
    broken = {line: changes for line in stay if (changes := altered(line, USUAL))}
    assert len(broken) <= len(stay) / 100, broken


def test_no_correct_sentence_is_altered_by_corrections() -> None:
    stay = [line for part in PARTS for line in that_stay(part)]
    assert [line for line in stay if altered(line, OPTIONS["corrections"])] == []


@pytest.mark.parametrize("part", PARTS)
def test_what_must_be_changed_is_changed_in_the_one_right_way(part: Part) -> None:
    wrong = {
        heard: new
        for heard, written in that_change(part)
        if (new := tidied(heard, manners=USUAL).text) != written
    }
    assert len(wrong) <= len(that_change(part)) / 50, wrong


def test_the_evaluation_set_is_large_and_says_nothing_twice() -> None:
    stay = [line for part in PARTS for line in that_stay(part)]
    change = [heard for part in PARTS for heard, _ in that_change(part)]
    assert len(stay) == len(set(stay)) >= 500
    assert len(change) == len(set(change)) >= 220
    assert not set(stay) & set(change)


def test_a_part_of_the_set_is_of_use_only_if_the_rules_have_something_to_do_in_it() -> None:
    every_name_a_mark = OPTIONS["spoken_marks = all"]
    for part in PARTS:
        assert len([line for line in that_stay(part) if altered(line, every_name_a_mark)]) > 30


def test_words_only_is_what_a_recogniser_without_marks_writes() -> None:
    assert words_only("“No, wait,” she said, “it is five.”") == "No wait she said it is five."


def test_random_sentences_of_the_recognisers_own_kind_stay() -> None:
    said = {text for text in corpus(7, 1500) if not any(f" {' '.join(n.words)}" in text for n in NAMES)}
    changed = [text for text in said if tidied(text).text != text]
    assert [
        text for text in changed if not {" the the ", " a a ", " an an "} & {f" {text.lower()} "}
    ] == changed
    assert len(changed) <= len(said) / 100, changed


def test_sentences_of_a_text_are_found_across_lines() -> None:
    assert list(sentences_of("One two\nthree. Four five.\n\nSix seven.")) == [
        "One two three.", "Four five.", "Six seven."
    ]  # fmt: skip


# --- options ------------------------------------------------------------------------------------------------

FULL = "Um, dear Anna comma see you on Monday, no wait, Tuesday."


@pytest.mark.parametrize(
    ("option", "written"),
    [
        ("fillers", "Dear Anna comma see you on Monday, no wait, Tuesday."),
        ("spoken_marks", "Um, dear Anna, see you on Monday, no wait, Tuesday."),
        ("corrections", "Um, dear Anna comma see you on Tuesday."),
        ("usual", "Dear Anna, see you on Tuesday."),
    ],
)
def test_each_option_changes_its_own_words(option: str, written: str) -> None:
    assert tidied(FULL, manners=OPTIONS[option]).text == written


def test_as_heard_changes_nothing() -> None:
    assert tidied(FULL, manners=AS_HEARD).text == FULL


def test_the_defaults_of_the_settings_are_the_usual_manners() -> None:
    assert manners_for(DictationSettings()) == USUAL == Manners()


def test_without_capitals_a_spoken_line_end_asks_for_none_either() -> None:
    said = "first part new line second part new paragraph third part"
    off = replace(USUAL, capitals="off")
    assert tidied(said, manners=off).text == "first part\nsecond part\n\nthird part"
    assert tidied(said).text == "first part\nSecond part\n\nThird part"


def test_names_keep_their_capitals_word_by_word() -> None:
    chosen = manners_for(DictationSettings(), names=["Kubernetes", "Ada Lovelace"])
    assert chosen.names == {"Kubernetes", "Ada", "Lovelace"}


def test_a_profile_adds_its_rules_to_what_the_user_set() -> None:
    class Profile:
        capitals = "off"
        final_mark = "drop"
        trailing_space = "never"

    chosen = manners_for(DictationSettings(fillers=False), Profile())  # type: ignore[arg-type]
    assert chosen == replace(USUAL, fillers=False, capitals="off", final_mark="drop", trailing_space="never")


def test_an_utterance_of_which_nothing_would_be_left_stays() -> None:
    assert [tidied(words).text for words in ("Um.", "Um, uh.", "Scratch that.", "Uh")] == [
        "Um.", "Um, uh.", "Scratch that.", "Uh",
    ]  # fmt: skip


def test_whether_the_last_mark_was_said_is_told() -> None:
    assert tidied("See you full stop.").ends_with_said_mark
    assert not tidied("See you.").ends_with_said_mark
    assert not tidied("A comma and a full stop.").ends_with_said_mark


def test_every_name_of_a_mark_works_where_all_are_marks() -> None:
    for name in NAMES:
        if name.sure != "pair":
            new = punctuated(f"one {' '.join(name.words)} two", everywhere=True).text
            assert name.mark in new, name
            assert name.words[0] not in new.split(), name


def test_each_opening_mark_has_a_name_that_closes_it() -> None:
    closing = {name.mark for name in NAMES if name.sure == "pair" and not name.partner}
    assert {name.partner for name in NAMES if name.partner} == closing
    kinds = (
        {"behind", "before", "between", "apart", "break"},
        {"mark", "noun", "joint", "pair", "number", "never"},
    )
    assert {name.stands for name in NAMES} == kinds[0]
    assert {name.sure for name in NAMES} == kinds[1]


# --- certainty ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "“On Tuesday, no wait, Wednesday,” it says.",
        "He told me to come on Tuesday, no wait, Wednesday.",
        "Let's meet Tuesday no wait Wednesday is better.",
        "I saw the dog, no wait, the cat was there.",
        "Let's go to the park, no wait, it is raining.",
        "When I say Tuesday, I mean Wednesday.",
        "It is not on Tuesday, no, on Wednesday.",
        "There is no wait on Tuesday.",
        "The line “on Tuesday, no wait, Wednesday” is funny.",
        "We are two, no, three is a crowd.",
        "I like Paris, I mean, Paris!",
        "Five, I mean, five!",
    ],
)
def test_what_may_be_meant_so_is_not_taken_back(words: str) -> None:
    assert corrected(words) == words


def test_a_chain_of_corrections_ends_with_the_last_word() -> None:
    assert corrected("On Monday, no wait, Tuesday, no wait, Friday.") == "On Friday."


@pytest.mark.parametrize(
    "words",
    [
        "Send me comma separated values please.",
        "He has had colon cancer.",
        "Il comma tre dell'articolo è chiaro.",
        "“Dear Anna comma” is what it heard.",
        "New Line Cinema made it.",
        "They like period dramas.",
    ],
)
def test_a_name_that_may_be_a_word_stays_one(words: str) -> None:
    assert punctuated(words).text == words


def test_other_languages_keep_their_um() -> None:
    for words in ("Wir kommen um acht Uhr.", "Ele tem um carro.", "Um, dois, três."):
        assert without_fillers(words) == words


# --- properties ---------------------------------------------------------------------------------------------

PIECES = [
    *(
        "um",
        "uh",
        "the",
        "the",
        "I",
        "I",
        "no",
        "wait",
        "sorry",
        "mean",
        "scratch",
        "that",
        "comma",
        "period",
    ),
    *(
        "full",
        "stop",
        "new",
        "line",
        "paragraph",
        "quote",
        "unquote",
        "open",
        "close",
        "Tuesday",
        "Wednesday",
    ),
    *("five", "six", "Anna,", "Bob.", "and", "on", "on", "question", "mark,", "“no", "wait”", "p.m."),
]
UTTERANCES = st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map(" ".join)


@given(UTTERANCES, st.sampled_from(["off", "certain", "all"]), st.booleans())
def test_whatever_is_said_something_is_written_and_spaces_are_single(
    words: str, marks: str, behind_word: bool
) -> None:
    manners = replace(USUAL, spoken_marks=marks)  # type: ignore[arg-type]
    new = tidied(words, manners=manners, behind_word=behind_word).text
    assert new
    assert "  " not in new
    assert " \n" not in new
    assert new == new.strip(" ")


@given(st.text(max_size=60))
def test_text_that_names_nothing_stays_as_it_is(text: str) -> None:
    assert tidied(text, manners=replace(USUAL, fillers=False)).text == text


@given(st.text(max_size=40))
def test_words_know_where_they_stand(text: str) -> None:
    for word in words_of(text):
        assert text[word.start : word.end] == word.lead + word.core + word.trail


def test_of_two_cuts_that_overlap_the_first_counts() -> None:
    assert with_cuts("one two three four", [Cut(0, 8), Cut(4, 14), Cut(14, 18, "4")]) == "three 4"
