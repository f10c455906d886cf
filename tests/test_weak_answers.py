"""Doubtful words: marked, asked about, heard again. Engines are scripted here; everything else is real."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from daemon_running import Running, running_daemon
from fake_devices import FakeEngineClient, speech
from fakes import Misheard, ScriptedEngine, ScriptedSession, Unsure
from running import ok, run

from engine.errors import Cancelled as StoppedByUser
from engine.errors import EngineLost
from engine.events import Hypothesis
from voice_edit import pipeline, questions, second_ear
from voice_edit.config import Settings
from voice_edit.editing import Editing, Failure, Outcome
from voice_edit.edits import Edit
from voice_edit.errors import NotConfirmed
from voice_edit.journal.journal import Journal
from voice_edit.second_ear import SecondEar
from voice_edit.targets.file import FileTarget
from voice_edit.weighing import Weigher

TEXT = "One two three.\n"


class Asked:
    """Says yes or no, and remembers what it was asked."""

    def __init__(self, answer: bool, *, there: bool = True) -> None:
        self.answer, self.there = answer, there
        self.questions: list[str] = []

    def is_there(self) -> bool:
        return self.there

    def choose(self, error: Any) -> int | None:
        raise AssertionError("nothing here is ambiguous")

    def confirm(
        self, before: str, after: str, edits: Sequence[Edit], *, question: str = questions.MUCH
    ) -> bool:
        self.questions.append(question)
        return self.answer


@pytest.fixture
def editing(tmp_path: Path, journal: Journal) -> Editing:
    path = tmp_path / "note.md"
    path.write_text(TEXT)
    return Editing(FileTarget(path), journal)


def text_of(editing: Editing) -> str:
    return editing.target.snapshot().text


def recording(samples: Path) -> Any:
    return pipeline.open_recording(samples / "01-change.wav")


def heard(
    editing: Editing,
    samples: Path,
    words: str,
    *,
    mode: Any = "edit",
    ask: Any = None,
    second: SecondEar | None = None,
    settings: Settings | None = None,
) -> Outcome | Failure:
    """What becomes of a recording in which an engine hears these words."""
    settings = settings or Settings()
    editing.weak = settings.weak
    engine: Any = ScriptedEngine([words])
    events = editing.listen(
        recording(samples), engine, settings, mode=mode, name="here", ask=ask, second=second
    )
    (done,) = [event for event in events if isinstance(event, Outcome | Failure)]
    return done


# --- dictation ------------------------------------------------------------------------------------------


def test_doubtful_dictation_is_written_and_pointed_out(editing: Editing, samples: Path) -> None:
    done = heard(editing, samples, Misheard("Four five."), mode="dictate")
    assert isinstance(done, Outcome)
    assert text_of(editing) == TEXT + "Four five."
    assert done.notes == ("Perhaps misheard: “Four”, “five”.",)
    why = editing.journal.get(done.utterance).why["hearing"]
    assert why["weak"] is True
    assert why["weak_words"] == ["Four", "five"]
    assert [symptom["code"] for symptom in why["symptoms"]] == ["unsure"]
    editing.say("undo", mode="edit")
    assert text_of(editing) == TEXT


def test_dictation_that_is_sure_is_only_written(editing: Editing, samples: Path) -> None:
    done = heard(editing, samples, "Four five.", mode="dictate")
    assert isinstance(done, Outcome)
    assert done.notes == ()
    why = editing.journal.get(done.utterance).why["hearing"]
    assert (why["weak"], why["symptoms"]) == (False, [])
    assert why["probability"] > 0.95


def test_doubtful_dictation_may_be_written_like_any_other(editing: Editing, samples: Path) -> None:
    settings = Settings.model_validate({"weak": {"dictation": "write"}})
    done = heard(editing, samples, Misheard("Four five."), mode="dictate", settings=settings)
    assert done.notes == ()
    assert editing.journal.get(done.utterance).why["hearing"]["weak"] is True


def test_dictation_is_asked_about_where_that_is_wanted_and_never_withheld_where_nobody_answers(
    editing: Editing, samples: Path
) -> None:
    settings = Settings.model_validate({"weak": {"dictation": "ask"}})
    ask = Asked(False)
    done = heard(editing, samples, Misheard("Four."), mode="dictate", settings=settings, ask=ask)
    assert isinstance(done, Failure)
    assert ask.questions == ["Not sure that this was said: “Four.”. Do it?"]
    assert text_of(editing) == TEXT
    done = heard(editing, samples, Misheard("Four five."), mode="dictate", settings=settings)
    assert isinstance(done, Outcome)
    assert text_of(editing) == TEXT + "Four five."


# --- edits ----------------------------------------------------------------------------------------------


def test_a_doubtful_edit_is_done_when_the_speaker_says_yes(editing: Editing, samples: Path) -> None:
    ask = Asked(True)
    done = heard(editing, samples, Misheard("Delete two."), ask=ask)
    assert isinstance(done, Outcome)
    assert text_of(editing) == "One three.\n"
    assert ask.questions == ["Not sure that this was said: “Delete two.”. Do it?"]
    assert done.notes == (), "who was asked need not be told"


@pytest.mark.parametrize("ask", [None, Asked(True, there=False), Asked(False)])
def test_a_doubtful_edit_is_not_done_without_a_yes_and_its_words_can_be_carried_out(
    editing: Editing, samples: Path, ask: Any
) -> None:
    done = heard(editing, samples, Misheard("Delete two."), ask=ask)
    assert isinstance(done, Failure)
    assert isinstance(done.error, NotConfirmed)
    assert text_of(editing) == TEXT
    record = editing.journal.get(done.utterance or 0)
    assert (record.state, record.words) == ("not_applied", "Delete two.")
    editing.say(record.words or "", mode="edit", retry_of=record.id)
    assert text_of(editing) == "One three.\n"


def test_a_doubtful_edit_may_be_done_like_any_other(editing: Editing, samples: Path) -> None:
    settings = Settings.model_validate({"weak": {"edits": "do"}})
    done = heard(editing, samples, Misheard("Delete two."), settings=settings)
    assert text_of(editing) == "One three.\n"
    assert done.notes == ("Perhaps misheard: “Delete”, “two”.",)


def test_what_changes_no_text_is_not_asked_about(editing: Editing, samples: Path) -> None:
    assert isinstance(heard(editing, samples, Misheard("Select two.")), Outcome)


def test_a_large_and_doubtful_edit_is_one_question(editing: Editing, samples: Path) -> None:
    ask = Asked(True)
    editing.confirm_chars = 1
    heard(editing, samples, Misheard("Delete everything."), ask=ask)
    assert len(ask.questions) == 1


# --- heard again ----------------------------------------------------------------------------------------


class Waiting(FakeEngineClient):
    """Hears nothing until it is cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped = threading.Event()
        self.began = threading.Event()

    def session(self, **asked: Any) -> Any:
        engine = self

        class Session(ScriptedSession):
            def cancel(self) -> None:
                engine.stopped.set()

            def finish(self, **_: Any) -> Hypothesis:
                engine.began.set()
                assert engine.stopped.wait(20)
                raise StoppedByUser("stopped by the user")

        return Session(self, 0)


def second(engine: ScriptedEngine, model: str = "large.gguf", *, timeout_s: float = 20.0) -> SecondEar:
    return SecondEar(model, Settings(), lambda: engine, timeout_s=timeout_s)  # type: ignore[arg-type,return-value]


def test_doubtful_words_are_heard_again_and_the_better_ones_are_taken(
    editing: Editing, samples: Path
) -> None:
    engine = FakeEngineClient()
    engine.enqueue("Delete two.")
    done = heard(editing, samples, Misheard("Delete too."), second=second(engine))
    assert isinstance(done, Outcome)
    assert text_of(editing) == "One three.\n"
    why = editing.journal.get(done.utterance).why["hearing"]
    assert (why["weak"], why["engine"]) == (False, "large")
    assert [other["text"] for other in why["others"]] == ["Delete too."]
    assert why["why"] == "Nothing speaks against what large heard, bundled is not sure."
    fed, first = engine.frames_heard[0], ScriptedEngine(["again"])
    list(pipeline.hear(recording(samples), first, Settings()))  # type: ignore[arg-type]
    assert fed == first.frames_heard[0], "both were fed the same"


def test_words_that_are_sure_are_not_heard_again(editing: Editing, samples: Path) -> None:
    ear = second(FakeEngineClient())
    assert isinstance(heard(editing, samples, "Delete two.", second=ear), Outcome)


def test_words_that_the_first_engine_was_not_sure_of_at_all_may_be_heard_by_the_second(
    editing: Editing, samples: Path
) -> None:
    engine = FakeEngineClient()
    engine.enqueue("Delete two.")
    done = heard(editing, samples, Unsure("Mumble."), second=second(engine))
    assert isinstance(done, Outcome)
    assert text_of(editing) == "One three.\n"


def test_sound_that_neither_heard_words_in_is_refused_with_what_both_made_of_it(
    editing: Editing, samples: Path
) -> None:
    engine: Any = ScriptedEngine([Unsure("Mumble.")])
    other = FakeEngineClient()
    other.enqueue(Unsure("Grumble."))
    list(editing.listen(recording(samples), engine, Settings(), mode="edit", name="", second=second(other)))
    record = editing.journal.get(1)
    assert (record.state, record.reason) == ("rejected", "unsure")
    assert [one["text"] for one in record.why["hearing"]["others"]] == ["", "Grumble."]
    assert text_of(editing) == TEXT


def test_a_second_engine_that_fails_leaves_the_first_words_and_says_why(
    editing: Editing, samples: Path
) -> None:
    engine = FakeEngineClient()
    engine.enqueue(EngineLost("the engine ended"))
    done = heard(editing, samples, Misheard("Four."), mode="dictate", second=second(engine))
    assert isinstance(done, Outcome)
    assert done.notes == ("Perhaps misheard: “Four”.",)
    assert editing.journal.get(done.utterance).why["hearing"]["why"] == "large: the engine ended."


def test_a_second_engine_is_not_waited_for_for_long(editing: Editing, samples: Path) -> None:
    ear = second(Waiting(), timeout_s=0.05)
    done = heard(editing, samples, Misheard("Four."), mode="dictate", second=ear)
    assert text_of(editing) == TEXT + "Four."
    why = editing.journal.get(done.utterance or 0).why["hearing"]
    assert why["why"] == "large: It was not done after 0.05 s."


def test_a_second_engine_on_another_machine_is_refused_unless_that_is_allowed(
    editing: Editing, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"fallback": {"engine": "server"}, "server": {"url": "http://192.0.2.1:9"}}
    settings = Settings.model_validate(values)
    from voice_edit.paths import Paths

    ear = second_ear.second_ear(settings, Paths.from_environment())
    assert ear is not None
    done = heard(editing, samples, Misheard("Four."), mode="dictate", second=ear, settings=settings)
    ear.close()
    assert text_of(editing) == TEXT + "Four."
    why = editing.journal.get(done.utterance or 0).why["hearing"]["why"]
    assert why.startswith("server: ")
    assert "192.0.2.1" in why


def test_the_engine_that_hears_already_is_no_second_one(samples: Path) -> None:
    from voice_edit.paths import Paths

    for model in ("", "bundled"):
        settings = Settings.model_validate({"fallback": {"engine": model}})
        assert second_ear.second_ear(settings, Paths.from_environment()) is None


def test_the_second_engine_is_given_back_when_it_was_not_needed_for_a_while() -> None:
    engine = FakeEngineClient()
    given_back = threading.Event()
    engine.unload = lambda **_: given_back.set()  # type: ignore[method-assign,assignment]
    ear = SecondEar("large", Settings(), lambda: engine, timeout_s=5, idle_s=0.01)  # type: ignore[arg-type,return-value]
    engine.enqueue("One.")
    stretch = second_ear.Stretch(speech(), len(speech()), 0)
    assert ear.hear(stretch, purpose="dictation", speech_s=1.0).heard is not None
    assert given_back.wait(10)
    ear.close()
    assert engine.closed


def test_what_a_held_key_brings_in_pieces_is_judged_as_one(samples: Path) -> None:
    from engine.joining import as_one

    engine: Any = ScriptedEngine(["One.", Misheard("Two.")])
    weigher = Weigher(engine, Settings(), mode="dictate")
    finals = []
    for _ in range(2):
        events = weigher.hear(recording(samples))
        finals += [event for event in events if isinstance(event, Hypothesis) and event.kind == "final"]
    verdict = as_one(finals).verdict
    assert verdict is not None
    assert (verdict.weak, verdict.weak_words) == (True, ("Two",))


# --- the daemon -----------------------------------------------------------------------------------------


@pytest.fixture
def daemon() -> Iterator[Running]:
    with running_daemon() as running:
        yield running


@pytest.fixture
def note(daemon: Running, tmp_path: Path) -> Path:
    file = tmp_path / "note.txt"
    file.write_text(TEXT)
    daemon.ask("target.file", path=str(file))
    return file


def talk(daemon: Running, words: str, mode: str) -> None:
    daemon.engine.enqueue(words)
    daemon.ask("talk.start", mode=mode)
    daemon.microphone.hear(speech())
    daemon.ask("talk.stop")


def test_the_daemon_tells_doubtful_words_and_marks_the_receipt(daemon: Running, note: Path) -> None:
    talk(daemon, Misheard("Four five."), "dictate")
    told = daemon.wait_for("words")
    assert (told["weak"], told["weak_words"]) == (True, ["Four", "five"])
    assert 0.0 < told["probability"] < 0.7
    outcome = daemon.wait_for("outcome")
    assert outcome["receipt"] == {"state": "verified", "notes": ["Perhaps misheard: “Four”, “five”."]}
    assert note.read_text() == TEXT + "Four five."


@pytest.mark.parametrize(("choice", "after"), [(0, "One three.\n"), (None, TEXT)])
def test_the_daemon_asks_before_it_does_a_doubtful_edit(
    daemon: Running, note: Path, choice: int | None, after: str
) -> None:
    talk(daemon, Misheard("Delete two."), "edit")
    question = daemon.wait_for("ask")
    assert question["message"] == "Not sure that this was said: “Delete two.”. Do it?"
    assert (question["before"], question["after"]) == (TEXT, "One three.\n")
    assert note.read_text() == TEXT
    daemon.ask("answer", question=question["question"], choice=choice)
    daemon.wait_for("outcome", "failed")
    assert note.read_text() == after


def test_who_gives_up_does_not_wait_for_the_second_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Waiting()
    monkeypatch.setattr("voice_edit.daemon.program.second_ear", lambda settings, paths: second(engine))
    file = tmp_path / "note.txt"
    file.write_text(TEXT)
    with running_daemon() as daemon:
        daemon.ask("target.file", path=str(file))
        talk(daemon, Misheard("Four five."), "dictate")
        assert engine.began.wait(10)
        daemon.ask("talk.cancel")
        told = daemon.wait_for("rejected", "outcome", "failed")
        assert (told["event"], told["reason"]) == ("rejected", "cancelled")
        assert file.read_text() == TEXT


# --- what is shown --------------------------------------------------------------------------------------


def test_the_log_tells_who_heard_what_and_why_it_was_taken(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FakeEngineClient()
    engine.enqueue("Four five.")
    monkeypatch.setattr(pipeline, "open_model", lambda *_: ScriptedEngine([Misheard("For five.")]))
    monkeypatch.setattr(second_ear, "second_ear", lambda *_: second(engine))
    file = tmp_path / "note.md"
    file.write_text(TEXT)
    ok("edit", file, "--audio", samples / "01-change.wav", "--dictate")
    assert file.read_text() == TEXT + "Four five."
    shown = ok("log", "1")
    assert "heard by:    large" in shown
    assert "also heard:  bundled: “For five.”" in shown
    assert "taken:       Nothing speaks against what large heard, bundled is not sure." in shown


def test_transcribing_marks_what_is_doubtful(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "open_model", lambda *_: ScriptedEngine([Misheard("For five.")]))
    done = run("transcribe", samples / "01-change.wav")
    assert done.stdout == "For five.\n"
    assert "Perhaps misheard: “For”, “five”." in done.stderr
