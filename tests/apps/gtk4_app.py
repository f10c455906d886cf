"""A window of GTK 4: a text view, an entry, a password, and a text view that takes nothing."""

from __future__ import annotations

import sys

import gi

gi.require_version("Gtk", "4.0")
from app_wire import Channel  # noqa: E402
from gi.repository import GLib, Gtk  # noqa: E402


class View:
    """A `TextView`."""

    def __init__(self) -> None:
        self.widget = Gtk.TextView(vexpand=True)
        self._buffer = self.widget.get_buffer()
        self._buffer.set_enable_undo(True)

    def get(self) -> tuple[str, int, int]:
        buffer = self._buffer
        marks = (buffer.get_selection_bound(), buffer.get_insert())
        anchor, caret = (buffer.get_iter_at_mark(mark).get_offset() for mark in marks)
        return buffer.get_text(*buffer.get_bounds(), True), anchor, caret

    def set(self, text: str) -> None:
        self._buffer.set_text(text)

    def select(self, anchor: int, caret: int) -> None:
        at = self._buffer.get_iter_at_offset
        self._buffer.select_range(at(caret), at(anchor))

    def focus(self) -> None:
        self.widget.grab_focus()

    def has_focus(self) -> bool:
        return self.widget.has_focus()

    def read_only(self, on: bool) -> None:
        self.widget.set_editable(not on)

    def undo(self) -> None:
        self._buffer.undo()


class Entry:
    """An `Entry` or a `PasswordEntry`: both hand what matters to a `Text` inside them."""

    def __init__(self, *, hidden: bool = False) -> None:
        self.widget = Gtk.PasswordEntry() if hidden else Gtk.Entry()
        self._inner = self.widget.get_delegate()

    def get(self) -> tuple[str, int, int]:
        anchor, caret = self._inner.get_property("selection-bound"), self._inner.get_position()
        return self._inner.get_text(), anchor, caret

    def set(self, text: str) -> None:
        self._inner.set_text(text)

    def select(self, anchor: int, caret: int) -> None:
        self._inner.select_region(anchor, caret)

    def focus(self) -> None:
        self._inner.grab_focus_without_selecting()

    def has_focus(self) -> bool:
        return self._inner.has_focus()

    def read_only(self, on: bool) -> None:
        self._inner.set_editable(not on)

    def undo(self) -> None:
        self._inner.activate_action("text.undo", None)


def main() -> None:
    GLib.set_prgname("gtk4-target")
    application = Gtk.Application()

    def fill(_application: Gtk.Application) -> None:
        window = Gtk.ApplicationWindow(application=application, title=sys.argv[1])
        window.set_default_size(500, 350)
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
        window.set_child(box)
        fields = {"text": View(), "entry": Entry(), "password": Entry(hidden=True), "read_only": View()}
        fields["read_only"].read_only(True)
        for field in fields.values():
            box.append(field.widget)
        window.present()
        fields["text"].focus()
        channel = Channel(fields, application.quit)
        GLib.io_add_watch(0, GLib.IO_IN | GLib.IO_HUP, channel.read)

    application.connect("activate", fill)
    application.run([])


main()
