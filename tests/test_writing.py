"""Pass 2 on tiny random models in llama.cpp, and on the bundled one: the text never depends on what makes it
fast. The words mean nothing; that they are the same is what counts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from functools import partial

import pytest
import tiny

from engine import decode
from engine.catalog import find_model
from engine.errors import Cancelled, ContextFull
from engine.events import Written
from engine.session import Engine
from engine.speed import PLAIN, Speed
from engine.writing import BLOCK_TOKENS, TextPass

DOCUMENT = (
    "Rewrite the text in other words. Text: The boxes go to the old house by the lake before the snow comes, "
    "and the keys lie under the third stone."
)
ORIGINAL = "The boxes go to the old house by the lake before the snow comes"
SAID = " Instruction: make it shorter.<audio|>The boxes go"
"""The marker is where the bundled model expects to write."""
GRAMMAR = r"""
root ::= "{\"op\": \"" ("replace" | "delete") "\", \"text\": \"" [a-z ]{2,9} "\"}"
"""
SWITCHES = {
    "all": Speed(),
    "none": PLAIN,
    **{f"{name} only": dataclasses.replace(PLAIN, **{name: True}) for name in ("lookup", "ahead", "forced")},
    **{f"all but {name}": Speed(**{name: False}) for name in ("lookup", "ahead", "forced", "mtp")},
}


@pytest.fixture(scope="module", params=["tiny", "bundled"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    files = tiny.tiny_model() if request.param == "tiny" else find_model("bundled")
    with Engine.open(files, n_ctx=512, text_ctx=512, n_threads=1) as engine:
        yield engine


@pytest.fixture(scope="module")
def tiny_engine() -> Iterator[Engine]:
    with Engine.open(tiny.tiny_model(), n_ctx=256, text_ctx=256, n_threads=1) as engine:
        yield engine


def write(
    engine: Engine,
    speed: Speed,
    *,
    grammar: str | None = None,
    originals: Sequence[Sequence[int]] = (),
    sound: int = 0,
    gated: bool = True,
) -> Written:
    """One text; while its prompt is prefilled, `sound` frames come in as well. Without the gate drafts are
    used whether they pay on this machine or not.
    """
    engine.speed = speed
    text_pass = TextPass(engine)
    if not gated:
        text_pass.gate = None
    session = engine.session() if sound else None
    text_pass.begin(text_pass.tokens(DOCUMENT, begins=True))
    for at in range(0, sound, 4):
        assert session is not None
        session.push(tiny.sound(sound)[at : at + 4])
        text_pass.prefill_some()
    if session is not None:
        session.finish()
    found = text_pass.answer(
        text_pass.tokens(SAID),
        originals=originals or [text_pass.tokens(ORIGINAL)],
        grammar=grammar,
        max_tokens=48,
    )
    text_pass.clear()
    return found


@pytest.mark.parametrize("grammar", [None, GRAMMAR], ids=["free", "grammar"])
def test_the_text_is_the_same_with_every_switch(engine: Engine, grammar: str | None) -> None:
    texts = {
        name: write(engine, speed, grammar=grammar, sound=16 if name == "all" else 0)
        for name, speed in SWITCHES.items()
    }
    plain = texts["none"]
    assert {name: text.tokens for name, text in texts.items()} == dict.fromkeys(texts, plain.tokens)
    assert {text.text for text in texts.values()} == {plain.text}
    assert {text.stop for text in texts.values()} == {plain.stop}
    assert plain.tokens
    assert plain.timing.drafted == 0
    assert plain.timing.steps == len(plain.tokens) + 1


def test_an_answer_under_a_grammar_fits_it(engine: Engine) -> None:
    found = write(engine, Speed(), grammar=GRAMMAR)
    assert json.loads(found.text)["op"] in ("replace", "delete")
    assert found.stop == "eos"
    assert found.timing.drafted, "the grammar forces its beginning"


def test_a_text_that_is_repeated_takes_a_third_of_the_steps(
    tiny_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Tokens of random weights are often so close that an answer is computed again, without drafts.
    monkeypatch.setattr(decode, "Rules", partial(decode.Rules, close_call=0.0))
    plain = write(tiny_engine, PLAIN)
    # What this model wrote it writes again, so for the draft it is a rewrite that changes nothing.
    again = write(tiny_engine, Speed(), originals=[plain.tokens], gated=False)
    assert again.timing.steps <= len(plain.tokens) / 3


def test_a_prompt_that_is_ready_leaves_only_the_suffix(tiny_engine: Engine) -> None:
    tiny_engine.speed = Speed()
    text_pass = TextPass(tiny_engine)
    prefix = text_pass.tokens(DOCUMENT, begins=True)
    text_pass.begin(prefix)
    rounds = 1
    while text_pass.prefill_some():
        rounds += 1
    assert rounds == -(-len(prefix) // BLOCK_TOKENS)
    timing = text_pass.answer(text_pass.tokens(SAID), max_tokens=4).timing
    assert (timing.ahead_tokens, timing.late_tokens) == (len(prefix), 0)
    text_pass.clear()


def test_of_the_next_prompt_only_what_is_new_is_prefilled(tiny_engine: Engine) -> None:
    tiny_engine.speed = Speed(ahead=False)
    text_pass = TextPass(tiny_engine)
    suffix = text_pass.tokens(SAID)
    prefix = text_pass.tokens(DOCUMENT, begins=True)
    text_pass.begin(prefix)
    assert not text_pass.prefill_some(), "this is switched off"
    first = text_pass.answer(suffix, max_tokens=8)
    again = text_pass.answer(suffix, max_tokens=8)
    assert (first.timing.ahead_tokens, first.timing.late_tokens) == (0, len(prefix))
    assert (again.timing.ahead_tokens, again.timing.late_tokens) == (len(prefix), 0)
    other = [*prefix[:40], *text_pass.tokens(ORIGINAL)]
    text_pass.begin(other)
    third = text_pass.answer(suffix, max_tokens=8)
    assert third.timing.ahead_tokens == 32, "two whole blocks of 16"
    fresh = TextPass(tiny_engine)
    fresh.begin(other)
    text_pass.clear()
    assert first.tokens == again.tokens
    assert fresh.answer(suffix, max_tokens=8).tokens == third.tokens


def test_a_sound_that_comes_meanwhile_is_heard_as_without(tiny_engine: Engine) -> None:
    tiny_engine.speed = Speed()
    text_pass = TextPass(tiny_engine)
    heard = []
    for is_writing in (False, True):
        session = tiny_engine.session()
        if is_writing:
            text_pass.begin(text_pass.tokens(DOCUMENT, begins=True))
        for at in range(0, 40, 3):
            session.push(tiny.sound(40)[at : at + 3])
            text_pass.prefill_some()
            if at == 18:
                session.partial()
        heard.append(session.finish().tokens)
    text_pass.clear()
    assert heard[0] == heard[1]
    assert heard[0]


def test_a_text_that_is_given_up_leaves_the_next_one_as_it_was(tiny_engine: Engine) -> None:
    tiny_engine.speed = Speed()
    text_pass = TextPass(tiny_engine)
    text_pass.begin(text_pass.tokens(DOCUMENT, begins=True))
    suffix = text_pass.tokens(SAID)
    before = text_pass.answer(suffix, max_tokens=12)
    for rounds in range(4):
        asked = iter([False] * rounds + [True] * 9)
        with pytest.raises(Cancelled):
            text_pass.answer(suffix, max_tokens=12, give_up=partial(next, asked))
    assert text_pass.answer(suffix, max_tokens=12).tokens == before.tokens
    text_pass.clear()


def test_giving_up_works_while_the_prompt_is_prefilled(tiny_engine: Engine) -> None:
    text_pass = TextPass(tiny_engine)
    text_pass.begin(text_pass.tokens(DOCUMENT, begins=True))
    asked = iter([False, True])
    with pytest.raises(Cancelled):
        text_pass.answer(text_pass.tokens(SAID), give_up=lambda: next(asked))
    assert text_pass.is_waiting
    text_pass.clear()
    assert not text_pass.is_waiting


def test_pieces_come_one_by_one_and_are_the_text(tiny_engine: Engine) -> None:
    tiny_engine.speed = Speed()
    text_pass = TextPass(tiny_engine)
    text_pass.begin(text_pass.tokens(DOCUMENT, begins=True))
    pieces: list[str] = []
    found = text_pass.answer(text_pass.tokens(SAID), grammar=GRAMMAR, on_piece=pieces.append)
    assert "".join(pieces).strip() == found.text
    assert len(pieces) > 1
    text_pass.clear()


def test_what_does_not_fit_is_refused_with_a_hint(tiny_engine: Engine) -> None:
    text_pass = TextPass(tiny_engine)
    with pytest.raises(ContextFull, match="does not fit") as caught:
        text_pass.begin([tiny.BOS] * 250)
    assert "less text" in caught.value.hint
    text_pass.begin([tiny.BOS] * 200)
    with pytest.raises(ContextFull, match="no room for an answer"):
        text_pass.answer([tiny.BOS] * 50)
    found = text_pass.answer([tiny.AUDIO] * 2, max_tokens=1000)
    assert len(found.tokens) <= 256 - 202
    text_pass.clear()


def test_an_engine_without_room_for_text_says_how_to_get_it() -> None:
    with (
        Engine.open(tiny.tiny_model(), n_ctx=256, n_threads=1) as engine,
        pytest.raises(ContextFull, match="without room") as caught,
    ):
        TextPass(engine)
    assert "text_ctx" in caught.value.hint


def test_room_for_text_takes_none_from_the_sound() -> None:
    with Engine.open(tiny.tiny_model(), n_ctx=256, n_threads=1) as engine:
        frames = engine.max_frames
    with Engine.open(tiny.tiny_model(), n_ctx=256, text_ctx=256, n_threads=1) as engine:
        assert engine.max_frames == frames
        text_pass = TextPass(engine)
        text_pass.begin([tiny.BOS] * 230)
        while text_pass.prefill_some():
            pass
        session = engine.session()
        session.push(tiny.sound(frames))
        session.partial()
        assert session.finish().stop in ("eos", "max_tokens", "repetition")
        assert text_pass.answer([tiny.AUDIO]).timing.late_tokens == 0
