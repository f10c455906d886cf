"""The terminal interface as a user meets it: the real app, keys pressed, a daemon behind a real socket."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.events import Key
from textual.widgets import Input
from tui_driver import EDITED, LETTER, PadDaemon, on_stage, outcome, scene, until

from voice_edit.config import Paths, load_settings
from voice_edit.control import protocol as p
from voice_edit.errors import DaemonStartFailed, NothingToUndo
from voice_edit.tui.app import VoiceEditApp
from voice_edit.tui.dialogs import ChoiceDialog, ConfirmDialog, StartDialog


@scene
async def test_the_pad_is_offered_as_a_target_with_the_focus() -> None:
    async with on_stage() as stage:
        assert stage.daemon.asked(p.TargetOffer) == [p.TargetOffer(name="practice", title="practice pad")]
        assert stage.daemon.asked(p.TargetFocus)[-1].focused


@scene
async def test_f5_dictates_until_it_is_pressed_again_and_the_words_arrive_in_the_pad() -> None:
    async with on_stage() as stage:
        await stage.pilot.press("f5")
        await until(lambda: stage.app.state.stage == "listening")
        assert stage.daemon.asked(p.TalkToggle)[-1].mode == "dictate"
        stage.daemon.publish("partial", text="Hello")
        stage.daemon.publish("partial", text="Hello world")
        await stage.settle()
        assert "Hello world" in stage.screen_text()
        await stage.pilot.press("f5")
        await until(lambda: stage.app.state.stage == "idle")
        reply = await stage.daemon.change_pad("", "Hello world.")
        assert (reply.text, reply.anchor, reply.head) == ("Hello world.", 12, 12)
        assert stage.pad == "Hello world."


@scene
async def test_f6_edits_and_shows_diff_receipt_and_timings() -> None:
    async with on_stage(text=LETTER) as stage:
        await stage.pilot.press("f6")
        await until(lambda: stage.app.state.mode == "edit")
        await stage.daemon.change_pad(LETTER, EDITED)
        stage.daemon.publish("words", text="change Monday to Wednesday", confidence=-0.05)
        stage.daemon.publish("outcome", **outcome())
        await stage.settle()
        seen = stage.screen_text()
        assert "- the meeting is on Monday at ten." in seen
        assert "+ the meeting is on Wednesday at ten." in seen
        assert "✓ verified #12" in seen
        assert "tail 400 → endpoint 408 → final 520 → applied 533 ms" in seen
        assert "6 of 7 drafts kept · prefill 310 · decode 92 · sound 2480 ms" in seen
        assert "endpoint → final 112 ms" in seen
        assert "95 % sure" in seen
        assert stage.pad == EDITED


@scene
async def test_escape_gives_up_what_is_being_said_and_nothing_when_idle() -> None:
    async with on_stage() as stage:
        await stage.pilot.press("escape")
        await stage.pilot.press("f5")
        await until(lambda: stage.app.state.talking)
        await stage.pilot.press("escape")
        await until(lambda: stage.app.state.stage == "idle")
        assert len(stage.daemon.asked(p.TalkCancel)) == 1


@scene
async def test_control_space_dictates_as_f5_does() -> None:
    async with on_stage() as stage:
        await stage.pilot.press("ctrl+@")
        await until(lambda: stage.daemon.asked(p.TalkToggle) == [p.TalkToggle(mode="dictate")])


@scene
async def test_typed_words_are_a_command_and_with_a_plus_they_are_inserted() -> None:
    async with on_stage() as stage:
        await stage.pilot.press("tab", *"delete that", "enter", *"+ so be it", "enter")
        await until(lambda: len(stage.daemon.asked(p.Say)) == 2)
        assert stage.daemon.asked(p.Say) == [
            p.Say(words="delete that", mode="edit"),
            p.Say(words="so be it", mode="dictate"),
        ]


@scene
async def test_an_undo_takes_one_step_and_so_does_the_pads_own() -> None:
    async with on_stage(text=LETTER) as stage:
        await stage.daemon.change_pad(LETTER, EDITED.replace("old house", "new barn"))
        await stage.pilot.press("ctrl+z")
        assert stage.pad == LETTER
        await stage.pilot.press("ctrl+y")
        assert stage.pad == EDITED.replace("old house", "new barn")
        stage.daemon.on("undo", NothingToUndo("Nothing is left to undo."))
        await stage.pilot.press("f7")
        await until(lambda: stage.app.state.message is not None)
        await stage.pilot.pause()
        assert "Nothing is left to undo." in stage.screen_text()


@scene
async def test_a_question_is_answered_by_its_number() -> None:
    async with on_stage() as stage:
        places = [{"start": n, "end": n + 1, "excerpt": f"place {n}"} for n in range(3)]
        stage.daemon.publish("ask", question=7, kind="choice", message="Which one?", choices=places)
        await until(lambda: isinstance(stage.app.screen, ChoiceDialog))
        await stage.pilot.press("2")
        await until(lambda: stage.daemon.asked(p.Answer) == [p.Answer(question=7, choice=1)])
        assert stage.app.screen is stage.app.main


@scene
async def test_a_question_is_answered_by_arrows_and_enter_and_refused_by_escape() -> None:
    async with on_stage() as stage:
        places = [{"start": n, "end": n + 1, "excerpt": f"place {n}"} for n in range(3)]
        for number, keys in ((1, ["down", "down", "enter"]), (2, ["escape"])):
            stage.daemon.publish("ask", question=number, kind="choice", message="Which?", choices=places)
            await until(lambda: isinstance(stage.app.screen, ChoiceDialog))
            await stage.pilot.press(*keys)
            await until(lambda n=number: len(stage.daemon.asked(p.Answer)) == n)
            stage.daemon.publish("asked", question=number, choice=None)
            await stage.settle()
        assert stage.daemon.asked(p.Answer) == [
            p.Answer(question=1, choice=2),
            p.Answer(question=2, choice=None),
        ]


@scene
async def test_a_question_that_others_answered_closes_its_dialog_and_is_not_answered_again() -> None:
    async with on_stage() as stage:
        stage.daemon.publish("ask", question=3, kind="confirm", message="Sure?", before=LETTER, after="")
        await until(lambda: isinstance(stage.app.screen, ConfirmDialog))
        stage.daemon.publish("asked", question=3, choice=0)
        await until(lambda: stage.app.screen is stage.app.main)
        await stage.settle()
        assert stage.daemon.asked(p.Answer) == []


@pytest.mark.parametrize(("key", "choice"), [("y", 0), ("n", None), ("escape", None)])
def test_a_large_change_is_shown_and_done_only_after_a_yes(key: str, choice: int | None) -> None:
    @scene
    async def play() -> None:
        async with on_stage(text=LETTER) as stage:
            stage.daemon.publish(
                "ask", question=4, kind="confirm", message="Sure?", before=LETTER, after="Hi\n"
            )
            await until(lambda: isinstance(stage.app.screen, ConfirmDialog))
            await stage.settle()
            assert "- the meeting is on Monday at ten." in stage.screen_text()
            await stage.pilot.press("enter", "x")  # neither does anything
            assert stage.daemon.asked(p.Answer) == []
            await stage.pilot.press(key)
            await until(lambda: stage.daemon.asked(p.Answer) == [p.Answer(question=4, choice=choice)])

    play()


@scene
async def test_the_pad_is_read_and_edited_while_a_dialog_is_open() -> None:
    async with on_stage(text="abc") as stage:
        stage.daemon.publish("ask", question=5, kind="confirm", message="Sure?", before="abc", after="x")
        await until(lambda: isinstance(stage.app.screen, ConfirmDialog))
        assert (await stage.daemon.text()).text == "abc"
        assert (await stage.daemon.change_pad("abc", "x")).text == "x"


@scene
async def test_a_burst_of_events_loses_no_typed_character_and_is_drawn_together() -> None:
    typed = "The quick brown fox jumps over the lazy dog. " * 4
    async with on_stage() as stage:
        sent = 0
        done = asyncio.Event()

        async def burst() -> None:
            nonlocal sent
            while not done.is_set():
                for _ in range(5):
                    stage.daemon.publish("level", rms_dbfs=-30.0, peak=0.2, is_speech=True, sample=sent)
                    stage.daemon.publish("partial", text=f"partial words number {sent}")
                    stage.daemon.publish("speech", speaking=sent % 2 == 0, sample=sent)
                    sent += 3
                await asyncio.sleep(0.005)

        storm = asyncio.create_task(burst())
        drawn = stage.app.drawn
        await stage.type(typed)
        await until(lambda: len(stage.pad) == len(typed))
        done.set()
        await storm
        assert stage.pad == typed
        assert sent > 5 * (stage.app.drawn - drawn)


@scene
async def test_between_two_redraws_events_only_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_stage() as stage:
        await stage.settle()
        monkeypatch.setattr("voice_edit.tui.app.REDRAWS_A_SECOND", 0.001)
        drawn = stage.app.drawn
        for number in range(30):
            stage.app.take_event({"event": "partial", "text": f"partial {number}"})
            await asyncio.sleep(0.001)
        await stage.type("abc")
        await until(lambda: stage.pad == "abc")
        assert stage.app.drawn == drawn


@scene
async def test_what_is_typed_ahead_of_a_tab_goes_where_the_tab_leads() -> None:
    async with on_stage() as stage:
        await stage.type("pad", every_s=0)
        stage.app.post_message(Key("tab", "\t"))
        await stage.type("line", every_s=0)
        say = stage.app.main.query_one("#say", Input)
        await until(lambda: len(stage.pad + say.value) == 7)
        assert (stage.pad, say.value) == ("pad", "line")


@scene
async def test_typing_while_edits_arrive_is_never_lost() -> None:
    async with on_stage(text="start ") as stage:
        stage.app.main.pad.move_cursor((0, 6))
        kept = refused = 0

        async def edits() -> None:
            nonlocal kept, refused
            for number in range(30):
                before = (await stage.daemon.text()).text or ""
                after = f"[{number}]{before}"
                reply = await stage.daemon.change_pad(before, after)
                kept, refused = kept + (reply.error is None), refused + (reply.error is not None)

        editing = asyncio.create_task(edits())
        await stage.type("abcdefghijklmnopqrstuvwxyz", every_s=0.005)
        await editing
        await until(lambda: "z" in stage.pad)
        assert stage.pad.endswith("start abcdefghijklmnopqrstuvwxyz")
        assert stage.pad.count("[") == kept
        assert kept + refused == 30


@scene
async def test_when_the_daemon_ends_it_says_so_and_comes_back_with_the_next_one() -> None:
    paths = Paths.from_environment()
    app = VoiceEditApp(load_settings(paths), paths)
    async with PadDaemon(paths.socket) as first, app.run_test(size=(80, 24)) as pilot:
        await until(lambda: app.state.connected)
        app.main.pad.load_text("my own words")
        await first.server.close()
        await until(lambda: app.state.link.state == "lost")
        await pilot.pause()
        assert not isinstance(app.screen, StartDialog)
        async with PadDaemon(paths.socket) as second:
            await until(lambda: app.state.connected)
            assert second.asked(p.TargetOffer)
            assert (await second.text()).text == "my own words"


@scene
async def test_without_a_daemon_it_offers_to_start_one_and_the_pad_can_be_typed_in() -> None:
    paths = Paths.from_environment()
    app = VoiceEditApp(load_settings(paths), paths)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(lambda: isinstance(app.screen, StartDialog))
        await pilot.press("escape", *"hi")
        assert app.main.pad.text == "hi"
        assert app.state.link.state == "absent"


@scene
async def test_the_offer_to_start_a_daemon_goes_away_when_one_comes() -> None:
    paths = Paths.from_environment()
    app = VoiceEditApp(load_settings(paths), paths)
    async with app.run_test(size=(80, 24)):
        await until(lambda: isinstance(app.screen, StartDialog))
        async with PadDaemon(paths.socket):
            await until(lambda: app.screen is app.main)
            assert app.state.connected


@scene
async def test_a_daemon_that_does_not_start_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(socket: Path) -> None:
        raise DaemonStartFailed("The daemon cannot start: no model.", hint="Get one.")

    monkeypatch.setattr("voice_edit.control.starting.ensure_daemon", fails)
    paths = Paths.from_environment()
    app = VoiceEditApp(load_settings(paths), paths)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(lambda: isinstance(app.screen, StartDialog))
        await pilot.press("enter")
        await until(lambda: "no model" in app.state.link.message)


@scene
async def test_a_daemon_is_started_where_none_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = Paths.from_environment()
    daemon = PadDaemon(paths.socket)
    loop = asyncio.get_running_loop()

    def starts(socket: Path) -> None:
        asyncio.run_coroutine_threadsafe(daemon.__aenter__(), loop).result()

    monkeypatch.setattr("voice_edit.control.starting.ensure_daemon", starts)
    app = VoiceEditApp(load_settings(paths), paths)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(lambda: isinstance(app.screen, StartDialog))
        await pilot.press("enter")
        await until(lambda: app.state.connected)
    await daemon.server.close()


@scene
async def test_a_silent_microphone_is_told_with_its_remedy() -> None:
    async with on_stage() as stage:
        problem = {"code": "muted", "message": "The microphone is muted.", "hint": "Unmute it: pactl ..."}
        stage.daemon.publish("microphone", state="open", device="Blue Yeti", problem=problem)
        await until(lambda: stage.app.state.microphone.problem is not None)
        await stage.pilot.pause()
        seen = stage.screen_text()
        assert "! The microphone is muted." in seen
        assert "Unmute it: pactl ..." in seen


@scene
async def test_a_file_can_be_chosen_and_given_back(tmp_path: Path) -> None:
    async with on_stage() as stage:
        path = tmp_path / "notes.txt"
        await stage.pilot.press("f9")
        await stage.pilot.pause()
        stage.app.screen.query_one(Input).value = str(path)
        await stage.pilot.press("enter")
        await until(lambda: stage.app.state.target.kind == "file")
        assert stage.daemon.asked(p.TargetFile)[-1].path == str(path)
        await stage.pilot.press("f9")
        await stage.pilot.pause()
        await stage.pilot.press("ctrl+u", "enter")
        await until(lambda: stage.daemon.asked(p.TargetClear))


@scene
async def test_hands_free_goes_round() -> None:
    async with on_stage() as stage:
        for mode in ("dictate", "edit", "off"):
            await stage.pilot.press("ctrl+l")
            await until(lambda m=mode: stage.app.state.hands_free == m)
        assert [one.mode for one in stage.daemon.asked(p.HandsFree)] == ["dictate", "edit", "off"]


@scene
async def test_nothing_is_drawn_and_no_timer_runs_while_nothing_happens() -> None:
    async with on_stage(text=LETTER) as stage:
        await stage.settle()
        drawn = stage.app.drawn
        await asyncio.sleep(0.3)
        assert stage.app.drawn == drawn
        nodes = [stage.app, *stage.app.screen_stack, *stage.app.screen.walk_children()]
        running = [timer for node in nodes for timer in node._timers if timer._active.is_set()]
        assert running == []
