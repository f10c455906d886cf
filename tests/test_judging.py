"""Is an answer what was said? Detectors, verdicts, and the better one of two answers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog import PromptProfile, profiles
from engine.events import Hypothesis, Timing
from engine.judging import symptoms
from engine.judging.calibration import Calibration, at
from engine.judging.choose import Candidate, choose, same_words
from engine.judging.judge import judge, judged
from engine.judging.languages import another_language, language_of, words_of
from engine.judging.verdict import Symptom, Verdict, joined
from engine.listening import doubt
from engine.training import texts

MEASURED = Calibration(
    dictation=(0.6, -3.0),
    command=(0.9, -2.4),
    word=(0.2, -1.3),
    weak_dictation=0.6,
    weak_edit=0.8,
    weak_word=0.6,
    dictation_precision=0.5,
    dictation_recall=0.4,
    edit_precision=0.3,
    edit_recall=0.5,
    word_precision=0.3,
    word_recall=0.5,
)
PROFILE = PromptProfile(name="any", language="en", calibration=MEASURED)
UNMEASURED = PromptProfile(name="any", language="en")


def heard(text: str, doubt: float = 0.001, *, seconds: float = 5.0, stop="eos") -> Hypothesis:
    """Words of which each is as doubtful as the others."""
    words = len(text.split())
    return Hypothesis(
        "final", text, tuple(range(words)), -doubt / max(1, words), 0, int(seconds * 16_000), stop,
        Timing(None, 0.0, 0.0, 0.0, 0.0, seconds), word_log_probs=(-doubt / max(1, words),) * words,
    )  # fmt: skip


SAID = [
    text
    for kind in ("sentence", "salad", "command")
    for text in texts.set_aside(kind, 300)
] + [
    "Sure, I can bring the report on Monday.",
    "No no no no no, not like that.",
    "Hip hip hooray, hip hip hooray, hip hip hooray!",
    "Dear Anna, here is the list: apples, pears and plums.",
    "The audio was fine and the video was not.",
    "Bring the answer to the question with you.",
    "Please write to Jürgen Müller and to Señor Peña.",
    "We had crème brûlée at Chez Nous, and then pizza quattro stagioni.",
    "I said to her, auf Wiedersehen, and left.",
    "Transcribe this for me.",
    "Certainly. I will be there at noon.",
    "It works, it works, it works!",
]  # fmt: skip


# --- detectors ------------------------------------------------------------------------------------------


def test_what_people_say_looks_like_nothing_else() -> None:
    assert len(SAID) > 900
    instruction = profiles()["gemma-4-12b"].instruction
    found = {}
    for text in SAID:
        seconds = max(1.0, len(text.split()) / 3)
        looks = [
            symptoms.repeated(text),
            symptoms.too_many(text, seconds),
            symptoms.too_few(text, seconds),
            symptoms.answers(text, instruction),
            symptoms.in_another_language(text, "en"),
        ]
        if any(looks):
            found[text] = looks
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "I think I think I think I think I think I think I think",
        "the the the the the the the the",
        "and so it goes and so it goes and so it goes on",
        "你好吗你好吗你好吗你好吗你好吗你好吗你好吗你好吗你好吗",
    ],
)
def test_a_phrase_over_and_over_is_a_loop(text: str) -> None:
    expected = len(text.split()) != 12  # four words three times is a song
    assert bool(symptoms.repeated(text)) == expected


def test_what_decoding_has_cut_to_its_first_round_is_still_known_as_a_loop() -> None:
    assert symptoms.repeated("It goes on.", "repetition")


@given(st.lists(st.sampled_from(["red", "green", "blue", "small", "large"]), min_size=1, max_size=8))
def test_any_phrase_that_goes_on_for_long_enough_is_a_loop(phrase: list[str]) -> None:
    assert symptoms.repeated(" ".join(phrase * 7))


@given(st.text(max_size=300))
def test_no_text_is_too_strange_to_be_looked_at(text: str) -> None:
    for look in (
        lambda: symptoms.repeated(text),
        lambda: symptoms.too_many(text, 1.0),
        lambda: symptoms.too_few(text, 10.0),
        lambda: symptoms.answers(text, text),
        lambda: symptoms.in_another_language(text, "en"),
    ):
        found = look()
        assert found is None or found.message


@given(st.integers(0, 60), st.floats(0.1, 20))
def test_more_words_never_become_fewer_doubts_and_more_time_never_more(words: int, seconds: float) -> None:
    text = " ".join(["word"] * words)
    if symptoms.too_many(text, seconds):
        assert symptoms.too_many(text + " more", seconds)
        assert symptoms.too_many(text, seconds / 2)


def test_chinese_is_counted_in_characters() -> None:
    sentence = "今天下午我们在办公室开会讨论新的计划"
    assert symptoms.too_many(sentence, 3.0) is None
    assert symptoms.too_many(sentence * 2, 1.0)


def test_a_long_speech_of_which_hardly_a_word_is_there_was_not_heard_out() -> None:
    assert symptoms.too_few("Well.", 8.0)
    assert symptoms.too_few("Well.", 1.0) is None
    assert symptoms.too_few("Well, that is all that I can say about it.", 8.0) is None


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but as an AI I can\u2019t hear the audio.",
        "Sure! Here is the transcription of the audio:",
        "Transcription: Meet me at noon.",
        "Certainly, here is what was said: Meet me at noon.",
        "[Music]",
        "(silence)",
        "# Notes\n\n* one\n* two",
        "This is **very** good",
        "<|channel>thought",
        "Only output the transcription, with no newlines.",
        "The speaker says that they will come.",
        "[BLANK_AUDIO]",
    ],
)
def test_an_answer_is_known_from_what_was_said(text: str) -> None:
    found = symptoms.answers(text, profiles()["gemma-4-12b"].instruction)
    assert found is not None
    assert found.code == "answering"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Ich habe heute leider keine Zeit, weil ich nach Hause muss.", "de"),
        ("Je ne peux pas venir demain, mais je vais vous appeler.", "fr"),
        ("No puedo venir mañana porque tengo que ir con ella.", "es"),
        ("Non posso venire domani perché devo andare con lei.", "it"),
        ("Eu não posso ir amanhã porque você não está aqui.", "pt"),
        ("Ik kan morgen niet komen omdat ik naar huis moet.", "nl"),
        ("Jag kan inte komma i morgon för att jag måste hem.", "sv"),
        ("Nie ma go tu, ale jest w domu i to się zmieni.", "pl"),
        ("I cannot come tomorrow because I have to go home with her.", "en"),
    ],
)
def test_languages_are_known_by_their_small_words(text: str, language: str) -> None:
    assert language_of(words_of(text)) == language
    assert bool(another_language(text, "en")) == (language != "en")
    assert another_language(text, "") == ""


def test_a_language_in_other_letters_is_another_one() -> None:
    assert another_language("Встреча в понедельник.", "en") == "letters that are Cyrillic"
    assert another_language("会议在星期一。", "en") == "letters that are Cjk"
    assert another_language("Send it to Иван by Monday, please, and thank him for the report.", "en") == ""
    assert another_language("", "en") == ""


def test_a_change_of_language_in_the_middle_is_noticed_whatever_is_expected() -> None:
    text = "I will come to the office with the report and ich habe es nicht mit mir weil es zu schwer ist"
    assert another_language(text, "") == "a change from English to German"
    assert another_language(text, "en") == "a change from English to German"


# --- probabilities --------------------------------------------------------------------------------------


@given(st.floats(0, 50), st.floats(0, 50))
def test_more_doubt_is_never_more_likely_right(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0.0 <= at(MEASURED.dictation, high) <= at(MEASURED.dictation, low) <= 1.0


def test_the_same_doubt_is_judged_by_what_the_words_are_for() -> None:
    for purpose, below in (("dictation", 0.6), ("command", 0.8)):
        doubts = [0.05 * step for step in range(1, 80)]
        verdicts = [judge(heard("one two three", d), PROFILE, purpose=purpose) for d in doubts]
        assert [verdict.weak for verdict in verdicts] == [verdict.probability < below for verdict in verdicts]
        assert verdicts[0].probability > verdicts[-1].probability


def test_a_threshold_of_ones_own_counts_instead() -> None:
    words = heard("one two three", 1.0)
    assert not judge(words, PROFILE, purpose="dictation", below=0.0).weak
    assert judge(words, PROFILE, purpose="dictation", below=1.0).weak


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_confidence_that_is_no_number_is_none(value: float) -> None:
    assert at(MEASURED.dictation, value) < 1e-9
    words = replace(heard("one two three"), word_log_probs=(0.0, -value, 0.0), confidence=-value)
    assert judge(words, PROFILE, purpose="command").weak
    assert doubt(words, PROFILE) is not None, "not even written down"


def test_where_nobody_measured_only_what_words_look_like_counts() -> None:
    verdict = judge(heard("one two three", 50.0), UNMEASURED, purpose="dictation")
    assert (verdict.weak, verdict.probability, verdict.weak_words) == (False, None, ())
    assert judge(heard("[Music]"), UNMEASURED, purpose="dictation").weak


def test_the_words_that_are_doubtful_are_named_without_their_marks() -> None:
    words = replace(heard("Meet me on Wednesday."), word_log_probs=(-0.001, -0.001, -0.002, -2.0))
    verdict = judge(words, PROFILE, purpose="dictation")
    assert verdict.weak
    assert verdict.weak_words == ("Wednesday",)
    assert verdict.sentence == "Perhaps misheard: “Wednesday”."


def test_without_a_word_that_stands_out_the_reason_is_told() -> None:
    verdict = judge(heard("[Music]"), PROFILE, purpose="dictation")
    assert verdict.sentence == "Perhaps misheard: it describes a sound."
    assert judge(heard("Meet me."), PROFILE, purpose="dictation").sentence == ""


def test_an_utterance_of_parts_is_as_good_as_its_worst_part() -> None:
    good = judge(heard("Meet me"), PROFILE, purpose="dictation")
    bad = judge(heard("on Wednesday", 3.0), PROFILE, purpose="dictation")
    both = joined((good, bad))
    assert both.weak
    assert both.probability == pytest.approx(good.probability * bad.probability)
    assert both.weak_words == bad.weak_words
    assert joined((good,)) is good
    assert joined((good, None)) is None


# --- the better one of two ------------------------------------------------------------------------------


def candidate(
    engine: str, tier: int, text: str = "", *codes: str, probability: float | None = None
) -> Candidate:
    """What an engine heard, with these symptoms."""
    if not text:
        return Candidate(engine=engine, tier=tier, problem="Nobody speaks in it.")
    found = tuple(Symptom(code, code) for code in codes)
    verdict = Verdict(weak=bool(found), symptoms=found, probability=probability)
    return Candidate(engine=engine, tier=tier, heard=judged(heard(text), verdict))


def test_the_same_words_from_both_are_sure() -> None:
    taken, verdict = choose(candidate("a", 0, "Meet me.", "unsure"), candidate("b", 1, "meet me"))
    assert taken.engine == "a"
    assert not verdict.weak
    assert verdict.why == "b heard the same words."
    assert [other.text for other in verdict.others] == ["meet me"]


def test_a_loop_that_both_heard_is_still_a_loop() -> None:
    taken, verdict = choose(candidate("a", 0, "la", "repetition"), candidate("b", 1, "la", "repetition"))
    assert taken.engine == "a"
    assert verdict.weak


def test_a_better_engine_without_a_doubt_is_believed() -> None:
    taken, verdict = choose(candidate("a", 0, "Meat me.", "unsure"), candidate("b", 1, "Meet me."))
    assert (taken.engine, verdict.weak, verdict.engine) == ("b", False, "b")
    assert verdict.others[0].text == "Meat me."


def test_a_smaller_engine_is_believed_only_where_the_other_one_wrote_no_speech() -> None:
    sure = candidate("small", 0, "Meat me.", probability=0.99)
    assert choose(candidate("large", 1, "Meet me.", "unsure"), sure)[0].engine == "large"
    taken, verdict = choose(candidate("large", 1, "Sure! Here it is:", "answering"), sure)
    assert taken.engine == "small"
    assert verdict.why == "Of what large heard: answering."


def test_an_engine_that_fails_changes_nothing() -> None:
    first = candidate("a", 0, "Meat me.", "unsure", probability=0.3)
    taken, verdict = choose(first, candidate("b", 2))
    assert taken is first
    assert (verdict.weak, verdict.probability) == (True, 0.3)
    assert verdict.why == "b: Nobody speaks in it."


def test_where_the_first_had_no_words_a_better_one_may_have_them() -> None:
    taken, verdict = choose(candidate("a", 0), candidate("b", 1, "Meet me."))
    assert (taken.engine, verdict.weak) == ("b", False)
    none, verdict = choose(candidate("a", 1), candidate("b", 0, "Meet me."))
    assert none is None
    assert [other.text for other in verdict.others] == ["", "Meet me."]


candidates = st.builds(
    candidate,
    st.sampled_from(["a", "b"]),
    st.integers(0, 2),
    st.sampled_from(["", "Meet me.", "meet me", "Meat me."]),
    st.sampled_from(["unsure", "answering", "repetition"]),
    probability=st.none() | st.floats(0, 1),
)


@given(candidates, candidates)
def test_words_come_from_one_of_the_two_and_there_is_always_a_reason(
    first: Candidate, second: Candidate
) -> None:
    taken, verdict = choose(first, second)
    assert taken is None or taken in (first, second)
    assert taken is None or taken.heard is not None
    assert verdict.why.endswith(".")
    if first.heard is not None:
        assert taken is not None, "words that are there are never lost"
    if taken is second:
        assert second.tier >= first.tier or len(second.hard) < len(first.hard)
    if second.heard is None or first.heard is None:
        assert len(verdict.others) == (2 if taken is None else 1)


@given(candidates, candidates)
def test_the_choice_is_the_same_every_time(first: Candidate, second: Candidate) -> None:
    assert choose(first, second) == choose(first, second)


def test_capitals_and_marks_make_no_difference_and_words_do() -> None:
    assert same_words("Don\u2019t go!", "don't go")
    assert not same_words("Do go", "don't go")
