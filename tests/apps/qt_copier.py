"""A clipboard manager that owns a copy of every text that is copied, as GPaste does.

It copies "ready" first.
"""

from __future__ import annotations

import sys

from PySide6.QtGui import QGuiApplication


def main() -> None:
    program = QGuiApplication(sys.argv)
    clipboard = QGuiApplication.clipboard()
    kept = [""]

    def copied() -> None:
        text = clipboard.text()
        if text and text != kept[0]:
            kept[0] = text
            clipboard.setText(text)

    clipboard.dataChanged.connect(copied)
    clipboard.setText("ready")
    program.exec()


main()
