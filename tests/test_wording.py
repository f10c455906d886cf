"""The user's vocabulary on its way from its file to the words: in the verbs and in the daemon."""

from __future__ import annotations

from pathlib import Path

import pytest
from daemon_running import running_daemon
from fake_desktop import FakeDesktop
from fake_devices import speech
from running import ok

from engine.catalog import profiles
from voice_edit.config import Paths, Settings
from voice_edit.vocabulary.entries import Phrase, Word
from voice_edit.vocabulary.store import put_phrase, put_word


@pytest.fixture(autouse=True)
def _vocabulary() -> None:
    """A name that is heard as something else, and two snippets."""
    paths = Paths.from_environment()
    put_word(paths, Word("Siobhan", ("shavon",)))
    put_phrase(paths, "replacement", Phrase("my email", "siobhan@example.com"))
    put_phrase(paths, "snippet", Phrase("my signature", "Kind regards,\nSiobhan"))


def dictated(desk: FakeDesktop, *heard: str) -> list[tuple[str, ...]]:
    """Say it into the focused field, one take after the other; the names that the model was told."""
    settings = Settings.model_validate({"hotkeys": {"backend": "none"}})
    with running_daemon(settings, desktop=desk.desktop) as daemon:
        daemon.engine.profile = profiles()["gemma-4-12b"]
        for words in heard:
            daemon.engine.enqueue(words)
            daemon.ask("talk.start", mode="dictate")
            daemon.microphone.hear(speech())
            daemon.ask("talk.stop")
            daemon.wait_for("outcome")
        return daemon.engine.terms


def test_names_are_spelled_as_the_user_does_wherever_words_come_from(tmp_path: Path) -> None:
    assert ok("say", "--dictate", "I asked shavon.") == "I asked Siobhan."
    file = tmp_path / "note.txt"
    file.write_text("Ask Anna.\n", encoding="utf-8")
    ok("edit", file, "--say", "replace Anna with shavon")
    assert file.read_text(encoding="utf-8") == "Ask Siobhan.\n"
    desk = FakeDesktop()
    dictated(desk, "I asked shavon.")
    assert desk.field.text == "I asked Siobhan."


def test_a_snippet_is_written_as_it_stands_and_a_replacement_between_the_words() -> None:
    desk = FakeDesktop()
    dictated(desk, "Write to my email.", "My signature.")
    assert desk.field.text == "Write to siobhan@example.com. Kind regards,\nSiobhan"


def test_the_journal_keeps_what_was_heard() -> None:
    dictated(FakeDesktop(), "I asked shavon.")
    assert "I asked shavon." in ok("log")


def test_the_model_is_told_the_names_of_the_user_of_the_text_and_of_the_program() -> None:
    desk = FakeDesktop()
    desk.field.put(0, 0, "The Zarquon drive is broken. ")
    assert {"Siobhan", "Zarquon"} <= set(dictated(desk, "Hello.")[0])


def test_the_words_of_a_program_count_in_its_fields_only() -> None:
    assert "Kafka" not in ok("say", "--dictate", "I like kafca.")
    desk = FakeDesktop()
    paths = Paths.from_environment()
    paths.apps_file.parent.mkdir(parents=True, exist_ok=True)
    paths.apps_file.write_text('[chat]\napps = ["notes"]\nvocabulary = ["Kafka"]\n', encoding="utf-8")
    dictated(desk, "I like kafca.")
    assert desk.field.text == "I like Kafka."
