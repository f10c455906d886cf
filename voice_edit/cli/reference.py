"""Writes docs/cli.md: every help text as the program prints it. `python -m voice_edit.cli.reference >
docs/cli.md`
"""

from __future__ import annotations

from collections.abc import Iterator

from typer.testing import CliRunner

HEAD = """# The command line

Written by `make docs` from the program's own help texts; a test compares. Results go to stdout, notes,
progress and errors to stderr. With `--json` each result is one JSON object on one line of stdout, and an
error one on stderr: `{"error": "no_match", "message": ..., "hint": ..., "exit_code": 6}`.

Completion for bash, zsh and fish: `voice-edit --install-completion`.

"""
VERBS = (
    "demo",
    "transcribe",
    "edit",
    "tui",
    "run",
    "status",
    "watch",
    "talk",
    "talk start",
    "talk stop",
    "talk toggle",
    "talk cancel",
    "toggle",
    "cancel",
    "stop",
    "say",
    "rewrite",
    "undo",
    "redo",
    "log",
    "retry",
    "recover",
    "doctor",
    "apps",
    "apps list",
    "apps show",
    "apps check",
    "vocabulary",
    "vocabulary list",
    "vocabulary add",
    "vocabulary replace",
    "vocabulary snippet",
    "vocabulary remove",
    "vocabulary try",
    "service",
    "service install",
    "service start",
    "service stop",
    "service uninstall",
    "service status",
    "service logs",
    "model",
    "model list",
    "model show",
    "model pull",
    "model use",
    "model remove",
    "model verify",
    "model import",
    "api",
    "api token",
    "api status",
    "bench",
    "eval",
)
WIDTH = 100


def reference() -> str:
    """The whole page."""
    return HEAD + "\n".join(_blocks())


def _blocks() -> Iterator[str]:
    yield _block("voice-edit", [])
    for verb in VERBS:
        yield _block(f"voice-edit {verb}", verb.split())


def _block(title: str, arguments: list[str]) -> str:
    return f"## {title}\n\n```\n{help_text(arguments)}\n```\n"


def help_text(arguments: list[str]) -> str:
    """What `voice-edit ARGUMENTS --help` prints, 100 columns wide, without colours."""
    from voice_edit.cli.app import app

    shell = {
        "COLUMNS": str(WIDTH),
        "TERMINAL_WIDTH": str(WIDTH),
        "NO_COLOR": "1",
        "_TYPER_FORCE_DISABLE_TERMINAL": "1",
    }
    done = CliRunner().invoke(
        app, [*arguments, "--help"], prog_name="voice-edit", env=shell, terminal_width=WIDTH
    )
    if done.exit_code != 0:
        raise RuntimeError(f"--help of {arguments} failed: {done.output}") from done.exception
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())


if __name__ == "__main__":
    print(reference(), end="")  # noqa: T201
