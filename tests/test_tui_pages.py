"""The pages of the terminal interface: history, settings, help."""

from __future__ import annotations

from typing import Any

import pytest
from tui_driver import on_stage, outcome, record, scene, until

from voice_edit.config import Paths
from voice_edit.control import protocol as p
from voice_edit.tui.history_screen import HistoryScreen


class History:
    """A journal that is a list."""

    def __init__(self, count: int) -> None:
        self.records = [record(n, f"utterance number {n}") for n in range(count, 0, -1)]

    def log(self, client: object, asked: p.Log) -> dict[str, Any]:
        found = [r for r in self.records if asked.before is None or r["id"] < asked.before]
        found = [r for r in found if asked.search is None or asked.search in r["words"]]
        return {"utterances": found[: asked.limit]}


@scene
async def test_history_is_searched_page_by_page_and_acts_on_the_chosen_entry() -> None:
    async with on_stage() as stage:
        stage.daemon.on("log", History(250).log)
        await stage.pilot.press("f2")
        screen = stage.app.screen
        assert isinstance(screen, HistoryScreen)
        await until(lambda: screen.chosen is not None and screen.chosen.number == 250)
        await stage.pilot.press("end")
        await until(lambda: len(screen._entries) == 200)
        await stage.pilot.press("end")
        await until(lambda: len(screen._entries) == 250)
        await stage.pilot.press("slash", *"number 17")
        await until(lambda: [e.number for e in screen._entries[:2]] == [179, 178])
        await stage.pilot.press("enter", "down", "t", "p", "u", "r")
        await until(lambda: stage.daemon.asked(p.Redo))
        assert stage.daemon.asked(p.Retry) == [p.Retry(utterance=178)]
        assert stage.daemon.asked(p.Play) == [p.Play(utterance=178)]
        assert stage.daemon.asked(p.Undo) == [p.Undo()]
        await stage.pilot.press("escape")
        await until(lambda: len(screen._entries) == 100)
        await stage.pilot.press("escape")
        assert stage.app.screen is stage.app.main


@scene
async def test_history_grows_while_it_is_open_and_keeps_what_is_looked_at() -> None:
    async with on_stage() as stage:
        history = History(5)
        stage.daemon.on("log", history.log)
        await stage.pilot.press("f2")
        screen = stage.app.screen
        assert isinstance(screen, HistoryScreen)
        await until(lambda: len(screen._entries) == 5)
        await stage.pilot.press("down", "down")
        await until(lambda: screen.chosen is not None and screen.chosen.number == 3)
        history.records.insert(0, record(6, "something new"))
        stage.daemon.publish("outcome", **outcome(utterance=6))
        await until(lambda: len(screen._entries) == 6)
        assert screen.chosen is not None
        assert screen.chosen.number == 3


@scene
async def test_words_are_copied_through_the_terminal_where_there_is_no_desktop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    async with on_stage() as stage:
        stage.daemon.on("log", History(1).log)
        await stage.pilot.press("f2")
        screen = stage.app.screen
        assert isinstance(screen, HistoryScreen)
        await until(lambda: screen.chosen is not None)
        await stage.pilot.press("c")
        await until(lambda: stage.app.clipboard == "utterance number 1")
        await until(lambda: "Handed to the terminal" in stage.screen_text())


@scene
async def test_a_setting_is_written_told_to_the_daemon_and_keeps_the_comments() -> None:
    paths = Paths.from_environment()
    paths.config_folder.mkdir(parents=True)
    paths.config_file.write_text("# mine\n[tui]\ntheme = 'dark'  # at night\n")
    async with on_stage() as stage:
        stage.daemon.on("settings.set", {"name": "tui.theme", "value": "light", "restart": False})
        await stage.pilot.press("f4")
        await stage.pilot.pause()
        listed = stage.app.screen.query_one("#settings")
        names = [info.name for info in stage.app.screen._infos]  # type: ignore[attr-defined]
        listed.highlighted = names.index("tui.theme")  # type: ignore[attr-defined]
        await stage.pilot.press("enter")
        await until(lambda: type(stage.app.screen).__name__ == "PickDialog")
        await stage.pilot.pause()
        await stage.pilot.press("down", "enter")
        await until(lambda: stage.daemon.asked(p.SettingsSet))
        assert paths.config_file.read_text() == '# mine\n[tui]\ntheme = "light"  # at night\n'
        assert stage.daemon.asked(p.SettingsSet) == [p.SettingsSet(name="tui.theme", value="light")]
        assert stage.app.theme == "voice-edit-light"


@scene
async def test_a_setting_that_makes_no_sense_is_refused_and_nothing_is_written() -> None:
    paths = Paths.from_environment()
    async with on_stage() as stage:
        await stage.pilot.press("f4")
        await stage.pilot.pause()
        screen = stage.app.screen
        names = [info.name for info in screen._infos]  # type: ignore[attr-defined]
        screen.query_one("#settings").highlighted = names.index("listening.onset_ms")  # type: ignore[attr-defined]
        await stage.pilot.press("enter")
        await until(lambda: type(stage.app.screen).__name__ == "TextDialog")
        await stage.pilot.pause()
        await stage.pilot.press("ctrl+u", *"7", "enter")
        await until(lambda: "greater than or equal to 20" in stage.screen_text())
        assert not paths.config_file.exists()
        assert not stage.daemon.asked(p.SettingsSet)


@scene
async def test_help_lists_every_key_of_the_app() -> None:
    async with on_stage(size=(100, 60)) as stage:
        await stage.pilot.press("f1")
        await stage.pilot.pause()
        seen = stage.screen_text()
        for key in ("F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10", "F12", "Esc", "Ctrl+L",
                    "Ctrl+R", "Ctrl+Q", "Ctrl+Space", "Tab"):  # fmt: skip
            assert key in seen, key
        await stage.pilot.press("escape")
        assert stage.app.screen is stage.app.main
