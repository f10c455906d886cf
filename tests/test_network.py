"""Nothing leaves this machine that the user did not ask for (docs/privacy.md).

The guard (tests/netguard) is in every test of this suite and in every Python process that one starts; here it
is shown to see, and to be where it must be, and what may open a socket is written down.
"""

from __future__ import annotations

import ast
import asyncio
import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import network_guard
import pytest
from running import ok, rows
from test_wyoming import answer, pcm, say
from wyoming.client import AsyncClient

from engine.source import read_audio
from voice_edit.control.client import ControlClient
from voice_edit.paths import Paths
from voice_edit.wyoming import _protocol as wire

ROOT = Path(__file__).parent.parent

LIBRARIES = {
    "aiohttp", "ftplib", "h11", "http.client", "http.server", "httpcore", "httpx", "httpx2",
    "huggingface_hub", "openai", "requests", "smtplib", "socket", "socketserver", "ssl", "starlette",
    "telnetlib", "urllib.request", "urllib3", "uvicorn", "websockets", "wyoming", "xmlrpc",
}  # fmt: skip
CALLS = {
    "create_connection", "create_datagram_endpoint", "create_server", "getaddrinfo", "open_connection",
    "open_unix_connection", "start_server", "start_unix_server", "urlopen",
}  # fmt: skip

# docs/privacy.md says the same to people.
INSIDE = {
    "engine/_engine_process.py", "engine/worker.py",  # a pair of sockets between daemon and engine process
    "hotkeys/_evdev.py",  # a pair, to be woken up
    "hotkeys/_x11.py",  # the connection to the screen, to be woken up
    "voice_edit/control/client.py", "voice_edit/control/link.py", "voice_edit/control/peer.py",
    "voice_edit/control/server.py", "voice_edit/control/socket_file.py",  # the control socket, in a folder
    "voice_edit/daemon/sd_notify.py",  # the service manager's, in a folder
    "voice_edit/desktop/_wayland_selection.py", "voice_edit/desktop/_wayland_sway.py",
    "voice_edit/desktop/_wayland_wire.py", "voice_edit/doctor/desktop.py",  # the compositor's, in a folder
}  # fmt: skip
LOOPBACK = {
    "voice_edit/api/app.py", "voice_edit/api/chat.py", "voice_edit/api/edits.py",
    "voice_edit/api/endpoint.py", "voice_edit/api/guard.py", "voice_edit/api/protocol.py",
    "voice_edit/api/requests.py", "voice_edit/api/server.py",
    "voice_edit/api/transcriptions.py",  # [api] enabled, on 127.0.0.1 and ::1 only
}  # fmt: skip
ASKED = {
    "engine/_hub.py",  # `voice-edit model pull`
    "engine/server_http.py", "engine/server_call.py",  # [server] url; other machines with allow_remote
    "voice_edit/wyoming/_protocol.py", "voice_edit/wyoming/address.py",
    "voice_edit/wyoming/server.py",  # [wyoming] enabled; other machines with allow_remote
}  # fmt: skip


# --- what may open a socket ---------------------------------------------------------------------------------


def opens_sockets(path: Path) -> bool:
    """Whether a file names anything that could."""
    text = path.read_text(encoding="utf-8")
    if not any(name.partition(".")[0] in text for name in LIBRARIES | CALLS):
        return False
    for node in ast.walk(ast.parse(text)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Attribute) and node.attr in CALLS:
            return True
        if any(name == one or name.startswith(f"{one}.") for name in names for one in LIBRARIES):
            return True
    return False


def test_every_file_that_could_open_a_socket_is_known() -> None:
    folders = [ROOT / package for package in ("engine", "hotkeys", "voice_edit")]
    files = [path for folder in folders for path in folder.rglob("*.py") if "training" not in path.parts]
    found = {str(path.relative_to(ROOT)) for path in files if opens_sockets(path)}
    assert found == INSIDE | LOOPBACK | ASKED, "write down what it opens: here and in docs/privacy.md"


def test_people_are_told_of_everything_that_can_be_reached_from_elsewhere() -> None:
    page = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
    for name in ("model pull", "server.url", "server.allow_remote", "wyoming.allow_remote", "api.enabled"):
        assert name in page, name


# --- the guard sees -----------------------------------------------------------------------------------------

REACH = {
    "connects": "socket.create_connection(('192.0.2.1', 80), 1)",
    "connects by IPv6": "socket.socket(socket.AF_INET6).connect(('2001:db8::1', 80))",
    "sends": "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    "asks which address is its own": "socket.socket(type=socket.SOCK_DGRAM).connect(('192.0.2.1', 53))",
    "listens on every interface": "socket.socket().bind(('', 0))",
    "listens on every interface by number": "socket.socket().bind(('0.0.0.0', 0))",
    "listens on every interface by IPv6": "socket.socket(socket.AF_INET6).bind(('::', 0))",
    "looks up a name": "socket.getaddrinfo('example.com', 443)",
    "looks up a name the old way": "socket.gethostbyname('example.com')",
    "looks up whose address it is": "socket.getnameinfo(('192.0.2.1', 80), 0)",
    "asks the web": "__import__('urllib.request').request.urlopen('http://example.com/')",
    "asks the web from a loop": (
        "asyncio = __import__('asyncio'); asyncio.run(asyncio.open_connection('example.com', 80))"
    ),
}
STAY = {
    "connects to this machine": "socket.socket().connect_ex(('127.0.0.1', 9))",
    "to another address of it": "socket.socket().connect_ex(('127.1.2.3', 9))",
    "by IPv6": "socket.socket(socket.AF_INET6).connect_ex(('::1', 9))",
    "by its name": "socket.socket().connect_ex(('localhost', 9))",
    "listens on it": "socket.socket().bind(('127.0.0.1', 0))",
    "looks nothing up": "socket.getaddrinfo('192.0.2.1', 80), socket.getaddrinfo(None, 80)",
    "uses sockets in folders": "socket.socket(socket.AF_UNIX).connect_ex('/nowhere')",
}


def in_a_process(code: str, log: Path) -> list[str]:
    """What a fresh Python that runs `code` reached beyond this machine."""
    environment = os.environ | {network_guard.LOG: str(log)}
    subprocess.run(
        [sys.executable, "-c", f"import socket\n{code}"],
        env=environment, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    return [json.loads(line)["reached"] for line in log.read_text().splitlines()] if log.exists() else []


@pytest.mark.parametrize("code", REACH.values(), ids=REACH)
def test_the_guard_sees_who(code: str, tmp_path: Path) -> None:
    assert in_a_process(code, tmp_path / "log")


def test_the_guard_lets_who_stays_on_this_machine(tmp_path: Path) -> None:
    assert in_a_process("\n".join(STAY.values()), tmp_path / "log") == []


def test_the_guard_is_in_this_process_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv(network_guard.LOG, str(log))
    with socket.socket() as one, pytest.raises(PermissionError, match=r"192\.0\.2\.1"):
        one.connect(("192.0.2.1", 80))
    monkeypatch.undo()
    assert json.loads(log.read_text())["reached"] == "192.0.2.1 port 80"


# --- the program stays here ---------------------------------------------------------------------------------


def test_the_main_commands_stay_on_this_machine(samples: Path, note: Path) -> None:
    """This process is guarded, and so is the engine's: whatever reaches further fails this test."""
    wav = str(sorted(samples.glob("*.wav"))[0])
    ok("transcribe", wav)
    ok("edit", str(note), "--say", "delete the last word")
    ok("undo")
    ok("log")
    ok("say", "delete the last word", stdin="one two")
    rows("model", "list")
    ok("model", "show", "bundled")
    ok("apps", "list")
    ok("vocabulary", "list")
    ok("api", "token")


@contextmanager
def daemon(settings: str, seen: Path) -> Iterator[ControlClient]:
    """The real one, with its engine process."""
    home = Path(os.environ["VOICE_EDIT_HOME"])
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "config" / "config.toml").write_text(settings, encoding="utf-8")
    environment = os.environ | {network_guard.SEEN: str(seen)}
    process = subprocess.Popen(
        [sys.executable, "-m", "voice_edit", "run"],
        env=environment, cwd=ROOT, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if "voice-edit is ready" in line:
                break
        with ControlClient(Paths.from_environment().socket) as client:
            yield client
    finally:
        process.terminate()
        rest, _ = process.communicate(timeout=30)
        assert process.returncode == 0, rest


def test_the_daemon_its_engine_and_what_it_offers_stay_on_this_machine(samples: Path, tmp_path: Path) -> None:
    seen, place = tmp_path / "seen", tmp_path / "w.sock"
    settings = f"""
[hotkeys]
backend = "none"
[wyoming]
enabled = true
uri = "unix://{place}"
[api]
enabled = true
port = 0
"""
    wav = sorted(samples.glob("*.wav"))[0]

    async def by_wyoming() -> str:
        async with AsyncClient.from_uri(f"unix://{place}", read_timeout=60) as client:
            await say(client, pcm(read_audio(wav)))
            return (await answer(client)).text

    with daemon(settings, seen) as client:
        status: dict[str, Any] = client.request("status")
        words = asyncio.run(by_wyoming())
        key = ok("api", "token").strip()
        request = urllib.request.Request(
            f"{status['endpoint']}/models", headers={"Authorization": f"Bearer {key}"}
        )
        with urllib.request.urlopen(request, timeout=30) as reply:
            assert "bundled" in reply.read().decode()
    assert words
    commands = [" ".join(json.loads(line)["command"]) for line in seen.read_text().splitlines()]
    assert any("voice_edit run" in command for command in commands)
    assert any("engine.worker" in command for command in commands), "the engine process is guarded"
    assert wire.Transcript(words).text == words
