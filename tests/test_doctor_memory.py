"""The doctor on memory and graphics: what fits, what could be quicker, and how to get it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from running import run

from engine.catalog import find_model
from engine.fit import Placement
from engine.machine import Device, Machine
from voice_edit.doctor.memory import BUILDS, hardware, judge

ON_CPU = Placement("cpu", 0, True, "8.8 GB in main memory, where 20.0 of 32.0 GB are free")
CARD = Device("CUDA0", "a card", "CUDA", "gpu", 12, 12)


def here(*backends: str, cards: tuple[Device, ...] = ()) -> Machine:
    return Machine(32 * 10**9, 20 * 10**9, cards, backends)


def test_a_model_that_does_not_fit_fails_with_its_numbers() -> None:
    large = Placement("cpu", 0, False, "8.8 GB in main memory, where 5.0 of 8.0 GB are free")
    finding = judge("gemma-4-12b", 7 * 10**9, large, here("CPU"), [], checks=True)
    assert finding.state == "failed"
    assert "gemma-4-12b needs 8.8 GB in main memory, where 5.0 of 8.0 GB are free" in finding.message
    assert "engine.kv_type" in finding.remedy
    assert judge("gemma-4-12b", 7 * 10**9, large, here("CPU"), [], checks=False).state == "warning"


@pytest.mark.parametrize("card", BUILDS)
def test_a_card_that_llama_cpp_cannot_use_is_worth_a_word_for_a_large_model_only(card: str) -> None:
    large = judge("gemma-4-12b", 7 * 10**9, ON_CPU, here("CPU"), [card], checks=True)
    assert large.state == "warning"
    assert BUILDS[card].cmake in large.remedy
    assert "--no-binary llama-cpp-python" in large.remedy
    small = judge("bundled", 20 * 10**6, ON_CPU, here("CPU"), [card], checks=True)
    assert (small.state, small.remedy) == ("ok", "")
    assert BUILDS[card].cmake in small.details["builds"]


def test_a_build_for_the_card_is_what_is_wanted() -> None:
    on_card = Placement("gpu", -1, True, "8.8 GB on CUDA0, which has 10.0 GB to spare")
    finding = judge(
        "gemma-4-12b", 7 * 10**9, on_card, here("CUDA", "CPU", cards=(CARD,)), ["NVIDIA"], checks=True
    )
    assert (finding.state, finding.remedy) == ("ok", "")
    assert "CUDA and CPU" in finding.message


def test_makers_are_read_from_what_the_kernel_lists(tmp_path: Path) -> None:
    for name, vendor in (("card0", "0x8086"), ("card1", "0x10de"), ("card2", "0x1af4")):
        (tmp_path / name / "device").mkdir(parents=True)
        (tmp_path / name / "device" / "vendor").write_text(vendor + "\n")
    assert hardware(tmp_path, "linux") == ["NVIDIA", "Intel"]
    assert hardware(tmp_path / "nothing", "linux") == []
    assert hardware(tmp_path, "darwin", "arm64") == ["Apple"]
    assert hardware(tmp_path, "darwin", "x86_64") == []


def test_the_doctor_says_where_the_model_in_use_goes() -> None:
    done = run("doctor", "--only", "memory", "--json")
    assert '"check": "memory"' in done.stdout
    assert "CPU" in done.stdout
    assert "Bundled takes 0.1 GB" in done.stdout


@pytest.mark.parametrize(
    ("engine", "state", "said"),
    [
        ("", "skipped", "only marked"),
        ("bundled", "warning", "hears already"),
        ("nobody", "warning", "cannot be used: 'nobody' is neither"),
        ("gemma-4-12b", "warning", "is not here"),
        ("server", "warning", "none is named"),
    ],
)
def test_the_doctor_says_whether_the_second_engine_can_be_used(
    monkeypatch: pytest.MonkeyPatch, engine: str, state: str, said: str
) -> None:
    monkeypatch.setenv("VOICE_EDIT_FALLBACK__ENGINE", engine)
    done = json.loads(run("doctor", "--only", "second", "--json").stdout.splitlines()[0])
    assert (done["check"], done["state"]) == ("second", state)
    assert said in done["message"]
    assert done["remedy"] or state == "skipped"


def test_the_doctor_says_what_the_second_engine_needs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = find_model()
    for path in (files.model, files.projector):
        shutil.copy(path, tmp_path / path.name)
    monkeypatch.setenv("VOICE_EDIT_FALLBACK__ENGINE", str(tmp_path / files.model.name))
    done = json.loads(run("doctor", "--only", "second", "--json").stdout.splitlines()[0])
    assert done["state"] == "ok"
    assert "The second engine, model, needs 0.1 GB in main memory" in done["message"]
