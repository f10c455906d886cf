"""Every path in the program. Quick to import: `voice-edit talk start` must not wait for the settings.

Paths follow the platform's conventions (XDG on Linux); `VOICE_EDIT_HOME` puts all of them under one folder,
which is also how tests keep away from the user's files.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

APP = "voice-edit"
HOME_VARIABLE = "VOICE_EDIT_HOME"


def whole_path(name: str | Path) -> Path:
    """The path from the root, `~` and all. Links are left alone. Raises UsageError where the current folder,
    from which it would start, is gone.
    """
    path = Path(name).expanduser()
    try:
        return Path(os.path.abspath(path))  # noqa: PTH100  (Path.absolute keeps `..`, resolve follows links)
    except OSError as error:
        from voice_edit.errors import UsageError

        raise UsageError(
            f"'{name}' cannot be found from here: the current folder does not exist any more.",
            hint="Change to another folder: cd",
        ) from error


@dataclass(frozen=True)
class Paths:
    """Where things lie. Nothing is created here; whoever writes makes the folder."""

    config_folder: Path
    data_folder: Path
    runtime_folder: Path
    """Sockets and locks of running programs; emptied when the user logs out."""

    @cached_property
    def config_file(self) -> Path:
        """The user's settings, TOML; need not exist."""
        return self.config_folder / "config.toml"

    @cached_property
    def apps_file(self) -> Path:
        """The user's profiles of programs, TOML; need not exist."""
        return self.config_folder / "apps.toml"

    @cached_property
    def journal(self) -> Path:
        """The SQLite journal. Recordings lie beside it."""
        return self.data_folder / "journal.sqlite3"

    @cached_property
    def models(self) -> Path:
        """Where model files are looked for by name, after the bundled one."""
        return self.data_folder / "models"

    @cached_property
    def socket(self) -> Path:
        """The daemon's control socket."""
        return self.runtime_folder / "control.sock"

    @cached_property
    def daemon_lock(self) -> Path:
        """Held by the daemon that runs."""
        return self.runtime_folder / "daemon.lock"

    @cached_property
    def api_token(self) -> Path:
        """The key to the local endpoint; only its owner can read it."""
        return self.config_folder / "api-token"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Paths:
        """The folders of this user, or those below `VOICE_EDIT_HOME`."""
        home = environ.get(HOME_VARIABLE)
        if home:
            base = whole_path(home)
            return cls(base / "config", base / "data", base / "run")
        import platformdirs

        data = Path(platformdirs.user_data_dir(APP, appauthor=False))
        # Only a session's own folder will do; where there is none (macOS, a bare shell), ours.
        session = environ.get("XDG_RUNTIME_DIR")
        # A relative one is to be ignored, says the XDG specification: each folder would have its own daemon.
        runtime = Path(session) / APP if session and os.path.isabs(session) else data / "run"  # noqa: PTH117
        return cls(Path(platformdirs.user_config_dir(APP, appauthor=False)), data, runtime)


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where this user's programs keep what can be made again at any time."""
    home = environ.get(HOME_VARIABLE)
    if home:
        return whole_path(home) / "cache"
    import platformdirs

    return Path(platformdirs.user_cache_dir(APP, appauthor=False))
