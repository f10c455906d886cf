"""What the documentation promises, held against the program."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_reference_of_the_command_line_is_what_the_program_prints() -> None:
    from voice_edit.cli.reference import reference

    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert page == reference(), "run `make docs`"


def test_the_reference_has_every_verb() -> None:
    from voice_edit.cli.app import app
    from voice_edit.cli.reference import VERBS

    verbs = {command.name for command in app.registered_commands}
    groups = {group.name: group.typer_instance for group in app.registered_groups}
    nested = {f"{name} {c.name}" for name, group in groups.items() for c in group.registered_commands}
    assert verbs | set(groups) | nested == set(VERBS)


def test_every_exit_code_of_an_error_is_documented() -> None:
    from voice_edit import errors
    from voice_edit.cli.app import EPILOG

    documented = {int(code) for code in re.findall(r"^ {2}(\d+) ", EPILOG, re.MULTILINE)}
    kinds = [v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, errors.VoiceEditError)]
    assert {kind.exit_code for kind in kinds} <= documented


@pytest.mark.parametrize("command", ["./scripts/demo", "./scripts/check"])
def test_the_two_commands_are_there_and_executable(command: str) -> None:
    assert f"\n{command}\n" in README
    assert (ROOT / command).stat().st_mode & 0o111


def test_continuous_integration_calls_the_readmes_test_command() -> None:
    assert "./scripts/check" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "script", ["scripts/demo", "scripts/check", "scripts/lock", "scripts/lib.sh", ".ci/run"]
)
def test_the_scripts_are_sound_bash(script: str) -> None:
    subprocess.run(["bash", "-n", str(ROOT / script)], check=True)


def test_every_example_of_the_readme_is_a_command_line_that_parses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from running import run

    monkeypatch.chdir(tmp_path)
    examples = re.findall(
        r"voice-edit (?!demo|--install|model pull)([a-z].*?)(?:  #.*)?$", README, re.MULTILINE
    )
    shown = [shlex.split(line.split("`")[0]) for line in examples if line.split()[0] in
             {"edit", "undo", "redo", "log", "retry", "say", "transcribe", "model"}]  # fmt: skip
    assert len(shown) >= 7
    for arguments in shown:
        result = run(*arguments, stdin="The quick brown fox")
        assert "Usage:" not in result.stderr, arguments


def test_links_lead_somewhere() -> None:
    pages = [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "docs").glob("*.md"),
        ROOT / "samples/LICENSES.md",
    ]
    for page in pages:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_lock_file_names_no_index_and_no_path() -> None:
    lock = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    assert not re.search(r"https?://|file:|^/|--index|--find-links|@ ", lock, re.MULTILINE)


def test_every_dependency_is_locked() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    locked = set(
        re.findall(r"^([a-z0-9.-]+)==", (ROOT / "requirements-dev.lock").read_text("utf-8"), re.MULTILINE)
    )
    assert {re.split(r"[<>=\[; ]", name)[0].lower() for name in wanted} <= locked
