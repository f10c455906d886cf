"""The vocabulary page of the terminal interface writes down, changes and takes out entries."""

from __future__ import annotations

from rich.cells import cell_len
from tui_driver import on_stage, scene, until

from voice_edit.paths import Paths
from voice_edit.tui.vocabulary_screen import Row, VocabularyScreen
from voice_edit.vocabulary import store
from voice_edit.vocabulary.entries import Entries, Phrase, Word


@scene
async def test_entries_are_added_changed_and_removed_with_keys() -> None:
    paths = Paths.from_environment()
    async with on_stage() as stage:

        async def answer(text: str, *, clear: bool = False) -> None:
            await until(lambda: type(stage.app.screen).__name__ == "TextDialog")
            await stage.pilot.pause()
            if clear:
                await stage.pilot.press("end", "ctrl+u")
            await stage.pilot.press(*text, "enter")

        await stage.pilot.press("ctrl+n")
        await until(lambda: isinstance(stage.app.screen, VocabularyScreen))
        await until(lambda: "Nothing yet" in stage.screen_text())
        await stage.pilot.press("n")
        await answer("Siobhan")
        await answer("shavon,eva")
        await until(lambda: store.read_vocabulary(paths).words == (Word("Siobhan", ("shavon", "eva")),))
        await stage.pilot.press("s")
        await answer("sig")
        await answer("Bye\\nJoe")
        await until(lambda: store.read_vocabulary(paths).snippets == (Phrase("sig", "Bye\nJoe"),))
        await until(lambda: "Bye\\nJoe" in stage.screen_text())
        await stage.pilot.press("enter")
        await answer("ending", clear=True)
        await answer("Bye", clear=True)
        await until(lambda: store.read_vocabulary(paths).snippets == (Phrase("ending", "Bye"),))
        await until(lambda: isinstance(stage.app.screen, VocabularyScreen))
        await stage.pilot.press("d")
        await until(lambda: store.read_vocabulary(paths) == Entries((Word("Siobhan", ("shavon", "eva")),)))
        await stage.pilot.press("r")
        await answer("!")
        await answer("x")
        await until(lambda: "cannot be said" in stage.screen_text())
        await stage.pilot.press("escape")
        assert stage.app.screen is stage.app.main


@scene
async def test_a_broken_file_is_told_and_left_alone() -> None:
    paths = Paths.from_environment()
    paths.config_folder.mkdir(parents=True)
    store.vocabulary_file(paths).write_text("words = [", encoding="utf-8")
    async with on_stage(size=(200, 24)) as stage:
        await stage.pilot.press("ctrl+n")
        await until(lambda: "not valid TOML" in stage.screen_text())
        await stage.pilot.press("d", "enter")
        assert store.vocabulary_file(paths).read_text(encoding="utf-8") == "words = ["


def test_names_of_any_width_leave_what_is_behind_them_in_one_column() -> None:
    columns = []
    for name in ("GitLab", "北京" * 3, "Long" * 12, "é" * 28):
        line = Row("word", name, "|").look().plain
        columns.append(cell_len(line.partition("|")[0]))
    assert len(set(columns)) == 1
    assert "…" in Row("word", "Long" * 12, "").look().plain
