"""Writes docs/control.md from the classes of the protocol.

`python -m voice_edit.control.protocol_reference > docs/control.md`
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import textwrap
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from voice_edit.control import protocol_commands, protocol_events, protocol_parts
from voice_edit.control.lines import MAX_LINE_BYTES, PROTOCOL
from voice_edit.control.protocol_fields import describe, fields_of

HEAD = f"""# The control socket

Written by `make docs` from `voice_edit/control/protocol_*.py`; a test compares.

The daemon (`voice-edit run`) listens on a unix socket: `$XDG_RUNTIME_DIR/voice-edit/control.sock`, without
that variable `run/control.sock` in the user's data folder, and `$VOICE_EDIT_HOME/run/control.sock` where
that is set. Only the user who runs the daemon is let in (folder 0700, socket 0600, and the kernel is asked
who connects).

Both sides send JSON objects, one a line, in UTF-8, at most {MAX_LINE_BYTES:,} bytes a line. The daemon
greets with `hello`; the protocol is version {PROTOCOL}, which grows when an old client would misunderstand.
New commands, events and fields may come at any time: a client passes over what it does not know, and the
daemon refuses what it does not know.

```
daemon  {{"event": "hello", "protocol": {PROTOCOL}, "version": "0.1.0", "pid": 4242, "at_s": 81.5}}
client  {{"id": 1, "command": "subscribe", "events": ["stage", "outcome"]}}
daemon  {{"id": 1, "ok": true, "result": {{"events": ["stage", "outcome"]}}}}
client  {{"id": 2, "command": "talk.start", "mode": "edit"}}
daemon  {{"event": "stage", "at_s": 93.25, "stage": "listening", "mode": "edit", "take": 1, ...}}
daemon  {{"id": 2, "ok": true, "result": {{"stage": "listening", "mode": "edit", "take": 1}}}}
client  {{"id": 3, "command": "answer", "question": "seven", "choice": 0}}
daemon  {{"id": 3, "ok": false, "error": {{"error": "bad_field", "hint": "See docs/control.md.",
         "exit_code": 2, "message": "answer: 'question' must be a whole number."}}}}
```

`id` is a number or text of the client's choice, or left out. Requests of one client are begun in the order
in which they come; each is answered when it is done, so a later one may be answered first. At most 32 may
be unanswered. A line without its line break is never carried out. A client that is gone does not stop what
it asked for.

A client gets no events until it subscribes. Events wait for a slow client up to 1,024 lines or 8 MiB; of
`level`, `partial` and `writing` only the newest waits. A client that lets that overflow is disconnected: the
daemon never waits for a client.

From a shell:

```
printf '%s\\n' '{{"command": "status"}}' | nc -NU "$XDG_RUNTIME_DIR/voice-edit/control.sock"
voice-edit watch --json --events stage,outcome
```
"""


def reference() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_commands(), *_status(), *_events(), *_parts()])


def _commands() -> Iterator[str]:
    yield "## Commands\n"
    yield _table(
        ("command", "what it does", "result"),
        [(f"`{kind.command}`", _doc(kind), kind.result) for kind in protocol_commands.COMMANDS],
    )
    yield "To start while somebody talks, or to stop or cancel while nobody does, is no error.\n"
    for kind in protocol_commands.COMMANDS:
        yield from _fields(f"### {kind.command}", kind, protocol_commands)


def _status() -> Iterator[str]:
    yield "## Status\n"
    yield "What `status` replies.\n"
    yield from _fields("", protocol_parts.StatusTold, protocol_parts)


def _events() -> Iterator[str]:
    yield "## Events\n"
    yield _table(
        ("event", "what it tells"), [(f"`{kind.event}`", _doc(kind)) for kind in protocol_events.EVENTS]
    )
    yield "Each has `at_s`, the daemon's clock in seconds: only differences mean something.\n"
    for kind in protocol_events.EVENTS:
        yield from _fields(f"### {kind.event}", kind, protocol_events, without=("at_s",))


def _parts() -> Iterator[str]:
    yield "## Objects in them\n"
    for module in (protocol_commands, protocol_parts):
        for kind in vars(module).values():
            if (
                isinstance(kind, type)
                and dataclasses.is_dataclass(kind)
                and kind.__module__ == module.__name__
                and not issubclass(kind, protocol_commands.Command)
                and kind is not protocol_parts.StatusTold
            ):
                yield f"### {kind.__name__}\n\n{_doc(kind)}\n"
                yield from _fields("", kind, module)


def _fields(title: str, kind: Any, module: ModuleType, *, without: tuple[str, ...] = ()) -> Iterator[str]:
    """A table of the fields of a class, under a title; nothing where there are none."""
    docs = _field_docs(module)[kind.__name__]
    defaults = {field.name: field for field in dataclasses.fields(kind)}
    rows = [
        (f"`{name}`", _type(declared), _default(defaults[name], needed), docs[name])
        for name, (declared, needed) in fields_of(kind).items()
        if name not in without
    ]
    if rows:
        if title:
            yield f"{title}\n"
        yield _table(("field", "type", "default", "meaning"), rows)


def _type(declared: Any) -> str:
    """In words; objects by their name."""
    if dataclasses.is_dataclass(declared) and isinstance(declared, type):
        return declared.__name__
    arguments = getattr(declared, "__args__", ())
    objects = [one for one in arguments if isinstance(one, type) and dataclasses.is_dataclass(one)]
    if not objects:
        return describe(declared)
    named = objects[0].__name__
    return f"{named} or null" if type(None) in arguments else f"a list of {named}"


def _default(field: Any, needed: bool) -> str:
    if needed:
        return "required"
    if field.default is dataclasses.MISSING or field.default == ():
        return ""
    return json.dumps(field.default)


def _doc(kind: type) -> str:
    """The docstring on one line."""
    return " ".join((kind.__doc__ or "").split())


def _field_docs(module: ModuleType) -> dict[str, dict[str, str]]:
    """Class -> field -> the string below it in the source. Python itself forgets these."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(textwrap.dedent(inspect.getsource(module))).body:
        if not isinstance(node, ast.ClassDef):
            continue
        found[node.name] = {
            field.target.id: " ".join(str(below.value.value).split())
            for field, below in zip(node.body, node.body[1:], strict=False)
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        }  # fmt: skip
    return found


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


if __name__ == "__main__":
    print(reference(), end="")  # noqa: T201
