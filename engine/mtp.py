"""Multi-token prediction: a small drafter model guesses what its large one will write next.

The drafter (`gemma4-assistant`) reads the large model's own cache, sound included, and its hidden state
behind the newest token; so it knows what was heard without having heard it. What it guesses is checked like
every draft. Whether guessing pays depends on the machine: where a batch of three tokens costs as much as
three single ones, it never does. So `Pace` measures both and stops guessing where it loses.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING

import numpy as np

from engine.errors import DrafterMismatch, ModelError
from engine.gguf_header import GgufHeader, Value, read_header

if TYPE_CHECKING:
    from engine._llama_mtp import LlamaDrafter
    from engine.llama import LlamaContext, LlamaModel, ThreadSettings

logger = logging.getLogger(__name__)

ARCHITECTURE = "gemma4-assistant"

LENGTHS = (0, 3, 2, 1)
"""How many tokens may be guessed at once, in the order in which they are tried. Users of the 12B report that
more than three cost more than they bring."""

TRIES = 4
"""How often each length is tried before one is preferred."""

KEPT_ROUNDS = 24
"""Rounds of each length that are remembered."""

TRY_AGAIN = 200
"""Rounds after which every other length is tried once more: another kind of answer may be guessed better.
As long as that changes nothing, it takes twice as many rounds to the next time."""

LEAST_GAIN = 1.05
"""Guessing must be this much faster than not guessing: both are measured, and measurements err."""

PROBED_TOKENS = 64
"""Tokens whose text is compared, evenly spread over the vocabulary."""


class Pace:
    """How many tokens to guess, by what earlier rounds brought: tokens a second, measured. Has no clock."""

    def __init__(self) -> None:
        self._rounds: dict[int, deque[tuple[int, float]]] = {n: deque(maxlen=KEPT_ROUNDS) for n in LENGTHS}
        self._due = [n for n in LENGTHS for _ in range(TRIES)]
        """Lengths to be tried, whatever is best."""
        self._before = 0
        """What was best before they were."""
        self._patience = TRY_AGAIN
        self._since = 0
        """Rounds since the last of them."""

    def choose(self) -> int:
        """Tokens to guess in the next round, 0 for none."""
        return self._due[0] if self._due else self.best()

    def took(self, length: int, tokens: int, seconds: float) -> None:
        """A round in which `length` tokens were to be guessed brought `tokens` and took `seconds`."""
        self._rounds[length].append((tokens, seconds))
        if self._due:
            if self._due[0] == length:
                self._due.pop(0)
                if not self._due and self.best() != self._before:
                    self._patience = TRY_AGAIN
            return
        self._since += 1
        if self._since >= self._patience:
            self._since, self._before = 0, self.best()
            self._patience *= 2
            self._due = [n for n in LENGTHS if n != self._before]

    def best(self) -> int:
        """The length that brings most tokens a second; 0 where none gains enough."""
        plain = self._rate(0) * LEAST_GAIN
        best = max(LENGTHS[1:], key=self._rate)
        return best if self._rate(best) > plain else 0

    def _rate(self, length: int) -> float:
        rounds = self._rounds[length]
        if not rounds:
            return 0.0
        # The median, because a round may contain a pause that has nothing to do with it.
        return fmean(tokens for tokens, _ in rounds) / max(median(s for _, s in rounds), 1e-9)


class Mtp:
    """A drafter that is open beside its model. Use it from the thread that uses the model."""

    def __init__(self, drafter: LlamaDrafter, model: LlamaModel, path: Path) -> None:
        """Use `open_mtp`. `model` is the drafter's; both are closed with this."""
        self._drafter = drafter
        self._model = model
        self.path = path
        self.pace = Pace()

    def source(self, position: Callable[[], int], sequence: int) -> MtpDraft:
        """Guesses for one answer on `sequence`; `position` gives the first free position of it.

        Put it last among the drafts of an answer: it takes rounds in which it proposes nothing for rounds in
        which nobody does.
        """
        return MtpDraft(self, self._drafter, position, sequence)

    def close(self) -> None:
        """Free context and weights; before those of the large model."""
        self._drafter.close()
        self._model.close()


class MtpDraft:
    """The `draft.DraftSource` of one answer."""

    def __init__(
        self,
        owner: Mtp,
        drafter: LlamaDrafter,
        position: Callable[[], int],
        sequence: int,
        *,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._pace = owner.pace
        self._drafter = drafter
        self._position = position
        self._sequence = sequence
        self._now = now
        self._row: int | None = None
        """The output of the model's last batch behind which the newest token stands."""
        self._asked: tuple[int, float] | None = None
        """How many tokens were to be guessed in this round, and since when it lasts."""

    def propose(self, answer: Sequence[int], most: int) -> Sequence[int]:
        """See `DraftSource`. Nothing before the first token: there is no hidden state to go on from."""
        row, self._row, self._asked = self._row, None, None
        if row is None or not answer:
            return ()
        began = self._now()
        length = self._pace.choose()
        if length <= most:
            self._asked = length, began
        return self._guess(answer[-1], row, min(length, most)) if length else ()

    def verified(self, row: int, proposed: int, kept: int) -> None:
        """See `DraftSource`."""
        self._row = row
        asked, self._asked = self._asked, None
        if asked is not None:  # else another source guessed in this round
            length, began = asked
            self._pace.took(length, kept + 1, self._now() - began)

    def _guess(self, token: int, row: int, length: int) -> list[int]:
        position = self._position()
        self._drafter.begin(row)
        guessed: list[int] = []
        for _ in range(length):
            token = int(self._drafter.guess(token, position, self._sequence).argmax())
            guessed.append(token)
        return guessed


def open_mtp(
    path: Path,
    header: GgufHeader,
    model: LlamaModel,
    context: LlamaContext,
    threads: ThreadSettings,
    *,
    gpu_layers: int = -1,
) -> Mtp:
    """Load the drafter at `path` beside the model with `header`, whose context it will read.

    That context must still be empty. Raises ModelMissing, ModelCorrupt, DrafterMismatch, DrafterUnusable.
    """
    require_drafter(read_header(path), header)
    from engine._llama_mtp import LlamaDrafter
    from engine.llama import LlamaModel

    small = LlamaModel(path, gpu_layers=gpu_layers)
    try:
        _require_same_tokens(path, small, model)
        drafter = LlamaDrafter(small, context, threads)
    except BaseException:
        small.close()
        raise
    return Mtp(drafter, small, path)


def try_mtp(
    path: Path,
    header: GgufHeader,
    model: LlamaModel,
    context: LlamaContext,
    threads: ThreadSettings,
    *,
    gpu_layers: int = -1,
) -> Mtp | ModelError:
    """As `open_mtp`, but what is wrong is logged and returned: a drafter only makes things faster."""
    try:
        return open_mtp(path, header, model, context, threads, gpu_layers=gpu_layers)
    except ModelError as error:
        logger.warning("no drafter: %s. %s", error, error.hint)
        return error


def require_drafter(drafter: GgufHeader, model: GgufHeader) -> None:
    """Raise DrafterMismatch unless the drafter's widths are those of the model's last two layers.

    llama.cpp aborts the process over some that differ.
    """
    if drafter.architecture != ARCHITECTURE:
        said = drafter.architecture or "not said"
        raise DrafterMismatch(f"{drafter.path}: is not a drafter, its architecture is '{said}'")
    layers = model.number("gemma4.block_count")
    wrong = [
        f"{what} {ours}, the model's {theirs}"
        for what, ours, theirs in (
            ("embeddings of", _number(drafter, "embedding_length_out"), _number(model, "embedding_length")),
            ("vocabulary of", _n_tokens(drafter), _n_tokens(model)),
            *(
                (f"{what} {kind} layers of", ours, theirs)
                for kind, sliding, read in (("sliding", True, layers - 2), ("global", False, layers - 1))
                for what, ours, theirs in _heads(drafter, model, sliding, read)
            ),
        )
        if ours != theirs
    ]
    if wrong:
        raise DrafterMismatch(f"{drafter.path}: belongs to another model, it has {'; '.join(wrong)}")


def _heads(drafter: GgufHeader, model: GgufHeader, sliding: bool, read: int) -> list[tuple[str, int, int]]:
    """What must be alike in a kind of layer: size and number of the keys' heads. Nothing if there is none."""
    ours = [i for i, is_sliding in enumerate(_pattern(drafter)) if is_sliding == sliding]
    if not ours or read < 0:
        return []
    theirs_slides = _pattern(model)[read]
    size = ("heads in", _head_size(drafter, sliding), _head_size(model, theirs_slides))
    return [size, *(("heads of keys in", _per_layer(drafter, i), _per_layer(model, read)) for i in ours)]


def _number(header: GgufHeader, key: str) -> int:
    return header.number(f"{header.architecture}.{key}")


def _n_tokens(header: GgufHeader) -> int:
    info = header.tensors.get("token_embd.weight")
    return info.shape[0] if info is not None else 0


def _pattern(header: GgufHeader) -> tuple[bool, ...]:
    value: Value = header.metadata.get(f"{header.architecture}.attention.sliding_window_pattern")
    count = _number(header, "block_count")
    return tuple(bool(x) for x in value) if isinstance(value, tuple) else (False,) * count


def _head_size(header: GgufHeader, sliding: bool) -> int:
    return _number(header, "attention.key_length_swa" if sliding else "attention.key_length")


def _per_layer(header: GgufHeader, layer: int) -> int:
    value = header.metadata.get(f"{header.architecture}.attention.head_count_kv")
    return int(value[layer]) if isinstance(value, tuple) else _number(header, "attention.head_count_kv")


def _require_same_tokens(path: Path, small: LlamaModel, model: LlamaModel) -> None:
    for token in np.linspace(0, model.n_vocab - 1, PROBED_TOKENS).astype(int):
        if small.text_of(int(token)) != model.text_of(int(token)):
            raise DrafterMismatch(f"{path}: belongs to another model, its vocabulary is not the same")
