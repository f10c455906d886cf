"""Servers on real sockets, without a model: each speaks a dialect as its documentation and source have it
(read, not recorded from a running one), or misbehaves in a way of its own.
"""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE_S = 20.0


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.body)
        return data

    @property
    def has_sound(self) -> bool:
        return b"UklGR" in self.body or b"RIFF" in self.body


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    status: int = 200
    parts: Sequence[bytes | threading.Event] = ()
    """Sent one by one; an event is waited for."""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    """Break off behind the parts."""


Answer = Callable[[Asked], Reply | None]
"""None: there is nothing of that name."""


class FakeServer:
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.began = threading.Event()
        """An answer with an event in it was begun."""
        self.left = threading.Event()
        """Somebody closed the connection while an answer was waited for."""
        self.over = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = False
        self._http.block_on_close = True
        self.port = self._http.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()

    def posts(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.method == "POST" and asked.path == path]

    def close(self) -> None:
        self.over.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@contextmanager
def serving(answer: Answer) -> Iterator[FakeServer]:
    server = FakeServer(answer)
    try:
        yield server
    finally:
        server.close()


def _handler(server: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None: ...

        def do_GET(self) -> None:
            self.respond(b"")

        def do_POST(self) -> None:
            self.respond(self.rfile.read(int(self.headers.get("content-length") or 0)))

        def respond(self, body: bytes) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            # A proxy is asked for whole URLs.
            path = "/" + self.path.split("/", 3)[3] if self.path.startswith("http://") else self.path
            asked = Asked(self.command, path, headers, body)
            server.asked.append(asked)
            reply = server.answer(asked) or error(404, "not found")
            with suppress(OSError):
                self.send(reply)

        def send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            self.send_header("Connection", "close")
            self.close_connection = True
            for name, value in reply.headers.items():
                self.send_header(name, value)
            chunked = "Content-Length" not in reply.headers
            if chunked:
                self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in reply.parts:
                if isinstance(part, threading.Event):
                    self.wait(part)
                elif part:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
            if chunked and not reply.cut:
                self.wfile.write(b"0\r\n\r\n")

        def wait(self, event: threading.Event) -> None:
            server.began.set()
            for _ in range(int(PATIENCE_S / 0.02)):
                if event.wait(0.02) or server.over.is_set():
                    return
                if select.select([self.connection], [], [], 0)[0]:
                    with suppress(OSError):
                        if self.connection.recv(1, socket.MSG_PEEK):
                            continue
                    server.left.set()
                    return

    return Handler


def error(status: int, message: str, **headers: str) -> Reply:
    return Reply(status, [json.dumps({"error": {"message": message}}).encode()], headers)


def plain(data: Any) -> Reply:
    return Reply(200, [json.dumps(data).encode()], {"Content-Type": "application/json"})


def events(*chunks: Any, done: bool = True) -> Reply:
    """Server-sent events, each in a part of its own."""
    parts = [b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in chunks]
    return Reply(200, [*parts, *([b"data: [DONE]\n\n"] * done)], {"Content-Type": "text/event-stream"})


def delta(
    text: str = "", *, stop: str | None = None, scores: Iterable[tuple[str, float]] = ()
) -> dict[str, Any]:
    """One of OpenAI's chunks."""
    told = [{"token": token, "logprob": score} for token, score in scores]
    return {
        "object": "chat.completion.chunk",
        "choices": [
            {
                "index": 0,
                "delta": {"content": text} if text else {},
                "finish_reason": stop,
                "logprobs": {"content": told} if told else None,
            }
        ],
    }


def usage(prompt_tokens: int) -> dict[str, Any]:
    return {"object": "chat.completion.chunk", "choices": [], "usage": {"prompt_tokens": prompt_tokens}}


def said(*pieces: str, prompt_tokens: int | None = None, scores: float | None = None) -> Reply:
    """An answer in pieces."""
    chunks = [delta(piece, scores=[(piece, scores)] if scores is not None else ()) for piece in pieces]
    counted = [] if prompt_tokens is None else [usage(prompt_tokens)]
    return events(*chunks, delta(stop="stop"), *counted)


def openai(
    *pieces: str,
    owner: str = "somebody",
    model: str = "gemma-4-12b-it",
    takes: str = "input_audio",
    ignores: bool = False,
    scores: float | None = None,
) -> Answer:
    """Whatever speaks OpenAI's chat endpoint. `takes`: the kind of part that holds sound; others are refused.
    `ignores`: sound is taken and left out.
    """

    def answer(asked: Asked) -> Reply | None:
        if asked.path == "/v1/models":
            return plain({"object": "list", "data": [{"id": model, "object": "model", "owned_by": owner}]})
        if asked.path != "/v1/chat/completions":
            return None
        content = asked.json["messages"][-1]["content"]
        kinds = {part["type"] for part in content} if isinstance(content, list) else set()
        if kinds - {"text", "image_url", takes}:
            return error(400, f"unsupported content type {sorted(kinds)}")
        heard = takes in kinds and not ignores
        return said(*pieces, prompt_tokens=45 if heard else 20, scores=scores)

    return answer


def llama_server(
    *pieces: str, audio: bool = True, vision: bool = False, scores: float | None = None
) -> Answer:
    chat = openai(*pieces, owner="llamacpp", scores=scores)

    def answer(asked: Asked) -> Reply | None:
        if asked.path == "/props":
            return plain({"modalities": {"audio": audio, "vision": vision}, "total_slots": 1})
        return chat(asked)

    return answer


def ollama(*pieces: str, capabilities: Sequence[str] = ("completion", "audio")) -> Answer:
    def answer(asked: Asked) -> Reply | None:
        if asked.path == "/v1/models":
            return plain({"data": [{"id": "gemma4:12b", "owned_by": "library"}]})
        if asked.path == "/api/tags":
            return plain({"models": [{"name": "gemma4:12b", "size": 7_000_000_000}]})
        if asked.path == "/api/show":
            return plain({"capabilities": list(capabilities), "details": {"family": "gemma4"}})
        if asked.path != "/api/chat":
            return None
        lines: list[dict[str, Any]] = [
            {"model": "gemma4:12b", "message": {"role": "assistant", "content": piece}, "done": False}
            for piece in pieces
        ]
        end = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
        parts = [json.dumps(line).encode() + b"\n" for line in [*lines, end]]
        return Reply(200, parts, {"Content-Type": "application/x-ndjson"})

    return answer


def mlx(*pieces: str) -> Answer:
    """mlx-vlm: its models have no owner, and say whether they are in memory."""
    chat = openai(*pieces, model="in-memory")

    def answer(asked: Asked) -> Reply | None:
        if asked.path == "/v1/models":
            names = {"on-disk": False, "in-memory": True}
            return plain(
                {"data": [{"id": name, "created": 1, "loaded": is_in} for name, is_in in names.items()]}
            )
        return chat(asked)

    return answer


def lmstudio(*pieces: str) -> Answer:
    chat = openai(*pieces, owner="organization_owner", model="google/gemma-4-12b", takes="none")

    def answer(asked: Asked) -> Reply | None:
        if asked.path == "/api/v0/models":
            rows = [
                {"id": "text-embedding-nomic", "type": "embeddings", "state": "loaded"},
                {"id": "qwen3-8b", "type": "llm", "state": "not-loaded"},
                {"id": "google/gemma-4-12b", "type": "vlm", "state": "loaded"},
            ]
            return plain({"object": "list", "data": rows})
        return chat(asked)

    return answer


def whisper(text: str) -> Answer:
    """A server that only transcribes."""

    def answer(asked: Asked) -> Reply | None:
        if asked.path == "/v1/models":
            return plain({"data": [{"id": "whisper-large-v3", "owned_by": "vllm"}]})
        if asked.path == "/v1/audio/transcriptions":
            return plain({"text": text})
        return error(400, "The model does not support Chat Completions API")

    return answer
