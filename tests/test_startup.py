"""How little is loaded before a verb does something: start-up is what is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.startup import verbs
from voice_edit.cli import main
from voice_edit.cli.app import app, program
from voice_edit.paths import Paths

ROOT = Path(__file__).parent.parent

HEAVY = {
    "asyncio", "dbus_fast", "evdev", "gguf", "jellyfish", "jinja2", "llama_cpp", "matplotlib", "numpy",
    "onnxruntime", "platformdirs", "pydantic", "pynput", "pyperclip", "rapidfuzz", "regex", "rich",
    "sounddevice", "soundfile", "soxr", "sqlite3", "textual", "tomlkit", "torch", "webrtcvad", "Xlib", "yaml",
}  # fmt: skip


def loaded(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has after `code`, whatever that prints or exits with."""
    script = (
        "import sys\n"
        f"try:\n exec({code!r})\nexcept SystemExit: pass\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT, env=os.environ
    )
    return set(done.stderr.splitlines()[-1].split())


def test_the_help_of_no_verb_loads_anything_heavy() -> None:
    assert len(verbs()) > 30, "all verbs are known"
    code = (
        "import contextlib, io\n"
        "from voice_edit.cli.app import program\n"
        f"for verb in {[*verbs(), ()]!r}:\n"
        " with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):\n"
        "  program([*verb, '--help'])([*verb, '--help'], prog_name='voice-edit')\n"
        " assert out.getvalue().startswith(' '.join(['Usage: voice-edit', *verb])), (verb, out.getvalue())\n"
    )
    assert not loaded(code) & HEAVY


@pytest.mark.parametrize("option", ["--help", "-h", "--version"])
def test_neither_does_the_program_itself(option: str) -> None:
    assert not loaded(f"from voice_edit.cli.app import app; app([{option!r}])") & HEAVY


LINES = [(), ("--help",), ("--version",), ("stauts",), ("--loud",), *((*verb, "--help") for verb in verbs())]


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_what_is_left_out_for_speed_is_not_missed(line: tuple[str, ...]) -> None:
    short, whole = (CliRunner().invoke(given, line, prog_name="voice-edit") for given in (program(line), app))
    assert (short.output, short.exit_code) == (whole.output, whole.exit_code)


def test_completion_in_a_shell_knows_every_verb(monkeypatch: pytest.MonkeyPatch) -> None:
    assert program(["--help"]) is not app
    monkeypatch.setenv("_VOICE_EDIT_COMPLETE", "complete_bash")
    assert program([]) is app


def test_a_request_to_the_daemon_loads_nothing_heavy_even_if_the_daemon_does_not_run() -> None:
    # What a desktop runs when a key goes down. Without a daemon there is an error to print, in colours.
    code = "import sys; sys.argv = ['voice-edit', 'status']; from voice_edit.cli import main; main()"
    assert not Paths.from_environment().socket.exists()
    assert not loaded(code) & (HEAVY - {"rich", "asyncio", "platformdirs"})


def test_reading_the_history_loads_neither_the_editor_nor_any_sound() -> None:
    code = "import sys; sys.argv = ['voice-edit', 'log', '--json']; from voice_edit.cli import main; main()"
    assert not loaded(code) & {
        "numpy",
        "llama_cpp",
        "soundfile",
        "rapidfuzz",
        "jellyfish",
        "textual",
        "regex",
    }


def test_no_plugin_of_pydantic_is_looked_for_by_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYDANTIC_DISABLE_PLUGINS", "")  # so that it is put back afterwards
    monkeypatch.delenv("PYDANTIC_DISABLE_PLUGINS")
    monkeypatch.setattr("sys.argv", ["voice-edit", "--version"])
    with pytest.raises(SystemExit):
        main()
    assert os.environ["PYDANTIC_DISABLE_PLUGINS"] == "1"


def test_numpy_starts_no_thread_that_would_spin_beside_the_model() -> None:
    code = (
        "import sys\n"
        "import engine.projection\n"
        "from pathlib import Path\n"
        "assert sys.platform != 'linux' or len(list(Path('/proc/self/task').iterdir())) == 1\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=environment)
