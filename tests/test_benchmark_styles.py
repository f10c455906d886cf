"""The evaluation set of rewrites is sound: nobody passes it by leaving everything as it is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from writers import ScriptedWriter

from benchmarks import styles as benchmark
from voice_edit.rewriting import styles

CASES = benchmark.cases()


def test_every_style_has_passages_and_every_row_names_one() -> None:
    known = {style.name for style in styles.styles()} | {""}
    assert {case.style for case in CASES} == known
    assert all(case.say for case in CASES if not case.style)
    assert all((case.language is not None) == (case.style == "Translate") for case in CASES)
    learnt = {case.style for case in CASES if case.small}
    assert learnt == {"Formal", "Short", "Key points", "Fix grammar"}
    assert len({case.before for case in CASES}) == len(CASES) >= 50


def test_what_is_expected_can_be_read_and_is_expected_of_something() -> None:
    for case in CASES:
        for pattern in (*case.has, *case.lacks):
            re.compile(pattern)
        assert case.has or case.lacks or case.most or case.least


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.style}-{case.before[:24]}")
def test_the_passage_itself_is_what_is_expected_only_where_it_is_right_already(case: benchmark.Case) -> None:
    assert (case.missed(case.before) == []) is case.stays


def test_answers_are_counted_by_what_becomes_of_them() -> None:
    cases = [case for case in CASES if case.style == "Formal" and case.small][:3]
    writer = ScriptedWriter(["We do not need the boxes.", "Thanks for the letter. It's a bit late.", ""])
    trials = [benchmark.rewrite(case, writer) for case in cases]
    assert [trial.verdict for trial in trials] == ["taken", "taken", "refused"]
    assert trials[0].missed == ()
    assert "has: thanks" in trials[1].missed
    assert "empty" in trials[2].why
    count = benchmark.summary(trials)["Formal"]
    assert (count["all"], count["taken"], count["refused"], count["expected"]) == (3, 2, 1, 1)


def test_a_wish_that_a_model_has_not_learnt_is_counted_apart() -> None:
    (case, *_) = [case for case in CASES if not case.style]
    assert benchmark.rewrite(case, ScriptedWriter(styles=("Formal",))).verdict == "unable"


def test_the_command_runs_with_the_bundled_model_and_keeps_every_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "styles.json"
    benchmark.main(["--output", str(output), "--show"])
    data = json.loads(output.read_text())
    assert data["model"] == "bundled"
    assert len(data["trials"]) == sum(case.small for case in CASES)
    assert {trial["verdict"] for trial in data["trials"]} <= {"taken", "refused"}
    assert "Key points" in capsys.readouterr().out
