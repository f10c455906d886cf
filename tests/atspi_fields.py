"""What the tests of accessibility share: one desktop with its service, and its test programs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from virtual_desktop import VirtualDesktop, virtual_desktop
from virtual_display import until

from voice_edit.desktop import _atspi
from voice_edit.desktop._atspi import AtspiAccessibility
from voice_edit.desktop.base import Element, Field

ROLES = {"password": "password text"}
ROLES_IN_CHROMIUM = {**ROLES, "text": "entry", "editable": "section"}
"""By which fields that look alike are told apart. Chromium's page, which says what has the focus, is another
process than the one that speaks of it on the bus: the field before is told to have it, and to be focused, for
a moment longer. In 360 changes between text area and block, both processors busy, 20 times."""


class Scene:
    """A desktop, the accessibility service on it, and programs that are started once."""

    def __init__(self, desk: VirtualDesktop, service: AtspiAccessibility) -> None:
        self.desk, self.service = desk, service
        self._apps: dict[str, Any] = {}

    def app(self, kind: str) -> Any:
        """A program, brought to the front."""
        if kind not in self._apps:
            self._apps[kind] = self.desk.start(kind)
        else:
            self.desk.activate(self._apps[kind])
        return self._apps[kind]

    def closed(self, kind: str) -> None:
        """It is not there any more: the next `app` starts another."""
        self._apps.pop(kind).close()

    def element(self, app: Any, field: str = "text") -> Element:
        """The element with the focus, once the service tells one of this program."""
        app.focus(field)
        role = (ROLES_IN_CHROMIUM if app.kind == "chromium" else ROLES).get(field)
        told: list[Element] = []

        def known() -> bool:
            element = self.service.focused()
            told[:] = [element] if element is not None and element.pid == app.pid else []
            if not told or (role is not None and told[0].role != role) or not self._right(told[0], field):
                return False
            # Two of its fields may look alike: the one before says itself that it has lost the focus.
            return self.service.field(told[0]).is_focused()

        until(known, f"{app.kind} {field} was told to have the focus")
        return told[0]

    def field(self, app: Any, name: str = "text") -> Field:
        return self.service.field(self.element(app, name))

    @staticmethod
    def _right(element: Element, field: str) -> bool:
        """Whether it can be this field: after a change of focus the one before may still be told."""
        if field in ("text", "rich", "editable"):
            return element.multi_line and element.editable
        return element.editable == (field != "read_only") and element.multi_line == (field == "read_only")


@contextmanager
def scene() -> Iterator[Scene]:
    """A desktop for a module of tests."""
    with virtual_desktop() as desk:
        with desk.entered():
            service = _atspi.open_atspi()
        try:
            yield Scene(desk, service)
        finally:
            service.close()
