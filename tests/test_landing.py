"""Texts that change under an utterance: edits go along, or the speaker is asked; nothing typed is lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from memory_target import Field, practice

from voice_edit import questions
from voice_edit.desktop.errors import FieldRefused
from voice_edit.editing import Editing
from voice_edit.edits import Edit
from voice_edit.errors import Ambiguous, NotUnderstood, TargetChanged
from voice_edit.journal.journal import Journal
from voice_edit.targets.base import Snapshot
from voice_edit.targets.client import ClientTarget

LETTER = "Dear all,\n\nwe meet on Tuesday at noon.\nBring your notes.\n"


class Asked:
    """Answers every question alike, and remembers what was asked."""

    def __init__(self, answer: bool = True, *, there: bool = True) -> None:
        self.answer = answer
        self.there = there
        self.questions: list[tuple[str, str]] = []

    def is_there(self) -> bool:
        return self.there

    def choose(self, error: Ambiguous) -> int | None:
        self.questions.append((str(error), ""))
        return 0 if self.answer else None

    def confirm(
        self, before: str, after: str, edits: Sequence[Edit], *, question: str = questions.MUCH
    ) -> bool:
        self.questions.append((question, after))
        return self.answer


def typed(text: str, *, at: int | None = None, times: int = 1) -> Callable[[Field], None]:
    """Somebody types between our look and our change, so many times."""
    left = [times]

    def type_it(field: Field) -> None:
        if left[0]:
            left[0] -= 1
            place = field.head if at is None else at
            field.text = field.text[:place] + text + field.text[place:]
            if field.head >= place:
                field.anchor = field.head = field.head + len(text)

    return type_it


def rewritten(old: str, new: str) -> Callable[[Field], None]:
    """Somebody changes a passage between our look and our change, once."""
    done: list[bool] = []

    def change(field: Field) -> None:
        if not done:
            done.append(True)
            field.text = field.text.replace(old, new)
            field.anchor = field.head = len(field.text)

    return change


def editing_of(field: Field, journal: Journal) -> Editing:
    return Editing(practice(field), journal)


# --- the text moves on ----------------------------------------------------------------------------------


def test_an_edit_goes_along_when_something_was_typed_elsewhere(journal: Journal) -> None:
    field = Field(LETTER)
    field.before_applying = typed("PS: thanks")
    outcome = editing_of(field, journal).say("replace Tuesday with Wednesday", mode="edit")
    assert field.text == LETTER.replace("Tuesday", "Wednesday") + "PS: thanks"
    assert outcome.text_before == LETTER + "PS: thanks"
    assert outcome.receipt is not None
    assert outcome.receipt.state == "verified"
    record = journal.get(outcome.utterance)
    assert (record.state, record.checkpoint and record.checkpoint.standing) == ("applied", "applied")


def test_dictated_words_go_behind_what_was_typed_at_the_caret(journal: Journal) -> None:
    field = Field("We meet")
    field.before_applying = typed(" again,")
    editing_of(field, journal).say("On Tuesday.", mode="dictate")
    assert field.text == "We meet again, on Tuesday."


def test_dictated_words_stay_at_their_place_when_something_is_typed_elsewhere(journal: Journal) -> None:
    field = Field("We meet at noon.\n", anchor=7)
    field.head = 7

    def elsewhere(field: Field) -> None:
        if field.text.startswith("We"):
            field.text = "Dear all,\n" + field.text
            field.anchor = field.head = 0

    field.before_applying = elsewhere
    editing_of(field, journal).say("on Tuesday", mode="dictate")
    assert field.text == "Dear all,\nWe meet on Tuesday at noon.\n"


def test_undo_after_a_moved_edit_takes_back_only_ours(journal: Journal) -> None:
    field = Field(LETTER)
    field.before_applying = typed("PS: thanks")
    editing = editing_of(field, journal)
    editing.say("delete the last line", mode="edit")
    editing.say("undo that", mode="edit")
    assert field.text == LETTER + "PS: thanks"


@pytest.mark.parametrize("ask", [None, Asked(there=False), Asked(answer=False)])
def test_an_edit_whose_place_was_changed_is_refused(journal: Journal, ask: Asked | None) -> None:
    field = Field(LETTER)
    field.before_applying = rewritten("Tuesday", "Tuesdays")
    with pytest.raises(TargetChanged):
        editing_of(field, journal).say("delete the second paragraph", mode="edit", ask=ask)
    assert field.text == LETTER.replace("Tuesday", "Tuesdays")
    assert journal.get(1).state == "not_applied"


def test_an_edit_whose_place_was_changed_is_offered_for_the_text_as_it_is(journal: Journal) -> None:
    field = Field(LETTER)
    field.before_applying = rewritten("Tuesday", "Tuesdays")
    ask = Asked()
    editing_of(field, journal).say("delete the second paragraph", mode="edit", ask=ask)
    assert field.text == "Dear all,\n"
    assert [question for question, _ in ask.questions] == [questions.MOVED_ON]
    assert ask.questions[0][1] == field.text


def test_what_can_no_longer_be_done_is_not_offered(journal: Journal) -> None:
    field = Field(LETTER)
    field.before_applying = rewritten("Tuesday", "Friday")
    ask = Asked()
    with pytest.raises(TargetChanged):
        editing_of(field, journal).say("replace Tuesday with Wednesday", mode="edit", ask=ask)
    assert ask.questions == []
    assert field.text == LETTER.replace("Tuesday", "Friday")


def test_a_chosen_place_is_asked_for_again_in_the_text_as_it_is(journal: Journal) -> None:
    field = Field("A fox. A fox. A fox. That is all that we have seen of it.")
    field.before_applying = rewritten("A fox. A fox. A", "A hen. A fox. A")
    ask = Asked()
    editing_of(field, journal).say("change fox to cat", mode="edit", ask=ask)
    assert field.text == "A hen. A cat. A fox. That is all that we have seen of it."
    assert len(ask.questions) == 3  # which of three, which of the two there, do it to the text as it is?


def test_somebody_who_does_not_stop_typing_is_not_overwritten(journal: Journal) -> None:
    field = Field(LETTER)
    field.before_applying = typed("x", times=99)
    with pytest.raises(TargetChanged):
        editing_of(field, journal).say("replace Tuesday with Wednesday", mode="edit")
    assert field.text.startswith(LETTER)


def test_a_target_that_knows_of_a_change_we_did_not_see_is_believed(journal: Journal) -> None:
    class Knows(ClientTarget):
        refusals = 0

        def prepare(self, *args: object, **options: object):  # type: ignore[no-untyped-def]
            if not self.refusals:
                self.refusals += 1
                raise TargetChanged("That very place was changed while you were speaking.")
            return super().prepare(*args, **options)  # type: ignore[arg-type]

    field = Field(LETTER)
    ask = Asked(answer=False)
    editing = Editing(Knows("practice", "Practice", field), journal)
    with pytest.raises(TargetChanged, match="That very place"):
        editing.say("replace Tuesday with Wednesday", mode="edit", ask=ask)
    assert field.text == LETTER
    assert [question for question, _ in ask.questions] == [questions.MOVED_ON]


# --- one line -------------------------------------------------------------------------------------------


class OneLine(ClientTarget):
    """A field that takes a single line; `more`: what else it tells."""

    more: frozenset[str] = frozenset()

    def _read(self, answer):  # type: ignore[no-untyped-def]
        read: Snapshot = super()._read(answer)
        capabilities = (read.capabilities - {"lines"}) | self.more
        return Snapshot(read.name, read.text, read.selection, read.version, capabilities)


def one_line(field: Field, journal: Journal, *more: str) -> Editing:
    target = OneLine("search", "Search", field)
    target.more = frozenset(more)
    return Editing(target, journal)


LINES = 'insert "milk\nbread\n\nsalt"'


@pytest.mark.parametrize("ask", [None, Asked(there=False), Asked()])
def test_lines_become_one_where_only_one_fits(journal: Journal, ask: Asked | None) -> None:
    field = Field("buy ")
    outcome = one_line(field, journal).say(LINES, mode="edit", ask=ask)
    assert field.text == "buy milk bread salt"
    assert (field.anchor, field.head) == (19, 19)
    assert any("single line" in note for note in outcome.notes)
    assert ask is None or [question for question, _ in ask.questions] == [questions.ONE_LINE] * ask.there


def test_lines_that_are_not_wanted_as_one_are_not_written(journal: Journal) -> None:
    field = Field("buy ")
    with pytest.raises(FieldRefused, match="single line"):
        one_line(field, journal).say(LINES, mode="edit", ask=Asked(answer=False))
    assert field.text == "buy "


def test_where_the_user_settled_it_nobody_is_asked(journal: Journal) -> None:
    field = Field("buy ")
    ask = Asked(answer=False)
    one_line(field, journal, "joined").say(LINES, mode="edit", ask=ask)
    assert (field.text, ask.questions) == ("buy milk bread salt", [])


@pytest.mark.parametrize("text", ["", "one two", "one "])
def test_a_line_break_alone_is_refused_in_a_single_line(journal: Journal, text: str) -> None:
    field = Field(text, anchor=min(3, len(text)), head=min(3, len(text)))
    with pytest.raises(FieldRefused, match="next line"):
        one_line(field, journal).say("new line", mode="edit", ask=Asked())
    assert field.text == text


def test_several_edits_of_an_utterance_fit_each_other_as_one_line(journal: Journal) -> None:
    field = Field("one two three")
    one_line(field, journal).say("new line after one, then replace three with four", mode="edit")
    assert field.text.split() == ["one", "two", "four"]
    assert "\n" not in field.text


# --- said again -----------------------------------------------------------------------------------------


def test_a_passage_said_again_is_put_right_after_a_yes(journal: Journal) -> None:
    field = Field("We walked over the old bridge on Tuesday. It rained.")
    ask = Asked()
    outcome = editing_of(field, journal).say("The green bridge on Thursday.", mode="edit", ask=ask)
    assert field.text == "We walked over the green bridge on Thursday. It rained."
    assert ask.questions == [(questions.SAID_AGAIN, field.text)]
    assert journal.get(outcome.utterance).commands == outcome.understood.to_data()
    editing_of(field, journal).say("undo", mode="edit")
    assert field.text == "We walked over the old bridge on Tuesday. It rained."


@pytest.mark.parametrize("ask", [None, Asked(there=False), Asked(answer=False)])
def test_without_a_yes_the_words_are_no_command(journal: Journal, ask: Asked | None) -> None:
    field = Field("We walked over the old bridge on Tuesday.")
    with pytest.raises(NotUnderstood, match="no command"):
        editing_of(field, journal).say("the green bridge on Thursday", mode="edit", ask=ask)
    assert field.text == "We walked over the old bridge on Tuesday."
    assert journal.get(1).reason == "not_understood"


def test_words_that_resemble_nothing_are_not_asked_about(journal: Journal) -> None:
    ask = Asked()
    with pytest.raises(NotUnderstood):
        editing_of(Field("We walked over the bridge."), journal).say(
            "hello how are you", mode="edit", ask=ask
        )
    assert ask.questions == []


def test_a_passage_said_again_goes_along_when_something_is_typed(journal: Journal) -> None:
    field = Field("We walked over the old bridge on Tuesday.")
    field.before_applying = typed(" It rained.")
    editing_of(field, journal).say("the green bridge on Thursday", mode="edit", ask=Asked())
    assert field.text == "We walked over the green bridge on Thursday. It rained."
