"""The endpoint inside the real daemon: opened by a setting, told of by `status`, closed at the end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
from virtual_microphone import short_folder, wait_for

from voice_edit.control.client import ControlClient
from voice_edit.paths import Paths

SETTINGS = {
    "VOICE_EDIT_API__ENABLED": "1",
    "VOICE_EDIT_API__PORT": "0",
    "VOICE_EDIT_HOTKEYS__BACKEND": "none",
    "VOICE_EDIT_FIELD__ENABLED": "0",
    "VOICE_EDIT_ENGINE__THREADS": "1",
}


@contextmanager
def daemon(home: Path, **settings: str) -> Iterator[dict[str, str]]:
    """A daemon without microphone and keys; its environment."""
    environment = {**os.environ, **SETTINGS, **settings, "VOICE_EDIT_HOME": str(home)}
    environment.pop("DISPLAY", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "voice_edit", "run"],
        env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if "ready" in line:
                break
        else:
            raise AssertionError("".join(said))
        yield environment
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0


def run(environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    """A verb's answer as JSON."""
    command = [sys.executable, "-m", "voice_edit", *arguments, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture
def home() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder / "home"


def test_the_daemon_serves_whoever_has_the_key(home: Path, samples: Path) -> None:
    with daemon(home) as environment:
        told = run(environment, "api", "status")
        assert told["open"]
        key = run(environment, "api", "token")
        assert Path(key["file"]).stat().st_mode & 0o777 == 0o600
        sound = (samples / "01-change.wav").read_bytes()
        with openai.OpenAI(base_url=told["url"], api_key=key["token"], max_retries=0) as client:
            words = client.audio.transcriptions.create(file=("a.wav", sound), model="whisper-1").text
        assert words == "Change Monday to Wednesday."
        with ControlClient(Paths.from_environment(environment).socket) as control:
            assert wait_for(lambda: control.request("status")["engine"]["state"] == "ready", "it is loaded")
            control.request("engine.unload")
            assert control.request("status")["engine"]["pid"] is None
    told = run(environment, "api", "status")
    assert (told["open"], told["daemon"]) == (False, False)


def test_a_port_that_is_taken_costs_the_endpoint_and_nothing_else(home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        with daemon(home, VOICE_EDIT_API__PORT=port) as environment:
            told = run(environment, "api", "status")
            assert not told["open"]
            assert "cannot be listened on" in told["problem"]
            assert run(environment, "status")["stage"] == "idle"


def test_nothing_is_opened_that_was_not_asked_for(home: Path) -> None:
    with daemon(home, VOICE_EDIT_API__ENABLED="0") as environment:
        assert not run(environment, "api", "status")["open"]
        assert not Paths.from_environment(environment).api_token.exists()
