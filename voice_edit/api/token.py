"""The key to the endpoint: a file that only its owner can read.

Whoever can read it may use the model. It is made when it is first needed and stays until the user makes
another; programs read it from the file, so that it is on no command line and in no environment.
"""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from voice_edit.api.failures import ApiUnavailable

TOKEN_BYTES = 32
"""Of randomness."""
PREFIX = "ve-"
"""Tools that look for secrets in files find it by this."""
_MOST_BYTES = 512


def read(path: Path) -> str | None:
    """The token, or None where there is none yet. Raises ApiUnavailable where others could have read it, or
    have put it there.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ApiUnavailable(f"{path} cannot be read: {error.strerror}.") from error
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise ApiUnavailable(f"{path} is not a file of yours, so it is no key.", hint=_HINT)
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise ApiUnavailable(f"{path} can be read by others, so the key in it is known.", hint=_HINT)
        data = file.read(_MOST_BYTES).strip()
    try:
        token = data.decode("ascii")
    except UnicodeDecodeError:
        token = ""
    if len(token) < 32 or not token.isprintable() or " " in token:
        raise ApiUnavailable(f"{path} holds no key.", hint=_HINT)
    return token


def renew(path: Path) -> str:
    """Make another token, in one step: the old one is refused from now on. Raises ApiUnavailable."""
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            os.fchmod(descriptor, 0o600)  # whatever the umask is
            file.write(token + "\n")
        new.rename(path)
    except OSError as error:
        with suppress(OSError):
            new.unlink()
        raise ApiUnavailable(f"{path} cannot be written: {error.strerror}.") from error
    return token


def ensure(path: Path) -> str:
    """The token, made if there is none. Raises ApiUnavailable."""
    return read(path) or renew(path)


class Key:
    """The token of a file as the endpoint asks for it; one that was made anew counts at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, ...] | None = None
        self._token = b""

    def fits(self, header: bytes) -> bool:
        """Whether an `Authorization` header holds the token; takes the same time for all that are wrong.
        Raises ApiUnavailable where the file is not what it should be.
        """
        scheme, _, given = header.partition(b" ")
        current = self._current()
        is_right = hmac.compare_digest(given.strip(), current)
        return is_right and scheme.lower() == b"bearer" and bool(current)

    def _current(self) -> bytes:
        try:
            found = self._path.lstat()
        except OSError:
            return b""
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode, found.st_uid)
        if stamp != self._stamp:
            self._token = (read(self._path) or "").encode()
            self._stamp = stamp
        return self._token


_HINT = "Make another: voice-edit api token --new"
