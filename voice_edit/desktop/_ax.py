"""Fields of macOS programs through their accessibility (AX): the focus, and the text of one element.

    ax_mapping.py   what AX calls things; UTF-16 ranges; key codes (pure)
    _ax_api.py      the calls themselves
    _ax_hands.py    keys and pasteboard

AX counts in UTF-16 units from the start of the text, so a text is read whole, in one call: a megabyte takes
milliseconds. The focus is asked for when it is needed, and looked at twice a second while somebody wants to
be told of changes: observers of AX need a run loop of the system's, which a daemon has not.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from voice_edit.desktop import ax_mapping as ax
from voice_edit.desktop._atspi_units import cut, window_around
from voice_edit.desktop._ax_api import AxApi, AxError
from voice_edit.desktop.ax_mapping import Range, Told
from voice_edit.desktop.base import Element, Means, TextWindow, Window
from voice_edit.desktop.errors import FieldReadOnly, FieldUnsupported
from voice_edit.edits import Selection
from voice_edit.errors import TargetError, TargetGone, TargetUncertain

if TYPE_CHECKING:
    from voice_edit.desktop._ax_hands import AxClipboard, AxKeyboard

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
REMEMBERED = 256
"""Elements whose handles are kept."""
MOST_UNITS = 4_000_000
"""A longer text is not read."""

_Got = TypeVar("_Got")


class AxAccessibility:
    """The accessibility of this Mac."""

    switched_on = False

    def __init__(self, api: AxApi) -> None:
        self.api = api
        self._handles: OrderedDict[str, Any] = OrderedDict()
        self._woken: set[int] = set()
        self._listeners: list[Callable[[Element | None], object]] = []
        self._watcher: threading.Thread | None = None
        self._closed = threading.Event()
        self._lock = threading.Lock()

    def focused(self) -> Element | None:
        """See the protocol. Raises TargetTimeout when the program with the focus does not answer."""
        program = self._get(self.api.system, ax.FOCUSED_APPLICATION)
        if program is None:
            return None
        pid = self.api.pid(program)
        self._wake(pid, program)
        handle = self._get(program, ax.FOCUSED_ELEMENT)
        secure = self.api.has_secure_input()
        if handle is None and not secure:
            return None
        return self._element(handle if handle is not None else program, pid, secure=secure)

    def field(self, element: Element) -> AxField:
        """Raises TargetGone for an element that was not seen lately."""
        with self._lock:
            handle = self._handles.get(element.ref)
        if handle is None:
            raise TargetGone("The field is not there any more.")
        return AxField(self, element, handle)

    def on_focus(self, told: Callable[[Element | None], object]) -> None:
        with self._lock:
            self._listeners.append(told)
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="ax focus", daemon=True)
                self._watcher.start()

    def close(self) -> None:
        self._closed.set()
        if self._watcher is not None:
            self._watcher.join(5.0)

    def _element(self, handle: Any, pid: int, *, secure: bool) -> Element:
        api = self.api
        ref = f"{pid}/{api.number(handle)}"
        names = calling(lambda: api.names(handle), "tell what it is")
        wanted = (ax.ROLE, ax.SUBROLE, ax.ENABLED, ax.COUNT)
        told = {name: self._get(handle, name) for name in wanted if name in names}
        settable = {n for n in (ax.VALUE, ax.SELECTED_RANGE, ax.SELECTED_TEXT) if api.is_settable(handle, n)}
        element = ax.element_of(
            Told(told, names, frozenset(settable)),
            ref=ref, app=program_name(api, pid), pid=pid, secure_input=secure,
        )  # fmt: skip
        with self._lock:
            self._handles[ref] = handle
            self._handles.move_to_end(ref)
            while len(self._handles) > REMEMBERED:
                self._handles.popitem(last=False)
        return element

    def _wake(self, pid: int, program: Any) -> None:
        """Ask a program that keeps its fields to itself, as Electron does, to show them; once."""
        if pid not in self._woken:
            self._woken.add(pid)
            with suppress(AxError):  # it is no such program
                self.api.set(program, ax.WAKE, True)

    def _get(self, handle: Any, name: str) -> Any:
        """An attribute, None where there is none. Raises TargetGone, TargetTimeout, FieldUnsupported."""
        try:
            return self.api.get(handle, name)
        except AxError as error:
            if error.code in (ax.NO_VALUE, ax.UNSUPPORTED, ax.NOT_IMPLEMENTED):
                return None
            raise ax.error_for(error.code, "tell what it is") from error

    def _watch(self) -> None:
        seen: Element | None = None
        while not self._closed.wait(LOOK_EVERY_S):
            with suppress(TargetError):
                now = self.focused()
                if now != seen:
                    seen = now
                    with self._lock:
                        listeners = list(self._listeners)
                    for listener in listeners:
                        try:
                            listener(now)
                        except Exception:
                            logger.exception("a listener of the focus failed")


class AxField:
    """One element's text. A password is never asked for its text."""

    def __init__(self, service: AxAccessibility, element: Element, handle: Any) -> None:
        self._service = service
        self._api = service.api
        self._element = element
        self._handle = handle

    @property
    def element(self) -> Element:
        return self._element

    def read(self, start: int, end: int) -> str:
        return self._text()[max(0, start) : max(0, end)]

    def look(self, most: int) -> TextWindow:
        text, selection = self._text_and_selection()
        head = len(text) if selection is None else selection.head
        low, high = window_around(len(text), head, most)
        keep = (head, head) if selection is None else (selection.start, selection.end)
        begin, end = cut(text[low:high], low, len(text), keep)
        return TextWindow(text[low + begin : low + end], low + begin, len(text), selection)

    def look_at(self, start: int, end: int) -> TextWindow:
        text, selection = self._text_and_selection()
        start = max(0, min(start, len(text)))
        return TextWindow(text[start : max(start, end)], start, len(text), selection)

    def replace(self, start: int, end: int, new: str) -> None:
        """As the protocol says: select, put the text in its place. Raises TargetUncertain when the program
        fell silent after it was told."""
        text = self._text()
        if not self._element.editable:
            raise FieldReadOnly("The field takes no text now.")
        self._select(ax.to_range(text, start, end))
        try:
            self._api.set(self._handle, ax.SELECTED_TEXT, new)
        except AxError as error:
            if error.code == ax.CANNOT_COMPLETE:
                raise TargetUncertain("The program fell silent while it was written to.") from error
            raise ax.error_for(error.code, "be changed in place") from error

    def select(self, selection: Selection) -> None:
        text = self._text()
        self._select(ax.to_range(text, selection.start, selection.end))

    def is_focused(self) -> bool:
        now = self._service.focused()
        return now is not None and now.ref == self._element.ref

    def is_alive(self) -> bool:
        try:
            calling(lambda: self._api.get(self._handle, ax.ROLE), "tell what it is")
        except TargetGone:
            return False
        return True

    def _check(self) -> None:
        """Raise FieldSecret where nothing may be read; asked anew, since a field can become a password."""
        if self._api.has_secure_input():
            raise ax.secret_error(True)
        subrole = self._service._get(self._handle, ax.SUBROLE)
        if self._element.secret or subrole == ax.SECURE:
            raise ax.secret_error(False)

    def _text(self) -> str:
        """All of it. Raises FieldSecret, FieldUnsupported, TargetGone, TargetTimeout."""
        self._check()
        count = self._service._get(self._handle, ax.COUNT)
        if isinstance(count, int) and count > MOST_UNITS:
            raise FieldUnsupported(f"The text is too long to be read ({count:,} characters).")
        if isinstance(count, int):
            with suppress(AxError):  # not every field knows ranges
                found = self._api.get_at(self._handle, ax.STRING_FOR_RANGE, Range(0, count))
                if isinstance(found, str) and ax.units(found) == count:
                    return found
        value = self._service._get(self._handle, ax.VALUE)
        if isinstance(value, str):
            return value
        raise FieldUnsupported("The field does not tell its text.")

    def _text_and_selection(self) -> tuple[str, Selection | None]:
        """AX does not tell which end of a selection moves: it is taken for the last one."""
        text = self._text()
        boxed = self._service._get(self._handle, ax.SELECTED_RANGE)
        if boxed is None:
            return text, None
        start, end = ax.from_range(text, calling(lambda: self._api.range_of(boxed), "tell its caret"))
        return text, Selection(start, end)

    def _select(self, wanted: Range) -> None:
        """Raises FieldUnsupported where the selection did not go there."""
        calling(lambda: self._api.set(self._handle, ax.SELECTED_RANGE, wanted), "be selected in")
        found = self._service._get(self._handle, ax.SELECTED_RANGE)
        if found is None or calling(lambda: self._api.range_of(found), "tell its caret") != wanted:
            raise FieldUnsupported("The field did not select what it was asked to.")


class AxWindows:
    """Which program and window have the keyboard."""

    def __init__(self, service: AxAccessibility) -> None:
        self._service = service
        self._api = service.api

    def active(self) -> Window | None:
        program = self._service._get(self._api.system, ax.FOCUSED_APPLICATION)
        if program is None:
            return None
        pid = self._api.pid(program)
        window = self._service._get(program, ax.FOCUSED_WINDOW)
        title = "" if window is None else str(self._service._get(window, ax.TITLE) or "")
        number = 0 if window is None else self._api.number(window)
        return Window(f"ax:{pid}/{number}", program_name(self._api, pid), title, pid)

    def close(self) -> None:
        """Nothing is held."""


def program_name(api: AxApi, pid: int) -> str:
    """The bundle id of a program, lower case; its name where it has none."""
    bundle, name = api.program(pid)
    return (bundle or name).lower()


def calling(call: Callable[[], _Got], what: str) -> _Got:
    """The result of a call of AX. Raises TargetGone, TargetTimeout, FieldUnsupported."""
    try:
        return call()
    except AxError as error:
        raise ax.error_for(error.code, what) from error


@dataclass(frozen=True, slots=True)
class AxParts:
    """What was opened; the caller closes each."""

    accessibility: AxAccessibility
    windows: AxWindows
    keyboard: AxKeyboard
    clipboard: AxClipboard
    means: tuple[Means, ...]


def open_ax() -> AxParts:
    """Everything on macOS. Raises FieldUnsupported with a remedy where the permission is missing."""
    from voice_edit.desktop._ax_hands import AxClipboard, AxKeyboard

    api = AxApi()
    service = AxAccessibility(api)
    means = (
        Means(
            "accessibility", "ax", True, "Fields tell what they hold: text is edited in place and read back."
        ),
        Means("windows", "ax", True, "Which window has the keyboard is known before anything is written."),
        Means("keyboard", "ax", True, "Keys are pressed as events of the system, in any layout."),
        Means("clipboard", "ax", True, "It is borrowed for a paste, and given back in every type."),
    )
    return AxParts(service, AxWindows(service), AxKeyboard(api), AxClipboard(api), means)
