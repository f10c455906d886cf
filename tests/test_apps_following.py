"""apps.toml is followed while the daemon runs."""

from __future__ import annotations

import pytest

from voice_edit.apps.following import FollowedProfiles
from voice_edit.desktop.base import Window
from voice_edit.errors import UsageError
from voice_edit.paths import Paths

WINDOW = Window("x11:0x1", "mine", "")


def write(text: str) -> None:
    paths = Paths.from_environment()
    paths.config_folder.mkdir(parents=True, exist_ok=True)
    new = paths.apps_file.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(paths.apps_file)


@pytest.fixture
def problems() -> list[UsageError]:
    return []


@pytest.fixture
def followed(problems: list[UsageError]) -> FollowedProfiles:
    return FollowedProfiles(Paths.from_environment(), session="x11", on_problem=problems.append)


def chosen(followed: FollowedProfiles) -> str:
    return followed.choose(WINDOW, None).name


def test_a_file_that_comes_changes_and_goes_counts_at_once(
    followed: FollowedProfiles, problems: list[UsageError]
) -> None:
    assert chosen(followed) == "default"
    write('[one]\napps = ["mine"]\n')
    assert chosen(followed) == "one"
    write('[two]\napps = ["mine"]\n')
    assert chosen(followed) == "two"
    Paths.from_environment().apps_file.unlink()
    assert chosen(followed) == "default"
    assert problems == []


def test_a_mistake_is_told_once_and_what_was_read_before_counts(
    followed: FollowedProfiles, problems: list[UsageError]
) -> None:
    write('[one]\napps = ["mine"]\n')
    assert chosen(followed) == "one"
    write('[one]\naps = ["mine"]\n')
    assert [chosen(followed) for _ in range(3)] == ["one"] * 3
    assert len(problems) == 1
    assert "'aps'" in str(problems[0])
    write('[right]\napps = ["mine"]\n')
    assert chosen(followed) == "right"


def test_a_mistake_from_the_start_leaves_the_built_in_profiles(
    followed: FollowedProfiles, problems: list[UsageError]
) -> None:
    write("[one\n")
    assert chosen(followed) == "default"
    assert followed.choose(Window("x", "xterm", ""), None).terminal
    assert len(problems) == 1


def test_the_file_is_not_read_again_while_it_stays_the_same(
    followed: FollowedProfiles,
) -> None:
    write('[one]\napps = ["mine"]\n')
    first = followed.now()
    assert followed.now() is first
