"""The daemon from the outside: commands in, events and texts out. Devices are scripted, everything else is
real: loop, socket, threads, journal, files.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon_running import Running, running_daemon
from fake_devices import hissed, silence, speech
from fakes import Doubtful, Unsure

from engine.errors import DecodeFailed, MicrophoneMissing
from voice_edit import sessions
from voice_edit.config import Paths, Settings
from voice_edit.control.client import ControlClient
from voice_edit.errors import DaemonRunning, RemoteFailure


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


def talk(daemon: Running, heard: str, mode: str = "dictate") -> dict[str, Any]:
    daemon.engine.enqueue(heard)
    daemon.ask("talk.start", mode=mode)
    daemon.microphone.hear(speech())
    daemon.ask("talk.stop")
    return daemon.wait_for("outcome", "failed", "rejected", "reverted")


def say_and_be_heard(daemon: Running) -> None:
    """Somebody speaks, and all of it has come in; the take goes on."""
    daemon.microphone.hear(speech())
    while daemon.wait_for("level")["sample"] < len(speech()) - 2 * 1280:
        pass


def test_what_is_dictated_is_in_the_file_and_told_with_its_receipt(daemon: Running, note: Path) -> None:
    told = talk(daemon, "Three four.")
    assert note.read_text() == "One two.\nThree four."
    assert told["words"] == "Three four."
    assert told["receipt"] == {"state": "verified", "notes": []}
    assert told["after"] == note.read_text()
    assert told["target"] == str(note)


def test_the_times_of_an_utterance_are_told_in_the_order_of_its_stages(daemon: Running, note: Path) -> None:
    timing = talk(daemon, "Three four.")["timing"]
    assert isinstance(timing, dict)
    assert timing["release_ms"] == 400
    assert 0 <= timing["endpoint_ms"] <= timing["final_ms"] <= timing["applied_ms"]


def test_dictated_commands_are_written_down_and_not_obeyed(daemon: Running, note: Path) -> None:
    talk(daemon, "Delete everything.")
    assert note.read_text() == "One two.\nDelete everything."


def test_spoken_commands_are_carried_out(daemon: Running, note: Path) -> None:
    told = talk(daemon, "Replace two with three.", mode="edit")
    assert note.read_text() == "One three.\n"
    assert told["changes"] == [{"start": 4, "old": "two", "new": "three"}]


def test_a_spoken_undo_takes_the_last_edit_back(daemon: Running, note: Path) -> None:
    talk(daemon, "Replace two with three.", mode="edit")
    assert talk(daemon, "Undo that.", mode="edit")["event"] == "reverted"
    assert note.read_text() == "One two.\n"


def test_the_stage_goes_from_idle_through_listening_to_idle(daemon: Running, note: Path) -> None:
    talk(daemon, "Three.")
    daemon.ask("status")
    assert daemon.wait_for_stage("idle")["take"] is None


def test_starting_and_stopping_twice_is_one_take(daemon: Running, note: Path) -> None:
    daemon.engine.enqueue("Three.")
    first = daemon.ask("talk.start")
    assert daemon.ask("talk.start") == first
    daemon.microphone.hear(speech())
    daemon.ask("talk.stop")
    assert daemon.ask("talk.stop")["take"] is None
    daemon.wait_for("outcome")
    assert len(daemon.microphone.sources) == 1


def test_the_microphone_hears_on_for_the_tail_and_is_closed_then(daemon: Running, note: Path) -> None:
    talk(daemon, "Three.")
    source = daemon.microphone.sources[0]
    assert source.tail_ms == 400
    assert source.closed.wait(5)


def test_a_cancelled_take_changes_nothing_and_its_sound_is_kept(daemon: Running, note: Path) -> None:
    daemon.ask("talk.start")
    say_and_be_heard(daemon)
    daemon.ask("talk.cancel")
    told = daemon.wait_for("rejected", "outcome")
    assert told["reason"] == "cancelled"
    assert note.read_text() == "One two.\n"
    kept = daemon.ask("log")["utterances"][0]
    assert kept["id"] == told["utterance"]
    assert kept["audio"]["end_sample"] > 16_000


def test_a_cancelled_take_can_be_heard_after_all(daemon: Running, note: Path) -> None:
    daemon.ask("talk.start")
    say_and_be_heard(daemon)
    daemon.ask("talk.cancel")
    number = daemon.wait_for("rejected")["utterance"]
    daemon.engine.enqueue("Three.")
    daemon.ask("retry", utterance=number)
    assert note.read_text() == "One two.\nThree."


def test_silence_writes_nothing_and_says_why(daemon: Running, note: Path) -> None:
    daemon.ask("talk.start")
    daemon.microphone.hear(silence())
    daemon.ask("talk.stop")
    told = daemon.wait_for("rejected", "outcome")
    assert told["reason"]
    assert told["message"]
    assert note.read_text() == "One two.\n"


def test_words_that_fit_nowhere_are_a_failure_that_can_be_retried(daemon: Running, note: Path) -> None:
    told = talk(daemon, "Replace seven with three.", mode="edit")
    assert told["event"] == "failed"
    assert told["error"]["error"] == "no_match"
    note.write_text("One seven.\n")
    daemon.engine.enqueue("Replace seven with three.")
    daemon.ask("retry", utterance=told["utterance"])
    assert note.read_text() == "One three.\n"


def test_when_hearing_fails_the_rest_is_still_recorded(daemon: Running, note: Path) -> None:
    daemon.engine.enqueue(DecodeFailed("llama.cpp stumbled"))
    daemon.ask("talk.start")
    daemon.microphone.hear(speech())
    daemon.ask("talk.stop")
    told = daemon.wait_for("failed")
    assert told["error"]["error"] == "model_failed"
    assert f"retry {told['utterance']}" in told["error"]["hint"] or told["utterance"]
    kept = daemon.ask("log")["utterances"][0]
    assert kept["audio"]["end_sample"] == len(speech())


def test_a_microphone_that_is_not_there_is_told_at_once(daemon: Running, note: Path) -> None:
    daemon.microphone.failure = MicrophoneMissing("there is no microphone")
    with pytest.raises(RemoteFailure, match="there is no microphone"):
        daemon.ask("talk.start")
    assert daemon.ask("status")["stage"] == "idle"
    daemon.microphone.failure = None
    assert talk(daemon, "Three.")["event"] == "outcome"


def test_a_file_that_cannot_be_edited_is_refused_before_anybody_speaks(
    daemon: Running, tmp_path: Path
) -> None:
    with pytest.raises(RemoteFailure) as caught:
        daemon.ask("talk.start", target={"file": str(tmp_path / "missing.txt")})
    assert caught.value.exit_code == 5
    assert daemon.microphone.sources == []
    assert daemon.ask("status")["stage"] == "idle"


def test_a_file_named_for_one_take_is_its_target_only(daemon: Running, note: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("")
    daemon.engine.enqueue("Three.")
    daemon.ask("talk.start", target={"file": str(other)})
    daemon.microphone.hear(speech())
    daemon.ask("talk.stop")
    daemon.wait_for("outcome")
    assert other.read_text() == "Three."
    assert daemon.ask("status")["target"]["name"] == str(note)


def test_a_file_is_pinned_as_long_as_its_client_is_there(daemon: Running, tmp_path: Path) -> None:
    file = tmp_path / "file.txt"
    file.write_text("")
    with ControlClient(daemon.paths.socket) as other:
        other.request("target.file", path=str(file))
        assert daemon.ask("status")["target"]["name"] == str(file)
    daemon.wait_for("target")
    while daemon.wait_for("target")["name"] == str(file):
        pass
    assert daemon.ask("status")["target"]["kind"] == "clipboard"


def test_hands_free_listening_writes_each_utterance_when_it_is_over(daemon: Running, note: Path) -> None:
    daemon.engine.enqueue("Three.", "Four.")
    daemon.ask("hands_free", mode="dictate")
    for _ in range(2):
        daemon.microphone.hear(speech())
        daemon.microphone.hear(silence())
        daemon.wait_for("outcome")
    assert note.read_text() == "One two.\nThree. Four."
    assert daemon.ask("hands_free", mode="off") == {"hands_free": "off"}
    daemon.wait_for_stage("idle")


def test_while_listening_hands_free_other_work_is_done_too(daemon: Running, note: Path) -> None:
    daemon.ask("hands_free", mode="dictate")
    daemon.engine.enqueue("Three.")
    daemon.microphone.hear(speech())
    daemon.microphone.hear(silence())
    daemon.wait_for("outcome")
    with daemon.microphone.quiet_room():
        daemon.ask("undo")
    assert note.read_text() == "One two.\n"


def test_a_recording_in_which_nobody_spoke_is_not_kept(daemon: Running, note: Path) -> None:
    daemon.ask("hands_free", mode="dictate")
    daemon.microphone.hear(silence(2.0))
    daemon.wait_for("level")
    daemon.ask("hands_free", mode="off")
    daemon.wait_for_stage("idle")
    daemon.ask("stop")
    daemon.wait_for("bye")
    folder = Paths.from_environment().journal.parent / "audio"
    assert list(folder.iterdir()) == []


def test_a_spoken_stop_ends_hands_free_listening(daemon: Running, note: Path) -> None:
    daemon.engine.enqueue("Stop listening.")
    daemon.ask("hands_free", mode="edit")
    daemon.microphone.hear(speech())
    daemon.microphone.hear(silence())
    daemon.wait_for("outcome")
    daemon.wait_for_stage("idle")
    assert daemon.ask("status")["hands_free"] == "off"


def test_typed_words_are_carried_out_like_spoken_ones(daemon: Running, note: Path) -> None:
    assert daemon.ask("say", words="replace two with three")["words"] == "replace two with three"
    assert note.read_text() == "One three.\n"
    with pytest.raises(RemoteFailure) as caught:
        daemon.ask("say", words="replace nine with three")
    assert caught.value.exit_code == 6


def test_undo_and_redo_by_command(daemon: Running, note: Path) -> None:
    daemon.ask("say", words="replace two with three")
    assert daemon.ask("undo")["utterances"] == [1]
    assert note.read_text() == "One two.\n"
    daemon.ask("redo")
    assert note.read_text() == "One three.\n"


def test_an_ambiguous_place_is_asked_and_the_answer_counts(daemon: Running, note: Path) -> None:
    note.write_text("two and two\n")
    daemon.engine.enqueue("Replace two with three.")
    daemon.ask("talk.start", mode="edit")
    daemon.microphone.hear(speech())
    daemon.ask("talk.stop")
    question = daemon.wait_for("ask")
    assert [choice["start"] for choice in question["choices"]] == [0, 8]
    assert daemon.ask("status")["stage"] == "asking"
    daemon.ask("answer", question=question["question"], choice=1)
    daemon.wait_for("outcome")
    assert note.read_text() == "two and three\n"


def test_a_question_that_nobody_answers_changes_nothing(daemon: Running, note: Path) -> None:
    note.write_text("two and two\n")
    daemon.engine.enqueue("Replace two with three.")
    daemon.ask("talk.start", mode="edit")
    daemon.microphone.hear(speech())
    daemon.ask("talk.stop")
    daemon.wait_for("ask")
    daemon.ask("talk.cancel")
    assert daemon.wait_for("failed")["error"]["error"] == "ambiguous"
    assert note.read_text() == "two and two\n"


def test_a_large_edit_is_confirmed_first(tmp_path: Path) -> None:
    settings = Settings.model_validate({"hotkeys": {"backend": "none"}, "ask": {"confirm_chars": 5}})
    file = tmp_path / "note.txt"
    file.write_text("One two three four.\n")
    with running_daemon(settings) as daemon:
        daemon.ask("target.file", path=str(file))
        for choice, after in ((None, "One two three four.\n"), (0, "")):
            daemon.engine.enqueue("Delete everything.")
            daemon.ask("talk.start", mode="edit")
            daemon.microphone.hear(speech())
            daemon.ask("talk.stop")
            question = daemon.wait_for("ask")
            assert question["kind"] == "confirm"
            daemon.ask("answer", question=question["question"], choice=choice)
            daemon.wait_for("outcome", "failed")
            assert file.read_text().strip() == after.strip()


def test_a_field_of_a_client_is_the_target_while_it_is_there(daemon: Running) -> None:
    daemon.ask("target.offer", name="practice", title="the practice pad")
    daemon.ask("target.focus", focused=True)
    assert daemon.ask("status")["target"]["kind"] == "client"
    daemon.engine.enqueue("Three.")
    daemon.ask("talk.start")
    daemon.microphone.hear(speech())
    daemon.ask("talk.stop")
    text = "One two."
    while (event := daemon.wait_for("target.snapshot", "target.apply", "outcome"))["event"] != "outcome":
        if event["event"] == "target.apply":
            text = event["text_after"]
        daemon.ask("target.reply", request=event["request"], text=text, anchor=len(text), head=len(text))
    assert text == "One two. Three."
    assert event["receipt"]["state"] == "verified"
    daemon.ask("target.withdraw")
    assert daemon.ask("status")["target"]["kind"] == "clipboard"


def test_two_daemons_cannot_run_at_once(daemon: Running) -> None:
    from voice_edit.daemon import program as module

    with pytest.raises(DaemonRunning):
        module.main(Settings, daemon.paths, tell=lambda _: None)


def test_the_model_is_loaded_when_a_key_goes_down_and_freed_by_command(daemon: Running, note: Path) -> None:
    talk(daemon, "Three.")
    assert daemon.engine.loads == 1
    daemon.wait_for_stage("idle")
    daemon.ask("engine.unload")
    assert daemon.engine.unloads == 1


def test_the_model_is_freed_after_a_while_without_a_word(tmp_path: Path) -> None:
    settings = Settings.model_validate({"hotkeys": {"backend": "none"}, "daemon": {"unload_after_s": 0.2}})
    file = tmp_path / "note.txt"
    file.write_text("")
    with running_daemon(settings) as daemon:
        daemon.ask("target.file", path=str(file))
        talk(daemon, "Three.")
        from virtual_microphone import wait_for

        wait_for(lambda: daemon.engine.unloads == 1, "the model to be unloaded")


def test_what_was_said_is_in_the_log_and_can_be_searched(daemon: Running, note: Path) -> None:
    talk(daemon, "Three four.")
    talk(daemon, "Five six.")
    assert [row["words"] for row in daemon.ask("log")["utterances"]] == ["Five six.", "Three four."]
    assert [row["words"] for row in daemon.ask("log", search="FOUR")["utterances"]] == ["Three four."]


def test_the_journal_survives_the_daemon(tmp_path: Path) -> None:
    file = tmp_path / "note.txt"
    file.write_text("One two.\n")
    with running_daemon() as daemon:
        daemon.ask("target.file", path=str(file))
        talk(daemon, "Three.")
    paths = Paths.from_environment()
    with sessions.open_journal(Settings(), paths, tell=lambda _: None) as journal:
        assert journal.log()[0].words == "Three."


def test_hands_free_listening_begins_a_new_recording_now_and_then_without_a_gap(
    note: Path, daemon: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice_edit.daemon.coordinator.ROTATE_S", 0.1)
    daemon.ask("hands_free", mode="dictate")
    first = daemon.wait_for_stage("listening")["take"]
    daemon.microphone.hear(silence())
    while (second := daemon.wait_for_stage("listening")["take"]) == first:
        pass
    assert second > first
    monkeypatch.setattr("voice_edit.daemon.coordinator.ROTATE_S", 300.0)
    daemon.engine.enqueue("Three.")
    daemon.microphone.hear(speech())
    daemon.microphone.hear(silence())
    daemon.wait_for("outcome")
    assert note.read_text() == "One two.\nThree."


def test_a_daemon_that_is_stopped_in_the_middle_of_a_word_keeps_the_sound(
    daemon: Running, note: Path
) -> None:
    daemon.ask("talk.start")
    say_and_be_heard(daemon)
    daemon.ask("stop")
    daemon.wait_for("bye")
    with sessions.open_journal(Settings(), Paths.from_environment(), tell=lambda _: None) as journal:
        kept = journal.log()[0]
    assert kept.reason == "cancelled"
    assert kept.audio is not None
    assert note.read_text() == "One two.\n"


def test_a_take_that_begins_while_the_last_one_is_still_heard_is_not_lost(
    daemon: Running, note: Path
) -> None:
    daemon.engine.enqueue("Three.", "Four.")
    for _ in range(2):
        daemon.ask("talk.start")
        daemon.microphone.hear(speech())
        daemon.ask("talk.stop")
    daemon.wait_for("outcome")
    daemon.wait_for("outcome")
    assert note.read_text() == "One two.\nThree. Four."


def test_talking_that_nobody_ends_is_ended(tmp_path: Path) -> None:
    settings = Settings.model_validate({"hotkeys": {"backend": "none"}})
    settings = settings.model_copy(
        update={"daemon": settings.daemon.model_copy(update={"longest_take_s": 0.3})}
    )
    file = tmp_path / "note.txt"
    file.write_text("")
    with running_daemon(settings) as daemon:
        daemon.ask("target.file", path=str(file))
        daemon.engine.enqueue("Three.")
        daemon.ask("talk.start")
        daemon.microphone.hear(speech())
        assert daemon.wait_for("notice")["code"] == "take_too_long"
        assert daemon.wait_for("outcome")["words"] == "Three."


def test_a_setting_is_changed_in_use_and_in_the_file(
    daemon: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICE_EDIT_HOTKEYS__BACKEND", "none")
    told = daemon.ask("settings.set", name="ask.confirm_chars", value=7)
    assert told == {"name": "ask.confirm_chars", "value": 7, "restart": False}
    assert daemon.ask("settings")["settings"]["ask"]["confirm_chars"] == 7
    assert "confirm_chars = 7" in daemon.paths.config_file.read_text()
    with pytest.raises(RemoteFailure, match="confirm_chars"):
        daemon.ask("settings.set", name="ask.confirm_chars", value=-1)


def hold_with_a_mumbled_part(daemon: Running, said: str, mode: str) -> dict[str, Any]:
    daemon.engine.enqueue(said, Unsure("mumble mumble"))
    daemon.ask("talk.start", mode=mode)
    for _ in range(2):
        daemon.microphone.hear(speech())
        daemon.microphone.hear(silence(1.5))
    daemon.ask("talk.stop")
    return daemon.wait_for("outcome", "failed", "rejected")


def test_a_command_of_which_a_part_was_not_made_out_is_not_carried_out(daemon: Running, note: Path) -> None:
    told = hold_with_a_mumbled_part(daemon, "Delete everything.", "edit")
    assert told["error"]["error"] == "not_understood"
    assert note.read_text() == "One two.\n"
    assert daemon.ask("log")["utterances"][0]["audio"]["end_sample"] > 2 * len(speech())


def test_of_a_dictation_what_was_made_out_is_written_and_the_gap_is_told(daemon: Running, note: Path) -> None:
    assert hold_with_a_mumbled_part(daemon, "Three four.", "dictate")["event"] == "outcome"
    assert note.read_text() == "One two.\nThree four."


def test_a_single_dictated_word_must_be_surer_than_a_command(daemon: Running, note: Path) -> None:
    told = talk(daemon, Doubtful("Are."))
    assert (told["event"], told["reason"]) == ("rejected", "unsure")
    assert note.read_text() == "One two.\n"
    assert talk(daemon, Doubtful("Undo."), mode="edit")["event"] == "failed", (
        "understood: there is nothing to undo"
    )


def test_a_single_dictated_word_must_have_a_voice_in_it(daemon: Running, note: Path) -> None:
    """However sure the model is: clicks of lips were "Are." with a confidence of -0.03."""
    daemon.engine.enqueue("Are.")
    daemon.ask("talk.start")
    daemon.microphone.hear(hissed(speech()))
    daemon.ask("talk.stop")
    assert daemon.wait_for("outcome", "rejected")["event"] == "rejected"
    assert note.read_text() == "One two.\n"
    assert talk(daemon, "Are.")["event"] == "outcome"
