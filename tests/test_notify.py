"""Notifications on a real, private session bus, shown by a service that writes down what it was given."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from voice_edit.daemon.notify import (
    AT_MOST,
    NAME,
    PATH,
    SAME_AGAIN_S,
    Notifier,
    RateLimit,
    bus_address,
    unquoted,
    who_shows,
)


@pytest.fixture
def bus() -> Iterator[str]:
    """The address of a message bus of our own."""
    if shutil.which("dbus-daemon") is None:
        pytest.fail("dbus-daemon is missing: apt-get install dbus", pytrace=False)
    with tempfile.TemporaryDirectory() as folder:  # a socket's path has room for 107 bytes
        daemon = subprocess.Popen(
            [
                "dbus-daemon",
                "--session",
                "--nofork",
                "--nopidfile",
                f"--address=unix:path={folder}/bus",
                "--print-address=1",
            ],
            env={"PATH": "/usr/bin:/bin", "XDG_DATA_HOME": folder, "XDG_DATA_DIRS": folder},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert daemon.stdout is not None
            yield daemon.stdout.readline().strip()
        finally:
            daemon.kill()
            daemon.wait()
            daemon.stdout.close()


class Desktop:
    """Shows notifications: keeps them, and numbers them from 1."""

    def __init__(
        self, address: str, *, capabilities: tuple[str, ...] = ("body",), answers: bool = True
    ) -> None:
        self.shown: list[list[Any]] = []
        self._address = address
        self._capabilities = list(capabilities)
        self._answers = answers
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._run(self._open())

    def _run(self, asked: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result(20)

    async def _open(self) -> None:
        from dbus_fast.aio import MessageBus

        self._bus = await MessageBus(bus_address=self._address).connect()
        self._bus.add_message_handler(self._answer)
        await self._bus.request_name(NAME)

    def _answer(self, message: Any) -> Any:
        from dbus_fast import Message

        if message.path != PATH or message.interface != NAME:
            return None
        if not self._answers:
            return True
        if message.member == "GetCapabilities":
            return Message.new_method_return(message, "as", [self._capabilities])
        if message.member == "GetServerInformation":
            return Message.new_method_return(message, "ssss", ["Paper", "us", "3.1", "1.2"])
        assert message.signature == "susssasa{sv}i"
        self.shown.append(message.body)
        number = message.body[1] or len(self.shown)
        return Message.new_method_return(message, "u", [number])

    async def _leave(self) -> None:
        self._bus.disconnect()

    def close(self) -> None:
        self._run(self._leave())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()


@pytest.fixture
def desktop(bus: str) -> Iterator[Desktop]:
    opened = Desktop(bus)
    yield opened
    opened.close()


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def notifier(bus: str, clock: Clock | None = None) -> Notifier:
    return Notifier({"DBUS_SESSION_BUS_ADDRESS": bus}, clock=clock or Clock())


def test_a_failure_is_shown(bus: str, desktop: Desktop) -> None:
    assert notifier(bus).failure("The microphone was lost", "It is waited for.")
    ((app, replaces, icon, title, body, actions, hints, expires),) = desktop.shown
    assert (app, replaces, title, body) == ("voice-edit", 0, "The microphone was lost", "It is waited for.")
    assert icon == "audio-input-microphone"
    assert (actions, expires) == ([], -1)
    assert hints["urgency"].value == 1


def test_a_later_failure_takes_the_place_of_the_one_before(bus: str, desktop: Desktop) -> None:
    notes = notifier(bus)
    notes.failure("one")
    notes.failure("two")
    notes.failure("three")
    assert [shown[1] for shown in desktop.shown] == [0, 1, 1]


def test_a_flood_becomes_a_few(bus: str, desktop: Desktop) -> None:
    clock = Clock()
    notes = notifier(bus, clock)
    for _ in range(5):
        notes.failure("the same")
    assert len(desktop.shown) == 1
    for number in range(20):
        notes.failure(f"number {number}")
    assert len(desktop.shown) == AT_MOST
    clock.now_s = SAME_AGAIN_S + 1
    assert notes.failure("the same")


def test_the_limit_forgets_what_is_long_ago() -> None:
    limit = RateLimit(again_s=10, at_most=2)
    assert limit.admits("a", 0)
    assert not limit.admits("a", 9.9)
    assert limit.admits("b", 5)
    assert not limit.admits("c", 6)
    assert limit.admits("a", 10)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("“sell everything” is no command that is known.", "“…” is no command that is known."),
        ("Nearest: “my salary”, “my boss”", "Nearest: “…”, “…”"),
        ("cut off: “the secret is", "cut off: “…”"),
        ("over\ntwo   lines", "over two lines"),
        ("The microphone was lost", "The microphone was lost"),
    ],
)
def test_words_of_the_speaker_and_of_documents_stay_out(told: str, shown: str) -> None:
    assert unquoted(told) == shown


def test_quoted_words_do_not_reach_the_bus(bus: str, desktop: Desktop) -> None:
    notifier(bus).failure("“title secret”", "said “body secret” and more")
    assert "secret" not in str(desktop.shown)


def test_no_error_of_ours_shows_words_in_a_notification() -> None:
    """The rule that keeps them out is only as good as the errors that quote them so."""
    from voice_edit import pipeline
    from voice_edit.document import Document, Selection
    from voice_edit.editor import Editor
    from voice_edit.errors import CommandError

    editor = Editor(Document("the quick brown fox and the quick hare", Selection(0, 0)))
    for said in (
        "paint the zebra purple",
        "delete the word zebra",
        "delete the word quick",
        "replace zebra with horse",
    ):
        with pytest.raises(CommandError) as caught:
            pipeline.perform(editor, pipeline.understand(said, mode="edit"))
        for word in ("zebra", "purple", "horse", "quick", "fox"):
            assert word not in unquoted(str(caught.value)), str(caught.value)


def test_markup_is_kept_from_desktops_that_read_it(bus: str) -> None:
    desktop = Desktop(bus, capabilities=("body", "body-markup"))
    try:
        notifier(bus).failure("<b>", "a < b & c")
    finally:
        desktop.close()
    assert desktop.shown[0][3:5] == ["<b>", "a &lt; b &amp; c"]


def test_without_a_bus_there_is_silence(tmp_path: Path) -> None:
    assert not Notifier({"XDG_RUNTIME_DIR": str(tmp_path)}).failure("x")
    assert not notifier(f"unix:path={tmp_path}/nobody").failure("x")


def test_without_a_service_there_is_silence(bus: str) -> None:
    assert not notifier(bus).failure("x")


def test_a_desktop_that_hangs_is_not_waited_for(bus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voice_edit.daemon.notify.TIMEOUT_S", 0.2)
    desktop = Desktop(bus, answers=False)
    try:
        assert not notifier(bus).failure("x")
    finally:
        desktop.close()


def test_it_may_be_called_from_several_threads(bus: str, desktop: Desktop) -> None:
    notes = notifier(bus)
    threads = [threading.Thread(target=notes.failure, args=(f"{n}",)) for n in range(AT_MOST)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(shown[3] for shown in desktop.shown) == [str(n) for n in range(AT_MOST)]


def test_a_bus_that_comes_later_is_found(bus: str, desktop: Desktop) -> None:
    environ: dict[str, str] = {}
    notes = Notifier(environ, clock=time.monotonic)
    assert not notes.failure("too early")
    environ["DBUS_SESSION_BUS_ADDRESS"] = bus
    assert notes.failure("in time")


def test_the_bus_is_where_the_session_says(tmp_path: Path, bus: str) -> None:
    assert bus_address({"DBUS_SESSION_BUS_ADDRESS": "unix:abstract=x"}) == "unix:abstract=x"
    assert bus_address({"XDG_RUNTIME_DIR": str(tmp_path)}) is None
    folder = Path(bus.partition("path=")[2].partition(",")[0]).parent
    assert bus_address({"XDG_RUNTIME_DIR": str(folder)}) == f"unix:path={folder}/bus"


def test_who_shows_them_can_be_asked(bus: str, tmp_path: Path) -> None:
    environ = {"DBUS_SESSION_BUS_ADDRESS": bus}
    assert "Nobody" in who_shows(environ).why
    desktop = Desktop(bus)
    try:
        assert who_shows(environ).server == "Paper 3.1"
        assert desktop.shown == []
    finally:
        desktop.close()
    assert "no session bus" in who_shows({}).why
    assert "does not answer" in who_shows({"DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/x"}).why
