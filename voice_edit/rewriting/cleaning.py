"""Takes away what models put around an answer: a sentence before it, a remark behind it, quotes, code fences.

Only what talks about the answer itself and the passage has nothing like: a passage comes back from here as it
went in, and a letter that says "Please let me know" goes on to say so. Pure.
"""

# ruff: noqa: RUF001  (typographic marks are what this file is about)

from __future__ import annotations

import re

_PAIRS = {'"': '"', "“": "”", "„": "“", "«": "»", "'": "'", "‘": "’", "`": "`", "「": "」"}
_TAG = re.compile(r"\A\s*<(passage\d*|text|answer|document\d*)>\s*(.*?)\s*</\1>\s*\Z", re.DOTALL)
_FENCE = re.compile(r"\A\s*(```|~~~)[\w-]*[ \t]*\n(.*?)\n?[ \t]*\1\s*\Z", re.DOTALL)

LONGEST_INTRODUCTION = 200
"""Characters of a line that announces what follows."""
OWN_WORD = 5
"""Letters of a word that is no accident in two texts."""

_YES = (
    r"sure|certainly|of course|okay|absolutely|gladly|no problem|great|natürlich|selbstverständlich|gerne?"
    r"|klar|sicher|bien sûr|certainement|avec plaisir|voilà|d'accord|claro(?: que sí)?|por supuesto"
    r"|desde luego|certo|certamente|com certeza|natuurlijk|zeker|självklart|oczywiście|конечно|хорошо"
    r"|разумеется|当然|好的|もちろん|はい"
)
_WORK = (
    r"version|rewrit|rewrote|revis|reword|passage|paragraph|translat|correct|shorten|simplif|condens"
    r"|proofread|formal|professional|friendl|key points|main points|summary"
)
"""What talk about an answer is about."""
_ANNOUNCES = re.compile(
    rf"[*_ \t]*(?:(?:{_YES})\b[^\n:：]{{0,40}}[!.,，。！、 ]\s*)?(?:"
    rf"(?:here(?:'s|’s| is| are)|this is|below is|(?:the )?following is)\b[^\n]*(?:{_WORK}|\btext\b)"
    r"|i(?:(?:'|’| ha)ve)? (?:re)?(?:written|wrote|worded|vised)\b"
    rf"|(?:the|a|your|my)\b[^\n:]{{0,20}}(?:{_WORK})"
    rf"|(?:{_WORK})\w*(?: (?:text|version|passage))?"
    r"|(?:hier|nachfolgend|anbei|im folgenden)\b[^\n]*(?:version|fassung|text|absatz|übersetzung|stichpunkt"
    r"|umformul)"
    r"|(?:voici|voilà|ci-dessous)\b[^\n]*(?:version|texte|passage|traduction|points|réécri|reformul)"
    r"|(?:aquí|este es|esta es|a continuación)\b[^\n]*(?:versión|texto|pasaje|traducción|puntos)"
    r"|(?:ecco|di seguito)\b[^\n]*(?:versione|testo|traduzione|punti)"
    r"|(?:aqui|segue|a seguir)\b[^\n]*(?:versão|texto|tradução|pontos)"
    r"|(?:hier|hierbij|hieronder)\b[^\n]*(?:versie|tekst|vertaling|punten)"
    r"|(?:här|nedan)\b[^\n]*(?:version|text|översättning)"
    r"|(?:oto|poniżej)\b[^\n]*(?:wersj|tekst|tłumaczeni)"
    r"|(?:вот|ниже)\b[^\n]*(?:верси|текст|перевод|вариант)"
    r"|(?:以下是|下面是|这是)[^\n]*(?:版|文|译)"
    r"|(?:以下|こちら)[^\n]*(?:版|文|訳)"
    r")[^\n]*[:：][*_ \t]*\Z",
    re.IGNORECASE,
)
_CHOICES = re.compile(
    r"\b(?:options|versions|variants|alternatives|suggestions|possibilities)\b", re.IGNORECASE
)
_ON_THE_LINE = re.compile(
    rf"\A(?:(?:{_YES})\b[^\n:]{{0,20}}[!.,]\s*)?here(?:'s|’s| is) (?:the|a|your) "
    r"[^\n:]{0,40}(?:version|rewrite|rewording|translation)[^\n:]{0,40}:[ \t]+(?=\S)",
    re.IGNORECASE,
)
_AGREED = re.compile(rf"\A\s*(?:{_YES})\s?[!.！。][ \t]*\n+", re.IGNORECASE)
_LABEL = re.compile(
    r"\A\s*(?:\*\*|__)?(?:passage|(?:rewritten|formal|short|shortened|friendly|simplified|revised|corrected"
    r"|improved)(?: passage| text| version)|rewritten|answer|output|result|translation|key points):"
    r"(?:\*\*|__)?[ \t]*\n*",
    re.IGNORECASE,
)
_BEHIND = re.compile(
    r"[*_(\[]{0,3}(?:let me know|i hope|hope this|feel free|please let|would you like|is there anything"
    r"|if you(?:'d| would) like|note\b|changes(?: made)?:|explanation:|this version|the (?:main )?changes"
    r"|i(?:(?:'|’| ha)ve)? (?:changed|kept|corrected|fixed|made|replaced|used|removed|added|rewr\w+|shortened"
    r"|simplified|translated|adjusted))",
    re.IGNORECASE,
)
_ABOUT_IT = re.compile(
    r"\A[*_(\[]{0,3}(?:note:|note that i|changes|explanation|this version|the (?:main )?changes|i\b(?! hope))"
    rf"|{_WORK}|\bhelps\b|\b(?:anything|something) else\b|\btone\b|\bwording\b|\bchanges?\b|\badjust"
    r"|\bfurther\b"
    r"|\bthe text\b",
    re.IGNORECASE,
)
_GAP = re.compile(r"\n[ \t]*\n\s*|\n[ \t]*(?:-{3,}|\*{3,}|_{3,})[ \t]*\n\s*")
_WORDS = re.compile(r"[^\W\d_]+")
_ASKED_AROUND = re.compile(
    r"quot|code|fence|backtick|citation|speech mark|anführung|guillemet", re.IGNORECASE
)


def cleaned(answer: str, original: str, *, asked: str = "") -> str:
    """The answer without what is only around it; both without white space at their ends. `asked`: the
    speaker's words where they name no style; quotation marks that they speak of stay.
    """
    text, original = answer.strip(), original.strip()
    keeps_around = _ASKED_AROUND.search(asked) is not None
    while text and text != original:
        less = _less(text, original, keeps_around=keeps_around).strip()
        if less == text or not less:
            break
        text = less
    return text


def introduction(text: str) -> str:
    """The first line where more follows that it announces with a colon, else nothing."""
    line, _, rest = text.partition("\n")
    line = line.rstrip(" \t*_")
    announces = line.endswith((":", "：")) and len(line) <= LONGEST_INTRODUCTION and not rest.isspace()
    return line if announces and rest else ""


def has_remark(text: str, original: str) -> bool:
    """Whether its last paragraph seems to talk about the text itself, and not of what the passage does."""
    last = _GAP.split(text.strip())[-1]
    talks = _BEHIND.match(last) is not None and _ABOUT_IT.search(last) is not None
    return talks and not _shares_a_word(last, original)


def _less(text: str, original: str, *, keeps_around: bool) -> str:
    if (found := _TAG.match(text)) is not None and _TAG.match(original) is None:
        return found[2]
    if not keeps_around and (found := _FENCE.match(text)) and not original.startswith(("```", "~~~")):
        return found[2]
    if (less := _without_introduction(text, original)) != text:
        return less
    if (less := _without_remark(text, original)) != text:
        return less
    return text if keeps_around else _unquoted(text, original)


def _without_introduction(text: str, original: str) -> str:
    line = introduction(text)
    if line and _ANNOUNCES.match(line) and not _CHOICES.search(line) and not _is_like(line, original):
        return text[text.index("\n") :]
    lines, old_lines = (len([one for one in part.split("\n") if one.strip()]) for part in (text, original))
    if (found := _AGREED.match(text)) is not None and lines > old_lines:
        return text[found.end() :]
    for pattern in (_ON_THE_LINE, _LABEL):
        found = pattern.match(text)
        if found is not None and not _is_like(found[0], original):
            return text[found.end() :]
    return text


def _is_like(line: str, original: str) -> bool:
    """Whether the line may be the passage's own: it shares a word with it, or announces something too."""
    return bool(introduction(original)) or _shares_a_word(line, original)


def _shares_a_word(text: str, original: str) -> bool:
    words, old = (set(_WORDS.findall(part.casefold())) for part in (text, original))
    return any(len(word) >= OWN_WORD for word in words & old)


def _without_remark(text: str, original: str) -> str:
    """Only paragraphs that the passage had no room for."""
    at, least = 0, len(_GAP.split(original))
    for number, gap in enumerate(_GAP.finditer(text), start=1):
        at = gap.end()
        end = following.start() if (following := _GAP.search(text, at)) else len(text)
        if number >= least and _BEHIND.match(text, at) and _ABOUT_IT.search(text[at:end]):
            return text[: gap.start()]
    return text


def _unquoted(text: str, original: str) -> str:
    close = _PAIRS.get(text[:1])
    if close is None or len(text) < 3 or text[-1] != close or original[:1] in _PAIRS:
        return text
    inner = text[1:-1]
    # "He" said "no": the first mark does not belong to the last one.
    return text if text[0] in inner or close in inner else inner
