"""Dictated words find their way to the clipboard, and a desktop that hangs holds nobody up."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from virtual_display import VirtualDisplay

from voice_edit import undo
from voice_edit.editing import Editing
from voice_edit.errors import NoTarget, NothingToUndo, TargetTimeout, TargetUnencodable
from voice_edit.journal.journal import Journal
from voice_edit.targets import clipboard
from voice_edit.targets.clipboard import ClipboardTarget, put_with_pyperclip


class Desk:
    """A clipboard in memory."""

    def __init__(self, *, reads_back: bool = True) -> None:
        self.text: str | None = None
        self.reads_back = reads_back

    def put(self, text: str) -> bool:
        self.text = text
        return self.reads_back


@pytest.mark.parametrize(("reads_back", "state"), [(True, "verified"), (False, "unverified")])
def test_dictated_words_go_to_the_clipboard_and_say_so(
    journal: Journal, reads_back: bool, state: str
) -> None:
    desk = Desk(reads_back=reads_back)
    outcome = Editing(ClipboardTarget(desk.put), journal).say("Dear Ms Lovelace,", mode="dictate")
    assert desk.text == "Dear Ms Lovelace,"
    assert outcome.receipt is not None
    assert outcome.receipt.state == state
    assert outcome.notes
    assert journal.get(1).target == "clipboard:"


def test_each_dictation_replaces_the_one_before(journal: Journal) -> None:
    desk = Desk()
    editing = Editing(ClipboardTarget(desk.put), journal)
    editing.say("One.", mode="dictate")
    editing.say("Two.", mode="dictate")
    assert desk.text == "Two."


def test_edit_commands_are_told_where_a_text_could_be_had(journal: Journal) -> None:
    desk = Desk()
    with pytest.raises(NoTarget) as caught:
        Editing(ClipboardTarget(desk.put), journal).say("delete the last word", mode="edit")
    assert "voice-edit tui" in caught.value.hint
    assert "voice-edit edit FILE" in caught.value.hint
    assert desk.text is None
    assert journal.get(1).reason == "no_target"


def test_saying_stop_needs_no_text(journal: Journal) -> None:
    assert Editing(ClipboardTarget(Desk().put), journal).say("stop listening", mode="edit").stops


def test_the_clipboard_is_not_undone_and_stands_in_nobodys_way(journal: Journal) -> None:
    target = ClipboardTarget(Desk().put)
    Editing(target, journal).say("One.", mode="dictate")
    with pytest.raises(NothingToUndo, match="the clipboard"):
        undo.undo(journal, target)


def test_half_a_character_is_refused() -> None:
    from voice_edit.edits import Change, Edit, Selection

    edit = Edit((Change(0, "", "\ud83d"),), Selection(0, 0), Selection(1, 1))
    target = ClipboardTarget(Desk().put)
    with pytest.raises(TargetUnencodable):
        target.prepare([edit], expected=target.snapshot().version)


# --- the real one -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def display() -> Iterator[VirtualDisplay]:
    if not shutil.which("xclip"):
        pytest.fail("these tests need a program that is not installed: xclip (apt: xclip)", pytrace=False)
    one = VirtualDisplay(window_manager=False)
    try:
        yield one
    finally:
        one.close()


@pytest.mark.parametrize("text", ["Hello.", "Grüße 👩‍👩‍👧\n\ttwo lines  ", "-n $HOME `x` \"'", "x" * 500_000])
def test_a_real_clipboard_holds_the_words_afterwards(
    display: VirtualDisplay, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("DISPLAY", display.name)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert put_with_pyperclip(text)
    shown = subprocess.run(
        ["xclip", "-selection", "clipboard", "-o"], env=display.env, stdout=subprocess.PIPE, check=True
    )
    assert shown.stdout.decode() == text


def test_without_a_desktop_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(NoTarget, match="no clipboard") as caught:
        put_with_pyperclip("words")
    assert "install xclip" in caught.value.hint


def test_a_desktop_that_hangs_is_given_up_with_all_that_waits_for_it() -> None:
    hangs = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    with pytest.raises(TargetTimeout, match="has not answered"):
        put_with_pyperclip("words", command=[sys.executable, "-c", hangs], timeout_s=0.5)


@pytest.mark.parametrize("script", ["", "print('no json')", "raise SystemExit(3)"])
def test_a_helper_that_fails_is_an_error_with_a_remedy(script: str) -> None:
    with pytest.raises(NoTarget):
        put_with_pyperclip("words", command=[sys.executable, "-c", script])


def test_pyperclip_is_never_loaded_here(monkeypatch: pytest.MonkeyPatch, journal: Journal) -> None:
    loaded: Any = sys.modules.pop("pyperclip", None)
    try:
        monkeypatch.delenv("DISPLAY", raising=False)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        with pytest.raises(NoTarget):
            Editing(clipboard.ClipboardTarget(), journal).say("Words.", mode="dictate")
        assert "pyperclip" not in sys.modules
    finally:
        if loaded is not None:
            sys.modules["pyperclip"] = loaded
    assert journal.get(1).words == "Words."
