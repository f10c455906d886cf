"""`voice-edit apps`: the profiles as a table, as TOML, and what would be done with the focus."""

from __future__ import annotations

import tomllib

import pytest
from running import ok, refused, rows, run

from voice_edit.apps import looking
from voice_edit.apps.looking import Looked
from voice_edit.apps.profiles import load_profiles
from voice_edit.desktop.base import Element, Means, Window
from voice_edit.paths import Paths
from voice_edit.targets.field_choice import Focus, Hands, judge

MISSING = Means("keyboard", "x11", False, "XTEST is missing.", "Start the X server with it.")


@pytest.fixture(autouse=True)
def no_desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


def write_apps(text: str) -> None:
    paths = Paths.from_environment()
    paths.config_folder.mkdir(parents=True, exist_ok=True)
    paths.apps_file.write_text(text, encoding="utf-8")


def focus(*, role: str = "text", secret: bool = False, app: str = "mousepad") -> Focus:
    element = Element(":1.1/a", app, "gtk3", role, 7, secret, True, True, True, True)
    window = Window("x11:0x1", app, "Untitled")
    profile = load_profiles(Paths.from_environment(), session="x11").choose(window, element)
    return judge(window, element, profile, Hands(paste=True, type=True))


def seen(monkeypatch: pytest.MonkeyPatch, found: Focus | None, *means: Means) -> None:
    """The desktop is looked at elsewhere; here it is said what would be found."""
    monkeypatch.setattr(looking, "look", lambda *args, **options: Looked("x11", found, means))


def test_list_names_every_profile_the_users_first_and_marked() -> None:
    write_apps('[mine]\napps = ["x"]\nmechanisms = ["paste"]\n')
    lines = ok("apps", "list").splitlines()
    assert lines[0].split() == ["mine", "*", "paste", "x"]
    assert any(line.startswith("terminal ") for line in lines)
    assert lines[-1].split() == ["default", "edit", "in", "place,", "paste,", "type", "all", "others"]


def test_list_for_scripts_has_all_of_each_profile() -> None:
    found = {row["profile"]: row for row in rows("apps", "list")}
    assert found["terminal"]["terminal"] is True
    assert found["terminal"]["origin"] == "built-in"
    assert found["terminal"]["mechanisms"] == ["paste", "type"]


def test_show_prints_a_profile_as_it_would_stand_in_the_file() -> None:
    table = tomllib.loads(ok("apps", "show", "terminal"))["terminal"]
    assert table["chord"] == "<shift>+<insert>"
    assert "kitty" in table["apps"]


def test_a_profile_that_there_is_not_is_refused_with_the_names_of_those_there_are() -> None:
    assert "chat" in refused("apps", "show", "nothing", code=2)


def test_a_mistake_in_the_file_is_told_by_every_verb() -> None:
    write_apps('[mine]\nap = ["x"]\n')
    for verb in (("list",), ("show", "terminal"), ("check",)):
        assert "unknown key 'ap'" in refused("apps", *verb, code=2)


def test_without_a_desktop_check_says_so_once() -> None:
    result = run("apps", "check")
    assert result.exit_code == 0
    assert "Nothing has the focus" in result.stdout
    assert result.stderr.count("There is no desktop here") == 1


def test_check_says_what_has_the_focus_and_how_it_would_be_written_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen(monkeypatch, focus(), MISSING)
    result = run("apps", "check")
    words = " ".join(result.stdout.split())
    assert "field mousepad: text, gtk3, several lines, can be read, can be changed in place" in words
    assert "profile Profile editor: the program is called mousepad." in words
    assert "way edit in place, then paste, then type (pastes with <shift>+<insert>)" in words
    assert "keyboard: XTEST is missing." in result.stderr
    assert "Start the X server with it." in result.stderr


def test_check_says_that_a_password_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seen(monkeypatch, focus(role="password text", secret=True))
    words = " ".join(ok("apps", "check").split())
    assert "way nothing is written there" in words
    assert "password" in words


def test_check_for_scripts_tells_no_title_because_it_may_hold_anything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen(monkeypatch, focus(app="xterm", role="terminal"))
    (found,) = rows("apps", "check")
    assert found["profile"] == "terminal-widget"
    assert found["mechanisms"] == ["paste", "type"]
    assert found["element"]["role"] == "terminal"
    assert "Untitled" not in str(found)


def test_check_tells_a_file_without_profiles_from_one_that_is_not_there() -> None:
    assert "not there" in run("apps", "check").stderr
    write_apps("# nothing yet\n")
    assert "apps.toml: 0 profiles." in run("apps", "check").stderr
