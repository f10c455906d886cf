"""The doctor with real things: a sound server, an X server, a session bus."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import soundfile
from virtual_display import VirtualDisplay
from virtual_microphone import VirtualMicrophone, virtual_microphone, wait_for

from voice_edit.config import Settings
from voice_edit.doctor.checks import Check, run_checks
from voice_edit.paths import Paths

__all__ = ["virtual_microphone"]


def checks(*only: str, listen_s: float = 1.0, device: str = "default") -> dict[str, Check]:
    settings = Settings.model_validate({"microphone": {"device": device}})
    found = run_checks(settings, Paths.from_environment(), environ=os.environ, only=only, listen_s=listen_s)
    return {check.name: check for check in found}


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualDisplay]:
    with closing(VirtualDisplay()) as opened:
        monkeypatch.setenv("DISPLAY", opened.name)
        for name in ("WAYLAND_DISPLAY", "XDG_SESSION_TYPE", "XAUTHORITY"):
            monkeypatch.delenv(name, raising=False)
        yield opened


@pytest.fixture
def speaking(virtual_microphone: VirtualMicrophone, samples: Path) -> Iterator[VirtualMicrophone]:
    """Somebody who speaks without a pause."""
    sound, _ = soundfile.read(samples / "01-change.wav", dtype="float32")
    stopped = threading.Event()

    def speak() -> None:
        while not stopped.is_set():
            virtual_microphone.play(sound, lead_ms=0)

    thread = threading.Thread(target=speak)
    thread.start()
    yield virtual_microphone
    stopped.set()
    thread.join(60)


def test_a_microphone_that_works(speaking: VirtualMicrophone) -> None:
    def is_heard() -> bool:  # on a busy machine there may be a pause between two playings
        return bool(checks("level", listen_s=1.5)["level"].details["loudest_dbfs"] > -30)

    wait_for(is_heard, "the voice")
    found = checks("portaudio", "microphone", "level", listen_s=1.5)
    assert [check.state for check in found.values()] == ["ok", "ok", "ok"], found
    assert found["level"].details["seconds"] >= 1.5
    assert "Virtual Microphone" in found["level"].message


def test_a_microphone_that_is_muted(virtual_microphone: VirtualMicrophone) -> None:
    virtual_microphone.pactl("set-source-mute", "vmic", "1")
    found = checks("portaudio", "microphone", "level")
    assert found["microphone"].state == "failed"
    assert found["microphone"].message == "Virtual Microphone is muted."
    assert "pactl set-source-mute vmic 0" in found["microphone"].remedy
    assert found["level"].state == "skipped"


def test_a_microphone_that_gives_digital_silence(virtual_microphone: VirtualMicrophone) -> None:
    found = checks("microphone")["microphone"]
    assert found.state == "failed"
    assert "digital silence" in found.message


def test_a_microphone_that_is_not_there(virtual_microphone: VirtualMicrophone) -> None:
    found = checks("microphone", device="no such thing")["microphone"]
    assert found.state == "failed"
    assert "no such thing" in found.message
    assert found.remedy


def test_a_machine_without_sound(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path}/nobody")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    found = checks("portaudio", "microphone", "level")
    assert found["portaudio"].state == "ok"
    assert found["microphone"].state == "failed"
    assert found["microphone"].remedy
    assert found["level"].state == "skipped"


def test_a_sound_server_that_hangs_is_a_finding(
    virtual_microphone: VirtualMicrophone, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from voice_edit.doctor import checks as doctor

    (link,) = (link for link in doctor.LINKS if link.name == "portaudio")
    virtual_microphone.freeze()
    try:
        (check,) = run_checks(
            Settings(),
            Paths.from_environment(),
            environ=os.environ,
            links=[replace(link, limit_s=2.0)],
            listen_s=0.2,
        )
    finally:
        virtual_microphone.thaw()
    assert check.state == "failed"
    assert check.remedy


def test_an_x_session(display: VirtualDisplay) -> None:
    found = checks("session", "hotkeys", "clipboard")
    assert [check.state for check in found.values()] == ["ok", "ok", "ok"], found
    assert display.name in found["session"].message
    assert found["hotkeys"].message.startswith("X11: <ctrl>+<alt>+space to dictate")


def test_the_clipboard_is_not_touched(display: VirtualDisplay) -> None:
    kept = subprocess.Popen(
        ["xclip", "-selection", "clipboard", "-quiet"], env=display.env, stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert kept.stdin is not None
        kept.stdin.write(b"mine")
        kept.stdin.close()
        ask = ["xclip", "-selection", "clipboard", "-o"]

        def held() -> bytes:
            return subprocess.run(ask, env=display.env, capture_output=True, timeout=20, check=False).stdout

        wait_for(lambda: held() == b"mine", "xclip to hold it")
        assert checks("clipboard")["clipboard"].state == "ok"
        assert held() == b"mine"
    finally:
        kept.kill()
        kept.wait()


def test_an_x_server_that_ends_is_noticed(display: VirtualDisplay) -> None:
    display.kill_server()
    found = checks("session", "hotkeys")
    assert found["session"].state == "failed"
    assert found["hotkeys"].state == "warning"
