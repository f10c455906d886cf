"""The lines that keep the project readable: who may import whom, and what must not be loaded until it is
used.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("engine", "hotkeys", "voice_edit")
HEAVY = {
    "llama_cpp", "numpy", "soundfile", "soxr", "sounddevice", "webrtcvad", "pynput", "pyperclip", "textual",
    "jinja2", "torch", "rapidfuzz", "jellyfish", "dbus_fast", "Xlib", "evdev", "onnxruntime", "tomlkit",
    "starlette", "uvicorn",
    "huggingface_hub", "httpx2", "PIL",
    "wyoming",
}  # fmt: skip
MAX_LINES = 500


def modules() -> list[Path]:
    """Every Python file of the program; training is no part of it."""
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return [path for path in files if "training" not in path.relative_to(ROOT).parts]


def imported(path: Path) -> set[str]:
    """The names of all modules that a file imports, anywhere in it, e.g. {"voice_edit.errors", "numpy"}."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative imports hide where a name comes from"
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def importers(module: str) -> set[str]:
    """The files that import `module` or something in it, relative to the root."""
    return {
        str(path.relative_to(ROOT))
        for path in modules()
        if any(name == module or name.startswith(module + ".") for name in imported(path))
    }


@pytest.mark.parametrize("package", ["engine", "hotkeys"])
def test_a_lower_package_knows_no_other_one(package: str) -> None:
    for other in set(PACKAGES) - {package}:
        assert not [name for name in importers(other) if name.startswith(f"{package}/")]


def test_llama_cpp_is_imported_in_the_shells_around_it_only() -> None:
    shells = {
        "engine/llama.py", "engine/_llama_devices.py", "engine/_llama_mtp.py", "engine/_llama_grammar.py",
        "engine/_llama_params.py", "engine/_mtmd.py",
    }  # fmt: skip
    assert importers("llama_cpp") == shells


def test_only_one_file_talks_to_the_hub() -> None:
    assert importers("huggingface_hub") == {"engine/_hub.py"}
    assert importers("engine._hub") == {"voice_edit/cli/model_pull.py"}, "and only `model pull` asks it to"


def test_only_one_file_may_import_sounddevice() -> None:
    assert importers("sounddevice") <= {"engine/_portaudio.py"}


def test_requests_leave_by_two_doors_only() -> None:
    assert importers("httpx2") <= {"engine/_hub.py", "engine/server_http.py"}


def test_images_are_decoded_in_one_file() -> None:
    assert importers("PIL") == {"voice_edit/screen/shrinking.py"}


def test_libraries_of_keys_stay_in_the_backend_that_needs_them() -> None:
    assert {name for name in importers("Xlib") if name.startswith("hotkeys/")} <= {
        "hotkeys/_x11.py", "hotkeys/_x11keys.py", "hotkeys/_xkb.py"
    }  # fmt: skip
    assert importers("pynput") <= {"hotkeys/_pynput.py"}
    assert importers("evdev") <= {"hotkeys/_evdev.py"}
    assert {name for name in importers("dbus_fast") if name.startswith("hotkeys/")} <= {"hotkeys/_portal.py"}


def test_only_one_file_imports_the_wyoming_package() -> None:
    assert importers("wyoming") == {"voice_edit/wyoming/_protocol.py"}


def test_the_program_never_imports_its_training() -> None:
    assert importers("engine.training") == set()


def test_decisions_import_no_device_no_model_and_no_clock() -> None:
    pure = ["engine/endpointing.py", "engine/frames.py", "engine/wire.py", "engine/utterance.py",
            "engine/watchdog.py", "engine/server_address.py", "engine/server_dialects.py",
            "voice_edit/document.py", "voice_edit/spoken/grammar.py",
            "voice_edit/commands.py", "voice_edit/cli/diffs.py", "hotkeys/chord.py", "hotkeys/gesture.py",
            "hotkeys/pressed.py", "hotkeys/bindings.py", "hotkeys/keys.py",
            "voice_edit/apps/profiles.py", "voice_edit/apps/showing.py", "voice_edit/desktop/session.py",
            "voice_edit/desktop/ax_mapping.py"]  # fmt: skip
    forbidden = {
        "time",
        "datetime",
        "random",
        "os",
        "subprocess",
        "threading",
        "llama_cpp",
        "sounddevice",
        "sqlite3",
    }
    for name in pure:
        assert not imported(ROOT / name) & forbidden, name


def test_no_file_is_longer_than_a_person_reads_in_one_sitting() -> None:
    long = {
        str(p.relative_to(ROOT)): n
        for p in modules()
        if (n := len(p.read_text("utf-8").splitlines())) > MAX_LINES
    }
    assert long == {}


def loaded_by(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after running `code`."""
    show = "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    script = f"import sys\n{code}\n{show}"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_loads_nothing_heavy(package: str) -> None:
    assert not loaded_by(f"import {package}") & (HEAVY | {"pydantic", "rich", "typer"})


def test_help_loads_nothing_heavy() -> None:
    help_ = "from voice_edit.cli.app import app\ntry: app(['--help'])\nexcept SystemExit: pass"
    assert not loaded_by(help_) & (HEAVY | {"pydantic", "rich", "sqlite3"})


def test_spoken_commands_load_neither_sound_nor_model() -> None:
    code = "import voice_edit.spoken.grammar, voice_edit.document"
    assert not loaded_by(code) & {"llama_cpp", "soundfile", "soxr", "sounddevice", "webrtcvad"}


def test_the_client_of_an_engine_process_loads_no_model() -> None:
    code = "import engine.client"
    assert not loaded_by(code) & {"llama_cpp", "jinja2", "soundfile", "soxr", "webrtcvad"}
