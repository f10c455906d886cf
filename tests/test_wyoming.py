"""Wyoming: the real client of the protocol's own package, over real sockets, with the bundled model."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from daemon_running import running_daemon
from fake_devices import speech
from fakes import ScriptedEngine
from hypothesis import given
from hypothesis import strategies as st
from wyoming.client import AsyncClient, AsyncTcpClient

from engine.client import EngineClient
from engine.events import Samples
from engine.sharing import SharedEngine
from engine.source import read_audio
from engine.speech import SpeechEngine
from voice_edit import pipeline
from voice_edit.config import Paths, Settings
from voice_edit.errors import UsageError
from voice_edit.wyoming import _protocol as wire
from voice_edit.wyoming import address, sound
from voice_edit.wyoming.conversation import Limits
from voice_edit.wyoming.reading import LINE_BYTES, PAYLOAD_BYTES, ProtocolError, read_event
from voice_edit.wyoming.running import Wyoming
from voice_edit.wyoming.server import MOST_CONNECTIONS, WyomingServer
from voice_edit.wyoming.sound import Format, PushedSource

T = TypeVar("T")
RATE = {"rate": 16_000, "width": 2, "channels": 1}


def settings(**wyoming: Any) -> Settings:
    return Settings.model_validate({"wyoming": {"enabled": True, "uri": "tcp://127.0.0.1:0", **wyoming}})


@asynccontextmanager
async def served(
    engine: SpeechEngine, used: Settings | None = None, **more: Any
) -> AsyncIterator[tuple[WyomingServer, AsyncClient]]:
    """A server, and a client that is connected to it."""
    server = WyomingServer(used or settings(), engine, **more)
    await server.start()
    try:
        assert server.uri is not None
        async with AsyncClient.from_uri(server.uri, read_timeout=30) as client:
            yield server, client
    finally:
        await server.close()


def pcm(samples: Samples) -> bytes:
    return (samples * 32768.0).clip(-32768, 32767).astype("<i2").tobytes()


async def say(client: AsyncClient, data: bytes, *, piece: int = 2048, **form: int) -> None:
    """As Home Assistant does it."""
    form = form or RATE
    await client.write_event(wire.Transcribe(language="en").event())
    await client.write_event(wire.AudioStart(**form).event())
    for at in range(0, len(data), piece):
        await client.write_event(wire.AudioChunk(audio=data[at : at + piece], **form).event())
    await client.write_event(wire.AudioStop().event())


async def answer(client: AsyncClient) -> wire.Transcript:
    """The transcript, after whatever came before it."""
    while (event := await client.read_event()) is not None:
        if wire.Transcript.is_type(event.type):
            return wire.Transcript.from_event(event)
        assert not wire.Error.is_type(event.type), event
    raise AssertionError("hung up on")


async def error(client: AsyncClient) -> wire.Error:
    """The failure that ends the connection."""
    while (event := await client.read_event()) is not None:
        if wire.Error.is_type(event.type):
            assert await client.read_event() is None, "the connection ends with it"
            return wire.Error.from_event(event)
    raise AssertionError("hung up on without a word")


def start(**changed: float) -> bytes:
    """The line that begins sound of another form."""
    return json.dumps({"type": "audio-start", "data": RATE | changed}).encode() + b"\n"


def run(test: Callable[[], Awaitable[T]]) -> T:
    async def limited() -> T:
        async with asyncio.timeout(120):
            return await test()

    return asyncio.run(limited())


@pytest.fixture(scope="module")
def shared() -> Iterator[SharedEngine]:
    """The bundled model in a process of its own, as the daemon has it."""
    from engine.catalog import find_model

    with SharedEngine(EngineClient(find_model("bundled"), n_threads=1)) as engine:
        yield engine


# --- with the model -----------------------------------------------------------------------------------------


def test_the_words_are_those_of_transcribe(shared: SharedEngine, samples: Path) -> None:
    paths = sorted(samples.glob("*.wav"))[:2]
    expected = []
    with pipeline.open_model(Settings(), Paths.from_environment()) as local:
        for path in paths:
            events = pipeline.hear(pipeline.open_recording(path), local, Settings())
            words = [e.text for e in events if getattr(e, "kind", "") == "final"]
            expected.append(" ".join(words))

    async def test() -> list[str]:
        async with served(shared.background, at_once=MOST_CONNECTIONS) as (_, client):
            heard = []
            for path in paths:
                await say(client, pcm(read_audio(path)))
                heard.append((await answer(client)).text)
            return heard

    assert run(test) == expected
    assert all(expected)


def test_several_programs_talk_at_once_and_each_gets_its_own_words(
    shared: SharedEngine, samples: Path
) -> None:
    first, second = (pcm(read_audio(path)) for path in sorted(samples.glob("*.wav"))[:2])

    async def test() -> None:
        async with served(shared.background, at_once=MOST_CONNECTIONS) as (server, client):
            await say(client, first)
            alone = (await answer(client)).text
            async with AsyncClient.from_uri(server.uri or "", read_timeout=30) as other:
                await asyncio.gather(say(client, first), say(other, second))
                one, two = await asyncio.gather(answer(client), answer(other))
            assert one.text == alone
            assert two.text not in {"", alone}

    run(test)


def test_the_transcript_comes_in_chunks_while_it_is_still_spoken(shared: SharedEngine, samples: Path) -> None:
    """The first utterance is told before the sound has ended; the chunks are the whole text."""
    words = read_audio(sorted(samples.glob("*.wav"))[0])
    pause = np.zeros(16_000, dtype=np.float32)

    async def test() -> None:
        async with served(shared.background) as (_, client):
            await client.write_event(wire.AudioStart(**RATE).event())
            for part in (words, pause):
                await client.write_event(wire.AudioChunk(audio=pcm(part), **RATE).event())
            seen = [await client.read_event(), await client.read_event()]
            kinds = [event.type for event in seen if event is not None]
            assert kinds == ["transcript-start", "transcript-chunk"]
            await client.write_event(wire.AudioChunk(audio=pcm(words), **RATE).event())
            await client.write_event(wire.AudioStop().event())
            while seen[-1] is not None and seen[-1].type != "transcript-stop":
                seen.append(await client.read_event())
            text = "".join(e.data["text"] for e in seen if e and e.type == "transcript-chunk")
            (whole,) = (e.data["text"] for e in seen if e and e.type == "transcript")
            assert text == whole
            half = len(whole) // 2
            assert whole[:half] == whole[half + 1 :], "the same was said twice"

    run(test)


# --- the protocol -------------------------------------------------------------------------------------------


def test_it_is_described_as_speech_to_text_of_the_model_in_use() -> None:
    async def test() -> None:
        async with served(ScriptedEngine(), settings(languages="en, de")) as (_, client):
            await client.write_event(wire.Describe().event())
            event = await client.read_event()
            assert event is not None
            (program,) = wire.Info.from_event(event).asr
            (model,) = program.models
            assert program.installed
            assert program.supports_transcript_streaming
            assert (model.name, model.languages) == (ScriptedEngine().files.name, ["en", "de"])
            await client.write_event(wire.Ping(text="there?").event())
            pong = await client.read_event()
            assert pong is not None
            assert wire.Pong.from_event(pong).text == "there?"

    run(test)


def test_silence_is_an_empty_transcript() -> None:
    async def test() -> None:
        async with served(ScriptedEngine()) as (_, client):
            await say(client, bytes(64_000))
            assert (await answer(client)).text == ""

    run(test)


def test_what_a_program_of_another_kind_would_do_is_passed_over() -> None:
    async def test() -> None:
        async with served(ScriptedEngine()) as (_, client):
            await client.write_event(wire.Event("synthesize", {"text": "hello"}))
            await client.write_event(wire.AudioStop().event())
            await client.write_event(wire.Ping().event())
            event = await client.read_event()
            assert event is not None
            assert event.type == "pong"

    run(test)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1:10300\r\n\r\n", "protocol"),
        (b"[" * 2000 + b"\n", "protocol"),
        (b"[]\n", "protocol"),
        (b'{"type": 5}\n', "protocol"),
        (b'{"type": "ping", "data": []}\n', "protocol"),
        (b'{"type": "ping", "data": "x"}\n', "protocol"),
        (b'{"type": "ping", "data_length": -1}\n', "protocol"),
        (b'{"type": "ping", "data_length": true}\n', "protocol"),
        (b'{"type": "ping", "data_length": 3}\n[1]', "protocol"),
        (b'{"type": "ping", "data_length": 10000000000}\n', "too-large"),
        (b'{"type": "audio-chunk", "payload_length": 10000000000}\n', "too-large"),
        (b"x" * (LINE_BYTES + 100), "too-large"),
        (b'{"type": "audio-start"}\n', "unsupported-audio"),
        (b'{"type": "audio-start", "data": {"rate": 1, "width": 2, "channels": 1}}\n', "unsupported-audio"),
        (
            b'{"type": "audio-start", "data": {"rate": 16000, "width": 3, "channels": 1}}\n',
            "unsupported-audio",
        ),
        (
            b'{"type": "audio-start", "data": {"rate": 16000, "width": 2, "channels": 1e3}}\n',
            "unsupported-audio",
        ),
    ],
)
def test_what_is_no_wyoming_or_too_much_is_hung_up_on(sent: bytes, code: str) -> None:
    async def test() -> str | None:
        async with served(ScriptedEngine()) as (_, client):
            assert client._writer is not None
            client._writer.write(sent)
            return (await error(client)).code

    assert run(test) == code


def test_sound_that_changes_its_format_or_is_begun_twice_is_refused() -> None:
    async def test(second: wire.Event) -> str | None:
        async with served(ScriptedEngine()) as (_, client):
            await client.write_event(wire.AudioStart(**RATE).event())
            await client.write_event(second)
            return (await error(client)).code

    changed = wire.AudioChunk(rate=8_000, width=2, channels=1, audio=b"\0\0").event()
    halved = wire.AudioChunk(audio=b"\0", **RATE).event()
    assert run(lambda: test(changed)) == "unsupported-audio"
    assert run(lambda: test(halved)) == "protocol"
    assert run(lambda: test(wire.AudioStart(**RATE).event())) == "busy"


def test_more_sound_than_a_take_may_have_is_refused() -> None:
    async def test() -> str | None:
        async with served(ScriptedEngine(), limits=Limits(longest_s=1.0)) as (_, client):
            await client.write_event(wire.AudioStart(**RATE).event())
            await client.write_event(wire.AudioChunk(audio=bytes(40_000), **RATE).event())
            return (await error(client)).code

    assert run(test) == "too-long"


@pytest.mark.parametrize(
    ("limits", "begun"),
    [(Limits(idle_s=0.05), b""), (Limits(idle_s=0.05), b'{"type": "pi')],
    ids=["nothing", "a piece of an event"],
)
def test_who_says_nothing_is_hung_up_on(limits: Limits, begun: bytes) -> None:
    async def test() -> str | None:
        async with served(ScriptedEngine(), limits=limits) as (_, client):
            assert client._writer is not None
            client._writer.write(begun)
            return (await error(client)).code

    assert run(test) == "timeout"


def test_a_microphone_that_went_away_in_the_middle_is_given_up() -> None:
    async def test() -> str | None:
        async with served(ScriptedEngine(), limits=Limits(stall_s=0.05)) as (_, client):
            await client.write_event(wire.AudioStart(**RATE).event())
            return (await error(client)).code

    assert run(test) == "timeout"


def test_connections_beyond_the_limit_are_told_so() -> None:
    async def test() -> str | None:
        async with served(ScriptedEngine()) as (server, first):
            port = int((server.uri or "").rpartition(":")[2])
            await first.write_event(wire.Ping().event())
            assert await first.read_event() is not None
            others = [AsyncTcpClient("127.0.0.1", port, read_timeout=30) for _ in range(MOST_CONNECTIONS)]
            for client in others:
                await client.connect()
            for client in others[:-1]:
                await client.write_event(wire.Ping().event())
                assert await client.read_event() is not None
            code = (await error(others[-1])).code
            for client in others:
                await client.disconnect()
            return code

    assert run(test) == "busy"


def test_a_failure_of_the_model_is_told_with_its_remedy() -> None:
    from engine.errors import DecodeFailed

    class Broken(ScriptedEngine):
        def session(self, **_: Any) -> Any:
            raise DecodeFailed("the cache is damaged", hint="Load it again.")

    async def test(samples: Path) -> wire.Error:
        async with served(Broken()) as (_, client):
            await say(client, pcm(read_audio(sorted(samples.glob("*.wav"))[0])))
            return await error(client)

    told = run(lambda: test(Path(__file__).parent.parent / "samples"))
    assert told.code == "model_failed"
    assert "the cache is damaged" in told.text
    assert "Load it again." in told.text


def test_a_program_that_leaves_ends_what_was_heard_for_it() -> None:
    """Its session is cancelled, and the next program is heard."""
    begun, over = threading.Event(), threading.Event()

    class Watched(ScriptedEngine):
        def session(self, **more: Any) -> Any:
            session = super().session(**more)
            session.cancel = over.set  # type: ignore[method-assign]
            begun.set()
            return session

    async def test() -> None:
        async with served(Watched()) as (server, client):
            await client.write_event(wire.AudioStart(**RATE).event())
            await client.write_event(wire.AudioChunk(audio=pcm(speech()), **RATE).event())
            assert await asyncio.to_thread(begun.wait, 20)
            await client.disconnect()
            assert await asyncio.to_thread(over.wait, 20)
            async with AsyncClient.from_uri(server.uri or "", read_timeout=30) as other:
                await say(other, bytes(32_000))
                assert (await answer(other)).text == ""

    run(test)


def test_who_sends_faster_than_the_model_hears_has_to_wait() -> None:
    """Nothing is read while as much waits as may; nothing is lost either."""
    source = PushedSource(Format(16_000, 2, 1))
    second = bytes(32_000)
    while not source.is_full:
        source.push(second)
    assert source.pushed == sound.MOST_WAITING
    rooms: list[int] = []
    source._on_room = lambda: rooms.append(1)
    source.end()
    total = sum(len(chunk.samples) for chunk in source.chunks())
    assert total == sound.MOST_WAITING
    assert rooms == [1]


def test_names_to_listen_for_reach_the_model() -> None:
    async def test() -> None:
        engine = ScriptedEngine(["turn on the Fliegenpilz"])
        engine.profile = replace(engine.profile, terms="{terms}", terms_tokens=9)
        async with served(engine) as (_, client):
            names = wire.Transcribe(transcript_names=["Fliegenpilz", "x" * 500], transcript_terms=["lamp"])
            await client.write_event(names.event())
            await client.write_event(wire.AudioStart(**RATE).event())
            await client.write_event(wire.AudioChunk(audio=pcm(speech()), **RATE).event())
            await client.write_event(wire.AudioStop().event())
            assert (await answer(client)).text == "turn on the Fliegenpilz"
        assert engine.terms == [("Fliegenpilz", "lamp")]

    run(test)


# --- where it listens ---------------------------------------------------------------------------------------


def test_a_socket_in_a_folder_is_its_owners_alone_and_goes_away(tmp_path: Path) -> None:
    place = tmp_path / "wyoming.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(place))  # what a dead daemon left

    async def test() -> None:
        async with served(ScriptedEngine(), settings(uri=f"unix://{place}")) as (_, client):
            assert stat.S_IMODE(place.stat().st_mode) == 0o600
            await client.write_event(wire.Ping().event())
            assert await client.read_event() is not None
            with pytest.raises(address.ListenFailed, match="another program"):
                address.listen(address.parse(f"unix://{place}", allow_remote=False))
            # Whoever looked whether somebody is there is let in, and gone, before the end.
            await client.write_event(wire.Ping().event())
            assert await client.read_event() is not None

    run(test)
    assert not place.exists()


def test_a_file_that_is_no_socket_is_not_replaced(tmp_path: Path) -> None:
    place = tmp_path / "notes"
    place.write_text("mine")
    with pytest.raises(address.ListenFailed, match="no socket"):
        address.listen(address.parse(f"unix://{place}", allow_remote=False))
    assert place.read_text() == "mine"


@pytest.mark.parametrize(
    "uri",
    ["tcp://0.0.0.0:10300", "tcp://192.168.1.5:10300", "tcp://[::]:10300", "tcp://homeassistant.local:10300",
     "tcp://localhost", "http://127.0.0.1:1", "stdio://", "unix://", "unix:///", "unix://host/x",
     "tcp://127.0.0.1:99999", "tcp://user@127.0.0.1:1", "tcp://127.0.0.1:1/x", "127.0.0.1:10300", ""],
)  # fmt: skip
def test_addresses_that_are_none_or_reach_too_far_are_refused(uri: str) -> None:
    with pytest.raises(UsageError):
        address.parse(uri, allow_remote=False)


def test_other_machines_reach_it_where_the_user_says_so() -> None:
    assert address.parse("tcp://0.0.0.0:10300", allow_remote=True).host == "0.0.0.0"
    with pytest.raises(UsageError):
        address.parse("tcp://homeassistant.local:10300", allow_remote=True)


def test_localhost_is_not_looked_up() -> None:
    assert address.parse("tcp://localhost:7", allow_remote=False).host == "127.0.0.1"
    assert address.parse("tcp://[::1]:7", allow_remote=False).host == "::1"


def test_an_address_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(address.ListenFailed, match=str(port)):
            address.listen(address.parse(f"tcp://127.0.0.1:{port}", allow_remote=False))


# --- in the daemon ------------------------------------------------------------------------------------------


def test_the_daemon_lets_programs_hear_with_its_engine(tmp_path: Path) -> None:
    place = tmp_path / "w.sock"
    used = Settings.model_validate(
        {"hotkeys": {"backend": "none"}, "wyoming": {"enabled": True, "uri": f"unix://{place}"}}
    )

    async def test() -> str:
        async with AsyncClient.from_uri(f"unix://{place}", read_timeout=30) as client:
            await say(client, pcm(speech()))
            return (await answer(client)).text

    with running_daemon(used) as daemon:
        daemon.engine.enqueue("turn on the lamp")
        assert run(test) == "turn on the lamp"
        assert daemon.engine.loads == 1, "the model is loaded while the first words are still said"
    assert not place.exists()


def test_a_daemon_whose_address_is_taken_does_everything_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        uri = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        used = Settings.model_validate(
            {"hotkeys": {"backend": "none"}, "wyoming": {"enabled": True, "uri": uri}}
        )
        with running_daemon(used) as daemon:
            assert daemon.ask("status")["stage"] == "idle"


def test_who_is_heard_when_the_daemon_ends_is_hung_up_on(shared: SharedEngine) -> None:
    server = Wyoming(settings(), shared.background)
    server.start()

    async def test() -> bool:
        async with AsyncClient.from_uri(server.uri, read_timeout=30) as client:
            await client.write_event(wire.AudioStart(**RATE).event())
            await client.write_event(wire.AudioChunk(audio=pcm(speech()), **RATE).event())
            await client.write_event(wire.Ping().event())
            assert await client.read_event() is not None
            await asyncio.to_thread(server.close)
            return await client.read_event() is None

    assert run(test)
    assert server.uri == ""


# --- pure parts ---------------------------------------------------------------------------------------------


@given(st.sampled_from([1, 2, 4]), st.integers(1, 4), st.binary(max_size=400), st.integers(1, 50))
def test_sound_is_the_same_however_it_is_cut(width: int, channels: int, data: bytes, piece: int) -> None:
    frame = width * channels
    data = data[: len(data) // frame * frame]
    form = Format(16_000, width, channels)
    whole = form.samples(data)
    parts = [form.samples(data[at : at + piece * frame]) for at in range(0, len(data), piece * frame)]
    assert whole.shape == (len(data) // frame, channels)
    assert not len(whole) or np.array_equal(np.concatenate(parts), whole)
    assert np.all(np.abs(whole) <= 1.0)


@given(
    st.dictionaries(
        st.text(max_size=5), st.one_of(st.integers(), st.text(max_size=9), st.none()), max_size=4
    ),
    st.binary(max_size=100),
)
def test_what_the_package_writes_is_read(data: dict[str, Any], payload: bytes) -> None:
    async def test() -> wire.Event | None:
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours, limit=LINE_BYTES)
        _, sender = await asyncio.open_connection(sock=theirs)
        await wire.async_write_event(wire.Event("something", data, payload), sender)
        try:
            return await read_event(reader)
        finally:
            for one in (writer, sender):
                one.close()
                await one.wait_closed()

    assert run(test) == wire.Event("something", data, payload or None)


@given(st.binary(max_size=300))
def test_whatever_comes_is_an_event_the_end_or_refused(data: bytes) -> None:
    async def test() -> None:
        reader = asyncio.StreamReader(limit=LINE_BYTES)
        reader.feed_data(data)
        reader.feed_eof()
        try:
            while (event := await read_event(reader)) is not None:
                assert isinstance(event.type, str)
                assert isinstance(event.data, dict)
        except ProtocolError:
            pass

    run(test)


def test_limits_are_those_of_the_wire() -> None:
    header = json.dumps({"type": "audio-chunk", "payload_length": PAYLOAD_BYTES}).encode()

    async def test() -> int:
        reader = asyncio.StreamReader(limit=LINE_BYTES)
        reader.feed_data(header + b"\n" + bytes(PAYLOAD_BYTES))
        reader.feed_eof()
        event = await read_event(reader)
        assert event is not None
        return len(event.payload or b"")

    assert run(test) == PAYLOAD_BYTES
