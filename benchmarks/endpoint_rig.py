"""An endpoint on a port of its own, with the bundled model behind it, for tests and benchmarks."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.catalog import find_model
from engine.client import EngineClient
from engine.sharing import SharedEngine
from engine.writer import Writer
from voice_edit.api import token
from voice_edit.api.server import ApiServer, Served
from voice_edit.config import Settings
from voice_edit.paths import Paths


@dataclass
class Rig:
    """An endpoint that is open."""

    server: ApiServer
    shared: Any
    paths: Paths

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def token(self) -> str:
        found = token.read(self.paths.api_token)
        assert found is not None
        return found

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        with_key: bool = True,
    ) -> tuple[int, dict[str, str], Any]:
        """One request over a real socket: status, headers in lower case, and the body, as JSON if it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"Authorization": f"Bearer {self.token}"} if with_key else {}
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        connection.request(method, path, body, {**sent, **(headers or {})})
        response = connection.getresponse()
        data = response.read()
        found = {name.lower(): value for name, value in response.getheaders()}
        connection.close()
        is_json = found.get("content-type", "").startswith("application/json")
        return response.status, found, json.loads(data) if is_json else data

    def raw(self, data: bytes, *, timeout_s: float = 30.0) -> bytes:
        """Send bytes as they are; what comes until the other end hangs up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout_s) as connection:
            connection.sendall(data)
            return until_closed(connection)


def until_closed(connection: socket.socket) -> bytes:
    """All that comes until the other end hangs up."""
    received = b""
    while True:
        try:
            data = connection.recv(1 << 16)
        except ConnectionResetError:
            return received
        if not data:
            return received
        received += data


@contextmanager
def endpoint(
    home: Path,
    *,
    shared: Any = None,
    open_writer: Callable[[Any], Writer | None] = lambda job: None,
    **api: Any,
) -> Iterator[Rig]:
    """Open one. `api`: settings of the section. `shared`: default is the bundled model, on one thread."""
    paths = Paths(home / "config", home / "data", home / "run")
    settings = Settings.model_validate({"api": {"enabled": True, "port": 0, **api}})
    own = shared is None
    if own:
        shared = SharedEngine(EngineClient(find_model(), n_threads=1))
    served = Served(lambda: shared.background, lambda: settings, paths, open_writer)
    server = ApiServer(served)
    server.start()
    try:
        yield Rig(server, shared, paths)
    finally:
        server.close()
        if own:
            shared.close()
        assert not server.is_alive
