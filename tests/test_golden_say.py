"""Every golden case through the command line: `voice-edit say --marks` prints what the case says."""

from __future__ import annotations

from typing import Any

import pytest
from golden_cases import cases
from running import run

from voice_edit.caret_marks import is_marked, read_marked, write_marked

NOT_DONE = 6


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in cases()])
def test_say_prints_what_the_golden_case_says(case: dict[str, Any]) -> None:
    said = [case["say"]] if isinstance(case["say"], str) else case["say"]
    then = [argument for words in said[1:] for argument in ("--then", words)]
    mode = ["--dictate"] if case.get("mode") == "dictate" else []
    text = write_marked(read_marked(case["before"])).encode()
    result = run("say", "--marks", *mode, *then, "--", said[0], stdin=text)
    if "error" in case or "rewrite" in case or case.get("fails_on_the_way"):
        assert result.exit_code == NOT_DONE, result.output
        assert result.stdout == ""
        return
    assert result.exit_code == 0, result.output
    shown, after = result.stdout_bytes.decode(), case.get("after", case["before"])
    assert read_marked(shown).text == read_marked(after).text
    if "after" in case and is_marked(after):
        assert shown == write_marked(read_marked(after))
