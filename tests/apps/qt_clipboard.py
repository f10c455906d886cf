"""A program that has copied something: `qt_clipboard.py clipboard|primary KIND...`. Says "ready" and stays.

KINDs: text, html, image, files, hint (of a password manager), big (bytes that need an incremental transfer).
"""

from __future__ import annotations

import sys

from PySide6.QtCore import QByteArray, QMimeData, QUrl
from PySide6.QtGui import QClipboard, QGuiApplication, QImage

TEXT = "Kept: Grüße, 你好, 😀, e\u0301, שלום\n\tand a second line\n"
HTML = "<p>Kept: <b>Grüße</b>, 你好 &amp; 😀</p>"
FILES = ("/tmp/a file.txt", "/tmp/größe.png")
BIG_BYTES = 6_000_000
IMAGE_SIDE = 700


def image() -> QImage:
    """One that does not compress well: it needs an incremental transfer."""
    pixels = bytes((place * place * 31 + place // 7) & 0xFF for place in range(IMAGE_SIDE * IMAGE_SIDE * 4))
    return QImage(pixels, IMAGE_SIDE, IMAGE_SIDE, QImage.Format.Format_RGB32).copy()


def big() -> bytes:
    """Bytes of all values, in no order that a mistake would leave as it was."""
    return bytes((place * 31 + place // 251) & 0xFF for place in range(BIG_BYTES))


def main() -> None:
    selection, kinds = sys.argv[1], sys.argv[2:]
    program = QGuiApplication(sys.argv)
    data = QMimeData()
    if "text" in kinds:
        data.setText(TEXT)
    if "html" in kinds:
        data.setHtml(HTML)
    if "image" in kinds:
        data.setImageData(image())
    if "files" in kinds:
        data.setUrls([QUrl.fromLocalFile(name) for name in FILES])
        data.setData("x-special/gnome-copied-files", QByteArray(b"copy\nfile:///tmp/a%20file.txt"))
    if "big" in kinds:
        data.setData("application/x-big", QByteArray(big()))
    if "hint" in kinds:
        data.setData("x-kde-passwordManagerHint", QByteArray(b"secret"))
    mode = QClipboard.Mode.Clipboard if selection == "clipboard" else QClipboard.Mode.Selection
    QGuiApplication.clipboard().setMimeData(data, mode)
    program.processEvents()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    program.exec()


main()
