"""C libraries that comment on devices in the user's terminal, silenced while they are asked for something."""

from __future__ import annotations

import ctypes
import platform
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_lock = threading.Lock()
_depth = 0
_kept: int | None = None


@contextmanager
def c_stderr_silenced() -> Iterator[None]:
    """What ALSA, JACK and PortAudio print through C's `stderr` goes nowhere; Python's stderr is untouched.

    Only the variable `stderr` of the C library is exchanged, never file descriptor 2: other threads' messages
    and the stderr of processes that are started meanwhile stay as they are. Only glibc allows this
    (C standard, 7.21.1: elsewhere `stderr` may be constant); with others nothing is done.
    """
    global _depth, _kept
    variable = _stderr_variable()
    if variable is None:
        yield
        return
    with _lock:
        _depth += 1
        if _depth == 1:
            _kept, variable.value = variable.value, _nowhere()
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0:
                variable.value, _kept = _kept, None


@cache
def silence_alsa() -> None:
    """From now on ALSA comments on nothing, also from threads of its own ("underrun occurred")."""
    if sys.platform != "linux":
        return
    try:
        set_handler = ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler
    except (OSError, AttributeError):
        return
    # A handler that ignores its arguments and does nothing. One in Python would need the interpreter's lock
    # in the thread that plays.
    set_handler(ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p))


@cache
def _stderr_variable() -> ctypes.c_void_p | None:
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return None
    try:
        return ctypes.c_void_p.in_dll(ctypes.CDLL(None), "stderr")
    except (OSError, ValueError):
        return None


@cache
def _nowhere() -> int | None:
    """A C stream that forgets; it stays open."""
    fopen = ctypes.CDLL(None).fopen
    fopen.restype = ctypes.c_void_p
    opened: int | None = fopen(b"/dev/null", b"w")
    return opened
