"""What answers look like that nobody said: loops, more words than anybody can say, an assistant's phrases.

Each function takes the text and returns a `Symptom` or None. They may be wrong: what they find is marked or
asked about, and another engine may be asked; nothing is thrown away for it. Pure.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from engine.judging.languages import another_language, words_of
from engine.judging.verdict import Symptom

if TYPE_CHECKING:
    from engine.events import HypothesisStop

ROUNDS = ((1, 7), (3, 5), (24, 3))
"""Up to so many words, a phrase that is said so often in a row is a loop. "No no no no no" is a person, and
so are three cheers."""
LONGEST_PHRASE = 24
LONGEST_RUN = 20
"""Letters without a blank; in longer ones, loops of letters are looked for: Chinese has no blanks."""

MOST_WORDS_S = 6.0
"""An auctioneer has 5 words a second."""
SPARE_WORDS = 3
"""Short utterances are cut more closely than they are spoken."""
MOST_CHARACTERS_S = 9.0
"""Of Chinese, Japanese or Korean. A fast reader has 7."""
LONG_SPEECH_S = 4.0
LEAST_WORDS_S = 0.25
"""Who speaks for long says more than this. Of 1,335 answers that were right, none had less than 1.4."""
ECHO_WORDS = 6
"""So many words of the instruction in a row are no accident."""


def repeated(text: str, stop: HypothesisStop = "eos") -> Symptom | None:
    """A phrase over and over; also one that decoding has cut to its first round already."""
    if stop == "repetition" or _loops(words_of(text)) or any(map(_loops, _runs(text))):
        return Symptom("repetition", "one phrase over and over")
    return None


def cut_short(stop: HypothesisStop) -> Symptom | None:
    """The model did not come to an end by itself."""
    return Symptom("cut", "it did not come to an end") if stop in ("max_tokens", "cancelled") else None


def too_many(text: str, seconds: float) -> Symptom | None:
    """More than anybody can say in that time."""
    dense = sum(_is_dense(c) for c in text)
    words = len(words_of(text))
    if dense > SPARE_WORDS * 3 + MOST_CHARACTERS_S * seconds:
        return Symptom("too-many-words", f"{dense} characters in {seconds:.1f} s")
    if words > SPARE_WORDS + MOST_WORDS_S * seconds:
        return Symptom("too-many-words", f"{words} words in {seconds:.1f} s")
    return None


def too_few(text: str, speech_s: float) -> Symptom | None:
    """Much less than was said: the model stopped early. `speech_s`: of speech, pauses left out."""
    units = max(len(words_of(text)), sum(_is_dense(c) for c in text) / 2)
    if speech_s >= LONG_SPEECH_S and units < LEAST_WORDS_S * speech_s:
        return Symptom("too-few-words", f"{speech_s:.1f} s of speech and hardly a word")
    return None


def answers(text: str, instruction: str = "") -> Symptom | None:
    """The model talks about the sound or to the speaker, or repeats what it was told to do."""
    plain = " ".join(text.lower().replace("’", "'").split())  # noqa: RUF001
    if any(phrase in plain for phrase in _phrases("anywhere")):
        return Symptom("answering", "it sounds like an answer, not like what was said")
    head, colon, _ = plain.partition(":")
    if colon and "." not in head and any(_begins(head, label) for label in _phrases("labels")):
        return Symptom("answering", "it begins like an answer")
    if _describes_sound(plain):
        return Symptom("answering", "it describes a sound")
    if re.search(
        r"```|^\s*(?:[#*>-]|\d+\.)\s+\S.*\n\s*(?:[#*>-]|\d+\.)\s+\S|\*\*\S[^*]*\*\*|<\|", text, re.M
    ):
        return Symptom("answering", "it is formatted, which speech is not")
    if _has_in_common(words_of(text), words_of(instruction)) >= ECHO_WORDS:
        return Symptom("answering", "it repeats what the model was told to do")
    return None


def in_another_language(text: str, expected: str) -> Symptom | None:
    """See `another_language`."""
    found = another_language(text, expected)
    return Symptom("language", found) if found else None


# --- inside ---------------------------------------------------------------------------------------------


def _loops(units: Sequence[str]) -> bool:
    """Whether a phrase of these is repeated too often in a row, anywhere."""
    n = len(units)
    for length in range(1, min(LONGEST_PHRASE, n // 2) + 1):
        rounds = next(least for most, least in ROUNDS if length <= most)
        same = 0
        for i in range(length, n):
            same = same + 1 if units[i] == units[i - length] else 0
            if same >= (rounds - 1) * length:
                return True
    return False


def _runs(text: str) -> list[str]:
    """Stretches of a text without blanks that are too long to be words."""
    return [run for run in re.findall(r"[^\W\d_]+", text) if len(run) > LONGEST_RUN and _is_dense(run[0])]


def _is_dense(character: str) -> bool:
    """Whether it is written without blanks between words: Chinese, Japanese; Korean counts by syllable."""
    return (
        "\u3040" <= character <= "\u30ff"
        or "\u3400" <= character <= "\u9fff"
        or "\uac00" <= character <= "\ud7af"
    )


def _begins(text: str, label: str) -> bool:
    return text == label or (text.startswith(label) and not text[len(label)].isalnum())


def _describes_sound(plain: str) -> bool:
    """Whether all of it is a sound in brackets."""
    match = re.fullmatch(r"[\[(*]+\s*([a-z_ ]+?)\s*[\])*]+\.?", plain)
    return match is not None and any(word in _sounds() for word in match[1].split())


def _has_in_common(words: Sequence[str], others: Sequence[str]) -> int:
    """Length of the longest run of words that is in both."""
    longest = 0
    row = [0] * (len(others) + 1)
    for word in words:
        before = 0
        for j, other in enumerate(others, 1):
            before, row[j] = row[j], before + 1 if word == other else 0
            longest = max(longest, row[j])
    return longest


@cache
def _table() -> dict[str, str]:
    return tomllib.loads((files("engine.judging") / "symptoms.toml").read_text(encoding="utf-8"))


@cache
def _phrases(name: str) -> tuple[str, ...]:
    return tuple(line for line in _table()[name].splitlines() if line)


@cache
def _sounds() -> frozenset[str]:
    return frozenset(_table()["sounds"].split())
