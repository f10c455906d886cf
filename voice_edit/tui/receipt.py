"""What became of an utterance, and what it cost: the two lines below a change. Pure, as `view`.

The stages are told in the order in which they were done: words that were computed ahead are there before the
endpoint.
"""

from __future__ import annotations

from textual.content import Content

from voice_edit.cli.output import visible
from voice_edit.tui.state import Result
from voice_edit.tui.view import Styled, spread

RECEIPTS = {
    "verified": ("✓ verified", "$success"),
    "unverified": ("△ unverified", "$warning"),
    "refused": ("✗ refused", "$error"),
}
STEPS = (
    ("tail", "release_ms"),
    ("endpoint", "endpoint_ms"),
    ("first token", "first_token_ms"),
    ("final", "final_ms"),
    ("applied", "applied_ms"),
)


def receipt(result: Result | None, width: int) -> Content:
    """One line: is it there, what is to be said about it, and what the model spent."""
    left = _receipt(result)
    fitting = [cost for cost in _costs(result) if left.cell_length + cost.cell_length + 2 <= width]
    return spread(left, fitting[0], width) if fitting else left  # what is to be said comes first


def _receipt(result: Result | None) -> Content:
    if result is None:
        return Content("")
    number = f" #{result.utterance}" if result.utterance is not None else ""
    if result.kind in ("failed", "rejected"):
        return Content.assemble((f" ·{number} nothing was changed", "$muted"))
    words, style = RECEIPTS.get(result.receipt, ("· nothing to write", "$muted"))
    parts: list[Styled] = [(f" {words}", style), (number, "$muted")]
    if result.kind == "reverted" and result.message is not None:
        parts.append((f"  {result.message.text}", "$muted"))
    parts += [(f"  {visible(note)}", "$warning") for note in result.notes]
    return Content.assemble(*parts)


def _costs(result: Result | None) -> list[Content]:
    """What the model spent, in several lengths."""
    known = result.timing if result is not None else {}
    spent = [
        f"{name} {known[key]:.0f}"
        for name, key in (("prefill", "prefill_ms"), ("decode", "decode_ms"))
        if key in known
    ]
    if "audio_ms" in known:
        spent.append(f"sound {known['audio_ms']:.0f} ms")
    drafts = []
    if known.get("drafted"):
        drafts.append(f"{known.get('accepted', 0):.0f} of {known['drafted']:.0f} drafts kept")
    lengths = [drafts + spent, drafts, spent] if drafts else [spent]
    return [Content.assemble((" · ".join(parts) + " " if parts else "", "$muted")) for parts in lengths]


def timing(result: Result | None, width: int) -> Content:
    """One line: when each stage of the last utterance was done, counted from the key's release or from the
    end of speech; at its end how long the model alone was waited for.
    """
    known = result.timing if result is not None else {}
    steps = sorted(((known[key], name) for name, key in STEPS if key in known), key=lambda step: step[0])
    without_token = [step for step in steps if step[1] != "first token"]
    if "wait_ms" not in known:
        return _stages(steps)
    wait = Content.assemble(
        ("endpoint → final ", "$muted"), (f"{known['wait_ms']:.0f}", ""), (" ms ", "$muted")
    )
    ahead = known.get("final_ms", 0.0) <= known.get("endpoint_ms", -1.0)
    for shown in (without_token,) if ahead else (steps, without_token):
        left = _stages(shown)
        if left.cell_length + wait.cell_length + 1 <= width:
            return spread(left, wait, width)
    without_tail = [step for step in without_token if step[1] != "tail"]
    return _stages(without_token) if ahead else _stages(without_tail, wait_ms=known["wait_ms"])


def _stages(steps: list[tuple[float, str]], *, wait_ms: float | None = None) -> Content:
    """`endpoint 408 → final 520 → applied 533 ms`, with `wait_ms` behind the final."""
    parts: list[Styled] = []
    for milliseconds, name in steps:
        parts += [(" → " if parts else " ", "$muted"), (f"{name} ", "$muted"), (f"{milliseconds:.0f}", "")]
        if name == "final" and wait_ms is not None:
            parts.append((f" (+{wait_ms:.0f})", "$muted"))
    return Content.assemble(*parts, (" ms", "$muted")) if parts else Content("")
