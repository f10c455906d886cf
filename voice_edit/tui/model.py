"""How each event of the daemon changes what the terminal interface knows.

Pure: `reduce(state, event)` takes an event as it came over the control socket (docs/control.md) and returns
the next state; an event it does not know changes nothing. Four are not the daemon's: `link` (how the
connection is, from `control.link`), `status` and `hands_free` (the answers to these commands) and `starting`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from voice_edit.cli.as_spoken import lag_to_tell
from voice_edit.tui.state import (
    Choice,
    EngineState,
    Heard,
    Hotkeys,
    Level,
    Link,
    LinkState,
    Message,
    MicrophoneState,
    Question,
    Result,
    State,
    Target,
    Writing,
)

Event: TypeAlias = Mapping[str, Any]

METER_LEVELS = 200
"""Levels kept for the meter; at 12.5 a second 16 seconds, and more than a terminal is wide."""
RECENT = 40
"""Results of this run that are kept for the screen; the journal has all of them."""


def reduce(state: State, event: Event) -> State:
    """The state after `event`. One that lacks what it should have is told and changes nothing else."""
    name = str(event.get("event", ""))
    known = _REDUCERS.get(name)
    if known is None:
        return state
    try:
        return known(state, event)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        text = f"The daemon sent '{name}' in a form that is not known here ({type(error).__name__})."
        hint = "Restart both: voice-edit stop --daemon, then voice-edit tui."
        return replace(state, message=Message("warning", text, hint, "protocol"))


def _link(state: State, event: Event) -> State:
    if event["connected"]:  # connected is told when it is known what is there: see `_status`
        return replace(state, link=Link("connecting"))
    error = event.get("error") or {}
    link = Link(
        _link_state(state.link.state, _code(error)), str(error.get("message", "")), str(error.get("hint", ""))
    )
    # What the daemon did is not known any more; what was seen last stays to be read.
    kept = State(link=link, heard=_settled(state.heard), result=state.result, recent=state.recent)
    return replace(kept, target=state.target, version=state.version, entries=state.entries)


def _link_state(now: LinkState, code: str) -> LinkState:
    if code == "daemon_not_running":
        return "lost" if now in ("connected", "lost") else "starting" if now == "starting" else "absent"
    return "lost" if code in ("daemon_gone", "daemon_busy") else "refused"


def _starting(state: State, event: Event) -> State:
    """A daemon is being started; `error` tells that it did not."""
    error = event.get("error")
    if state.link.state == "connected":
        return state
    if error is None:
        return replace(state, link=Link("starting", "The daemon is being started.", "One moment."))
    return replace(state, link=Link("absent", str(error["message"]), str(error.get("hint", ""))))


def _hello(state: State, event: Event) -> State:
    return replace(state, version=str(event.get("version", "")), pid=event.get("pid"))


def _status(state: State, event: Event) -> State:
    changed = replace(
        state,
        link=Link("connected"),
        stage=str(event.get("stage", "idle")),
        mode=event.get("mode") or "",
        take=event.get("take"),
        hands_free=event.get("hands_free") or "off",
        target=_as_target(event.get("target")),
        engine=_as_engine(EngineState(), event.get("engine") or {}),
        microphone=_as_microphone(MicrophoneState(), event.get("microphone") or {}),
        hotkeys=_as_hotkeys(Hotkeys(), event.get("hotkeys") or {}),
        version=str(event.get("version", state.version)),
        pid=event.get("pid", state.pid),
    )
    changed = replace(changed, entries=state.entries + 1)  # nobody knows what happened meanwhile
    question = event.get("question")  # one that was asked before we came
    return _ask(changed, question) if question else replace(changed, question=None)


def _stage(state: State, event: Event) -> State:
    stage, take = str(event["stage"]), event.get("take")
    changed = replace(state, stage=stage, mode=event.get("mode") or "", take=take)
    if "hands_free" in event:
        changed = replace(changed, hands_free=event["hands_free"] or "off")
    if stage == "idle":
        return replace(changed, speaking=False, heard=_settled(state.heard), behind_ms=0.0)
    if state.stage == "idle" and stage == "listening":  # a new take: nothing of the one before is true of it
        return replace(changed, levels=(), message=None, speaking=False, heard=Heard(), behind_ms=0.0)
    return changed if changed.talking else replace(changed, behind_ms=0.0)


def _settled(heard: Heard) -> Heard:
    """Without partial words: they were not what was meant, or nobody waits for their end any more."""
    return heard if heard.words is not None else Heard()


def _forget(state: State, event: Event) -> State:
    return replace(state, message=None)


def _hands_free(state: State, event: Event) -> State:
    return replace(state, hands_free=str(event["mode"]))


def _level(state: State, event: Event) -> State:
    level = Level(float(event["rms_dbfs"]), float(event["peak"]), bool(event["is_speech"]))
    behind_ms = lag_to_tell(state.behind_ms, float(event.get("behind_ms") or 0.0))
    return replace(state, levels=(*state.levels[-(METER_LEVELS - 1) :], level), behind_ms=behind_ms)


def _speech(state: State, event: Event) -> State:
    speaking = bool(event["speaking"])
    if speaking and state.heard.words is not None:  # the next utterance of the same take
        return replace(state, speaking=True, heard=Heard())
    return replace(state, speaking=speaking)


def _partial(state: State, event: Event) -> State:
    text = str(event["text"])
    cut = min(max(int(event.get("stable") or 0), 0), len(text))
    return replace(state, heard=Heard(stable=text[:cut], rest=text[cut:]))


def _words(state: State, event: Event) -> State:
    heard = Heard(
        words=str(event["text"]),
        confidence=event.get("confidence"),
        probability=event.get("probability"),
        doubtful=tuple(str(word) for word in event.get("weak_words") or ()),
        heard_by=str(event.get("heard_by") or ""),
    )
    return replace(state, heard=heard)


def _writing(state: State, event: Event) -> State:
    if event.get("over"):
        return replace(state, writing=None)
    told = {name: str(event.get(name) or "") for name in ("old", "style", "by", "saw")}
    return replace(state, writing=Writing(str(event["text"]), **told))


def _outcome(state: State, event: Event) -> State:
    receipt = event.get("receipt") or {}
    result = Result(
        "outcome",
        utterance=event.get("utterance"),
        mode=event.get("mode") or "",
        words=str(event.get("words", "")),
        compact=str(event.get("compact") or ""),
        before=event.get("before"),
        after=event.get("after"),
        changes=tuple((c["start"], c["old"], c["new"]) for c in event.get("changes") or ()),
        receipt=str(receipt.get("state", "")),
        notes=tuple(str(note) for note in receipt.get("notes") or ()),
        timing=_as_timing(event.get("timing")),
    )
    heard = state.heard
    if heard.words != result.words:
        heard = Heard(words=result.words)
    return _with_result(state, result, heard)


def _failed(state: State, event: Event) -> State:
    error = event.get("error") or {}
    message = Message("error", str(error.get("message", "")), str(error.get("hint", "")), _code(error))
    words = event.get("words") or ""
    result = Result("failed", utterance=event.get("utterance"), words=words, message=message)
    heard = Heard(words=words) if words and state.heard.words != words else state.heard
    return _with_result(state, result, heard)


def _rejected(state: State, event: Event) -> State:
    message = Message("warning", str(event["message"]), str(event.get("hint", "")), str(event["reason"]))
    result = Result("rejected", utterance=event.get("utterance"), message=message)
    return _with_result(state, result, Heard())


def _reverted(state: State, event: Event) -> State:
    numbers = [str(number) for number in event.get("utterances") or ()]
    done = "Undid" if event["direction"] == "undo" else "Redid"
    plural = "s" if len(numbers) > 1 else ""
    receipt = event.get("receipt") or {}
    result = Result(
        "reverted",
        receipt=str(receipt.get("state", "")),
        notes=tuple(str(note) for note in receipt.get("notes") or ()),
        timing=_as_timing(event.get("timing")),
        before=event.get("before"),
        after=event.get("after"),
        message=Message("info", f"{done} utterance{plural} {', '.join(numbers)}."),
    )
    return _with_result(state, result, state.heard)


def _with_result(state: State, result: Result, heard: Heard) -> State:
    recent = (*state.recent[-(RECENT - 1) :], result)
    return replace(state, result=result, heard=heard, recent=recent, entries=state.entries + 1, writing=None)


def _notice(state: State, event: Event) -> State:
    level = event.get("level", "info")
    message = Message(
        level if level in ("info", "warning", "error") else "info",
        str(event["message"]),
        str(event.get("hint") or ""),
        str(event.get("code") or ""),
    )
    said = state.result.message if state.result is not None else None
    if said is not None and said.text == message.text:
        return state  # it stands where the edit would
    return replace(state, message=message)


def _ask(state: State, event: Event) -> State:
    question = Question(
        id=event["question"],
        kind="confirm" if event["kind"] == "confirm" else "choice",
        message=str(event["message"]),
        choices=tuple(Choice(c["start"], c["end"], str(c["excerpt"])) for c in event.get("choices") or ()),
        before=event.get("before") or "",
        after=event.get("after") or "",
        timeout_s=event.get("timeout_s"),
    )
    return replace(state, question=question)


def _asked(state: State, event: Event) -> State:
    mine = state.question is not None and state.question.id == event["question"]
    return replace(state, question=None) if mine else state


def _bye(state: State, event: Event) -> State:
    reason = str(event.get("reason") or "")
    return replace(
        state, message=Message("warning", f"The daemon stops: {reason}." if reason else "The daemon stops.")
    )


def _as_target(data: Mapping[str, Any] | None) -> Target:
    data = data or {}
    told = {key: str(data.get(key) or "") for key in ("name", "title", "mechanism", "why", "app")}
    return Target(str(data.get("kind") or "none"), **told)


def _as_engine(old: EngineState, data: Event) -> EngineState:
    return EngineState(
        state=str(data.get("state") or old.state),
        name=str(data.get("name") or old.name),
        pid=data.get("pid"),
        rss_bytes=data.get("rss_bytes"),
        restarts=int(data.get("restarts") or old.restarts),
        message=str(data.get("message") or ""),
    )


def _as_microphone(old: MicrophoneState, data: Event) -> MicrophoneState:
    return MicrophoneState(
        state=str(data.get("state") or old.state),
        device=str(data.get("device") or old.device),
        problem=_as_problem(data.get("problem")),
        dropped_samples=int(data.get("dropped_samples") or old.dropped_samples),
    )


def _as_hotkeys(old: Hotkeys, data: Event) -> Hotkeys:
    return Hotkeys(
        backend=str(data.get("backend") or ""),
        dictate=str(data.get("dictate", old.dictate) or ""),
        edit=str(data.get("edit", old.edit) or ""),
        cancel=str(data.get("cancel", old.cancel) or ""),
        style=str(data.get("style") or old.style),
        problem=_as_problem(data.get("problem")),
    )


def _as_timing(data: Event | None) -> dict[str, float]:
    return {name: float(ms) for name, ms in (data or {}).items() if _is_number(ms)}


def _as_problem(data: Any) -> Message | None:
    if not data:
        return None
    if isinstance(data, str):
        return Message("warning", data)
    return Message("warning", str(data.get("message", "")), str(data.get("hint") or ""), _code(data))


def _code(data: Event) -> str:
    return str(data.get("code") or data.get("error") or "")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_REDUCERS: dict[str, Callable[[State, Event], State]] = {
    "link": _link,
    "starting": _starting,
    "hello": _hello,
    "status": _status,
    "stage": _stage,
    "forget": _forget,
    "hands_free": _hands_free,
    "level": _level,
    "speech": _speech,
    "partial": _partial,
    "words": _words,
    "writing": _writing,
    "outcome": _outcome,
    "failed": _failed,
    "rejected": _rejected,
    "reverted": _reverted,
    "notice": _notice,
    "ask": _ask,
    "asked": _asked,
    "bye": _bye,
    "target": lambda state, event: replace(state, target=_as_target(event)),
    "engine": lambda state, event: replace(state, engine=_as_engine(state.engine, event)),
    "microphone": lambda state, event: replace(state, microphone=_as_microphone(state.microphone, event)),
    "hotkeys": lambda state, event: replace(state, hotkeys=_as_hotkeys(state.hotkeys, event)),
}
