"""Recordings that come from elsewhere, read in a process of their own.

Decoders are large and written in C, and what is sent to us may have been made to break them, or by a program
that is broken itself. So a process reads it that has no rights worth having, a bounded memory and a bounded
time, and is gone afterwards; what it makes of the sound is what `engine.source.read_audio` gives.

    bytes ─► a file in memory ─► python -m engine.reading_apart ─► float32 samples, or the AudioError
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from engine.errors import AudioError, AudioUnreadable, Cancelled, EngineError
from engine.events import Samples
from engine.frames import SAMPLE_RATE

CALLED = "the recording"
"""What the sound is called in errors: it has no path that anybody knows."""

COMMAND = ("-P", "-m", "engine.reading_apart")
"""What Python is to run. -P: no code from whatever folder the daemon was started in."""

READING_S = 60.0
"""No recording that may be sent takes longer to decode, however slow the machine."""

MEMORY_BYTES = 2 << 30
"""Address space of the process; a decoder needs a tenth of it."""

NICENESS = 10

_HEADER_BYTES = 4096


class Reading:
    """Reads one recording. `stop` may be called from any thread."""

    def __init__(self, data: bytes, *, longest_s: float) -> None:
        """`data`: a WAV, FLAC, OGG or MP3 file. More than `longest_s` of sound is refused."""
        self._data = data
        self._longest_s = longest_s
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._is_stopped = False

    def samples(self) -> Samples:
        """The sound as float32[n], mono, 16 kHz. Raises the AudioError that says what is wrong with it,
        Cancelled.
        """
        import numpy as np

        with _as_file(self._data) as (path, descriptors):
            process = self._start(path, descriptors)
            guard = threading.Timer(READING_S, process.kill)
            guard.start()
            try:
                header, sound = self._answer(process)
            finally:
                guard.cancel()
                process.kill()
                process.wait()
                if process.stdout is not None:
                    process.stdout.close()
        if self._is_stopped:
            raise Cancelled("stopped by the user")
        if header is None:
            raise AudioUnreadable(
                f"{CALLED}: reading it failed", hint="Convert it to 16-bit WAV, and try again."
            )
        if "error" in header:
            raise _error_of(header, str(path))
        return np.frombuffer(sound, dtype=np.float32)

    def stop(self) -> None:
        """Give it up: `samples` raises Cancelled."""
        with self._lock:
            self._is_stopped = True
            if self._process is not None:
                self._process.kill()

    def _start(self, path: Path, descriptors: tuple[int, ...]) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._is_stopped:
                raise Cancelled("stopped by the user")
            command = [sys.executable, *COMMAND, str(path), str(self._longest_s)]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=descriptors,
                process_group=0,
                cwd="/",
                env=_environment(),
            )
            return self._process

    def _answer(self, process: subprocess.Popen[bytes]) -> tuple[dict[str, Any] | None, bytes]:
        """What the process says, which is not trusted either: its header, and at most the sound that fits."""
        assert process.stdout is not None
        line = process.stdout.readline(_HEADER_BYTES)
        try:
            header = json.loads(line)
            size = 0 if "error" in header else int(header["samples"]) * 4
        except (ValueError, KeyError, TypeError):
            return None, b""
        if not 0 <= size <= (self._longest_s + 1) * SAMPLE_RATE * 4:
            return None, b""
        sound = process.stdout.read(size)
        return (header, sound) if len(sound) == size else (None, b"")


@contextmanager
def _as_file(data: bytes) -> Iterator[tuple[Path, tuple[int, ...]]]:
    """The bytes as a file that can be read twice: its path, and what a child must inherit to open it."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("recording", os.MFD_CLOEXEC)
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(data)
            yield Path(f"/proc/self/fd/{descriptor}"), (descriptor,)
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile(prefix="voice-edit-") as named:  # 0600, gone when it is closed
        named.write(data)
        named.flush()
        yield Path(named.name), ()


def _environment() -> dict[str, str]:
    """What Python needs to find us and its packages, and nothing of the user's."""
    kept = ("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LANG", "HOME", "TMPDIR", "LD_LIBRARY_PATH")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    root = str(Path(__file__).parent.parent)
    found["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [found.get("PYTHONPATH")])])
    return {**found, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def _error_of(header: dict[str, Any], path: str) -> AudioError:
    kinds: dict[str, type[AudioError]] = {}
    waiting: list[type[AudioError]] = [AudioError]
    while waiting:
        kind = waiting.pop()
        if kind.__module__ == AudioError.__module__:
            kinds[kind.code] = kind
        waiting += kind.__subclasses__()
    kind = kinds.get(str(header.get("error")), AudioUnreadable)
    message, hint = (str(header.get(name, "")).replace(path, CALLED) for name in ("message", "hint"))
    return kind(message, hint=hint or None)


# --- in the process -------------------------------------------------------------------------------------


def main(path: str, longest_s: float, out: IO[bytes]) -> None:
    """Read the recording and write to `out` a line of JSON, then the samples."""
    _give_up_rights()
    import numpy as np

    from engine import _soundfile

    try:
        recipe = _soundfile.inspect(Path(path), longest_s=longest_s)
        blocks = list(_soundfile.blocks(recipe))
    except EngineError as error:
        told = {"error": error.code, "message": str(error)[:1000], "hint": error.hint[:1000]}
        out.write(json.dumps(told).encode() + b"\n")
        return
    sound = np.concatenate(blocks).astype(np.float32, copy=False)
    out.write(json.dumps({"samples": len(sound)}).encode() + b"\n")
    out.write(sound.tobytes())


def _give_up_rights() -> None:
    """Bound memory and processor, and write no file: a core of it would hold what was said. The microphone
    goes first with the processor, too.
    """
    import resource

    os.nice(NICENESS)

    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CPU: int(READING_S),
        resource.RLIMIT_AS: MEMORY_BYTES,
    }
    for which, limit in limits.items():
        hard = resource.getrlimit(which)[1]
        bounded = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        try:
            resource.setrlimit(which, (bounded, bounded))
        except (OSError, ValueError):
            # macOS does not bound address space.
            continue


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.stdout.buffer)
