"""Whoever writes, opened when there is something to write: for the daemon, and for commands without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.speech import SpeechEngine
    from engine.writer import Writer
    from voice_edit.config import Paths, Settings
    from voice_edit.engines import ResidentEngine


class KeptWriter:
    """The writer that the settings want now, beside an engine that somebody else keeps."""

    def __init__(
        self, settings: Callable[[], Settings], paths: Paths, engine: Callable[[], SpeechEngine]
    ) -> None:
        self._settings = settings
        self._paths = paths
        self._engine = engine
        self._opened: tuple[object, Writer | None] | None = None

    def __call__(self) -> Writer | None:
        """None where nobody writes. Raises ModelFailed, UsageError."""
        from voice_edit import engines

        settings, engine = self._settings(), self._engine()
        asked = (settings.rewrite.writer, settings.server, settings.engine.writing_tokens, id(engine))
        if self._opened is None or self._opened[0] != asked:
            self._opened = (asked, engines.open_writer(settings, self._paths, engine))
        return self._opened[1]


class OwnWriter:
    """A writer with an engine of its own, which is opened at the first text and closed at the end."""

    def __init__(self, settings: Settings, paths: Paths) -> None:
        """Nothing is opened yet."""
        self._settings = settings
        self._paths = paths
        self._engine: ResidentEngine | None = None
        self._kept = KeptWriter(lambda: settings, paths, self._opened)

    def __call__(self) -> Writer | None:
        """None where nobody writes. Raises ModelFailed, UsageError."""
        return self._kept()

    def close(self) -> None:
        """Give the engine back, if there is one."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def __enter__(self) -> OwnWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _opened(self) -> SpeechEngine:
        from voice_edit import pipeline

        if self._engine is None:
            self._engine = pipeline.open_engine(self._settings, self._paths)
        return self._engine
