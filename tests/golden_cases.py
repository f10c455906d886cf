"""Golden cases: the format of `tests/golden/*.yaml`, told in docs/commands.md, and how one is played."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from voice_edit.caret_marks import is_marked, read_marked, write_marked
from voice_edit.commands import Rewrite
from voice_edit.compact import from_compact, selector, to_compact
from voice_edit.document import Document, resolve
from voice_edit.editor import Editor
from voice_edit.errors import Ambiguous, CommandError, NotUnderstood
from voice_edit.spoken.grammar import Parsed, parse

FOLDER = Path(__file__).parent / "golden"
_SAME_ERROR = {"nothing_to_undo": "no_match", "nothing_to_redo": "no_match"}


def cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every case with a name that finds it: file, number, words."""
    for path in sorted(FOLDER.glob("*.yaml")):
        for number, case in enumerate(yaml.safe_load(path.read_text(encoding="utf-8")) or [], start=1):
            yield f"{path.stem}-{number}-{case.get('name', case['say'])}", case


def play(case: dict[str, Any]) -> None:
    """Say the case's words to its text and compare. AssertionError shows what differs."""
    said = [case["say"]] if isinstance(case["say"], str) else case["say"]
    editor = Editor(read_marked(case["before"]))
    for number, words in enumerate(said, start=1):
        last = number == len(said)
        if case.get("mode") == "dictate":
            editor.dictate(words)
            continue
        parsed = parse(words)
        if last and "commands" in case:
            assert isinstance(parsed, list), f"not understood as commands: {parsed}"
            assert [to_compact(command) for command in parsed] == [
                to_compact(from_compact(command)) for command in case["commands"]
            ]
        if last and "rewrite" in case:
            _is_rewrite(parsed, case["rewrite"], editor.document)
            return
        unchanged = editor.document
        error = _perform(editor, words, parsed)
        if error is not None:
            if not last and error.code in _SAME_ERROR:
                continue
            assert last, f"{words!r} failed: {error}"
            code = _SAME_ERROR.get(error.code, error.code)
            assert code == case.get("error"), f"{error.code}: {error} {error.hint}"
            assert editor.document == unchanged
            if "choices" in case:
                assert isinstance(error, Ambiguous)
                assert len(error.choices) == case["choices"]
            return
    assert "error" not in case, f"expected {case['error']}, got {write_marked(editor.document)!r}"
    if "after" in case:
        after = read_marked(case["after"])
        assert editor.document.text == after.text
        if is_marked(case["after"]):
            assert write_marked(editor.document) == write_marked(after)


def _perform(editor: Editor, words: str, parsed: Parsed) -> CommandError | None:
    try:
        if parsed is None:
            raise NotUnderstood(words)
        editor.perform([parsed] if isinstance(parsed, Rewrite) else parsed)
    except CommandError as error:
        return error
    return None


def _is_rewrite(parsed: object, expected: dict[str, Any], document: Document) -> None:
    assert isinstance(parsed, Rewrite), f"not a rewrite: {parsed}"
    if "scope" in expected:
        assert parsed.scope == selector(expected["scope"])
    if "instruction" in expected:
        assert parsed.instruction == expected["instruction"]
    for name in ("style", "language"):
        if name in expected:
            assert getattr(parsed, name) == expected[name]
    resolve(document, parsed.scope)
