"""Changes for text that goes in, out or elsewhere: insert, delete, replace, swap, move, duplicate, break.

Each planner is a pure function from a document and the parts of a command to changes in the order of the
text,
with the repairs of `repairs.py`. None moves the caret; `document.apply` decides about that.
"""

# ruff: noqa: RUF001  (typographic marks are what this file is about)

import regex

from voice_edit import repairs
from voice_edit.edits import Change, Document
from voice_edit.errors import NoMatch
from voice_edit.graphemes import snap_left, snap_right
from voice_edit.resolving import Span
from voice_edit.text_units import MARKER, is_blank, marker_end

_PAIRS = {"(": ")", "“": "”", "‘": "’", "«": "»", '"': '"', "`": "`", "*": "*", "_": "_"}
_BARE_LINE = regex.compile(
    r"[ \t]*(?:(?:[-*+•]|\d{1,9}[.)])(?:[ \t]+(?:\[[ xX]\])?[ \t]*)?|#{1,6}[ \t]*|>[ \t]*)?"
)


def change(text: str, start: int, end: int, new: str) -> Change:
    """A change of `text[start:end]`."""
    return Change(start, text[start:end], new)


# --- deleting ---


def whole_lines(text: str, start: int, end: int) -> Span:
    """From the start of the first line to behind the break of the last one."""
    first, last = repairs.line_start(text, start), repairs.line_end(text, end)
    return Span(first, _behind_break(text, last))


def _behind_break(text: str, at: int) -> int:
    if text[at : at + 2] == "\r\n":
        return at + 2
    return at + 1 if text[at : at + 1] in ("\n", "\r") else at


def _before_break(text: str, at: int) -> int:
    if text[at - 2 : at] == "\r\n":
        return at - 2
    return at - 1 if at > 0 and text[at - 1] in "\r\n" else at


def delete_lines(text: str, start: int, end: int) -> Span:
    """The lines of start..end, their break, and the blank lines that would be left double."""
    cut = whole_lines(text, start, end)
    first, behind = cut.start, cut.end
    top = repairs.line_start(text, 0) if text else 0
    above_blank = (
        first <= top or not text[repairs.line_start(text, _before_break(text, first)) : first].strip()
    )
    after = behind
    while after < len(text) and is_blank(text, (after, repairs.line_end(text, after))):
        after = _behind_break(text, repairs.line_end(text, after))
    if after > behind and above_blank and text[first:behind].strip():
        behind = after
    if behind >= len(text) and first > top:
        # Nothing follows: the break before goes as well, unless the text keeps its final one.
        kept = text[cut.start : cut.end].endswith(("\n", "\r"))
        above = len(text[:first].rstrip("\r\n \t"))
        if above_blank or not kept:
            first = max(top, above)
            behind = cut.end if not kept else _before_break(text, cut.end)
        if kept and above_blank:
            behind = _before_break(text, len(text)) if after >= len(text) else behind
    return Span(first, behind)


def delete(
    document: Document, spans: list[Span], *, by_line: bool = False, exact_marks: bool = True
) -> list[Change]:
    """Deletions of the spans with their repairs. `by_line`: whole lines were named."""
    text = document.text
    changes: list[Change] = []
    for span in _merged(text, spans, by_line=by_line):
        changes += _delete_one(text, span, by_line=by_line, exact_marks=exact_marks)
    return _without_overlaps(text, changes)


def _merged(text: str, spans: list[Span], *, by_line: bool) -> list[Span]:
    """Spans with only spaces between them are one, and so are lines that follow each other."""
    merged: list[Span] = []
    for span in spans:
        if merged and (
            whole_lines(text, span.start, span.start).start <= whole_lines(text, 0, merged[-1].end).end
            if by_line
            else not text[merged[-1].end : span.start].strip(" \t")
        ):
            merged[-1] = Span(merged[-1].start, span.end)
        else:
            merged.append(span)
    return merged


def _without_overlaps(text: str, changes: list[Change]) -> list[Change]:
    kept: list[Change] = []
    for new in sorted(changes, key=lambda c: (c.start, c.end)):
        if kept and new.start < kept[-1].end:
            last = kept.pop()
            kept.append(change(text, last.start, max(last.end, new.end), last.new or new.new))
        else:
            kept.append(new)
    return kept


def _delete_one(text: str, span: Span, *, by_line: bool, exact_marks: bool) -> list[Change]:
    start, end = span.start, span.end
    if by_line:
        cut = delete_lines(text, start, end)
        return [change(text, cut.start, cut.end, "")] if cut.start < cut.end else []
    if start == end:
        return []
    has_words = any(c.isalnum() for c in text[start:end])
    if has_words:
        start, end = _with_marks_around(text, start, end)
        if exact_marks:
            start, end = repairs.with_commas(text, start, end)
    first, last = repairs.line_start(text, start), repairs.line_end(text, end)
    left_over = text[first:start] + text[end:last]
    if text[start:end].strip() and _BARE_LINE.fullmatch(left_over) and (first > 0 or last < len(text)):
        cut = delete_lines(text, start, end)
        return [change(text, cut.start, cut.end, "")]
    start, end = repairs.tightened(text, start, end)
    capital = repairs.capital_after(text, start, end) if has_words else None
    start, end = snap_left(text, start), snap_right(text, end)
    changes = [change(text, start, end, "")]
    if capital is not None:
        at, letter = capital
        changes = [change(text, start, at + 1, text[end:at] + letter)] if at == end else changes
        if at > end:
            changes.append(change(text, at, at + 1, letter))
    return changes


def _with_marks_around(text: str, start: int, end: int) -> tuple[int, int]:
    """Quotation marks, parentheses and Markdown marks that would be left empty go too."""
    while start > 0 and end < len(text) and _PAIRS.get(text[start - 1]) == text[end]:
        start, end = start - 1, end + 1
    return start, end


# --- inserting ---


def insert_inline(document: Document, at: int, new: str) -> list[Change]:
    """Words at an offset, with the spaces and capitals they need. The first change is the insertion."""
    text = document.text
    if new[0] in repairs.CLOSING and not new[0].isspace():
        back = repairs.space_before(text, at)
        at = back if not repairs.at_line_start(text, back) else at
    new, lower = _with_capital(text, at, new)
    before, after = repairs.gap_before(text, at, new), repairs.gap_after(text, at, new)
    if lower:
        word = repairs.first_word(text[at:])
        letter = text.index(word, at)
        return [Change(at, "", before + new + after), change(text, letter, letter + 1, text[letter].lower())]
    return [Change(at, "", before + new + after)]


def _with_capital(text: str, at: int, new: str) -> tuple[str, bool]:
    """The text with the sentence's capital, and whether the old first word is to give up its own."""
    following = text[at : repairs.line_end(text, at)]
    if not repairs.is_small(new[:1]) and not repairs.is_small(repairs.first_word(new)[:1]):
        word = repairs.first_word(following)
        ends = new.rstrip("\"'”’)")[-1:] in tuple(repairs.FINAL)
        lower = (
            repairs.starts_sentence(text, at)
            and repairs.can_be_lowered(word)
            and repairs.is_capital(following)
        )
        return new, lower and not ends and any(c.isalpha() for c in new)
    if not repairs.starts_sentence(text, at):
        return new, False
    if following.strip():
        if not repairs.is_capital(following):
            return new, False
        return repairs.raised(new), repairs.can_be_lowered(repairs.first_word(following))
    start = repairs.line_start(text, at)
    before = text[start:at]
    above = text[:start].rstrip()
    if not before and above and regex.search(r"(?:\r\n|\n|\r){2,}\Z", text[:start]) is not None:
        block = repairs.line_start(above, len(above))
        return (repairs.raised(new) if repairs.is_capital(above[block:]) else new), False
    if before.rstrip("\"'”’») \t")[-1:] in tuple(repairs.FINAL):
        return repairs.raised(new), False
    if before.strip() and marker_end(text, (start, at)) < at and repairs.is_capital(before):
        return repairs.raised(new), False
    return new, False


def insert_line(document: Document, line: Span, new: str, *, after: bool) -> list[Change]:
    """Text as a line of its own beside a line; beside an item with its marker, numbers behind it raised."""
    text = document.text
    start, end = repairs.line_start(text, line.start), repairs.line_end(text, line.end)
    near = repairs.line_start(text, line.end) if after else start
    marker = MARKER.match(text, near, repairs.line_end(text, near))
    number = _number(marker[0]) if marker is not None else None
    prefix = "" if marker is None else _with_number(marker[0], None if number is None else number + after)
    new = _like_neighbour(text[marker_end(text, (near, repairs.line_end(text, near))) :], new)
    if after:
        raised = _raised_numbers(text, _behind_break(text, end), number)
        return [Change(end, "", document.newline + prefix + new), *raised]
    raised = _raised_numbers(text, start, None if number is None else number - 1)
    return [Change(start, "", prefix + new + document.newline), *raised]


def _number(marker: str) -> int | None:
    found = regex.search(r"\d+", marker)
    return None if found is None else int(found[0])


def _with_number(marker: str, number: int | None) -> str:
    """A list marker with another number and an empty task box."""
    marker = regex.sub(r"\[[xX]\]", "[ ]", marker)
    return marker if number is None else regex.sub(r"\d+", str(number), marker, count=1)


def _raised_numbers(text: str, at: int, number: int | None) -> list[Change]:
    """Numbers of the items from `at` on, one higher, as long as they follow `number` in order."""
    changes: list[Change] = []
    while number is not None and at < len(text):
        found = regex.compile(r"[ \t]*(\d{1,9})[.)][ \t]").match(text, at)
        if found is None or int(found[1]) != number + 1:
            break
        number += 1
        changes.append(change(text, found.start(1), found.end(1), str(number + 1)))
        at = _behind_break(text, repairs.line_end(text, at))
    return changes


def insert_paragraph(document: Document, block: Span, new: str, *, after: bool) -> Change:
    """Text as a paragraph of its own beside a paragraph or section."""
    text, newline = document.text, document.newline
    new = _like_neighbour(text[block.start :], new)
    if after:
        end = repairs.line_end(text, block.end)
        return Change(end, "", newline * 2 + new)
    return Change(repairs.line_start(text, block.start), "", new + newline * 2)


def _like_neighbour(neighbour: str, new: str) -> str:
    return (
        repairs.raised(new)
        if repairs.is_capital(neighbour.lstrip("# \t")) and repairs.is_small(new[:1])
        else new
    )


def end_of_sentence(text: str, at: int) -> int:
    """Before the final mark of a sentence that ends at `at`."""
    inner = text[:at].rstrip("\"'”’»)]*_")
    bare = inner.rstrip(repairs.FINAL)
    return len(bare) if len(bare) < len(inner) else at


# --- breaks ---


def insert_break(document: Document, at: int, style: str, *, at_caret: bool) -> Change:
    """A line break or a blank line at an offset. The spaces around it go; breaks that are there count, but
    at the caret."""
    text = document.text
    start, end = repairs.space_before(text, at), repairs.space_after(text, at)
    if (
        repairs.at_line_start(text, start)
        and start > repairs.line_start(text, start) - 1
        and not text[repairs.line_start(text, at) : at].strip()
    ):
        start = at
    wanted = 2 if style == "paragraph" else 1
    if not at_caret and style == "paragraph":
        there = _breaks_at(text, start, end)
        wanted = max(1, wanted - there)
    return change(text, start, end, document.newline * wanted)


def _breaks_at(text: str, start: int, end: int) -> int:
    behind = regex.match(r"(?:\r\n|\n|\r)*", text[end:])
    before = regex.search(r"(?:\r\n|\n|\r)*$", text[:start])
    return sum(len(regex.findall(r"\r\n|\n|\r", found[0])) for found in (behind, before) if found is not None)


# --- replacing ---


def replacement(document: Document, span: Span, new: str, *, quote: str | None = None) -> list[Change]:
    """Other text in the place of a span: case, digits, final mark and identifier style are taken over."""
    text = document.text
    old = text[span.start : span.end]
    if not new:
        return _delete_one(text, span, by_line=False, exact_marks=True)
    start, end = span.start, span.end
    if quote is not None:
        new = _same_article(old, new, quote)
    new = _like_identifier(old, new)
    final = regex.search(r"[.!?…]+[\"'”’»)]*$", old)
    if (
        final is not None
        and final.start() > 0
        and any(c.isalnum() for c in new)
        and new[-1] not in repairs.FINAL
    ):
        end = start + final.start()
        old = text[start:end]
    new = repairs.dressed_like(new, old, at_start=repairs.starts_sentence(text, start))
    if new[0] in repairs.CLOSING and len(new) == 1 and not any(c.isalnum() for c in old):
        start = (
            min(start, repairs.space_before(text, start)) if not repairs.at_line_start(text, start) else start
        )
    before = repairs.gap_before(text, start, new) if _was_apart(old[:1]) and new[0].isalnum() else ""
    after = repairs.gap_after(text, end, new) if _was_apart(old[-1:]) and new[-1].isalnum() else ""
    return [change(text, start, end, before + new + after)]


def _was_apart(edge: str) -> bool:
    """A mark that is replaced by a word needs the spaces that it did without."""
    return bool(edge) and not edge.isalnum() and not edge.isspace()


def _same_article(old: str, new: str, quote: str) -> str:
    """ "the cat" said for the "cat" that stands there: the new article is not doubled."""
    said, have = quote.lower().split()[:1], old.lower().split()[:1]
    if said and said[0] in ("the", "a", "an") and said != have and new.lower().split()[:1] == said:
        return new.split(" ", 1)[-1]
    return new


def _like_identifier(old: str, new: str) -> str:
    """max_retries -> retry_limit, userName -> accountName."""
    words = new.split()
    if len(words) < 2 or not all(word.isalnum() and word.isascii() and word.islower() for word in words):
        return new
    if regex.fullmatch(r"[a-z0-9]+(?:_[a-z0-9]+)+", old):
        return "_".join(words)
    if regex.fullmatch(r"[A-Z0-9]+(?:_[A-Z0-9]+)+", old):
        return "_".join(words).upper()
    if regex.fullmatch(r"[a-z]+(?:[A-Z][a-z0-9]+)+", old):
        return words[0] + "".join(word.capitalize() for word in words[1:])
    return new


# --- swapping, moving, duplicating ---


def swap(document: Document, first: Span, second: Span) -> list[Change]:
    """Two spans change places; a capital at a sentence's start stays there."""
    text = document.text
    if first.start > second.start:
        first, second = second, first
    if first.end > second.start:
        raise NoMatch("those two overlap and cannot change places")
    a, b = text[first.start : first.end], text[second.start : second.end]
    to_first, to_second = b, a
    for line in (repairs.line_start(text, first.start), repairs.line_start(text, second.start)):
        if "\n" in a + b or MARKER.match(text, line) is not None:
            break
    else:
        if repairs.starts_sentence(text, first.start) and repairs.is_capital(a) and repairs.is_small(b):
            if not repairs.starts_sentence(text, second.start):
                to_first, to_second = repairs.raised(b), repairs.lowered(a)
        elif repairs.starts_sentence(text, second.start) and repairs.is_capital(b) and repairs.is_small(a):
            to_first, to_second = repairs.lowered(b), repairs.raised(a)
    return [change(text, first.start, first.end, to_first), change(text, second.start, second.end, to_second)]


def duplicate(document: Document, span: Span, *, by_line: bool, by_paragraph: bool) -> list[Change]:
    """A copy right after the original."""
    text, newline = document.text, document.newline
    if by_line or by_paragraph:
        start, end = repairs.line_start(text, span.start), repairs.line_end(text, span.end)
        marker = MARKER.match(text, start, end)
        number = (
            _number(marker[0]) if marker is not None and by_line and "\n" not in text[start:end] else None
        )
        copy = text[start:end]
        if marker is not None and number is not None:
            copy = regex.sub(r"\d+", str(number + 1), marker[0], count=1) + copy[len(marker[0]) :]
        more = _raised_numbers(text, _behind_break(text, end), number)
        return [Change(end, "", newline * (2 if by_paragraph else 1) + copy), *more]
    copy = text[span.start : span.end]
    if not copy:
        raise NoMatch("there is no text there")
    gap = " " if not copy[0].isspace() and not copy[-1].isspace() and any(c.isalnum() for c in copy) else ""
    return [Change(span.end, "", gap + copy)]
