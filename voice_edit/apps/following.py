"""The profiles as apps.toml stands now: who changes the file need not restart anything."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from voice_edit.apps.profiles import AppProfile, Profiles, load_profiles
from voice_edit.own_files import Followed

if TYPE_CHECKING:
    from voice_edit.desktop.base import Element, SessionKind, Window
    from voice_edit.errors import UsageError
    from voice_edit.paths import Paths

logger = logging.getLogger(__name__)


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

        def built_in() -> Profiles:
            from voice_edit.apps.reading import BUILT_IN, read_profiles

            return read_profiles({}, BUILT_IN, session=session)

        def told(problem: UsageError) -> None:
            logger.warning("%s", problem)
            on_problem(problem)

        self._followed = Followed(
            paths.apps_file, lambda: load_profiles(paths, session=session), built_in, told
        )

    def choose(self, window: Window | None, element: Element | None) -> AppProfile:
        """The profile for what has the focus; its `why` says why. Costs a look at the file's date."""
        return self.now().choose(window, element)

    def now(self) -> Profiles:
        """All of them."""
        return self._followed.now()
