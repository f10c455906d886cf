"""JSON schemas from elsewhere, kept small: each becomes a grammar that is followed token by token."""

from __future__ import annotations

import json
from typing import Any

from voice_edit.api.failures import ApiError

MOST_BYTES = 16 << 10
MOST_DEPTH = 16
MOST_COUNT = 200
"""Of repetitions that a schema may count: each becomes a rule."""

_COUNTS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")


def check_schema(schema: dict[str, Any], param: str) -> None:
    """Raises ApiError for a schema that nobody needs and that would take memory or time without bound."""
    try:
        size = len(json.dumps(schema))
    except RecursionError:
        size = MOST_BYTES + 1
    if size > MOST_BYTES:
        raise _refused(param, f"is longer than {MOST_BYTES >> 10} KiB")
    waiting: list[tuple[Any, int]] = [(schema, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MOST_DEPTH:
            raise _refused(param, f"is nested deeper than {MOST_DEPTH} levels")
        if isinstance(value, dict):
            for name, inner in value.items():
                if name in _COUNTS and isinstance(inner, int | float) and inner > MOST_COUNT:
                    raise _refused(param, f"{name} is larger than {MOST_COUNT}")
                if name == "pattern":
                    raise _refused(param, "patterns are not followed here")
                if name == "$ref" and not (isinstance(inner, str) and inner.startswith("#")):
                    raise _refused(param, "nothing is fetched: a $ref begins with #")
                waiting.append((inner, depth + 1))
        elif isinstance(value, list):
            waiting += [(inner, depth + 1) for inner in value]


def _refused(param: str, why: str) -> ApiError:
    return ApiError(400, "schema_unusable", f"{param}: {why}", param=param, hint="Simplify the schema.")
