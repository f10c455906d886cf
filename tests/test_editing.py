"""One utterance after the other: who is asked, what is confirmed, what a retry hears, what errors name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import ScriptedEngine
from memory_target import Field, practice
from sounds import silence, voice

from engine.frames import ms_to_samples
from voice_edit import questions
from voice_edit.config import Settings
from voice_edit.editing import Editing, Failure, Outcome
from voice_edit.edits import Edit
from voice_edit.errors import (
    Ambiguous,
    Cancelled,
    NoMatch,
    NotConfirmed,
    NotUnderstood,
    TargetChanged,
    TargetMissing,
)
from voice_edit.journal import recovery
from voice_edit.journal.journal import Journal, Take
from voice_edit.targets.client import ClientTarget
from voice_edit.targets.file import FileTarget

FOXES = "A fox. A fox. A fox.\n"


class Asked:
    """Answers questions as it was told to, and remembers them."""

    def __init__(self, *answers: int | bool | None) -> None:
        self.answers = list(answers)
        self.questions: list[list[str]] = []
        self.confirmed: list[tuple[str, str]] = []

    def choose(self, error: Ambiguous) -> int | None:
        self.questions.append([choice.excerpt for choice in error.choices])
        return self.answers.pop(0)

    def is_there(self) -> bool:
        return True

    def confirm(
        self, before: str, after: str, edits: Sequence[Edit], *, question: str = questions.MUCH
    ) -> bool:
        self.confirmed.append((before, after))
        return bool(self.answers.pop(0))


@pytest.fixture
def editing(tmp_path: Path, journal: Journal) -> Editing:
    path = tmp_path / "foxes.md"
    path.write_text(FOXES)
    return Editing(FileTarget(path), journal, confirm_chars=10)


def text_of(editing: Editing) -> str:
    return editing.target.snapshot().text


# --- asking -------------------------------------------------------------------------------------------------


def test_who_is_asked_decides_which_place_is_meant_and_the_journal_knows(editing: Editing) -> None:
    ask = Asked(1)
    outcome = editing.say("change fox to cat", mode="edit", ask=ask)
    assert text_of(editing) == "A fox. A cat. A fox.\n"
    assert [question.count("[fox]") for question in ask.questions[0]] == [1, 1, 1]
    chosen = editing.journal.get(outcome.utterance).commands
    assert chosen == outcome.understood.to_data()
    assert chosen[0]["find"]["within"] == {"kind": "span", "start": 9, "end": 12}
    editing.say("undo", mode="edit", ask=ask)
    assert text_of(editing) == FOXES


def test_everything_that_is_ambiguous_is_asked_one_after_the_other(editing: Editing) -> None:
    ask = Asked(0, 2)
    editing.say("swap fox and a", mode="edit", ask=ask)
    assert len(ask.questions) == 2
    assert text_of(editing) == "A a. A fox. Fox fox.\n"


@pytest.mark.parametrize("ask", [None, Asked(None)])
def test_without_an_answer_nothing_is_done_and_the_places_are_told(
    editing: Editing, ask: Asked | None
) -> None:
    with pytest.raises(Ambiguous) as caught:
        editing.say("change fox to cat", mode="edit", ask=ask)
    assert len(caught.value.choices) == 3
    assert text_of(editing) == FOXES
    assert editing.journal.get(1).reason == "ambiguous"


def test_a_text_that_changes_while_somebody_thinks_is_refused(editing: Editing, tmp_path: Path) -> None:
    class Slow(Asked):
        def choose(self, error: Ambiguous) -> int | None:
            (tmp_path / "foxes.md").write_text("Another text.\n")
            return 0

    with pytest.raises(TargetChanged):
        editing.say("change fox to cat", mode="edit", ask=Slow())
    assert text_of(editing) == "Another text.\n"


def test_after_an_unanswered_question_the_next_utterance_finds_everything_as_it_was(editing: Editing) -> None:
    with pytest.raises(Ambiguous):
        editing.say("change fox to cat", mode="edit", ask=Asked(None))
    editing.say("change the first fox to cat", mode="edit")
    assert text_of(editing) == "A cat. A fox. A fox.\n"


# --- large edits --------------------------------------------------------------------------------------------


def test_a_large_edit_is_confirmed_first(editing: Editing) -> None:
    ask = Asked(True)
    editing.say("delete everything", mode="edit", ask=ask)
    assert text_of(editing) == ""
    assert ask.confirmed == [(FOXES, "")]


def test_a_large_edit_that_is_not_confirmed_changes_nothing_and_is_remembered(editing: Editing) -> None:
    with pytest.raises(NotConfirmed, match="21 characters") as caught:
        editing.say("delete everything", mode="edit", ask=Asked(False))
    assert text_of(editing) == FOXES
    record = editing.journal.get(1)
    assert (record.state, record.reason, record.checkpoint) == ("not_applied", "not_confirmed", None)
    assert "voice-edit retry 1" in caught.value.hint
    editing.say("change the first fox to cat", mode="edit", ask=Asked())
    assert text_of(editing) == "A cat. A fox. A fox.\n"


def test_small_edits_long_dictations_and_undo_are_never_confirmed(editing: Editing) -> None:
    ask = Asked(True)
    editing.say("delete the first sentence", mode="edit", ask=ask)
    editing.say("A long sentence that only adds to what is there.", mode="dictate", ask=ask)
    editing.say("delete everything", mode="edit", ask=ask)
    editing.say("undo", mode="edit", ask=ask)
    assert len(ask.confirmed) == 1


@pytest.mark.parametrize(("limit", "ask"), [(0, Asked()), (10, None)])
def test_nobody_is_asked_where_it_is_switched_off_or_nobody_is_there(
    editing: Editing, limit: int, ask: Asked | None
) -> None:
    editing.confirm_chars = limit
    editing.say("delete everything", mode="edit", ask=ask)
    assert text_of(editing) == ""


# --- targets ------------------------------------------------------------------------------------------------


def test_the_target_may_be_another_one_for_the_next_utterance(editing: Editing, journal: Journal) -> None:
    first = editing.target
    editing.say("One.", mode="dictate")
    pad = Field("Here: ")
    editing.target = practice(pad)
    editing.say("two", mode="dictate")
    assert pad.text == "Here: two"
    other = Field(pad.text)
    editing.target = ClientTarget("other", "Other", other)
    with pytest.raises(NoMatch):  # what was inserted last stands in another field, though the texts agree
        editing.say("I meant three", mode="edit")
    editing.target = first
    editing.say("undo", mode="edit")
    assert text_of(editing) == FOXES


def test_words_for_a_file_that_went_away_are_kept(editing: Editing, tmp_path: Path) -> None:
    (tmp_path / "foxes.md").unlink()
    with pytest.raises(TargetMissing):
        editing.say("delete everything", mode="edit")
    record = editing.journal.get(1)
    assert (record.words, record.target) == ("delete everything", str(tmp_path / "foxes.md"))


# --- errors -------------------------------------------------------------------------------------------------


def test_an_error_names_the_utterance_it_is_about(editing: Editing) -> None:
    editing.say("delete the first fox", mode="edit")
    with pytest.raises(NotConfirmed) as caught:
        editing.say("delete everything", mode="edit", ask=Asked(False))
    assert caught.value.utterance == 2
    assert "retry 2" in caught.value.hint
    assert NotConfirmed("x").hint.count("retry N") == 1, "the class's own hint stays as it is"


@pytest.mark.parametrize("words", ["", "  \n"])
@pytest.mark.parametrize("mode", ["edit", "dictate"])
def test_no_words_are_refused_in_plain_words(editing: Editing, words: str, mode: Any) -> None:
    with pytest.raises(NotUnderstood, match="There are no words"):
        editing.say(words, mode=mode)
    assert text_of(editing) == FOXES


# --- sound --------------------------------------------------------------------------------------------------


def spoken(journal: Journal, *pieces: np.ndarray, hold: bool) -> Take:
    take = journal.begin_take("edit", target="/note", source="test", hold=hold)
    for piece in pieces:
        take.record(piece)
    return take


def test_a_take_that_was_given_up_can_be_heard_after_all(editing: Editing) -> None:
    take = spoken(editing.journal, silence(300), voice(1500), hold=True)
    error = Cancelled("Cancelled.")
    number = editing.keep_unheard(take, error, mode="edit", start_sample=0)
    take.finish("interrupted")
    assert number == 1
    assert "voice-edit retry 1" in error.hint
    record = editing.journal.get(1)
    assert (record.state, record.reason, record.words) == ("not_applied", "cancelled", None)
    assert not recovery.recover(editing.journal)
    engine: Any = ScriptedEngine(["Delete the first fox."])
    events = list(editing.listen_again(record, engine, Settings()))
    assert isinstance(events[-1], Outcome)
    assert text_of(editing) == "A. A fox. A fox.\n"


def test_too_little_sound_is_not_kept_for_a_retry(editing: Editing) -> None:
    take = spoken(editing.journal, silence(90), hold=False)
    assert editing.keep_unheard(take, Cancelled("Cancelled."), mode="edit", start_sample=0) is None
    take.finish()
    assert editing.journal.log() == []


LONG = (voice(2000), silence(1500), voice(2000), silence(300))


def retried(editing: Editing, engine: Any, *, hold: bool, mode: Any = "edit") -> list[Outcome | Failure]:
    take = spoken(editing.journal, *LONG, hold=hold)
    editing.keep_unheard(take, Cancelled("Cancelled."), mode=mode, start_sample=0)
    take.finish()
    record = editing.journal.get(1)
    return [e for e in editing.listen_again(record, engine, Settings()) if isinstance(e, Outcome | Failure)]


def test_what_was_said_with_the_key_held_is_one_utterance_again_whatever_the_pauses(editing: Editing) -> None:
    engine: Any = ScriptedEngine(["Change the first fox.", "To cat."])
    (outcome,) = retried(editing, engine, hold=True)
    assert isinstance(outcome, Outcome)
    assert text_of(editing) == "A cat. A fox. A fox.\n"


def test_what_was_said_hands_free_is_several_utterances_again(editing: Editing) -> None:
    engine: Any = ScriptedEngine(["Delete the first fox.", "Change fox to cat."])
    assert [type(done) for done in retried(editing, engine, hold=False)] == [Outcome, Failure]


@pytest.mark.parametrize("mode", ["edit", "dictate"])
def test_an_utterance_that_the_model_could_not_hear_at_once_is_applied_at_once(
    editing: Editing, mode: Any
) -> None:
    parts = ["Change the first fox.", "To quick brown cat.", "And dog."]
    limit_ms = ScriptedEngine().profile.max_utterance_ms
    pieces = [voice(limit_ms * 0.45), silence(400)] * 5
    take = spoken(editing.journal, *pieces, hold=True)
    editing.keep_unheard(take, Cancelled("Cancelled."), mode=mode, start_sample=0)
    take.finish()
    engine: Any = ScriptedEngine(parts)
    events = list(editing.listen_again(editing.journal.get(1), engine, Settings()))
    assert engine.texts == type(engine.texts)(), "the limit cut it into three"
    (outcome,) = [event for event in events if isinstance(event, Outcome | Failure)]
    record = editing.journal.get(2)
    assert record.retry_of == 1
    assert record.words == "Change the first fox to quick brown cat and dog."
    assert record.timing["hangover_samples"] is None
    if mode == "dictate":
        assert text_of(editing) == FOXES + record.words
    else:
        assert text_of(editing) == "A quick brown cat and dog. A fox. A fox.\n"
    assert isinstance(outcome, Outcome)
    again: Any = ScriptedEngine(parts)
    editing.say("undo", mode="edit")
    assert text_of(editing) == FOXES
    list(editing.listen_again(editing.journal.get(2), again, Settings()))
    assert editing.journal.last() is not None
    assert editing.journal.get(4).words == record.words


def test_an_utterance_with_the_key_held_that_was_heard_at_once_is_fed_as_it_was(editing: Editing) -> None:
    from engine.events import Hypothesis

    pieces = [silence(200), voice(1500), silence(600)]
    take = spoken(editing.journal, *pieces, hold=True)
    take.finish()
    end = ms_to_samples(1700)
    utterance = editing.journal.begin_utterance("/note", "edit", take=take, start_sample=1600, end_sample=end)
    editing.journal.words(utterance, "Wrong.", timing={"hangover_samples": ms_to_samples(600)})
    engine: Any = ScriptedEngine(["Delete the first fox."])
    events = list(editing.listen_again(editing.journal.get(utterance), engine, Settings()))
    assert [type(event) for event in events] == [Hypothesis, Outcome]
    assert editing.journal.get(2).timing["hangover_samples"] == ms_to_samples(600)
