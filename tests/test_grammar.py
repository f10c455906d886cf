"""Answers that a grammar allows: llama.cpp's own grammar on a tiny model's vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import decode
from engine._llama_grammar import LlamaGrammar
from engine.errors import DecodeFailed, GrammarUnreadable
from engine.grammar import ByteTokens, ForcedText, GrammarPicker, Position, forced_text
from engine.llama import LlamaModel

COMMAND = r"""
root ::= "{\"op\": \"" op "\", \"text\": \"" [a-z äöü]* "\"}"
op   ::= "replace" | "delete"
"""


@pytest.fixture(scope="module")
def model() -> Iterator[LlamaModel]:
    model = LlamaModel(tiny.tiny_model().model)
    yield model
    model.close()


@pytest.fixture(scope="module")
def spelling(model: LlamaModel) -> ByteTokens:
    return ByteTokens(model)


def behind(model: LlamaModel, grammar: str, text: str) -> LlamaGrammar:
    """The grammar behind `text`."""
    there = LlamaGrammar(model, grammar)
    for token in model.tokenize(text):
        there.accept(token)
    return there


def picker(
    model: LlamaModel,
    grammar: str | LlamaGrammar,
    answer: Callable[[], Sequence[int]] = tuple,
    *,
    suppressed: Sequence[int] = (),
    ends: Sequence[int] = (tiny.EOS,),
) -> GrammarPicker:
    start = LlamaGrammar(model, grammar) if isinstance(grammar, str) else grammar
    return GrammarPicker(model, np.array(suppressed, np.intp), ends.__contains__, Position(start), answer)


def logits(model: LlamaModel, seed: int = 0) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(model.n_vocab).astype(np.float32)


@pytest.mark.parametrize("text", ["root ::= [", "root ::= other", "nothing", "", "root ::= root"])
def test_a_grammar_that_cannot_be_read_is_refused_and_printed_nowhere(
    model: LlamaModel, text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(GrammarUnreadable, match="grammar"):
        LlamaGrammar(model, text)
    assert capfd.readouterr() == ("", "")


def test_a_token_that_is_refused_leaves_the_process_alive_and_the_grammar_where_it_was(
    model: LlamaModel,
) -> None:
    grammar = LlamaGrammar(model, 'root ::= "the" "m"')
    for token in [tiny.EOS, *model.tokenize("x"), tiny.TURN_END]:
        with pytest.raises(ValueError, match="refuses"):
            grammar.accept(token)
    for token in model.tokenize("them"):
        grammar.accept(token)
    assert grammar.is_whole
    assert grammar.allowed(range(model.n_vocab)).nonzero()[0].tolist() == [tiny.EOS, tiny.TURN_END]


def test_a_clone_goes_its_own_way(model: LlamaModel) -> None:
    grammar = LlamaGrammar(model, 'root ::= "a" | "b"')
    other = grammar.clone()
    other.accept(*model.tokenize("a"))
    assert other.is_whole
    assert not grammar.is_whole
    assert grammar.allowed(model.tokenize("b")).all()
    other.close()
    grammar.accept(*model.tokenize("b"))
    assert grammar.is_whole


@pytest.mark.parametrize(
    ("text", "forced"),
    [
        ("", '{"op": "'),
        ('{"op": "', ""),
        ('{"op": "r', 'eplace", "text": "'),
        ('{"op": "delete', '", "text": "'),
        ('{"op": "delete", "text": "', ""),
        ('{"op": "delete", "text": "the"', "}"),
        ('{"op": "delete", "text": "the"}', ""),
    ],
)
def test_text_that_must_follow_is_found_up_to_the_next_choice(
    model: LlamaModel, spelling: ByteTokens, text: str, forced: str
) -> None:
    grammar = behind(model, COMMAND, text)
    assert forced_text(grammar, spelling) == forced
    assert forced_text(grammar, spelling) == forced, "looking does not move it"


def test_forced_text_may_be_in_any_script_and_ends_with_a_whole_character(
    model: LlamaModel, spelling: ByteTokens
) -> None:
    assert forced_text(LlamaGrammar(model, 'root ::= "Grüße, 世界" [.!]'), spelling) == "Grüße, 世界"
    # é and è begin with the same byte.
    assert forced_text(LlamaGrammar(model, 'root ::= "caf" ("é" | "è")'), spelling) == "caf"


def test_to_end_is_a_choice(model: LlamaModel, spelling: ByteTokens) -> None:
    assert forced_text(LlamaGrammar(model, 'root ::= "ab" "c"?'), spelling) == "ab"


def test_every_byte_has_a_token(spelling: ByteTokens) -> None:
    assert sorted(spelling.bytes) == [bytes((code,)) for code in range(256)]


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    text=st.sampled_from(["", '{"op": "', '{"op": "delete", "text": "th', '{"op": "delete", "text": "the"}']),
    suppressed=st.lists(st.integers(8, 361), max_size=20),
)
def test_the_token_is_the_likeliest_of_all_that_are_allowed(
    seed: int, text: str, suppressed: list[int]
) -> None:
    model = _shared_model()
    row = logits(model, seed)
    answer = model.tokenize(text)
    everything = behind(model, COMMAND, text).allowed(range(model.n_vocab))
    everything[[t for t in range(model.n_vocab) if not model.piece(t) and t != tiny.EOS]] = False
    everything[suppressed] = False
    if not everything.any():
        return
    wanted = np.where(everything, row, -np.inf)
    found = picker(model, COMMAND, lambda: answer, suppressed=suppressed).pick(row.copy())
    assert found.id == int(wanted.argmax())
    second = np.sort(wanted)[-2]
    assert found.lead == pytest.approx(min(0.1, float(wanted.max() - second)), abs=1e-6)
    row[suppressed] = -np.inf
    assert found.log_prob == pytest.approx(
        float(row[found.id] - np.logaddexp.reduce(row.astype(float))), abs=1e-4
    )


_models: list[LlamaModel] = []


def _shared_model() -> LlamaModel:
    """Hypothesis wants no fixtures that are made once; this one is."""
    if not _models:
        _models.append(LlamaModel(tiny.tiny_model().model))
    return _models[0]


class Asked:
    """A grammar that counts the tokens it is asked about."""

    def __init__(self, grammar: LlamaGrammar) -> None:
        self.grammar = grammar
        self.tokens = 0

    @property
    def is_whole(self) -> bool:
        return self.grammar.is_whole

    def allowed(self, tokens: Sequence[int] | npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
        self.tokens += len(tokens)
        return self.grammar.allowed(tokens)

    def accept(self, token: int) -> None:
        self.grammar.accept(token)

    def clone(self) -> Asked:
        return self

    def close(self) -> None:
        pass


def test_the_grammar_is_not_asked_about_the_whole_vocabulary(model: LlamaModel) -> None:
    asked = Asked(LlamaGrammar(model, COMMAND))
    pick = GrammarPicker(
        model, np.array([], np.intp), lambda token: token == tiny.EOS, Position(asked), tuple
    )
    row = logits(model)
    (brace,) = model.tokenize("{")
    row[brace] = 9.0
    assert pick.pick(row).id == brace
    assert asked.tokens <= 2
    row[brace] = np.sort(row)[-40]
    assert pick.pick(row).id == brace
    assert asked.tokens < model.n_vocab / 3


def test_control_tokens_are_no_text_though_they_have_a_name(model: LlamaModel) -> None:
    row = logits(model)
    row[tiny.AUDIO] = 50.0
    assert LlamaGrammar(model, "root ::= .*").allowed((tiny.AUDIO,))[0]
    assert picker(model, "root ::= .*").pick(row).id not in (tiny.AUDIO, tiny.EOS)


def test_an_end_of_the_profile_comes_only_where_the_text_is_whole(model: LlamaModel) -> None:
    said: list[int] = []
    pick = picker(model, 'root ::= "a"', lambda: said, ends=(tiny.BOS,))
    row = logits(model)
    row[tiny.BOS] = 50.0
    (a,) = model.tokenize("a")
    assert pick.pick(row.copy()).id in (a, 8 + ord("a"))
    said.append(a)
    assert pick.pick(row.copy()).id == tiny.BOS


def test_a_grammar_that_the_model_cannot_write_is_a_failure_with_a_hint(model: LlamaModel) -> None:
    with pytest.raises(DecodeFailed, match="allows no token") as caught:
        picker(model, 'root ::= "a"', suppressed=range(8, model.n_vocab)).pick(logits(model))
    assert "model" in caught.value.hint


class Writer:
    """Wants to write `text`, one token at a time, and then anything; counts batches."""

    def __init__(self, model: LlamaModel, text: str) -> None:
        self.wanted = [*model.tokenize(text), tiny.EOS]
        self.n_vocab = model.n_vocab
        self.taken: list[int] = []
        self.behind = 0

    def room(self) -> int:
        return 40

    def open(self, draft: Sequence[int]) -> None:
        self.taken, self.behind = [*draft], 0

    def append(self, tokens: Sequence[int]) -> None:
        self.behind = len(self.taken) + 1
        self.taken += tokens

    def drop(self, n: int) -> None:
        del self.taken[len(self.taken) - n :]

    def restart(self) -> None:
        raise AssertionError("no close calls here")

    def logits(self, row: int) -> npt.NDArray[np.float32]:
        # What stands in front of the row decides, as in a model.
        at = self.behind + row
        found = np.zeros(self.n_vocab, dtype=np.float32)
        if self.taken[:at] == self.wanted[:at]:
            found[self.wanted[at]] = 5.0
        return found


def written(model: LlamaModel, spelling: ByteTokens, text: str, *, forced: bool) -> decode.Answer:
    position = Position(LlamaGrammar(model, COMMAND))
    pick = picker(model, LlamaGrammar(model, COMMAND), lambda: [token.id for token in run.tokens])
    drafts = [ForcedText(model, spelling, position)] if forced else []
    run = decode.Answer(
        Writer(model, text), pick, decode.Rules(lambda t: t == tiny.EOS, 100), lambda: False, drafts
    )
    list(run)
    return run


def test_forced_text_takes_one_batch_and_the_tokens_are_the_same(
    model: LlamaModel, spelling: ByteTokens
) -> None:
    text = '{"op": "replace", "text": "the th"}'
    slow, fast = (written(model, spelling, text, forced=forced) for forced in (False, True))
    assert slow.tokens == fast.tokens
    assert [t.id for t in fast.tokens] == model.tokenize(text)
    assert slow.stop == fast.stop == "eos"
    assert slow.steps == len(slow.tokens) + 1
    # Free: r, the text and its closing quote; what is forced comes with the step in front of it.
    assert fast.steps == 2 + len(model.tokenize("the th")) + 1
    assert fast.accepted == fast.drafted
