"""A report on disk: report.md, report.html and report.json, each whole or not there."""

from __future__ import annotations

import json
from pathlib import Path

from voice_edit.errors import UsageError
from voice_edit.evaluation import html, markdown
from voice_edit.evaluation.report import Report

MARKDOWN, HTML, JSON = "report.md", "report.html", "report.json"


def write(report: Report, folder: Path) -> str:
    """Write all three and return the first. Raises UsageError where the folder cannot be written."""
    page = markdown.page(report)
    texts = {
        MARKDOWN: page,
        HTML: html.page(report),
        JSON: json.dumps(report.to_json(), indent=1, ensure_ascii=False) + "\n",
    }
    for name, text in texts.items():
        part = folder / f".{name}.part"
        try:
            part.write_text(text, encoding="utf-8", errors="replace")
            part.replace(folder / name)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise UsageError(
                f"{folder / name} cannot be written: {error.strerror}.",
                hint="Make room and run the same command again: nothing is heard twice.",
            ) from error
    return page
