"""What the lines of `benchmarks.calibration collect` come to: a curve, thresholds, and what they are worth.

The curve and the thresholds are found on one half of the texts, by checksum, and measured on the other half.
A line is right if all its words are (capitals and marks aside), a command if it is understood as the one that
was said, a word if it stands where it was said. What the profile refuses anyway (`min_confidence`) takes no
part in thresholds: nobody would be asked about it.
"""

from __future__ import annotations

import itertools
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jiwer
import numpy as np
from numpy.typing import NDArray

from benchmarks.hearing import plain, same_command
from engine.judging.calibration import LEAST_DOUBT, Curve, at

PRECISION = {"dictation": 0.5, "edit": 1 / 3, "word": 1 / 3}
"""Of what is called doubtful, at least so much is to be wrong: who is bothered for nothing stops looking. A
mark costs a glance and is to be right as often as not; an edit that nobody wanted costs more than a question.
"""

EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98, 1.0)
"""Of the probabilities in the table of the curve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One answer of the model."""

    voice: str
    """As `synthesiser:voice`; "" where nobody spoke."""
    kind: str
    """sentence, salad, command; or which noise."""
    snr_db: float
    said: str
    written: str
    confidence: float | None
    word_log_probs: tuple[float, ...]
    stop: str
    speech_s: float

    @classmethod
    def read(cls, line: str) -> Row:
        """From a line of the file."""
        data = json.loads(line)
        return cls(**{**data, "word_log_probs": tuple(data["word_log_probs"])})

    @property
    def doubt(self) -> float:
        """Negative log-probability of all words."""
        return -sum(self.word_log_probs)

    @property
    def is_for_fitting(self) -> bool:
        """Which half of the texts it belongs to."""
        return zlib.crc32(f"fit {self.said or self.word_log_probs}".encode()) % 2 == 0

    @property
    def is_right(self) -> bool:
        """Whether the words are those that were said."""
        return plain(self.said) == plain(self.written)

    @property
    def is_understood(self) -> bool | None:
        """Whether the words mean the command that was said; None where they are no command."""
        from voice_edit.spoken.grammar import parse

        if not isinstance(parse(self.written), list):
            return None
        return same_command(self.said, self.written, by_ear=True)

    def words(self) -> list[tuple[float, bool]]:
        """Of each word that was written: its doubt, and whether it was said."""
        written = [plain(word).replace(" ", "") for word in self.written.split()]
        if not all(written) or not plain(self.said):
            return []
        right = [False] * len(written)
        aligned = jiwer.process_words(plain(self.said), " ".join(written))
        for part in aligned.alignments[0]:
            if part.type == "equal":
                right[part.hyp_start_idx : part.hyp_end_idx] = [True] * (
                    part.hyp_end_idx - part.hyp_start_idx
                )
        return [(-score, ok) for score, ok in zip(self.word_log_probs, right, strict=True)]


@dataclass(frozen=True, slots=True)
class Report:
    """For people and for programs."""

    text: str
    data: dict[str, Any]


def fit(doubts: Sequence[float], right: Sequence[bool]) -> Curve:
    """The logistic curve over ln(doubt) with the greatest likelihood (Newton, with a little ridge)."""
    x = np.log(np.maximum(np.asarray(doubts, dtype=float), LEAST_DOUBT))
    design = np.column_stack([np.ones_like(x), x])
    y = np.asarray(right, dtype=float)
    weights = np.zeros(2)
    ridge = np.diag([1e-6, 1e-3])
    for _ in range(100):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ weights, -50, 50)))
        slope = design.T @ (y - p) - ridge @ weights
        curvature = (design * (p * (1 - p))[:, None]).T @ design + ridge
        step = np.linalg.solve(curvature, slope)
        weights += step
        if np.abs(step).max() < 1e-10:
            break
    return round(float(weights[0]), 3), round(float(weights[1]), 3)


def worth(chances: NDArray[np.float64], right: NDArray[np.bool_], below: float) -> tuple[float, float, int]:
    """Precision and recall of calling those below a probability wrong, and how many are called so."""
    called = chances < below
    hits = int((called & ~right).sum())
    return hits / max(1, called.sum()), hits / max(1, (~right).sum()), int(called.sum())


def threshold(chances: NDArray[np.float64], right: NDArray[np.bool_], precision: float) -> float:
    """The highest probability, in steps of 0.05, below which enough is really wrong."""
    steps = [step / 20 for step in range(1, 20)]
    fitting = [below for below in steps if worth(chances, right, below)[0] >= precision]
    return max(fitting, default=0.5)


def table(chances: NDArray[np.float64], right: NDArray[np.bool_]) -> list[dict[str, float]]:
    """The curve against what was counted."""
    rows = []
    for low, high in itertools.pairwise(EDGES):
        inside = (chances >= low) & ((chances < high) | (high == 1.0))
        if inside.any():
            told, counted = float(chances[inside].mean()), float(right[inside].mean())
            rows.append({"low": low, "high": high, "n": int(inside.sum()), "told": told, "right": counted})
    return rows


def expected_error(rows: Sequence[dict[str, float]]) -> float:
    """By how much the curve is wrong on average (expected calibration error)."""
    total = sum(row["n"] for row in rows)
    return sum(row["n"] * abs(row["told"] - row["right"]) for row in rows) / max(1, total)


def report(rows: Sequence[Row], *, min_confidence: float) -> Report:
    """Fit on one half, measure on the other."""
    spoken = [row for row in rows if row.voice and row.word_log_probs and row.confidence is not None]
    kept = [row for row in spoken if (row.confidence or 0.0) >= min_confidence]
    dictated = [row for row in spoken if row.kind in ("sentence", "salad")]
    commands = [row for row in spoken if row.kind == "command" and row.is_understood is not None]
    dictation = fit(*_columns(dictated, lambda row: row.is_right, fitting=True))
    command = fit(*_columns(commands, lambda row: bool(row.is_understood), fitting=True))
    dictated, commands = (
        [row for row in group if (row.confidence or 0.0) >= min_confidence] for group in (dictated, commands)
    )
    lines: list[str] = []
    data: dict[str, Any] = {}

    def measure(name: str, group: Callable[[bool], tuple[list[float], list[bool]]], curve: Curve) -> None:
        chances, right = _judged(*group(True), curve)
        below = threshold(chances, right, PRECISION[name])
        tested, is_right = _judged(*group(False), curve)
        precision, recall, called = worth(tested, is_right, below)
        curve_rows = table(tested, is_right)
        wrong = int((~is_right).sum())
        data[name] = {
            "curve_of": list(curve), "below": below, "precision": precision, "recall": recall,
            "called": called, "wrong": wrong, "n": len(is_right), "error": expected_error(curve_rows),
            "curve": curve_rows,
        }  # fmt: skip
        lines.append(
            f"\n{name}: curve {list(curve)}; below {below:g} doubtful; "
            f"on the other half ({len(is_right)}, {wrong} wrong): {called} called doubtful, "
            f"precision {precision:.2f}, recall {recall:.2f}; "
            f"the curve is off by {100 * data[name]['error']:.1f} % on average"
        )
        lines.extend(
            f"  told {row['low']:4.0%} to {row['high']:4.0%}  n {row['n']:5d}"
            f"  told {row['told']:6.1%}  right {row['right']:6.1%}"
            for row in curve_rows
        )

    measure("dictation", lambda half: _columns(dictated, lambda row: row.is_right, fitting=half), dictation)
    measure(
        "edit", lambda half: _columns(commands, lambda row: bool(row.is_understood), fitting=half), command
    )
    # Words are pointed out one by one only in utterances that are doubtful.
    below = data["dictation"]["below"]
    doubtful = [row for row in kept if at(dictation, row.doubt) < below]
    words = [(one, row.is_for_fitting) for row in doubtful for one in row.words()]
    word = fit(*_split(words, fitting=True))
    measure("word", lambda half: _split(words, fitting=half), word)
    noise = [row for row in rows if not row.voice and row.word_log_probs]
    passing = [row for row in noise if (row.confidence or 0.0) >= min_confidence]
    marked = sum(at(dictation, row.doubt) < data["dictation"]["below"] for row in passing)
    data["wordless"] = {"written": len(noise), "not_refused": len(passing), "doubtful": marked}
    lines.append(
        f"\nsounds without a word: {len(noise)} answers, {len(passing)} of them not refused, "
        f"{marked} of these doubtful"
    )
    return Report("\n".join(lines), data)


def _columns(
    rows: Sequence[Row], is_right: Callable[[Row], bool], *, fitting: bool
) -> tuple[list[float], list[bool]]:
    half = [row for row in rows if row.is_for_fitting == fitting]
    return [row.doubt for row in half], [is_right(row) for row in half]


def _split(
    words: Sequence[tuple[tuple[float, bool], bool]], *, fitting: bool
) -> tuple[list[float], list[bool]]:
    half = [word for word, is_for_fitting in words if is_for_fitting == fitting]
    return [doubt for doubt, _ in half], [right for _, right in half]


def _judged(
    doubts: Sequence[float], right: Sequence[bool], curve: Curve
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    return np.array([at(curve, doubt) for doubt in doubts]), np.array(right, dtype=bool)
