"""The commands and events of the control protocol: what is let in, what is refused, the page about them."""

from __future__ import annotations

import dataclasses
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_edit.control import protocol as p
from voice_edit.control.backlog import Backlog
from voice_edit.control.lines import MAX_LINE_BYTES
from voice_edit.control.protocol_fields import build, plain

ROOT = Path(__file__).parent.parent


def refused(message: dict[str, Any]) -> p.RequestError:
    with pytest.raises(p.RequestError) as told:
        p.parse_command(message)
    assert told.value.hint
    assert told.value.exit_code == 2
    return told.value


def test_a_command_is_read_with_its_defaults() -> None:
    assert p.parse_command({"id": 1, "command": "talk.start"}) == p.TalkStart(mode="dictate", target=None)
    wanted = p.TalkStart(mode="edit", target=p.FileRef("/notes.md"))
    assert (
        p.parse_command({"command": "talk.start", "mode": "edit", "target": {"file": "/notes.md"}}) == wanted
    )


@pytest.mark.parametrize(
    ("message", "code", "told"),
    [
        ({}, "unknown_command", "no 'command'"),
        ({"command": "dance"}, "unknown_command", "'dance'"),
        ({"command": ["say"]}, "unknown_command", "say"),
        ({"command": "say"}, "bad_field", "'words' is missing"),
        ({"command": "say", "words": 3}, "bad_field", "'words' must be text"),
        ({"command": "say", "words": "x", "mode": "sing"}, "bad_field", '"dictate" or "edit"'),
        ({"command": "say", "words": "x", "volume": 3}, "bad_field", "no field 'volume'"),
        ({"command": "undo", "count": True}, "bad_field", "'count' must be a whole number"),
        ({"command": "undo", "count": 1.5}, "bad_field", "'count' must be a whole number"),
        ({"command": "talk.start", "target": {"file": "/a", "line": 3}}, "bad_field", "'target.line'"),
        ({"command": "talk.start", "target": "/a"}, "bad_field", "'target' must be an object or null"),
        ({"command": "subscribe", "events": ["level", 7]}, "bad_field", "'events"),
        ({"command": "subscribe", "events": ["levels"]}, "unknown_event", "'levels'"),
        ({"command": "status", "id": [1]}, "bad_id", "'id'"),
        ({"command": "answer", "question": 1}, "bad_field", "'choice' is missing"),
    ],
)
def test_a_request_that_is_none_is_refused_with_its_reason(
    message: dict[str, Any], code: str, told: str
) -> None:
    error = refused(message)
    assert error.code == code
    assert told in str(error)


def test_a_refusal_never_repeats_the_words_that_were_said() -> None:
    assert "secret" not in str(refused({"command": "say", "words": ["my secret"]}).to_json())
    assert "secret" not in str(refused({"command": "say", "words": "x", "mode": "my secret"}).to_json())


def test_every_command_survives_the_way_there_and_every_event_the_way_back() -> None:
    examples = {
        str: "text", int: 7, float: 1.5, bool: True, Any: 1, list[Any]: [{"kind": "undo"}],
    }  # fmt: skip
    for kind in (*p.COMMANDS, *p.EVENTS):
        values = {}
        for name, (declared, needed) in p.fields_of(kind).items():
            if needed:
                values[name] = examples.get(declared) or _example(declared)
        made = build(kind, values, strict=True)
        message = p.decode(p.encode(p.to_message(made)))
        read = p.parse_command(message) if isinstance(made, p.Command) else p.parse_event(message)
        assert read == made


def _example(declared: Any) -> Any:
    if dataclasses.is_dataclass(declared):
        fields = p.fields_of(declared).items()
        return {name: {str: "text", int: 7}[kind] for name, (kind, needed) in fields if needed}
    if declared in (tuple[int, ...], int | None):
        return () if declared == tuple[int, ...] else 0
    arguments = getattr(declared, "__args__", ())
    return () if ... in arguments else arguments[0]


def test_a_client_passes_over_events_and_fields_that_it_does_not_know() -> None:
    assert p.parse_event({"event": "sunrise", "at_s": 1.0}) is None
    level = p.parse_event({"event": "level", "rms_dbfs": -20, "colour": "red", "at_s": 1.0})
    assert level == p.Level(rms_dbfs=-20.0, at_s=1.0)


def test_the_daemon_is_held_to_the_events_that_are_documented() -> None:
    p.check_event({"event": "level", "rms_dbfs": -20.0, "at_s": 1.0})
    for wrong in ({"event": "levels"}, {"event": "level"}, {"event": "level", "rms_dbfs": 1.0, "loud": True}):
        with pytest.raises(p.FieldError):
            p.check_event(wrong)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"hello\n", "not_json"),
        (b"[1, 2]\n", "not_an_object"),
        (b'"text"\n', "not_an_object"),
        (b'{"command": "say", "words": "\xff"}\n', "not_utf8"),
        (b'{"a": NaN}\n', "not_json"),
        (b'{"a": ' + b"1" * 5000 + b"}\n", "not_json"),
        (b"[" * 100_000 + b"\n", "not_json"),
        (b'{"a": "' + b"x" * MAX_LINE_BYTES + b'"}\n', "line_too_long"),
    ],
    ids=["words", "list", "text", "bytes", "nan", "huge number", "nested", "long"],
)
def test_a_line_that_is_no_message_is_named(line: bytes, code: str) -> None:
    with pytest.raises(p.LineError) as told:
        p.decode(line)
    assert told.value.code == code


def test_numbers_beyond_all_numbers_are_refused_where_a_measure_is_wanted() -> None:
    for huge in (10**400, float("inf")):
        with pytest.raises(p.FieldError):
            p.parse_event({"event": "level", "rms_dbfs": huge})


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
FIELDS = st.sampled_from(["words", "mode", "target", "file", "name", "value", "id", "count", "x"])


@given(st.dictionaries(FIELDS, VALUES | st.dictionaries(FIELDS, VALUES, max_size=2), max_size=4))
def test_whatever_is_asked_is_a_command_or_a_refusal(message: dict[str, Any]) -> None:
    for name in ("say", "talk.start", "settings.set", "undo"):
        with suppress(p.RequestError):
            assert p.parse_command({**message, "command": name}).command == name


@given(st.text(st.characters(categories=["L", "Cs", "Cc", "Zl"])))
def test_any_text_survives_the_wire_file_names_that_are_no_text_included(text: str) -> None:
    line = p.encode({"path": text})
    assert line.count(b"\n") == 1
    assert p.decode(line) == {"path": text}


def test_a_message_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(p.LineError):
        p.encode({"text": "x" * MAX_LINE_BYTES})


def test_objects_become_plain_json() -> None:
    outcome = p.OutcomeTold(utterance=1, mode="edit", words="undo", commands=[], compact="undo", timing=None)
    assert json.loads(json.dumps(plain(outcome)))["changes"] == []


# --- what waits for a slow reader ---------------------------------------------------------------------------


def backlog(items: int = 4, size: int = 100) -> Backlog[str]:
    return Backlog(max_items=items, max_size=size, size=len)


def taken(queue: Backlog[str]) -> list[str]:
    return [queue.take() for _ in range(len(queue))]


def test_of_levels_only_the_newest_waits_behind_what_came_before_it() -> None:
    queue = backlog()
    for item, key in (("level 1", "level"), ("words", None), ("level 2", "level"), ("level 3", "level")):
        assert queue.put(item, key=key)
    assert taken(queue) == ["words", "level 3"]
    assert queue.coalesced == 2


def test_levels_make_room_before_anybody_is_dropped() -> None:
    queue = backlog(items=2)
    assert queue.put("level", key="level")
    assert queue.put("words 1")
    assert queue.put("words 2")
    assert not queue.put("words 3")
    assert taken(queue) == ["words 1", "words 2"]


def test_a_backlog_is_bounded_in_bytes_too() -> None:
    queue = backlog(size=10)
    assert queue.put("12345678")
    assert not queue.put("123")
    assert taken(queue) == ["12345678"]
    assert queue.put("1234567890")


@given(st.lists(st.tuples(st.text(max_size=3), st.sampled_from([None, "level", "partial"]))))
def test_what_has_no_key_is_never_lost_or_reordered(items: list[tuple[str, str | None]]) -> None:
    queue = backlog(items=10_000, size=10_000)
    for item, key in items:
        assert queue.put(f"{key}:{item}", key=key)
    left = taken(queue)
    assert [item for item in left if item.startswith("None:")] == [
        f"None:{item}" for item, key in items if key is None
    ]
    assert sum(item.startswith("level:") for item in left) <= 1
    with pytest.raises(KeyError):
        queue.take()


# --- the page -----------------------------------------------------------------------------------------------


def test_the_page_about_the_control_socket_is_written_from_the_protocol() -> None:
    from voice_edit.control.protocol_reference import reference

    assert (ROOT / "docs" / "control.md").read_text(encoding="utf-8") == reference(), "run `make docs`"


def test_everything_in_the_protocol_is_explained() -> None:
    from voice_edit.control.protocol_reference import reference

    page = reference()
    for kind in (*p.COMMANDS, *p.EVENTS):
        name = kind.command if issubclass(kind, p.Command) else kind.event
        assert f"| `{name}` |" in page
        assert kind.__doc__, name
        assert not kind.__doc__.startswith(kind.__name__ + "("), "Python's own docstring says nothing"


def test_the_answer_to_status_is_as_documented() -> None:
    from fake_daemon import STATUS

    assert build(p.StatusTold, STATUS, strict=True).stage == "idle"
