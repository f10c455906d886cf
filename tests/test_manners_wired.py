"""Manners on their way from the settings to the words: in the verbs and in the daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from daemon_running import running_daemon
from fake_desktop import FakeDesktop
from fake_devices import speech
from running import ok

from voice_edit.config import Settings

SAID = "We need um two, no wait, three chairs comma please."


def dictated(desk: FakeDesktop, *heard: str, **sections: dict[str, Any]) -> None:
    """Say it into the focused field, one take after the other."""
    settings = Settings.model_validate({"hotkeys": {"backend": "none"}, **sections})
    with running_daemon(settings, desktop=desk.desktop) as daemon:
        for words in heard:
            daemon.engine.enqueue(words)
            daemon.ask("talk.start", mode="dictate")
            daemon.microphone.hear(speech())
            daemon.ask("talk.stop")
            daemon.wait_for("outcome")


def test_say_sets_dictated_words_as_the_settings_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ok("say", "--dictate", SAID) == "We need three chairs, please."
    for name, value in (("SPOKEN_MARKS", "off"), ("FILLERS", "false"), ("CORRECTIONS", "false")):
        monkeypatch.setenv(f"VOICE_EDIT_DICTATION__{name}", value)
    assert ok("say", "--dictate", SAID) == SAID


def test_edit_mode_hears_its_words_as_they_are() -> None:
    text = "Um is a word."
    assert ok("say", "replace um with uh", stdin=text) == "Uh is a word."


def test_retry_by_words_sets_them_again_as_the_settings_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "note.txt"
    file.write_text("", encoding="utf-8")
    monkeypatch.setenv("VOICE_EDIT_DICTATION__CORRECTIONS", "false")
    ok("edit", file, "--dictate", "--say", SAID)
    assert file.read_text(encoding="utf-8") == "We need two, no wait, three chairs, please."
    ok("undo")
    monkeypatch.setenv("VOICE_EDIT_DICTATION__CORRECTIONS", "true")
    ok("retry", "1", "--words")
    assert file.read_text(encoding="utf-8") == "We need three chairs, please."


def test_the_daemon_sets_words_as_the_settings_have_it() -> None:
    desk = FakeDesktop()
    dictated(desk, SAID, dictation={"corrections": False})
    assert desk.field.text == "We need two, no wait, three chairs, please."


@pytest.mark.parametrize(
    ("say", "write", "said", "written"),
    [
        ("new line and dash", "\\n- ", "Bread new line and dash milk.", "Bread\n- milk."),
        ("new line and dash", "\\n- ", "Bread, new line, and dash milk.", "Bread\n- milk."),
        ("new line", "<br>", "one new line", "one <br>"),
        ("um", "µm", "five um, no wait, six um", "six µm"),
        ("no wait", "hold on", "On Tuesday, no wait, Wednesday.", "On Tuesday, hold on, Wednesday."),
    ],
)
def test_a_phrase_of_the_users_own_is_no_mark_no_filler_and_no_correction(
    say: str, write: str, said: str, written: str
) -> None:
    ok("vocabulary", "replace", say, write)
    assert ok("say", "--dictate", said) == written


def test_in_a_program_whose_profile_says_so_words_are_small_and_have_no_full_stop() -> None:
    desk = FakeDesktop()
    desk.becomes(role="terminal")
    dictated(desk, "List all files.")
    assert desk.pasted == ["list all files "]


def test_two_dictations_into_a_field_that_cannot_be_read_do_not_run_together() -> None:
    desk = FakeDesktop(element=None)
    dictated(desk, "Hello there.", "How are you?")
    assert "".join(desk.pasted) == "Hello there. How are you? "
