"""Settings: three layers, clear refusals, and one variable that moves every path."""

from pathlib import Path

import pytest

from voice_edit.config import Paths, Settings, load_settings, setting_names
from voice_edit.errors import UsageError


def paths_with(folder: Path, toml: str) -> Paths:
    paths = Paths(folder / "config", folder / "data", folder / "run")
    paths.config_folder.mkdir()
    paths.config_file.write_text(toml, encoding="utf-8")
    return paths


def test_without_file_or_variables_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings(Paths(tmp_path, tmp_path, tmp_path), {}) == Settings()


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(tmp_path: Path) -> None:
    paths = paths_with(tmp_path, '[engine]\nmodel = "file"\nthreads = 2\n[listening]\nlimit_ms = 9000\n')
    environ = {"VOICE_EDIT_ENGINE__MODEL": "environment", "VOICE_EDIT_LISTENING__LIMIT_MS": "8000"}
    settings = load_settings(paths, environ, overrides={"engine": {"model": "flag"}})
    assert (settings.engine.model, settings.engine.threads, settings.listening.limit_ms) == ("flag", 2, 8000)


def test_a_misspelt_setting_is_refused_and_the_right_names_are_listed(tmp_path: Path) -> None:
    paths = paths_with(tmp_path, "[listening]\nlimt_ms = 3\n")
    with pytest.raises(
        UsageError, match=r"config\.toml: there is no setting 'listening\.limt_ms'"
    ) as refused:
        load_settings(paths, {})
    assert "listening.limit_ms" in refused.value.hint


def test_a_value_out_of_range_names_the_variable_layer_and_the_setting(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the environment: listening\.limit_ms: .*30000"):
        load_settings(Paths(tmp_path, tmp_path, tmp_path), {"VOICE_EDIT_LISTENING__LIMIT_MS": "31000"})


def test_budgets_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    environ = {"VOICE_EDIT_LISTENING__LIMIT_MS": "1000", "VOICE_EDIT_LISTENING__HANGOVER_MS": "2000"}
    with pytest.raises(UsageError, match="smaller than limit_ms"):
        load_settings(Paths(tmp_path, tmp_path, tmp_path), environ)


def test_broken_toml_is_refused_with_the_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is not valid TOML: .*line 2"):
        load_settings(paths_with(tmp_path, "[engine]\nmodel = \nthreads = 2\n"), {})


def test_a_setting_outside_a_section_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'model' is outside a section"):
        load_settings(paths_with(tmp_path, 'model = "x"\n'), {})


def test_voice_edit_home_moves_every_path(tmp_path: Path) -> None:
    paths = Paths.from_environment({"VOICE_EDIT_HOME": str(tmp_path)})
    for path in (paths.config_file, paths.journal, paths.models):
        assert path.is_relative_to(tmp_path)


def test_without_it_paths_follow_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert Paths.from_environment({}).journal == tmp_path / "share" / "voice-edit" / "journal.sqlite3"


def test_other_variables_with_our_prefix_are_not_settings(tmp_path: Path) -> None:
    environ = {"VOICE_EDIT_HOME": str(tmp_path), "VOICE_EDIT_WHEELS": "/somewhere"}
    assert load_settings(environ=environ) == Settings()


def test_every_setting_stands_in_the_documentation() -> None:
    page = (Path(__file__).parent.parent / "docs" / "configuration.md").read_text(encoding="utf-8")
    for name in setting_names():
        assert f"`{name}`" in page, name
