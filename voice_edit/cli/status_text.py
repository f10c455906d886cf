"""What `status` replies, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def status_lines(found: Mapping[str, Any]) -> list[str]:
    """What `status` replies, for people: one line a part, and below it what is wrong with it."""
    microphone, engine, keys = found["microphone"], found["engine"], found["hotkeys"]
    rows = [
        ("state", _state(found)),
        *_target(found["target"]),
        ("microphone", _joined(microphone["state"], microphone.get("device"), _dropped(microphone))),
        *_problem(microphone),
        ("engine", _joined(engine["state"], engine.get("name"), _megabytes(engine), _restarts(engine))),
        ("keys", keys_line(keys)),
        *_problem(keys),
        ("daemon", _joined(
            f"voice-edit {found['version']}", f"pid {found['pid']}",
            f"up {_duration(found.get('uptime_s', 0.0))}", f"{found.get('clients', 0)} connected",
        )),
        ("so far", _counts(found.get("counters", {}))),
    ]  # fmt: skip
    return [f"{name:<12}{text}" for name, text in rows if text]


def _target(target: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where words go; for a field of another program how they get there, and why so or why not."""
    name = target.get("title") or target.get("name") or "none"
    if target.get("kind") != "field":
        return [("target", name)]
    way = target.get("mechanism") or "nothing is written there"
    return [("target", _joined(name, way)), ("", str(target.get("why") or ""))]


def keys_line(keys: Mapping[str, Any]) -> str:
    """The talk keys in words; says so where there are none."""
    if not keys.get("backend") or keys["backend"] == "none":
        return "none; use `voice-edit talk toggle`"
    bound = [
        f"{keys[name]} {does}"
        for name, does in (("dictate", "dictates"), ("edit", "edits"))
        if keys.get(name)
    ]
    return _joined(", ".join(bound), keys.get("style"), keys["backend"])


def stage_line(stage: str, mode: str | None) -> str:
    """`listening (edit)`."""
    return f"{stage} ({mode})" if mode else stage


def _state(found: Mapping[str, Any]) -> str:
    hands_free = found.get("hands_free", "off")
    return _joined(
        stage_line(found["stage"], found.get("mode")),
        f"hands-free ({hands_free})" if hands_free != "off" else None,
        "a question waits for an answer" if found.get("question") else None,
    )


def _joined(*parts: str | None) -> str:
    return " · ".join(part for part in parts if part)


def _problem(part: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is wrong, and below it what helps, a line each."""
    problem = part.get("problem")
    if not problem:
        return []
    hints = str(problem.get("hint") or "").splitlines()
    return [("", f"! {problem['message']}"), *(("", f"  {hint}") for hint in hints)]


def _dropped(microphone: Mapping[str, Any]) -> str | None:
    samples = microphone.get("dropped_samples") or 0
    return f"{samples / 16:.0f} ms of sound lost" if samples else None


def _megabytes(engine: Mapping[str, Any]) -> str | None:
    size = engine.get("rss_bytes")
    return f"{size / 2**20:,.0f} MB" if size else None


def _restarts(engine: Mapping[str, Any]) -> str | None:
    count = engine.get("restarts") or 0
    return f"restarted {count} time{'s' if count > 1 else ''}" if count else None


def _duration(seconds: float) -> str:
    minutes = int(seconds) // 60
    if minutes == 0:
        return f"{int(seconds)} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def _counts(counters: Mapping[str, int]) -> str | None:
    said = counters.get("utterances", 0)
    parts = [f"{counters[name]} {name}" for name in ("applied", "rejected", "failed") if counters.get(name)]
    return (
        f"{said} utterance{'' if said == 1 else 's'}" + (": " + ", ".join(parts) if parts else "")
        if said
        else None
    )
