"""Standard input, output and error as the program needs them, whatever it was started with."""

from __future__ import annotations

import io
import os
import sys


def make_usable() -> None:
    """Open what is closed (`>&-`), and let no character be unprintable. Call it before anything is opened.

    A closed stream's number would be given to the next file that is opened, the journal for example, and
    whatever prints to that number would print into it.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
    if isinstance(sys.stdout, io.TextIOWrapper):
        # File names may hold bytes that are no text: they are printed as they are. A terminal that knows
        # fewer characters than we print gets their numbers.
        sys.stdout.reconfigure(errors="surrogateescape" if speaks_unicode() else "backslashreplace")


def speaks_unicode() -> bool:
    """Whether stdout takes every character."""
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


def let_go_of_stdout() -> None:
    """Whoever read our output has gone: send the rest nowhere, so that no later print and no flush at the
    end fails.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
