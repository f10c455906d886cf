"""Files that somebody has already become a model, or nothing has changed and nothing is left behind."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
import tiny

from engine import catalog, importing, model_store
from engine.errors import ModelCorrupt, ModelError, ModelMissing, ProjectorMismatch
from engine.gguf_header import read_header
from engine.model_store import StoredModel


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder with a model and its projector."""
    pair = tiny.tiny_model()
    there = tmp_path / "mine"
    there.mkdir()
    shutil.copy(pair.model, there / "model.gguf")
    shutil.copy(pair.projector, there / "mmproj.gguf")
    return there


def take(path: Path, folder: Path, *, name: str = "mine", move: bool = False) -> StoredModel:
    return importing.take(importing.find_sources(path), folder, name=name, move=move)


def parts(folder: Path) -> list[Path]:
    return sorted((folder / model_store.PARTS).iterdir())


def whole(folder: Path, name: str = "mine") -> bool:
    """Whether every file of the model is what the manifest says."""
    model = model_store.read(folder, name)
    assert model is not None
    return all(model_store.digest(model.folder / file.name) == file.sha256 for file in model.files)


def test_two_files_of_the_same_name_both_get_a_place(mine: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    projector = (mine / "mmproj.gguf").rename(tmp_path / "other" / "MODEL.gguf")
    sources = importing.find_sources(mine / "model.gguf", projector=projector)
    importing.take(sources, folder, name="mine")
    assert whole(folder)
    assert (
        len({file.name.lower() for file in catalog.find_model("mine", folder=folder).model.parent.iterdir()})
        == 2
    )


@pytest.mark.parametrize("name", ["Not a name", "server", "gemma-4-12b", "taken"])
def test_a_name_that_cannot_be_leaves_no_copy_behind(mine: Path, folder: Path, name: str) -> None:
    if name == "taken":
        pair = tiny.tiny_model(seed=9)
        sources = importing.Sources(pair.model, pair.projector, None)
        importing.take(sources, folder, name="taken")
    with pytest.raises(ModelError):
        take(mine, folder, name=name)
    assert not folder.exists() or parts(folder) == []


def test_what_a_killed_import_left_is_taken_away_by_the_next_one(mine: Path, folder: Path) -> None:
    (folder / model_store.PARTS).mkdir(parents=True)
    for left in ("import-drafter.part", "import-model.part.new"):
        (folder / model_store.PARTS / left).write_bytes(b"half of it")
    take(mine, folder)
    assert parts(folder) == []
    assert whole(folder)


def test_links_are_moved_as_the_files_they_lead_to(mine: Path, folder: Path, tmp_path: Path) -> None:
    links = tmp_path / "snapshot"
    links.mkdir()
    for name in ("model.gguf", "mmproj.gguf"):
        (links / name).symlink_to(Path("..") / "mine" / name)
    take(links, folder, move=True)
    assert whole(folder)
    assert list(links.iterdir()) == []


def test_moving_takes_the_files_away_only_when_the_model_is_active(
    mine: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, said: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(model_store, "_write_json", full)
        with pytest.raises(ModelError):
            take(mine, folder, move=True)
    assert len(list(mine.iterdir())) == 2
    take(mine, folder, move=True)
    assert whole(folder)
    assert list(mine.iterdir()) == []


@pytest.mark.parametrize("refused", [errno.EXDEV, errno.EPERM])
@pytest.mark.parametrize("move", [True, False])
def test_where_nothing_can_be_linked_it_is_moved_or_copied(
    mine: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, refused: int, move: bool
) -> None:
    def no_links(*args: object) -> None:
        raise OSError(refused, os.strerror(refused))

    monkeypatch.setattr(os, "link", no_links)
    take(mine, folder, move=move)
    assert whole(folder)
    assert parts(folder) == []
    assert len(list(mine.iterdir())) == (0 if move else 2)


def test_moving_a_model_into_itself_loses_nothing(mine: Path, folder: Path) -> None:
    there = take(mine, folder).folder
    take(there, folder, move=True)
    assert whole(folder)
    assert len(list(there.iterdir())) == 2


def test_a_name_as_long_as_a_name_can_be_is_taken(mine: Path, folder: Path) -> None:
    (mine / "model.gguf").rename(mine / f"{'ä' * 125}.gguf")
    take(mine, folder, move=True)
    assert whole(folder)


def test_a_model_with_a_spoilt_manifest_can_be_imported_again_as_its_error_says(
    mine: Path, folder: Path
) -> None:
    take(mine, folder)
    (folder / "mine" / model_store.MANIFEST).write_text("{")
    with pytest.raises(ModelCorrupt) as caught:
        catalog.find_model("mine", folder=folder)
    assert "voice-edit model import PATH --name mine" in caught.value.hint
    assert list(model_store.spoilt(folder)) == ["mine"]
    take(mine, folder)
    assert whole(folder)


def test_an_imported_model_that_lost_a_file_is_not_to_be_pulled(mine: Path, folder: Path) -> None:
    (take(mine, folder).folder / "mmproj.gguf").unlink()
    with pytest.raises(ModelMissing) as caught:
        catalog.find_model("mine", folder=folder)
    assert "voice-edit model import" in caught.value.hint


def test_removing_follows_a_link_to_another_disk_and_leaves_what_is_not_ours(
    mine: Path, folder: Path, tmp_path: Path
) -> None:
    take(mine, folder)
    elsewhere = (folder / "mine").rename(tmp_path / "elsewhere")
    (folder / "mine").symlink_to(elsewhere)
    assert model_store.remove(folder, "mine")
    assert not (folder / "mine").is_symlink()
    assert not elsewhere.exists()
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "letter.txt").write_text("Dear Ada")
    (folder / "documents").symlink_to(documents)
    (folder / "papers").mkdir()
    (folder / "papers" / "letter.txt").write_text("Dear Ada")
    assert model_store.remove(folder, "documents") is None
    assert model_store.remove(folder, "papers") is None
    assert (documents / "letter.txt").exists()
    assert (folder / "papers" / "letter.txt").exists()


def test_a_mark_does_not_bring_back_a_model_that_was_replaced_meanwhile(mine: Path, folder: Path) -> None:
    before = take(mine, folder)
    pair = tiny.tiny_model(seed=9)
    model_store.remove(folder, "mine")
    now = importing.take(importing.Sources(pair.model, pair.projector, None), folder, name="mine")
    model_store.mark_damaged(folder, before, {"model.gguf"})
    assert model_store.read(folder, "mine") == now


def test_a_file_that_is_right_again_is_used_again(mine: Path, folder: Path) -> None:
    model = take(mine, folder)
    model_store.mark_damaged(folder, model, {"model.gguf"})
    marked = model_store.read(folder, "mine")
    assert marked is not None
    with pytest.raises(ModelCorrupt):
        catalog.find_model("mine", folder=folder)
    model_store.mark_damaged(folder, marked, set())
    assert catalog.find_model("mine", folder=folder).name == "mine"


def test_a_pipe_is_no_model_and_nobody_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.gguf")
    with pytest.raises(ModelMissing, match="pipe"):
        read_header(tmp_path / "model.gguf")


@pytest.mark.parametrize(
    "name", ["x" * 5000, "x" * 5000 + ".gguf", "a\0b", "a\0b.gguf", "~nobody-here/a", "loop.gguf"]
)
def test_names_that_the_system_does_not_take_are_no_models(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop.gguf").symlink_to("loop.gguf")
    said = str(tmp_path / name) if name == "loop.gguf" else name
    with pytest.raises(ModelMissing) as caught:
        catalog.find_model(said)
    assert len(str(caught.value)) < 500
    with pytest.raises((ModelMissing, ProjectorMismatch)):
        catalog.find_model("bundled", projector=said)


@pytest.mark.parametrize("kind", ["file", "unreadable"])
def test_a_models_folder_that_is_none_is_said(
    folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "file":
        folder.write_text("")
    else:

        def refused(path: Path) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(ModelError, match="cannot be read") as caught:
        model_store.stored(folder)
    assert caught.value.hint
