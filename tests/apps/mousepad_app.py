"""Xfce's editor, Mousepad, with somebody beside it who answers for it.

What it holds is what it saves to its file. It is told to save, to load anew and to undo by its own actions on
the session bus; only the caret is put and read through accessibility, which nothing else tells. Its one field
is "text". Saving is quick and quiet, and leaves the text and its history as they are.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import gi

gi.require_version("Atspi", "2.0")
from app_wire import Channel  # noqa: E402
from gi.repository import Atspi, Gio, GLib  # noqa: E402

PATIENCE_S = 15.0
NAME, PLACE = "org.xfce.mousepad", "/org/xfce/mousepad/window/1"

SETTINGS = "[org/xfce/mousepad/preferences/file]\nmonitor-changes=false\n"
"""Otherwise it asks in a window what to do about a file that was changed under it."""


class Text:
    """Its text."""

    def __init__(self, path: Path, pid: int) -> None:
        self._path, self._pid = path, pid
        self._bus = Gio.bus_get_sync(Gio.BusType.SESSION)
        self._view = wait(self._look)

    def get(self) -> tuple[str, int, int]:
        self._act("file.save")
        text = self._path.read_text(encoding="utf-8")
        caret = self._view.get_caret_offset()
        if not self._view.get_n_selections():
            return text, caret, caret
        chosen = self._view.get_selection(0)
        anchor = chosen.end_offset if caret == chosen.start_offset else chosen.start_offset
        return text, anchor, caret

    def set(self, text: str) -> None:
        self._act("file.save")
        self._path.write_text(text, encoding="utf-8")
        self._act("file.reload")
        wait(lambda: self._view.get_character_count() == len(text))

    def select(self, anchor: int, caret: int) -> None:
        # The caret goes to the end of a selection that is set this way.
        self._view.set_caret_offset(caret)
        if anchor != caret:
            assert anchor < caret, "selections of this program are set forwards"
            self._view.add_selection(anchor, caret)

    def focus(self) -> None:
        self._view.get_component_iface().grab_focus()

    def has_focus(self) -> bool:
        self._view.clear_cache()
        return self._view.get_state_set().contains(Atspi.StateType.FOCUSED)

    def read_only(self, on: bool) -> None:
        raise NotImplementedError("Mousepad's viewer mode is not used")

    def undo(self) -> None:
        self._act("edit.undo")

    def _act(self, action: str) -> None:
        """Do what a menu entry does; when this returns, it is done."""
        arguments = GLib.Variant("(sava{sv})", (action, [], {}))
        flags, timeout_ms = Gio.DBusCallFlags.NONE, int(PATIENCE_S * 1000)
        self._bus.call_sync(
            NAME, PLACE, "org.gtk.Actions", "Activate", arguments, None, flags, timeout_ms, None
        )

    def _look(self) -> Atspi.Accessible | None:
        desktop = Atspi.get_desktop(0)
        for index in range(desktop.get_child_count()):
            program = desktop.get_child_at_index(index)
            if program and program.get_process_id() == self._pid:
                return find(program)
        return None


def find(place: Atspi.Accessible) -> Atspi.Accessible | None:
    """The text area at or below a place."""
    if place.get_role() == Atspi.Role.TEXT and place.get_state_set().contains(Atspi.StateType.MULTI_LINE):
        return place
    for index in range(place.get_child_count()):
        below = place.get_child_at_index(index)
        found = find(below) if below else None
        if found:
            return found
    return None


def wait(look):  # type: ignore[no-untyped-def]
    """What `look` finds, as soon as it finds something."""
    give_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            found = look()
        except GLib.Error:
            found = None
        if found:
            return found
        if time.monotonic() > give_up:
            raise TimeoutError("Mousepad did not come so far")
        time.sleep(0.01)


def main() -> None:
    path = Path(os.environ["XDG_RUNTIME_DIR"], sys.argv[1])
    path.write_text("", encoding="utf-8")
    settings = path.with_name(f"{path.name}.config")
    (settings / "glib-2.0" / "settings").mkdir(parents=True)
    (settings / "glib-2.0" / "settings" / "keyfile").write_text(SETTINGS, encoding="utf-8")
    environment = {**os.environ, "GSETTINGS_BACKEND": "keyfile", "XDG_CONFIG_HOME": str(settings)}
    quiet = subprocess.DEVNULL
    editor = subprocess.Popen(
        ["mousepad", path], env=environment, stdin=quiet, stdout=quiet, start_new_session=True
    )
    loop = GLib.MainLoop()
    try:
        channel = Channel({"text": Text(path, editor.pid)}, loop.quit, pid=editor.pid)
        GLib.io_add_watch(0, GLib.IO_IN | GLib.IO_HUP, channel.read)
        loop.run()
    finally:
        editor.kill()
        editor.wait()


main()
