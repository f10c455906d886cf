"""What to make of it, in a few sentences: which variant to take, and what is no more than chance."""

from __future__ import annotations

from voice_edit.evaluation import statistics
from voice_edit.evaluation.summary import Column, Summary


def sentences(found: Summary) -> list[str]:
    """Of one variant how it does, of several which one does best, and whether that is clear."""
    said = [*_words(found), *_refusals(found), *_edits(found), *_inventions(found)]
    return [*said, *_quickest(found)] if len(found.columns) > 1 else said


def _words(found: Summary) -> list[str]:
    known = [column for column in found.columns if column.row.words is not None]
    if not known:
        return []
    best = min(known, key=_wer)
    if len(known) == 1:
        return [f"{best.label}: {_percent(_wer(best))} of the words are wrong."]
    if all(_same_words(best, other) for other in known):
        return [
            f"All hear the same words in every recording; {_percent(_wer(best))} of what is said is wrong or "
            "missing."
        ]
    alike: list[str] = []
    clear: list[str] = []
    for other in known:
        if other is not best:
            (clear if _is_clear(best, other, found.seed) else alike).append(other.label)
    text = f"Fewest wrong words: {best.label}, {_percent(_wer(best))}."
    if alike:
        text += f" That is not clearly fewer than {_and(alike)} on these recordings."
    if clear:
        text += f" It is clearly fewer than {_and(clear)}."
    return [text]


def _refusals(found: Summary) -> list[str]:
    """Where most of the wrong words are words of recordings that were refused as a whole."""
    told: list[str] = []
    named: list[str] = []
    for column in found.columns:
        row = column.row
        if row.words is None or row.heard is None or row.refused is None:
            continue
        if row.refused.value > 0 and row.heard.value < row.words.value / 2:
            told.append(
                f"refuses {_percent(row.refused.value)} of the recordings, which is most of its errors: of "
                f"the words it takes, {_percent(row.heard.value)} are wrong."
            )
            named.append(column.label)
    if len(told) > 1 and len(told) == len(found.columns) and len(set(told)) == 1:
        return [f"Each {told[0]}"]
    return [f"{label} {text}" for label, text in zip(named, told, strict=True)]


def _edits(found: Summary) -> list[str]:
    known = [column for column in found.columns if column.row.edits is not None]
    if not known:
        return []
    best = max(known, key=_right)
    said = [f"{best.label} makes {_percent(_right(best))} of the texts what they should be."]
    if len(known) > 1:
        same = [other.label for other in known if other is not best and _right(other) == _right(best)]
        said = [f"Most texts right: {_and([best.label, *same])}, {_percent(_right(best))}."]
        if len(same) + 1 == len(found.columns):
            said = [f"All make {_percent(_right(best))} of the texts what they should be."]
    harmful = [f"{c.label} {c.row.edits_wrong}" for c in known if c.row.edits_wrong]
    if len(known) > 1 and len(harmful) == len(known) and len({c.row.edits_wrong for c in known}) == 1:
        said.append(f"Texts changed to something else: {known[0].row.edits_wrong} by each.")
    elif harmful:
        said.append(f"Texts changed to something else: {', '.join(harmful)}.")
    return [" ".join(said)]


def _inventions(found: Summary) -> list[str]:
    known = [(c.label, c.row.invented.value) for c in found.columns if c.row.invented is not None]
    if not known:
        return []
    invents = [f"{label} {_percent(share)}" for label, share in known if share > 0]
    if not invents:
        return ["Where nothing is said, none of them hears words."]
    return [f"Where nothing is said, words came: {', '.join(invents)}."]


def _quickest(found: Summary) -> list[str]:
    waits = [(c.times.final.median, c.label) for c in found.columns if c.times.final is not None]
    if len(waits) < 2:
        return []
    (wait, quick), *others = sorted(waits)
    rest = ", ".join(f"{label} {1000 * other:.0f} ms" for other, label in others)
    return [f"Soonest done after the endpoint: {quick}, {1000 * wait:.0f} ms in the middle; {rest}."]


def _is_clear(best: Column, other: Column, seed: int) -> bool:
    pairs = [
        (a.score.words, b.score.words, a.item.speaker)
        for a, b in zip(best.judged, other.judged, strict=True)
        if not a.item.is_silent
    ]
    found = statistics.difference(
        [a.errors for a, _, _ in pairs],
        [b.errors for _, b, _ in pairs],
        [a.length for a, _, _ in pairs],
        statistics.grouping([speaker for _, _, speaker in pairs]),
        seed=seed,
    )
    return found is not None and found.is_clear


def _same_words(first: Column, second: Column) -> bool:
    return all(a.heard.text == b.heard.text for a, b in zip(first.judged, second.judged, strict=True))


def _wer(column: Column) -> float:
    assert column.row.words is not None
    return column.row.words.value


def _right(column: Column) -> float:
    assert column.row.edits is not None
    return column.row.edits.value


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
