"""The benchmark of rewriting: its paragraphs are what it says, and its numbers are counted, not assumed."""

from __future__ import annotations

import tiny

from benchmarks.rewriting import DATA, Pair, measure, read_pairs, summary
from engine.session import Engine


def test_each_paragraph_has_about_120_words_of_which_ten_change() -> None:
    pairs = read_pairs(DATA.read_text(encoding="utf-8"))
    assert len(pairs) >= 20
    for pair in pairs:
        assert pair.changed == 10
        assert 110 <= len(pair.before.split()) <= 130, pair.before[:40]
        assert abs(len(pair.after.split()) - len(pair.before.split())) <= 10
        assert not {*"{|}"} & {*pair.before, *pair.after}


def test_a_word_that_goes_away_leaves_no_gap() -> None:
    (pair,) = read_pairs("# comment\n\nIt is {very|} cold {today|}, and\nwe {go|stay} home.\n")
    assert pair == Pair("It is very cold today, and we go home.", "It is cold, and we stay home.", 3)


def test_a_rewrite_is_measured_both_ways_in_one_run() -> None:
    pair = Pair("the old house by the lake is sold", "the new house by the lake is gone", 2)
    with Engine.open(tiny.tiny_model(), n_ctx=256, text_ctx=256, n_threads=1) as engine:
        (row,) = measure(engine, [pair], runs=1)
        assert row.tokens == len(engine.model.tokenize(pair.after)) + 1
    assert row.steps < row.tokens
    assert row.steps + row.accepted >= row.tokens
    assert min(row.plain_s, row.always_s, row.gated_s) > 0
    assert summary([row])["steps_per_token"] == row.steps_per_token
