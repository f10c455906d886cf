"""Against llama-cpp-python's own server: a real process, a real model, real HTTP. It writes; its packaged
form takes no sound. The bundled model is no writer, so what counts is that its words arrive as they are.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_processes import until

from engine.catalog import find_model
from engine.errors import Cancelled, ContextFull, ServerDeaf, ServerLost, ServerRefused, ServerUnreachable
from engine.server import Server, ServerEngine, ServerOptions
from engine.server_writer import ServerWriter
from engine.writer import Message, WriteRequest

KEY = "open-sesame"
STORY = WriteRequest(
    messages=(Message("system", "Go on."), Message("user", "The boat came back before the storm.")),
    max_tokens=24,
)


@contextmanager
def llama_cpp_server(port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The server, ready. A chat format of its own lets the bundled model see the words of a request."""
    model = str(find_model("bundled").model)
    command = [
        sys.executable, "-m", "llama_cpp.server", "--model", model, "--n_ctx", "512",
        "--n_threads", "1", "--host", "127.0.0.1", "--port", str(port), "--chat_format", "chatml",
        "--api_key", KEY, "--verbose", "false",
    ]  # fmt: skip
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            until(lambda: process.poll() is not None or answers(port), "the server to answer")
            assert process.poll() is None, (folder / "server.log").read_text(encoding="utf-8")[-2000:]
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    with llama_cpp_server(port, tmp_path_factory.mktemp("llama")):
        yield f"http://localhost:{port}"


def server_at(url: str, **options: Any) -> Server:
    return Server(ServerOptions(url=url, **{"key": KEY, **options}))


def asked_directly(url: str, request: WriteRequest) -> str:
    """What the server says to somebody else, in one piece."""
    body = {
        "messages": [{"role": message.role, "content": message.text} for message in request.messages],
        "max_tokens": request.max_tokens,
        "temperature": 0,
    }
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    asked = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return str(json.load(answer)["choices"][0]["message"]["content"]).strip()


def test_it_is_known_and_writes_what_it_says_to_others(url: str) -> None:
    server = server_at(url)
    pieces: list[str] = []
    written = ServerWriter(server).write(STORY, on_piece=pieces.append)
    assert server.known is not None
    assert server.known.kind == "llama-cpp-python"
    assert server.known.name == "model.gguf"
    assert written.text == asked_directly(url, STORY)
    assert written.text
    assert "".join(pieces).strip() == written.text
    assert written.timing.asked_s <= written.timing.first_token_s <= written.timing.final_s


def test_texts_fit_a_grammar_and_a_schema(url: str) -> None:
    writer = ServerWriter(server_at(url))
    by_grammar = WriteRequest(
        messages=STORY.messages, grammar='root ::= "yes, " [a-z]{1,9} "."', max_tokens=40
    )
    assert writer.write(by_grammar).text.startswith("yes, ")
    schema = {"type": "object", "properties": {"sure": {"type": "boolean"}}, "required": ["sure"]}
    by_schema = WriteRequest(messages=STORY.messages, json_schema=json.dumps(schema), max_tokens=60)
    answer = json.loads(writer.write(by_schema).text)
    assert isinstance(answer["sure"], bool)


def test_an_answer_that_does_not_fit_is_said_to_be_cut(url: str) -> None:
    request = WriteRequest(messages=STORY.messages, grammar='root ::= "a"{300}', max_tokens=5)
    assert ServerWriter(server_at(url)).write(request).stop == "max_tokens"


def test_an_answer_that_never_ends_because_its_text_did_not_fit_is_no_answer(url: str) -> None:
    with pytest.raises((ServerLost, ContextFull)):
        ServerWriter(server_at(url)).write(WriteRequest(messages=(Message("user", "word " * 2000),)))


def test_it_does_not_hear_and_says_so_before_a_word_is_lost(url: str) -> None:
    session = ServerEngine(server_at(url)).session()
    session.push(np.zeros((30, 640), dtype=np.float32))
    with pytest.raises(ServerDeaf):
        session.finish()


def test_without_its_key_it_writes_nothing(url: str) -> None:
    with pytest.raises(ServerRefused, match="asks for a key"):
        ServerWriter(server_at(url, key="")).write(STORY)
    with pytest.raises(ServerRefused, match="does not take the key"):
        ServerWriter(server_at(url, key="guess")).write(STORY)


def test_a_text_can_be_given_up_in_the_middle_and_the_next_one_is_written(url: str) -> None:
    writer = ServerWriter(server_at(url))
    endless = WriteRequest(messages=STORY.messages, grammar='root ::= "a"{300}', max_tokens=400)
    seen: list[str] = []

    def stop(piece: str) -> None:
        seen.append(piece)
        if len(seen) == 3:
            writer.cancel()

    with pytest.raises(Cancelled):
        writer.write(endless, on_piece=stop)
    assert len(seen) == 3
    assert writer.write(STORY).text == asked_directly(url, STORY)


def test_a_server_that_goes_away_and_comes_back_is_used_again(tmp_path: Path) -> None:
    port = free_port()
    writer = ServerWriter(server_at(f"http://127.0.0.1:{port}"))
    with pytest.raises(ServerUnreachable):
        writer.write(STORY)
    with llama_cpp_server(port, tmp_path) as process:
        text = writer.write(STORY).text
        os.kill(process.pid, signal.SIGKILL)
        process.wait(20)
        with pytest.raises(ServerUnreachable):
            writer.write(STORY)
    with llama_cpp_server(port, tmp_path):
        assert writer.write(STORY).text == text
