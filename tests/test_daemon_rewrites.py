"""Rewrites through the daemon: what clients are told while a text is written, and how it is given up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_running import Running, running_daemon
from fake_devices import speech
from test_daemon import talk
from writers import ScriptedWriter

from engine.writer import WriteRequest
from voice_edit.errors import RemoteFailure

TEXT = "We gonna go.\n"
FORMAL = "We are going to go."


@pytest.fixture
def writer() -> ScriptedWriter:
    return ScriptedWriter()


@pytest.fixture
def daemon(writer: ScriptedWriter) -> Iterator[Running]:
    with running_daemon(writer=writer) as running:
        yield running


@pytest.fixture
def note(daemon: Running, tmp_path: Path) -> Path:
    file = tmp_path / "note.txt"
    file.write_text(TEXT)
    daemon.ask("target.file", path=str(file))
    return file


def test_a_spoken_rewrite_is_shown_as_it_appears_and_then_stands_in_the_file(
    daemon: Running, note: Path, writer: ScriptedWriter
) -> None:
    writer.answers.append(FORMAL)
    daemon.engine.enqueue("Make this sentence formal.")
    daemon.ask("talk.start", mode="edit")
    daemon.microphone.hear(speech())
    daemon.ask("talk.stop")
    shown = daemon.wait_for("writing")
    assert FORMAL.startswith(shown["text"])
    assert (shown["old"], shown["style"], shown["by"]) == ("We gonna go.", "Formal", "scripted")
    while not shown["over"]:
        shown = daemon.wait_for("writing")
    told = daemon.wait_for("outcome")
    assert told["commands"][0]["text"] == FORMAL
    assert told["changes"] == [{"start": 0, "old": "We gonna go.", "new": FORMAL}]
    assert note.read_text() == FORMAL + "\n"
    daemon.ask("undo")
    assert note.read_text() == TEXT


def test_while_somebody_says_an_edit_the_writer_gets_ready_for_the_text(
    daemon: Running, note: Path, writer: ScriptedWriter
) -> None:
    talk(daemon, "Delete the last word.", mode="edit")
    assert TEXT.strip() in writer.expected[0].messages[-1].text
    talk(daemon, "Anything.", mode="dictate")
    assert len(writer.expected) == 1


def test_the_stage_is_writing_and_cancel_gives_it_up_with_everything_as_it_was(
    daemon: Running, note: Path, writer: ScriptedWriter
) -> None:
    begun = threading.Event()

    def waits(_: WriteRequest) -> str:
        begun.set()
        assert writer.cancelled.wait(10)
        return FORMAL

    writer.answers.append(lambda request: "We are")
    writer.answers.append(waits)
    note.write_text("One is here.\n\n" + "Two is there. " * 120 + "\n")
    before = note.read_text()
    failed: list[RemoteFailure] = []

    def say() -> None:
        from voice_edit.control.client import ControlClient

        with ControlClient(daemon.paths.socket) as client:
            try:
                client.request("say", words="make everything formal", mode="edit", timeout_s=20)
            except RemoteFailure as error:
                failed.append(error)

    thread = threading.Thread(target=say)
    thread.start()
    assert begun.wait(10)
    daemon.wait_for_stage("writing")
    daemon.ask("talk.cancel")
    told = daemon.wait_for("failed", "outcome")
    thread.join(10)
    assert told["error"]["error"] == "interrupted"
    assert failed
    assert note.read_text() == before
    assert daemon.ask("log")["utterances"][0]["words"] == "make everything formal"


def test_without_a_writer_it_is_told_what_is_missing(tmp_path: Path) -> None:
    with running_daemon() as daemon:
        file = tmp_path / "note.txt"
        file.write_text(TEXT)
        daemon.ask("target.file", path=str(file))
        with pytest.raises(RemoteFailure) as caught:
            daemon.ask("say", words="make this sentence formal", mode="edit")
        assert caught.value.code == "needs_writer"
