"""Profiles: which one fits a program, and what the user's apps.toml may say."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotkeys.chord import parse
from voice_edit.apps import showing
from voice_edit.apps.profiles import AppProfile, Profiles, app_names, load_profiles
from voice_edit.apps.reading import read_profiles
from voice_edit.desktop.base import Element, SessionKind, Window
from voice_edit.errors import UsageError
from voice_edit.paths import Paths


def window(app: str, title: str = "A title") -> Window:
    return Window("x11:0x1", app, title)


def element(app: str = "", *, role: str = "text", toolkit: str = "gtk3") -> Element:
    return Element(
        ref=":1.2/x", app=app, toolkit=toolkit, role=role, pid=1, secret=False, editable=True,
        multi_line=True, readable=True, writable=True,
    )  # fmt: skip


def profiles(text: str = "", *, session: SessionKind = "x11") -> Profiles:
    return read_profiles(tomllib.loads(text), "apps.toml", session=session)


def chosen(app: str, text: str = "", *, title: str = "A title", session: SessionKind = "x11") -> AppProfile:
    return profiles(text, session=session).choose(window(app, title), None)


def refused(text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        profiles(text)
    assert str(caught.value).startswith("apps.toml: ")
    assert caught.value.hint
    return caught.value


# --- what comes with the program --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("app", "name"),
    [
        ("xterm", "terminal-x11"), ("org.gnome.Console", "terminal"), ("Alacritty", "terminal"),
        ("foot", "terminal"), ("com.mitchellh.ghostty", "terminal"), ("firefox-esr", "firefox"),
        ("chromium-browser", "browser"), ("Google-chrome", "browser"), ("Slack", "chat"),
        ("org.telegram.desktop", "chat"), ("thunderbird", "thunderbird"), ("evolution", "mail"),
        ("libreoffice-writer", "office"), ("code", "ide"), ("jetbrains-pycharm-ce", "ide"),
        ("mousepad", "editor"), ("org.gnome.TextEditor", "editor"), ("Emacs", "emacs"), ("Gvim", "vim"),
        ("rofi", "launcher"), ("org.remmina.Remmina", "remote"), ("my-own-program", "default"),
    ],
)  # fmt: skip
def test_well_known_programs_have_a_profile(app: str, name: str) -> None:
    assert chosen(app).name == name


def test_a_terminal_is_known_by_its_field_in_whatever_program_it_is() -> None:
    found = profiles().choose(window("my-own-program"), element("my-own-program", role="terminal"))
    assert found.terminal
    assert found.newlines == "space"
    assert "the field is a terminal" in found.why


def test_no_terminal_keeps_line_ends_or_is_edited_in_place() -> None:
    for row in profiles().rows:
        if row.profile.terminal:
            assert row.profile.newlines != "keep"
            assert "accessibility" not in row.profile.mechanisms


def test_nothing_is_typed_into_a_chat_because_a_line_end_would_send_half_of_it() -> None:
    assert "type" not in chosen("slack").mechanisms


def test_gecko_is_never_edited_in_place_because_it_says_yes_and_does_nothing() -> None:
    for app in ("firefox", "thunderbird"):
        assert "accessibility" not in chosen(app).mechanisms
    unknown = profiles().choose(window("some-fork"), element("some-fork", toolkit="gecko"))
    assert "accessibility" not in unknown.mechanisms


def test_a_program_is_known_by_what_accessibility_calls_it_when_no_window_is_known() -> None:
    assert profiles().choose(None, element("Mousepad")).name == "editor"


def test_where_nobody_tells_anything_there_is_the_default_and_it_says_so() -> None:
    found = profiles().choose(None, None)
    assert (found.name, found.mechanisms) == ("default", ("accessibility", "paste", "type"))
    assert "nobody says which program" in found.why


def test_each_choice_says_why_in_a_sentence() -> None:
    assert chosen("xterm").why == "Profile terminal-x11: the program is called xterm."
    assert chosen("nobody-knows").why == "Profile default: there is no profile for nobody-knows."


@pytest.mark.parametrize("session", ["x11", "wayland", "macos", "windows", "none"])
def test_every_profile_pastes_with_a_chord_that_there_is(session: SessionKind) -> None:
    for row in profiles(session=session).rows:
        assert parse(row.profile.chord).modifiers


def test_terminals_paste_the_clipboard_on_wayland_where_the_primary_selection_may_not_be_ours() -> None:
    assert chosen("org.gnome.ptyxis", session="wayland").chord == "<ctrl>+<shift>+v"
    assert chosen("org.gnome.ptyxis").chord == chosen("xterm", session="wayland").chord == "<shift>+<insert>"


def test_macos_pastes_with_its_own_key() -> None:
    assert {row.profile.chord for row in profiles(session="macos").rows} == {"<super>+v"}


def test_every_built_in_profile_but_the_default_is_for_something() -> None:
    for row in profiles().rows[:-1]:
        assert not row.match.is_empty, row.profile.name


def test_no_name_of_a_program_stands_in_two_profiles() -> None:
    seen: dict[str, str] = {}
    for row in profiles().rows:
        for app in row.match.apps:
            assert app not in seen, f"{app}: {seen.get(app)} and {row.profile.name}"
            seen[app] = row.profile.name


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=10), st.text(max_size=10))
def test_any_window_and_any_field_find_a_profile_that_says_why(
    app: str, title: str, role: str, toolkit: str
) -> None:
    found = profiles().choose(window(app, title), element(app, role=role, toolkit=toolkit))
    assert found.why.startswith(f"Profile {found.name}")


def test_a_window_that_is_called_after_a_whole_page_is_told_by_its_beginning() -> None:
    found = profiles().choose(window("data:text_html," + "x" * 5000), None)
    assert len(found.why) < 120
    assert profiles().choose(window("data:" + "x" * 5000), element("Chromium")).name == "browser"


def test_an_app_id_is_known_by_its_last_part_too() -> None:
    names = app_names(window("org.gnome.Console"), element("kgx"))
    assert names == ["org.gnome.console", "console", "kgx"]
    assert app_names(window("report.txt"), None) == ["report.txt"]


# --- the user's own ---------------------------------------------------------------------------------------


def test_a_profile_of_the_user_comes_before_the_built_in_ones() -> None:
    found = chosen("xterm", '[mine]\napps = ["XTerm"]\nmechanisms = ["type"]')
    assert (found.name, found.mechanisms) == ("mine", ("type",))
    assert found.why == "Profile mine of apps.toml: the program is called xterm."


def test_a_built_in_profile_is_changed_only_where_the_user_says_so() -> None:
    found = chosen("kitty", '[terminal]\nchord = "<ctrl>+<shift>+v"')
    assert found.chord == "<ctrl>+<shift>+v"
    assert found.terminal
    assert found.newlines == "space"


def test_the_users_default_holds_wherever_no_profile_says_otherwise() -> None:
    text = '[default]\ntrailing_space = "never"\nvocabulary = ["Grünewald"]'
    assert chosen("mousepad", text).trailing_space == "never"
    assert chosen("mousepad", text).vocabulary == ("Grünewald",)
    assert chosen("xterm", text).trailing_space == "always"


def test_like_takes_over_everything_but_what_the_other_is_for() -> None:
    found = chosen("my-shell", '[mine]\nlike = "terminal"\napps = ["my-shell"]\ncapitals = "auto"')
    assert found.terminal
    assert found.final_mark == "drop"
    assert found.capitals == "auto"
    assert chosen("kitty", '[mine]\nlike = "terminal"\napps = ["my-shell"]').name == "terminal"


def test_like_goes_on_from_one_to_the_next() -> None:
    text = '[a]\nlike = "terminal"\nprompt = "A."\n[b]\nlike = "a"\napps = ["b"]'
    assert chosen("b", text).prompt == "A."
    assert chosen("b", text).terminal


def test_all_kinds_of_pattern_that_are_given_must_fit() -> None:
    text = '[mine]\napps = ["firefox*"]\ntitles = ["*— Mail*"]\nprompt = "A letter."'
    found = chosen("firefox", text, title="Inbox — Mail — Mozilla Firefox")
    assert found.name == "mine"
    assert "Inbox" not in found.why
    assert chosen("firefox", text, title="News").name == "firefox"
    assert chosen("chromium", text, title="Inbox — Mail").name == "browser"


def test_the_first_of_the_users_profiles_that_fits_is_taken() -> None:
    text = '[one]\napps = ["x*"]\n[two]\napps = ["xterm"]'
    assert chosen("xterm", text).name == "one"


def test_a_paste_key_for_wayland_counts_only_there_and_a_plain_one_everywhere() -> None:
    text = '[mine]\napps = ["mine"]\nchord_wayland = "<ctrl>+v"'
    assert chosen("mine", text, session="wayland").chord == "<ctrl>+v"
    assert chosen("mine", text, session="x11").chord == "<shift>+<insert>"
    plain = '[mine]\napps = ["mine"]\nchord = "<ctrl>+y"'
    assert {chosen("mine", plain, session=s).chord for s in ("x11", "wayland", "macos")} == {"<ctrl>+y"}


def test_no_mechanism_at_all_leaves_the_words_to_the_clipboard() -> None:
    assert chosen("keepassxc", '[secrets]\napps = ["keepassxc"]\nmechanisms = []').mechanisms == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('apps = ["x"]', "'apps' is outside a profile"),
        ('[a]\napps = ["x"]\nkord = "<ctrl>+v"', "[a] has the unknown key 'kord'"),
        ('[a]\napps = ["x"]\nmechanisms = ["magic"]', "[a] mechanisms.0"),
        ('[a]\napps = ["x"]\nmechanisms = ["type", "type"]', "names one twice"),
        ('[a]\napps = ["x"]\nchord = "<ctrl>+nokey"', "[a] chord: "),
        ('[a]\napps = ["x"]\nchord_macos = ""', "[a] chord_macos: "),
        ('[a]\napps = "x"', "[a] apps"),
        ('[a]\napps = [""]', "[a] apps.0"),
        ('[a]\napps = ["x"]\nterminal = "yes"', "[a] terminal"),
        ('[a]\napps = ["x"]\nnewlines = "no"', "[a] newlines"),
        ("[a]\nprompt = 'x'", "[a] does not say which programs it is for"),
        ('[a]\napps = ["x"]\nlike = "b"', "[a] is like 'b', which there is not"),
        ('[a]\napps = ["x"]\nlike = "b"\n[b]\nlike = "a"', "is like itself"),
        ('[default]\napps = ["x"]', "[default] is for all other programs"),
        ('[default]\nlike = "terminal"', "[default] is for all other programs"),
        (f'[a]\napps = ["x"]\nprompt = "{"long " * 100}"', "[a] prompt"),
    ],
)
def test_what_is_wrong_is_told_with_the_profile_and_the_key(text: str, said: str) -> None:
    assert said in str(refused(text))


def test_the_file_is_read_from_the_configuration_folder_and_need_not_be_there(voice_edit_home: Path) -> None:
    paths = Paths.from_environment()
    assert load_profiles(paths).choose(window("mine"), None).name == "default"
    paths.config_folder.mkdir(parents=True)
    paths.apps_file.write_text('[own]\napps = ["mine"]\n', encoding="utf-8")
    assert load_profiles(paths).choose(window("mine"), None).name == "own"


@pytest.mark.parametrize("content", [b"[mine\n", b"\xff\xfe[", b"[a]\nx = 1\nx = 2\n"])
def test_a_file_that_is_no_toml_is_told_with_its_path(content: bytes, voice_edit_home: Path) -> None:
    paths = Paths.from_environment()
    paths.config_folder.mkdir(parents=True)
    paths.apps_file.write_bytes(content)
    with pytest.raises(UsageError, match=r"apps\.toml is not (valid TOML|written in UTF-8)"):
        load_profiles(paths)


def test_every_key_of_the_file_is_described() -> None:
    text = (Path(__file__).parent.parent / "docs" / "fields.md").read_text(encoding="utf-8")
    for key in showing.to_json(profiles().named("default")):
        if key not in ("profile", "origin"):
            assert f"`{key}`" in text, key
    for key in ("like", "chord_wayland", "chord_macos"):
        assert f"`{key}`" in text, key


def test_the_example_of_the_documentation_is_a_file_that_can_be_read() -> None:
    text = (Path(__file__).parent.parent / "docs" / "fields.md").read_text(encoding="utf-8")
    example = text.partition("```toml\n")[2].partition("```")[0]
    assert chosen("org.example.shell", example).terminal
    assert chosen("libreoffice-writer", example, title="A letter to Ada").vocabulary[0] == "Grünewald"
    assert chosen("foot", example).newlines == "keep"


# --- as it is shown ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("session", ["x11", "macos"])
def test_what_show_prints_is_the_same_profile_when_it_is_read_again(session: SessionKind) -> None:
    before = profiles(session=session)
    for row in before.rows:
        text = showing.to_toml(row)
        again = profiles(text, session=session).named(row.profile.name)
        assert (again.profile, again.match) == (row.profile, row.match)


@given(st.dictionaries(st.sampled_from(["prompt", "chord"]), st.text(max_size=20), max_size=1))
def test_any_text_survives_being_shown_as_toml(values: dict[str, Any]) -> None:
    prompt = values.get("prompt", "")
    row = read_profiles({"mine": {"apps": ["x"], "prompt": prompt}}, "apps.toml").named("mine")
    assert tomllib.loads(showing.to_toml(row))["mine"]["prompt"] == prompt


def test_a_list_of_many_programs_is_shown_by_its_first_ones() -> None:
    terminal = profiles().named("terminal")
    assert showing.meant(terminal).startswith("terminology, gnome-terminal*, org.gnome.terminal and ")
    assert showing.meant(profiles().named("default")) == "all others"
    assert showing.meant(profiles().named("gecko")) == "toolkit gecko"
    assert showing.ways(profiles('[a]\napps = ["x"]\nmechanisms = []').named("a").profile) == "clipboard only"
