"""What one outcome is worth: counts of words, characters and edits. Pure but for the libraries that count.

Words are counted twice: as they are written (capitals and marks count), and after the normaliser that was
published with Whisper (spelling of numbers, British and American, "I'm", fillers), as others report them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, TypeAlias

from voice_edit.errors import UsageError

if TYPE_CHECKING:
    from voice_edit.evaluation.dataset import Item
    from voice_edit.evaluation.outcomes import Heard

EditResult: TypeAlias = Literal["right", "wrong", "refused"]

WITHOUT_SPACES = {"zh", "ja", "th", "lo", "my", "km", "yue", "bo"}
"""Languages whose words are not set apart; each character counts as a word, as Whisper's authors do."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Differences between what was said and what was heard. They add up."""

    errors: int = 0
    """Substitutions, deletions, and insertions."""
    length: int = 0
    """Words, or characters, that were said."""
    insertions: int = 0
    deletions: int = 0

    @property
    def rate(self) -> float | None:
        """Errors in proportion; None where nothing was said. May exceed 1."""
        return self.errors / self.length if self.length else None

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.errors + other.errors,
            self.length + other.length,
            self.insertions + other.insertions,
            self.deletions + other.deletions,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Of one item in one variant."""

    words: Counts
    """After the normaliser."""
    written: Counts
    """As they stand."""
    characters: Counts
    """After the normaliser, spaces included."""
    is_refused: bool
    """Something was said and nothing was taken of it."""
    is_invented: bool
    """Nothing was said, and words came."""
    is_cut_short: bool
    """An answer did not end by itself: a loop, or too long."""
    edit: EditResult | None
    """None where there is no text to be edited. A wrong text was changed, but not to what was wanted; a
    refused one was left as it was."""


def score(item: Item, heard: Heard, language: str) -> Score:
    """Judge an outcome. Raises UsageError where a library is missing."""
    normal = normaliser(language)
    said, got = item.words, heard.text
    return Score(
        words=count_words(normal(said), normal(got)),
        written=count_words(said, got),
        characters=count_characters(normal(said), normal(got)),
        is_refused=not item.is_silent and not got.strip(),
        is_invented=item.is_silent and bool(got.strip()),
        is_cut_short=any(utterance.stop != "eos" for utterance in heard.utterances),
        edit=judge_edit(item, heard),
    )


def judge_edit(item: Item, heard: Heard) -> EditResult | None:
    """What became of the text."""
    if not item.edits or heard.text_after is None:
        return None
    if heard.text_after == item.after:
        return "right"
    return "refused" if heard.text_after == heard.text_before else "wrong"


def count_words(said: str, got: str) -> Counts:
    """Differences in words, what lies between blanks. Alike texts of whatever spacing have none."""
    wanted, found = said.split(), got.split()
    if not wanted or not found:
        return _nothing(len(wanted), len(found))
    done = _jiwer().process_words(" ".join(wanted), " ".join(found))
    return Counts(
        done.substitutions + done.deletions + done.insertions, len(wanted), done.insertions, done.deletions
    )


def count_characters(said: str, got: str) -> Counts:
    """Differences in characters; a row of blanks counts as one."""
    wanted, found = " ".join(said.split()), " ".join(got.split())
    if not wanted or not found:
        return _nothing(len(wanted), len(found))
    done = _jiwer().process_characters(wanted, found)
    return Counts(
        done.substitutions + done.deletions + done.insertions, len(wanted), done.insertions, done.deletions
    )


def _nothing(wanted: int, found: int) -> Counts:
    return Counts(wanted + found, wanted, insertions=found, deletions=wanted)


def require(language: str) -> None:
    """Raise UsageError now if words could not be counted later."""
    normaliser(language)
    _jiwer()


@cache
def normaliser(language: str) -> Callable[[str], str]:
    """Whisper's normaliser for a language: its English one, or the one for all others. Raises UsageError
    where it is not installed.
    """
    try:
        from whisper_normalizer.basic import BasicTextNormalizer  # type: ignore[import-untyped]
        from whisper_normalizer.english import EnglishTextNormalizer  # type: ignore[import-untyped]
    except ImportError as error:
        raise _missing("whisper-normalizer") from error
    normal: Callable[[str], str] = (
        EnglishTextNormalizer()
        if language == "en"
        else BasicTextNormalizer(split_letters=language in WITHOUT_SPACES)
    )
    return lambda text: " ".join(normal(text).split())


@cache
def _jiwer():  # type: ignore[no-untyped-def]  # a module
    try:
        import jiwer
    except ImportError as error:
        raise _missing("jiwer") from error
    return jiwer


def _missing(package: str) -> UsageError:
    return UsageError(
        f"Words are counted with {package}, which is not installed.",
        hint="Install it: pip install 'voice-edit[eval]'",
    )
