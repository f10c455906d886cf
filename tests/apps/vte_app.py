"""A terminal of GTK's kind (VTE, as in GNOME Terminal and Xfce's), running the command it is given."""

from __future__ import annotations

import sys

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Vte", "2.91")
from gi.repository import GLib, Gtk, Vte  # noqa: E402


def main() -> None:
    GLib.set_prgname("vte-target")
    title, *command = sys.argv[1:]
    window = Gtk.Window(title=title)
    terminal = Vte.Terminal()
    window.add(terminal)
    window.connect("destroy", Gtk.main_quit)
    terminal.connect("child-exited", Gtk.main_quit)
    window.show_all()
    terminal.grab_focus()
    terminal.spawn_async(
        Vte.PtyFlags.DEFAULT, None, command, [], GLib.SpawnFlags.DEFAULT, None, None, -1, None
    )
    window.present()
    Gtk.main()


main()
