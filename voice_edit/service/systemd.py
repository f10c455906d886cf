"""The service under systemd: writes the user unit, and talks to the user's manager through systemctl."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from voice_edit.errors import ServiceFailed, ServiceUnavailable
from voice_edit.service.commands import Ran, content_of, remove_file, run, write_file
from voice_edit.service.manager import Program, ServiceStatus, State, Step
from voice_edit.service.unit import NAME, render_unit

SESSION_VARIABLES = (
    "DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "XDG_SESSION_TYPE", "XDG_CURRENT_DESKTOP", "SWAYSOCK",
    "HYPRLAND_INSTANCE_SIGNATURE",
)  # fmt: skip
"""What a program needs to find the screen, the keyboard and the clipboard of a session."""

DESKTOP_TARGET = "graphical-session.target"
_PROPERTIES = (
    "LoadState", "ActiveState", "SubState", "UnitFileState", "MainPID", "StatusText", "Result",
    "ExecMainStatus", "NRestarts", "StateChangeTimestamp",
)  # fmt: skip
_STATES: Mapping[str, State] = {
    "active": "running", "reloading": "running", "activating": "starting", "deactivating": "stopped",
    "inactive": "stopped", "failed": "failed",
}  # fmt: skip


class Systemd:
    """See `service.ServiceManager`."""

    name = "systemd"

    def __init__(self, program: Program, environ: Mapping[str, str], *, desktop: bool = True) -> None:
        self._program = program
        self._environ = environ
        self._desktop = desktop
        self.file = unit_path(environ)

    def render(self) -> str:
        """The unit. Raises UsageError."""
        return render_unit(self._program.command, dict(self._program.environment), desktop=self._desktop)

    def install(self, *, start: bool = True) -> Iterator[Step]:
        """Write, enable, start. Without `start` the unit is left for the next login, and a manager that
        cannot be reached now is only noted.
        """
        written = write_file(self.file, self.render().encode("utf-8"))
        yield written
        try:
            yield self._must("daemon-reload").step
            # Not `enable` alone: the unit may now be wanted by another target than before.
            yield self._must("reenable", NAME).step
        except ServiceUnavailable as error:
            if start:
                raise ServiceUnavailable(f"{self.file} is written, but {error}", hint=error.hint) from error
            yield from self._enable_offline(error)
            return
        if not start:
            return
        if written.kind == "unchanged" and self.status().state == "running":
            yield Step("note", "The service runs already, with this unit.")
            return
        yield from self.start()
        if self._desktop and not self._systemctl("is-active", "--quiet", DESKTOP_TARGET).ok:
            yield Step(
                "note",
                f"The service runs, but your desktop does not start {DESKTOP_TARGET}, so it will not start "
                "by itself when you log in.",
                "Put `voice-edit service start` into your desktop's autostart, or install it again with "
                "--without-desktop.",
            )

    def _enable_offline(self, unreachable: ServiceUnavailable) -> Iterator[Step]:
        """Make the link that `enable` makes, for the manager of the next login."""
        note = _sentence(str(unreachable))
        try:
            ran = self._systemctl("reenable", NAME, more={"SYSTEMD_OFFLINE": "1"})
        except ServiceUnavailable:
            ran = None
        if ran is not None and ran.ok:
            yield ran.step
            yield Step("note", f"{note} It is enabled for the next login under systemd.", unreachable.hint)
        else:
            yield Step("note", f"{note} The unit is written, but not enabled.", unreachable.hint)

    def start(self) -> Iterator[Step]:
        """Import the session's variables into the manager, and (re)start."""
        variables = [name for name in SESSION_VARIABLES if self._environ.get(name)]
        if variables:
            yield self._must("import-environment", *variables).step
        # Or a start limit that was met would still hold. It fails where nothing had failed.
        self._systemctl("reset-failed", NAME)
        ran = self._systemctl("restart", NAME)
        yield ran.step
        if not ran.ok:
            raise ServiceFailed(
                f"The service did not start: {ran.complaint()}", hint="See why: voice-edit service logs"
            )

    def stop(self) -> Iterator[Step]:
        """Stop until the next login."""
        yield self._must("stop", NAME).step

    def uninstall(self) -> Iterator[Step]:
        """Stop, disable, remove. The unit goes even where the manager cannot be reached."""
        unreachable: ServiceUnavailable | None = None
        if self.file.exists():
            try:
                yield self._must("disable", "--now", NAME).step
            except ServiceUnavailable as error:
                unreachable = error
        for path in (self.file, *self._links()):
            if step := remove_file(path):
                yield step
        if unreachable:
            yield Step(
                "note",
                f"{_sentence(str(unreachable))} If the service runs, it runs until you log out.",
                unreachable.hint,
            )
            return
        try:
            yield self._must("daemon-reload").step
        except ServiceUnavailable as error:  # nothing was installed, and nobody is there to forget it
            yield Step("note", _sentence(str(error)), error.hint)

    def status(self) -> ServiceStatus:
        """What systemctl knows of the unit."""
        content = content_of(self.file)
        installed = content is not None
        shapes = [
            render_unit(self._program.command, dict(self._program.environment), desktop=d)
            for d in (True, False)
        ]
        known = ServiceStatus(
            manager=self.name,
            file=self.file,
            installed=installed,
            current=any(content == shape.encode("utf-8") for shape in shapes) if installed else None,
            hint="" if installed else "voice-edit service install",
        )
        try:
            ran = self._must("show", NAME, "--property=" + ",".join(_PROPERTIES))
        except (ServiceUnavailable, ServiceFailed) as error:
            return _replace(known, problem=_sentence(str(error)), hint=error.hint)
        return _read_status(known, properties(ran.stdout))

    def log_command(self, *, lines: int, follow: bool) -> list[str]:
        """journalctl; by field, because where journals are not split by user `--user` finds none."""
        return [
            "journalctl",
            f"--user-unit={NAME}",
            f"--lines={lines}",
            *(["--follow"] if follow else ["--no-pager"]),
        ]

    def _links(self) -> list[Path]:
        return sorted(self.file.parent.glob(f"*.wants/{NAME}"))

    def _must(self, *arguments: str) -> Ran:
        """Raises ServiceUnavailable where no manager answers, ServiceFailed where it refuses."""
        ran = self._systemctl(*arguments)
        if ran.ok:
            return ran
        if "connect to bus" in ran.stderr.lower() or "not been booted with systemd" in ran.stderr.lower():
            raise ServiceUnavailable(
                f"no systemd user manager answers ({ran.complaint().rstrip('.')}).",
                hint=_how_to_reach(self._environ),
            )
        raise ServiceFailed(f"`{ran.step.text}` failed: {ran.complaint()}")

    def _systemctl(self, *arguments: str, more: Mapping[str, str] | None = None) -> Ran:
        return run("systemctl", "--user", *arguments, environ=self._environ, more=more)


def unit_path(environ: Mapping[str, str]) -> Path:
    """Where a user's own units lie, by systemd.unit(5)."""
    config = environ.get("XDG_CONFIG_HOME", "")
    home = Path(environ.get("HOME") or Path.home())
    folder = Path(config) if config.startswith("/") else home / ".config"
    return folder / "systemd" / "user" / NAME


def properties(text: str) -> dict[str, str]:
    """`systemctl show` as a dictionary."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _read_status(known: ServiceStatus, shown: Mapping[str, str]) -> ServiceStatus:
    """What `systemctl show` says, in our words."""
    state = _STATES.get(shown.get("ActiveState", ""), "unknown")
    if shown.get("SubState") == "auto-restart":
        state = "failed"
    detail, hint = shown.get("StatusText", ""), known.hint
    if state == "failed":
        detail = f"{shown.get('Result', '')}, exit status {shown.get('ExecMainStatus', '')}"
        hint = "See why: voice-edit service logs"
    elif known.installed and not known.current:
        hint = "The unit is of another installation or version; write it anew: voice-edit service install"
    elif known.installed and state == "stopped":
        hint = "voice-edit service start"
    enabled = shown.get("UnitFileState", "")
    return _replace(
        known,
        enabled=enabled == "enabled" if enabled else None if known.installed else False,
        state=state,
        detail=detail,
        pid=_number(shown.get("MainPID", "")) or None,
        since=shown.get("StateChangeTimestamp", ""),
        restarts=_number(shown.get("NRestarts", "")),
        hint=hint,
    )


def _replace(status: ServiceStatus, **changes: object) -> ServiceStatus:
    from dataclasses import replace

    return replace(status, **changes)  # type: ignore[arg-type]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _how_to_reach(environ: Mapping[str, str]) -> str:
    if not Path("/run/systemd/system").is_dir():
        return (
            "This system does not run systemd: start `voice-edit run` from your desktop's autostart instead."
        )
    if not environ.get("XDG_RUNTIME_DIR"):
        return (
            "XDG_RUNTIME_DIR is not set, as with su or sudo: log in as yourself, or run it as "
            "`machinectl shell USER@ ...`."
        )
    return "Log in to your desktop, then: voice-edit service install"
