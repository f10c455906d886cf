"""How a state looks, part by part. Pure: a state and a width in cells in, a styled line or two out.

Styles name the colours of `themes`, so the same content is right in both.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from voice_edit.cli.as_spoken import behind
from voice_edit.cli.diffs import DiffLine
from voice_edit.cli.meter import block
from voice_edit.cli.output import visible
from voice_edit.tui import excerpts
from voice_edit.tui.keys import spoken_key
from voice_edit.tui.state import CLIPPING_PEAK, Level, Message, Question, Result, State, Writing

Styled = tuple[str, str]

STAGES: dict[str, tuple[str, str]] = {
    "idle": ("○", "$muted"),
    "listening": ("●", "bold $primary"),
    "hearing": ("●", "bold $speech"),
    "writing": ("✎", "bold $accent"),
    "applying": ("◆", "bold $accent"),
    "asking": ("?", "bold $warning"),
}
LINKS = {
    "connecting": "connecting",
    "starting": "starting the daemon",
    "absent": "no daemon",
    "lost": "the daemon is gone",
    "refused": "refused",
}
ENGINES = {
    "unloaded": "not loaded",
    "loading": "loading",
    "ready": "ready",
    "restarting": "restarting",
    "failed": "failed",
}
MARKS = {"info": ("·", "$muted"), "warning": ("!", "bold $warning"), "error": ("✗", "bold $error")}
DIFF = {
    " ": ("$muted", "$muted"),
    "~": ("$muted", "$muted"),
    "-": ("$removed", "$removed on $removed-words"),
    "+": ("$added", "$added on $added-words"),
}
MECHANISMS = {
    "accessibility": ("✓ edited in place", "$success"),
    "paste": ("✓ pasted", "$success"),
    "type": ("△ typed, key by key", "$warning"),
    "clipboard": ("△ left on the clipboard", "$warning"),
}
"""How a field is written to."""
NOT_WRITTEN = ("✗ nothing is written there", "$error")
DEVICE_CELLS = 26


def header(state: State, width: int) -> Content:
    """One line: stage, mode and target on the left, the engine on the right."""
    if not state.connected:
        left = Content.assemble((" ○ ", "$muted"), (LINKS[state.link.state], "bold"))
        return spread(left, Content.assemble(("voice-edit ", "$muted")), width)
    mark, style = STAGES.get(state.stage, STAGES["idle"])
    parts: list[Styled] = [(f" {mark} ", style), (state.stage, style if state.stage != "idle" else "bold")]
    mode = state.mode or (state.hands_free if state.hands_free != "off" else "")
    if mode:
        hands_free = "hands-free " if state.hands_free != "off" else ""
        parts += [("  ", ""), (f"{hands_free}{mode}", "bold")]
    parts += [("  → ", "$muted"), (visible(target_name(state)), "")]
    return spread(Content.assemble(*parts), _engine(state), width)


def target_name(state: State) -> str:
    """What the target is called."""
    target = state.target
    if target.kind == "none":
        return "no target"
    return target.title or target.name or target.kind


def target_line(state: State, width: int) -> Content:
    """One line: how the field of another program would be written to, and why; nothing for other targets."""
    target = state.target
    if target.kind != "field" or not state.connected:
        return Content("")
    how, style = MECHANISMS.get(target.mechanism, NOT_WRITTEN)
    parts: list[Styled] = [(f" {how}", style)]
    if target.why:
        parts.append((f"  {_one_line(target.why)}", "$muted"))
    if target.app and target.app.lower() != target.title.lower():
        parts.append((f"  {_one_line(target.app)}", "$muted"))
    return Content.assemble(*parts).truncate(width, ellipsis=True) if width else Content.assemble(*parts)


def _engine(state: State) -> Content:
    engine = state.engine
    if late := behind(state.behind_ms):
        return Content.assemble((f"{late} ", "bold $warning"))
    style = {"ready": "$muted", "failed": "bold $error", "restarting": "$warning"}.get(engine.state, "$muted")
    name = f"{visible(engine.name)} " if engine.name else "model "
    memory = f" · {engine.rss_bytes / 2**20:.0f} MB" if engine.rss_bytes and engine.state == "ready" else ""
    return Content.assemble((name, "$muted"), (ENGINES.get(engine.state, engine.state) + memory + " ", style))


def page_title(name: str, state: State, width: int) -> Content:
    """One line above a page: its name, and what the daemon does."""
    if state.connected:
        mark, style = STAGES.get(state.stage, STAGES["idle"])
        right = Content.assemble((f"{mark} ", style), (f"{state.stage} ", style))
    else:
        right = Content.assemble((f"○ {LINKS[state.link.state]} ", "$muted"))
    return spread(Content.assemble((f" {name}", "bold")), right, width)


def meter(state: State, width: int) -> Content:
    """One line: the device, the last levels with speech in its colour, how loud it is now."""
    microphone = state.microphone
    is_open = microphone.state == "open" and state.connected
    if is_open or state.levels:
        name = visible(microphone.device or "microphone")
    else:
        name = "microphone closed" if state.connected else ""
    left = Content.assemble((" " + short(name, max(DEVICE_CELLS, width // 3)) + "  ", "$muted"))
    right = _loudness(state) if is_open else Content(" ")
    room = max(0, width - left.cell_length - right.cell_length)
    return left + bars(state.levels[-room:] if room else (), live=is_open, width=room) + right


def bars(levels: Iterable[Level], *, live: bool, width: int) -> Content:
    """Levels as blocks, newest at the right end; runs of the same kind share a style."""
    runs: list[tuple[str, str]] = []
    for level in levels:
        style = "$faint"
        if live:
            clipped = level.peak >= CLIPPING_PEAK
            style = "$error" if clipped else "$speech" if level.is_speech else "$muted 60%"
        if runs and runs[-1][1] == style:
            runs[-1] = (runs[-1][0] + block(level.rms_dbfs), style)
        else:
            runs.append((block(level.rms_dbfs), style))
    shown = Content.assemble(*runs)
    return shown.pad_left(max(0, width - shown.cell_length))


def _loudness(state: State) -> Content:
    if not state.levels:
        return Content("         ")
    rms = state.levels[-1].rms_dbfs
    number = "silent" if rms <= -99 else f"{rms:.0f} dB"
    if state.clipped:
        return Content.assemble(f" {number:>6} ", ("CLIP ", "bold $error"))
    return Content.assemble((f" {number:>7} ", "$muted"))


def message(state: State, width: int) -> Content:
    """Two lines: the most urgent thing there is to tell, and what to do about it."""
    told = urgent(state)
    mark, style = MARKS[told.level]
    words = visible(told.text)
    first = Content.assemble((f" {mark} ", style), (words, "" if told.level != "info" else "$muted"))
    return first + "\n" + Content.assemble((f"   {visible(told.hint)}", "$muted"))


def urgent(state: State) -> Message:
    """What is told in the two lines that are for telling."""
    link = state.link
    if link.state != "connected":
        hints = {"absent": "Ctrl+R starts it.", "lost": "It is waited for. Ctrl+R starts it."}
        if link.message:
            level = "error" if link.state in ("refused", "lost") else "warning"
            return Message(level, link.message, hints.get(link.state, link.hint))  # type: ignore[arg-type]
        return Message("info", LINKS[link.state].capitalize() + ".", hints.get(link.state, ""))
    if state.message is not None and state.message.level == "error":
        return state.message
    if state.microphone.problem is not None:
        return state.microphone.problem
    if state.engine.state in ("failed", "restarting") and state.engine.message:
        level = "error" if state.engine.state == "failed" else "warning"
        return Message(level, state.engine.message, "F3 looks at every part.")  # type: ignore[arg-type]
    return state.message or guidance(state)


def guidance(state: State) -> Message:
    """What can be done now, when there is nothing else to tell."""
    if state.stage == "asking":
        return Message("info", "An answer is waited for.", "Without one nothing is done.")
    if state.stage == "writing":
        return Message("info", "The model writes. Nothing is changed before it has ended.", "Esc gives up.")
    if state.stage == "applying":
        return Message("info", "One moment.")
    if state.talking:
        key = "F6" if state.mode == "edit" else "F5"
        if state.mode == "edit":
            said = "Say what to change, for example “change Monday to Wednesday”."
        else:
            said = "Speak. The words are written down as they are."
        if behind(state.behind_ms):
            said = "This computer hears more slowly than you speak. Nothing is lost; the words come later."
        return Message("info", said, f"{key} when you are done, Esc to give up.")
    first = "F5 to dictate, F6 to edit, the same key when you are done; Esc gives up."
    keys = [
        f"{spoken_key(key)} to {what}"
        for key, what in ((state.hotkeys.dictate, "dictate"), (state.hotkeys.edit, "edit"))
        if key and state.hotkeys.backend not in ("", "none")
    ]
    if state.hotkeys.problem is not None:
        return Message("info", first, f"No keys outside of here: {state.hotkeys.problem.text}")
    return Message("info", first, f"Anywhere on the desktop: {', '.join(keys)}." if keys else "")


def heard(state: State) -> Content:
    """The words: what may still change is dim, so that the eye rests on the rest."""
    words = state.heard
    if words.words is not None:
        return _with_doubts(visible(words.words), words.doubtful)
    if not words.stable and not words.rest:
        return Content.assemble(("…" if state.speaking else "", "$muted"))
    return Content.assemble(visible(words.stable), (visible(words.rest), "$muted italic"))


def heard_title(state: State) -> str:
    """What stands above the words."""
    if state.heard.words is None:
        return "heard"
    heard = state.heard
    by = f" by {visible(heard.heard_by)}" if heard.heard_by else ""
    if heard.probability is not None:
        return f"heard{by} · {100 * heard.probability:.0f} % sure"
    if heard.confidence is None:
        return f"heard{by}"
    return f"heard{by} · {100 * math.exp(min(0.0, heard.confidence)):.0f} % sure"


def _with_doubts(words: str, doubtful: Sequence[str]) -> Content:
    """The words, those that are doubtful marked, each at the first place that is left for it."""
    text, at = Content(words), 0
    for word in doubtful:
        match = re.search(rf"(?<!\w){re.escape(visible(word))}(?!\w)", words[at:])
        if match is not None:
            text = text.stylize("$warning underline", at + match.start(), at + match.end())
            at += match.end()
    return text


def change_title(result: Result | None) -> str:
    """What stands above a change."""
    if result is None:
        return "edit"
    if result.kind == "reverted":
        return "undo and redo"
    if result.kind == "failed":
        return "not done"
    if result.kind == "rejected":
        return "nothing said"
    if result.mode == "dictate":
        return "dictated"
    return f"edit · {visible(result.compact)}" if result.compact else "edit"


def writing_title(writing: Writing) -> str:
    """What stands above a text that is being written."""
    saw = f"sees {visible(writing.saw)}" if writing.saw else ""
    return " · ".join(filter(None, ("writing", visible(writing.style), visible(writing.by), saw)))


def writing(writing: Writing, width: int, height: int) -> Content:
    """The text so far, its last lines where there are many; what it stands in place of is not shown."""
    lines = Content(visible(writing.text)).wrap(max(20, width - 3))[-height:]
    return Content("\n").join([Content.assemble((" ", "")) + line.stylize("$added") for line in lines])


def change(result: Result | None, width: int, height: int) -> Content:
    """The diff, or why there is none, in at most `height` lines."""
    if result is None:
        return Content.assemble((" What changes is shown here, before and after.", "$muted"))
    if result.kind in ("failed", "rejected") and result.message is not None:
        mark, style = MARKS[result.message.level]
        lines = [Content.assemble((f" {mark} ", style), visible(result.message.text))]
        lines += [Content.assemble((f"   {visible(result.message.hint)}", "$muted"))]
        return Content("\n").join(lines)
    lines = [diff_line(line) for line in _change_lines(result, width - 3, height)]
    if not lines:
        text = "Only the caret moved." if result.kind == "outcome" else "The text stays as it was."
        lines = [Content.assemble((f" {text}", "$muted"))]
    return Content("\n").join(lines)


def _change_lines(result: Result, width: int, height: int) -> list[DiffLine]:
    return excerpts.fit(excerpts.change_lines(result.before, result.after, result.changes), width, height)


def whole_diff(before: str, after: str) -> Content:
    """A diff without limits, for a place that scrolls."""
    return Content("\n").join([diff_line(line) for line in excerpts.change_lines(before, after)])


def diff_line(line: DiffLine) -> Content:
    """One line with its mark; the words that differ stand out."""
    style, words = DIFF[line.kind]
    mark = "  " if line.kind in " ~" else f"{line.kind} "
    text = Content.assemble((f" {mark}", style), (visible(line.text), style))
    for start, end in line.changed:
        text = text.stylize(words, start + 3, end + 3)
    return text


def recent(results: Sequence[Result], height: int) -> Content:
    """The last utterances, newest first, one a line."""
    lines = []
    for result in results[::-1][:height]:
        mark, style = _recent_mark(result)
        words = result.words or (result.message.text if result.message else "")
        number = f"{result.utterance:>5}" if result.utterance is not None else "     "
        lines.append(Content.assemble((number, "$muted"), (f" {mark} ", style), visible(words)))
    return Content("\n").join(lines)


def _recent_mark(result: Result) -> Styled:
    if result.kind in ("failed", "rejected"):
        return MARKS["error" if result.kind == "failed" else "info"]
    return {"unverified": ("△", "$warning"), "refused": ("✗", "$error")}.get(
        result.receipt, ("✓", "$success")
    )


def question_choices(question: Question) -> list[Content]:
    """Each place of a choice, behind its number; those beyond 9 have none."""
    lines = []
    for number, choice in enumerate(question.choices, 1):
        key = f"{number}" if number <= 9 else " "
        lines.append(Content.assemble((f" {key}  ", "bold $primary"), visible(choice.excerpt)))
    return lines


def title(state: State) -> str:
    """The terminal's title."""
    if not state.connected:
        return f"voice-edit: {LINKS[state.link.state]}"
    if state.stage == "idle":
        return "voice-edit"
    return f"voice-edit: {state.stage}" + (f" ({state.mode})" if state.mode else "")


def hanging(head: Content, text: Content, width: int) -> Content:
    """`text` behind `head`, its further lines below its first one."""
    indent = head.cell_length
    lines = [
        line for part in text.split("\n", allow_blank=True) for line in part.wrap(max(20, width - indent))
    ]
    blank = Content(" " * indent)
    return Content("\n").join([head + lines[0], *(blank + line for line in lines[1:])])


def short_path(path: Path, home: Path | None = None) -> str:
    """A path as people write it: ~ for their own folder."""
    home = home or Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def spread(left: Content, right: Content, width: int) -> Content:
    """Left and right at the ends of a line; the left one gives way."""
    room = max(0, width - right.cell_length)
    if left.cell_length > room:
        left = left.truncate(room, ellipsis=True)
    return left.pad_right(room - left.cell_length) + right


def _one_line(text: str) -> str:
    return visible(" ".join(text.split()))


def short(text: str, cells: int) -> str:
    """No wider than that; what is cut off ends with "…"."""
    return text if cell_len(text) <= cells else set_cell_size(text, cells - 1).rstrip() + "…"
