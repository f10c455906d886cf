"""The systemd user unit of the daemon, as text. Pure; `service.systemd` writes it and talks to systemd.

What is not in the unit, and why:

* Nothing that needs a mount or user namespace (ProtectSystem, ProtectHome, PrivateTmp, PrivateDevices, ...).
  In a user's own manager these imply PrivateUsers, in which a file's group cannot be kept when it is
  replaced; kernels that forbid unprivileged namespaces would not start the service at all. The daemon edits
  files wherever its user may, so there would be little to protect.
* MemoryDenyWriteExecute: PortAudio's callback is a libffi closure, and graphics drivers compile at run time.
* RestrictRealtime: sound servers' client libraries ask for real-time threads.
* RestrictSUIDSGID: a file keeps its mode, a set-group-id bit included.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from voice_edit.errors import UsageError

NAME = "voice-edit.service"

_TEMPLATE = """\
# Written by `voice-edit service install`; run that again after moving or updating the program.
# Your own changes belong into: systemctl --user edit {name}

[Unit]
Description=voice-edit: talk to your text
{order}StartLimitIntervalSec=120
StartLimitBurst=5

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
{environment}SyslogIdentifier=voice-edit
WatchdogSec=30
TimeoutStartSec=60
TimeoutStopSec=20
# The engine process dies with the daemon. What may stay is a small one that keeps the clipboard of the user.
KillMode=process
Restart=on-failure
RestartSec=2
# A wrong setting (2) and a daemon that runs already (8) are not mended by trying again.
RestartPreventExitStatus=2 8
# A model too large for the memory takes its engine process with it, not the daemon.
OOMPolicy=continue
# A core dump would hold what was said.
LimitCORE=0

# No network: every sound server, display and bus in use is a local socket.
RestrictAddressFamilies=AF_UNIX AF_NETLINK
NoNewPrivileges=yes
RestrictNamespaces=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=~@cpu-emulation @debug @module @mount @obsolete @raw-io @reboot @swap
SystemCallErrorNumber=EPERM

[Install]
WantedBy={wanted_by}
"""

_ORDER = """\
# Started and stopped with the desktop, so that DISPLAY or WAYLAND_DISPLAY is the one of this session.
PartOf=graphical-session.target
After=graphical-session.target
"""


def render_unit(command: Sequence[str], environment: Mapping[str, str], *, desktop: bool = True) -> str:
    """The unit that runs `command` (absolute path first) with `environment` added to the session's.

    `desktop`: starts and stops with the graphical session, else with the login. Raises UsageError for a path
    that no unit can hold.
    """
    variables = [f"Environment={quoted(f'{name}={value}')}\n" for name, value in environment.items()]
    return _TEMPLATE.format(
        name=NAME,
        order=_ORDER if desktop else "",
        command=command_line(command),
        environment="".join(variables),
        wanted_by="graphical-session.target" if desktop else "default.target",
    )


def command_line(command: Sequence[str]) -> str:
    """`ExecStart=` for these arguments. Raises UsageError.

    systemd takes no quotes, backslashes or control characters in the name of an executable and expands `$` in
    the name that the program sees, by which Python finds its virtual environment. A shell runs such a one.
    """
    if not command or not command[0].startswith("/"):
        raise UsageError(f"The program's path is not absolute: {command[0] if command else ''!r}")
    if re.search(r"""["'\\$\x00-\x1f\x7f]""", command[0]):
        command = ["/bin/sh", "-c", 'exec "$0" "$@"', *command]
    return " ".join(quoted(argument).replace("$", "$$") for argument in command)


def quoted(text: str) -> str:
    """One word as systemd.syntax(7) reads it, `%` kept from being a specifier. Raises UsageError."""
    if "\0" in text:
        raise UsageError("A unit file cannot hold a zero byte.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(
            f"A unit file cannot hold the path {text!r}: it is no UTF-8.",
            hint="Install voice-edit into a folder whose name is text.",
        ) from error
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    escaped = re.sub(r"[\x01-\x1f\x7f]", lambda found: f"\\x{ord(found[0]):02x}", escaped)
    plain = re.fullmatch(r"[\w./:=@+,%-]+", escaped, re.ASCII)
    return escaped if plain else f'"{escaped}"'
