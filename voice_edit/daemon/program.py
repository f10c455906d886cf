"""The program in the background: puts microphone, engine process, keys and clients together, and takes them
apart again. What happens in between is decided in coordinator.py; main street is voice_edit/pipeline.py.

    keys ──────► key_watch ──┐                                  ┌──► engine process
    clients ───► control ────┼──► coordinator ──► talking.py ───┤
                        commands ◄── events ◄──────────────────└──► journal, target
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voice_edit import pipeline, sessions
from voice_edit.config import load_settings
from voice_edit.control.server import ControlServer
from voice_edit.control.socket_file import private_folder
from voice_edit.daemon import cues, notify, sd_notify, talk_state, telling
from voice_edit.daemon.client_asker import ClientAsker
from voice_edit.daemon.commands import DaemonCommands
from voice_edit.daemon.coordinator import Coordinator
from voice_edit.daemon.fields import Fields
from voice_edit.daemon.key_watch import KeyWatch
from voice_edit.daemon.serving import Serving
from voice_edit.daemon.talking import Talker
from voice_edit.daemon.target_book import TargetBook
from voice_edit.errors import DaemonRunning, NoTarget, VoiceEditError
from voice_edit.journal import locks
from voice_edit.rewriting.opening import KeptWriter
from voice_edit.rewriting.rewriter import Rewriter
from voice_edit.screen.views import ScreenViews
from voice_edit.second_ear import SecondEar, second_ear
from voice_edit.targets import names
from voice_edit.vocabulary.store import KeptVocabulary

if TYPE_CHECKING:
    from engine.client import EngineState
    from engine.microphone import Microphone, MicrophoneEvent
    from engine.sharing import SharedEngine
    from engine.writer import Writer
    from voice_edit.config import Paths, Settings
    from voice_edit.desktop.base import Desktop
    from voice_edit.engines import ResidentEngine
    from voice_edit.journal.journal import Journal
    from voice_edit.rewriting.rewriter import Writing
    from voice_edit.targets.base import JournaledTarget

logger = logging.getLogger(__name__)

Tell = Callable[[str], object]
OpenEngine = Callable[["Settings", "Paths", Callable[["EngineState"], None]], "ResidentEngine"]
OpenMicrophone = Callable[["Settings", Callable[["MicrophoneEvent"], None]], "Microphone"]
OpenDesktop = Callable[["Settings"], "Desktop"]


def main(load: Callable[[], Settings], paths: Paths, *, tell: Tell) -> None:
    """Run until SIGTERM, SIGINT or the command `stop`. `tell` gets sentences for whoever started it.

    `load` reads the settings, now and whenever they were changed. Raises UsageError, DaemonRunning,
    JournalError, ControlUnavailable, ModelFailed.
    """
    settings = load()
    private_folder(paths.runtime_folder)
    lock = locks.FileLock.try_acquire(paths.daemon_lock)
    if lock is None:
        raise DaemonRunning("voice-edit is running already.")
    with lock, sessions.open_journal(settings, paths, tell=tell) as journal:
        asyncio.run(Daemon(settings, paths, journal, tell, load=load).run())


class Daemon:
    """One run of the daemon."""

    def __init__(
        self,
        settings: Settings,
        paths: Paths,
        journal: Journal,
        tell: Tell,
        *,
        load: Callable[[], Settings] | None = None,
        open_engine: OpenEngine | None = None,
        open_microphone: OpenMicrophone | None = None,
        open_desktop: OpenDesktop | None = None,
        writer: Callable[[], Writer | None] | None = None,
    ) -> None:
        """`load` reads the settings again, those of the command line included; default: without any there.

        `open_engine`, `open_microphone`, `open_desktop` and `writer` make the real ones unless a test brings
        others.
        """
        self._load = load or (lambda: load_settings(paths))
        self._open_engine = open_engine or pipeline.open_engine
        self._open_microphone = open_microphone or _open_microphone
        self._open_desktop = open_desktop or _open_desktop
        self._writer = writer or KeptWriter(lambda: self._settings, paths, lambda: self._coordinator.engine)
        self._settings = settings
        self._paths = paths
        self._journal = journal
        self._tell = tell
        self._notifier = sd_notify.Notifier.from_environment()
        self._notifications = notify.Notifier()
        self._cues: cues.Cues | None = None
        self._server: ControlServer
        self._coordinator: Coordinator
        self._keys: KeyWatch
        self._fields: Fields | None = None
        self._second: SecondEar | None = None
        self._serving: Serving
        self._stopped: asyncio.Event

    async def run(self) -> None:
        """Until somebody stops it."""
        self._stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.stop)
        async with self._everything():
            await self._begin()
            await self._stopped.wait()
            self._notifier.stopping()

    def stop(self) -> None:
        """End `run`. In the loop only."""
        self._stopped.set()

    # --- putting together -------------------------------------------------------------------------------

    @asynccontextmanager
    async def _everything(self) -> AsyncIterator[None]:
        """Open in the order of need, close in the other."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(max_workers=4, thread_name_prefix="daemon"))
        self._coordinator = coordinator = Coordinator(
            settings=self._settings,
            journal=self._journal,
            publish=self._publish,
            targets=TargetBook(self._open_file, self._clipboard),
        )
        self._keys = KeyWatch(
            on_gesture=lambda *told: coordinator.from_thread(coordinator.gesture_soon, *told),
            on_change=lambda: coordinator.from_thread(self._keys_changed),
        )
        commands = DaemonCommands(
            coordinator,
            self._keys,
            stop=self.stop,
            change_setting=self._change_setting,
            target_named=self._target_named,
            serving=lambda: self._serving.to_json(),  # noqa: PLW0108  (it is made later)
        )
        coordinator.asker = ClientAsker(
            emit=coordinator.emit,
            anybody=lambda: self._server.wanted("ask"),
            timeout_s=lambda: self._settings.ask.timeout_s,
            on_asking=lambda asking: coordinator.on_work("asking" if asking else "applying"),
        )
        coordinator.on_failure = self._notify
        coordinator.on_talking = self._keys.talking
        coordinator.on_cue = self._cue
        self._open_devices()
        coordinator.talker = Talker(
            journal=self._journal,
            engine=lambda: coordinator.engine,
            settings=lambda: self._settings,
            emit=coordinator.emit,
            on_work=coordinator.on_work,
            watched=lambda: self._server.wanted("partial"),
            asker=coordinator.asker,
            on_ended=coordinator.on_ended,
            shelters=self._shelters,
            vocabulary=KeptVocabulary(self._paths, on_problem=self._told_problem).now,
            second=lambda: self._second,
            rewriter=Rewriter(
                self._writer,
                lambda: self._settings.rewrite,
                tell=self._told_writing,
                views=ScreenViews(lambda: self._settings.rewrite),
            ),
        )
        self._server = ControlServer(self._paths.socket, commands)
        await self._server.start()
        try:
            yield
        finally:
            await self._close()

    def _open_devices(self) -> None:
        coordinator = self._coordinator
        resident = self._open_engine(self._settings, self._paths, self._engine_changed)
        coordinator.engine = engine = self._shared(resident)
        self._serving = Serving(
            lambda: self._settings, self._paths, lambda: engine, on_problem=self._told_problem
        )
        coordinator.microphone = self._open_microphone(self._settings, self._microphone_changed)
        self._second = second_ear(self._settings, self._paths)

    def _shared(self, resident: ResidentEngine) -> SharedEngine:
        """The engine for the microphone and for other programs; whoever used it last keeps it loaded."""
        from engine.sharing import SharedEngine

        coordinator = self._coordinator
        return SharedEngine(
            resident, on_busy=lambda busy: coordinator.from_thread(coordinator.wait_to_unload)
        )

    async def _begin(self) -> None:
        await self._begin_fields()
        self._keys.open(self._settings.hotkeys)
        await asyncio.get_running_loop().run_in_executor(None, self._serving.start)
        self._notifier.ready("ready")
        if self._notifier.watchdog_interval_s is not None:
            self._ping()
        if self._settings.daemon.load_at_start:
            self._coordinator.engine.preload()
            self._coordinator.wait_to_unload()
        if self._settings.daemon.hands_free != "off":
            self._coordinator.gesture_soon(talk_state.SetHandsFree(self._settings.daemon.hands_free))
        self._tell(f"voice-edit is ready; its control socket is {self._paths.socket}")

    async def _begin_fields(self) -> None:
        """Open the desktop, which may take its time. Without one there are files, clients, the clipboard."""
        from voice_edit.apps.following import FollowedProfiles

        loop, coordinator = asyncio.get_running_loop(), self._coordinator
        desktop = await loop.run_in_executor(None, self._open_desktop, self._settings)
        profiles = FollowedProfiles(
            self._paths,
            session=desktop.kind,
            on_problem=self._told_problem,
        )
        self._fields = await loop.run_in_executor(
            None, lambda: Fields(desktop, profiles, lambda: self._settings.field)
        )
        coordinator.targets.fields = self._fields
        self._fields.on_focus(lambda: coordinator.from_thread(coordinator.tell_target))

    async def _close(self) -> None:
        coordinator = self._coordinator
        self._keys.close()
        await coordinator.close()
        if self._cues is not None:
            self._cues.close()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._serving.close)
        with suppress(Exception):
            await loop.run_in_executor(None, coordinator.talker.close)
        if self._fields is not None:
            await loop.run_in_executor(None, self._fields.close)
        coordinator.microphone.close()
        await loop.run_in_executor(None, coordinator.engine.close)
        if self._second is not None:
            await loop.run_in_executor(None, self._second.close)
        await self._server.close("stopped")

    def _told_problem(self, error: VoiceEditError) -> None:
        """Something is wrong with a file of the user's; from any thread."""
        self._coordinator.emit(telling.notice_of(error))

    def _told_writing(self, writing: Writing) -> None:
        """New text appears; from the working thread."""
        self._coordinator.on_work("applying" if writing.is_over else "writing")
        if self._server.wanted("writing"):
            self._coordinator.emit(telling.writing(writing))

    def _publish(self, event: telling.Event) -> None:
        self._server.publish(event)

    # --- what devices tell, in their threads ------------------------------------------------------------

    def _engine_changed(self, state: EngineState) -> None:
        name = self._coordinator.engine_name
        self._coordinator.emit(
            telling.event("engine", state=state.state, name=name, pid=state.pid, message=state.message)
        )
        if state.state == "restarting":
            message = "The engine ended unexpectedly and is started again. Nothing that was said is lost."
            self._coordinator.emit(telling.notice("warning", "engine_restarted", message))

    def _microphone_changed(self, event: MicrophoneEvent) -> None:
        self._coordinator.on_microphone(event)

    def _keys_changed(self) -> None:
        self._coordinator.publish(telling.event("hotkeys", **self._keys.to_json()))

    # --- targets ----------------------------------------------------------------------------------------

    def _open_file(self, file: Path) -> JournaledTarget:
        target = sessions.file_target(file, self._settings)
        target.snapshot()
        target.ensure_writable()
        return target

    def _target_named(self, name: str) -> JournaledTarget:
        if names.is_field(name) and self._fields is not None:
            return self._fields.named(name)
        if name == names.CLIPBOARD:
            return self._clipboard()
        if not names.is_file(name):
            raise NoTarget(f"{names.shown(name)} is not there now.")
        return self._open_file(names.path_of(name))

    def _clipboard(self) -> JournaledTarget:
        from voice_edit.targets.clipboard import ClipboardTarget

        desktop = None if self._fields is None else self._fields.desktop
        return ClipboardTarget(desktop.clipboard.put if desktop and desktop.clipboard else None)

    def _shelters(self) -> list[JournaledTarget]:
        """Where dictated words go that their target did not take: the practice pad, and the clipboard."""
        pad = self._coordinator.targets.offered()
        return [*([pad.target] if pad is not None else []), self._clipboard()]

    # --- settings, service manager ----------------------------------------------------------------------

    def _change_setting(self, name: str, value: Any) -> dict[str, Any]:
        from voice_edit import settings_file

        if value is not None:
            value = settings_file.checked_value(name, value)
        settings_file.write_setting(self._paths, name, value)
        before, after = self._settings, self._load()
        self._settings = self._coordinator.settings = after
        if before.feedback != after.feedback:
            self._cues = None
        if before.hotkeys != after.hotkeys:
            self._keys.close()
            self._keys.open(after.hotkeys)
        is_loaded = self._coordinator.engine.state.state != "unloaded"
        if is_loaded and before.daemon.unload_after_s != after.daemon.unload_after_s:
            self._coordinator.wait_to_unload()
        opened = [(s.engine, s.server, s.fallback) for s in (before, after)]
        restart = opened[0] != opened[1]
        if before.microphone != after.microphone:
            restart = not self._coordinator.exchange_microphone(
                lambda: self._open_microphone(after, self._microphone_changed)
            )
        restart = restart or before.api != after.api or before.wyoming != after.wyoming
        return {"name": name, "value": settings_file.plain(value), "restart": restart}

    def _cue(self, name: str) -> None:
        """A short sound, where the user wants any."""
        if not self._settings.feedback.sounds:
            return
        if self._cues is None:
            self._cues = cues.Cues(volume=self._settings.feedback.volume)
        {"start": self._cues.start, "stop": self._cues.stop, "cancel": self._cues.cancel}[name]()

    def _notify(self, event: telling.Event) -> None:
        """A desktop notification of a failure, from a thread that may wait for the bus."""
        if not self._settings.feedback.notifications:
            return
        error = event.get("error") or event
        message, hint = error["message"], error["hint"]
        if "fault" in (error.get("error"), error.get("code")):
            message = "A fault in voice-edit itself"  # what Python says of it may hold dictated words
        asyncio.get_running_loop().run_in_executor(None, self._notifications.failure, message, hint)

    def _ping(self) -> None:
        """From the loop: a loop that hangs does not ping, and is restarted."""
        self._notifier.ping()
        interval_s = self._notifier.watchdog_interval_s
        assert interval_s is not None
        asyncio.get_running_loop().call_later(interval_s, self._ping)


def _open_desktop(settings: Settings) -> Desktop:
    from voice_edit.desktop.opening import open_desktop

    return open_desktop(settings=settings)


def _open_microphone(settings: Settings, on_event: Callable[[MicrophoneEvent], None]) -> Microphone:
    from engine.microphone import Microphone

    chosen = settings.microphone
    return Microphone(chosen.device, warm_ms=chosen.warm_ms, on_event=on_event)
