"""Runs the command line in this process: what it prints where, and with which exit code."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner, Result

from voice_edit.cli.app import app


def run(*arguments: object, stdin: str | bytes = "") -> Result:
    """`voice-edit ARGUMENTS`; unexpected exceptions are raised, not hidden in an exit code."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def ok(*arguments: object, stdin: str | bytes = "") -> str:
    """The same, expected to succeed; what it printed to stdout."""
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.stdout


def rows(*arguments: object, stdin: str | bytes = "") -> list[dict[str, Any]]:
    """The same with `--json`: its objects."""
    return [json.loads(line) for line in ok(*arguments, "--json", stdin=stdin).splitlines()]


def refused(*arguments: object, code: int, stdin: str | bytes = "") -> str:
    """The same, expected to fail with this exit code; message and hint, with nothing on stdout."""
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert "error: " in result.stderr
    assert "next: " in result.stderr
    return " ".join(result.stderr.split())
