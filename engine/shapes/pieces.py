"""A vocabulary of Gemma 4's size that belongs to nobody: real numbers of the special tokens, invented pieces.

What has to be true for a measurement is true: 262,144 rows of logits, the special tokens where the program
looks for them, and prompts about as long as with the published vocabulary. The words of given texts and some
common English are whole; other words fall into pieces of up to three letters. All other pieces are invented
words, so what a random model says can be read and cannot be mistaken for meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count, product
from string import ascii_lowercase, ascii_uppercase

from engine.shapes.dimensions import VOCABULARY

SPACE = "▁"
PAD, EOS, BOS, UNK = range(4)

NORMAL, CONTROL, USER_DEFINED, BYTE = 1, 3, 4, 6
"""Types of tokens in a GGUF. Those of USER_DEFINED are special, but shown as text."""

FIXED = {
    0: "<pad>", 1: "<eos>", 2: "<bos>", 3: "<unk>", 4: "<mask>", 46: "<|tool>", 47: "<tool|>", 48:
    "<|tool_call>", 49: "<tool_call|>", 50: "<|tool_response>", 51: "<tool_response|>", 52: '<|"|>', 98:
    "<|think|>", 100: "<|channel>", 101: "<channel|>", 105: "<|turn>", 106: "<turn|>", 255_999: "<|image>",
    256_000: "<|audio>", 258_880: "<|image|>", 258_881: "<|audio|>", 258_882: "<image|>", 258_883: "<audio|>",
    258_884: "<|video|>",
}  # fmt: skip
"""Special tokens and their numbers, which every Gemma 4 shares."""

SHOWN = {
    "<|channel>",
    "<channel|>",
    "<|tool_call>",
    "<tool_call|>",
    "<|tool_response>",
    "<tool_response|>",
    '<|"|>',
}
SUPPRESSED = ("<audio|>", "<image|>")
"""What the generation settings of the 12B forbid."""

NEWLINES = range(107, 138)
"""Runs of 1 to 31 newlines: llama.cpp takes newlines apart from all other text and looks runs up whole."""
BYTES = range(238, 494)
FIRST_PIECE, FIRST_UNUSED = 494, 255_999

_COMMON = """
the of and to a in is that it for was on are as with his they at be this from have or by one had not but
what all were when we there can an your which their said if do will each about how up out them then she many
some so these would other into has more her two like him see time could no make than first been its who now
people my made over did down only way find use may water long little very after words called just where most
know get through back much go good new write our me man too any day same right look think also around
another came come work three must because does part even place well such here take why help put different
away again off went old number great tell men say small every found still between name should home big give
air line set own under read last never us left end along while might next sound below saw something thought
both few those always show large often together asked house world going want school important until please
delete replace insert sentence paragraph word text meeting tomorrow today letter page change before
"""
"""English that turns up everywhere; whole in every published vocabulary, so whole in ours."""

_ENDINGS = """
tion ation sion ing ings ment ments ness able ible ance ence ions ious ated ating ally ical ity ive ful less
ise ize ist ism ter ters ther ted led red ned ded sed ced ged est ies ied ers ess ent ant ate ary ory our ous
ure age ard ell ill all end ind and ound ight ough ock ick ack eck ed er es ly al en on in an or ar ic le us
th ch sh st
"""
"""What words end in; kept together before other letters are."""

_MARKS = (*(SPACE + mark for mark in "(\"'`#<>=&*-"), "##", "``", "--", "..", ").", "),", "):", ".,")
"""Marks that stand together."""

_WORD = re.compile(f"{SPACE}?[A-Za-z]+")


@dataclass(frozen=True, slots=True)
class Pieces:
    """Tokens in the order of their numbers, as the `gemma4` tokenizer of llama.cpp wants them."""

    tokens: list[str]
    types: list[int]
    merges: list[str]
    """`left right`, best first."""


def make(n_vocab: int, texts: Iterable[str] = ()) -> Pieces:
    """A vocabulary of `n_vocab` tokens in which the words of `texts` are whole: after a space, and where no
    space stands before them in the text, there, too.

    Below Gemma's size, special tokens come in the same order, but not all under their own numbers, and there
    are no pieces of words. Raises ValueError where not even words and special tokens fit.
    """
    whole, merges = _grown(texts, parts=n_vocab == VOCABULARY)
    late = [number for number in FIXED if number >= FIRST_UNUSED]
    first_unused = min(FIRST_UNUSED, n_vocab - len(late))
    full = n_vocab == VOCABULARY
    numbers = late if full else range(first_unused, n_vocab)
    moved = dict(zip(late, numbers, strict=True))
    fixed = {moved.get(number, number): token for number, token in FIXED.items()}
    if first_unused - FIRST_PIECE < len(whole):
        raise ValueError(f"{n_vocab} tokens are too few: {FIRST_PIECE + len(whole) + len(late)} are needed")
    pieces = chain(whole, (word for word in _invented() if word not in whole))
    unused = count()
    tokens, types = list[str](), list[int]()
    for number in range(n_vocab):
        kind = NORMAL
        if number in fixed:
            token = fixed[number]
            kind = USER_DEFINED if token in SHOWN else CONTROL
        elif number in NEWLINES:
            token = "\n" * (number - NEWLINES.start + 1)
        elif number in BYTES:
            token, kind = f"<0x{number - BYTES.start:02X}>", BYTE
        elif FIRST_PIECE <= number < first_unused:
            token = next(pieces)
        else:
            token = f"<unused{next(unused)}>"
        tokens.append(token)
        types.append(kind)
    return Pieces(tokens, types, merges)


def _grown(texts: Iterable[str], *, parts: bool) -> tuple[dict[str, None], list[str]]:
    """The pieces that text is made of, and how they grow letter by letter.

    llama.cpp joins the pair that stands first in the list. Beginnings of words stand first, so that what is
    inside a word never tears one apart.
    """
    pieces = dict.fromkeys([SPACE, *map(chr, range(33, 127))])
    merges: dict[str, None] = {}

    def grow(word: str) -> None:
        for end in range(2, len(word) + 1):
            merges[f"{word[: end - 1]} {word[end - 1]}"] = None
            pieces[word[:end]] = None

    common = [form for word in _COMMON.split() for form in (word, word.capitalize())]
    said = [match.group() for text in texts for match in _WORD.finditer(text.replace(" ", SPACE))]
    for word in common:
        grow(SPACE + word)
    for mark in _MARKS:
        grow(mark)
    for word in said:
        grow(SPACE + word.removeprefix(SPACE))
    if parts:
        for first in ascii_lowercase + ascii_uppercase:
            for second, third in product(ascii_lowercase, repeat=2):
                grow(SPACE + first + second + third)
    for word in (*said, *(word.capitalize() for word in _COMMON.split())):
        if not word.startswith(SPACE):
            grow(word)
    if parts:
        for ending in _ENDINGS.split():
            grow(ending)
        for letters in product(ascii_lowercase, repeat=3):
            grow("".join(letters))
    return pieces, list(merges)


def _invented() -> Iterator[str]:
    """Words without end, as far as a vocabulary is concerned: 421,875 of three syllables."""
    syllables = [a + b for a, b in product("bdfghjklmnprstv", "aeiou")]
    for parts in product(syllables, repeat=3):
        yield SPACE + "".join(parts)
