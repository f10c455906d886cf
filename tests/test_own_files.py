"""The files that a user keeps: whatever lies in their place, and whoever else writes to them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from running import refused

from voice_edit import own_files
from voice_edit.apps.profiles import load_profiles
from voice_edit.config import load_settings
from voice_edit.errors import UsageError
from voice_edit.paths import Paths
from voice_edit.vocabulary.store import read_vocabulary


@pytest.fixture
def paths() -> Paths:
    found = Paths.from_environment()
    found.config_folder.mkdir(parents=True, exist_ok=True)
    return found


READERS: list[tuple[str, Callable[[Paths], object]]] = [
    ("config.toml", lambda paths: load_settings(paths, {})),
    ("apps.toml", load_profiles),
    ("vocabulary.toml", read_vocabulary),
]
each_file = pytest.mark.parametrize(("name", "read"), READERS, ids=[name for name, _ in READERS])


def told(path: Path, read: Callable[[Paths], object], paths: Paths) -> str:
    with pytest.raises(UsageError) as caught:
        read(paths)
    assert str(path) in str(caught.value)
    assert caught.value.hint
    return str(caught.value)


@each_file
def test_a_pipe_in_its_place_is_not_waited_for(
    name: str, read: Callable[[Paths], object], paths: Paths
) -> None:
    path = paths.config_folder / name
    os.mkfifo(path)
    assert "is no file" in told(path, read, paths)


@each_file
def test_what_never_ends_is_not_read(name: str, read: Callable[[Paths], object], paths: Paths) -> None:
    path = paths.config_folder / name
    path.symlink_to("/dev/zero")
    assert "is no file" in told(path, read, paths)
    path.unlink()
    path.write_bytes(b"#" * (own_files.LARGEST_BYTES + 1))
    assert "larger than 4 MB" in told(path, read, paths)


@each_file
def test_folders_circles_of_links_and_other_encodings_are_told_by_name(
    name: str, read: Callable[[Paths], object], paths: Paths
) -> None:
    path = paths.config_folder / name
    path.mkdir()
    assert "is no file" in told(path, read, paths)
    path.rmdir()
    path.symlink_to(path)
    assert "cannot be read" in told(path, read, paths)
    path.unlink()
    path.write_bytes(b"# a\n# \xff\n")
    assert "not written in UTF-8 (line 2)" in told(path, read, paths)
    path.write_text("x = " + "[" * 5000, encoding="utf-8")
    assert "not valid TOML" in told(path, read, paths)


@each_file
def test_a_link_to_nothing_is_no_file_yet(name: str, read: Callable[[Paths], object], paths: Paths) -> None:
    (paths.config_folder / name).symlink_to("nowhere.toml")
    read(paths)


def test_programs_that_write_at_once_lose_nothing_of_each_other(paths: Paths) -> None:
    add = "from voice_edit.cli.app import app; import sys; app(['vocabulary', 'add', *sys.argv[1:]])"
    words = [[f"Left{n}", f"Right{n}"] for n in range(6)]
    running = [
        subprocess.Popen([sys.executable, "-c", add, *two], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for two in words
    ]
    for process in running:
        _, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, b"")
    assert {word.write for word in read_vocabulary(paths).words} == {word for two in words for word in two}
    assert [path.name for path in paths.config_folder.iterdir()] == ["vocabulary.toml"]


def test_who_waits_too_long_for_another_one_writes_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_files, "LOCK_S", 0.0)
    path, inside, done = tmp_path / "a.toml", threading.Event(), threading.Event()

    def slow(text: str, path: Path) -> str:
        inside.set()
        done.wait()
        return "a = 1\n"

    other = threading.Thread(target=own_files.change, args=(path, slow))
    other.start()
    inside.wait()
    try:
        with pytest.raises(UsageError, match="busy"):
            own_files.change(path, lambda text, path: "a = 2\n")
    finally:
        done.set()
        other.join()
    assert path.read_text(encoding="utf-8") == "a = 1\n"


def test_what_an_editor_wrote_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("a = 1\n", encoding="utf-8")

    def interrupted(text: str, path: Path) -> str:
        path.write_text("a = 2\n", encoding="utf-8")
        return "a = 3\n"

    with pytest.raises(UsageError, match="changed meanwhile"):
        own_files.change(path, interrupted)
    assert path.read_text(encoding="utf-8") == "a = 2\n"


def test_the_verbs_tell_it_in_one_line_with_a_remedy(paths: Paths) -> None:
    paths.apps_file.mkdir()
    assert "next: Move" in refused("apps", "list", code=2)
