"""The profiles as apps.toml stands now: who changes the file need not restart anything."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from voice_edit.apps.profiles import AppProfile, Profiles, load_profiles
from voice_edit.errors import UsageError

if TYPE_CHECKING:
    from voice_edit.desktop.base import Element, SessionKind, Window
    from voice_edit.paths import Paths

logger = logging.getLogger(__name__)

_Stamp = tuple[int, int, int]
"""Modification time, size, inode."""


class FollowedProfiles:
    """Chooses like `Profiles`, and reads the file anew when it was changed. From any thread."""

    def __init__(
        self,
        paths: Paths,
        *,
        session: SessionKind | None = None,
        on_problem: Callable[[UsageError], object] = lambda error: None,
    ) -> None:
        """`on_problem` is told, once for each version of the file, what is wrong with it; until it is right
        again what was read last counts, or what comes with the program. Never raises.
        """
        self._paths = paths
        self._session = session
        self._on_problem = on_problem
        self._lock = threading.Lock()
        self._stamp: _Stamp | None = None
        self._profiles: Profiles | None = None

    def choose(self, window: Window | None, element: Element | None) -> AppProfile:
        """The profile for what has the focus; its `why` says why. Costs a look at the file's date."""
        return self.now().choose(window, element)

    def now(self) -> Profiles:
        """All of them."""
        stamp = self._stamp_now()
        problem = None
        with self._lock:
            if self._profiles is None or stamp != self._stamp:
                problem = self._read(stamp)
            profiles = self._profiles
            assert profiles is not None
        if problem is not None:
            logger.warning("%s", problem)
            self._on_problem(problem)
        return profiles

    def _read(self, stamp: _Stamp | None) -> UsageError | None:
        """Read the file, or keep what was read last and tell why."""
        self._stamp = stamp
        try:
            self._profiles = load_profiles(self._paths, session=self._session)
        except UsageError as error:
            if self._profiles is None:
                from voice_edit.apps.reading import BUILT_IN, read_profiles

                self._profiles = read_profiles({}, BUILT_IN, session=self._session)
            return error
        return None

    def _stamp_now(self) -> _Stamp | None:
        try:
            found = self._paths.apps_file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
