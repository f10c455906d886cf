"""The order of the links, and how each is looked at: by itself, and within its time."""

from __future__ import annotations

import importlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from voice_edit.config import Settings
    from voice_edit.paths import Paths

logger = logging.getLogger(__name__)

State = Literal["ok", "warning", "failed", "skipped"]
"""failed: voice-edit cannot do its work because of it. warning: it can, but not everything. skipped: not
looked at, because it makes no sense here or something before it failed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What looking at one link gave."""

    state: State
    message: str
    """What was found, one line."""
    remedy: str = ""
    """What to do about it; several lines where there are several ways."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """More for `--json`: numbers, lists, paths. Never dictated text."""


@dataclass(frozen=True, slots=True)
class Check:
    """One link of the chain, looked at."""

    name: str
    """Stable, for `--only` and scripts."""
    title: str
    """For people."""
    state: State
    message: str
    remedy: str
    details: Mapping[str, Any]
    seconds: float
    """How long it took."""

    def to_json(self) -> dict[str, Any]:
        return {
            "check": self.name, "title": self.title, "state": self.state, "message": self.message,
            "remedy": self.remedy, "details": dict(self.details), "seconds": round(self.seconds, 3),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Context:
    """What a look needs to know."""

    settings: Settings
    paths: Paths
    environ: Mapping[str, str]
    listen_s: float
    """How long the microphone is listened to."""
    problem: Exception | None = None
    """Why the settings are only the defaults."""
    found: dict[str, Check] = field(default_factory=dict)
    """The links that were looked at before."""

    def broken(self, *names: str) -> Check | None:
        """The first of these links that did not hold."""
        looked_at = (self.found[name] for name in names if name in self.found)
        return next((check for check in looked_at if check.state in ("failed", "skipped")), None)


@dataclass(frozen=True, slots=True)
class Link:
    """One link: how it is called, and who looks at it."""

    name: str
    title: str
    look: str
    """`module:function` in this package; imported when it is called. Takes a Context, returns a Finding."""
    limit_s: float = 5.0
    """After so long it counts as hung."""
    own_process: bool = False
    """It may crash, or hang where no thread can be stopped."""
    needs: tuple[str, ...] = ()
    """Without these links it cannot be looked at."""


LINKS: tuple[Link, ...] = (
    Link("program", "Program", "program:program", 20),
    Link("settings", "Settings", "program:settings"),
    Link("folders", "Folders", "program:folders"),
    Link("journal", "Journal", "program:journal", 15),
    Link("model", "Model", "model:files"),
    Link("larger", "Real voices", "model:larger", 20, own_process=True, needs=("model",)),
    Link("server", "Server", "server:server", 60),
    Link("memory", "Memory", "memory:memory", 30, own_process=True, needs=("model",)),
    Link("second", "Second engine", "memory:second", 30, own_process=True),
    Link("hearing", "Hearing", "model:hearing", 180, own_process=True, needs=("model",)),
    Link("portaudio", "Sound system", "sound:portaudio", 20, own_process=True),
    Link("microphone", "Microphone", "sound:microphone", 25, own_process=True, needs=("portaudio",)),
    Link("level", "Level", "sound:level", 25, own_process=True, needs=("portaudio", "microphone")),
    Link("session", "Session", "desktop:session"),
    Link("hotkeys", "Keys", "desktop:hotkeys", 20, own_process=True),
    Link("clipboard", "Clipboard", "desktop:clipboard", 10),
    Link("apps", "Profiles", "program:apps"),
    Link("fields", "Fields", "fields:fields", 30, own_process=True),
    Link("focus", "Focus", "fields:focus", 30, own_process=True, needs=("apps",)),
    Link("notifications", "Notifications", "desktop:notifications", 10),
    Link("terminal", "Terminal", "program:terminal"),
    Link("service", "Service", "daemon:service", 20),
    Link("daemon", "Daemon", "daemon:daemon", 20),
    Link("targets", "Targets", "daemon:targets", 10),
)


def run_checks(
    settings: Settings | None,
    paths: Paths,
    *,
    environ: Mapping[str, str] = os.environ,
    only: Sequence[str] = (),
    listen_s: float = 1.0,
    links: Sequence[Link] = LINKS,
) -> Iterator[Check]:
    """Look at every link, or at those named in `only`, and yield each as it is done.

    `settings` None: they are read here, and what is wrong with them is a finding. `listen_s` is how long the
    microphone is listened to. Whatever happens to one link, the next is looked at. Raises UsageError for a
    name that is none.
    """
    _require_known(only, links)
    problem: Exception | None = None
    if settings is None:
        settings, problem = _settings(paths, environ)
    context = Context(settings, paths, environ, listen_s, problem)
    for link in links:
        if only and link.name not in only:
            continue
        check = look_at(link, context)
        context.found[link.name] = check
        yield check


def look_at(link: Link, context: Context) -> Check:
    """Look at one link. Never raises, and takes little more than its time."""
    began_s = time.monotonic()
    broken = context.broken(*link.needs)
    if broken is not None:
        finding = Finding("skipped", f"Not looked at: it needs {broken.title}.")
    elif link.own_process:
        from voice_edit.doctor.probe import look_in_own_process

        limit_s = link.limit_s + context.listen_s
        finding = _caught(lambda: look_in_own_process(link.look, context, limit_s=limit_s))
    else:
        finding = _in_thread(lambda: find(link.look)(context), link.limit_s)
    return Check(
        link.name,
        link.title,
        finding.state,
        sentence(finding.message),
        finding.remedy,
        finding.details,
        time.monotonic() - began_s,
    )


def find(look: str) -> Callable[[Context], Finding]:
    """The function that `module:function` names."""
    name, _, function = look.partition(":")
    module = importlib.import_module(f"voice_edit.doctor.{name}")
    found: Callable[[Context], Finding] = getattr(module, function)
    return found


def trouble(error: BaseException, state: State = "failed") -> Finding:
    """The finding that an error is. A fault of ours says which, so that it can be reported."""
    from engine.errors import EngineError
    from voice_edit.errors import VoiceEditError

    if isinstance(error, VoiceEditError | EngineError):
        return Finding(state, str(error), error.hint, {"error": error.code})
    return Finding(
        state,
        f"The check itself failed: {type(error).__name__}: {error}",
        "Please report this line; the other checks are not affected.",
        {"error": type(error).__name__},
    )


def sentence(text: str) -> str:
    """On one line, with a capital and a full stop."""
    text = " ".join(text.split())
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _caught(look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except Exception as error:
        logger.debug("a check failed", exc_info=True)
        return trouble(error)


def _in_thread(look: Callable[[], Finding], limit_s: float) -> Finding:
    """In a thread that is left alone when it hangs; it cannot be stopped, but it does not stop us."""
    done: list[Finding] = []
    thread = threading.Thread(target=lambda: done.append(_caught(look)), daemon=True, name="doctor")
    thread.start()
    thread.join(limit_s)
    return done[0] if done else hung(limit_s)


def hung(limit_s: float) -> Finding:
    """For a link that gave no answer in its time."""
    return Finding("failed", f"No answer within {limit_s:.0f} s.", "Try again; if it stays, log in anew.")


def _settings(paths: Paths, environ: Mapping[str, str]) -> tuple[Settings, Exception | None]:
    """The user's, or the defaults and why."""
    from voice_edit.config import Settings, load_settings

    try:
        return load_settings(paths, environ), None
    except Exception as error:
        return Settings(), error


def _require_known(only: Sequence[str], links: Sequence[Link]) -> None:
    from voice_edit.errors import UsageError

    names = [link.name for link in links]
    for name in only:
        if name not in names:
            raise UsageError(f"There is no check '{name}'.", hint=f"The checks are: {', '.join(names)}.")
