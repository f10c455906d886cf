"""Chords by ydotool, which presses keys below the desktop: for compositors that offer nothing better.

It needs access to /dev/uinput, and knows places on the keyboard, not characters: text would come out as if
the keyboard were American. So it presses chords of named keys (Shift+Insert), and nothing else.

Versions before 1.0 (Debian 12, Ubuntu) are told keys by name, later ones by number; neither complains about
the other's words, and the old one types their first letters, so the version is found out first. Tested
against stand-ins for both: pressing takes /dev/uinput.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

from hotkeys.chord import Chord, parse
from hotkeys.errors import ChordInvalid
from hotkeys.keys import KEYS, MODIFIERS, kind_of
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.errors import TargetTimeout

Syntax: TypeAlias = Literal["names", "numbers"]
CALL_S: Final = 2.0
"""Version 0.1 sets up a device for each call, and waits for the desktop to take notice."""
REMEDY: Final = (
    "Install ydotool 1.0 or later, start its daemon (systemctl --user enable --now ydotool), and give "
    "yourself access to /dev/uinput: docs/fields.md."
)
# The old version takes any other name for a letter, its first one.
_NAMES: Final = {
    "INSERT", "DELETE", "HOME", "END", "PAGEUP", "PAGEDOWN", "UP", "DOWN", "LEFT", "RIGHT", "ENTER", "TAB",
    "ESC", "BACKSPACE", *(f"F{number}" for number in range(1, 13)),
}  # fmt: skip


class YdotoolKeyboard:
    """Raises FieldUnsupported where it does not work, TargetTimeout when it hangs."""

    name = "ydotool"

    def __init__(self, environ: Mapping[str, str]) -> None:
        program = shutil.which("ydotool", path=environ.get("PATH"))
        if program is None:
            raise FieldUnsupported("ydotool is not installed.", hint=REMEDY)
        self._program = program
        self._environ = dict(environ)
        syntax = syntax_of(self._run("--help").stdout)
        if syntax is None:
            raise FieldUnsupported("ydotool is there, and is of no version that we know.", hint=REMEDY)
        self._syntax: Syntax = syntax
        # Neither presses anything (there is no key 0), and both tell if uinput or the daemon is missing.
        probe = ("0:0",) if syntax == "numbers" else ("--help",)
        if why := problem_in(self._run("key", *probe)):
            raise FieldUnsupported(f"ydotool cannot press keys: {why}.", hint=REMEDY)

    def wait_until_released(self, timeout_s: float) -> bool:
        """True: nobody can tell."""
        return True

    def press(self, chord: str) -> None:
        """Press and release a chord of named keys."""
        try:
            parsed = parse(chord)
        except ChordInvalid as error:
            raise FieldUnsupported(str(error), hint=error.hint) from error
        words = key_words(parsed, self._syntax)
        if words is None:
            raise FieldUnsupported(
                f"ydotool cannot press {chord}: where {parsed.key} is depends on the layout.",
                hint="Set the chord of the program's profile to <shift>+<insert>: voice-edit apps show.",
            )
        if why := problem_in(self._run("key", *words)):
            raise FieldUnsupported(f"ydotool could not press {chord}: {why}.", hint=REMEDY)

    def untypable(self, text: str) -> str:
        """All of it: which character a place gives, only the layout knows."""
        return "".join(dict.fromkeys(text))

    def type(self, text: str) -> None:
        """Raises FieldUnsupported."""
        if text:
            raise FieldUnsupported("ydotool does not know the layout of the keyboard, and types nothing.")

    def close(self) -> None:
        """Nothing stays behind."""

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [self._program, *words],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=CALL_S,
                check=False,  # it ends with 0 whatever happens
            )
        except subprocess.TimeoutExpired as error:
            raise TargetTimeout("ydotool does not answer.") from error
        except OSError as error:
            raise FieldUnsupported(f"ydotool does not run: {error.strerror}.", hint=REMEDY) from error


def syntax_of(help_text: str) -> Syntax | None:
    """Which words a version takes, by its list of commands. Pure."""
    if not re.search(r"^\s*key\s*$", help_text, re.MULTILINE):
        return None
    return "names" if re.search(r"^\s*recorder\s*$", help_text, re.MULTILINE) else "numbers"


def key_words(chord: Chord, syntax: Syntax) -> Sequence[str] | None:
    """What `ydotool key` is told; None for a key whose place depends on the layout, or that it does not know.
    Pure.
    """
    if len(chord.key) == 1 or chord.key not in KEYS:
        return None
    modifiers = sorted(chord.modifiers, key=lambda name: MODIFIERS.index(kind_of(name) or ""))
    if syntax == "names":
        name = chord.key.replace("_", "").upper()
        return (
            ["+".join([*(str(kind_of(one)).upper() for one in modifiers), name])] if name in _NAMES else None
        )
    codes = [KEYS[name if name in KEYS else f"left_{name}"].evdev for name in modifiers]
    codes.append(KEYS[chord.key].evdev)
    return [*(f"{code}:1" for code in codes), *(f"{code}:0" for code in reversed(codes))]


def problem_in(done: subprocess.CompletedProcess[str]) -> str:
    """Why it did not work; "" if it says nothing of the kind. Its exit code says little: the old version
    counts its arguments there, and ends itself with a signal where it may not press keys. Pure.
    """
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
    bad = [line for line in lines if re.search(r"\bfail|cannot|denied|\berror", line, re.IGNORECASE)]
    if bad:
        return bad[0].removeprefix("what():").strip().rstrip(".")
    return f"it was ended by signal {-done.returncode}" if done.returncode < 0 else ""
