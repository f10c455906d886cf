"""A model is fetched from a hub that misbehaves, over real sockets; what becomes active is right."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hub_server
import pytest
import tiny
from hub_server import HubServer, scripted

from engine import catalog, download, model_store, pulling
from engine.download import Patience
from engine.errors import (
    DiskFull,
    HubRefused,
    HubUnreachable,
    ModelCorrupt,
    ModelError,
    ModelMissing,
    ModelUnsupported,
    StoreBusy,
    WrongBytes,
)
from engine.model_rows import ModelRow
from engine.pulling import Step

IMPATIENT = Patience(progress_bytes=1000, first_wait_s=0.005, longest_wait_s=0.02, longest_asked_s=0.02)
ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def hub_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The library reads these once, when it is imported, so they are set in it as well."""
    from huggingface_hub import constants

    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    return tmp_path / "hub-cache"


@pytest.fixture
def files() -> dict[str, bytes]:
    pair = tiny.tiny_model()
    return {"model.gguf": pair.model.read_bytes(), "mmproj.gguf": pair.projector.read_bytes()}


@pytest.fixture
def hub(files: dict[str, bytes]) -> Iterator[HubServer]:
    with hub_server.running(files) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


def pull(hub: HubServer, folder: Path, row: ModelRow | None = None, **more: object) -> pulling.Pulled:
    from engine._hub import HuggingFaceHub

    client = HuggingFaceHub(hub.endpoint, stall_s=0.5)
    return pulling.pull(row or hub.row(), folder, client, patience=IMPATIENT, **more)  # type: ignore[arg-type]


def active(hub: HubServer, folder: Path) -> dict[str, bytes]:
    """What would be used now."""
    model = model_store.read(folder, "tiny")
    return {one.name: (model.folder / one.name).read_bytes() for one in model.files} if model else {}


def test_what_was_fetched_is_active_and_is_opened_under_its_name(hub: HubServer, folder: Path) -> None:
    assert active(hub, folder) == {}
    done = pull(hub, folder)
    assert active(hub, folder) == hub.files
    assert done.fetched == sum(map(len, hub.files.values()))
    found = catalog.find_model("tiny", folder=folder)
    assert found.profile.name == "bundled"
    assert found.model.read_bytes() == hub.files["model.gguf"]
    assert not list((folder / model_store.PARTS).iterdir()), "nothing is left over"


def test_a_connection_that_is_cut_costs_no_byte_twice(hub: HubServer, folder: Path) -> None:
    hub.plan = scripted("cut", "cut", "cut", "short", "cut")
    done = pull(hub, folder)
    total = sum(map(len, hub.files.values()))
    assert active(hub, folder) == hub.files
    assert (hub.served.body_bytes, done.fetched) == (total, total)
    assert sum(one.start > 0 for one in hub.served.bodies()) >= 4, "asked for the rest only"


@pytest.mark.parametrize("kind", hub_server.BODIES)
def test_whatever_goes_wrong_once_the_right_bytes_become_active(
    hub: HubServer, folder: Path, kind: str
) -> None:
    hub.plan = scripted("cut", kind, "cut")
    pull(hub, folder)
    assert active(hub, folder) == hub.files


@pytest.mark.parametrize("kind", ["500", "503", "reset"])
def test_a_hub_that_stumbles_when_asked_is_asked_again(hub: HubServer, folder: Path, kind: str) -> None:
    hub.plan = scripted(heads=(kind, kind))
    pull(hub, folder)
    assert active(hub, folder) == hub.files


@pytest.mark.parametrize("kind", ["other_commit", "other_hash", "other_size", "not_found"])
def test_another_file_than_the_known_one_is_refused_before_a_byte_of_it(
    hub: HubServer, folder: Path, kind: str
) -> None:
    hub.plan = scripted(heads=(kind,) * 9)
    with pytest.raises(HubRefused):
        pull(hub, folder)
    assert hub.served.body_bytes == 0
    assert active(hub, folder) == {}


def test_wrong_bytes_again_and_again_are_given_up_and_thrown_away(hub: HubServer, folder: Path) -> None:
    hub.plan = scripted(*["wrong"] * 9)
    with pytest.raises(WrongBytes, match="twice"):
        pull(hub, folder)
    assert active(hub, folder) == {}
    assert not list((folder / model_store.PARTS).iterdir())


def test_a_hub_that_goes_away_is_given_up_and_what_came_is_kept(hub: HubServer, folder: Path) -> None:
    hub.plan = scripted("cut", *["500"] * 99)
    with pytest.raises(HubUnreachable, match="8 attempts"):
        pull(hub, folder)
    begun = hub.served.body_bytes
    assert sum(part.stat().st_size for part in (folder / model_store.PARTS).iterdir()) == begun > 0
    assert [one.here for one in pulling.plan(hub.row(), folder)] == [begun, 0]
    hub.plan = hub_server.well
    pull(hub, folder)
    assert hub.served.body_bytes == sum(map(len, hub.files.values())), "none of it was fetched again"


def test_bytes_that_rotted_between_two_pulls_are_noticed(hub: HubServer, folder: Path) -> None:
    hub.plan = scripted("ok", *["500"] * 99)
    with pytest.raises(HubUnreachable):
        pull(hub, folder)
    part = next((folder / model_store.PARTS).iterdir())
    part.write_bytes(part.read_bytes()[:1000] + b"rotten" + part.read_bytes()[1006:])
    hub.plan = hub_server.well
    pull(hub, folder)
    assert active(hub, folder) == hub.files


def test_a_login_page_instead_of_the_file_is_not_the_file(hub: HubServer, folder: Path) -> None:
    hub.plan = scripted(*["html"] * 99)
    with pytest.raises((HubUnreachable, WrongBytes)):
        pull(hub, folder)
    assert active(hub, folder) == {}


def test_the_old_version_stays_until_the_new_one_is_whole(
    hub: HubServer, folder: Path, files: dict[str, bytes]
) -> None:
    pull(hub, folder)
    other = tiny.tiny_model(seed=2)
    newer = {"model.gguf": other.model.read_bytes(), "mmproj.gguf": other.projector.read_bytes()}
    with hub_server.running(newer) as second:
        second.plan = scripted("cut", *["503"] * 99)
        with pytest.raises(HubUnreachable):
            pull(second, folder)
        assert active(hub, folder) == files
        second.plan = hub_server.well
        pull(second, folder)
        assert active(second, folder) == newer
    assert len([path for path in (folder / "tiny").iterdir() if path.is_dir()]) == 1


def test_without_a_known_hash_the_hubs_word_is_taken_kept_and_asked_for_ever_after(
    hub: HubServer, folder: Path
) -> None:
    row = hub.row(hashes=False)
    assert pull(hub, folder, row).first_use == ("model.gguf", "mmproj.gguf")
    model_store.remove(folder, "tiny")
    other = tiny.tiny_model(seed=3)
    hub.says["model.gguf"] = other.model.read_bytes()  # consistent in itself: only the pin can tell
    with pytest.raises(HubRefused, match="fetched before"):
        pull(hub, folder, row)
    hub.says.clear()
    pull(hub, folder, row)
    assert active(hub, folder) == hub.files


def test_where_nobody_knows_a_hash_nothing_is_fetched(hub: HubServer, folder: Path) -> None:
    hub.plan = scripted(heads=("no_hash",))
    with pytest.raises(HubRefused, match="could not be checked"):
        pull(hub, folder, hub.row(hashes=False))
    assert hub.served.body_bytes == 0


def test_with_a_known_hash_a_mirror_need_not_know_it(hub: HubServer, folder: Path) -> None:
    hub.plan = scripted(heads=("no_hash", "no_hash"))
    hub.redirects = False
    pull(hub, folder)
    assert active(hub, folder) == hub.files


def test_right_bytes_that_are_no_model_do_not_become_one(folder: Path) -> None:
    with hub_server.running({"model.gguf": b"GGUF" + b"\0" * 5000, "mmproj.gguf": b"nonsense"}) as hub:
        with pytest.raises(ModelCorrupt):
            pull(hub, folder, hub.row(hashes=False))
        assert active(hub, folder) == {}
        assert model_store.pins(folder) == {}, "what was no model is not trusted"


def test_a_projector_in_the_models_place_is_refused(files: dict[str, bytes], folder: Path) -> None:
    swapped = {"model.gguf": files["mmproj.gguf"], "mmproj.gguf": files["model.gguf"]}
    with hub_server.running(swapped) as hub, pytest.raises(ModelUnsupported, match="is a projector"):
        pull(hub, folder)


def test_a_drafter_that_cannot_be_had_is_left_out_and_told(files: dict[str, bytes], folder: Path) -> None:
    with hub_server.running({**files, "mtp.gguf": b"no drafter at all"}) as hub:
        done = pull(hub, folder)
        assert len(done.left_out) == 1
        assert "mtp.gguf" in done.left_out[0]
        assert catalog.find_model("tiny", folder=folder).drafter is None
        assert [one.file.name for one in pulling.plan(hub.row(), folder, drafter=False)] == list(files)


def test_the_token_goes_to_the_hub_and_to_nobody_else(hub: HubServer, folder: Path) -> None:
    pull(hub, folder)
    for one in hub.served.asked:
        assert one.token == ("" if one.host.startswith("localhost") else "Bearer hf_secret"), one


def test_what_is_here_already_is_checked_without_asking_anybody(hub: HubServer, folder: Path) -> None:
    pull(hub, folder)
    before = len(hub.served.asked)
    done = pull(hub, folder)
    assert (done.already, done.fetched, len(hub.served.asked)) == (True, 0, before)


def test_the_same_file_of_another_model_is_not_fetched_again(hub: HubServer, folder: Path) -> None:
    pull(hub, folder)
    before = hub.served.body_bytes
    done = pull(hub, folder, hub.row(name="twin"))
    assert (done.fetched, hub.served.body_bytes) == (0, before)
    first, second = (catalog.find_model(name, folder=folder).model for name in ("tiny", "twin"))
    assert first.samefile(second), "and takes no room of its own"
    model_store.remove(folder, "tiny")
    assert second.read_bytes() == hub.files["model.gguf"]


def test_what_another_program_put_into_the_hubs_cache_is_used(
    hub: HubServer, folder: Path, hub_home: Path
) -> None:
    from huggingface_hub import hf_hub_download

    for path in hub.files:
        hf_hub_download(hub.repo, path, revision=hub_server.COMMIT, endpoint=hub.endpoint)
    before = hub.served.body_bytes
    assert pull(hub, folder).fetched == 0
    assert active(hub, folder) == hub.files
    assert hub.served.body_bytes == before
    shutil.rmtree(hub_home)
    assert active(hub, folder) == hub.files, "it stays when that cache is emptied"


def test_rotten_bytes_in_the_hubs_cache_are_not_taken(hub: HubServer, folder: Path, hub_home: Path) -> None:
    from huggingface_hub import hf_hub_download

    path = Path(hf_hub_download(hub.repo, "model.gguf", revision=hub_server.COMMIT, endpoint=hub.endpoint))
    path.resolve().write_bytes(hub.files["model.gguf"][:-1] + b"?")
    pull(hub, folder)
    assert active(hub, folder) == hub.files


def test_a_damaged_file_alone_is_fetched_again(hub: HubServer, folder: Path) -> None:
    model = pull(hub, folder).model
    (model.folder / "mmproj.gguf").write_bytes(b"rotten" + hub.files["mmproj.gguf"][6:])
    model_store.mark_damaged(folder, model, {"mmproj.gguf"})
    with pytest.raises(ModelCorrupt, match="not what it was"):
        catalog.find_model("tiny", folder=folder)
    before = hub.served.body_bytes
    pull(hub, folder)
    assert hub.served.body_bytes - before == len(hub.files["mmproj.gguf"])
    assert active(hub, folder) == hub.files


def test_without_room_nothing_is_fetched(
    hub: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_store, "SPARE_BYTES", 1 << 62)
    with pytest.raises(DiskFull, match="are to be written"):
        pull(hub, folder)
    assert hub.served.body_bytes == 0


def test_two_at_once_do_not_meet(hub: HubServer, folder: Path) -> None:
    with model_store.alone(folder), pytest.raises(StoreBusy):
        pull(hub, folder)


def test_a_file_that_was_cut_off_on_the_disk_is_named(hub: HubServer, folder: Path) -> None:
    model = pull(hub, folder).model
    (model.folder / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelCorrupt, match="has 4 bytes, not"):
        catalog.find_model("tiny", folder=folder)
    (model.folder / "model.gguf").unlink()
    with pytest.raises(ModelMissing, match="not there any more") as caught:
        catalog.find_model("tiny", folder=folder)
    assert "model pull tiny" in caught.value.hint


@pytest.mark.parametrize("spoilt", ["", "{}", '{"format": 99, "folder": "x", "files": []}', "[1]"])
def test_a_spoilt_manifest_is_no_model_and_the_next_pull_mends_it(
    hub: HubServer, folder: Path, spoilt: str
) -> None:
    pull(hub, folder)
    (folder / "tiny" / model_store.MANIFEST).write_text(spoilt)
    with pytest.raises(ModelCorrupt):
        catalog.find_model("tiny", folder=folder)
    pull(hub, folder)
    assert active(hub, folder) == hub.files


def test_a_manifest_cannot_lead_out_of_its_folder(hub: HubServer, folder: Path) -> None:
    pull(hub, folder)
    manifest = folder / "tiny" / model_store.MANIFEST
    said = json.loads(manifest.read_text())
    for change in ({"folder": ".."}, {"files": [{**said["files"][0], "name": "../../x.gguf"}]}):
        manifest.write_text(json.dumps({**said, **change}))
        with pytest.raises(ModelCorrupt):
            model_store.read(folder, "tiny")


def test_every_step_is_told_and_never_more_than_there_is(hub: HubServer, folder: Path) -> None:
    hub.plan = scripted("cut", "503")
    steps: list[Step] = []
    pull(hub, folder, on_step=steps.append)
    total = sum(map(len, hub.files.values()))
    assert {step.stage for step in steps} == {"fetching", "waiting", "checking"}
    assert all(0 <= step.fetched <= step.total for step in steps if step.total)
    assert steps[-1].fetched == steps[-1].total == total


def test_the_bundled_model_is_not_fetched(folder: Path, hub: HubServer) -> None:
    from engine.model_rows import row_of

    with pytest.raises(ModelError, match="ships with the program"):
        pull(hub, folder, row_of("bundled"))


KILLED = """
import sys
from pathlib import Path
sys.path[:0] = [{root!r}, {tests!r}]
import hub_server
from engine import pulling
from engine._hub import HuggingFaceHub
from engine.model_rows import read_rows
row = read_rows(Path({rows!r}).read_text())["tiny"]
pulling.pull(row, Path({folder!r}), HuggingFaceHub(stall_s=20))
"""


def test_killed_in_the_middle_nothing_is_active_and_the_next_pull_goes_on(
    hub: HubServer, folder: Path, tmp_path: Path
) -> None:
    hub.plan, hub.stall_s = scripted("stall"), 60.0
    rows = tmp_path / "rows.toml"
    rows.write_text(hub.row_text())
    code = KILLED.format(root=str(ROOT), tests=str(ROOT / "tests"), rows=str(rows), folder=str(folder))
    mirror = {"HF_HOME": str(tmp_path / "hf"), "HF_ENDPOINT": hub.endpoint}
    child = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **mirror})
    try:
        digest = hashlib.sha256(hub.files["model.gguf"]).hexdigest()
        part = model_store.part_path(folder, digest)
        begun = hub_server.wait_for(
            lambda: part.exists() and 0 < part.stat().st_size == hub.served.body_bytes
        )
        assert begun
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    with pytest.raises(ModelMissing):
        catalog.find_model("tiny", folder=folder)
    came = hub.served.body_bytes
    hub.plan = hub_server.well
    done = pull(hub, folder)
    assert active(hub, folder) == hub.files
    assert done.fetched == sum(map(len, hub.files.values())) - came


def test_the_wait_doubles_is_bounded_and_may_be_asked_for() -> None:
    patience = Patience()
    assert [patience.wait_s(n, None) for n in (1, 2, 3, 9)] == [1.0, 2.0, 4.0, 30.0]
    assert (patience.wait_s(1, 7.0), patience.wait_s(1, 1e9), patience.wait_s(1, -5)) == (7.0, 120.0, 0.0)


def test_a_connection_that_hardly_moves_is_one_that_broke(hub: HubServer, folder: Path) -> None:
    from contextlib import contextmanager

    from engine.download import Body, Expected

    now = iter(range(0, 10_000, 40))

    class Drip:
        place = "drip"
        asked = 0

        @contextmanager
        def body(self, file: object, start: int) -> Iterator[Body]:
            self.asked += 1
            yield Body(start, iter([b"x"] * 50))

    drip = Drip()
    with pytest.raises(HubUnreachable, match="hardly moves"):
        download.fetch(
            drip,  # type: ignore[arg-type]
            hub.row().files[0],
            Expected(10_000, "0" * 64, False),
            folder / "a.part",
            lambda stage, done, note="": None,
            Patience(attempts=3),
            sleep=lambda s: None,
            clock=lambda: float(next(now)),
        )
    assert drip.asked == 3


@pytest.mark.parametrize(
    "endpoint",
    ["http://[::1", "http://", "huggingface.co", "ftp://a", "http://a:port", "not a url", "file:///etc"],
)
def test_a_mirror_that_is_no_address_is_told(endpoint: str) -> None:
    from engine._hub import HuggingFaceHub

    with pytest.raises(HubUnreachable, match="no address") as caught:
        HuggingFaceHub(endpoint)
    assert "HF_ENDPOINT" in caught.value.hint
    assert HuggingFaceHub("http://[::1]:8080/mirror/").place == "[::1]:8080"
