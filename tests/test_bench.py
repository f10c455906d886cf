"""`voice-edit bench`: trials by a clock of the test's own, the report, all four ways on the bundled model."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from fakes import ScriptedEngine, ScriptedSession
from running import ok, refused, run
from test_bench_parts import ManualClock, made

from engine.events import Hypothesis
from engine.session import Engine
from engine.speed import Speed
from voice_edit.bench import checks, forced, plot, runner, sounds, trial
from voice_edit.bench.clock import SkippingClock
from voice_edit.bench.machine import Machine
from voice_edit.bench.report import ASSUMED_DRAFT, ASSUMED_GUESSES, Report
from voice_edit.bench.runner import Loaded, Plan, Result
from voice_edit.bench.sounds import BenchUtterance
from voice_edit.bench.ways import DRAFT, PEER, PREPARED, STREAM, USUAL, Opening
from voice_edit.cli.signals import signals_as_ctrl_c
from voice_edit.errors import ModelFailed, UsageError


@pytest.fixture(scope="module")
def pieces() -> list[np.ndarray]:
    folder = Path(__file__).parent.parent / "samples"
    return [sounds.spoken(recording) for recording in sounds.recordings(folder)]


# --- one trial, in the test's own time ------------------------------------------------------------------


class BusySession(ScriptedSession):
    """Takes its time on the clock of the test."""

    engine: BusyEngine

    def push(self, frames: np.ndarray) -> None:
        self.engine.clock.time_s += self.engine.push_s
        super().push(frames)

    def partial(self) -> Hypothesis:
        self.engine.clock.time_s += self.engine.partial_s
        return super().partial()

    def prepare(self) -> None:
        if self.engine.speed.prepare:
            self.engine.clock.time_s += self.engine.finish_s
            self.engine.ready = self.frames_pushed

    def finish(self, *, on_piece: Callable[[str], None] | None = None, **more: Any) -> Hypothesis:
        if self.engine.ready != self.frames_pushed:
            self.engine.clock.time_s += self.engine.finish_s
        if on_piece is not None:
            on_piece("First")
            self.engine.clock.time_s += self.engine.rest_s
        return super().finish(**more)


class BusyEngine(ScriptedEngine):
    """Hears one text; each kind of work takes the time that it is given."""

    def __init__(self, clock: ManualClock, *, speed: Speed | None = None) -> None:
        super().__init__(["First words."] * 9)
        self.clock = clock
        self.speed = speed or Speed()
        self.push_s = self.partial_s = self.finish_s = self.rest_s = 0.0
        self.ready = -1

    def session(self, **more: Any) -> BusySession:
        session = BusySession(self, more.get("start_sample", 0))
        session.engine = self
        return session


def heard(engine: BusyEngine, utterance: BenchUtterance, way: Any = PREPARED, **more: Any) -> trial.Trial:
    return trial.hear(way, engine, utterance, run=0, clock=engine.clock, **more)


def test_times_are_counted_from_the_sample_that_makes_it_the_end(pieces: list[np.ndarray]) -> None:
    engine = BusyEngine(ManualClock(), speed=Speed(prepare=False))
    engine.finish_s, engine.rest_s = 0.25, 0.5
    found = heard(engine, sounds.utterance(pieces, 2, 0))
    assert found.endpoint_delay_s == pytest.approx(0.6)
    assert found.first_s == pytest.approx(0.25)
    assert found.final_s == pytest.approx(0.75)
    assert found.spent_s["finish"] == pytest.approx(0.75)


def test_words_that_are_prepared_in_time_cost_nothing_after_the_endpoint(pieces: list[np.ndarray]) -> None:
    engine = BusyEngine(ManualClock())
    engine.finish_s = 0.15  # between the end of the tail, at 0.4 s, and the endpoint, at 0.6 s
    assert heard(engine, sounds.utterance(pieces, 2, 0)).final_s == pytest.approx(0, abs=1e-6)


def test_work_that_runs_past_the_endpoint_counts_though_it_began_before(pieces: list[np.ndarray]) -> None:
    engine = BusyEngine(ManualClock())
    engine.finish_s = 0.5
    found = heard(engine, sounds.utterance(pieces, 2, 0))
    assert 0.25 < found.final_s < 0.35  # 0.4 + 0.5 - 0.6, less what is left of a window


def test_a_model_slower_than_speech_is_late_and_the_words_wait_for_it(pieces: list[np.ndarray]) -> None:
    engine = BusyEngine(ManualClock())
    engine.push_s = 0.08  # for each frame of 0.04 s
    found = heard(engine, sounds.utterance(pieces, 5, 0))
    assert found.late_s > 4
    assert found.final_s > 4
    assert found.partials <= 1  # the sound comes first


def test_the_file_is_edited_within_what_is_measured(pieces: list[np.ndarray]) -> None:
    clock = ManualClock()
    engine = BusyEngine(clock)
    applied: list[str] = []

    def apply(hypothesis: Hypothesis) -> None:
        clock.time_s += 0.03
        applied.append(hypothesis.text)

    found = heard(engine, sounds.utterance(pieces, 2, 0), apply=apply)
    assert applied == ["First words."]
    assert found.edit_s == pytest.approx(0.63)
    assert heard(engine, sounds.utterance(pieces, 2, 0)).edit_s is None


@pytest.mark.parametrize("seconds", [2, 28])
def test_short_and_long_speech_is_one_utterance(pieces: list[np.ndarray], seconds: float) -> None:
    engine = BusyEngine(ManualClock())
    found = heard(engine, sounds.utterance(pieces, seconds, 3))
    assert found.audio_s == pytest.approx(seconds, abs=0.2 * seconds + 1)
    assert len(engine.frames_heard) == 1


def test_speech_with_a_long_pause_in_it_is_refused_with_what_to_do(pieces: list[np.ndarray]) -> None:
    one = sounds.utterance(pieces, 2, 0)
    two = BenchUtterance(4, 0, np.concatenate([one.samples, one.samples]), 5.0)
    with pytest.raises(UsageError, match="heard as 2") as error:
        heard(BusyEngine(ManualClock()), two)
    assert "--audio" in error.value.hint


# --- given words ----------------------------------------------------------------------------------------


def test_the_answer_to_a_beginning_is_the_beginning_of_the_answer(pieces: list[np.ndarray]) -> None:
    utterance = sounds.utterance(pieces, 10, 0)
    script = forced.Script(utterance, 1000, forbidden=[999], end=1)
    whole = script.answer(10_000)
    assert whole[-1] == 1
    assert 40 <= len(whole) - 1 <= 45  # 33 words in 10 s
    assert 999 not in whole
    lengths = [len(script.answer(frames)) for frames in range(0, 300, 5)]
    assert lengths == sorted(lengths)
    assert lengths[0] == 1
    part = script.answer(125)
    assert 10 < len(part) < 30
    assert part[:-2] == whole[: len(part) - 2]
    assert part[-2] != whole[len(part) - 2]  # half heard


def test_random_weights_say_what_they_are_given_and_drafts_are_checked_all_the_same(
    pieces: list[np.ndarray],
) -> None:
    utterance = sounds.utterance(pieces, 5, 0)
    with Engine.open(tiny.tiny_model(), n_ctx=512) as engine:
        picker = forced.force(engine)
        script = forced.script_for(engine, utterance)
        found = {}
        for way in (STREAM, DRAFT, PREPARED):
            engine.speed = way.speed
            found[way.key] = trial.hear(
                way,
                engine,
                utterance,
                run=0,
                clock=SkippingClock(),
                before_answer=lambda frames: picker.begin(script.answer(frames)),
            )
    assert {done.tokens for done in found.values()} == {script.answer(10_000)[:-1]}
    assert found["stream"].steps == len(found["stream"].tokens) + 1
    assert found["draft"].accepted > 0
    assert found["draft"].steps < found["stream"].steps


# --- report ---------------------------------------------------------------------------------------------


HERE = Machine("A Processor", 2, 23.5, "", "Linux", "3.11", {"voice-edit": "0.1"}, "0123456789ab", 0.5)


def report(*, shaped: bool = False) -> Report:
    plan = Plan(ways=[PEER, PREPARED], seconds=[2, 28], runs=1, opening=Opening(threads=1), forced=shaped)
    result = Result(
        [
            made("peer", 2, 0.2),
            made("prepared", 2, 0.01, drafted=4, accepted=3, edit_s=0.7),
            made("peer", 28, 0.6),
            made("prepared", 28, 0.012, tokens=(5,)),
        ],
        {"mtmd": Loaded(51_000_000, None), "ours": Loaded(30_000_000, 12.0)},
        {"peer": 177_000_000},
    )
    return Report(HERE, "voice-edit bench --runs 1", "bundled", 20_000_000, plan, result)


def test_the_page_says_times_ratios_words_memory_and_on_what_it_was_measured() -> None:
    page = report().to_markdown()
    assert "A Processor, 2 cores" in page
    assert "commit 0123456789ab" in page
    assert "`voice-edit bench --runs 1`" in page
    assert "| 2 s | 200.0 / 200.0 | 10.0 / 10.0 | 20.0x |" in page
    assert "| 28 s | 600.0 / 600.0 | 12.0 / 12.0 | 50.0x |" in page
    assert "| longest / shortest | 3.0x | 1.2x |  |" in page
    assert "Identical tokens in all ways: 1 of 2 utterances. Different: 28 s, take 0: prepared." in page
    assert "75%" in page
    assert "30 MB, GPU 12 MB" in page
    assert "Energy could not be read" in page
    assert "random" not in page


def test_the_page_of_random_weights_says_that_the_words_mean_nothing() -> None:
    shaped = report(shaped=True)
    assert "The weights are random and the words mean nothing" in shaped.to_markdown()
    assert shaped.to_json()["words_are_meaningless"] is True


def test_the_page_of_random_weights_says_what_was_assumed_and_compares_no_words() -> None:
    page = report(shaped=True).to_markdown()
    assert ASSUMED_DRAFT in page
    assert ASSUMED_GUESSES not in page  # no way had a drafter
    assert "Identical" not in page
    assert "Identical" in report().to_markdown()


def test_one_way_alone_is_not_said_to_agree_with_the_others() -> None:
    plan = Plan(ways=[STREAM], seconds=[2], runs=1, opening=Opening())
    one = Report(HERE, "voice-edit bench", "bundled", 1, plan, Result([made("stream", 2, 0.2)]))
    assert "Identical" not in one.to_markdown()
    assert "## Words" not in one.to_markdown()


@pytest.mark.parametrize(("loops", "said"), [(1, "1 answer did not end by itself"),
                                             (2, "2 answers did not end by themselves")])  # fmt: skip
def test_answers_that_did_not_end_are_counted(loops: int, said: str) -> None:
    trials = [made("stream", 2, 0.2, stop="eos" if n >= loops else "loop") for n in range(3)]
    plan = Plan(ways=[STREAM], seconds=[2], runs=3, opening=Opening())
    page = Report(HERE, "voice-edit bench", "bundled", 1, plan, Result(trials)).to_markdown()
    assert said in page


def test_the_json_holds_every_trial_and_no_words() -> None:
    data = json.loads(json.dumps(report().to_json()))
    assert [(row["way"], row["seconds"]) for row in data["trials"]] == [
        ("peer", 2), ("prepared", 2), ("peer", 28), ("prepared", 28)
    ]  # fmt: skip
    assert data["trials"][0]["tokens"] == 3
    assert data["table"][1]["against_base"] == pytest.approx(20)
    assert data["longest_against_shortest"]["prepared"] == pytest.approx(1.2)


def test_the_picture_is_a_png_with_something_in_it(tmp_path: Path) -> None:
    plot.draw(report(), tmp_path / "bench.png")
    raw = (tmp_path / "bench.png").read_bytes()
    assert raw.startswith(b"\x89PNG")
    assert len(raw) > 10_000


@pytest.fixture
def no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)


@pytest.mark.usefixtures("no_matplotlib")
def test_without_matplotlib_the_picture_is_refused_with_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs matplotlib") as error:
        plot.draw(report(), tmp_path / "bench.png")
    assert error.value.hint == "Install it: pip install 'voice-edit[bench]'"


# --- the verb -------------------------------------------------------------------------------------------


def test_all_four_ways_of_the_bundled_model_write_the_same_words_and_everything_is_written_down(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "out"
    page = ok("bench", "--seconds", "1.5,3", "--runs", "1", "--output", folder)
    data = json.loads((folder / "bench.json").read_text())
    assert (folder / "bench.md").read_text().strip() == page.strip()
    assert (folder / "bench.png").stat().st_size > 10_000
    assert data["words"]["identical"] == data["words"]["utterances"] == 2
    assert {row["way"] for row in data["trials"]} == {way.key for way in USUAL}
    assert all(row["tokens"] > 0 for row in data["trials"])
    of = {(row["way"], row["seconds"]): row for row in data["trials"]}
    for seconds in (1.5, 3):
        assert of["peer", seconds]["steps"] == of["peer", seconds]["tokens"] + 1
        assert of["peer", seconds]["prefill_lag_s"] == pytest.approx(of["peer", seconds]["audio_s"])
        assert of["stream", seconds]["prefill_lag_s"] < 0.16
        assert of["draft", seconds]["steps"] <= of["peer", seconds]["steps"]
        prepared = of["prepared", seconds]
        assert "prepare" in prepared["spent_s"] or prepared["late_s"] > 1  # on a very busy machine
    assert str(tmp_path) not in json.dumps(data)
    assert "--output out" in data["command"]


@pytest.mark.usefixtures("no_matplotlib")
def test_without_matplotlib_everything_else_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "execute", lambda *_, **__: report().result)
    ok("bench", "--output", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bench.json", "bench.md"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--seconds", "two"], "no lengths"),
        (["--seconds", "29"], "no lengths"),
        (["--ways", "peer,magic"], "'magic' is none that is known"),
        (["--shape", "1b", "--model", "bundled"], "--shape stands in for a model"),
        (["--audio", "/nowhere"], "cannot be read"),
        (["--shape", "1b", "--audio", "/nowhere"], "cannot be read"),
        (["--shape", "1b", "--projector", "p.gguf"], "--shape writes a projector of its own"),
        (["--keep"], "--keep is about the files that --shape writes"),
        (["--ways", "stream,mtp"], "there is no drafter for the model bundled"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_loaded(
    arguments: list[str], complaint: str
) -> None:
    told = refused("bench", *arguments, code=2)
    assert complaint in told
    assert "Writing random weights" not in told


def test_a_folder_that_cannot_be_made_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "cannot be made" in refused("bench", "--output", tmp_path / "file" / "out", code=2)


def test_a_file_in_place_of_the_folder_is_called_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert "file is no folder" in refused("bench", "--output", tmp_path / "file", code=2)


def test_a_folder_that_cannot_be_written_is_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.NamedTemporaryFile", full)
    assert "cannot be written: No space left" in refused("bench", "--output", tmp_path / "out", code=2)


def test_what_was_measured_is_printed_even_if_it_cannot_be_written_and_no_half_file_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Report, path: Path) -> None:
        path.write_bytes(b"half a pic")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(runner, "execute", lambda *_, **__: report().result)
    monkeypatch.setattr(plot, "draw", full)
    done = run("bench", "--output", tmp_path, "--json")
    assert done.exit_code == 2
    assert "No space left" in done.stderr
    assert json.loads(done.stdout)["trials"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bench.json", "bench.md"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_says_that_there_is_no_result(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(number)

    def interrupt(*_: object, **__: object) -> None:
        os.kill(os.getpid(), number)
        time.sleep(10)  # a signal is dealt with a moment later

    monkeypatch.setattr(runner, "execute", interrupt)
    told = refused("bench", code=130)
    assert "before there was a result" in told
    assert "voice-edit log" not in told  # nothing of it is in the journal
    assert signal.getsignal(number) is before


def test_what_nohup_has_ignored_stays_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_as_ctrl_c():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(("ways", "free", "fits"), [(USUAL, 11, False), (USUAL, 12, True),
                                                    ([STREAM], 6, True), (USUAL, None, True)])  # fmt: skip
def test_engines_that_do_not_fit_into_memory_beside_each_other_are_refused(
    ways: list[Any], free: int | None, fits: bool
) -> None:
    available = None if free is None else free * 10**9
    if fits:
        checks.require_memory(7_200_000_000, ways, available)
    else:
        with pytest.raises(ModelFailed, match=r"11.52 GB of memory are needed and 11.00 GB") as error:
            checks.require_memory(7_200_000_000, ways, available)
        assert "--ways stream,draft,prepared" in error.value.hint


def test_an_unknown_shape_is_refused_with_those_there_are() -> None:
    assert "12b" in refused("bench", "--shape", "3b", code=4)
