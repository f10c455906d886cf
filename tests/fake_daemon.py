"""A daemon without microphone, keys, model or journal: the real server, and a script of what happens.

async with FakeDaemon(path) as daemon:           # in a test with a loop
    daemon.publish("level", rms_dbfs=-30.0)

with running_daemon(path) as daemon:             # in its own thread, for blocking clients and subprocesses
    daemon.publish("stage", stage="listening", mode="edit")
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from voice_edit.control import protocol as p
from voice_edit.control.server import Client, ControlServer
from voice_edit.errors import VoiceEditError

Reply = Mapping[str, Any] | VoiceEditError
Answer = Reply | Callable[[Client, Any], Reply | Awaitable[Reply]]

STATUS: dict[str, Any] = {
    "stage": "idle",
    "mode": None,
    "hands_free": "off",
    "take": None,
    "target": {"kind": "clipboard", "name": "clipboard", "title": "the clipboard"},
    "engine": {"state": "unloaded", "name": "scripted", "pid": None, "rss_bytes": None, "restarts": 0},
    "microphone": {"state": "closed", "device": "Scripted microphone", "problem": None, "dropped_samples": 0},
    "hotkeys": {
        "backend": "scripted", "dictate": "<ctrl>+<alt>+space", "edit": "<ctrl>+<alt>+e", "cancel": "<esc>",
        "style": "hybrid", "problem": None,
    },
    "clients": 1,
    "pid": 4242,
    "version": "0.0.0",
    "protocol": p.PROTOCOL,
    "uptime_s": 12.5,
    "counters": {"takes": 0, "utterances": 0, "applied": 0, "rejected": 0, "failed": 0, "reopened": 0},
    "question": None,
    "microphone_opened_ms": None,
}  # fmt: skip


class FakeDaemon:
    """Answers as it is told to, remembers what was asked, and keeps the few rules that every client relies
    on: talking changes the stage, a pinned file is the target until its client is gone.
    """

    def __init__(self, path: Path, *, version: str = "0.0.0", owner_uid: int | None = None) -> None:
        self.path = path
        self.status: dict[str, Any] = {**STATUS, "version": version}
        self.commands: list[Any] = []
        """Everything that was asked, as typed commands, in order."""
        self.answers: dict[str, Answer] = {}
        """Command name -> what to reply, instead of the rules."""
        self.clients: list[Client] = []
        self.server = ControlServer(path, self, version=version, owner_uid=owner_uid)
        self.stopped = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pinned_by: Client | None = None
        self._changed = threading.Condition()

    # --- script -----------------------------------------------------------------------------------------

    def on(self, command: str, answer: Answer) -> None:
        """Reply like this from now on: a result, an error, or a function of (client, command)."""
        self.answers[command] = answer

    def publish(self, event: str, **fields: Any) -> None:
        """An event to all who subscribed, checked against the protocol. From any thread."""
        p.check_event({"event": event, **fields})
        self.server.publish({"event": event, **fields})

    def wait_for(self, condition: Callable[[], object], timeout_s: float = 10.0) -> None:
        """From another thread: until it is true."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, "it never became true"
            with self._changed:
                self._changed.wait(0.05)  # clients that come, go or ask are seen at once

    def asked(self, kind: type) -> list[Any]:
        """The commands of that kind so far."""
        return [command for command in self.commands if isinstance(command, kind)]

    # --- control.Handler --------------------------------------------------------------------------------

    def connected(self, client: Client) -> None:
        self.clients.append(client)
        self._tell()

    def disconnected(self, client: Client) -> None:
        self.clients.remove(client)
        if self._pinned_by is client:
            self._unpin()
        self._tell()

    async def handle(self, client: Client, command: Any) -> Mapping[str, Any]:
        self.commands.append(command)
        self._tell()
        answer = self.answers.get(command.command)
        if answer is not None:
            reply: Any = answer(client, command) if callable(answer) else answer
            if isinstance(reply, Awaitable):
                reply = await reply
            if isinstance(reply, VoiceEditError):
                raise reply
            return dict(reply)
        return self._by_rule(client, command)

    def _by_rule(self, client: Client, command: Any) -> Mapping[str, Any]:
        match command:
            case p.Status():
                return {**self.status, "clients": len(self.clients)}
            case p.TalkStart(mode=mode):
                return self._talk(True, mode)
            case p.TalkStop() | p.TalkCancel():
                return self._talk(False)
            case p.TalkToggle(mode=mode):
                return self._talk(self.status["stage"] != "listening", mode)
            case p.HandsFree(mode=mode):
                self.status["hands_free"] = mode
                return {"hands_free": mode}
            case p.TargetFile(path=path, pin=pin):
                self._pinned_by = client if pin == "client" else None
                return self._target("file", path, Path(path).name)
            case p.TargetClear():
                return self._unpin()
            case p.Stop():
                self.stopped.set()
        return {}

    def _talk(self, on: bool, mode: str | None = None) -> dict[str, Any]:
        if on != (self.status["stage"] == "listening"):
            take = (self.status["take"] or 0) + 1 if on else None
            self.status |= {
                "stage": "listening" if on else "idle",
                "mode": mode if on else None,
                "take": take,
            }
            self.publish("stage", **{name: self.status[name] for name in ("stage", "mode", "take")})
        return {name: self.status[name] for name in ("stage", "mode", "take")}

    def _target(self, kind: str, name: str, title: str) -> dict[str, Any]:
        self.status["target"] = {"kind": kind, "name": name, "title": title}
        self.publish("target", **self.status["target"])
        return dict(self.status["target"])

    def _unpin(self) -> dict[str, Any]:
        self._pinned_by = None
        return self._target("clipboard", "clipboard", "the clipboard")

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()

    # --- running ----------------------------------------------------------------------------------------

    async def __aenter__(self) -> FakeDaemon:
        self._loop = asyncio.get_running_loop()
        await self.server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.close()

    async def run(self, ready: Callable[[], object]) -> None:
        """Listen until `stop` is asked for."""
        async with self:
            ready()
            await self.stopped.wait()

    def stop(self) -> None:
        """From another thread: as if somebody had asked for it."""
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.stopped.set)


@contextmanager
def running_daemon(path: Path, **options: Any) -> Iterator[FakeDaemon]:
    """A fake daemon in a thread of its own."""
    daemon = FakeDaemon(path, **options)
    ready = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            asyncio.run(daemon.run(ready.set))
        except BaseException as error:
            failures.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=work, name="fake daemon")
    thread.start()
    try:
        ready.wait()
        if failures:
            raise failures[0]
        yield daemon
    finally:
        if not failures:
            daemon.stop()
        thread.join()
    if failures:
        raise failures[0]


def main() -> None:
    """As a process of its own, in place of `voice-edit run`; `FAKE_DAEMON_FAILS` makes it fail like one."""
    from voice_edit.errors import ModelFailed
    from voice_edit.paths import Paths

    if os.environ.get("FAKE_DAEMON_FAILS"):
        error = ModelFailed("There is no model.", hint="Get one.")
        sys.stderr.write(json.dumps(error.to_json()) + "\n")
        sys.exit(error.exit_code)
    asyncio.run(FakeDaemon(Paths.from_environment().socket).run(lambda: None))


if __name__ == "__main__":
    main()
