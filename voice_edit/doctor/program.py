"""The doctor's look at the program itself: Python and packages, settings, folders, journal, terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from voice_edit.doctor.checks import Context, Finding, trouble

OLDEST_PYTHON = (3, 11)
LITTLE_SPACE_MB = 200.0
"""Half a day of recordings; below it somebody should look."""
NO_SPACE_MB = 20.0
"""Ten minutes of recordings: a take may no longer fit."""


def program(context: Context) -> Finding:
    """Python, and every package that this installation says it needs: there, and of the right version."""
    from importlib import metadata

    from voice_edit import __version__

    details = {
        "version": __version__, "python": sys.version.split()[0], "executable": sys.executable,
        "platform": sys.platform,
    }  # fmt: skip
    shown = f"version {__version__} on Python {details['python']}"
    if sys.version_info < OLDEST_PYTHON:
        return Finding(
            "failed", f"{shown}, which is too old.", "Install it with Python 3.11 or later.", details
        )
    try:
        required = metadata.requires("voice-edit") or []
    except metadata.PackageNotFoundError:
        return Finding("ok", f"{shown}, run from its source.", "", details)
    wrong = [problem for line in required if (problem := _package_problem(line))]
    if wrong:
        again = f"Install again: {sys.executable} -m pip install --upgrade voice-edit"
        return Finding("failed", f"{shown}; packages: {'; '.join(wrong)}.", again, details)
    return Finding("ok", f"{shown}; all packages are there.", "", details)


def _package_problem(requirement: str) -> str:
    """What is wrong with a package of ours: `name>=1,<2; marker`. Empty if nothing."""
    import re
    from importlib import metadata

    line, _, marker = requirement.partition(";")
    if "extra ==" in marker or not _applies(marker):
        return ""
    name = re.split(r"[\s\[<>=!~(]", line.strip(), maxsplit=1)[0]
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"{name} is missing"
    for how, bound in re.findall(r"(>=|<=|==|<|>)\s*([\w.]+)", line):
        if not _compares(version, how, bound):
            return f"{name} is {version}, needed is {line.strip()[len(name) :]}"
    return ""


def _applies(marker: str) -> bool:
    """Whether `sys_platform == "linux"` and its like hold here; a marker we cannot read does not apply."""
    marker = marker.strip()
    if not marker:
        return True
    name, operator, value = [*marker.split(maxsplit=2), "", "", ""][:3]
    ours = {"sys_platform": sys.platform, "platform_system": os.uname().sysname}.get(name)
    wanted = value.strip("'\"")
    return ours is not None and (ours == wanted if operator == "==" else ours != wanted)


def _compares(version: str, how: str, bound: str) -> bool:
    import operator
    import re

    def key(text: str) -> tuple[int, ...]:
        numbers = [int(part) for part in re.findall(r"\d+", re.split(r"[a-z+]", text, maxsplit=1)[0])]
        return tuple((numbers + [0] * 6)[:6])

    ways = {">=": operator.ge, "<=": operator.le, "<": operator.lt, ">": operator.gt, "==": operator.eq}
    return bool(ways[how](key(version), key(bound)))


def settings(context: Context) -> Finding:
    """The configuration file and the variables."""
    file = context.paths.config_file
    if context.problem is not None:
        return trouble(context.problem)
    variables = sorted(name for name in context.environ if name.startswith("VOICE_EDIT_"))
    shown = f"{file}" if file.exists() else f"the defaults ({file} does not exist; none is needed)"
    more = f", and {', '.join(variables)}" if variables else ""
    return Finding("ok", f"{shown}{more}", "", {"file": str(file), "variables": variables})


def apps(context: Context) -> Finding:
    """The user's profiles of programs."""
    from voice_edit.apps.profiles import load_profiles
    from voice_edit.errors import UsageError

    file = context.paths.apps_file
    try:
        rows = load_profiles(context.paths).rows
    except UsageError as error:
        return trouble(error)
    mine = [row.profile.name for row in rows if row.origin != "built-in"]
    details = {"file": str(file), "profiles": mine, "built_in": len(rows) - len(mine)}
    if not mine:
        return Finding("ok", f"{len(rows)} that come with the program ({file}: none of yours)", "", details)
    return Finding("ok", f"{', '.join(mine)} of {file}, and {len(rows) - len(mine)} others", "", details)


def folders(context: Context) -> Finding:
    """Whether data, settings and sockets can be written, and how much room there is for recordings."""
    places = {
        "data": context.paths.data_folder, "settings": context.paths.config_folder,
        "runtime": context.paths.runtime_folder,
    }  # fmt: skip
    details: dict[str, object] = {name: str(place) for name, place in places.items()}
    for name, place in places.items():
        existing = _existing(place)
        if not os.access(existing, os.W_OK | os.X_OK) or not existing.is_dir():
            return Finding(
                "failed",
                f"The folder for {name} cannot be written: {place}.",
                f"Make it yours: sudo chown -R $USER {existing}"
                if existing == place
                else "Set VOICE_EDIT_HOME to a folder you can write to.",
                details,
            )
    usage = shutil.disk_usage(_existing(places["data"]))
    free_mb = usage.free / 2**20
    details |= {"free_mb": round(free_mb)}
    room = f"{free_mb / 1024:.1f} GB" if free_mb >= 1024 else f"{free_mb:.0f} MB"
    message = f"{places['data']} has {room} free"
    if free_mb < LITTLE_SPACE_MB:
        state = "failed" if free_mb < NO_SPACE_MB else "warning"
        return Finding(state, message, "Free some space: recordings are kept there.", details)  # type: ignore[arg-type]
    return Finding("ok", message, "", details)


def _existing(place: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next((folder for folder in (place, *place.parents) if folder.exists()), Path("/"))


def journal(context: Context) -> Finding:
    """Whether the history opens. It is not made if it is not there."""
    path = context.paths.journal
    if not path.exists():
        return Finding("ok", "Nothing was said yet; it is made with the first word.", "", {"file": str(path)})
    from voice_edit.journal.journal import Journal

    with Journal.open(path, busy_timeout_s=5.0) as opened:
        notices = list(opened.notices)
    details = {"file": str(path), "bytes": path.stat().st_size}
    if notices:
        return Finding("warning", " ".join(notices), "`voice-edit log` shows what is there.", details)
    return Finding("ok", f"{path} opens.", "", details)


def terminal(context: Context) -> Finding:
    """What this terminal can show; asked of the environment, as Textual does."""
    from voice_edit.cli.streams import speaks_unicode

    environ = context.environ
    size = shutil.get_terminal_size((0, 0))
    details = {
        "term": environ.get("TERM", ""), "colours": colours(environ), "columns": size.columns,
        "lines": size.lines, "is_terminal": sys.stdout.isatty(),
    }  # fmt: skip
    if not sys.stdout.isatty():
        return Finding("skipped", "The output goes to no terminal.", "", details)
    if environ.get("TERM", "") in ("", "dumb"):
        return Finding(
            "warning",
            "This terminal can only print lines.",
            "`voice-edit watch` works here; `tui` does not.",
            details,
        )
    shown = f"TERM={environ['TERM']}, {size.columns}x{size.lines}, {details['colours']}"
    if not speaks_unicode():
        return Finding("warning", f"{shown}; not UTF-8.", "Set a UTF-8 locale: export LANG=C.UTF-8", details)
    if size.columns < 80 or size.lines < 24:
        return Finding(
            "warning", f"{shown}; small.", "`voice-edit tui` wants 80 columns and 24 lines.", details
        )
    return Finding("ok", shown, "", details)


def colours(environ: Mapping[str, str]) -> str:
    """How many colours a terminal shows, as far as its environment says."""
    if environ.get("NO_COLOR"):
        return "no colours (NO_COLOR)"
    if environ.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return "16 million colours"
    return "256 colours" if "256" in environ.get("TERM", "") else "16 colours"
