"""The daemon and the focused field: what is said goes there, or is kept, and is never put anywhere else.

The desktop is in memory here; benchmarks and test_fields_live.py use real programs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from daemon_running import Running, running_daemon
from fake_desktop import FakeDesktop
from fake_devices import silence, speech
from running import refused

from voice_edit.config import Settings
from voice_edit.desktop.base import Window
from voice_edit.edits import Selection
from voice_edit.errors import RemoteFailure

CHAT = Window("x11:0x2", "chat", "Chat", 78)


@pytest.fixture
def desk() -> FakeDesktop:
    return FakeDesktop()


@pytest.fixture
def daemon(desk: FakeDesktop) -> Iterator[Running]:
    settings = Settings.model_validate({"hotkeys": {"backend": "none"}})
    with running_daemon(settings, desktop=desk.desktop) as running:
        yield running


def talk(daemon: Running, heard: str, mode: str = "dictate") -> dict[str, Any]:
    daemon.engine.enqueue(heard)
    daemon.ask("talk.start", mode=mode)
    daemon.microphone.hear(speech())
    daemon.ask("talk.stop")
    return daemon.wait_for("outcome", "failed", "rejected", "reverted")


def test_dictation_goes_into_the_focused_field_and_is_read_back(daemon: Running, desk: FakeDesktop) -> None:
    told = talk(daemon, "Hello there.")
    assert desk.field.text == "Hello there."
    assert told["receipt"]["state"] == "verified"
    assert told["target"].startswith("field:notes#")
    assert told["timing"]["write_ms"] >= 0


def test_status_says_how_the_field_is_written_to_and_why(daemon: Running) -> None:
    target = daemon.ask("status")["target"]
    assert (target["kind"], target["app"], target["mechanism"]) == ("field", "notes", "accessibility")
    assert "read back" in target["why"]


def test_commands_edit_the_field_without_a_selection(daemon: Running, desk: FakeDesktop) -> None:
    desk.field.put(0, 0, "See you on Tuesday at noon.")
    talk(daemon, "Replace Tuesday with Wednesday.", mode="edit")
    assert desk.field.text == "See you on Wednesday at noon."


UNASKED = Settings.model_validate({"hotkeys": {"backend": "none"}, "ask": {"confirm_chars": 0}})
LONG = "".join(f"Sentence number {n} stands here. It has a friend.\n" for n in range(1000))


@pytest.mark.parametrize(
    ("words", "after"),
    [
        ("Delete the first sentence.", LONG.replace("Sentence number 0 stands here. ", "", 1)),
        ("Delete the last line.", LONG.removesuffix("Sentence number 999 stands here. It has a friend.\n")),
        ("Replace number 7 stands with number seven stands.", LONG.replace("number 7 ", "number seven ")),
        ("Replace every friend with cousin.", LONG.replace("friend", "cousin")),
    ],
)
def test_a_command_about_all_of_a_long_text_is_not_carried_out_in_a_window_of_it(
    desk: FakeDesktop, words: str, after: str
) -> None:
    desk.field.put(0, 0, LONG)
    desk.field.selection = Selection(25_000, 25_000)
    with running_daemon(UNASKED, desktop=desk.desktop) as daemon:
        assert talk(daemon, words, mode="edit")["receipt"]["state"] == "verified"
    assert desk.field.text == after


def test_the_caret_goes_to_the_end_of_a_long_text_not_of_a_window_of_it(
    daemon: Running, desk: FakeDesktop
) -> None:
    desk.field.put(0, 0, LONG)
    desk.field.selection = Selection(25_000, 25_000)
    talk(daemon, "Go to the end.", mode="edit")
    assert desk.field.selection.head >= len(LONG) - 1


def test_a_paragraph_that_goes_on_behind_the_window_is_meant_as_a_whole(desk: FakeDesktop) -> None:
    text = "short words, " * 2000
    desk.field.put(0, 0, f"Before.\n\n{text}\n\nBehind.")
    desk.field.selection = Selection(13_000, 13_000)
    with running_daemon(UNASKED, desktop=desk.desktop) as daemon:
        talk(daemon, "Make this paragraph upper case.", mode="edit")
    assert desk.field.text == f"Before.\n\n{text.upper()}\n\nBehind."


def test_a_command_about_what_is_near_reads_no_more_than_the_window(
    daemon: Running, desk: FakeDesktop
) -> None:
    desk.field.put(0, 0, LONG)
    at = LONG.index("number 500 ")
    desk.field.selection = Selection(at, at)
    desk.field.longest_read = 0
    talk(daemon, "Delete this sentence.", mode="edit")
    assert desk.field.text == LONG.replace("Sentence number 500 stands here. ", "")
    assert desk.field.longest_read <= 8000


@pytest.mark.parametrize("words", ["Delete that.", "I meant Saturday not Friday."])
def test_what_was_said_last_is_meant_although_the_caret_is_far_away_from_it(
    daemon: Running, desk: FakeDesktop, words: str
) -> None:
    desk.field.put(0, 0, LONG)
    desk.field.selection = Selection(0, 0)
    talk(daemon, "We meet on Friday.")
    said = desk.field.text
    desk.field.selection = Selection(25_000, 25_000)
    talk(daemon, words, mode="edit")
    wanted = LONG if words == "Delete that." else said.replace("Friday", "Saturday")
    assert desk.field.text == wanted


def test_the_selection_is_that_however_long_the_text(daemon: Running, desk: FakeDesktop) -> None:
    desk.field.put(0, 0, LONG)
    desk.field.selection = Selection(0, 0)
    talk(daemon, "We meet on Friday.")
    said = desk.field.text
    at = said.index("number 500 ")
    desk.field.selection = Selection(at, at + len("number 500 "))
    talk(daemon, "Delete that.", mode="edit")
    assert desk.field.text == said.replace("number 500 ", "")


def test_what_was_typed_far_away_while_somebody_spoke_is_kept(daemon: Running, desk: FakeDesktop) -> None:
    desk.field.put(0, 0, LONG)
    desk.field.selection = Selection(25_000, 25_000)
    daemon.engine.enqueue("Delete the first sentence.")
    daemon.ask("talk.start", mode="edit")
    daemon.microphone.hear(speech())
    desk.field.put(24_000, 24_000, "typed")
    daemon.ask("talk.stop")
    daemon.wait_for("outcome")
    typed = LONG[:24_000] + "typed" + LONG[24_000:]
    assert desk.field.text == typed.replace("Sentence number 0 stands here. ", "", 1)


def test_undo_takes_back_our_span_only(daemon: Running, desk: FakeDesktop) -> None:
    talk(daemon, "Hello there, and good morning.")
    desk.field.put(0, 0, "Typed by hand. ")
    assert talk(daemon, "Undo that.", mode="edit")["event"] == "reverted"
    assert desk.field.text == "Typed by hand. "


def test_undo_as_a_command_finds_the_field_that_was_written_last(daemon: Running, desk: FakeDesktop) -> None:
    talk(daemon, "Hello there.")
    desk.becomes(ref=":1.9/1", role="terminal")  # in which somebody types `voice-edit undo`
    daemon.ask("undo")
    assert desk.field.text == ""


def test_undo_as_a_command_is_about_what_was_written_not_about_what_had_the_focus(
    daemon: Running, desk: FakeDesktop
) -> None:
    talk(daemon, "Hello there.")
    for number in range(100):  # more fields than are remembered
        desk.becomes(ref=f":1.5/field/{number + 2}")
        assert daemon.ask("status")["target"]["kind"] == "field"
    desk.becomes(ref=":1.9/1", role="terminal")
    daemon.ask("undo")
    assert desk.field.text == ""


@pytest.mark.parametrize(
    ("change", "code"), [({"secret": True}, "field_secret"), ({"editable": False}, "field_read_only")]
)
def test_typed_words_are_refused_where_nobody_is_listened_to(
    daemon: Running, desk: FakeDesktop, change: dict[str, Any], code: str
) -> None:
    desk.becomes(**change)
    with pytest.raises(RemoteFailure) as told:
        daemon.ask("say", words="Hello there.", mode="dictate")
    assert told.value.code == code
    assert daemon.ask("log")["utterances"] == []


def test_a_password_is_not_listened_for(daemon: Running, desk: FakeDesktop) -> None:
    desk.becomes(secret=True, role="password text")
    with pytest.raises(RemoteFailure, match="password") as told:
        daemon.ask("talk.start")
    assert told.value.code == "field_secret"
    assert daemon.microphone.sources == []


def test_hands_free_listening_rests_while_the_focus_is_on_a_password(
    daemon: Running, desk: FakeDesktop
) -> None:
    daemon.engine.enqueue("Begun.")
    daemon.ask("hands_free", mode="dictate")
    daemon.microphone.hear(speech()[:16_000])  # in the middle of a sentence
    daemon.wait_for("speech")
    desk.becomes(secret=True, role="password text")
    assert daemon.wait_for("notice")["code"] == "field_secret"
    assert daemon.wait_for("outcome")["words"] == "Begun."
    daemon.wait_for_stage("idle")
    assert (len(daemon.microphone.sources), daemon.microphone.sources[0].tail_ms) == (1, 0)
    desk.becomes(secret=False, role="text")
    daemon.wait_for_stage("listening")
    daemon.engine.enqueue("Hello there.")
    daemon.microphone.hear(speech())
    daemon.microphone.hear(silence())
    assert daemon.wait_for("outcome")["words"] == "Hello there."
    assert daemon.ask("status")["hands_free"] == "dictate"


def test_hands_free_listening_that_is_switched_off_while_it_rests_stays_off(
    daemon: Running, desk: FakeDesktop
) -> None:
    desk.becomes(editable=False)
    assert daemon.ask("hands_free", mode="dictate") == {"hands_free": "dictate"}
    daemon.ask("hands_free", mode="off")
    desk.becomes(ref=":1.5/field/2")
    assert daemon.ask("status")["stage"] == "idle"
    assert daemon.microphone.sources == []


def test_a_field_that_loses_the_focus_to_the_talk_key_is_still_meant(
    daemon: Running, desk: FakeDesktop
) -> None:
    desk.loses_focus()
    told = talk(daemon, "Hello there.")
    assert (desk.field.text, told["receipt"]["state"]) == ("Hello there.", "verified")


def test_a_password_that_loses_the_focus_to_the_talk_key_is_still_one(
    daemon: Running, desk: FakeDesktop
) -> None:
    desk.becomes(secret=True, role="password text")
    desk.loses_focus()
    with pytest.raises(RemoteFailure, match="password"):
        daemon.ask("talk.start")


def test_a_field_that_lost_the_focus_to_another_window_is_not_meant(
    daemon: Running, desk: FakeDesktop
) -> None:
    desk.window = CHAT
    desk.loses_focus()
    assert daemon.ask("status")["target"]["app"] == "chat"


def test_a_field_that_takes_nothing_is_not_listened_for(daemon: Running, desk: FakeDesktop) -> None:
    desk.becomes(editable=False)
    with pytest.raises(RemoteFailure, match="cannot be changed"):
        daemon.ask("talk.start")
    assert daemon.microphone.sources == []


def test_words_whose_window_is_gone_are_on_the_clipboard(daemon: Running, desk: FakeDesktop) -> None:
    daemon.engine.enqueue("Hello there.")
    daemon.ask("talk.start")
    daemon.microphone.hear(speech())
    desk.field.alive = False
    daemon.ask("talk.stop")
    failed = daemon.wait_for("failed")
    assert (failed["error"]["error"], failed["words"]) == ("target_gone", "Hello there.")
    assert daemon.wait_for("notice")["code"] == "words_sheltered"
    assert desk.clipboard_text == "Hello there."


def test_words_go_to_the_pinned_field_although_another_window_has_the_focus(
    daemon: Running, desk: FakeDesktop
) -> None:
    daemon.engine.enqueue("Hello there.")
    daemon.ask("talk.start")
    daemon.microphone.hear(speech())
    desk.window = CHAT
    daemon.ask("talk.stop")
    assert daemon.wait_for("outcome")["receipt"]["state"] == "verified"
    assert desk.field.text == "Hello there."


def test_a_blind_window_that_lost_the_focus_gets_nothing_and_the_words_are_kept() -> None:
    desk = FakeDesktop(element=None)
    settings = Settings.model_validate({"hotkeys": {"backend": "none"}})
    with running_daemon(settings, desktop=desk.desktop) as daemon:
        daemon.engine.enqueue("Hello there.")
        daemon.ask("talk.start")
        daemon.microphone.hear(speech())
        desk.window = CHAT
        daemon.ask("talk.stop")
        assert daemon.wait_for("failed")["error"]["error"] == "field_moved"
        daemon.wait_for("notice")
    assert (desk.pressed, desk.clipboard_text) == ([], "Hello there.")


def test_edit_commands_that_failed_are_not_put_on_the_clipboard(daemon: Running, desk: FakeDesktop) -> None:
    desk.field.put(0, 0, "See you on Tuesday.")
    daemon.engine.enqueue("Replace Tuesday with Wednesday.")
    daemon.ask("talk.start", mode="edit")
    daemon.microphone.hear(speech())
    desk.field.alive = False
    daemon.ask("talk.stop")
    daemon.wait_for("failed")
    assert desk.clipboard_text == "what was there before"


def test_a_field_in_a_terminal_gives_way_to_the_pad_that_says_it_has_the_focus(
    daemon: Running, desk: FakeDesktop
) -> None:
    daemon.ask("target.offer", name="practice", title="the practice pad")
    daemon.ask("target.focus", focused=True)
    assert daemon.ask("status")["target"]["kind"] == "field"
    desk.becomes(role="terminal")
    assert daemon.ask("status")["target"]["kind"] == "client"


def test_fields_can_be_switched_off(desk: FakeDesktop) -> None:
    settings = Settings.model_validate({"hotkeys": {"backend": "none"}, "field": {"enabled": False}})
    with running_daemon(settings, desktop=desk.desktop) as daemon:
        assert daemon.ask("status")["target"]["kind"] == "clipboard"


def test_undo_in_a_shell_takes_no_older_edit_for_words_that_a_terminal_got(
    daemon: Running, desk: FakeDesktop
) -> None:
    talk(daemon, "Hello there.")
    desk.becomes(ref=":1.9/1", role="terminal", readable=False)
    talk(daemon, "Good bye.")
    assert "gives nothing back" in refused("undo", code=6)
    assert desk.field.text.startswith("Hello there.")


def test_two_takes_into_a_terminal_do_not_run_together() -> None:
    desk = FakeDesktop(element=None, window=Window("x11:0x7", "xterm", "xterm", 79))
    settings = Settings.model_validate({"hotkeys": {"backend": "none"}})
    with running_daemon(settings, desktop=desk.desktop) as daemon:
        talk(daemon, "Git status.")
        talk(daemon, "And more.")
    assert "".join(desk.pasted) == "git status and more "
