"""A window of Qt: plain text, rich text, a line, a password, and plain text that takes nothing."""

from __future__ import annotations

import ctypes
import sys

from app_wire import Channel
from PySide6.QtCore import QSocketNotifier
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QApplication, QLineEdit, QPlainTextEdit, QTextEdit, QVBoxLayout, QWidget


def code_points(text: str, units: int) -> int:
    """Qt's offset (UTF-16 units) in code points."""
    return len(text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "replace"))


def units(text: str, code_points: int) -> int:
    """An offset in code points as Qt counts it."""
    return len(text[:code_points].encode("utf-16-le")) // 2


class View:
    """A `QPlainTextEdit` or `QTextEdit`."""

    def __init__(self, widget: QPlainTextEdit | QTextEdit) -> None:
        self.widget = widget
        # Tab leaves the field in a form, and a test wants tabs in its text.
        widget.setTabChangesFocus(False)

    def get(self) -> tuple[str, int, int]:
        text, cursor = self.widget.toPlainText(), self.widget.textCursor()
        return text, code_points(text, cursor.anchor()), code_points(text, cursor.position())

    def set(self, text: str) -> None:
        self.widget.setPlainText(text)

    def select(self, anchor: int, caret: int) -> None:
        text, cursor = self.widget.toPlainText(), self.widget.textCursor()
        cursor.setPosition(units(text, anchor))
        cursor.setPosition(units(text, caret), QTextCursor.MoveMode.KeepAnchor)
        self.widget.setTextCursor(cursor)

    def focus(self) -> None:
        self.widget.setFocus()

    def has_focus(self) -> bool:
        return self.widget.hasFocus()

    def read_only(self, on: bool) -> None:
        self.widget.setReadOnly(on)

    def undo(self) -> None:
        self.widget.undo()


class Line:
    """A `QLineEdit`."""

    def __init__(self, *, hidden: bool = False) -> None:
        self.widget = QLineEdit()
        if hidden:
            self.widget.setEchoMode(QLineEdit.EchoMode.Password)

    def get(self) -> tuple[str, int, int]:
        text, caret = self.widget.text(), self.widget.cursorPosition()
        anchor = caret
        if self.widget.hasSelectedText():
            start, end = self.widget.selectionStart(), self.widget.selectionEnd()
            anchor = end if caret == start else start
        return text, code_points(text, anchor), code_points(text, caret)

    def set(self, text: str) -> None:
        self.widget.setText(text)

    def select(self, anchor: int, caret: int) -> None:
        text = self.widget.text()
        first, last = units(text, anchor), units(text, caret)
        if first == last:
            self.widget.deselect()
            self.widget.setCursorPosition(last)
        else:
            self.widget.setSelection(first, last - first)

    def focus(self) -> None:
        self.widget.setFocus()

    def has_focus(self) -> bool:
        return self.widget.hasFocus()

    def read_only(self, on: bool) -> None:
        self.widget.setReadOnly(on)

    def undo(self) -> None:
        self.widget.undo()


def keep_none_alive() -> None:
    """PySide6 6.12 takes a reference to None too much from each method that returns nothing; before
    Python 3.12 made None immortal, a program that ran for long ended with a fatal error.
    """
    if sys.version_info < (3, 12):
        ctypes.c_ssize_t.from_address(id(None)).value += 1 << 40


def main() -> None:
    keep_none_alive()
    application = QApplication(["qt-target"])
    window = QWidget()
    window.setWindowTitle(sys.argv[1])
    window.resize(500, 400)
    column = QVBoxLayout(window)
    fields = {
        "text": View(QPlainTextEdit()),
        "rich": View(QTextEdit()),
        "entry": Line(),
        "password": Line(hidden=True),
        "read_only": View(QPlainTextEdit()),
    }
    fields["read_only"].read_only(True)
    for field in fields.values():
        column.addWidget(field.widget)
    window.show()
    window.activateWindow()
    fields["text"].focus()
    channel = Channel(fields, application.quit)
    listening = QSocketNotifier(0, QSocketNotifier.Type.Read)
    listening.activated.connect(channel.read)
    application.exec()


main()
