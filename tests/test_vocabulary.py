"""Names that were misheard become what was meant; what was heard rightly stays."""

# ruff: noqa: RUF001  (names and quotation marks are what this file is about)

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import names as measured
from engine.terms import usable
from voice_edit.commands import Insert, Replace
from voice_edit.spoken import grammar
from voice_edit.vocabulary.entries import Entries, Phrase, Word
from voice_edit.vocabulary.lexicon import is_known_name, is_ordinary
from voice_edit.vocabulary.matcher import folded
from voice_edit.vocabulary.names import MOST_NAMES, names_in
from voice_edit.vocabulary.sounds import distance, phones
from voice_edit.vocabulary.vocabulary import MOST_TERMS, Vocabulary

SIGNATURE = "Kind regards,\nSiobhan"
MINE = Vocabulary(
    Entries(
        words=(
            Word("GitLab"),
            Word("Siobhan", ("shavon", "she von")),
            Word("Kafka"),
            Word("Postgres"),
            Word("TypeScript"),
            Word("Ingrid"),
            Word("Reed"),
            Word("Rust"),
            Word("US"),
            Word("Łukasz"),
            Word("Ada Lovelace"),
        ),
        replacements=(
            Phrase("new line and dash", "\n- "),
            Phrase("my email", "siobhan@example.com"),
            Phrase("btw", "by the way"),
            Phrase("arrow", "→"),
            Phrase("smiley", " :-)"),
        ),
        snippets=(Phrase("my signature", SIGNATURE), Phrase("quote", '“always” «say» "hello"')),
    )
)
LETTER = "Dear Jon Smith, the Voxelizer uses readConfig, says Anneliese Müller. The Voxelizer is new."


# --- names of the user's -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("I asked shavon about it.", "I asked Siobhan about it."),
        ("She von came, and Shavon's friend.", "Siobhan came, and Siobhan's friend."),
        ("Push it to git lab.", "Push it to GitLab."),
        ("gitlab's runner", "GitLab's runner"),
        ("It is cafka or Kavka.", "It is Kafka or Kafka."),
        ("Post grass keeps it.", "Postgres keeps it."),
        ("Ask lukasz.", "Ask Łukasz."),
        ("typescript and type script", "TypeScript and TypeScript"),
        ("He met ayda lovelace.", "He met Ada Lovelace."),
    ],
)
def test_what_is_spelled_or_sounds_like_a_name_is_written_as_it(heard: str, meant: str) -> None:
    assert MINE.correct(heard) == meant


@pytest.mark.parametrize(
    "words",
    [
        "I read the book by the reed.",
        "The rust on the gate tells us little.",
        "We placed it in grid cells.",
        "The git. Lab work is fun.",
        "The post, grass and all.",
        "Ask Ingrid, Reed and Kafka.",
        'He wrote "cafka" and “git lab”.',
        "KAFKA is loud, CAFKA is louder.",
        "",
        "…",
    ],
)
def test_what_was_heard_rightly_or_is_quoted_stays(words: str) -> None:
    kept = words.replace("KAFKA", "Kafka")  # spelled alike is no doubt
    assert MINE.correct(words) == kept


def test_of_two_names_that_are_about_as_near_neither_is_taken() -> None:
    twins = Vocabulary(Entries((Word("Marietta"), Word("Marietto"))))
    assert twins.correct("We met Mariette there.") == "We met Mariette there."


def test_an_ordinary_word_becomes_a_name_only_where_the_user_said_so() -> None:
    assert (
        Vocabulary(Entries((Word("Niamh"),))).correct("Call neve or the knife.") == "Call neve or the knife."
    )
    said = Vocabulary(Entries((Word("Niamh", ("knee",)),)))
    assert said.correct("Call knee today.") == "Call Niamh today."


def test_words_that_begin_or_end_other_things_are_no_part_of_a_name() -> None:
    words = Vocabulary(Entries((Word("Ingritt"), Word("Postgres"))))
    assert words.correct("We slipped in grit, post grass.") == "We slipped in grit, Postgres."


def test_the_measured_sentences_stay_and_most_misheard_names_become_right() -> None:
    import yaml

    data = yaml.safe_load(measured.DATA.read_text(encoding="utf-8"))
    words = measured.vocabulary(sorted({pair["name"] for pair in data["misheard"]}))
    looked_at, changed, what = measured.altered(words, measured.clean_sentences())
    assert looked_at > 500
    assert changed <= looked_at / 100, what
    result = measured.heard_rightly(data["misheard"], in_text=False)
    assert result["right"] >= 68
    assert result["wrong"] == []


# --- names of the text around --------------------------------------------------------------------------


def test_names_are_found_in_a_text_in_their_order() -> None:
    text = (
        "# Getting Started\nDear Siobhan,\nwe met Ada Lovelace in Zürich on Monday. She uses kubectl and "
        "GitLab's CI; kubectl is fine. The Green Bridge fell. Set max_tokens in readConfig. MAKE NO NOISE. "
        "O'Hara said so to jane@mail.example and https://Some.Where/Else; I'm sure."
    )
    assert names_in(text) == (
        "Siobhan", "Ada Lovelace", "Ada", "Lovelace", "Zürich", "GitLab", "CI", "kubectl", "Green Bridge",
        "max_tokens", "readConfig", "O'Hara",
    )  # fmt: skip


@settings(deadline=None)
@given(st.text(max_size=400))
def test_any_text_has_a_bounded_list_of_names_that_stand_in_it(text: str) -> None:
    found = names_in(text)
    assert len(found) <= MOST_NAMES
    assert len(set(found)) == len(found)
    for name in found:
        assert all(part in text for part in name.split(" "))


def test_a_strange_word_becomes_the_name_in_the_text_that_it_sounds_like() -> None:
    assert MINE.correct("John and annelise muller see the voxeliser.", LETTER) == (
        "Jon and Anneliese Müller see the Voxelizer."
    )
    assert MINE.correct("John and annelise muller see the voxeliser.") == (
        "John and annelise muller see the voxeliser."
    )


def test_in_a_command_a_well_known_name_is_meant_as_it_was_heard() -> None:
    assert MINE.correct("Change Jon to John.", LETTER, "edit") == "Change Jon to John."
    assert MINE.correct("Change Jon to annelise.", LETTER, "edit") == "Change Jon to Anneliese."


def test_what_stands_in_the_text_is_right_as_it_is() -> None:
    assert MINE.correct("The cafka file.", "A cafka is a beast.") == "The cafka file."


# --- what the model is told ----------------------------------------------------------------------------


def test_names_that_stand_in_the_text_are_told_first_and_well_known_ones_never() -> None:
    terms = MINE.terms(f"{LETTER} Kafka was cited by Alice in London.")
    assert terms[0] == "Kafka"
    assert {"Voxelizer", "readConfig", "Anneliese Müller", "GitLab"} <= set(terms)
    assert not {"Alice", "London", "Jon", "Müller"} & set(terms)
    assert terms.index("Voxelizer") < terms.index("GitLab")
    assert usable(terms) == terms


@settings(deadline=None)
@given(st.lists(st.from_regex(r"[A-Z][a-z]{2,8}", fullmatch=True), max_size=60), st.text(max_size=200))
def test_the_names_for_the_model_are_few_and_each_told_once(words: list[str], text: str) -> None:
    terms = Vocabulary(Entries(tuple(Word(word) for word in words))).terms(text)
    assert len(terms) == len(set(terms)) <= MOST_TERMS


def test_words_of_a_program_s_profile_count_like_the_user_s() -> None:
    more = MINE.with_words(("Kafka", "Zendesk"))
    assert more.correct("in zen desk") == "in Zendesk"
    assert [word.write for word in more.entries.words].count("Kafka") == 1
    assert MINE.with_words(()) is MINE
    assert {"Zendesk", "Kafka", "Voxelizer"} <= set(more.names(LETTER))


# --- replacements and snippets -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("First, new line and dash, second.", "First\n- second."),
        ("New line and dash first.", "\n- first."),
        ("Write to my email, please.", "Write to siobhan@example.com, please."),
        ("Write to My Email.", "Write to siobhan@example.com."),
        ("Btw, it rains.", "By the way, it rains."),
        ("It rains btw.", "It rains by the way."),
        ("He goes arrow there", "He goes → there"),
        ("Well done, smiley.", "Well done :-)."),
        ("New line. And dash.", "New line. And dash."),
        ("It is my signature dish.", "It is my signature dish."),
        ("Thanks, snippet my signature.", f"Thanks, {SIGNATURE}."),
        ("Thanks, insert snippet my signature.", f"Thanks, {SIGNATURE}."),
    ],
)
def test_a_phrase_is_replaced_where_it_is_said(heard: str, meant: str) -> None:
    assert MINE.correct(heard) == meant


@pytest.mark.parametrize("heard", ["My signature.", "snippet my signature", "Insert snippet my signature!"])
def test_a_snippet_that_is_all_that_was_said_is_written_exactly_as_it_is(heard: str) -> None:
    meant = MINE.corrected(heard)
    assert (meant.words, meant.exact) == (SIGNATURE, True)


def test_the_text_of_a_phrase_is_not_looked_at_again() -> None:
    looping = Vocabulary(Entries(replacements=(Phrase("ping", "ping pong"), Phrase("pong", "ping"))))
    assert looping.correct("A ping and a pong.") == "A ping pong and a ping."


@pytest.mark.parametrize(
    ("heard", "command"),
    [
        ("Insert my signature.", Insert(text=SIGNATURE)),
        ("Insert snippet my signature.", Insert(text=SIGNATURE)),
        ("snippet my signature", Insert(text=SIGNATURE)),
    ],
)
def test_in_a_command_a_snippet_is_a_text_that_is_inserted(heard: str, command: Insert) -> None:
    assert grammar.parse(MINE.correct(heard, "", "edit")) == [command]


def test_in_a_command_a_phrase_is_a_text_at_the_end_and_nothing_else() -> None:
    (replace,) = grammar.parse(MINE.correct("Replace Tuesday with my email.", "", "edit"))
    assert isinstance(replace, Replace)
    assert replace.text == "siobhan@example.com"
    for words in ("Delete my email.", "Replace my email with Tuesday.", "Insert quote."):
        assert MINE.correct(words, "", "edit") == words


# --- the parts -----------------------------------------------------------------------------------------


def test_ordinary_words_and_known_names_are_told_apart() -> None:
    assert all(map(is_ordinary, ("read", "Grid", "don't", "dog's", "he’ll", "colour", "color", "app")))
    assert not any(map(is_ordinary, ("kubectl", "Siobhan", "gitlab", "")))
    assert is_known_name("john")
    assert not is_known_name("Siobhan")


@settings(deadline=None)
@given(st.text(max_size=12), st.text(max_size=12))
def test_distance_is_symmetric_and_at_most_one(a: str, b: str) -> None:
    assert 0 <= distance(a, b) <= 1
    assert distance(a, b) == pytest.approx(distance(b, a))
    assert distance(a, a) == (0.0 if phones(a) else 1.0)


@pytest.mark.parametrize(
    ("one", "other"), [("cafka", "Kafka"), ("fone", "phone"), ("nite", "night"), ("Shawn", "shaun")]
)
def test_words_that_are_said_alike_sound_the_same(one: str, other: str) -> None:
    assert distance(one, other) == 0


@settings(deadline=None)
@given(st.text(max_size=120), st.text(max_size=120), st.sampled_from(["dictate", "edit"]))
def test_no_words_whatever_make_it_fail_or_touch_what_it_does_not_tell(
    words: str, text: str, mode: str
) -> None:
    meant = MINE.corrected(words, text, "edit" if mode == "edit" else "dictate")
    if not meant.made:
        assert meant.words == words


@settings(deadline=None)
@given(st.text(max_size=40))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)


def test_the_list_of_words_says_where_it_is_from() -> None:
    folder = Path(measured.ROOT) / "voice_edit" / "vocabulary"
    lines = (folder / "english.txt").read_text(encoding="utf-8").split()
    told = (folder / "ENGLISH.md").read_text(encoding="utf-8")
    assert f"{sum(line == line.lower() for line in lines):,} words" in told
    assert f"{sum(line != line.lower() for line in lines):,} names" in told
