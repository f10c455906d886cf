"""A closed terminal and `kill` end a verb as Ctrl-C does, so that it can tidy up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def signals_as_ctrl_c() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP raise KeyboardInterrupt, unless whoever started us has them ignored
    (`nohup`).
    """

    def interrupt(number: int, frame: object) -> None:
        signal.signal(
            number, signal.SIG_IGN
        )  # a closed terminal may tell twice, and the second breaks tidying
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt)
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
