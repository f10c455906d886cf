"""What the daemon does when much happens at once, or when something fails while somebody talks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from daemon_running import Running, running_daemon
from fake_devices import silence, speech
from virtual_microphone import wait_for

from engine.errors import DecodeFailed, MicrophoneMissing
from engine.microphone import MicrophoneEvent, Problem
from voice_edit.config import Settings, load_settings
from voice_edit.control.client import ControlClient
from voice_edit.errors import JournalUnavailable, RemoteFailure
from voice_edit.journal import audio_store


@pytest.fixture
def daemon() -> Iterator[Running]:
    with running_daemon() as running:
        yield running


@pytest.fixture
def note(daemon: Running, tmp_path: Path) -> Path:
    """A file to which everything goes."""
    file = tmp_path / "note.txt"
    file.write_text("One two.\n")
    daemon.ask("target.file", path=str(file))
    return file


def cancelled_take(daemon: Running) -> int:
    """Something was said and taken back; its number."""
    daemon.ask("talk.start")
    daemon.microphone.hear(speech())
    while daemon.wait_for("level")["sample"] < 16_000:
        pass
    daemon.ask("talk.cancel")
    return int(daemon.wait_for("rejected")["utterance"])


def test_a_key_in_the_middle_of_a_hands_free_sentence_loses_neither_and_keeps_their_order(
    daemon: Running, note: Path
) -> None:
    daemon.engine.enqueue("First.", "Second.")
    daemon.ask("hands_free", mode="dictate")
    daemon.microphone.hear(speech())
    daemon.ask("talk.start")
    daemon.microphone.hear(speech())
    daemon.ask("talk.stop")
    assert daemon.wait_for("outcome", "failed", "notice")["words"] == "First."
    assert daemon.wait_for("outcome", "failed", "notice")["words"] == "Second."
    assert note.read_text() == "One two.\nFirst. Second."


def test_a_recording_is_heard_again_only_after_the_sentence_that_is_being_said(
    daemon: Running, note: Path
) -> None:
    number = cancelled_take(daemon)
    daemon.engine.enqueue("First.", "Second.")
    daemon.ask("hands_free", mode="dictate")
    daemon.microphone.hear(speech())
    while not daemon.wait_for("speech")["speaking"]:
        pass
    with ThreadPoolExecutor() as others, ControlClient(daemon.paths.socket) as other:
        others.submit(other.request, "retry", utterance=number)
        time.sleep(0.3)  # it is not answered before the sentence is over: there is nothing to wait for
        daemon.microphone.hear(silence())
        assert daemon.wait_for("outcome", "failed", "notice")["words"] == "First."
        assert daemon.wait_for("outcome", "failed", "notice")["words"] == "Second."


def test_typed_words_and_undo_need_not_wait_for_the_key_to_come_up(daemon: Running, note: Path) -> None:
    daemon.engine.enqueue(
        "Said."
    )  # it may be heard before the key comes up: the room is quiet for long enough
    daemon.ask("talk.start")
    daemon.microphone.hear(speech())
    with daemon.microphone.quiet_room():
        daemon.ask("say", words="Typed.", mode="dictate")
        assert note.read_text() == "One two.\nTyped."
        assert daemon.ask("status")["stage"] == "listening"
        daemon.ask("undo")
    daemon.ask("talk.stop")
    while daemon.wait_for("outcome")["words"] != "Said.":
        pass
    assert note.read_text() == "One two.\nSaid."


def test_settings_of_the_command_line_stay_when_another_one_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICE_EDIT_HOTKEYS__BACKEND", "none")

    def load() -> Settings:
        return load_settings(overrides={"engine": {"model": "elsewhere"}})

    with running_daemon(load(), load=load) as daemon:
        assert not daemon.ask("settings.set", name="ask.confirm_chars", value=7)["restart"]
        assert daemon.ask("settings")["settings"]["engine"]["model"] == "elsewhere"


def test_when_the_model_fails_hands_free_listening_ends_at_once_and_says_so(
    daemon: Running, note: Path
) -> None:
    daemon.engine.enqueue(DecodeFailed("no memory"))
    daemon.ask("hands_free", mode="dictate")
    daemon.microphone.hear(speech())
    daemon.microphone.hear(silence())
    told = daemon.wait_for("failed")
    while daemon.wait_for_stage("idle")["hands_free"] != "off":
        pass
    assert daemon.ask("log")["utterances"][0]["id"] == told["utterance"]


def test_a_fault_of_ours_while_hearing_is_told_and_the_sound_can_be_retried(
    daemon: Running, note: Path
) -> None:
    daemon.engine.enqueue(RuntimeError("a bug"), "Three.")
    daemon.ask("talk.start")
    daemon.microphone.hear(speech())
    daemon.ask("talk.stop")
    told = daemon.wait_for("failed", "outcome", "rejected")
    assert told["error"]["error"] == "fault"
    daemon.ask("retry", utterance=told["utterance"])
    assert note.read_text() == "One two.\nThree."


def test_a_full_disk_ends_the_take_and_the_next_one_works(
    daemon: Running, note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(*_: Any) -> None:
        raise JournalUnavailable("There is no space left.")

    daemon.ask("talk.start")
    with monkeypatch.context() as full:
        full.setattr(audio_store.TakeAudio, "append", is_full)
        full.setattr(audio_store.TakeAudio, "finish", is_full)
        daemon.microphone.hear(speech())
        assert "no space" in daemon.wait_for("failed")["error"]["message"]
        daemon.wait_for_stage("idle")
    daemon.engine.enqueue("Three.")
    daemon.ask("talk.start")
    daemon.microphone.hear(speech())
    daemon.ask("talk.stop")
    daemon.wait_for("outcome")
    assert note.read_text() == "One two.\nThree."


@pytest.mark.parametrize("used_by", ["a retry", "a take that could not begin"])
def test_the_model_is_freed_after_everything_that_uses_it(tmp_path: Path, used_by: str) -> None:
    settings = Settings.model_validate({"hotkeys": {"backend": "none"}, "daemon": {"unload_after_s": 0.2}})
    file = tmp_path / "note.txt"
    file.write_text("One two.\n")
    with running_daemon(settings) as daemon:
        daemon.ask("target.file", path=str(file))
        number = cancelled_take(daemon)
        wait_for(lambda: daemon.engine.unloads == 1, "the model to be freed after the take")
        if used_by == "a retry":
            daemon.engine.enqueue("Three.")
            daemon.ask("retry", utterance=number)
        else:
            daemon.microphone.failure = MicrophoneMissing("there is no microphone")
            with pytest.raises(RemoteFailure):
                daemon.ask("talk.start")
        wait_for(lambda: daemon.engine.unloads == 2, "the model to be freed again")


def test_when_the_model_is_freed_may_be_changed_while_it_waits(tmp_path: Path) -> None:
    settings = Settings.model_validate({"hotkeys": {"backend": "none"}, "daemon": {"unload_after_s": 3600}})
    file = tmp_path / "note.txt"
    file.write_text("One two.\n")
    with running_daemon(settings) as daemon:
        daemon.ask("settings.set", name="hotkeys.backend", value="none")
        daemon.ask("target.file", path=str(file))
        cancelled_take(daemon)
        daemon.ask("settings.set", name="daemon.unload_after_s", value=0.1)
        wait_for(lambda: daemon.engine.unloads == 1, "the model to be freed as it is wanted now")


def test_a_model_that_takes_long_to_end_holds_up_nobody(
    daemon: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends after the utterance that it hears; the daemon answers meanwhile."""
    waits: list[float] = []

    def unload(*, wait_s: float = 5.0) -> bool:
        waits.append(time.monotonic())
        time.sleep(1.0)
        waits.append(time.monotonic())
        return True

    monkeypatch.setattr(daemon.engine, "unload", unload)
    daemon.ask("settings.set", name="hotkeys.backend", value="none")
    daemon.ask("settings.set", name="daemon.unload_after_s", value=0.1)
    daemon.ask("engine.load")
    wait_for(lambda: waits, "the model to be freed")
    daemon.ask("status")
    assert len(waits) == 1


def test_a_recording_without_words_that_is_heard_again_says_why_nothing_is_written(
    daemon: Running, note: Path
) -> None:
    daemon.ask("talk.start")
    daemon.microphone.hear(silence())
    daemon.ask("talk.stop")
    told = daemon.wait_for("rejected")
    with pytest.raises(RemoteFailure, match="quiet"):
        daemon.ask("retry", utterance=told["utterance"])


def test_the_same_news_of_the_microphone_is_told_once(daemon: Running) -> None:
    problem = Problem("muted", "It is muted.", "Unmute it.")
    daemon.microphone.problem = problem  # type: ignore[assignment]
    for kind in ("silent", "problem", "silent"):
        daemon.tell(MicrophoneEvent(kind, "Fake", "It is muted.", problem=problem))
    assert daemon.wait_for("microphone")["problem"]["code"] == "muted"
    daemon.microphone.problem = None
    daemon.tell(MicrophoneEvent("problem", "Fake", "It is in order."))
    assert daemon.wait_for("microphone")["problem"] is None


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("engine.model", "/nowhere.gguf", "no such file"),
        ("engine.model", "unheard-of", "neither a model"),
        ("hotkeys.dictate", "<<<", "dictate"),
        ("hotkeys.edit", "<ctrl>+<alt>+space", "bound to both"),
        ("ask.confirm_chars", True, "no value"),
    ],
)
def test_a_setting_with_which_the_next_start_would_fail_is_refused(
    daemon: Running, name: str, value: object, why: str
) -> None:
    with pytest.raises(RemoteFailure, match=why):
        daemon.ask("settings.set", name=name, value=value)
    assert not daemon.paths.config_file.exists()


def test_a_setting_is_kept_as_what_it_is_and_not_as_it_was_typed(daemon: Running) -> None:
    told = daemon.ask("settings.set", name="microphone.warm_ms", value="500")
    assert told["value"] == 500
    assert "warm_ms = 500" in daemon.paths.config_file.read_text()


def test_of_two_clients_that_pin_a_file_the_first_has_its_own_again_when_the_other_is_gone(
    daemon: Running, note: Path, tmp_path: Path
) -> None:
    other_note = tmp_path / "other.txt"
    other_note.write_text("")
    with ControlClient(daemon.paths.socket) as other:
        other.request("target.file", path=str(other_note))
        assert daemon.ask("status")["target"]["title"] == "other.txt"
    while daemon.wait_for("target")["title"] != "note.txt":
        pass


def test_who_listens_without_a_key_follows_the_target(daemon: Running, note: Path, tmp_path: Path) -> None:
    other_note = tmp_path / "other.txt"
    other_note.write_text("")
    daemon.engine.enqueue("First.", "Second.")
    daemon.ask("hands_free", mode="dictate")
    first = daemon.wait_for_stage("listening")["take"]
    daemon.microphone.hear(speech())
    daemon.microphone.hear(silence())
    daemon.wait_for("outcome")
    daemon.ask("target.file", path=str(other_note))
    while daemon.wait_for_stage("listening")["take"] == first:
        pass
    daemon.microphone.hear(speech())
    daemon.microphone.hear(silence())
    daemon.wait_for("outcome")
    assert note.read_text() == "One two.\nFirst."
    assert other_note.read_text() == "Second."
