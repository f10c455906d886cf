"""The practice pad: offsets, compare-and-swap, one step of undo for each edit, whatever the text holds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from tui_driver import on_stage, scene, until

from voice_edit.fingerprint import text_sha256
from voice_edit.tui import pad_text
from voice_edit.tui.pad import MAX_CODE_POINTS, PracticePad

TEXTS = st.lists(
    st.sampled_from(["a", "b", " ", "\n", "😀", "\u00e9", "e\u0301", "👩\u200d👧", "漢", "\t"]), max_size=10
).map("".join)
HOSTILE = "a\u2028b\x85c\vd\fe\x1cf\x00g\x1b[31mh\r\ni\rj\ud800k"


@given(TEXTS, st.integers(0, 40))
def test_offsets_and_locations_are_each_others_inverse(text: str, offset: int) -> None:
    lines = text.split("\n")
    offset = min(offset, len(text))
    row, column = pad_text.location_of(lines, offset)
    assert pad_text.offset_of(lines, (row, column)) == offset
    assert text.split("\n")[row][:column] == text[:offset].split("\n")[-1]


@given(TEXTS, TEXTS)
def test_the_difference_turns_one_text_into_the_other_and_is_no_longer_than_needed(
    old: str, new: str
) -> None:
    found = pad_text.difference(old, new)
    end = found.start + len(found.old)
    assert old[: found.start] + found.new + old[end:] == new
    if found.old and found.new:
        assert found.old[0] != found.new[0]
        assert found.old[-1] != found.new[-1]


def test_a_clean_text_has_one_kind_of_line_break_and_nothing_that_steers_a_terminal() -> None:
    assert pad_text.clean(HOSTILE) == "a b c d e fg[31mh\ni\njk"


@given(st.text(max_size=30))
def test_cleaning_twice_is_cleaning_once_and_lines_are_what_textual_says(text: str) -> None:
    cleaned = pad_text.clean(text)
    assert pad_text.clean(cleaned) == cleaned
    assert cleaned.split("\n") == (cleaned.splitlines() or [""]) + [""] * (cleaned.endswith("\n"))


class PadApp(App[None]):
    def compose(self) -> ComposeResult:
        yield PracticePad(id="pad")


def asked(before: str, after: str, anchor: int | None = None, head: int | None = None) -> dict[str, object]:
    return {
        "before_sha256": text_sha256(before), "text_after": after, "anchor": anchor, "head": head,
    }  # fmt: skip


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(TEXTS, st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=6))
def test_every_edit_is_read_back_exactly_and_each_is_one_step_of_undo(
    steps: list[tuple[str, int, int]],
) -> None:
    @scene
    async def play() -> None:
        async with PadApp().run_test() as pilot:
            pad = pilot.app.query_one(PracticePad)
            seen = [pad.snapshot()]
            for text, *places in steps:
                anchor, head = (min(place, len(text)) for place in places)
                told = pad.apply(asked(pad.text, text, anchor, head))
                assert told == {"text": text, "anchor": anchor, "head": head}
                if text != seen[-1]["text"]:
                    seen.append(told)
                else:  # only the caret moved: nothing to undo, but where it was is where undo leads back to
                    seen[-1] = told
            for before, after in zip(seen[-2::-1], seen[:0:-1], strict=True):
                assert pad.text == after["text"]
                pad.undo()
                assert pad.snapshot() == before
            for after in seen[1:]:
                pad.redo()
                assert pad.text == after["text"]

    play()


@scene
async def test_an_edit_for_another_text_is_refused_and_nothing_is_changed() -> None:
    async with on_stage(text="mine") as stage:
        reply = await stage.daemon.change_pad("yours", "ours")
        assert reply.error is not None
        assert reply.error.code == "target_changed"
        assert (await stage.daemon.text()).text == "mine"


@pytest.mark.parametrize("after", ["a\x00b", "a\u2028b", "a\x1b[31m", "a\rb"])
def test_what_the_pad_cannot_hold_is_refused_and_not_changed_on_the_way(after: str) -> None:
    @scene
    async def play() -> None:
        async with on_stage(text="mine") as stage:
            reply = await stage.daemon.change_pad("mine", after)
            assert reply.error is not None
            assert reply.error.code == "target_unencodable"
            assert stage.pad == "mine"

    play()


@scene
async def test_a_text_that_is_too_long_for_the_protocol_is_refused_in_words() -> None:
    async with on_stage() as stage:
        stage.app.main.pad.load_text("😀" * (MAX_CODE_POINTS + 1))
        reply = await stage.daemon.text()
        assert reply.error is not None
        assert reply.error.code == "target_too_large"
        stage.app.main.pad.load_text("😀" * MAX_CODE_POINTS)
        assert (await stage.daemon.text()).text == "😀" * MAX_CODE_POINTS


@scene
async def test_what_is_pasted_is_cleaned_before_it_is_text() -> None:
    from textual.events import Paste

    async with on_stage() as stage:
        stage.app.post_message(Paste(HOSTILE))
        await until(lambda: stage.pad)
        assert stage.pad == pad_text.clean(HOSTILE)
        assert (await stage.daemon.text()).text == stage.pad


@scene
async def test_carets_are_told_in_code_points_also_behind_astral_characters_and_combining_marks() -> None:
    text = "😀e\u0301\n👩\u200d👧 x"
    async with on_stage(text=text) as stage:
        pad = stage.app.main.pad
        pad.move_cursor((1, 4))
        reply = await stage.daemon.text()
        assert (reply.anchor, reply.head) == (8, 8)
        reply = await stage.daemon.change_pad(text, text + "!", anchor=1, head=3)
        assert (reply.anchor, reply.head) == (1, 3)
        assert pad.selected_text == "e\u0301"


@scene
async def test_without_a_caret_in_the_request_it_goes_behind_what_is_new() -> None:
    async with on_stage(text="ab") as stage:
        reply = await stage.daemon.change_pad("ab", "axyb", anchor=None, head=None)
        assert (reply.anchor, reply.head) == (3, 3)


@scene
async def test_a_letter_typed_before_an_edit_is_a_step_of_its_own() -> None:
    async with on_stage() as stage:
        await stage.type("ab")
        await stage.pilot.pause()
        await stage.daemon.change_pad("ab", "abc")
        await stage.type("d")
        await stage.pilot.pause()
        pad = stage.app.main.pad
        seen = []
        for _ in range(3):
            seen.append(pad.text)
            pad.undo()
        assert seen == ["abcd", "abc", "ab"]
