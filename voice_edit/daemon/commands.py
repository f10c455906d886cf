"""What clients may ask of the daemon: one method a command of docs/control.md."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from voice_edit import __version__, pipeline
from voice_edit.control import protocol as asked
from voice_edit.daemon import talk_state, telling
from voice_edit.daemon.client_channel import ClientChannel
from voice_edit.errors import UsageError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from voice_edit.control.server import Client
    from voice_edit.daemon.coordinator import Coordinator
    from voice_edit.daemon.key_watch import KeyWatch
    from voice_edit.editing import Outcome
    from voice_edit.journal.records import UtteranceRecord
    from voice_edit.targets.base import JournaledTarget

Result = dict[str, Any]
T = TypeVar("T")


class DaemonCommands:
    """The `control.Handler` of the daemon. Runs in its loop."""

    def __init__(
        self,
        coordinator: Coordinator,
        keys: KeyWatch,
        *,
        stop: Callable[[], object],
        change_setting: Callable[[str, Any], Result],
        target_named: Callable[[str], JournaledTarget],
        serving: Callable[[], Result] = dict,
    ) -> None:
        """`change_setting` writes a setting and puts it to use. `target_named` finds the target of an old
        utterance by its name in the journal, or raises TargetError. `serving`: what others can reach.
        """
        self._coordinator = coordinator
        self._keys = keys
        self._stop = stop
        self._change_setting = change_setting
        self._target_named = target_named
        self._serving = serving
        self._began_s = time.monotonic()
        self._clients: set[Client] = set()
        self._channels: dict[Client, ClientChannel] = {}
        self._offered: dict[str, tuple[Client, JournaledTarget]] = {}
        self._verbs: dict[type, Callable[[Client, Any], Awaitable[Result]]] = {
            asked.Status: self._status,
            asked.Stop: self._stop_daemon,
            asked.TalkStart: self._talk_start,
            asked.TalkStop: self._talk_stop,
            asked.TalkToggle: self._talk_toggle,
            asked.TalkCancel: self._talk_cancel,
            asked.HandsFree: self._hands_free,
            asked.Say: self._say,
            asked.Answer: self._answer,
            asked.TargetFile: self._pin_file,
            asked.TargetClear: self._clear_target,
            asked.TargetOffer: self._offer_target,
            asked.TargetFocus: self._focus_target,
            asked.TargetWithdraw: self._withdraw_target,
            asked.TargetReply: self._target_reply,
            asked.Undo: self._undo,
            asked.Redo: self._redo,
            asked.Log: self._log,
            asked.Retry: self._retry,
            asked.Play: self._play,
            asked.EngineLoad: self._load_engine,
            asked.EngineUnload: self._unload_engine,
            asked.Settings: self._settings,
            asked.SettingsSet: self._set_setting,
        }

    # --- control.Handler --------------------------------------------------------------------------------

    async def handle(self, client: Client, command: asked.Command) -> Result:
        """Do what a client asks for. Raises VoiceEditError."""
        return await self._verbs[type(command)](client, command)

    def connected(self, client: Client) -> None:
        """A client is there."""
        self._clients.add(client)

    def disconnected(self, client: Client) -> None:
        """A client is gone: what it offered and pinned goes with it."""
        self._clients.discard(client)
        self._forget_offer(client)
        self._coordinator.targets.forget(client)
        self._coordinator.tell_target()

    # --- the daemon -------------------------------------------------------------------------------------

    async def _status(self, client: Client, command: asked.Status) -> Result:
        c = self._coordinator
        return {
            "stage": c.stage,
            "mode": c.mode,
            "hands_free": c.hands_free,
            "take": c.take,
            "target": c.target().to_json(),
            "engine": c.engine_json(),
            "microphone": c.microphone_json(),
            "hotkeys": self._keys.to_json(),
            "clients": len(self._clients),
            "pid": os.getpid(),
            "version": __version__,
            "protocol": asked.PROTOCOL,
            "uptime_s": round(time.monotonic() - self._began_s, 1),
            "counters": dict(c.counters),
            "question": c.asker.open_question,
            **self._serving(),
        }

    async def _stop_daemon(self, client: Client, command: asked.Stop) -> Result:
        asyncio.get_running_loop().call_later(0.05, self._stop)  # the reply goes first
        return {}

    # --- talking ----------------------------------------------------------------------------------------

    async def _talk_start(self, client: Client, command: asked.TalkStart) -> Result:
        return await self._gesture(talk_state.Start(command.mode), command.target)

    async def _talk_stop(self, client: Client, command: asked.TalkStop) -> Result:
        return await self._gesture(talk_state.Stop())

    async def _talk_toggle(self, client: Client, command: asked.TalkToggle) -> Result:
        return await self._gesture(talk_state.Toggle(command.mode), command.target)

    async def _talk_cancel(self, client: Client, command: asked.TalkCancel) -> Result:
        return await self._gesture(talk_state.Cancel())

    async def _hands_free(self, client: Client, command: asked.HandsFree) -> Result:
        await self._coordinator.gesture(talk_state.SetHandsFree(command.mode))
        return {"hands_free": self._coordinator.hands_free}

    async def _gesture(self, gesture: talk_state.Gesture, file: asked.FileRef | None = None) -> Result:
        c = self._coordinator
        await c.gesture(gesture, file=None if file is None else _path(file.file))
        return {"stage": c.stage, "mode": c.mode, "take": c.take}

    async def _say(self, client: Client, command: asked.Say) -> Result:
        c = self._coordinator
        await c.look_at_focus()
        chosen = c.target()
        if chosen.refusal is not None:
            raise chosen.refusal
        c.targets.talked_to(chosen)
        target = chosen.target
        try:
            outcome: Outcome = await self._work(
                lambda: c.talker.apply_words(target, command.words, command.mode)
            )
        finally:
            c.wait_to_unload()  # the model may have been loaded to write
        return _without_name(telling.outcome(outcome, target=target))

    async def _answer(self, client: Client, command: asked.Answer) -> Result:
        if not self._coordinator.asker.answer(command.question, command.choice):
            raise UsageError(
                f"Question {command.question} is not open, or has no choice {command.choice}.",
                hint="It was answered elsewhere, or timed out. `voice-edit log` shows what became of it.",
            )
        return {}

    # --- where the words go -----------------------------------------------------------------------------

    async def _pin_file(self, client: Client, command: asked.TargetFile) -> Result:
        c = self._coordinator
        path, owner = _path(command.path), client if command.pin == "client" else None
        # Opening reads the file, which may lie on a slow disk: not in the loop.
        chosen = await self._in_thread(lambda: c.targets.open(path))
        c.targets.pin(chosen, owner)
        c.tell_target()
        return chosen.to_json()

    async def _clear_target(self, client: Client, command: asked.TargetClear) -> Result:
        self._coordinator.targets.unpin()
        self._coordinator.tell_target()
        return self._coordinator.target().to_json()

    async def _offer_target(self, client: Client, command: asked.TargetOffer) -> Result:
        from voice_edit.targets.client import ClientTarget

        self._forget_offer(client)
        loop = asyncio.get_running_loop()
        channel = ClientChannel(
            lambda event: loop.call_soon_threadsafe(client.send_event, event), command.title
        )
        target = ClientTarget(command.name, command.title, channel)
        self._channels[client] = channel
        self._offered[target.name] = client, target
        self._coordinator.targets.offer(client, command.title, target)
        self._coordinator.tell_target()
        return {}

    async def _focus_target(self, client: Client, command: asked.TargetFocus) -> Result:
        self._coordinator.targets.focus(client, command.focused)
        self._coordinator.tell_target()
        return {}

    async def _withdraw_target(self, client: Client, command: asked.TargetWithdraw) -> Result:
        self._forget_offer(client)
        self._coordinator.targets.withdraw(client)
        self._coordinator.tell_target()
        return {}

    async def _target_reply(self, client: Client, command: asked.TargetReply) -> Result:
        channel = self._channels.get(client)
        if command.error is not None:
            data: Result = {"error": {"code": command.error.code, "message": command.error.message}}
        else:
            data = {"text": command.text, "anchor": command.anchor, "head": command.head}
        if channel is None or not channel.reply(command.request, data):
            raise UsageError(f"Nobody waits for an answer to request {command.request}.")
        return {}

    def _forget_offer(self, client: Client) -> None:
        channel = self._channels.pop(client, None)
        if channel is not None:
            channel.close()
        self._offered = {name: offer for name, offer in self._offered.items() if offer[0] is not client}

    # --- what was done ----------------------------------------------------------------------------------

    async def _undo(self, client: Client, command: asked.Undo) -> Result:
        return await self._revert("undo", command.count, command.target)

    async def _redo(self, client: Client, command: asked.Redo) -> Result:
        return await self._revert("redo", command.count, command.target)

    async def _revert(self, direction: str, count: int, name: str | None) -> Result:
        if not 1 <= count <= 1000:
            raise UsageError(f"'count' must be 1 to 1000, not {count}.")
        c = self._coordinator
        target = c.targets.edited(c.target()) if name is None else await self._named(name)
        return await self._work(lambda: c.talker.revert(target, direction, count))

    async def _log(self, client: Client, command: asked.Log) -> Result:
        journal = self._coordinator.journal
        limit = max(0, min(command.limit, 1000))
        records: list[UtteranceRecord] = await self._in_thread(
            lambda: journal.log(
                limit=limit, search=command.search, before=command.before, target=command.target
            )
        )
        return {"utterances": [record.to_json() for record in records]}

    async def _retry(self, client: Client, command: asked.Retry) -> Result:
        c = self._coordinator
        record: UtteranceRecord = await self._in_thread(lambda: c.journal.get(command.utterance))
        if record.target is None:
            raise UsageError(
                f"Utterance {record.id} had no target.",
                hint=f"On the command line: voice-edit retry {record.id} --file FILE",
            )
        target = await self._named(record.target)
        try:
            work = self._work(
                lambda: c.talker.retry(record, target, by_words=command.by_words), hears=not command.by_words
            )
            return await work
        finally:
            c.wait_to_unload()

    async def _named(self, name: str) -> JournaledTarget:
        """What the journal calls so. Raises TargetError where it is not there now."""
        if name in self._offered:
            return self._offered[name][1]
        return await self._in_thread(lambda: self._target_named(name))

    async def _play(self, client: Client, command: asked.Play) -> Result:
        from voice_edit.journal import audio_store

        c = self._coordinator

        def begin() -> None:
            from engine import _portaudio

            span = c.journal.audio(command.utterance)
            samples = audio_store.load(span.path, span.start_sample, span.end_sample)
            with pipeline.failures_named():
                _portaudio.play(samples, audio_store.SAMPLE_RATE)

        await self._in_thread(begin)
        return {}

    # --- engine and settings ----------------------------------------------------------------------------

    async def _load_engine(self, client: Client, command: asked.EngineLoad) -> Result:
        self._coordinator.engine.preload()
        self._coordinator.wait_to_unload()
        return {"state": self._coordinator.engine.state.state}

    async def _unload_engine(self, client: Client, command: asked.EngineUnload) -> Result:
        c = self._coordinator
        if c.stage != "idle":
            raise UsageError("The model is in use.", hint="Stop talking first: voice-edit talk cancel")
        await self._in_thread(c.engine.unload)
        return {"state": c.engine.state.state}

    async def _settings(self, client: Client, command: asked.Settings) -> Result:
        return {"settings": self._coordinator.settings.model_dump(mode="json")}

    async def _set_setting(self, client: Client, command: asked.SettingsSet) -> Result:
        return self._change_setting(command.name, command.value)

    # --- inside -----------------------------------------------------------------------------------------

    async def _work(self, work: Callable[[], T], *, hears: bool = False) -> T:
        """In the working thread, after what was asked for before. `hears`: with the model."""
        future: Future[T] = self._coordinator.talker.submit(work, hears=hears)
        return await asyncio.wrap_future(future)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(None, work)


def _path(name: str) -> Path:
    path = Path(name)
    if not path.is_absolute():
        raise UsageError(f"'{name}' is not an absolute path.", hint="The daemon has another current folder.")
    return path


def _without_name(event: telling.Event) -> Result:
    return {name: value for name, value in event.items() if name not in ("event", "at_s")}
