"""Requests that nobody would write: a little of what `python -m benchmarks.endpoint_fuzz` does at length."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.endpoint_fuzz import fuzz
from benchmarks.endpoint_rig import endpoint
from voice_edit.api.failures import ApiError
from voice_edit.api.schema_limits import check_schema


def test_the_endpoint_answers_as_it_describes_itself(tmp_path: Path) -> None:
    with endpoint(tmp_path) as rig:
        code, printed = fuzz(rig, examples=6, seed=1, phases="examples,fuzzing")
        assert code == 0, printed
        assert rig.ask("GET", "/v1/models")[0] == 200
        assert rig.shared.restarts == 0


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "maxLength": 10**9},
        {"type": "array", "items": {"minItems": 1e30}},
        {"type": "string", "pattern": "(a+)+$"},
        {"$ref": "https://evil.example/schema.json"},
        {"$ref": "file:///etc/passwd"},
        {"properties": {f"x{i}": {"type": "string"} for i in range(2000)}},
    ],
)
def test_a_schema_that_would_take_memory_or_fetch_something_is_refused(schema: dict[str, object]) -> None:
    with pytest.raises(ApiError) as caught:
        check_schema(schema, "schema")
    assert (caught.value.status, caught.value.code) == (400, "schema_unusable")


def test_a_schema_as_people_write_them_is_taken() -> None:
    item = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 80}},
        "required": ["name"],
    }
    check_schema({"type": "array", "items": {"$ref": "#/$defs/item"}, "$defs": {"item": item}}, "schema")


def test_a_schema_nested_without_end_is_refused() -> None:
    schema: dict[str, object] = {"type": "string"}
    for _ in range(50):
        schema = {"type": "array", "items": schema}
    with pytest.raises(ApiError, match="deeper"):
        check_schema(schema, "schema")
