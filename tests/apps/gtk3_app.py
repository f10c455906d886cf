"""A window of GTK 3: a text view, an entry, a password, and a text view that takes nothing."""

from __future__ import annotations

import sys

import gi

gi.require_version("Gtk", "3.0")
from app_wire import Channel  # noqa: E402
from gi.repository import GLib, Gtk  # noqa: E402


class View:
    """A `TextView`. GTK 3 gives it no undo."""

    def __init__(self) -> None:
        self.widget = Gtk.TextView()
        self.widget.set_size_request(-1, 100)
        self._buffer = self.widget.get_buffer()

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
        raise NotImplementedError("text of GTK 3 has no undo")


class Entry:
    """An `Entry`; a password if its text is hidden."""

    def __init__(self, *, hidden: bool = False) -> None:
        self.widget = Gtk.Entry(visibility=not hidden)
        if hidden:
            self.widget.set_input_purpose(Gtk.InputPurpose.PASSWORD)

    def get(self) -> tuple[str, int, int]:
        anchor, caret = self.widget.get_property("selection-bound"), self.widget.get_position()
        return self.widget.get_text(), anchor, caret

    def set(self, text: str) -> None:
        self.widget.set_text(text)

    def select(self, anchor: int, caret: int) -> None:
        self.widget.select_region(anchor, caret)

    def focus(self) -> None:
        self.widget.grab_focus_without_selecting()

    def has_focus(self) -> bool:
        return self.widget.has_focus()

    def read_only(self, on: bool) -> None:
        self.widget.set_editable(not on)

    def undo(self) -> None:
        raise NotImplementedError("text of GTK 3 has no undo")


def main() -> None:
    GLib.set_prgname("gtk3-target")
    window = Gtk.Window(title=sys.argv[1])
    window.set_default_size(500, 350)
    box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
    window.add(box)
    fields = {"text": View(), "entry": Entry(), "password": Entry(hidden=True), "read_only": View()}
    fields["read_only"].read_only(True)
    for field in fields.values():
        box.add(field.widget)
    window.connect("destroy", Gtk.main_quit)
    window.show_all()
    fields["text"].focus()
    window.present()
    channel = Channel(fields, Gtk.main_quit)
    GLib.io_add_watch(0, GLib.IO_IN | GLib.IO_HUP, channel.read)
    Gtk.main()


main()
