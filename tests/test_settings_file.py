"""config.toml changed one setting at a time, and nothing else in it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice_edit.config import Paths, Settings, load_settings, setting_names
from voice_edit.errors import TargetReadOnly, UsageError
from voice_edit.settings_file import (
    describe_settings,
    parsed_value,
    shown,
    with_setting,
    write_setting,
)

MINE = """\
# my settings

[listening]            # how I speak
hangover_ms = 800      # for those who think
# onset_ms = 100

[engine]
model = "bundled"
"""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "config", tmp_path / "data", tmp_path / "run")


def write(paths: Paths, text: str) -> None:
    paths.config_folder.mkdir(parents=True, exist_ok=True)
    paths.config_file.write_bytes(text.encode())


def test_a_changed_setting_keeps_its_place_and_its_comment() -> None:
    assert with_setting(MINE, "listening.hangover_ms", 900) == MINE.replace("800", "900")


def test_a_new_setting_goes_into_its_section_and_the_rest_stays() -> None:
    changed = with_setting(MINE, "listening.limit_ms", 9000)
    assert changed.replace("limit_ms = 9000\n", "") == MINE
    assert tomllib.loads(changed)["listening"] == {"hangover_ms": 800, "limit_ms": 9000}


def test_a_new_section_goes_to_the_end() -> None:
    assert with_setting(MINE, "tui.theme", "light") == MINE + '\n[tui]\ntheme = "light"\n'


def test_the_first_setting_makes_the_file() -> None:
    assert with_setting("", "tui.theme", "light") == '[tui]\ntheme = "light"\n'


def test_back_to_the_default_removes_the_line_only() -> None:
    assert with_setting(MINE, "engine.model", None) == MINE.replace('model = "bundled"\n', "")
    assert with_setting(MINE, "tui.theme", None) == MINE


@pytest.mark.parametrize(
    "text",
    [
        "listening.hangover_ms = 800 # dotted\n",
        "listening = {hangover_ms = 800, onset_ms = 60} # inline\n",
        "[listening]\r\nhangover_ms = 800 # windows\r\n",
        "[ listening ]\n'hangover_ms' = 8_00\n",
        '[engine]\nmodel = """\n[listening]\nhangover_ms = 1\n"""\n[listening]\nhangover_ms = 800',
    ],
)
def test_however_it_is_written_only_the_value_changes(text: str) -> None:
    expected = tomllib.loads(text)
    expected["listening"]["hangover_ms"] = 900
    changed = with_setting(text, "listening.hangover_ms", 900)
    assert tomllib.loads(changed) == expected
    assert changed.count("\r\n") == text.count("\r\n")
    assert [line.partition("#")[2] for line in changed.splitlines()] == [
        line.partition("#")[2] for line in text.splitlines()
    ]


values = st.sampled_from(
    [("listening.hangover_ms", 700), ("listening.limit_ms", 20000), ("microphone.device", 'say "hi" \\ # é'),
     ("feedback.sounds", True), ("feedback.volume", 0.5), ("hotkeys.dictate", ""), ("tui.theme", "light"),
     ("engine.projector", None), ("listening.hangover_ms", None), ("feedback.volume", None)]
)  # fmt: skip


@given(st.lists(values, max_size=8))
def test_after_any_changes_the_file_says_what_was_last_said(changes: list[tuple[str, object]]) -> None:
    text, expected = MINE, tomllib.loads(MINE)
    for name, value in changes:
        text = with_setting(text, name, value)
        section, key = name.split(".")
        expected.setdefault(section, {}).pop(key, None)
        if value is not None:
            expected[section][key] = value
    assert {k: v for k, v in tomllib.loads(text).items() if v} == {k: v for k, v in expected.items() if v}
    assert "# for those who think" in text or ("listening.hangover_ms", None) in changes
    assert text.startswith("# my settings\n")


def test_it_is_written_in_one_step_and_keeps_its_mode(paths: Paths) -> None:
    write(paths, MINE)
    paths.config_file.chmod(0o640)
    assert write_setting(paths, "listening.hangover_ms", 900) == paths.config_file
    assert paths.config_file.read_text() == MINE.replace("800", "900")
    assert paths.config_file.stat().st_mode & 0o777 == 0o640
    assert list(paths.config_folder.iterdir()) == [paths.config_file]
    assert load_settings(paths, {}).listening.hangover_ms == 900


def test_a_link_into_a_folder_of_dotfiles_stays_one(paths: Paths, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text(MINE)
    paths.config_folder.mkdir()
    paths.config_file.symlink_to(real)
    write_setting(paths, "tui.theme", "light")
    assert paths.config_file.is_symlink()
    assert "light" in real.read_text()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("listening.onset_ms", 5, "greater than or equal to 20"),
        ("listening.limit_ms", 1000, "must be smaller than limit_ms"),
        ("tui.theme", "pink", "'dark' or 'light'"),
        ("tui.colour", "pink", "no setting 'tui.colour'"),
        ("colour", "pink", "no setting 'colour'"),
    ],
)
def test_what_is_not_valid_is_not_written(paths: Paths, name: str, value: object, said: str) -> None:
    write(paths, "[listening]\nhangover_ms = 2000\n")
    with pytest.raises(UsageError, match=said):
        write_setting(paths, name, value)
    assert paths.config_file.read_text() == "[listening]\nhangover_ms = 2000\n"


@pytest.mark.parametrize("text", ["[listening\n", "\ufeff[listening]\n", "[listening]\nx = 1\n", "a = 1\n"])
def test_a_file_that_is_not_right_already_is_left_alone(paths: Paths, text: str) -> None:
    write(paths, text)
    with pytest.raises(UsageError):
        write_setting(paths, "tui.theme", "light")
    assert paths.config_file.read_bytes() == text.encode()


def test_a_file_that_is_no_text_is_left_alone(paths: Paths) -> None:
    paths.config_folder.mkdir()
    paths.config_file.write_bytes(b"\xff\xfe[")
    with pytest.raises(UsageError):
        write_setting(paths, "tui.theme", "light")
    assert paths.config_file.read_bytes() == b"\xff\xfe["


def test_what_somebody_writes_meanwhile_wins(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    write(paths, MINE)
    check = Settings.model_validate
    theirs = MINE.replace("800", "1234")

    def slow(*args: object, **more: object) -> object:
        paths.config_file.write_text(theirs)
        return check(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Settings, "model_validate", slow)
    with pytest.raises(UsageError, match="changed meanwhile"):
        write_setting(paths, "tui.theme", "light")
    assert paths.config_file.read_text() == theirs


def test_a_read_only_file_is_told_and_kept(paths: Paths) -> None:
    write(paths, MINE)
    paths.config_file.chmod(0o444)
    with pytest.raises(TargetReadOnly):
        write_setting(paths, "tui.theme", "light")
    assert paths.config_file.read_text() == MINE


def test_every_setting_has_a_meaning_and_says_where_it_comes_from(paths: Paths) -> None:
    write(paths, MINE)
    infos = describe_settings(paths, {"VOICE_EDIT_TUI__THEME": "light"})
    assert [info.name for info in infos] == setting_names()
    assert all(info.meaning.endswith(".") for info in infos)
    found = {info.name: info for info in infos}
    assert found["listening.hangover_ms"].origin == "file"
    assert (found["tui.theme"].origin, found["tui.theme"].value) == ("environment", "light")
    assert found["tui.theme"].variable == "VOICE_EDIT_TUI__THEME"
    assert found["engine.threads"].origin == "default"
    assert found["listening.onset_ms"].limits == "20 to 1000"
    assert found["hotkeys.style"].choices == ("hold", "toggle", "hybrid")
    assert found["feedback.sounds"].choices == ("true", "false")


def test_every_value_can_be_typed_as_it_is_shown(paths: Paths) -> None:
    for info in describe_settings(paths, {}):
        assert parsed_value(info.name, shown(info.value)) == info.value, info.name


@pytest.mark.parametrize(("name", "typed"), [("listening.onset_ms", "soon"), ("feedback.sounds", "loud")])
def test_what_is_no_value_is_refused_in_words(name: str, typed: str) -> None:
    with pytest.raises(UsageError, match=name):
        parsed_value(name, typed)
