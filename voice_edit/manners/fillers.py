"""Sounds of hesitation, and small words said twice, left out where that is certain."""

from __future__ import annotations

from voice_edit import repairs
from voice_edit.manners.lexicon import FUNCTION_WORDS, REPORTING, is_english
from voice_edit.manners.said import Cut, Word, with_cuts, words_of
from voice_edit.wordlists import wordlist

_SOUNDS = wordlist("um uh uhm umm uhh uhhh ummm erm")
_SOUND_BETWEEN_MARKS = wordlist("er err ehm em hm")
"""Sounds that are words, too: only where the recogniser set them off."""
_TWICE = wordlist("the an we they their our your")
"""Nobody means these twice in a row."""
_ABOUT_WORDS = wordlist(
    """word words syllable syllables filler fillers preposition sound sounds pronounce pronounced spell
    spelled german portuguese dutch latin transcript recording speech interview voice"""
)
"""Where these are said, "um" may be what is talked about."""
_NAMING = wordlist("say says said saying every each no any many of called is are with without per")
_AFTER_A_NAME = wordlist("is was means and or in at of from before after")
_LETTERED = wordlist("vitamin plan type grade option part section figure hepatitis class team level group")
_OPENERS = wordlist("so well yes no okay ok yeah right sure hello hi hey thanks sorry actually anyway now")


def without_fillers(text: str) -> str:
    """The utterance without them; the same text if there are none, or nothing else."""
    words = words_of(text)
    if not any(_may_go(word) for word in words) and not _stutters(words):
        return text
    norms = [word.norm for word in words if word.norm and not _is_sound(word)]
    if not is_english(norms) or norms[-1] in REPORTING:  # "um I think so she said": as somebody said it
        return text
    cuts: list[Cut] = []
    run: list[int] = []
    about_words = any(norm in _ABOUT_WORDS for norm in norms)
    for at in range(len(words)):
        if _is_filler(words, at, about_words=about_words):
            run.append(at)
            continue
        if run:
            cuts.append(_cut(text, words, run))
        run = []
    if run:
        cuts.append(_cut(text, words, run))
    gone = with_cuts(text, cuts)
    again = words_of(gone)
    return with_cuts(
        gone,
        [
            Cut(again[at].start, again[at + 1].start, raises=again[at].core[:1].isupper())
            for at in _stutters(again)
        ],
    )


def _is_sound(word: Word) -> bool:
    return word.norm in _SOUNDS or word.norm in _SOUND_BETWEEN_MARKS


def _may_go(word: Word) -> bool:
    return _is_sound(word) and not word.quoted and not word.lead and not (word.core.isupper() and word.norm)


def _is_filler(words: list[Word], at: int, *, about_words: bool) -> bool:
    word = words[at]
    if not _may_go(word):
        return False
    before = words[at - 1] if at else None
    after = words[at + 1] if at + 1 < len(words) else None
    if before is not None and before.trail.endswith("-"):
        return False
    begins = word.opens or (before is not None and before.norm in _SOUNDS and before.opens)
    parted = begins or (before is not None and bool(before.trail))
    if parted and (word.trail in (",", "...", "…") or (after is None and not begins)):
        return after is not None or not begins
    if word.norm in _SOUND_BETWEEN_MARKS or about_words or (after is None and begins):
        return False
    if word.core[:1].isupper() and not word.opens:
        return False
    if word.opens:
        # "Um Kulthum sang" is a name, "Um is a word" a word.
        named = after is not None and after.core[:1].isupper() and after.norm.split("'")[0] != "i"
        return not named and after is not None and after.norm not in _AFTER_A_NAME and not _answers(after)
    if before is not None and not before.trail and before.norm in _NAMING:
        return before.norm in ("is", "are", "with") and after is not None and after.norm not in _AFTER_A_NAME
    if after is not None and (after.norm in _AFTER_A_NAME or _answers(after)):
        article = before is not None and before.norm in ("the", "a", "an", "this", "that", "his", "her")
        return not article and not _answers(after) and after.norm not in ("and", "or", "means", "is", "was")
    if before is not None and before.norm == "an":
        return after is not None and after.norm[:1] in "aeiou"
    return True


def _answers(after: Word) -> bool:
    """ "Uh huh", "uh oh"."""
    return after.norm in ("huh", "oh", "hum")


def _cut(text: str, words: list[Word], run: list[int]) -> Cut:
    """The stretch that goes with the fillers: the commas around them, and a word begun again behind them."""
    first, last = words[run[0]], words[run[-1]]
    before = words[run[0] - 1] if run[0] else None
    after = words[run[-1] + 1] if run[-1] + 1 < len(words) else None
    if after is None:
        assert before is not None, "an utterance of fillers alone stays"
        mark = last.trail.lstrip(",") if last.ends_sentence else ""
        if before.ends_sentence:
            return Cut(before.end, last.end)
        return Cut(before.core_end, last.end, before.trail.rstrip(",") + mark)
    if before is None or first.opens:
        return Cut(first.start, after.start, raises=repairs.is_capital(first.core))
    if (
        before.norm == after.norm
        and before.norm in FUNCTION_WORDS
        and before.trail in ("", ",")
        and not after.trail
    ):
        return Cut(before.core_end, after.end)
    if last.ends_sentence and "..." not in last.trail and "…" not in last.trail:
        return Cut(before.core_end, after.start, before.trail.rstrip(",") + last.trail + " ")
    set_off = before.trail == "," and last.trail[:1] in (",", ".", "…")
    if set_off and before.norm not in _OPENERS:
        return Cut(before.core_end, after.start, " ")
    return Cut(before.end, after.start, " ")


def _stutters(words: list[Word]) -> list[int]:
    """The first of two equal small words, where nobody means both."""
    found = []
    for at in range(len(words) - 1):
        one, two = words[at], words[at + 1]
        if one.norm != two.norm or one.trail or two.trail or two.lead or one.quoted or two.quoted:
            continue
        before = words[at - 1] if at and not one.opens else None
        an_article = one.norm == "a" and two.core == "a" and (before is None or before.norm not in _LETTERED)
        the_speaker = one.norm == "i" and before is None and one.core == two.core == "I"
        if (one.norm in _TWICE and two.core.islower()) or an_article or the_speaker:
            found.append(at)
    return found
