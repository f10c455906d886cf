"""Which engine hears and which writes, as the settings say. The only place that knows all of them.

    open_local      in this process; commands that hear one recording
    open_resident   for as long as the daemon runs: in a process of its own, or a server
    open_writer     what writes texts beside one of them: the same model, or a server

A server (`[server]` in the settings) may hear (`engine.model = "server"`), write (`rewrite.writer`), or both.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, cast

from engine.speech import SpeechEngine
from voice_edit.errors import ModelFailed, UsageError
from voice_edit.pipeline import failures_named, find_model

if TYPE_CHECKING:
    from pathlib import Path

    from engine.keeper import EngineState
    from engine.server import Server
    from engine.writer import Writer
    from voice_edit.config import Paths, Settings

SERVER_MODEL = "server"
"""The name under which `engine.model` and `fallback.engine` mean the server of the settings."""


class OpenedEngine(SpeechEngine, Protocol):
    """An engine that is ready, to be used in a `with`."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class ResidentEngine(SpeechEngine, Protocol):
    """An engine that comes and goes while the program runs: what the daemon needs of `EngineClient`."""

    @property
    def state(self) -> EngineState:
        """How it is: whether it is loaded, or why not."""
        ...

    @property
    def pid(self) -> int | None:
        """Its process, where it has one on this machine."""
        ...

    @property
    def restarts(self) -> int:
        """How often it was begun again because it was lost during an utterance."""
        ...

    def rss_bytes(self) -> int | None:
        """Memory that it takes on this machine; None where there is nothing."""
        ...

    def preload(self) -> None:
        """Get ready. Returns at once; `state` tells how it goes."""
        ...

    def unload(self, *, wait_s: float = 5.0) -> bool:
        """Give everything back, after the utterance if one is open. True if there is nothing left."""
        ...


def uses_server(settings: Settings) -> bool:
    """Whether a server hears."""
    return settings.engine.model == SERVER_MODEL


def open_resident(
    settings: Settings, paths: Paths, on_state: Callable[[EngineState], None] | None = None
) -> ResidentEngine:
    """What hears for the daemon; nothing is started or asked yet.

    `on_state` is called with every change of state, in a thread of the engine's: it must not wait. Raises
    ModelFailed where files are missing, UsageError where the settings name no server.
    """
    if uses_server(settings):
        from engine.server import ServerEngine

        return ServerEngine(server_of(settings), on_state=on_state)
    files = find_model(settings, paths)
    with failures_named():
        from engine.client import EngineClient

        return EngineClient(
            files,
            n_ctx=settings.engine.context_tokens,
            n_threads=settings.engine.threads,
            text_ctx=settings.engine.writing_tokens,
            loading=settings.engine.loading(),
            on_state=on_state,
        )


def open_local(settings: Settings, paths: Paths) -> OpenedEngine:
    """What hears, ready when this returns: the model is loaded into this process, which takes from a fraction
    of a second to a minute, or the server has said that it can. Raises ModelFailed, UsageError.
    """
    if uses_server(settings):
        from engine.server import ServerEngine

        engine = ServerEngine(server_of(settings))
        with failures_named():
            engine.require_ready()
        return engine
    files = find_model(settings, paths)
    with failures_named():
        from engine.opening import open_engine

        return open_engine(
            files,
            n_ctx=settings.engine.context_tokens,
            n_threads=settings.engine.threads,
            loading=settings.engine.loading(),
        )


def open_writer(settings: Settings, paths: Paths, engine: SpeechEngine) -> Writer | None:
    """What writes beside `engine`; None where nothing does. Nothing is loaded or asked yet.

    `rewrite.writer`: "server" is the server of the settings; "local" the model that hears, if it runs in a
    process of its own (`open_resident`) with `engine.writing_tokens`; "auto" the server where one is
    configured, else the model. Raises UsageError where the server is wanted and none is configured.
    """
    choice = settings.rewrite.writer
    shared = getattr(engine, "client", engine)  # in front or in the background of `engine.sharing`
    if choice == "server" or (choice == "auto" and settings.server.url):
        from engine.server import ServerEngine
        from engine.server_writer import ServerWriter

        return ServerWriter(shared.server if isinstance(shared, ServerEngine) else server_of(settings))
    from engine.client import EngineClient

    if not isinstance(shared, EngineClient) or not settings.engine.writing_tokens:
        return None
    from engine.local_writer import LocalWriter

    return LocalWriter(cast("EngineClient", engine))


def server_of(settings: Settings) -> Server:
    """The server of the settings, not asked yet. Raises UsageError where none is named, ModelFailed where its
    URL or key makes no sense or it is elsewhere and that is not allowed.
    """
    chosen = settings.server
    if not chosen.url:
        raise UsageError(
            "A server is to be used, and none is named.",
            hint='Name it in config.toml: [server] url = "http://127.0.0.1:8080" (docs/servers.md).',
        )
    with failures_named():
        from engine.server import Server, ServerOptions

        return Server(
            ServerOptions(
                url=chosen.url,
                kind=chosen.kind,
                model=chosen.model,
                key=_read_key(chosen.key_file),
                allow_remote=chosen.allow_remote,
                hears=chosen.hears,
                connect_s=chosen.connect_s,
                read_s=chosen.read_s,
            )
        )


def _read_key(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        return file.expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ModelFailed(
            f"The server's key cannot be read from {file}: {why}.",
            hint="server.key_file names a file that holds the key and nothing else.",
        ) from error
