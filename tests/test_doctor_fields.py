"""The doctor's look at the fields of other programs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from running import rows
from virtual_desktop import VirtualDesktop, virtual_desktop

from voice_edit.apps.looking import Looked
from voice_edit.apps.profiles import AppProfile
from voice_edit.config import Settings
from voice_edit.desktop.base import Element, Means, Window
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.doctor import fields, program
from voice_edit.doctor.checks import Context
from voice_edit.paths import Paths
from voice_edit.targets.field_choice import Hands, judge

SECRET = "a sentence that stands in the field"


def context(environ: Mapping[str, str] | None = None, settings: dict[str, Any] | None = None) -> Context:
    variables = dict(os.environ) if environ is None else environ
    return Context(Settings.model_validate(settings or {}), Paths.from_environment(), variables, 0.5)


def means(**works: bool) -> list[Means]:
    return [
        Means(part, f"the {part}", on, "" if on else f"No {part} here", "" if on else f"Get a {part}.")  # type: ignore[arg-type]
        for part, on in works.items()
    ]


def test_everything_works_is_one_line_without_a_remedy() -> None:
    found = fields.of_means(
        means(accessibility=True, windows=True, clipboard=True, keyboard=True), session="x11"
    )
    assert (found.state, found.remedy) == ("ok", "")


def test_what_is_missing_is_told_with_what_is_lost_and_what_to_do() -> None:
    found = fields.of_means(
        means(accessibility=False, windows=True, clipboard=True, keyboard=False), session="x11"
    )
    assert found.state == "warning"
    assert "accessibility: no text can be edited or read back, only pasted — No accessibility here" in (
        found.message
    )
    assert found.remedy.splitlines() == ["Get a accessibility.", "Get a keyboard."]


def test_a_way_that_fails_beside_one_that_works_is_no_loss() -> None:
    found = fields.of_means(
        [*means(accessibility=True, windows=True, clipboard=True, keyboard=True), *means(keyboard=False)],
        session="wayland",
    )
    assert found.state == "ok"


def test_one_reason_for_several_parts_is_told_once() -> None:
    same = [Means(part, "x11", False, "The display is gone.", "Log in.") for part in ("windows", "keyboard")]  # type: ignore[arg-type]
    found = fields.of_means(same, session="x11")
    assert found.message.count("The display is gone") == 1
    assert found.remedy == "Log in."


def test_several_ways_to_one_part_are_told_once_with_each_reason() -> None:
    tried = [
        Means("keyboard", "virtual-keyboard", False, "No protocol.", FieldUnsupported.hint),
        Means("keyboard", "ydotool", False, "ydotool is not installed.", "Install it."),
    ]
    found = fields.of_means([*means(accessibility=True, windows=True, clipboard=True), *tried], session="x")
    assert found.message.endswith(
        "keyboard: nothing is pasted by itself — No protocol, ydotool is not installed"
    )
    assert found.remedy == "Install it.", "that nothing was written is no remedy"


def test_a_clipboard_that_can_only_be_filled_is_a_loss() -> None:
    put_only = Means("clipboard", "pyperclip", True, "Words can be left there.")
    found = fields.of_means(
        [*means(accessibility=True, windows=True, keyboard=True, clipboard=False), put_only], session="x"
    )
    assert "clipboard: what it held is lost" in found.message


def looked(**more: Any) -> Looked:
    told = {"secret": False, "editable": True, "multi_line": True, "readable": True, "writable": True, **more}
    element = Element(":1.1/a", "mousepad", "gtk3", "text", 7, **told)
    focus = judge(
        Window("x11:0x1", "mousepad", SECRET), element, AppProfile("editor", why="Profile editor: so."),
        Hands(paste=True, type=True),
    )  # fmt: skip
    return Looked("x11", focus, ())


def test_the_focus_is_told_with_the_mechanism_and_why() -> None:
    found = fields.of_focus(looked())
    assert found.message.startswith("text of mousepad: edit in place. ")
    assert "Profile editor: so." in found.message
    assert "apps check --after" in found.remedy


def test_a_password_with_the_focus_is_nothing_wrong_and_nothing_is_written_there() -> None:
    found = fields.of_focus(looked(secret=True))
    assert found.state == "ok"
    assert "nothing would be written there" in found.message


def test_no_focus_is_nothing_wrong() -> None:
    assert fields.of_focus(Looked("x11", None, ())).state == "ok"


def test_no_title_is_told_because_it_may_hold_anything() -> None:
    found = fields.of_focus(looked())
    assert SECRET not in found.message + str(found.details)


@pytest.mark.parametrize("setting", [{"enabled": False}, {"mechanism": "clipboard"}])
def test_fields_that_are_switched_off_are_not_looked_at(setting: dict[str, Any]) -> None:
    off = context({"DISPLAY": ":4711"}, {"field": setting})
    assert fields.fields(off).state == fields.focus(off).state == "skipped"


def test_without_a_desktop_there_are_no_fields() -> None:
    nowhere = context({"PATH": os.environ["PATH"]})
    assert fields.fields(nowhere).state == fields.focus(nowhere).state == "skipped"


def test_the_profiles_of_the_user_are_counted_and_their_mistakes_told() -> None:
    here = context()
    assert program.apps(here).state == "ok"
    here.paths.config_folder.mkdir(parents=True)
    here.paths.apps_file.write_text('[mine]\napps = ["x"]\n', encoding="utf-8")
    assert program.apps(here).message.startswith("mine of ")
    here.paths.apps_file.write_text("[mine]\n", encoding="utf-8")
    wrong = program.apps(here)
    assert (wrong.state, bool(wrong.remedy)) == ("failed", True)


# --- with a real desktop ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def desk() -> Iterator[VirtualDesktop]:
    with virtual_desktop() as desk:
        yield desk


def doctor(desk: VirtualDesktop, home: str) -> dict[str, dict[str, Any]]:
    with desk.entered():
        os.environ["VOICE_EDIT_HOME"] = home
        only = [word for name in ("apps", "fields", "focus") for word in ("--only", name)]
        return {row["check"]: row for row in rows("doctor", *only)}


def test_the_doctor_names_the_field_of_a_real_program_and_tells_nothing_of_its_text(
    desk: VirtualDesktop, voice_edit_home: Any
) -> None:
    app = desk.start("gtk3")
    app.set(SECRET, caret=3)
    found = doctor(desk, str(voice_edit_home))
    assert found["fields"]["state"] == "ok"
    assert found["focus"]["message"].startswith("Text of gtk3-target: edit in place.")
    assert found["focus"]["details"]["mechanisms"][0] == "accessibility"
    assert SECRET not in str(found)
    app.focus("password")
    hidden = doctor(desk, str(voice_edit_home))["focus"]
    assert hidden["details"]["kind"] == "secret"
    assert hidden["details"]["mechanisms"] == []
    assert app.text() == SECRET
    app.close()


def test_the_doctor_names_a_terminal_by_its_window(desk: VirtualDesktop, voice_edit_home: Any) -> None:
    terminal = desk.start("xterm")
    focus = doctor(desk, str(voice_edit_home))["focus"]
    assert focus["message"].startswith("The window of xterm: paste.")
    assert focus["details"]["profile"] == "terminal-x11"
    terminal.close()
