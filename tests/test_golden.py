"""What spoken edits do, case by case: `tests/golden/*.yaml`."""

from typing import Any

import pytest
from golden_cases import cases, play

CASES = dict(cases())


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_golden_case(case: dict[str, Any]) -> None:
    play(case)


def test_there_are_many_golden_cases_and_none_shares_its_name() -> None:
    assert len(CASES) >= 400
    assert len(CASES) == len(list(cases()))
