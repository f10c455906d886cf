"""The daemon with everything real: keys of an X server, sound of a PulseAudio source, the bundled model in
its own process, a file on disk. One run of each; `benchmarks/hold_key.py` and its neighbours make them many.
"""

from __future__ import annotations

import os
import signal
import socket as socket_module
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from virtual_display import VirtualDisplay, virtual_display
from virtual_microphone import VirtualMicrophone, short_folder, wait_for

from voice_edit.control.client import ControlClient
from voice_edit.paths import Paths

SAMPLES = Path(__file__).parent.parent / "samples"
TEXT = "Meeting on Monday\n"
ENDS = ("outcome", "failed", "rejected", "reverted")


class Desk:
    """Keyboard, microphone, file, and what the daemon tells."""

    def __init__(
        self, display: VirtualDisplay, microphone: VirtualMicrophone, client: ControlClient, note: Path
    ) -> None:
        self.display = display
        self.microphone = microphone
        self.client = client
        self.note = note

    def wait_for(self, *names: str) -> dict[str, Any]:
        while (event := self.client.next_event(30)) is not None:
            if event["event"] in names:
                return event
        raise AssertionError(f"none of {names} came")

    def hold(self, key: str) -> None:
        """The key goes down, and the microphone runs."""
        self.display.down("ctrl", "alt", key)
        while self.wait_for("microphone")["state"] != "open":
            pass

    def say(self, name: str, *, wait: bool = True) -> subprocess.Popen[bytes]:
        return self.microphone.play(SAMPLES / name, wait=wait)

    def engine_pid(self) -> int:
        return wait_for(lambda: self.client.request("status")["engine"]["pid"], "the engine process")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One daemon for all of these tests."""
    home = tmp_path_factory.mktemp("live")
    with short_folder() as folder, VirtualMicrophone(folder) as microphone, virtual_display() as display:
        environment = {**display.env, **microphone.environment, "VOICE_EDIT_HOME": str(folder / "home")}
        note = home / "note.txt"
        note.write_text(TEXT)
        with running(environment), ControlClient(Paths.from_environment(environment).socket) as client:
            client.request("subscribe")
            client.request("target.file", path=str(note), pin="daemon")
            wait_for(lambda: client.request("status")["hotkeys"]["backend"] == "x11", "the talk keys")
            yield Desk(display, microphone, client, note)


@contextmanager
def running(environment: dict[str, str]) -> Iterator[None]:
    """A daemon; unless it is killed, it must end by itself."""
    socket = Paths.from_environment(environment).socket
    daemon = subprocess.Popen(
        [sys.executable, "-m", "voice_edit", "run"],
        env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        wait_for(lambda: listens(socket) or daemon.poll() is not None, "the control socket")
        if daemon.poll() is None:
            yield
            daemon.send_signal(signal.SIGTERM)
        _, complaints = daemon.communicate(timeout=20)
        assert daemon.returncode in (0, -signal.SIGKILL), complaints
    finally:
        if daemon.poll() is None:
            daemon.kill()
            daemon.communicate()


def listens(path: Path) -> bool:
    """Whether a daemon can be connected to; the socket of a killed one cannot."""
    with socket_module.socket(socket_module.AF_UNIX) as line:
        return line.connect_ex(str(path)) == 0


@pytest.fixture(autouse=True)
def fresh(desk: Desk) -> Iterator[None]:
    desk.note.write_text(TEXT)
    while desk.client.next_event(0) is not None:
        pass
    yield
    desk.display.hands_off()
    desk.client.request("talk.cancel")
    wait_for(lambda: desk.client.request("status")["stage"] == "idle", "the daemon to be idle")


def test_held_key_spoken_command_edited_file(desk: Desk) -> None:
    desk.hold("e")
    desk.say("01-change.wav")
    desk.display.hands_off()
    told = desk.wait_for(*ENDS)
    assert told["words"] == "Change Monday to Wednesday."
    assert told["receipt"]["state"] == "verified"
    assert desk.note.read_text() == "Meeting on Wednesday\n"


def test_the_dictation_key_writes_words_down(desk: Desk) -> None:
    desk.hold("space")
    desk.say("07-dictate.wav")
    desk.display.hands_off()
    assert desk.wait_for(*ENDS)["words"] == "Please read the report before Friday."
    assert "Please read the report before Friday." in desk.note.read_text()


def test_escape_gives_up_while_the_key_is_still_held(desk: Desk) -> None:
    desk.hold("space")
    player = desk.say("07-dictate.wav", wait=False)
    desk.wait_for("speech")
    desk.display.tap("Escape")
    told = desk.wait_for(*ENDS)
    assert (told["event"], told["reason"]) == ("rejected", "cancelled")
    desk.display.hands_off()
    assert desk.note.read_text() == TEXT
    desk.microphone.wait_until_said(player)


def test_a_tap_starts_and_the_next_tap_stops(desk: Desk) -> None:
    desk.display.run("xdotool", "key", "ctrl+alt+space")
    while desk.wait_for("microphone")["state"] != "open":
        pass
    desk.say("07-dictate.wav")
    desk.display.run("xdotool", "key", "ctrl+alt+space")
    assert desk.wait_for(*ENDS)["words"] == "Please read the report before Friday."


def test_no_word_is_lost_when_the_engine_is_killed_while_somebody_speaks(desk: Desk) -> None:
    desk.hold("e")
    player = desk.say("01-change.wav", wait=False)
    desk.wait_for("speech")
    os.kill(desk.engine_pid(), signal.SIGKILL)
    desk.microphone.wait_until_said(player)
    desk.display.hands_off()
    assert desk.wait_for("notice")["code"] == "engine_restarted"
    assert desk.wait_for(*ENDS)["words"] == "Change Monday to Wednesday."
    assert desk.note.read_text() == "Meeting on Wednesday\n"


def test_a_microphone_that_is_unplugged_and_comes_back_does_not_end_the_take(desk: Desk) -> None:
    desk.hold("space")
    desk.microphone.unplug()
    desk.microphone.plug_in()
    while desk.wait_for("microphone")["state"] != "open":
        pass
    desk.say("07-dictate.wav")
    desk.display.hands_off()
    assert desk.wait_for(*ENDS)["words"].endswith("before Friday.")


def test_the_microphone_is_let_go_of_after_the_take(desk: Desk) -> None:
    desk.client.request("talk.start")
    desk.microphone.wait_until_heard()
    desk.client.request("talk.stop")
    assert desk.wait_for(*ENDS)["event"] == "rejected"
    desk.microphone.wait_until_released()


def test_the_daemon_stays_up_when_its_model_is_unloaded_between_takes(desk: Desk) -> None:
    desk.client.request("engine.unload")
    desk.hold("e")
    desk.say("01-change.wav")
    desk.display.hands_off()
    assert desk.wait_for(*ENDS)["event"] == "outcome"


def test_what_was_said_to_a_daemon_that_was_killed_can_be_heard_by_the_next_one(tmp_path: Path) -> None:
    with short_folder() as folder, VirtualMicrophone(folder) as microphone:
        environment = {**os.environ, **microphone.environment, "VOICE_EDIT_HOME": str(folder / "home"),
                       "VOICE_EDIT_HOTKEYS__BACKEND": "none"}  # fmt: skip
        note = tmp_path / "note.txt"
        note.write_text(TEXT)
        socket = Paths.from_environment(environment).socket
        with running(environment), ControlClient(socket) as client:
            client.request("subscribe", events=["microphone"])
            client.request("target.file", path=str(note), pin="daemon")
            client.request("talk.start", mode="edit")
            microphone.wait_until_heard()
            microphone.play(SAMPLES / "01-change.wav")
            os.kill(client.hello["pid"], signal.SIGKILL)
        assert note.read_text() == TEXT
        with running(environment), ControlClient(socket) as client:
            kept = client.request("log")["utterances"][0]
            assert kept["state"] == "unheard"
            client.request("retry", utterance=kept["id"], timeout_s=60)
        assert note.read_text() == "Meeting on Wednesday\n"
