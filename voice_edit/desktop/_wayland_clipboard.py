"""The clipboard of a session, borrowed for a paste and given back with every type it held: by data control or
by the portal.

What is there is read first, all types at once. Then our text is offered, the chord pressed, and the request
of the program waited for. Everybody may ask for a selection, and Wayland does not say who did; but the pipe
that comes with a request has another end, and the kernel says which process holds it. A clipboard manager
that fetches everything it sees is thereby told from the program that is pasted into.

The primary selection is left alone but for terminals, some of which paste it at Shift+Insert: text views of
GTK give up what is selected in them when somebody else takes it, and the paste would no longer replace it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from voice_edit.desktop._wayland_pipes import TooLarge, read_all, reads_from
from voice_edit.desktop._wayland_selection import Content, Offer, OnRequest, Source, Which
from voice_edit.desktop.base import PasteState, Window
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.errors import TargetError, TargetGone, TargetTimeout, TargetUnencodable

TEXT: Final = "text/plain;charset=utf-8"
TEXT_TYPES: Final = (TEXT, "text/plain", "UTF8_STRING")
SECRET: Final = {"x-kde-passwordManagerHint": b"secret"}
"""Clipboard managers do not keep what carries this."""
MOST_BYTES: Final = 64 << 20
"""A clipboard that holds more, all types together, is not borrowed."""
OWNER_QUIET_S: Final = 1.0
"""How long the program that holds the clipboard may be silent while it is read."""
LINGER_S: Final = 0.05
"""How long our text stays after the last request was served: some programs ask twice."""
TRIES: Final = 3
_TERMINALS = (
    "foot footclient alacritty kitty org.wezfurlong.wezterm com.mitchellh.ghostty org.gnome.terminal "
    "gnome-terminal-server org.gnome.console kgx org.gnome.ptyxis xfce4-terminal org.kde.konsole konsole "
    "terminator tilix com.gexperts.tilix st-256color xterm urxvt lxterminal terminology qterminal "
    "com.raggesilver.blackbox io.elementary.terminal sakura guake"
)
TERMINALS: Final = frozenset(_TERMINALS.split())
"""App ids of programs in which Shift+Insert may paste the primary selection."""


class Access(Protocol):
    """The selections of a session, however they are reached. Everything raises TargetError."""

    has_primary: bool

    @property
    def alive(self) -> bool: ...

    def readers(self, pid: int) -> tuple[int, ...]:
        """The processes that fetch what a window of process `pid` asks for; none where nobody can tell."""
        ...

    def current(self, which: Which) -> Offer | None: ...

    def owned(self, which: Which) -> Source | None: ...

    def receive(self, offer: Offer, types: list[str]) -> dict[str, int]: ...

    def own(self, which: Which, content: Content, *, on_request: OnRequest | None = None) -> Source: ...

    def clear(self, which: Which) -> None: ...

    def confirmed(self, source: Source, kind: str) -> bool:
        """Whether what the clipboard holds now is what we offer."""
        ...

    def close(self) -> None: ...


@dataclass(eq=False)
class _Loan:
    """One paste: who has asked for what so far. Told by the thread of the selections."""

    pids: Collection[int]
    """The processes that count; nobody in particular if empty."""
    news: threading.Condition = field(default_factory=threading.Condition)
    pressed: bool = False
    """The chord is on its way: from now on a request may be the program's."""
    claimed: bool = False
    """The program has asked for it."""
    served: bool = False
    """It has it."""
    last_s: float = 0.0
    """When it asked last, or had all of it."""

    def on_request(self, fd: int) -> Callable[[], None] | None:
        if not self.pressed or reads_from(fd, self.pids) is False:
            return None
        self._note(claimed=True)
        return lambda: self._note(served=True)

    def _note(self, *, claimed: bool = False, served: bool = False) -> None:
        with self.news:
            self.claimed = self.claimed or claimed
            self.served = self.served or served
            self.last_s = time.monotonic()
            self.news.notify_all()

    def wait(self, timeout_s: float) -> PasteState:
        """Until it was claimed and served, and nobody has asked for a moment."""
        deadline_s = time.monotonic() + timeout_s
        with self.news:
            if not self.news.wait_for(lambda: self.claimed, timeout_s):
                return "unclaimed"
            self.news.wait_for(lambda: self.served, max(0.0, deadline_s - time.monotonic()))
            while (left_s := self.last_s + LINGER_S - time.monotonic()) > 0:
                self.news.wait(left_s)
        return "claimed"


class WaylandClipboard:
    """One for the life of the daemon. Raises FieldUnsupported, TargetGone, TargetTimeout."""

    def __init__(
        self,
        reach: Callable[[], Access],
        *,
        name: str = "wayland",
        keep: Callable[[Mapping[Which, Content]], object] | None = None,
    ) -> None:
        """`reach` opens the selections, again when they were lost. `keep`: told at the end what we still own,
        to leave it to somebody else.
        """
        self.name = name
        self._open = reach
        self._keep = keep
        self._lock = threading.Lock()
        self._selections = reach()

    def prepare(self) -> None:
        """There is nothing to be gained."""

    def paste(
        self,
        text: str,
        *,
        into: Window | None,
        press: Callable[[], None],
        timeout_s: float,
        primary: bool | None = None,
    ) -> PasteState:
        """See `base.Clipboard`."""
        data = _encoded(text)
        with self._lock:
            selections = self._reach()
            which: list[Which] = ["clipboard"]
            if primary is None:
                primary = into is not None and into.app in TERMINALS
            if primary and selections.has_primary:
                which.append("primary")
            kept = {one: self._save(selections, one) for one in which}
            loan = _Loan(() if into is None or into.pid is None else selections.readers(into.pid))
            ours: dict[Which, Source] = {}
            content = {**dict.fromkeys(TEXT_TYPES, data), **SECRET}
            try:
                for one in which:
                    ours[one] = selections.own(one, content, on_request=loan.on_request)
                loan.pressed = True
                press()
                return loan.wait(timeout_s)
            finally:
                for one, source in ours.items():
                    self._give_back(selections, one, source, kept[one])

    def put(self, text: str) -> bool:
        """See `base.Clipboard`."""
        data = _encoded(text)
        with self._lock:
            selections = self._reach()
            source = selections.own("clipboard", dict.fromkeys(TEXT_TYPES, data))
            return selections.confirmed(source, TEXT)

    def close(self) -> None:
        """Hand over what we hold to a process that keeps it until somebody copies something else."""
        with self._lock:
            if self._keep is not None:
                self._hand_over(self._keep)
            self._selections.close()

    def _hand_over(self, keep: Callable[[Mapping[Which, Content]], object]) -> None:
        both: tuple[Which, ...] = ("clipboard", "primary")
        with contextlib.suppress(TargetError):  # the session is over: there is nothing to keep
            owned = {which: self._selections.owned(which) for which in both}
            if held := {which: source.content for which, source in owned.items() if source is not None}:
                keep(held)

    # --- borrowing ----------------------------------------------------------------------------------------

    def _reach(self) -> Access:
        if not self._selections.alive:  # the compositor was started anew
            self._selections.close()
            self._selections = self._open()
        return self._selections

    def _save(self, selections: Access, which: Which) -> Content:
        """Everything that is there, in every type; nothing if there is nothing."""
        for _ in range(TRIES):
            if (source := selections.owned(which)) is not None:
                return source.content
            if (offer := selections.current(which)) is None:
                return {}
            try:
                pipes = selections.receive(offer, list(dict.fromkeys(offer.types)))
                content = read_all(pipes, quiet_s=OWNER_QUIET_S, most=MOST_BYTES)
            except TargetGone:
                continue
            except TooLarge:
                raise FieldUnsupported(
                    f"The clipboard holds more than {MOST_BYTES >> 20} MiB: it cannot be borrowed.",
                    hint="Nothing was written. Copy something smaller, then say it again.",
                ) from None
            if selections.current(which) is offer:
                return content
        raise TargetTimeout("The clipboard changes all the time; it cannot be borrowed.")

    def _give_back(self, selections: Access, which: Which, ours: Source, kept: Content) -> None:
        """Put back what was there, unless somebody else has copied something meanwhile."""
        with contextlib.suppress(TargetError):  # the session is over: there is no clipboard either
            if selections.owned(which) is not ours:
                return
            if kept:
                selections.own(which, kept)
            else:
                selections.clear(which)


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise TargetUnencodable("The words hold half a character.") from error
