"""What the daemon offers to other programs of the user's, where the settings ask for it: the local endpoint,
and Wyoming.

They use the resident model when the microphone does not (`engine.sharing`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from voice_edit.errors import VoiceEditError

if TYPE_CHECKING:
    from engine.sharing import SharedEngine
    from engine.writer import Writer
    from voice_edit.api.desk import Job
    from voice_edit.api.server import ApiServer
    from voice_edit.config import Paths, Settings
    from voice_edit.wyoming.running import Wyoming

logger = logging.getLogger(__name__)


class Serving:
    """Opened and closed once. `start` and `close` wait, so they are not called in the loop."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        paths: Paths,
        engine: Callable[[], SharedEngine],
        *,
        on_problem: Callable[[VoiceEditError], object],
    ) -> None:
        """`on_problem` is told why something is not offered; dictation goes on without it."""
        self._settings = settings
        self._paths = paths
        self._engine = engine
        self._on_problem = on_problem
        self._api: ApiServer | None = None
        self._problem = ""
        self._wyoming: Wyoming | None = None

    def start(self) -> None:
        """Open what is wanted."""
        self._start_wyoming()
        if not self._settings().api.enabled:
            return
        from voice_edit.api.server import ApiServer, Served

        api = ApiServer(
            Served(lambda: self._engine().background, self._settings, self._paths, self._open_writer)
        )
        try:
            api.start()
        except VoiceEditError as error:
            logger.warning("%s", error)
            self._problem = str(error)
            self._on_problem(error)
            return
        self._api = api

    def close(self) -> None:
        """Close it."""
        wyoming, self._wyoming = self._wyoming, None
        if wyoming is not None:
            wyoming.close()
        api, self._api = self._api, None
        if api is not None:
            api.close()

    def to_json(self) -> dict[str, Any]:
        """As `status` says it."""
        return {"endpoint": self._api.url if self._api else "", "endpoint_problem": self._problem}

    def _start_wyoming(self) -> None:
        if not self._settings().wyoming.enabled:
            return
        from voice_edit.wyoming.running import Wyoming

        engine = self._engine()
        wyoming = Wyoming(self._settings(), engine.background, expect=engine.expect)
        try:
            wyoming.start()
        except VoiceEditError as error:
            logger.warning("%s", error)
            self._on_problem(error)
            return
        self._wyoming = wyoming

    def _open_writer(self, job: Job) -> Writer | None:
        from voice_edit import engines

        return engines.open_writer(self._settings(), self._paths, job.engine)
