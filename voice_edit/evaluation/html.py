"""A report as one HTML page: pictures inside, nothing is loaded from anywhere, no script."""

from __future__ import annotations

import re
from html import escape
from importlib.resources import files

from voice_edit.evaluation import pictures
from voice_edit.evaluation.report import Report, Section, Table


def page(report: Report) -> str:
    """All of it."""
    style = (files("voice_edit.evaluation") / "report.css").read_text(encoding="utf-8") + _colours()
    labels = {column.label: at for at, column in enumerate(report.summary.columns)}
    parts = [_section(section, report, labels) for section in report.sections]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # A browser refuses whatever the page might want from elsewhere.
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(report.title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n"
        f"<h1>{escape(report.title)}</h1>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )


def _section(section: Section, report: Report, labels: dict[str, int]) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>"]
    parts += [_sentence(sentence) for sentence in section.sentences]
    parts += [_table(table, labels) for table in section.tables]
    for name in section.figures:
        picture = pictures.draw(name, report.summary)
        if picture is not None:
            parts.append(f"<figure><figcaption>{escape(picture.title)}</figcaption>{picture.svg}</figure>")
    kind = ' class="verdict"' if section.title == "Verdict" else ""
    return f"<section{kind}>" + "\n".join(parts) + "</section>"


def _sentence(text: str) -> str:
    if text.startswith("`") and text.endswith("`"):
        return f"<p><code>{escape(text[1:-1])}</code></p>"
    return f"<p>{escape(text)}</p>"


def _table(table: Table, labels: dict[str, int]) -> str:
    head = "".join(f"<th>{_name(text, labels)}</th>" for text in table.heading)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td>{_name(cell, labels) if at == 0 else _value(cell)}</td>" for at, cell in enumerate(row)
        )
        + "</tr>"
        for row in table.rows
    )
    kind = ' class="words"' if table.is_text else ""
    return f'<div class="wide"><table{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _name(text: str, labels: dict[str, int]) -> str:
    """A variant's name in its colour."""
    if text not in labels:
        return escape(text)
    return f'<span class="dot d{labels[text] % pictures.CLASSES}"></span>{escape(text)}'


def _value(text: str) -> str:
    """A cell; where a number lies stands below it, so that many columns fit."""
    found = re.fullmatch(r"([-+\d. %]+) (\[[-+\d., ]+\])(?:, (.*))?", text)
    if found is None:
        return escape(text)
    lines = [line for line in found.groups()[1:] if line]
    return escape(found[1]) + "".join(f"<small>{escape(line)}</small>" for line in lines)


def _colours() -> str:
    """Each variant's, in pictures (`v`) and beside its name (`d`)."""
    return "".join(
        f"svg .v{n} {{ stroke: var(--v{n}); fill: var(--v{n}); }}\n.d{n} {{ color: var(--v{n}); }}\n"
        for n in range(pictures.CLASSES)
    )
