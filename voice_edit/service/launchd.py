"""The service under launchd: writes the agent, and talks to launchd through launchctl. Untried on a Mac."""

from __future__ import annotations

import os
import plistlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from voice_edit.errors import ServiceFailed
from voice_edit.service.commands import Ran, content_of, remove_file, run, write_file
from voice_edit.service.manager import Program, ServiceStatus, Step
from voice_edit.service.plist import LABEL, agent, log_path

NOT_LOADED = (3, 36, 113)
"""Exit codes of launchctl for a service that is not there: ESRCH, operation now in progress, not found."""

STILL_UNLOADING = (5, 37)
"""Exit codes of `launchctl bootstrap` while the service before is still ending: EIO, EALREADY."""
BOOTSTRAP_TRIES = 10
BOOTSTRAP_WAIT_S = 0.5


class Launchd:
    """See `service.ServiceManager`."""

    name = "launchd"

    def __init__(
        self,
        program: Program,
        environ: Mapping[str, str],
        *,
        uid: int | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`uid`: whose session; None is this user's. `pause` waits for seconds."""
        self._pause = pause
        self._program = program
        self._environ = environ
        self._home = Path(environ.get("HOME") or Path.home())
        self._domain = f"gui/{os.getuid() if uid is None else uid}"
        self._service = f"{self._domain}/{LABEL}"
        self.file = self._home / "Library" / "LaunchAgents" / f"{LABEL}.plist"

    def render(self) -> str:
        """The agent's property list."""
        return self._content().decode("utf-8")

    def _content(self) -> bytes:
        return plistlib.dumps(
            agent(self._program.command, dict(self._program.environment), home=self._home), sort_keys=False
        )

    def install(self, *, start: bool = True) -> Iterator[Step]:
        """Write; load, which starts it. An agent in that folder is loaded at each login."""
        written = write_file(self.file, self._content())
        yield written
        log_path(self._home).parent.mkdir(parents=True, exist_ok=True)
        if not start:
            return
        if written.kind == "unchanged" and self.status().state == "running":
            yield Step("note", "The service runs already, with this agent.")
            return
        yield from self.start()

    def start(self) -> Iterator[Step]:
        """Load the agent as it is written now; launchd reads it only then."""
        yield from self._unload()
        yield self._must("enable", self._service).step
        yield self._bootstrap().step

    def stop(self) -> Iterator[Step]:
        """Unload it until the next login."""
        yield from self._unload()

    def uninstall(self) -> Iterator[Step]:
        """Unload, remove."""
        yield from self._unload()
        if step := remove_file(self.file):
            yield step

    def status(self) -> ServiceStatus:
        """What `launchctl print` says."""
        content = content_of(self.file)
        known = {
            "manager": self.name,
            "file": self.file,
            "installed": content is not None,
            "current": None if content is None else content == self._content(),
        }
        try:
            ran = self._launchctl("print", self._service)
        except Exception as error:
            return ServiceStatus(**known, problem=str(error), hint=getattr(error, "hint", ""))  # type: ignore[arg-type]
        if not ran.ok:
            hint = "voice-edit service install" if content is None else "voice-edit service start"
            return ServiceStatus(**known, enabled=content is not None, state="stopped", hint=hint)  # type: ignore[arg-type]
        pid = re.search(r"^\s*pid = (\d+)$", ran.stdout, re.MULTILINE)
        code = re.search(r"^\s*last exit code = (\d+)", ran.stdout, re.MULTILINE)
        failed = pid is None and code is not None and code[1] != "0"
        return ServiceStatus(
            **known,  # type: ignore[arg-type]
            enabled=True,
            state="running" if pid else "failed" if failed else "stopped",
            pid=int(pid[1]) if pid else None,
            detail=f"last exit code {code[1]}" if failed and code else "",
            hint="See why: voice-edit service logs" if failed else "",
        )

    def log_command(self, *, lines: int, follow: bool) -> list[str]:
        """tail, over the file that launchd writes."""
        return ["tail", "-n", str(lines), *(["-F"] if follow else []), str(log_path(self._home))]

    def _bootstrap(self) -> Ran:
        """launchd unloads in its own time and refuses to load meanwhile."""
        command = ("bootstrap", self._domain, str(self.file))
        for _ in range(BOOTSTRAP_TRIES - 1):
            ran = self._launchctl(*command)
            if ran.code not in STILL_UNLOADING:
                return self._checked(ran)
            self._pause(BOOTSTRAP_WAIT_S)
        return self._must(*command)

    def _unload(self) -> Iterator[Step]:
        ran = self._launchctl("bootout", self._service)
        if ran.ok:
            yield ran.step
        elif ran.code not in NOT_LOADED:
            raise ServiceFailed(f"`{ran.step.text}` failed: {ran.complaint()}")

    def _must(self, *arguments: str) -> Ran:
        return self._checked(self._launchctl(*arguments))

    def _checked(self, ran: Ran) -> Ran:
        if not ran.ok:
            raise ServiceFailed(
                f"`{ran.step.text}` failed: {ran.complaint()}",
                hint="Run it in a terminal of the desktop session, not over ssh.",
            )
        return ran

    def _launchctl(self, *arguments: str) -> Ran:
        return run("launchctl", *arguments, environ=self._environ)
