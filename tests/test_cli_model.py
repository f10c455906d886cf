"""`voice-edit model`: what is said before, during and after, and what is changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import hub_server
import pytest
import tiny
from hub_server import HubServer, scripted
from running import ok, refused, rows, run

from engine import fit, model_rows, model_store, pulling
from engine.download import Patience
from engine.fit import Machine
from voice_edit.cli import model_pull
from voice_edit.config import load_settings
from voice_edit.models import ModelStatus, overview, suggest
from voice_edit.paths import Paths

GB = 10**9
IMPATIENT = Patience(progress_bytes=1000, first_wait_s=0.005, longest_wait_s=0.02, longest_asked_s=0.02)


def machine(*, free_gb: float = 32, card_gb: float = 0) -> Machine:
    """One with so much memory, and a graphics card if it has memory."""
    card = fit.Device("CUDA0", "A card", "CUDA", "gpu", int(card_gb * GB), int(card_gb * GB))
    cards = (card,) if card_gb else ()
    return Machine(64 * GB, int(free_gb * GB), cards, ("CPU", "CUDA") if cards else ("CPU",))


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that is the same everywhere, and a hub's cache that is nobody's."""
    from huggingface_hub import constants

    monkeypatch.setattr(fit, "machine", machine)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setitem(pulling.pull.__kwdefaults__, "patience", IMPATIENT)  # type: ignore[index]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A hub that has the model `tiny`, which the catalogue knows."""
    from engine._hub import HuggingFaceHub

    pair = tiny.tiny_model()
    files = {"model.gguf": pair.model.read_bytes(), "mmproj.gguf": pair.projector.read_bytes()}
    with hub_server.running(files) as server:
        known = {**model_rows.model_rows(), "tiny": server.row()}
        monkeypatch.setattr(model_rows, "_rows", lambda: known)
        monkeypatch.setattr(model_pull, "_hub", lambda: HuggingFaceHub(server.endpoint, stall_s=0.5))
        yield server


def models_folder() -> Path:
    return Paths.from_environment().models


def test_the_list_says_what_is_here_and_what_fits() -> None:
    found = {row["name"]: row for row in rows("model", "list")}
    assert list(found)[:2] == ["bundled", "gemma-4-12b"]
    assert (found["bundled"]["state"], found["bundled"]["used"]) == ("here", True)
    twelve = found["gemma-4-12b"]
    assert (twelve["state"], twelve["fits"], twelve["bytes"]) == ("missing", True, 7_404_703_712)
    assert 8 * GB < twelve["memory_bytes"] < 11 * GB


def test_the_list_offers_what_fits_and_says_that_the_bundled_model_works_meanwhile() -> None:
    told = run("model", "list").stderr
    assert "voice-edit model pull gemma-4-e4b --use" in told
    assert "works meanwhile" in told
    assert "64.0 GB of main memory" in told


def test_what_does_not_fit_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "machine", lambda: machine(free_gb=2))
    assert "model pull" not in run("model", "list").stderr
    assert not any(row["fits"] for row in rows("model", "list") if row["name"] != "bundled")


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (machine(), "gemma-4-e4b"),
        (machine(free_gb=6), "gemma-4-e2b"),
        (machine(card_gb=24), "gemma-4-12b"),
        (machine(card_gb=8.5), "gemma-4-e4b"),
        (machine(free_gb=3), None),
    ],
)
def test_the_one_to_begin_with_depends_on_the_machine(where: Machine, name: str | None) -> None:
    found: list[ModelStatus] = overview(load_settings(), Paths.from_environment(), where)
    best = suggest(found)
    assert (best.name if best else None) == name


def test_what_will_be_fetched_and_whether_it_fits_is_said_before_anybody_is_asked(hub: HubServer) -> None:
    told = ok("model", "pull", "gemma-4-12b", "--dry-run")
    assert "gemma-4-12b-it-qat-q4_0.gguf   7.0 GB" in told
    assert "To fetch: 7.4 GB" in told
    assert "It fits: it needs" in told
    assert "32" in told.splitlines()[-1] or "31" in told.splitlines()[-1]
    assert hub.served.asked == []
    assert not models_folder().exists()


def test_what_does_not_fit_is_not_fetched_unless_asked_for(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit, "machine", lambda: machine(free_gb=4))
    result = run("model", "pull", "gemma-4-12b")
    assert result.exit_code == 4
    assert "does NOT fit: it needs 9." in result.stdout
    assert "--anyway" in result.stderr
    assert hub.served.asked == []


def test_pull_fetches_checks_and_tells_and_use_uses(hub: HubServer) -> None:
    hub.plan = scripted("cut", "503")
    *plans, last = rows("model", "pull", "tiny")
    assert plans[0]["fetch_bytes"] == sum(map(len, hub.files.values()))
    assert last["model"] == "tiny"
    assert {one["file"]: one["sha256"] for one in last["files"]} == hub.hashes
    steps = [one for one in plans if "stage" in one]
    assert all(0 <= one["fetched"] <= one["total"] for one in steps)
    assert load_settings().engine.model == "bundled", "nothing else is changed"
    assert "Used from now on: tiny" in ok("model", "use", "tiny")
    assert load_settings().engine.model == "tiny"
    assert next(row for row in rows("model", "list") if row["used"])["name"] == "tiny"


def test_pull_and_use_in_one(hub: HubServer) -> None:
    told = ok("model", "pull", "tiny", "--use")
    assert "every byte checked" in told
    assert load_settings().engine.model == "tiny"


def test_where_nobody_watches_progress_is_a_line_for_every_tenth(hub: HubServer) -> None:
    told = run("model", "pull", "tiny").stderr
    assert "100 %" in told
    assert len([line for line in told.splitlines() if " %" in line]) <= 11


def test_a_hub_that_is_away_is_an_error_with_a_next_step(hub: HubServer) -> None:
    hub.plan = scripted("cut", *["500"] * 99)
    result = run("model", "pull", "tiny")
    assert result.exit_code == 4
    assert "gave up on 127.0.0.1" in result.stderr
    assert "goes on where it stopped" in " ".join(result.stderr.split())
    row = next(row for row in rows("model", "list") if row["name"] == "tiny")
    assert (row["state"], row["bytes_here"]) == ("partly", hub.served.body_bytes)
    assert "GB of it here" in ok("model", "pull", "tiny", "--dry-run")


def test_ctrl_c_keeps_what_came_and_says_so(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine import download

    def interrupted(*arguments: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "fetch", interrupted)
    result = run("model", "pull", "tiny")
    assert result.exit_code == 130
    assert "goes on from there" in " ".join(result.stderr.split())


def test_a_name_that_nobody_knows_lists_the_known_ones() -> None:
    assert "gemma-4-e2b" in refused("model", "pull", "gemma-5", code=4)


def test_using_what_is_not_here_says_how_to_get_it() -> None:
    assert "voice-edit model pull gemma-4-e2b" in refused("model", "use", "gemma-4-e2b", code=4)
    assert load_settings().engine.model == "bundled"


def test_a_projector_of_the_model_before_is_forgotten_with_it(hub: HubServer, tmp_path: Path) -> None:
    pair = tiny.tiny_model()
    paths = Paths.from_environment()
    paths.config_folder.mkdir(parents=True)
    paths.config_file.write_text(f'[engine]\nmodel = "{pair.model}"\nprojector = "{pair.projector}"\n')
    ok("model", "use", "bundled")
    assert load_settings().engine.projector is None


def test_verify_reads_every_byte_and_a_damaged_model_is_not_used_any_more(hub: HubServer) -> None:
    ok("model", "pull", "tiny")
    assert all(row["ok"] for row in rows("model", "verify"))
    model = model_store.read(models_folder(), "tiny")
    assert model is not None
    path = model.folder / "mmproj.gguf"
    path.write_bytes(path.read_bytes()[:-1] + b"?")  # as large as before: only the hash can tell
    result = run("model", "verify", "tiny")
    assert result.exit_code == 4
    assert "DAMAGED" in result.stdout
    assert "voice-edit model pull tiny" in result.stderr
    assert "voice-edit model pull tiny" in refused("model", "use", "tiny", code=4)
    ok("model", "pull", "tiny")
    assert all(row["ok"] for row in rows("model", "verify", "tiny"))


def test_remove_frees_the_room_but_not_of_the_model_in_use(hub: HubServer) -> None:
    ok("model", "pull", "tiny", "--use")
    assert "in use" in refused("model", "remove", "tiny", code=2)
    ok("model", "use", "bundled")
    assert rows("model", "remove", "tiny")[0]["freed_bytes"] == sum(map(len, hub.files.values()))
    assert not (models_folder() / "tiny").exists()
    assert "ships with the program" in refused("model", "remove", "bundled", code=2)
    assert "nothing of a model" in refused("model", "remove", "tiny", code=2)
    assert "nothing of a model" in refused("model", "remove", "../..", code=2)


def test_remove_also_takes_a_download_that_was_begun(hub: HubServer) -> None:
    hub.plan = scripted("cut", *["500"] * 99)
    run("model", "pull", "tiny")
    assert rows("model", "remove", "tiny")[0]["freed_bytes"] == hub.served.body_bytes
    assert not list((models_folder() / model_store.PARTS).iterdir())


def test_import_takes_files_of_ones_own_under_a_name_made_from_theirs(tmp_path: Path) -> None:
    pair = tiny.tiny_model()
    mine = tmp_path / "downloads"
    mine.mkdir()
    shutil.copy(pair.model, mine / "My Model Q4_0.gguf")
    shutil.copy(pair.projector, mine / "mmproj-F16.gguf")
    (row,) = rows("model", "import", mine)
    assert row["model"] == "my-model-q4-0"
    ok("model", "use", "my-model-q4-0")
    assert {"my-model-q4-0"} == {one["name"] for one in rows("model", "list") if one["used"]}
    assert len(list(mine.iterdir())) == 2, "they stay where they were"
    shutil.rmtree(mine)
    assert all(one["ok"] for one in rows("model", "verify"))


def test_imported_files_that_are_those_of_a_known_model_become_it(hub: HubServer, tmp_path: Path) -> None:
    pair = tiny.tiny_model()
    for source in (pair.model, pair.projector):
        shutil.copy(source, tmp_path / source.name)
    (row,) = rows("model", "import", tmp_path / "model.gguf", "--move")
    assert row["model"] == "tiny"
    assert not (tmp_path / "model.gguf").exists()
    assert rows("model", "pull", "tiny")[-1]["already_here"] is True
    assert hub.served.asked == [], "nothing has to be fetched"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--name", "gemma-4-12b"], "name of another model"),
        (["--name", "server"], "name of another model"),
        (["--name", "Mine!"], "cannot be a name"),
    ],
)
def test_an_imported_model_cannot_take_another_ones_name(arguments: list[str], why: str) -> None:
    pair = tiny.tiny_model(seed=4)
    assert why in refused("model", "import", pair.model, *arguments, code=4)
    assert model_store.stored(models_folder()) == []


def test_what_is_no_model_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUFnonsense")
    refused("model", "import", tmp_path / "a.gguf", code=4)
    refused("model", "import", tmp_path, code=4)
    refused("model", "import", tmp_path / "none.gguf", code=4)
    assert model_store.stored(models_folder()) == []


def test_a_projector_of_another_width_is_not_imported(tmp_path: Path) -> None:
    from engine.catalog import find_model

    pair, bundled = tiny.tiny_model(), find_model()
    told = refused("model", "import", pair.model, "--projector", bundled.projector, code=4)
    assert "soft tokens" in told


def test_show_says_which_files_a_model_has_and_how_to_get_it() -> None:
    result = run("model", "show", "gemma-4-e4b")
    assert "676c35070db6dbe52f93e9c864ee0fba4eddea94b9c875d9cb10daff453fbaee" in result.stdout
    assert "the hub's word is taken the first time" in result.stdout
    assert "voice-edit model pull gemma-4-e4b" in result.stderr


def test_the_environment_that_wins_over_use_is_named(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "VOICE_EDIT_ENGINE__MODEL", "bundled")
    ok("model", "pull", "tiny")
    assert "wins over the settings" in run("model", "use", "tiny").stderr


def test_the_doctor_says_which_model_would_fit() -> None:
    from voice_edit.doctor.checks import Context
    from voice_edit.doctor.model import larger

    found = larger(Context(load_settings(), Paths.from_environment(), {}, 1.0))
    assert "voice-edit model pull gemma-4-e4b" in found.message
    assert len(found.details["models"]) == 6


def test_a_folder_of_models_that_cannot_be_read_is_said(hub: HubServer) -> None:
    models_folder().parent.mkdir(parents=True, exist_ok=True)
    models_folder().write_text("")
    for verb in ("list", "verify"):
        assert "cannot be read" in refused("model", verb, code=4)


def test_a_spoilt_manifest_is_listed_and_verified_as_damaged(tmp_path: Path) -> None:
    pair = tiny.tiny_model()
    ok("model", "import", pair.model, "--name", "mine")
    (models_folder() / "mine" / model_store.MANIFEST).write_text("{")
    assert {"damaged"} == {one["state"] for one in rows("model", "list") if one["name"] == "mine"}
    verified = run("model", "verify")
    assert verified.exit_code == 4
    assert "model import PATH --name mine" in verified.stderr
    ok("model", "import", pair.model, "--name", "mine")
    assert all(one["ok"] for one in rows("model", "verify"))
    ok("model", "remove", "mine")


def test_verify_finds_a_file_right_that_was_put_back(hub: HubServer) -> None:
    ok("model", "pull", "tiny")
    model = model_store.read(models_folder(), "tiny")
    assert model is not None
    path = model.folder / "model.gguf"
    right = path.read_bytes()
    path.unlink()
    path.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
    assert run("model", "verify").exit_code == 4
    path.write_bytes(right)
    ok("model", "verify")
    ok("model", "use", "tiny")


def test_the_second_engine_is_not_removed(hub: HubServer) -> None:
    ok("model", "pull", "tiny")
    file = Paths.from_environment().config_file
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('[fallback]\nengine = "tiny"\n')
    assert str(file) in refused("model", "remove", "tiny", code=2)


def test_remove_takes_also_the_copies_of_an_import_that_was_killed(hub: HubServer) -> None:
    ok("model", "pull", "tiny")
    left = models_folder() / model_store.PARTS / "import-model.part"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"half of it")
    ok("model", "remove", "tiny")
    assert not left.exists()


def test_what_is_imported_is_among_the_known_models() -> None:
    ok("model", "import", tiny.tiny_model().model, "--name", "mine")
    assert "mine" in refused("model", "use", "nobody", code=4)


def test_a_very_long_name_is_no_fault() -> None:
    assert len(refused("model", "use", "x" * 5000, code=4)) < 1000


@pytest.mark.parametrize("name", ["Model.GGUF", "weights", "./weights", "sub/../weights"])
def test_a_file_is_used_from_every_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = tiny.tiny_model()
    (tmp_path / "sub").mkdir()
    for called in ("Model.GGUF", "weights"):
        shutil.copy(pair.model, tmp_path / called)
    shutil.copy(pair.projector, tmp_path / "mmproj.gguf")
    monkeypatch.chdir(tmp_path)
    ok("model", "use", name)
    assert load_settings().engine.model == str(tmp_path / Path(name).name)
    monkeypatch.chdir("/")
    told = run("model", "list").stderr
    assert f"In use: {tmp_path / Path(name).name}" in told
    assert "model pull" not in told, "it has one of its own"


def test_no_name_is_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "Known models" in refused("model", "use", "", code=4)
