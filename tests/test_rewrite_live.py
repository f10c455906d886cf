"""Rewrites with a real model in its real process. What it writes is its own affair, and may be refused; that
nothing is harmed by it is ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
from test_local_writer import TEMPLATE

from engine.client import EngineClient
from engine.local_writer import LocalWriter
from voice_edit.config import Paths, Settings
from voice_edit.editing import Editing
from voice_edit.errors import NeedsWriter, VoiceEditError
from voice_edit.journal.journal import Journal
from voice_edit.rewriting.opening import OwnWriter
from voice_edit.rewriting.rewriter import Rewriter, Writing
from voice_edit.targets.file import FileTarget

TEXT = "# Note\n\nWe don't want to buy the big house. It's a bit old.\n\nThanks for the help.\n"


@pytest.fixture(scope="module")
def writer() -> Iterator[OwnWriter]:
    settings = Settings.model_validate({"engine": {"threads": 1}})
    with OwnWriter(settings, Paths.from_environment()) as opened:
        yield opened


@pytest.fixture
def editing(tmp_path: Path, journal: Journal, writer: OwnWriter) -> Editing:
    path = tmp_path / "note.md"
    path.write_text(TEXT)
    editing = Editing(FileTarget(path), journal)
    editing.rewriter = Rewriter(writer, lambda: Settings().rewrite)
    return editing


@pytest.mark.parametrize("words", ["make the first paragraph formal", "rewrite everything as key points"])
def test_what_the_bundled_model_writes_is_taken_whole_or_not_at_all_and_kept(
    editing: Editing, words: str
) -> None:
    told: list[Writing] = []
    assert editing.rewriter is not None
    editing.rewriter = editing.rewriter.telling(told.append)
    before = editing.target.snapshot().text
    refused = said(editing, words)
    assert refused in (None, "rewrite_refused")
    if refused is None:
        editing.say("undo", mode="edit")
    assert editing.target.snapshot().text == before
    (command,) = editing.journal.get(1).commands or [{}]
    assert command["of"] in TEXT
    assert "text" in command
    assert command["by"] == "bundled"
    assert told[-1].is_over


def test_the_bundled_model_says_what_it_has_learnt(editing: Editing) -> None:
    with pytest.raises(NeedsWriter, match="“Formal”, “Short”, “Key points” and “Fix grammar”"):
        editing.say("make everything friendlier", mode="edit")


def test_a_real_text_is_given_up_in_the_middle_and_the_next_one_is_written(
    tmp_path: Path, journal: Journal
) -> None:
    files = replace(tiny.tiny_model(), profile=replace(tiny.profile(), template=TEMPLATE))
    path = tmp_path / "note.md"
    path.write_text(TEXT)
    editing = Editing(FileTarget(path), journal)
    with EngineClient(files, n_ctx=256, text_ctx=4096, n_threads=1) as client:
        writer = LocalWriter(client)
        told: list[Writing] = []
        plain = Rewriter(lambda: writer, lambda: Settings().rewrite, tell=told.append)
        editing.rewriter = plain.telling(lambda writing: None if writing.is_over else plain.cancel())
        assert said(editing, "make everything formal") == "interrupted"
        assert path.read_text() == TEXT
        editing.rewriter = plain
        # Random weights never come to an end, so what they write is cut, and never taken.
        assert said(editing, "make everything formal") == "rewrite_refused"
        assert path.read_text() == TEXT
        assert len(told) > 2
        assert told[-1].is_over
        assert (editing.journal.get(2).commands or [{}])[0]["text"]


def said(editing: Editing, words: str) -> str | None:
    """Say it; the code of what went wrong."""
    try:
        editing.say(words, mode="edit")
    except VoiceEditError as error:
        return error.code
    return None
