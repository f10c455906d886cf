"""A window of Tk: a text, an entry, a hidden entry. Nothing of it is visible to accessibility."""

from __future__ import annotations

import sys
import tkinter

from app_wire import Channel


def code_points(text: str, units: int) -> int:
    """An offset of an entry (UTF-16 units) in code points."""
    return len(text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "replace"))


def units(text: str, code_points: int) -> int:
    """An offset in code points as an entry counts it."""
    return len(text[:code_points].encode("utf-16-le")) // 2


class Text:
    """A `Text`."""

    def __init__(self, root: tkinter.Tk, *, read_only: bool = False) -> None:
        self.widget = tkinter.Text(root, height=6, undo=True, state="disabled" if read_only else "normal")

    def get(self) -> tuple[str, int, int]:
        caret = self._offset("insert")
        anchor = caret
        if self.widget.tag_ranges("sel"):
            first, last = self._offset("sel.first"), self._offset("sel.last")
            anchor = last if caret == first else first
        return self.widget.get("1.0", "end-1c"), anchor, caret

    def set(self, text: str) -> None:
        state = self.widget["state"]
        self.widget.configure(state="normal")
        self.widget.delete("1.0", "end")
        self.widget.insert("1.0", text)
        self.widget.edit_reset()
        self.widget.configure(state=state)

    def select(self, anchor: int, caret: int) -> None:
        self.widget.tag_remove("sel", "1.0", "end")
        self.widget.mark_set("insert", f"1.0+{caret}c")
        if anchor != caret:
            self.widget.tag_add("sel", f"1.0+{min(anchor, caret)}c", f"1.0+{max(anchor, caret)}c")

    def focus(self) -> None:
        self.widget.focus_force()

    def has_focus(self) -> bool:
        return self.widget.focus_get() is self.widget

    def read_only(self, on: bool) -> None:
        self.widget.configure(state="disabled" if on else "normal")

    def undo(self) -> None:
        self.widget.edit_undo()

    def _offset(self, index: str) -> int:
        return len(self.widget.get("1.0", index))


class Entry:
    """An `Entry`."""

    def __init__(self, root: tkinter.Tk, *, hidden: bool = False) -> None:
        self.widget = tkinter.Entry(root, show="*" if hidden else "")

    def get(self) -> tuple[str, int, int]:
        text, caret = self.widget.get(), self.widget.index("insert")
        anchor = caret
        if self.widget.selection_present():
            first, last = self.widget.index("sel.first"), self.widget.index("sel.last")
            anchor = last if caret == first else first
        return text, code_points(text, anchor), code_points(text, caret)

    def set(self, text: str) -> None:
        self.widget.delete(0, "end")
        self.widget.insert(0, text)

    def select(self, anchor: int, caret: int) -> None:
        text = self.widget.get()
        self.widget.selection_clear()
        if anchor != caret:
            self.widget.selection_range(units(text, min(anchor, caret)), units(text, max(anchor, caret)))
        self.widget.icursor(units(text, caret))

    def focus(self) -> None:
        self.widget.focus_force()

    def has_focus(self) -> bool:
        return self.widget.focus_get() is self.widget

    def read_only(self, on: bool) -> None:
        self.widget.configure(state="readonly" if on else "normal")

    def undo(self) -> None:
        raise NotImplementedError("a line of Tk has no undo")


def main() -> None:
    root = tkinter.Tk(className="tk-target")
    root.title(sys.argv[1])
    fields = {
        "text": Text(root),
        "entry": Entry(root),
        "password": Entry(root, hidden=True),
        "read_only": Text(root, read_only=True),
    }
    for field in fields.values():
        field.widget.pack(fill="x")
    root.update()
    fields["text"].focus()
    root.update()
    channel = Channel(fields, root.destroy)
    root.tk.createfilehandler(sys.stdin, tkinter.READABLE, channel.read)
    root.mainloop()


main()
