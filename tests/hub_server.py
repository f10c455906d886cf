"""A hub on a real socket that speaks the Hugging Face protocol, well or badly.

HEAD and GET of /OWNER/NAME/resolve/COMMIT/PATH answer with a redirect to another host (`localhost` instead of
`127.0.0.1`), as the true hub sends large files to its CDN; X-Repo-Commit, X-Linked-Size and X-Linked-ETag
tell what the file is. The CDN knows Range. What goes wrong, and when, a plan decides for every single answer.
"""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any

from engine.model_rows import ModelRow, read_rows

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER_COMMIT = "f" * 40
HEADS = (
    "500",
    "503",
    "reset",
    "no_commit",
    "other_commit",
    "other_hash",
    "no_hash",
    "other_size",
    "not_found",
)
BODIES = (
    "cut", "reset", "short", "wrong", "stall", "ignore_range", "shift", "long", "html", "packed",
    "500", "503", "429", "404",
)  # fmt: skip
"""What may be done to an answer. `cut` ends the connection in the middle, `reset` breaks it, `short` claims
to be whole, `wrong` changes bytes, `ignore_range` sends all of it, `shift` another part than was asked."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as it came."""

    method: str
    path: str
    start: int
    """What its Range asks for, 0 without."""
    token: str
    host: str


@dataclass
class Served:
    """What was asked and what was sent."""

    asked: list[Asked] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    """The kind of each answer."""
    body_bytes: int = 0

    def bodies(self) -> list[Asked]:
        """Requests for bytes."""
        return [one for one in self.asked if one.method == "GET" and one.path.startswith("/cdn/")]


Plan = Callable[[str, int], str]
"""(`HEAD` or `GET`, number of such requests before) -> what to do, "ok" for nothing bad."""


def well(method: str, number: int) -> str:
    """Every answer as it should be."""
    return "ok"


def scripted(*bodies: str, heads: tuple[str, ...] = ()) -> Plan:
    """These first, then everything well."""
    lists = {"GET": bodies, "HEAD": heads}
    return lambda method, number: lists[method][number] if number < len(lists[method]) else "ok"


def random_plan(rng: Random, *, trouble: float, kinds: tuple[str, ...], heads: tuple[str, ...]) -> Plan:
    """Something bad with this probability, drawn anew for each answer; a quarter of it for a HEAD."""

    def plan(method: str, number: int) -> str:
        chosen = heads if method == "HEAD" else kinds
        likely = trouble / 4 if method == "HEAD" else trouble
        return rng.choice(chosen) if rng.random() < likely else "ok"

    return plan


class HubServer(ThreadingHTTPServer):
    """Files of one repository at one commit."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, files: dict[str, bytes], *, repo: str = "someone/tiny-gguf", seed: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.repo = files, repo
        self.hashes = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
        self.rng = Random(seed)
        self.plan: Plan = well
        self.stall_s = 5.0
        self.says: dict[str, bytes] = {}
        """Files that the hub gives out under a name, hash and all, instead of the true ones."""
        self.redirects = True
        self.served = Served()
        self.lock = threading.Lock()
        self._numbers = {"HEAD": 0, "GET": 0}
        self.ended = threading.Event()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def row(self, *, hashes: bool = True, name: str = "tiny") -> ModelRow:
        """The model that these files are."""
        return read_rows(self.row_text(hashes=hashes, name=name))[name]

    def row_text(self, *, hashes: bool = True, name: str = "tiny") -> str:
        """The same as models.toml would have it."""
        parts = {"model.gguf": "model", "mmproj.gguf": "projector", "mtp.gguf": "drafter"}
        rows = []
        for path, data in self.files.items():
            known = f', size = {len(data)}, sha256 = "{self.hashes[path]}"' if hashes else ""
            rows.append(
                f'{{ part = "{parts[path]}", repo = "{self.repo}", revision = "{COMMIT}", '
                f'path = "{path}"{known} }}'
            )
        return f"""[model.{name}]
title = "Tiny"
profile = "bundled"
licence = "none"
file = [{", ".join(rows)}]
"""

    def what_now(self, method: str) -> str:
        with self.lock:
            number = self._numbers[method]
            self._numbers[method] += 1
            kind = self.plan(method, number)
            self.served.done.append(f"{method} {kind}")
            return kind

    def draw(self, draw: Callable[[Random], int]) -> int:
        """A random number, the same for the same seed and order."""
        with self.lock:
            return draw(self.rng)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are not told of."""

    def given(self, path: str) -> bytes | None:
        return self.says.get(path, self.files.get(path))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HubServer

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_HEAD(self) -> None:
        self._note("HEAD", 0)
        self._resolve(self.server.what_now("HEAD"))

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "bytes=0-")
        start = int(wanted.removeprefix("bytes=").partition("-")[0])
        self._note("GET", start)
        if self.path.startswith("/cdn/") or not self.server.redirects:
            self._body(start, self.server.what_now("GET"))
        else:
            self._resolve("ok")

    def _note(self, method: str, start: int) -> None:
        token = self.headers.get("Authorization", "")
        with self.server.lock:
            self.server.served.asked.append(
                Asked(method, self.path, start, token, self.headers.get("Host", ""))
            )

    def _file(self) -> tuple[str, bytes | None]:
        prefixes = (f"/{self.server.repo}/resolve/{COMMIT}/", "/cdn/")
        path = next((self.path.removeprefix(p) for p in prefixes if self.path.startswith(p)), "")
        return path.partition("?")[0], self.server.given(path.partition("?")[0])

    def _resolve(self, kind: str) -> None:
        path, data = self._file()
        if kind == "reset":
            self._reset()
            return
        if data is None or kind == "not_found":
            self._say(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
            return
        if kind in ("500", "503"):
            self._say(int(kind), {"Retry-After": "0"})
            return
        digest = hashlib.sha256(data + (b"!" if kind == "other_hash" else b"")).hexdigest()
        headers = {
            "X-Repo-Commit": OTHER_COMMIT if kind == "other_commit" else COMMIT,
            "X-Linked-Size": str(len(data) + (kind == "other_size")),
            "X-Linked-ETag": f'"{digest}"',
            "ETag": '"of-the-redirect"',
        }
        if kind == "no_commit":
            del headers["X-Repo-Commit"]
        if kind == "no_hash":
            headers["X-Linked-ETag"] = '"0123abcd"'
        if self.server.redirects:
            port = self.server.server_port
            headers["Location"] = (
                f"http://localhost:{port}/cdn/{path}?signature={formatdate(usegmt=True)[-12:-4]}"
            )
            self._say(302, headers)
        else:
            self._say(200, headers, length=len(data))

    def _body(self, start: int, kind: str) -> None:
        _, data = self._file()
        if data is None or kind in ("404", "429", "500", "503"):
            self._say(int(kind) if kind.isdigit() else 404, {"Retry-After": "0"})
            return
        if kind == "html":
            page = b"<html><body>Please log in to the network.</body></html>"
            self._send(page, 0, len(page), ranged=False, total=len(page))
            return
        total, ranged = len(data), start > 0
        if start >= total:
            self._say(416, {"Content-Range": f"bytes */{total}"})
            return
        if kind == "ignore_range":
            start, ranged = 0, False
        if kind == "shift" and ranged:
            start = self.server.draw(lambda rng: rng.randrange(total))
        if kind == "wrong":
            at = start + self.server.draw(lambda rng: rng.randrange(total - start))
            data = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
        rest = data[start:] + (b"more than there is" if kind == "long" else b"")
        stop = len(rest)
        if kind in ("cut", "reset", "short", "stall"):
            stop = self.server.draw(lambda rng: rng.randrange(len(rest)))
        claimed = stop if kind == "short" else len(rest)
        extra = {"Content-Encoding": "gzip"} if kind == "packed" else {}
        self._send(rest[:stop], start, claimed, ranged=ranged, total=total, extra=extra)
        if kind == "stall":
            self.server.ended.wait(self.server.stall_s)
        if kind == "reset":
            self._reset()
        if stop < claimed:
            self.close_connection = True

    def _say(self, status: int, headers: dict[str, str], *, length: int = 0) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _send(
        self,
        body: bytes,
        start: int,
        claimed: int,
        *,
        ranged: bool,
        total: int,
        extra: dict[str, str] | None = None,
    ) -> None:
        self.send_response(206 if ranged else 200)
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        self.send_header("ETag", '"of-the-store"')
        self.send_header("Content-Length", str(claimed))
        if ranged:
            self.send_header("Content-Range", f"bytes {start}-{start + claimed - 1}/{total}")
        self.end_headers()
        for at in range(0, len(body), 1 << 15):
            self.wfile.write(body[at : at + (1 << 15)])
            with self.server.lock:
                self.server.served.body_bytes += len(body[at : at + (1 << 15)])

    def _reset(self) -> None:
        """Break the connection: what was sent and not yet read is lost."""
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


@contextmanager
def running(
    files: dict[str, bytes], *, seed: int = 0, repo: str = "someone/tiny-gguf"
) -> Iterator[HubServer]:
    """A hub for as long as the block runs."""
    server = HubServer(files, seed=seed, repo=repo)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="hub")
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


def wait_for(condition: Callable[[], bool], limit_s: float = 20.0) -> bool:
    """Whether it came true in time."""
    until = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True
