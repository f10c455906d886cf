"""Names of punctuation marks, as they are said."""

# ruff: noqa: RUF001  (typographic marks are what this file is about)

MARKS: dict[str, str] = {
    "comma": ",",
    "period": ".",
    "full stop": ".",
    "dot": ".",
    "point": ".",
    "colon": ":",
    "semicolon": ";",
    "semi colon": ";",
    "question mark": "?",
    "exclamation mark": "!",
    "exclamation point": "!",
    "hyphen": "-",
    "dash": "–",
    "em dash": "—",
    "apostrophe": "'",
    "quotation mark": '"',
    "quote mark": '"',
    "slash": "/",
    "backslash": "\\",
    "underscore": "_",
    "asterisk": "*",
    "ampersand": "&",
    "at sign": "@",
    "percent sign": "%",
    "dollar sign": "$",
    "euro sign": "€",
    "plus sign": "+",
    "equals sign": "=",
    "hash sign": "#",
    "ellipsis": "…",
    "open parenthesis": "(",
    "close parenthesis": ")",
    "opening parenthesis": "(",
    "closing parenthesis": ")",
    "left parenthesis": "(",
    "right parenthesis": ")",
    "open bracket": "[",
    "close bracket": "]",
    "opening bracket": "[",
    "closing bracket": "]",
}
"""Spoken name (small letters) -> the mark."""

_SAME = {"-": "-‐‑", "–": "–—-", "'": "'’‘", '"': '"“”„«»', ".": ".", "…": "…"}


def mark_named(name: str) -> str | None:
    """The mark of that name: "comma", "a comma", "the full stop", "two commas" is not one. None if it names
    none."""
    words = name.casefold().replace("-", " ").split()
    if words and words[0] in ("a", "an", "the"):
        words = words[1:]
    said = " ".join(words)
    return MARKS.get(said) or (MARKS.get(said[:-1]) if said.endswith("s") else None)


def same_marks(mark: str) -> str:
    """All characters that a speaker means with this mark: curly and straight quotes are one."""
    return _SAME.get(mark, mark)
