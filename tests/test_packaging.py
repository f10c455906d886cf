"""What is in the wheel: the program and the demo's recordings, not the training."""

from __future__ import annotations

import tomllib
from pathlib import Path

from voice_edit import __version__

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_wheel_holds_three_packages_the_samples_and_no_training() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["engine", "hotkeys", "voice_edit"]
    assert wheel["exclude"] == ["engine/training"]
    assert wheel["force-include"] == {"samples": "voice_edit/samples"}


def test_the_packages_of_the_design_are_required() -> None:
    text = "\n".join(PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"])
    for name in (
        "sounddevice",
        "webrtcvad",
        "numpy",
        "llama-cpp-python>=0.3.36",
        "pynput",
        "pyperclip",
        "textual",
        "pytest",
    ):
        assert name in text, name


def test_the_version_is_written_once_and_in_the_changelog() -> None:
    assert PROJECT["project"]["dynamic"] == ["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in changelog or f"## [{__version__}]" in changelog


def test_every_package_says_that_it_is_typed() -> None:
    for package in ("engine", "hotkeys", "voice_edit"):
        assert (ROOT / package / "py.typed").exists()


def test_no_file_of_the_program_is_ignored_by_git() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    assert not [line for line in ignored if line.endswith((".gguf", ".wav", ".yaml"))]
