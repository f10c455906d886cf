"""Words into fields of real programs, asked afterwards what they truly hold: a small run of each benchmark.

`python -m benchmarks.fields`, `field_safety` and `field_layouts` do the same many times and everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks import field_layouts, field_safety, fields
from benchmarks.field_rig import TERMINALS, FieldRig


@pytest.fixture(scope="module")
def rig() -> Iterator[FieldRig]:
    with FieldRig() as rig:
        yield rig


@pytest.mark.parametrize("kind", ["gtk3", "gtk4", "qt", "mousepad"])
def test_every_edit_of_a_field_that_can_be_read_is_proved(rig: FieldRig, kind: str) -> None:
    rows = fields.try_program(rig, kind, ["accessibility", "paste", "type"], 1)
    assert [row for row in rows if not row.right] == []
    claims = {row.state for row in rows if row.field not in ("password", "read_only")}
    assert claims == {"verified"}
    assert {row.state for row in rows if row.field in ("password", "read_only")} <= {"refused"}


def test_chromium_is_pasted_and_typed_into_and_read_back(rig: FieldRig) -> None:
    rows = fields.try_program(rig, "chromium", ["paste", "type"], 1)
    assert [row for row in rows if not row.right] == []
    claims = {row.state for row in rows if row.field not in ("password", "read_only")}
    assert claims == {"verified"}


@pytest.mark.parametrize("kind", ["tk", "xterm", "vte"])
def test_where_nothing_can_be_read_words_arrive_and_nothing_else_is_tried(rig: FieldRig, kind: str) -> None:
    rows = fields.try_program(rig, kind, ["paste", "type"], 1)
    assert [row for row in rows if not row.right] == []
    assert {(row.operation, row.state) for row in rows} == {
        ("insert", "unverified"),
        ("replace", "refused"),
        ("delete", "refused"),
        ("undo", "refused"),
    }


@pytest.mark.parametrize(("what", "count"), [("stolen", 8), ("typed", 8), ("closed", 8), ("frozen", 4)])
def test_nothing_is_written_to_a_wrong_place_and_no_word_is_lost(what: str, count: int) -> None:
    rows = field_safety.disturb(what, count, ["gtk3", "qt", "tk", "xterm"], seed=1)
    assert len(rows) == count
    assert [row for row in rows if row.wrong_place or row.untrue or not row.said.kept] == []


@pytest.mark.parametrize(("kind", "layout"), [("gtk4", "de"), ("qt", "ru"), ("xterm", "fr")])
def test_text_of_any_script_arrives_to_the_byte_under_any_layout(
    rig: FieldRig, kind: str, layout: str
) -> None:
    rows = list(field_layouts.try_program(rig, kind, [layout], ["auto", "type"]))
    assert [row for row in rows if not row.right] == []
    written = {row.text for row in rows if row.said.state != "refused" and row.mechanism == "auto"}
    assert written == {"own", *field_layouts.TEXTS} - ({"lines"} if kind in TERMINALS else set())
    typed = {row.text for row in rows if row.said.state != "refused" and row.mechanism == "type"}
    assert "own" in typed
    assert "emoji" not in typed
