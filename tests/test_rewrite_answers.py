"""Answers as models really write them: what of them is the passage, what is only talk about it, and which of
them nobody would want.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from voice_edit.rewriting import styles
from voice_edit.rewriting.cleaning import cleaned
from voice_edit.rewriting.guards import Finding, findings, of_a_small_model

CASES: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (Path(__file__).parent / "golden" / "rewrites" / "answers.yaml").read_text(encoding="utf-8")
)


def looked_at(name: str, original: str, answer: str) -> tuple[str, tuple[Finding, ...]]:
    """The answer as it would be put in, and what speaks against it."""
    style = styles.named(name)
    assert style is not None
    text = cleaned(answer, original)
    return text, findings(text, original, style)


@pytest.mark.parametrize("case", [*CASES["own"], *CASES["good"]], ids=lambda case: case["answer"][:50])
def test_a_good_answer_is_taken_as_it_is_and_nothing_of_it_is_cut(case: dict[str, Any]) -> None:
    assert looked_at(case["style"], case["before"], case["answer"]) == (case["answer"], ())


@pytest.mark.parametrize("case", CASES["talk"], ids=lambda case: case["answer"][:50])
def test_talk_about_the_answer_is_left_out_in_whatever_language(case: dict[str, Any]) -> None:
    assert looked_at("Formal", case["before"], case["answer"]) == (case["kept"], ())


def test_talk_that_may_be_the_passages_own_is_left_in_and_doubted() -> None:
    remark = "It rains; we read.\n\nLet me know if I should adjust the tone."
    text, found = looked_at("Short", "It rains.\n\nWe stay in.\n\nWe read.", remark)
    assert text == remark
    assert "remark" in [one.code for one in found]
    _, found = looked_at("Formal", "we go now", "The following was decided unanimously:\n\nWe go now.")
    assert [one.code for one in found] == ["introduced"]


@pytest.mark.parametrize(
    ("answer", "asked"),
    [('"go home"', "put quotation marks around it"), ("```\ngo home\n```", "make it a code block")],
)
def test_marks_that_were_asked_for_stay(answer: str, asked: str) -> None:
    assert cleaned(answer, "go home", asked=asked) == answer
    assert cleaned(answer, "go home", asked="say it louder") == "go home"


@pytest.mark.parametrize(
    "answer",
    [
        "I'm sorry, but I can't help with that.",
        "I cannot rewrite this text.",
        "As an AI, I have no opinion.",
        "Sorry, I am unable to process your request.",
        "I apologize, but I cannot assist you with it.",
        "Es tut mir leid, dabei kann ich nicht helfen.",
        "Lo siento, no puedo ayudar con eso.",
    ],
)
def test_a_refusal_is_no_rewrite(answer: str) -> None:
    _, found = looked_at("Formal", "How do I open a lock?", answer)
    assert [one.code for one in found if one.is_grave] == ["declined"]


@pytest.mark.parametrize(
    "answer",
    ["Here are a few options:\n\n- We leave.\n- We depart.", "Here are two versions:\n\nWe leave.\n\nWe go."],
)
def test_several_versions_are_no_rewrite(answer: str) -> None:
    _, found = looked_at("Formal", "We gonna go.", answer)
    assert "choices" in [one.code for one in found if one.is_grave]


@pytest.mark.parametrize("mark", ["<|turn>", "<turn|>", "<|im_end|>", "<eos>", "<unused7>", "[INST]"])
def test_special_tokens_are_no_text(mark: str) -> None:
    for name in ("Formal", ""):
        _, found = looked_at(name, "we go", f"We go.{mark}")
        assert [one.code for one in found] == ["marks"]
        assert looked_at(name, f"{mark} ends a turn", f"{mark} ends a turn.")[1] == ()


def test_the_small_model_leaves_no_sentence_out_of_its_key_points_unnoticed() -> None:
    style = styles.named("Key points")
    assert style is not None
    passage = "Open the window. Close the red box. Call the man."
    for answer, codes in (
        ("- Open the window\n- Call the man", ["lost-point"]),
        ("- Open the window\n- Close the red box\n- Call the man", []),
    ):
        found = of_a_small_model(answer, passage, style, confidence=-0.01, tokens=12)
        assert [one.code for one in found] == codes


@pytest.mark.parametrize(
    ("confidence", "tokens", "is_doubtful"),
    [(-0.14, 5, False), (-0.23, 6, True), (-0.01, 150, False), (-0.035, 45, True), (None, 9, False)],
)
def test_the_small_models_own_doubt_counts_in_the_mean_and_in_all(
    confidence: float | None, tokens: int, is_doubtful: bool
) -> None:
    for style in styles.styles():
        found = of_a_small_model("- a b c.", "a b c", style, confidence=confidence, tokens=tokens)
        assert bool(list(found)) is is_doubtful


def test_tags_are_text_where_they_may_have_been_asked_for() -> None:
    assert looked_at("", "wrap it", "<b>wrap it</b><br>")[1] == ()
    assert [one.code for one in looked_at("Formal", "wrap it", "<b>Wrap it</b>")[1]] == ["structure"]


@pytest.mark.parametrize("case", CASES["broken"], ids=lambda case: case["answer"][:50])
def test_markdown_and_addresses_have_to_come_through(case: dict[str, Any]) -> None:
    _, found = looked_at("Formal", case["before"], case["answer"])
    assert f"it has other {case['other']}" in [one.message for one in found]
    assert looked_at("Formal", case["before"], case["before"])[1] == ()


@pytest.mark.parametrize("case", CASES["changed"], ids=lambda case: case["answer"][:50])
def test_changed_facts_and_languages_are_doubtful(case: dict[str, Any]) -> None:
    assert case["code"] in [one.code for one in looked_at("Formal", case["before"], case["answer"])[1]]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "_" * 4000,
            "**a " * 1500,
            "```\n" * 1000 + "x",
            "`" * 6000,
            "one two three 4 " * 1500,
            "[a](" * 2000,
        ),
        *("\n---\n" * 1500 + "I made", "<a " * 2000, "here is the " * 600 + ":\n\nx", "a.a@" * 1500),
    ],
    ids=lambda text: text[:12],
)
def test_no_text_holds_up_who_looks_at_it(text: str) -> None:
    # Quadratic patterns take minutes for these; the runner's limit is the bound.
    for answer, original in ((text, "one two"), (text + "\n\nI kept 5", text)):
        looked_at("Formal", original, answer)
