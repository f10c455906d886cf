"""The whole daemon inside a test: its loop in a thread, real socket, real journal; devices of the test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fake_devices import FakeEngineClient, FakeMicrophone

from engine.microphone import MicrophoneEvent
from engine.writer import Writer
from voice_edit import sessions
from voice_edit.config import Paths, Settings
from voice_edit.control.client import ControlClient
from voice_edit.daemon.program import Daemon
from voice_edit.desktop.base import Desktop

Tell = Callable[[MicrophoneEvent], None]

ENDS = ("outcome", "failed", "rejected", "reverted")


class Running:
    """A daemon that runs, and a client that is told everything."""

    def __init__(
        self, paths: Paths, microphone: FakeMicrophone, engine: FakeEngineClient, tell: Tell
    ) -> None:
        self.paths = paths
        self.microphone = microphone
        self.engine = engine
        self.client = ControlClient(paths.socket)
        self.client.request("subscribe")
        self.tell = tell
        """The microphone's news, as the daemon hears them."""

    def ask(self, command: str, **fields: Any) -> dict[str, Any]:
        return self.client.request(command, **fields)

    def wait_for(self, *names: str, timeout_s: float = 10.0) -> dict[str, Any]:
        """The next event of one of these names; those before it are passed over."""
        while (event := self.client.next_event(timeout_s)) is not None:
            if event["event"] in names:
                return event
        raise AssertionError(f"none of {names} came")

    def wait_for_stage(self, stage: str) -> dict[str, Any]:
        while (event := self.wait_for("stage"))["stage"] != stage:
            pass
        return event


@contextmanager
def running_daemon(
    settings: Settings | None = None,
    *,
    load: Callable[[], Settings] | None = None,
    desktop: Desktop | None = None,
    writer: Writer | None = None,
    engine: Any = None,
) -> Iterator[Running]:
    """A daemon with a fake microphone and a scripted engine, and without a desktop and a writer unless they
    are given. `load` reads its settings again.
    """
    desktop = desktop or Desktop("none", None, None, None, None)
    paths = Paths.from_environment()
    settings = settings or Settings.model_validate({"hotkeys": {"backend": "none"}})
    microphone, engine = FakeMicrophone(), engine or FakeEngineClient()
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    failure: list[BaseException] = []
    daemon: list[Daemon] = []

    def run() -> None:
        try:
            with sessions.open_journal(settings, paths, tell=lambda _: None) as journal:
                daemon.append(
                    Daemon(
                        settings,
                        paths,
                        journal,
                        lambda _: ready.set(),
                        load=load,
                        open_engine=lambda *_: engine,  # type: ignore[arg-type]
                        open_microphone=lambda *_: microphone,  # type: ignore[arg-type]
                        open_desktop=lambda _: desktop,
                        writer=lambda: writer,
                    )
                )
                loop.run_until_complete(daemon[0].run())
        except BaseException as error:
            failure.append(error)
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(20)
    if failure:
        raise failure[0]
    running = Running(paths, microphone, engine, daemon[0]._microphone_changed)
    try:
        yield running
    finally:
        running.client.close()
        loop.call_soon_threadsafe(daemon[0].stop)
        thread.join(20)
        assert not thread.is_alive(), "the daemon did not end"
        loop.close()
        if failure:
            raise failure[0]
