"""Everything at once: does the microphone hear the same words while the whole machine is at the daemon?

    python -m benchmarks.together --rounds 200

A real daemon with a virtual microphone, the local endpoint and Wyoming. In each round a recording is
dictated into a file, while programs transcribe, edit, hang up in the middle, send nonsense, or open
connections and say nothing, settings change, the engine is unloaded, killed (SIGKILL) or stopped (SIGSTOP).
Words that the microphone heard must be those that it heard alone; so must all that were answered to others
with success. At the end: what is left of threads, descriptors, memory, whether anything wakes up while all
is quiet, and how long the daemon takes to stop with requests open. Exits with 1 where anything was wrong.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import random
import signal
import socket
import statistics
import sys
import threading
import time
import wave
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.daemon_rig import Rig, open_descriptors, rss_kb, sample_edits, threads, wake_ups
from voice_edit.api import token
from voice_edit.control.client import ControlClient
from voice_edit.errors import VoiceEditError
from voice_edit.paths import Paths

SETTINGS = '[api]\nenabled = true\nport = 0\n[wyoming]\nenabled = true\nuri = "tcp://127.0.0.1:{port}"\n'
QUIET_S = 20.0
MOST_WAKE_UPS = 40
"""In `QUIET_S`; the daemon's own loop has no business at all."""


class Others:
    """Programs that use the daemon, well and badly, until `stop`."""

    def __init__(self, rig: Rig, wyoming_port: int, rng: random.Random) -> None:
        self.rng = rng
        self.tally: Counter[str] = Counter()
        self.heard: dict[str, set[str]] = {}
        """What was answered for each recording."""
        self._samples = [(each["wav"].name, each["wav"].read_bytes()) for each in speech(rig)]
        while not (url := rig.client.request("status")["endpoint"]):
            time.sleep(0.05)
        self._port = int(url.split(":")[2].partition("/")[0])
        self._wyoming_port = wyoming_port
        paths = Paths.from_environment({"VOICE_EDIT_HOME": str(rig.home)})
        self._key = token.read(paths.api_token) or ""
        self._control = ControlClient(paths.socket)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self) -> None:
        """Set them off."""
        deeds: list[Callable[[], None]] = [
            self.transcribe, self.transcribe, self.stream, self.edit, self.leave_early, self.send_nonsense,
            self.say_nothing, self.speak_wyoming, self.speak_wyoming, self.trouble_the_engine,
        ]  # fmt: skip
        for deed in deeds:
            thread = threading.Thread(target=self._keep_on, args=(deed,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, *, wait_s: float = 120.0) -> None:
        """No more of it."""
        self._over.set()
        for thread in self._threads:
            thread.join(wait_s)
            if thread.is_alive():
                self.count("a program that never ended")

    def count(self, what: str) -> None:
        """One more of these."""
        with self._lock:
            self.tally[what] += 1

    def _keep_on(self, deed: Callable[[], None]) -> None:
        while not self._over.wait(self.rng.uniform(0.0, 1.0)):
            try:
                deed()
            except (OSError, http.client.HTTPException, VoiceEditError) as error:
                self.count(f"{deed.__name__}: {type(error).__name__}")
                self._over.wait(0.5)

    def _note(self, name: str, text: str) -> None:
        with self._lock:
            self.heard.setdefault(name, set()).add(text)

    # --- the endpoint ------------------------------------------------------------------------------------

    def transcribe(self) -> None:
        """As it should be used."""
        name, data = self.rng.choice(self._samples)
        status, body = self._post("/v1/audio/transcriptions", *form(data))
        self.count(f"transcription {status}")
        if status == 200:
            self._note(name, json.loads(body)["text"])

    def stream(self) -> None:
        """The same bit by bit; every other time it is left in the middle."""
        name, data = self.rng.choice(self._samples)
        body, kind = form(data, stream="true")
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        connection.request("POST", "/v1/audio/transcriptions", body, self._headers(kind))
        if self.rng.random() < 0.5:
            self._over.wait(self.rng.uniform(0, 0.5))
            connection.close()
            return
        response = connection.getresponse()
        lines = response.read().decode().splitlines()
        connection.close()
        self.count(f"stream {response.status}")
        events = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
        if response.status == 200 and events and events[-1].get("type") == "transcript.text.done":
            self._note(name, events[-1]["text"])

    def edit(self) -> None:
        """Words and sound about a text."""
        asked: dict[str, Any] = {"text": "See you on Monday. " * 100}
        if self.rng.random() < 0.5:
            asked["words"] = self.rng.choice(["delete the last sentence", "undo", "scratch that", ""])
        else:
            asked["input_audio"] = {"data": base64.b64encode(self.rng.choice(self._samples)[1]).decode()}
        status, _ = self._post("/v1/edits", json.dumps(asked).encode(), "application/json")
        self.count(f"edit {status}")

    def leave_early(self) -> None:
        """Hang up in the middle of the head, of the body, or of the waiting."""
        body, kind = form(self.rng.choice(self._samples)[1])
        head = self._head("/v1/audio/transcriptions", kind, len(body))
        whole = head + body
        with socket.create_connection(("127.0.0.1", self._port), timeout=60) as connection:
            connection.sendall(whole[: self.rng.choice([10, len(head) + 1000, len(whole)])])
            self._over.wait(self.rng.uniform(0.0, 1.0))
            if self.rng.random() < 0.5:  # with a reset
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.count("left early")

    def send_nonsense(self) -> None:
        """What is no request."""
        bodies = [b"", b"[" * 100_000, b'{"text": "a", "x": [' + b"0," * 200_000 + b"0]}", b"\xff" * 1000]
        for path in ("/v1/edits", "/v1/chat/completions"):
            status, _ = self._post(path, self.rng.choice(bodies), "application/json")
            self.count(f"nonsense {status}")

    def say_nothing(self) -> None:
        """Open connections, to no end."""
        held = []
        with suppress(OSError):
            held = [socket.create_connection(("127.0.0.1", self._port), timeout=5) for _ in range(20)]
        self._over.wait(2.0)
        for each in held:
            each.close()

    def _post(self, path: str, body: bytes, kind: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        try:
            connection.request("POST", path, body, self._headers(kind))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _headers(self, kind: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}", "Content-Type": kind}

    def _head(self, path: str, kind: str, length: int) -> bytes:
        lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{self._port}", f"Content-Length: {length}"]
        lines += [f"{name}: {value}" for name, value in self._headers(kind).items()]
        return "\r\n".join([*lines, "", ""]).encode()

    def hold_open(self, count: int) -> list[socket.socket]:
        """Requests that are never complete."""
        kind = "application/json"
        held = [socket.create_connection(("127.0.0.1", self._port), timeout=60) for _ in range(count)]
        for each in held:
            each.sendall(self._head("/v1/edits", kind, 1000) + b"{")
        return held

    # --- Wyoming and the engine --------------------------------------------------------------------------

    def speak_wyoming(self) -> None:
        """An utterance; every fourth is broken off."""
        name, data = self.rng.choice(self._samples)
        sound = data[44:]
        form_ = {"rate": 16000, "width": 2, "channels": 1}
        with socket.create_connection(("127.0.0.1", self._wyoming_port), timeout=120) as connection:
            connection.sendall(event("transcribe") + event("audio-start", form_))
            for at in range(0, len(sound), 8192):
                connection.sendall(event("audio-chunk", form_, sound[at : at + 8192]))
                if self.rng.random() < 0.01:
                    self.count("wyoming: broken off")
                    return
            connection.sendall(event("audio-stop"))
            with connection.makefile("rb") as answers:
                while line := answers.readline():
                    header = json.loads(line)
                    data_ = answers.read(header.get("data_length") or 0)
                    if header["type"] == "transcript":
                        self._note(name, json.loads(data_)["text"])
                        self.count("wyoming: transcript")
                        return
                    if header["type"] == "error":
                        self.count("wyoming: error")
                        return
        self.count("wyoming: hung up on")

    def trouble_the_engine(self) -> None:
        """Settings, memory, death."""
        choice = self.rng.random()
        if choice < 0.5:
            value = self.rng.choice([1.0, 5.0, 300.0])
            self._control.request("settings.set", name="daemon.unload_after_s", value=value)
        elif choice < 0.7:
            self._control.request("engine.unload")
        else:
            pid = self._control.request("status")["engine"].get("pid")
            with suppress(ProcessLookupError):
                if pid and choice < 0.85:
                    os.kill(pid, signal.SIGKILL)
                    self.count("engine killed")
                elif pid:
                    os.kill(pid, signal.SIGSTOP)
                    self.count("engine stopped")
                    self._over.wait(self.rng.uniform(0.1, 3.0))
                    os.kill(pid, signal.SIGCONT)
        self._over.wait(3.0)


def event(kind: str, data: dict[str, Any] | None = None, payload: bytes = b"") -> bytes:
    """One of Wyoming's."""
    header = {"type": kind, "data": data or {}, "payload_length": len(payload)}
    return json.dumps(header).encode() + b"\n" + payload


def form(sound: bytes, **fields: str) -> tuple[bytes, str]:
    """A transcription's form and its type."""
    parts = {"model": "voice-edit", **fields}
    body = b"".join(
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in parts.items()
    )
    head = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    return body + head + sound + b"\r\n--B--\r\n", "multipart/form-data; boundary=B"


def speech(rig: Rig) -> list[dict[str, Any]]:
    """Recordings of 16 kHz whose words can be dictated."""
    found = []
    for each in sample_edits(Path(__file__).parent.parent / "samples"):
        with wave.open(str(each["wav"])) as file:
            if (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (16000, 2, 1):
                found.append(each)
    return found


def dictate(rig: Rig, sample: dict[str, Any]) -> tuple[str, float | None]:
    """What became of a recording, and how many milliseconds after the end."""
    rig.note.write_text("Begin.\n", encoding="utf-8")
    happened = rig.take(sample["wav"])
    rig.wait_until_idle()
    if happened["event"] != "outcome":
        return f"({happened['event']}: {happened.get('message')})", None
    return happened.get("words") or "", (happened.get("timing") or {}).get("applied_ms")


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for journal and logs; else a temporary one")
    a = parser.parse_args()
    rng = random.Random(a.seed)
    with socket.create_server(("127.0.0.1", 0)) as free:
        wyoming_port = free.getsockname()[1]
    wrong: list[str] = []
    with Rig(keep=a.keep, settings=SETTINGS.replace("{port}", str(wyoming_port))) as rig:
        samples = speech(rig)
        alone = {each["wav"].name: dictate(rig, each) for each in samples}
        pid = rig.daemon.pid
        before = (threads(pid), open_descriptors(pid), rss_kb(pid) // 1024)
        others = Others(rig, wyoming_port, rng)
        others.begin()
        delays: list[float] = []
        for number in range(a.rounds):
            sample = rng.choice(samples)
            words, delay_ms = dictate(rig, sample)
            print(f"{number}: {words} ({delay_ms} ms)", file=sys.stderr, flush=True)
            delays += [] if delay_ms is None else [delay_ms]
            if words != alone[sample["wav"].name][0]:
                wrong.append(f"round {number}, {sample['wav'].name}: {words}")
                print(wrong[-1], flush=True)
        others.stop()
        rig.client.request("settings.set", name="daemon.unload_after_s", value=1.0)
        until_s = time.monotonic() + 60
        while rig.client.request("status")["engine"].get("pid"):
            if time.monotonic() > until_s:
                wrong.append("the engine is not unloaded")
                break
            time.sleep(0.2)
        time.sleep(3.0)
        after = (threads(pid), open_descriptors(pid), rss_kb(pid) // 1024)
        woken = wake_ups(pid)
        time.sleep(QUIET_S)
        woken = wake_ups(pid) - woken
        held = others.hold_open(6)
        began_s = time.monotonic()
        rig.client.request("stop")
        rig.daemon.wait(30)
        stop_s = time.monotonic() - began_s
        for each in held:
            each.close()
    for name, heard in others.heard.items():
        if len(heard) > 1:
            wrong.append(f"others heard {name} differently: {sorted(heard)}")
    if others.tally["a program that never ended"] or woken > MOST_WAKE_UPS:
        wrong.append("something never ended, or wakes up while all is quiet")
    result = {
        "rounds": a.rounds,
        "wrong": wrong,
        "others": dict(sorted(others.tally.items())),
        "alone_ms": statistics.median(ms for _, ms in alone.values() if ms is not None),
        "applied_ms": {"median": statistics.median(delays), "largest": max(delays)},
        "threads, descriptors, MB": {"before": before, "after": after},
        "wake-ups while quiet": woken,
        "stop_s": round(stop_s, 2),
    }
    print(json.dumps(result, indent=1))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
