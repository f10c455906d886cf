"""How a state looks: pure functions from a state and a width to styled lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from test_tui_model import CONNECTED, HERE, after, level, stage
from textual.color import Color
from tui_driver import record

from voice_edit.cli.diffs import DiffLine
from voice_edit.tui import entries, excerpts, receipt, themes, view
from voice_edit.tui.keys import spoken_key
from voice_edit.tui.state import Heard, Question, Result, State

LONG = "word " * 200


def here(**more: object) -> dict[str, object]:
    return {**HERE, **more}


@given(st.integers(10, 200), st.text(max_size=60), st.text(max_size=60))
def test_the_header_fills_its_line_exactly_whatever_the_names_are(width: int, title: str, name: str) -> None:
    target = {"kind": "file", "name": "/x", "title": title}
    state = after(CONNECTED, here(target=target, engine={"state": "ready", "name": name}))
    engine = cell_len(view.header(after(CONNECTED, here(engine={"state": "ready", "name": name})), 0).plain)
    assert view.header(state, width).cell_length == max(width, engine)


@given(st.integers(40, 200), st.integers(0, 250), st.booleans())
def test_the_meter_fills_its_line_exactly_with_the_newest_at_the_right(
    width: int, count: int, open_: bool
) -> None:
    microphone = {"state": "open" if open_ else "closed", "device": "漢字 microphone with a long name"}
    state = after(CONNECTED, here(microphone=microphone), *[level()] * count, level(rms=-12.0))
    line = view.meter(state, width)
    assert line.cell_length == width
    assert "█" in line.plain


def test_speech_silence_and_clipping_have_colours_of_their_own() -> None:
    silence = {"event": "level", "rms_dbfs": -50.0, "peak": 0.0, "is_speech": False, "sample": 0}
    state = after(CONNECTED, here(microphone={"state": "open"}), silence, level(), level(peak=1.0))
    styles = [str(span.style) for span in view.bars(state.levels, live=True, width=3).spans]
    assert styles == ["$muted 60%", "$speech", "$error"]
    assert "CLIP" in view.meter(state, 80).plain


def test_what_hinders_is_told_before_what_only_helps() -> None:
    muted = {"code": "muted", "message": "The microphone is muted.", "hint": "Unmute it."}
    state = after(CONNECTED, here(microphone={"state": "open", "problem": muted}))
    assert view.urgent(state).text == "The microphone is muted."
    notice = {"event": "notice", "level": "error", "code": "x", "message": "The disk is full.", "hint": ""}
    assert view.urgent(after(notice, state=state)).text == "The disk is full."
    assert "Ctrl+R" in view.urgent(after()).hint or view.urgent(after()).text == "Connecting."


def test_while_somebody_talks_the_key_that_ends_it_is_told() -> None:
    assert "F6" in view.urgent(after(CONNECTED, HERE, stage("listening", "edit"))).hint
    assert "F5" in view.urgent(after(CONNECTED, HERE, stage("listening", "dictate"))).hint


def test_keys_of_the_desktop_are_told_as_people_read_them() -> None:
    keys = {"backend": "x11", "dictate": "<ctrl>+<alt>+space", "edit": "", "cancel": "<esc>", "style": "hold"}
    told = view.urgent(after(CONNECTED, here(hotkeys=keys)))
    assert told.hint == "Anywhere on the desktop: Ctrl+Alt+Space to dictate."
    assert spoken_key("<shift>+<f1>") == "Shift+F1"


def test_a_long_line_is_cropped_so_that_what_differs_is_seen() -> None:
    lines = excerpts.fit(excerpts.change_lines(LONG + "Monday ok\n", LONG + "Tuesday ok\n"), 40, 4)
    assert [line.text[:1] for line in lines] == ["…", "…"]
    assert all(len(line.text) <= 41 for line in lines)
    assert [line.text[slice(*line.changed[0])] for line in lines] == ["Monday", "Tuesday"]


def test_many_lines_are_cut_and_counted() -> None:
    new = "".join(f"line {n}\n" for n in range(20))
    lines = excerpts.fit(excerpts.change_lines("", new), 40, 5)
    assert len(lines) == 5
    assert lines[-1] == DiffLine("~", "... 16 more lines")


def test_without_the_texts_the_changes_are_shown() -> None:
    lines = excerpts.change_lines(None, None, ((5, "old", "new"), (90, "", "more")))
    assert [(line.kind, line.text) for line in lines] == [
        ("-", "old"),
        ("+", "new"),
        ("~", "..."),
        ("+", "more"),
    ]


def test_a_change_deep_in_a_long_text_is_found_without_comparing_all_of_it() -> None:
    before = "same line\n" * 20_000
    after_ = before + "end\n"
    assert [line.text for line in excerpts.change_lines(before, after_)][-1] == "end"


def test_escape_sequences_in_words_and_texts_do_not_reach_the_terminal() -> None:
    bad = "\x1b[31mred"
    state = after(CONNECTED, HERE, {"event": "words", "text": bad})
    result = Result("outcome", words=bad, compact=bad, before=bad, after=bad + "!", notes=(bad,))
    question = Question(1, "choice", bad)
    shown = [
        view.heard(state), view.change(result, 80, 5), receipt.receipt(result, 80), view.recent([result], 5),
        view.whole_diff(bad, ""), entries.row(entries.entry_of(record(1, bad))),
        entries.details(entries.entry_of(record(1, bad, target=bad, message=bad))),
        *view.question_choices(question),
    ]  # fmt: skip
    assert not any("\x1b" in content.plain for content in shown)
    assert "\x1b" not in view.change_title(result)


def test_notes_of_a_receipt_are_told_before_what_the_model_cost() -> None:
    result = Result(
        "outcome", receipt="unverified", notes=("Look at the file. " * 4,), timing={"prefill_ms": 1.0}
    )
    assert "Look at the file." in receipt.receipt(result, 80).plain
    assert "prefill" not in receipt.receipt(result, 80).plain


def field(**more: Any) -> State:
    target = {"kind": "field", "name": "field:mousepad#1", "title": "mousepad", "app": "mousepad"} | more
    return after(CONNECTED, here(target=target))


@pytest.mark.parametrize(
    ("mechanism", "shown"),
    [
        ("accessibility", "✓ edited in place"),
        ("paste", "✓ pasted"),
        ("type", "△ typed, key by key"),
        ("clipboard", "△ left on the clipboard"),
        (None, "✗ nothing is written there"),
        ("telepathy", "✗ nothing is written there"),
    ],
)
def test_the_line_of_a_field_says_how_it_would_be_written_to_and_why(
    mechanism: str | None, shown: str
) -> None:
    line = view.target_line(field(mechanism=mechanism, why="It is so."), 80).plain
    assert line == f" {shown}  It is so."


def test_the_line_of_a_field_names_the_program_where_the_title_does_not() -> None:
    assert view.target_line(field(title="Letter", mechanism="paste"), 80).plain.endswith("pasted  mousepad")


def test_what_a_field_tells_cannot_steer_the_terminal_and_fits_the_line() -> None:
    line = view.target_line(field(mechanism="paste", app="a\x1b[2Jb", why="w\n" + "y" * 200), 60)
    assert line.cell_length <= 60
    assert not set(line.plain) & {"\x1b", "\n"}


@pytest.mark.parametrize("kind", ["file", "client", "clipboard", "none"])
def test_other_targets_have_no_such_line(kind: str) -> None:
    state = after(CONNECTED, here(target={"kind": kind, "name": "x", "mechanism": "paste", "why": "So."}))
    assert view.target_line(state, 80).plain == ""


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("client:practice", "practice pad"),
        ("client:notes", "notes"),
        ("/home/x/a.md", "a.md"),
        ("", ""),
        ("field:mousepad#3f2a91c0", "mousepad"),
    ],
)
def test_targets_of_the_history_have_the_names_people_use(target: str, name: str) -> None:
    assert entries.target_name(target) == name


def test_a_record_of_a_later_version_is_shown_as_far_as_it_is_known() -> None:
    entry = entries.entry_of({"id": 3, "commands": [{"kind": "teleport"}], "state": "levitated"})
    assert "levitated" in entries.details(entry).plain


def test_paths_in_the_users_own_folder_begin_with_a_tilde() -> None:
    assert view.short_path(Path("/home/x/.config/a.toml"), Path("/home/x")) == "~/.config/a.toml"
    assert view.short_path(Path("/etc/a.toml"), Path("/home/x")) == "/etc/a.toml"


def luminance(colour: Color) -> float:
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in colour.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("theme", themes.THEMES, ids=lambda theme: theme.name)
def test_text_is_readable_on_every_ground(theme: themes.Theme) -> None:
    texts = {
        name: getattr(theme, name)
        for name in ("foreground", "primary", "accent", "success", "warning", "error")
    } | {name: theme.variables[name] for name in ("muted", "speech", "added", "removed")}
    for name, text in texts.items():
        for ground in (theme.background, theme.surface):
            light, dark = sorted(
                (luminance(Color.parse(text)), luminance(Color.parse(ground or ""))), reverse=True
            )
            assert (light + 0.05) / (dark + 0.05) >= 4.5, f"{name} on {ground}"


def test_what_is_steady_is_plain_and_the_rest_is_dim() -> None:
    partial = {"event": "partial", "text": "so be it", "stable": 5}
    shown = view.heard(after(CONNECTED, HERE, stage("listening"), partial))
    assert shown.plain == "so be it"
    assert [(shown.plain[s.start : s.end], str(s.style)) for s in shown.spans] == [(" it", "$muted italic")]


@pytest.mark.parametrize(("behind_ms", "told"), [(0.0, ""), (499.0, ""), (1240.0, "model 1.2 s behind")])
def test_a_model_that_cannot_keep_up_is_told_where_the_engine_is(behind_ms: float, told: str) -> None:
    late = {**level(), "behind_ms": behind_ms}
    state = after(CONNECTED, here(engine={"state": "ready", "name": "m"}), stage("listening"), late)
    line = view.header(state, 80).plain
    assert line.endswith(f"{told} " if told else "m ready ")
    assert ("Nothing is lost" in view.urgent(state).text) == bool(told)
    assert "behind" not in view.header(after(stage("idle", None, None), state=state), 80).plain
    assert "behind" not in view.header(after(stage("applying"), state=state), 80).plain


TIMING = {
    "release_ms": 160.0, "endpoint_ms": 170.0, "first_token_ms": 171.0, "final_ms": 182.0, "wait_ms": 12.0,
    "applied_ms": 190.0, "prefill_ms": 310.0, "decode_ms": 12.0, "audio_ms": 2480.0, "steps": 2.0,
    "drafted": 12.0, "accepted": 11.0,
}  # fmt: skip


def timing(width: int, **more: float) -> str:
    return receipt.timing(Result("outcome", timing=TIMING | more), width).plain


def test_the_times_of_an_utterance_end_with_what_the_model_alone_took() -> None:
    stages = " tail 160 → endpoint 170 → first token 171 → final 182 → applied 190 ms"
    assert timing(100) == f"{stages}      endpoint → final 12 ms "
    assert timing(78) == " tail 160 → endpoint 170 → final 182 → applied 190 ms  endpoint → final 12 ms "
    assert timing(59) == " endpoint 170 → final 182 (+12) → applied 190 ms"


def test_words_that_were_there_before_the_endpoint_are_told_before_it() -> None:
    ahead = {"first_token_ms": 31.0, "final_ms": 44.0, "wait_ms": 0.0}
    stages = " final 44 → tail 160 → endpoint 170 → applied 190 ms"
    assert timing(78, **ahead) == f"{stages}    endpoint → final 0 ms "
    assert timing(59, **ahead) == stages


def test_drafts_are_told_where_there_were_some_and_there_is_room() -> None:
    result = Result("outcome", receipt="verified", timing=TIMING)
    spent = "prefill 310 · decode 12 · sound 2480 ms "
    assert receipt.receipt(result, 100).plain.endswith(f"  11 of 12 drafts kept · {spent}")
    assert receipt.receipt(result, 60).plain.endswith("  11 of 12 drafts kept ")
    result = Result("outcome", receipt="verified", timing={**TIMING, "drafted": 0.0, "accepted": 0.0})
    assert receipt.receipt(result, 100).plain.endswith(f"   {spent}")
    assert receipt.timing(Result("outcome"), 80).plain == ""


def test_doubtful_words_are_marked_where_they_stand_and_the_measured_chance_is_told() -> None:
    heard = Heard(words="The sun and the son.", probability=0.42, doubtful=("the", "son"), heard_by="large")
    state = State(heard=heard)
    assert view.heard_title(state) == "heard by large · 42 % sure"
    shown = view.heard(state)
    assert shown.plain == "The sun and the son."
    marked = [shown.plain[span.start : span.end] for span in shown.spans if "underline" in str(span.style)]
    assert marked == ["the", "son"]
