"""What a service manager gets to read, on real sockets."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from voice_edit.daemon.sd_notify import Notifier, watchdog_timeout_s


class Manager:
    """A service manager's end of the line."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(10)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)

    def read(self) -> str:
        return self.socket.recv(4096).decode("utf-8")

    def has_nothing(self) -> bool:
        self.socket.setblocking(False)
        try:
            return not self.socket.recv(4096)
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(10)


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest) -> Iterator[Manager]:
    with tempfile.TemporaryDirectory() as folder:  # short: a socket's path has room for 107 bytes
        abstract = f"@voice-edit-test-{secrets.token_hex(8)}"
        opened = Manager(abstract if request.param == "abstract" else f"{folder}/notify")
        yield opened
        opened.socket.close()


def environment(manager: Manager, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": manager.address, **more}


def test_ready_status_watchdog_and_stopping_reach_the_manager(manager: Manager) -> None:
    notifier = Notifier.from_environment(environment(manager))
    assert notifier.listened_to
    assert notifier.ready("idle; the model is not loaded")
    assert manager.read() == "READY=1\nSTATUS=idle; the model is not loaded"
    assert notifier.status("listening")
    assert manager.read() == "STATUS=listening"
    assert notifier.ping()
    assert manager.read() == "WATCHDOG=1"
    assert notifier.stopping()
    assert manager.read() == "STOPPING=1"


def test_a_status_cannot_smuggle_another_assignment(manager: Manager) -> None:
    Notifier.from_environment(environment(manager)).status("odd\nSTOPPING=1\r\n name")
    assert manager.read() == "STATUS=odd STOPPING=1 name"


def test_an_empty_status_says_nothing(manager: Manager) -> None:
    assert not Notifier.from_environment(environment(manager)).status(" ")
    assert manager.has_nothing()


def test_without_a_manager_nothing_happens() -> None:
    notifier = Notifier.from_environment({})
    assert not notifier.listened_to
    assert notifier.watchdog_interval_s is None
    assert [notifier.ready(), notifier.status("x"), notifier.ping(), notifier.stopping()] == [False] * 4


def test_a_manager_that_has_gone_disturbs_nobody(tmp_path: Path) -> None:
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    assert notifier.listened_to
    assert not notifier.ready()


def test_a_manager_that_does_not_read_cannot_stop_us(manager: Manager) -> None:
    notifier = Notifier.from_environment(environment(manager))
    told = threading.Event()

    def tell_until_the_queue_is_full() -> None:
        for _ in range(100_000):
            if not notifier.status("x" * 1000):
                told.set()
                return

    threading.Thread(target=tell_until_the_queue_is_full, daemon=True).start()
    assert told.wait(30)


@pytest.mark.parametrize("address", ["vsock:2:1234", "relative/path", ""])
def test_an_address_of_another_kind_is_nobody(address: str) -> None:
    assert not Notifier(address).listened_to


def test_the_watchdog_is_fed_at_half_of_its_time(manager: Manager) -> None:
    notifier = Notifier.from_environment(environment(manager, WATCHDOG_USEC="30000000"))
    assert notifier.watchdog_interval_s == 15.0


def test_a_watchdog_without_a_line_to_the_manager_is_none() -> None:
    assert Notifier.from_environment({"WATCHDOG_USEC": "30000000"}).watchdog_interval_s is None


@pytest.mark.parametrize(
    ("variables", "timeout_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "20000000"}, 20.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "42"}, 20.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "43"}, None),
    ],
)
def test_only_our_own_watchdog_counts(variables: dict[str, str], timeout_s: float | None) -> None:
    assert watchdog_timeout_s(variables, pid=42) == timeout_s


def test_children_do_not_inherit_the_line(manager: Manager) -> None:
    variables = environment(manager, WATCHDOG_USEC="30000000", WATCHDOG_PID="1", KEPT="yes")
    Notifier.from_environment(variables)
    assert variables == {"KEPT": "yes"}


def test_a_process_started_by_a_manager_is_heard(manager: Manager) -> None:
    script = (
        "import os\n"
        "from voice_edit.daemon.sd_notify import Notifier\n"
        "notifier = Notifier.from_environment()\n"
        "assert 'NOTIFY_SOCKET' not in os.environ\n"
        "assert notifier.watchdog_interval_s == 0.5\n"
        "notifier.ready()\n"
    )
    variables = environment(manager, WATCHDOG_USEC="1000000", PYTHONPATH=str(Path(__file__).parent.parent))
    subprocess.run([sys.executable, "-c", script], env=variables, check=True, timeout=60)
    assert manager.read() == "READY=1"
