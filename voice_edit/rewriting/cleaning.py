"""Takes away what models put around an answer: a sentence before it, a remark behind it, quotes, code fences.

Only what the passage does not have itself, so that a passage comes back from here as it went in. Pure.
"""

# ruff: noqa: RUF001  (typographic marks are what this file is about)

from __future__ import annotations

import re

_PAIRS = {'"': '"', "“": "”", "„": "“", "«": "»", "'": "'", "‘": "’", "`": "`"}
_TAG = re.compile(r"\A\s*<(passage|text|answer|document)>\s*(.*?)\s*</\1>\s*\Z", re.DOTALL)
_FENCE = re.compile(r"\A\s*(```|~~~)[\w-]*[ \t]*\n(.*?)\n?[ \t]*\1\s*\Z", re.DOTALL)
_BEFORE = re.compile(
    r"\A\s*(?:(?:sure|certainly|of course|okay|absolutely|gladly|no problem|great)\b[^\n:]{0,40}[!.,:]\s*)?"
    r"(?:\*\*|__)?(?:"
    r"(?:here(?:'s|’s| is| are)|this is|below is|(?:the )?following is|i(?:'ve| have) (?:re)?written"
    r"|(?:the|a|your) (?:new|(?:re|short|revis|correct|translat|formal|simpl|friendl|key|improv|edit)\w*)\b"
    r"|(?:re|correct|revis|translat)\w*(?: (?:text|version|passage))"
    r"|hier (?:ist|sind)|voici|aquí (?:está|tiene|tienes)|ecco|aqui está)[^\n]{0,120}?"
    r"):(?:\*\*|__)?[ \t]*\n+",
    re.IGNORECASE,
)
_AGREED = re.compile(r"\A\s*(?:sure|certainly|of course|okay|absolutely|gladly)[!.][ \t]*\n+", re.IGNORECASE)
_BEHIND = re.compile(
    r"\n\s*\n\s*[*_(\[]{0,2}(?:let me know|i hope|hope this|feel free|please let|would you like"
    r"|is there anything|note:|note that i|changes(?: made)?:|explanation:|this version|the (?:main )?changes"
    r"|i (?:have )?(?:changed|kept|corrected|made|replaced|used|removed|added|rewr)).*\Z",
    re.IGNORECASE | re.DOTALL,
)
_LABEL = re.compile(
    r"\A\s*(?:\*\*|__)?(?:passage|rewritten(?: passage| text| version)?|answer|output|result|translation"
    r"|key points):(?:\*\*|__)?[ \t]*\n*",
    re.IGNORECASE,
)


def cleaned(answer: str, original: str) -> str:
    """The answer without what is only around it; both without white space at their ends."""
    text, original = answer.strip(), original.strip()
    while text and text != original:
        less = _less(text, original).strip()
        if less == text or not less:
            break
        text = less
    return text


def _less(text: str, original: str) -> str:
    if (found := _TAG.match(text)) is not None and _TAG.match(original) is None:
        return found[2]
    if (found := _FENCE.match(text)) is not None and not original.startswith(("```", "~~~")):
        return found[2]
    for pattern in (_BEFORE, _AGREED, _LABEL):
        if pattern.match(text) is not None and pattern.match(original + "\n\n") is None:
            return pattern.sub("", text, count=1)
    found = _BEHIND.search(text)
    if found is not None and _BEHIND.search("\n\n" + original) is None:
        return text[: found.start()]
    return _unquoted(text, original)


def _unquoted(text: str, original: str) -> str:
    close = _PAIRS.get(text[:1])
    if close is None or len(text) < 3 or text[-1] != close or original[:1] in _PAIRS:
        return text
    inner = text[1:-1]
    # "He" said "no": the first mark does not belong to the last one.
    return text if text[0] in inner or close in inner else inner
