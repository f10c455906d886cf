"""Which engine hears and which writes, as the settings say; and a server behind the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny
from daemon_running import Running, running_daemon
from fake_devices import speech
from fake_servers import error, llama_server, openai, serving
from running import ok, refused, rows

from engine.client import EngineClient
from engine.local_writer import LocalWriter
from engine.server import ServerEngine
from engine.server_writer import ServerWriter
from voice_edit import engines, pipeline
from voice_edit.config import Settings
from voice_edit.doctor.checks import run_checks
from voice_edit.errors import ModelFailed, UsageError
from voice_edit.paths import Paths

SAMPLE = Path(__file__).parent.parent / "samples" / "01-change.wav"
URL = "http://127.0.0.1:9"


def settings(**sections: dict[str, Any]) -> Settings:
    return Settings.model_validate(sections)


@pytest.fixture
def paths() -> Paths:
    return Paths.from_environment()


def local(**more: Any) -> dict[str, Any]:
    files = tiny.tiny_model()
    return {"model": str(files.model), "projector": files.projector, **more}


def test_the_model_that_hears_writes_too_unless_it_is_given_no_room(paths: Paths) -> None:
    chosen = settings(engine=local())
    with engines.open_resident(chosen, paths) as engine:  # type: ignore[attr-defined]
        assert isinstance(engine, EngineClient)
        assert isinstance(engines.open_writer(chosen, paths, engine), LocalWriter)
        silent = settings(engine=local(writing_tokens=0))
        assert engines.open_writer(silent, paths, engine) is None
        assert engine.state.state == "unloaded"


def test_a_server_that_is_named_writes_and_the_model_still_hears(paths: Paths) -> None:
    chosen = settings(engine=local(), server={"url": URL})
    with engines.open_resident(chosen, paths) as engine:  # type: ignore[attr-defined]
        assert isinstance(engine, EngineClient)
        assert isinstance(engines.open_writer(chosen, paths, engine), ServerWriter)
        at_home = settings(engine=local(), server={"url": URL}, rewrite={"writer": "local"})
        assert isinstance(engines.open_writer(at_home, paths, engine), LocalWriter)


def test_a_server_that_hears_is_also_what_writes(paths: Paths) -> None:
    chosen = settings(engine={"model": "server"}, server={"url": URL})
    engine = engines.open_resident(chosen, paths)
    assert isinstance(engine, ServerEngine)
    writer = engines.open_writer(chosen, paths, engine)
    assert isinstance(writer, ServerWriter)
    assert writer.server is engine.server
    engine.close()


@pytest.mark.parametrize("sections", [{"engine": {"model": "server"}}, {"rewrite": {"writer": "server"}}])
def test_a_server_that_nobody_named_is_asked_for(paths: Paths, sections: dict[str, Any]) -> None:
    chosen = settings(**sections)
    with pytest.raises(UsageError, match="none is named") as refused_:
        engines.open_writer(chosen, paths, engines.open_resident(chosen, paths))
    assert "[server] url" in refused_.value.hint


def test_another_machine_is_refused_when_the_engine_is_opened(paths: Paths) -> None:
    chosen = settings(engine={"model": "server"}, server={"url": "http://192.0.2.7:8000"})
    with pytest.raises(ModelFailed, match="not this machine") as refused_:
        engines.open_resident(chosen, paths)
    assert "allow_remote" in refused_.value.hint


def test_a_server_has_no_files_here(paths: Paths) -> None:
    with pytest.raises(ModelFailed, match="no model files"):
        pipeline.find_model(settings(engine={"model": "server"}, server={"url": URL}), paths)


def test_a_key_is_read_from_its_file_and_a_file_that_is_not_there_is_said(
    paths: Paths, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text("sesame-8731\n", encoding="utf-8")
    server = engines.server_of(settings(server={"url": URL, "key_file": file}))
    assert server.wire.options.key == "sesame-8731"
    with pytest.raises(ModelFailed, match="cannot be read"):
        engines.server_of(settings(server={"url": URL, "key_file": tmp_path / "none"}))


# --- the command line -----------------------------------------------------------------------------------


def configure(paths: Paths, text: str) -> None:
    paths.config_folder.mkdir(parents=True, exist_ok=True)
    paths.config_file.write_text(text, encoding="utf-8")


def test_a_recording_is_heard_by_a_server(paths: Paths) -> None:
    with serving(llama_server("Replace seven", " with three.", scores=-0.1)) as server:
        configure(paths, f'[engine]\nmodel = "server"\n[server]\nurl = "{server.url}"\n')
        (heard,) = rows("transcribe", SAMPLE)
        assert heard["text"] == "Replace seven with three."
        assert ok("transcribe", SAMPLE, "--model", "bundled").strip() != ""


def test_a_file_is_edited_by_what_a_server_heard(paths: Paths, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("It starts at seven.\n", encoding="utf-8")
    with serving(openai("Replace seven with three.")) as server:
        configure(paths, f'[engine]\nmodel = "server"\n[server]\nurl = "{server.url}"\n')
        ok("edit", note, "--audio", SAMPLE)
    assert note.read_text(encoding="utf-8") == "It starts at three.\n"


def test_a_server_that_is_not_there_is_said_in_one_line_with_the_next_step(paths: Paths) -> None:
    configure(paths, f'[engine]\nmodel = "server"\n[server]\nurl = "{URL}"\n')
    said = refused("transcribe", SAMPLE, code=4)
    assert f"nothing answers at {URL}" in said
    assert "server.url" in said


# --- the daemon -----------------------------------------------------------------------------------------


def test_the_daemon_hears_with_a_server_and_says_when_it_cannot(paths: Paths, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("One two.\n", encoding="utf-8")
    answers = [llama_server("Three four."), lambda asked: error(500, "out of memory")]
    with serving(answers[0]) as server:
        chosen = settings(engine={"model": "server"}, server={"url": server.url}, hotkeys={"backend": "none"})
        with running_daemon(chosen, engine=engines.open_resident(chosen, paths)) as daemon:
            daemon.ask("target.file", path=str(note))
            assert talk(daemon)["words"] == "Three four."
            assert note.read_text(encoding="utf-8") == "One two.\nThree four."
            status = daemon.ask("status")["engine"]
            assert (status["state"], status["name"]) == ("ready", "server:gemma-4-12b-it")
            server.answer = answers[1]
            told = talk(daemon)
            assert told["event"] == "failed"
            assert "refuses (500: out of memory)" in told["error"]["message"]
            assert daemon.ask("status")["engine"]["state"] == "failed"
            assert note.read_text(encoding="utf-8") == "One two.\nThree four."


def talk(daemon: Running) -> dict[str, Any]:
    daemon.ask("talk.start", mode="dictate")
    daemon.microphone.hear(speech())
    daemon.ask("talk.stop")
    return daemon.wait_for("outcome", "failed", "rejected")


# --- the doctor -----------------------------------------------------------------------------------------


def looked_at(chosen: Settings, paths: Paths) -> Any:
    (check,) = run_checks(chosen, paths, only=["server"])
    return check


def test_the_doctor_says_what_a_server_can_do(paths: Paths) -> None:
    with serving(llama_server(vision=True)) as server:
        check = looked_at(settings(engine={"model": "server"}, server={"url": server.url}), paths)
    assert check.state == "ok"
    assert "lama-server with gemma-4-12b-it: hears (chat), writes, sees" in check.message
    assert check.details["hears"] == "chat"


def test_the_doctor_asks_nobody_where_no_server_is_named(paths: Paths) -> None:
    assert looked_at(settings(), paths).state == "skipped"


def test_the_doctor_tells_a_server_that_cannot_hear_from_one_that_need_not(paths: Paths) -> None:
    with serving(llama_server(audio=False)) as server:
        deaf = looked_at(settings(engine={"model": "server"}, server={"url": server.url}), paths)
        assert (deaf.state, "rewrite.writer" in deaf.remedy) == ("failed", True)
        assert looked_at(settings(server={"url": server.url}), paths).state == "ok"


def test_the_doctor_warns_of_a_key_that_others_can_read_and_of_words_in_the_clear(
    paths: Paths, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text("sesame-8731", encoding="utf-8")
    with serving(llama_server()) as server:
        file.chmod(0o644)
        check = looked_at(settings(server={"url": server.url, "key_file": file}), paths)
        assert (check.state, "chmod 600" in check.remedy) == ("warning", True)
        file.chmod(0o600)
        assert looked_at(settings(server={"url": server.url, "key_file": file}), paths).state == "ok"
        open_ = looked_at(settings(server={"url": server.url, "allow_remote": True}), paths)
        assert open_.state == "ok", "it is on this machine, whatever else is allowed"


def test_a_server_that_is_down_fails_the_doctor_with_a_remedy(paths: Paths) -> None:
    check = looked_at(settings(engine={"model": "server"}, server={"url": URL}), paths)
    assert check.state == "failed"
    assert check.remedy
