"""One voice-edit hears with the model of another one: a real model behind real HTTP. The other end is our own
endpoint, as a program elsewhere on this machine would find it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.endpoint_rig import Rig, endpoint
from engine.errors import ServerRefused
from engine.events import Hypothesis
from engine.server import Server, ServerEngine, ServerOptions
from voice_edit import engines, pipeline
from voice_edit.config import Settings
from voice_edit.paths import Paths

SAID = {
    "01-change": "Change Monday to Wednesday.",
    "03-delete": "Delete the last sentence of the second paragraph.",
}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with endpoint(tmp_path_factory.mktemp("api"), at_once=3, longest_audio_s=60) as opened:
        yield opened


@pytest.fixture
def settings(rig: Rig, tmp_path: Path) -> Settings:
    key = tmp_path / "key"
    key.write_text(rig.token, encoding="utf-8")
    key.chmod(0o600)
    server = {"url": f"http://127.0.0.1:{rig.port}", "key_file": key}
    return Settings.model_validate({"engine": {"model": "server"}, "server": server})


def words(sample: Path, settings: Settings) -> list[str]:
    engine = engines.open_local(settings, Paths.from_environment())
    with engine:
        heard = pipeline.hear(pipeline.open_recording(sample), engine, settings)
        return [event.text for event in heard if isinstance(event, Hypothesis) and event.kind == "final"]


@pytest.mark.parametrize("name", ["01-change", "03-delete"])
def test_what_the_model_hears_is_heard_through_the_wire_too(
    settings: Settings, samples: Path, name: str
) -> None:
    sample = samples / f"{name}.wav"
    assert words(sample, settings) == words(sample, Settings()) == [SAID[name]]


def test_the_endpoint_is_found_to_hear_by_its_transcriptions(settings: Settings) -> None:
    engine = engines.open_local(settings, Paths.from_environment())
    assert isinstance(engine, ServerEngine)
    known = engine.server.known
    assert known is not None
    assert (known.hears, known.name) == ("transcriptions", "bundled")
    assert engine.state.state == "ready"


def test_chats_are_heard_where_they_are_believed(rig: Rig, settings: Settings, samples: Path) -> None:
    chats = settings.model_copy(
        update={"server": settings.server.model_copy(update={"hears": "chat", "kind": "openai"})}
    )
    assert words(samples / "01-change.wav", chats) == [SAID["01-change"]]


def test_without_the_token_nothing_is_heard(rig: Rig) -> None:
    engine = ServerEngine(Server(ServerOptions(url=f"http://127.0.0.1:{rig.port}", key="guess")))
    with pytest.raises(ServerRefused, match="does not take the key"):
        engine.require_ready()
