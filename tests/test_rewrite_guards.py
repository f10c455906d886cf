"""What is taken away from an answer, what is held against it, and that neither touches an honest one."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voice_edit.rewriting import styles
from voice_edit.rewriting.cleaning import cleaned
from voice_edit.rewriting.guards import findings
from voice_edit.rewriting.styles import Style

QUIET = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
PASSAGE = "We met Ada at 9:30 on Monday. She brought 12 maps of the old town."


def style(name: str) -> Style:
    found = styles.named(name)
    assert found is not None
    return found


def codes(answer: str, name: str = "Formal", original: str = PASSAGE, stop: str = "eos") -> list[str]:
    return [finding.code for finding in findings(answer, original, style(name), stop=stop)]


MARKED = "We gonna leave at nine and Ada maps of old town. \n\n - `code` [x](http://a.b) # 12 3.5 „ja“ ü 漢字"
WORDS = st.sampled_from(MARKED.split(" "))
PROSE = "we leave the old house and bring maps"
TEXTS = st.lists(WORDS, min_size=1, max_size=30).map(" ".join).filter(lambda text: bool(text.strip()))
PLAIN = st.lists(st.sampled_from(PROSE.split()), min_size=3, max_size=20).map(
    lambda words: " ".join(words).capitalize() + "."
)


# --- cleaning -----------------------------------------------------------------------------------------------


@QUIET
@given(TEXTS)
def test_a_passage_comes_back_as_it_went_in(text: str) -> None:
    assert cleaned(text, text) == text.strip()


@QUIET
@given(TEXTS, TEXTS)
def test_cleaning_twice_does_nothing_more(answer: str, original: str) -> None:
    once = cleaned(answer, original)
    assert cleaned(once, original) == once
    assert once in answer


BEFORE = [
    "Sure! Here is the rewritten text:\n\n", "Here's the passage in a formal register:\n", "Certainly.\n\n",
    "**Rewritten passage:**\n", "The corrected version:\n\n", "Below is the translation:\n\n",
    "Hier ist der Text auf Deutsch:\n\n", "Voici le texte :\n\n", "Of course! The shortened version is:\n",
]  # fmt: skip
BEHIND = [
    "\n\nLet me know if you need anything else!", "\n\n(Note: I kept the names.)",
    "\n\n**Changes made:**\n- one\n- two", "\n\nI have corrected the verbs.", "\n\nI hope this helps.",
]  # fmt: skip


@QUIET
@given(
    PLAIN, st.sampled_from(["", *BEFORE]), st.sampled_from(["", *BEHIND]), st.sampled_from(["", '"', "```"])
)
def test_what_is_put_around_an_answer_is_taken_away(text: str, before: str, behind: str, around: str) -> None:
    inner = f"```text\n{text}\n```" if around == "```" else f"{around}{text}{around}"
    assert cleaned(f"{before}{inner}{behind}", "Something else was here before.") == text


@pytest.mark.parametrize(
    ("answer", "original"),
    [
        ('"Go," she said, "now."', "She told them to go."),  # two quotes, not one around all
        ("“Go now.”", "“Leave now.”"),  # the passage is a quotation itself
        ("Here is what we need:\n\nbread", "Here is what I need:\n\nbread"),
        ("```\nx = 1\n```", "```\nx = 2\n```"),
        ("The plan: we go.", "Plan: going."),
        ("We go: now.\n\nNote: bring maps.", "Go.\n\nNote: maps."),
    ],
)
def test_what_the_passage_has_itself_stays(answer: str, original: str) -> None:
    assert cleaned(answer, original) == answer


# --- guards -------------------------------------------------------------------------------------------------


@QUIET
@given(TEXTS, st.sampled_from([style.name for style in styles.styles() if not style.is_list]))
def test_nothing_speaks_against_a_passage_that_was_left_as_it_is(text: str, name: str) -> None:
    assert [finding for finding in findings(text, text, style(name)) if finding.code != "loop"] == []


@pytest.mark.parametrize("name", [style.name for style in styles.styles()])
@pytest.mark.parametrize(
    ("answer", "stop", "code"),
    [
        ("", "eos", "empty"),
        (PASSAGE[:30], "max_tokens", "cut"),
        ("I'm sorry, but I cannot do that.", "eos", "declined"),
        ("Option 1: We met.\nOption 2: Met.", "eos", "choices"),
        ("We met Ada<turn|>", "eos", "marks"),
        ("<passage>\nWe met Ada", "eos", "marks"),
        ("and so on " * 40, "eos", "loop"),
        ("We met Ada at nine.\n" * 4, "eos", "loop"),
    ],
)
def test_what_is_no_rewrite_in_any_style_is_grave(name: str, answer: str, stop: str, code: str) -> None:
    found = findings(answer, PASSAGE, style(name), stop=stop)
    assert code in [finding.code for finding in found]
    assert all(finding.is_grave for finding in found)


@pytest.mark.parametrize(
    ("name", "answer", "code"),
    [
        ("Formal", "We met Ada at 9:30 on Monday. She brought 20 maps of the old town.", "new-number"),
        ("Formal", "We met Ada at 9:30 on Monday. She brought maps of the old town.", "lost-number"),
        ("Formal", "We met Bob at 9:30 on Monday. She brought 12 maps of the old town.", "new-name"),
        ("Formal", "We met her at 9:30 on Monday. She brought 12 maps of the old town.", "lost-name"),
        ("Formal", "- We met Ada at 9:30 on Monday.\n- She brought 12 maps of the old town.", "structure"),
        ("Formal", "# Meeting\n\nWe met Ada at 9:30 on Monday. She brought 12 maps.", "structure"),
        ("Formal", "Мы встретили Ada в 9:30. Monday принесла 12 карт старого города.", "other-script"),
        ("Short", PASSAGE + " " + PASSAGE, "too-long"),
        ("Short", "Met Ada 9:30 Tuesday.", "new-name"),
        ("Key points", "We met Ada. She had maps.", "no-list"),
        ("Key points", "- Met Ada\n- Had 13 maps", "new-number"),
        (
            "Fix grammar",
            "Ada turned up with 12 maps for everybody at 9:30 on Monday, how kind!",
            "other-words",
        ),
        ("Long", "Met Ada.", "too-short"),
    ],
)
def test_what_a_style_does_not_allow_is_doubtful(name: str, answer: str, code: str) -> None:
    found = findings(answer, PASSAGE, style(name))
    assert code in [finding.code for finding in found]
    assert not any(finding.is_grave for finding in found)


@pytest.mark.parametrize(
    ("name", "answer", "original"),
    [
        ("Formal", "We have met Ada at 9:30 on Monday. She brought 12 maps of the historic town.", PASSAGE),
        ("Formal", "Dear Madam, I am unable to attend.", "Hi, I can't come."),
        ("Short", "We met Ada. She had maps.", PASSAGE),
        ("Short", "Met Ada.", PASSAGE),
        ("Key points", "- Met Ada on Monday, 9:30\n- 12 maps of the old town", PASSAGE),
        ("Key points", "1. Met Ada\n2. Maps of the old town", PASSAGE),
        ("Simple", "We met Ada on Monday. She had 12 maps.", PASSAGE),
        ("Friendly", "We were so happy to meet Ada at 9:30 on Monday! She kindly brought 12 maps of the old "
         "town.", PASSAGE),
        ("Fix grammar", "He goes home, and Ada's dog too.", "He go home, and Ada's dog to."),
        ("Formal", "Ich habe den Vertrag und die Rechnung.", "Ich hab den Vertrag und die Rechnung."),
        ("Translate", "Wir trafen Ada um halb zehn am Montag. Sie hatte 12 Karten der Altstadt.", PASSAGE),
        ("Formal", "Run `make test`, see https://a.example/x.", "Do `make test`, see https://a.example/x."),
    ],
)  # fmt: skip
def test_an_honest_rewrite_meets_no_doubt(name: str, answer: str, original: str) -> None:
    assert findings(answer, original, style(name)) == ()


ENGLISH = "We went to the house by the lake, and it was not as cold as we thought."


@pytest.mark.parametrize(
    ("answer", "language", "found"),
    [
        (ENGLISH, "French", ["untranslated"]),
        ("We went to a house by the lake; it was not as cold as we thought.", "French", ["untranslated"]),
        ("Wir fuhren zu dem Haus am See, und es war nicht so kalt, wie wir dachten.", "German", []),
        ("Oss gikk til huset ved sjøen, og det var ikke så kaldt som vi trodde.", "Norwegian", []),
        ("We went to the house by the lake, and it wasn't as cold as we'd thought.", "British English", []),
    ],
)  # fmt: skip
def test_a_translation_that_is_none_is_doubtful(answer: str, language: str, found: list[str]) -> None:
    told = findings(answer, ENGLISH, style("Translate"), language=language)
    assert [finding.code for finding in told] == found


def test_names_and_code_are_no_language_that_could_have_been_left() -> None:
    names = "Ada, Bob, Carol: make test, make all"
    assert findings(names, names, style("Translate"), language="French") == ()


def test_code_links_and_placeholders_come_through_letter_by_letter() -> None:
    original = "Run `make all` for {{name}}, see https://a.example/x."
    assert codes("Execute `make` for {{name}}, see https://a.example/x.", original=original) == ["verbatim"]
    assert codes("Execute `make all` for {{user}}, see https://a.example/x.", original=original) == [
        "verbatim"
    ]
    assert codes("Execute `make all` for {{name}}, see https://b.example/x.", original=original) == [
        "verbatim"
    ]
    assert codes("See {{name}}.", "Short", original) == []


def test_wishes_in_free_words_are_only_held_to_what_no_rewrite_may_do() -> None:
    assert findings("Roses are red, 17 of them, Bob.", PASSAGE, styles.free()) == ()
    assert findings("", PASSAGE, styles.free())[0].is_grave
