"""`voice-edit eval` with the bundled model in processes of its own: what is heard, and what survives."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from running import ok, refused, rows

from benchmarks.endpoint_rig import endpoint
from voice_edit.config import load_settings
from voice_edit.errors import UsageError
from voice_edit.evaluation import runner, variants
from voice_edit.evaluation.layouts import read_folder
from voice_edit.evaluation.outcomes import Heard
from voice_edit.evaluation.runner import Run, Task
from voice_edit.evaluation.store import FILE, open_store
from voice_edit.evaluation.variants import Variant
from voice_edit.paths import Paths

CHANGE, BOLD = "01-change.wav", "08-bold.wav"


@pytest.fixture(autouse=True)
def _one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes code while tests run makes no other version of it."""
    monkeypatch.setattr(variants, "program", lambda: "this one")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two commands of the demo, and a quiet room."""
    place = tmp_path_factory.mktemp("takes")
    samples = Path(__file__).parent.parent / "samples"
    items: list[dict[str, Any]] = []
    for name in (CHANGE, BOLD):
        shutil.copy(samples / name, place / name)
        said = yaml.safe_load((samples / name).with_suffix(".yaml").read_text(encoding="utf-8"))
        keys = {"audio": name, "words": said["say"], "speaker": said["voice"]}
        items.append(keys | {key: said[key] for key in ("mode", "before", "after")})
    hiss = np.random.default_rng(1).standard_normal(32_000) * 1e-4
    soundfile.write(place / "quiet.wav", hiss, 16_000)
    items.append({"audio": "quiet.wav", "words": "", "tags": {"kind": "quiet"}})
    (place / "eval.yaml").write_text(yaml.safe_dump({"name": "takes", "items": items}), encoding="utf-8")
    return place


def outcomes(place: Path) -> list[dict[str, Any]]:
    """The lines of the results that tell of a recording."""
    lines = (place / FILE).read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [json.loads(line) for line in lines if line.endswith("\n")]
    return [line for line in whole if "heard" in line]


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_both_ways_hear_what_transcribe_hears_and_edit_the_texts(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "out"
    (data,) = rows("eval", folder, "--way", "streamed", "--way", "batch", "--output", place)
    words = {row["file"]: row["text"] for row in rows("transcribe", folder / CHANGE, folder / BOLD)}
    assert [variant["label"] for variant in data["variants"]] == ["streamed", "batch"]
    for variant in data["variants"]:
        heard = {str(folder / item["item"]): item["heard"] for item in variant["items"]}
        assert heard == {**words, str(folder / "quiet.wav"): ""}
        row, times = variant["row"], variant["times"]
        assert (row["edits_right"], row["edits_wrong"], row["invented"]["value"]) == (2, 0, 0.0)
        assert times["endpoint"]["median"] == pytest.approx(0.6)
        assert times["peak_bytes"] > 40e6
        assert times["tokens_per_s"] > 0
    streamed, batch = (variant["times"] for variant in data["variants"])
    assert streamed["lag"]["median"] < 0.2 < 1.0 < batch["lag"]["median"], (
        "batch hears nothing before the end"
    )
    assert {path.name for path in place.iterdir()} == {FILE, "report.md", "report.html", "report.json"}
    before = (place / FILE).read_bytes()
    again = rows("eval", folder, "--way", "streamed", "--way", "batch", "--output", place)
    assert (place / FILE).read_bytes() == before, "nothing was heard twice"
    assert again[0]["variants"][0]["row"] == data["variants"][0]["row"]


def test_killed_in_the_middle_it_leaves_no_process_and_goes_on_where_it_was(
    folder: Path, tmp_path: Path, voice_edit_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, scratch = tmp_path / "out", tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    # As the command line, with the version that this test has.
    started = "from voice_edit.evaluation import variants as v; v.program = lambda: 'this one'; "
    started += "from voice_edit.cli.app import app; app()"
    command = [sys.executable, "-c", started, "eval", str(folder), "--output", str(place)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until(lambda: (place / FILE).exists() and outcomes(place), "the first outcome")
        workers = children(process.pid)
        process.send_signal(signal.SIGKILL)
    assert workers
    until(lambda: not any(map(is_running, workers)), "the end of the worker")
    assert list(scratch.iterdir()) == [], "nothing of what was said lies about"
    kept = outcomes(place)
    with (place / FILE).open("ab") as file:  # what a power cut leaves of a line
        file.write(b'{"v": 1, "variant": "x", "item": "y", "hea')
    ok("eval", folder, "--output", place)
    found = outcomes(place)
    assert found[: len(kept)] == kept
    assert [line["heard"]["key"] for line in found] == sorted(line["heard"]["key"] for line in found)
    assert len(found) == 3
    for line in (place / FILE).read_text(encoding="utf-8").splitlines():
        json.loads(line)


def execute(folder: Path, place: Path, on_item: Callable[[Task, Heard, bool], None]) -> list[Heard]:
    paths = Paths.from_environment()
    (task,) = runner.tasks([Variant("bundled")], load_settings(paths), paths, "this one")
    with open_store(place) as store:
        run = Run(read_folder(folder), None, {}, on_item)
        return runner.execute(run, [task], store)[task.fingerprint]


def processor_ticks(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])


def test_a_worker_that_dies_costs_one_recording(folder: Path, tmp_path: Path) -> None:
    others = set(children(os.getpid()))  # of tests before this one

    def kill(task: Task, heard: Heard, is_new: bool) -> None:
        if heard.key == CHANGE:
            (worker,) = set(children(os.getpid())) - others
            ticks = processor_ticks(worker)
            until(lambda: processor_ticks(worker) > ticks + 2, "work on the next recording")
            os.kill(worker, signal.SIGKILL)

    first, second, third = execute(folder, tmp_path / "out", kill)
    assert (first.key, first.error, first.text) == (CHANGE, "", "Change Monday to Wednesday.")
    assert (second.key, second.error) == (BOLD, "engine_died")
    assert "signal 9" in second.message
    assert (third.key, third.error) == ("quiet.wav", "")
    again = execute(folder, tmp_path / "out", lambda task, heard, is_new: None)
    assert again == [first, second, third]


def test_only_what_changed_is_heard_again(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "takes"))
    news: list[str] = []

    def tell(task: Task, heard: Heard, is_new: bool) -> None:
        if is_new:
            news.append(heard.key)

    execute(copy, tmp_path / "out", tell)
    assert news == [CHANGE, BOLD, "quiet.wav"]
    news.clear()
    shutil.copy(copy / BOLD, copy / CHANGE)
    (changed, *_) = execute(copy, tmp_path / "out", tell)
    assert news == [CHANGE]
    assert changed.text != "Change Monday to Wednesday."


def test_a_damaged_recording_is_left_out_and_told(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "takes"))
    (copy / BOLD).write_bytes(b"RIFF and nothing behind it")
    (data,) = rows("eval", copy, "--output", tmp_path / "out")
    assert data["unreadable"] == [BOLD]
    assert data["variants"][0]["row"]["items"] == 2


def test_two_evaluations_do_not_write_into_one_folder(folder: Path, tmp_path: Path) -> None:
    with open_store(tmp_path / "out"):
        message = refused("eval", folder, "--output", tmp_path / "out", code=2)
    assert "Another `voice-edit eval` writes" in message


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["--way", "sideways"], "--way sideways: there is none", 2),
        (["--prompt", "at-x"], "--prompt at-x: there is none", 2),
        (["--longest", "90"], "utterances have 2 to 30 s", 2),
        (["--only", "kind"], "that is no tag", 2),
        (["--only", "kind=loud"], "No recording is tagged kind=loud", 2),
        (["--engine", "no-such-model"], "neither a model of the catalogue", 4),
        (["--engine", "server", "--prompt", "at-50"], "asked as it wants", 2),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_heard(
    folder: Path, tmp_path: Path, arguments: list[str], message: str, code: int
) -> None:
    assert message in refused("eval", folder, "--output", tmp_path / "out", *arguments, code=code)
    assert not (tmp_path / "out").exists()


def test_the_bundled_model_takes_no_other_prompt_and_says_so(folder: Path, tmp_path: Path) -> None:
    message = refused("eval", folder, "--output", tmp_path / "out", "--prompt", "at-90", code=2)
    assert "holds nothing but sound" in message


def test_shorter_utterances_are_another_variant(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "takes"))
    sound, rate = soundfile.read(copy / CHANGE)
    more, _ = soundfile.read(copy / BOLD)
    soundfile.write(copy / CHANGE, np.concatenate([sound, more]), rate)
    (data,) = rows("eval", copy, "--output", tmp_path / "out", "--longest", "2", "--longest", "15")
    assert [variant["label"] for variant in data["variants"]] == ["up to 2 s", "up to 15 s"]
    fed = [
        [utterance["audio_s"] for utterance in line["heard"]["utterances"]]
        for line in outcomes(tmp_path / "out")
        if line["heard"]["key"] != "quiet.wav"
    ]
    short, long = fed[:2], fed[2:]
    # What was cut off may be too little to be words; what was heard has its tail of 400 ms.
    assert max(map(max, filter(None, short))) <= 2.44 < max(map(max, long))


def test_a_server_is_compared_with_the_model_on_this_machine(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is our own endpoint, over HTTP."""
    with endpoint(tmp_path / "api", at_once=3, longest_audio_s=60) as rig:
        key = tmp_path / "key"
        key.write_text(rig.token, encoding="utf-8")
        key.chmod(0o600)
        monkeypatch.setenv("VOICE_EDIT_SERVER__URL", f"http://127.0.0.1:{rig.port}")
        monkeypatch.setenv("VOICE_EDIT_SERVER__KEY_FILE", str(key))
        arguments = ["--engine", "bundled", "--engine", "server", "--output", tmp_path / "out"]
        (data,) = rows("eval", folder, *arguments)
    local, server = data["variants"]
    assert [local["label"], server["label"]] == ["bundled · streamed", "server"]
    assert [item["heard"] for item in server["items"]] == [item["heard"] for item in local["items"]]
    assert server["row"]["edits_right"] == 2


def test_results_that_somebody_touched_are_passed_over(tmp_path: Path) -> None:
    right = {"variant": "v", "item": "i", "heard": Heard(key="a.wav").to_json()}
    touched = [
        '{"variant": "v", "item": "i", "heard": "words"}',
        "null",
        "[]",
        "",
        '{"variant": ["v"]}',
        "\ufeff{}",
    ]
    (tmp_path / FILE).write_text("\n".join([*touched, json.dumps(right), '{"v"']), encoding="utf-8")
    with open_store(tmp_path) as store:
        assert store.variant("v").heard("a.wav", "i") == Heard(key="a.wav")


def test_a_disk_that_is_full_is_said_and_no_fault(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"{}\n" * 1000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3050, hard))  # no file becomes longer: a disk with 50 bytes
    try:
        with pytest.raises(UsageError, match="cannot be written") as caught, open_store(tmp_path) as store:
            store.add("v", "i", Heard(key="a.wav"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "Make room" in caught.value.hint
