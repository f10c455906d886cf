"""Chords by ydotool: its two languages told apart, against stand-ins that print what the real ones print."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hotkeys.chord import parse
from voice_edit.desktop._wayland import open_wayland
from voice_edit.desktop._ydotool import YdotoolKeyboard, key_words, problem_in
from voice_edit.desktop.errors import FieldUnsupported

OLD_HELP = (
    "Usage: ydotool <cmd> <args>\nAvailable commands:\n  type\n  recorder\n  mousemove\n  key\n  click\n"
)
NEW_HELP = (
    "Usage: ydotool [OPTION] <cmd> <args>\nOptions:\n  -h, --help\nAvailable commands:\n  click\n"
    "  mousemove\n  type\n  key\n  debug\n  bakers\n  stdin\nUse environment variable YDOTOOL_SOCKET ...\n"
)
OLD_NOTICE = "ydotool: notice: ydotoold backend unavailable (may have latency+delay issues)"
OLD_ABORT = f"{OLD_NOTICE}\nterminate called after ...\n  what():  failed to open uinput device"
NO_DAEMON = "failed to connect socket `/run/user/1000/.ydotool_socket': No such file or directory"


def install(folder: Path, help_: str, says: str = "", end: str = "exit 0") -> dict[str, str]:
    """A program named ydotool that writes down what it is told; the environment that finds it."""
    program = folder / "ydotool"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = --help ] && {{ cat <<"END"\n{help_}END\nexit 0; }}\n'
        f'printf "%s\\n" "$*" >> {folder}/told\ncat >&2 <<"END"\n{says}\nEND\n{end}\n'
    )
    program.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


def told(folder: Path) -> list[str]:
    return (folder / "told").read_text().splitlines()


def test_a_later_version_is_told_numbers(tmp_path: Path) -> None:
    keyboard = YdotoolKeyboard(install(tmp_path, NEW_HELP))
    keyboard.press("<shift>+<insert>")
    assert told(tmp_path)[-1] == "key 42:1 110:1 110:0 42:0"


def test_the_old_version_is_told_names_and_its_usual_remark_is_no_failure(tmp_path: Path) -> None:
    keyboard = YdotoolKeyboard(install(tmp_path, OLD_HELP, OLD_NOTICE, "exit 3"))
    keyboard.press("<shift>+<insert>")
    assert told(tmp_path)[-1] == "key SHIFT+INSERT"


@pytest.mark.parametrize(
    ("help_", "says", "end", "why"),
    [
        (OLD_HELP, OLD_ABORT, "kill -ABRT $$", "failed to open uinput device"),
        (NEW_HELP, NO_DAEMON, "exit 2", "failed to connect socket"),
        ("something else entirely\n", "", "exit 0", "no version that we know"),
    ],
)
def test_a_ydotool_that_cannot_press_keys_says_why_and_what_helps(
    tmp_path: Path, help_: str, says: str, end: str, why: str
) -> None:
    with pytest.raises(FieldUnsupported, match=why) as caught:
        YdotoolKeyboard(install(tmp_path, help_, says, end))
    assert "Install ydotool 1.0" in caught.value.hint


def test_without_ydotool_the_remedy_is_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(FieldUnsupported, match="not installed"):
        YdotoolKeyboard({"PATH": str(tmp_path)})


def test_keys_whose_place_depends_on_the_layout_are_refused(tmp_path: Path) -> None:
    keyboard = YdotoolKeyboard(install(tmp_path, NEW_HELP))
    before = told(tmp_path)
    with pytest.raises(FieldUnsupported, match="depends on the layout"):
        keyboard.press("<ctrl>+v")
    with pytest.raises(FieldUnsupported, match="types nothing"):
        keyboard.type("hello")
    assert keyboard.untypable("hello") == "helo"
    assert told(tmp_path) == before


def test_the_old_version_is_told_no_name_that_it_would_take_for_a_letter() -> None:
    assert key_words(parse("<ctrl>+<page_up>"), "names") == ["CTRL+PAGEUP"]
    assert key_words(parse("<media_next>"), "names") is None
    assert key_words(parse("<right_ctrl>+<insert>"), "numbers") == ["97:1", "110:1", "110:0", "97:0"]


def test_the_end_by_a_signal_is_a_failure_whatever_was_said() -> None:
    assert problem_in(subprocess.CompletedProcess([], -6, "", "")) == "it was ended by signal 6"
    assert problem_in(subprocess.CompletedProcess([], 255, "", OLD_NOTICE)) == ""


def test_where_nothing_better_is_there_chords_come_from_ydotool(tmp_path: Path) -> None:
    parts = open_wayland(install(tmp_path, NEW_HELP))
    assert parts.keyboard is not None
    assert parts.keyboard.name == "ydotool"
    assert [one.name for one in parts.means if one.part == "keyboard"] == [
        "virtual-keyboard",
        "portal",
        "ydotool",
    ]
