"""The doctor's look at the server, where one is named: does it answer, and what can it do?"""

from __future__ import annotations

import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from voice_edit.doctor.checks import Context, Finding

if TYPE_CHECKING:
    from voice_edit.config import Settings


def server(context: Context) -> Finding:
    """Asks it what it is and what it can do; where it is to hear, it is played a second of near silence."""
    from engine.server_call import Call
    from engine.server_probe import shown
    from voice_edit import engines
    from voice_edit.pipeline import failures_named

    settings = context.settings
    hears = engines.uses_server(settings)
    if not settings.server.url and not hears and settings.rewrite.writer != "server":
        return Finding("skipped", "None is named; everything runs on this machine.")
    asked = engines.server_of(settings)
    began_s = time.monotonic()
    with failures_named():
        known = Call(lambda tell: asked.capabilities(for_hearing=hears or _may_hear(settings))).result()
    seconds = time.monotonic() - began_s
    details = {
        "url": asked.url, "kind": known.kind, "model": known.model, "models": list(known.models),
        "hears": known.hears, "deaf": known.deaf, "sees": known.sees, "remote": settings.server.allow_remote,
        "seconds": round(seconds, 3),
    }  # fmt: skip
    message = f"{shown(known)}; {asked.url} told so in {seconds:.1f} s"
    if hears and known.hears is None:
        from engine.errors import ServerDeaf

        return Finding("failed", f"{known.name} does not hear: {known.deaf}", ServerDeaf.hint, details)
    problem = _open_door(settings, in_the_clear=asked.wire.is_remote and asked.wire.address.scheme == "http")
    if problem is not None:
        return Finding("warning", f"{message}. {problem[0]}", problem[1], details)
    return Finding("ok", message, "", details)


def _may_hear(settings: Settings) -> bool:
    return settings.server.hears in ("chat", "transcriptions")


def _open_door(settings: Settings, *, in_the_clear: bool) -> tuple[str, str] | None:
    """What others could read along, and what to do about it."""
    chosen = settings.server
    if in_the_clear:
        return (
            "What is said goes there unencrypted",
            "Use https, or a tunnel (docs/servers.md): ssh -N -L 8000:127.0.0.1:8000 HOST",
        )
    if chosen.key_file is not None:
        path = Path(chosen.key_file).expanduser()
        if path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            return f"Others can read its key in {path}", f"Run: chmod 600 {path}"
    return None
