"""The parts of `voice-edit bench` that need no model: clock, playback, sounds, sums, machine, resources."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from engine.endpointing import EndpointingSettings
from engine.frames import WINDOW_SAMPLES, windows_in_ms
from engine.vad import WebRtcDetector
from voice_edit.bench import machine, resources, sounds, summary
from voice_edit.bench.clock import RealClock, SkippingClock
from voice_edit.bench.playback import Playback
from voice_edit.bench.runner import order, warm_up
from voice_edit.bench.sounds import LEAD_MS, REST_MS
from voice_edit.bench.trial import Trial
from voice_edit.bench.ways import DRAFT, PEER, PREPARED, STREAM
from voice_edit.errors import AudioFailed, UsageError


class ManualClock:
    """Moves when it is told to; waiting is told."""

    def __init__(self) -> None:
        self.time_s = 100.0
        self.asleep_s = 0.0

    def now_s(self) -> float:
        return self.time_s

    def wait_until(self, moment_s: float) -> None:
        self.time_s = max(self.time_s, moment_s)


def speech(samples: Path) -> list[np.ndarray]:
    return [sounds.spoken(recording) for recording in sounds.recordings(samples)]


# --- time -----------------------------------------------------------------------------------------------


def test_the_skipping_clock_reaches_a_moment_an_hour_ahead_without_sleeping() -> None:
    clock = SkippingClock()
    moment = clock.now_s() + 3600
    clock.wait_until(moment)
    assert clock.now_s() >= moment
    assert clock.asleep_s == 0


def test_the_skipping_clock_never_goes_back() -> None:
    clock = SkippingClock()
    before = clock.now_s()
    clock.wait_until(before - 10)
    assert clock.now_s() >= before


def test_the_real_clock_says_how_long_it_slept() -> None:
    clock = RealClock()
    moment = clock.now_s() + 0.01
    clock.wait_until(moment)
    assert clock.now_s() >= moment
    assert clock.asleep_s > 0


def test_no_sound_is_played_before_its_last_sample_was_spoken() -> None:
    clock = ManualClock()
    playback = Playback(np.zeros(5 * WINDOW_SAMPLES + 7, np.float32), clock)
    for chunk in playback.chunks():
        assert clock.time_s == playback.moment_s(chunk.start_sample + len(chunk.samples))
    assert playback.worst_late_s == 0


def test_sound_that_is_taken_late_is_not_lost_and_the_delay_is_told() -> None:
    clock = ManualClock()
    playback = Playback(np.arange(10 * WINDOW_SAMPLES, dtype=np.float32), clock)
    taken = []
    for chunk in playback.chunks():
        taken.append(chunk.samples)
        if len(taken) == 3:
            clock.time_s += 0.1  # busy for five windows
    assert np.array_equal(np.concatenate(taken), np.arange(10 * WINDOW_SAMPLES))
    assert playback.worst_late_s == pytest.approx(0.08)
    assert playback.late_s == 0


# --- sounds ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [2, 5, 10, 20, 28])
def test_utterances_have_the_length_that_was_asked_for_less_a_tenth_at_most(
    samples: Path, seconds: float
) -> None:
    found = sounds.utterance(speech(samples), seconds, 0)
    assert 0.9 * seconds <= found.speech_s <= seconds
    whole_s = found.speech_s + (LEAD_MS + REST_MS) / 1000
    assert len(found.samples) / 16_000 == pytest.approx(whole_s, abs=0.001)


def test_no_pause_inside_an_utterance_is_long_enough_to_end_it(samples: Path) -> None:
    found = sounds.utterance(speech(samples), 28, 0)
    detector = WebRtcDetector()
    whole = found.samples[: len(found.samples) // WINDOW_SAMPLES * WINDOW_SAMPLES]
    said = [detector.is_speech(window) for window in whole.reshape(-1, WINDOW_SAMPLES)]
    first, last = said.index(True), len(said) - said[::-1].index(True)
    longest = max(map(len, "".join("s" if s else "." for s in said[first:last]).split("s")))
    assert longest < windows_in_ms(EndpointingSettings().hangover_ms)


def test_the_same_recordings_give_the_same_utterance_and_another_take_gives_another(samples: Path) -> None:
    pieces = speech(samples)
    first, again, other = (sounds.utterance(pieces, 5, take) for take in (0, 0, 1))
    assert np.array_equal(first.samples, again.samples)
    assert len(first.samples) != len(other.samples) or not np.array_equal(first.samples, other.samples)


def test_recordings_without_speech_are_refused() -> None:
    with pytest.raises(AudioFailed, match="Nobody speaks"):
        sounds.utterance([sounds.spoken(np.zeros(16_000, np.float32))], 2, 0)


def test_a_folder_without_recordings_is_refused_with_what_to_put_there(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("no sound")
    with pytest.raises(UsageError, match="holds no recordings") as refused:
        sounds.recordings(tmp_path)
    assert "WAV" in refused.value.hint
    with pytest.raises(UsageError, match="cannot be read"):
        sounds.recordings(tmp_path / "missing")


# --- order ----------------------------------------------------------------------------------------------


def test_the_ways_take_turns_at_being_first() -> None:
    ways = [PEER, STREAM, DRAFT, PREPARED]
    firsts = [order(ways, turn)[0] for turn in range(4)]
    assert firsts == ways
    assert all(sorted(order(ways, turn), key=ways.index) == ways for turn in range(9))


def test_warming_up_covers_the_shortest_and_the_longest() -> None:
    assert warm_up([10, 2, 28]) == [2, 28]
    assert warm_up([5]) == [5]


# --- sums -----------------------------------------------------------------------------------------------


def made(way: str, seconds: float, final_s: float, **changed: object) -> Trial:
    values: dict[str, object] = {
        "way": way, "seconds": seconds, "take": 0, "run": 0, "audio_s": seconds + 1.0, "tokens": (1, 2, 3),
        "stop": "eos", "endpoint_delay_s": 0.6, "first_s": final_s / 2, "final_s": final_s, "edit_s": None,
        "steps": 4, "drafted": 0, "accepted": 0, "partials": 0, "prefill_lag_s": 0.0, "late_s": 0.0,
        "prefill_s": 0.5, "decode_s": 0.1, "spent_s": {}, "work_s": 1.0, "cpu_s": 1.0, "joules": None,
    }  # fmt: skip
    return Trial(**(values | changed))  # type: ignore[arg-type]


def test_quantiles_lie_between_neighbours_and_one_value_is_its_own_median() -> None:
    assert summary.quantile([3, 1, 2], 0.5) == 2
    assert summary.quantile([1, 2], 0.5) == 1.5
    assert summary.quantile([7], 0.95) == 7
    assert summary.quantile(list(range(101)), 0.95) == 95


def test_a_way_is_compared_with_the_peer_by_medians_at_the_same_length() -> None:
    trials = [made("peer", 2, t) for t in (0.1, 0.3, 0.2)] + [made("prepared", 2, t) for t in (0.01, 0.02)]
    trials += [made("prepared", 28, 0.03), made("peer", 28, 0.6)]
    table = summary.rows(trials)
    assert [(row.way, row.seconds) for row in table] == [
        ("peer", 2), ("prepared", 2), ("peer", 28), ("prepared", 28)
    ]  # fmt: skip
    assert [row.against_base for row in table] == pytest.approx([1, 0.2 / 0.015, 1, 20])
    assert summary.flatness(table, "prepared") == pytest.approx(2)
    assert summary.flatness(table, "stream") is None


def test_without_the_peer_the_first_way_is_what_others_are_compared_with() -> None:
    assert summary.base(["offline", "peer", "draft"]) == "peer"
    table = summary.rows([made("draft", 2, 0.1), made("stream", 2, 0.2)])
    assert [row.against_base for row in table] == pytest.approx([1, 2])


def test_drafted_tokens_count_for_the_steps_they_save() -> None:
    (row,) = summary.rows([made("draft", 2, 0.1, steps=2, drafted=10, accepted=4)])
    assert row.median("tokens_per_step") == 2  # three tokens and the end in two batches
    assert row.median("acceptance") == 0.4
    assert summary.rows([made("peer", 2, 0.1)])[0].median("acceptance") is None


def test_different_words_are_counted_and_named() -> None:
    alike = [made("peer", 2, 0.1), made("stream", 2, 0.1)]
    found = summary.words(alike)
    assert (found.utterances, found.identical, found.others) == (1, 1, ())
    differ = [*alike, made("draft", 2, 0.1, tokens=(1, 2)), made("peer", 2, 0.1, take=1, stop="max_tokens")]
    found = summary.words(differ)
    assert (found.utterances, found.identical, found.cut_short) == (2, 1, 1)
    assert found.others == ("2 s, take 0: draft",)


def test_a_way_that_says_something_else_each_time_is_named_too() -> None:
    found = summary.words([made("peer", 2, 0.1), made("peer", 2, 0.1, run=1, tokens=(9,))])
    assert found.others == ("2 s, take 0: peer",)


# --- machine and resources ------------------------------------------------------------------------------


def test_the_commit_is_named_and_a_changed_file_is_not_hidden(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True)

    assert machine.commit_of(tmp_path) == ""
    git("init")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-m", "one")
    commit = machine.commit_of(tmp_path)
    assert len(commit) == 12
    (tmp_path / "untracked").write_text("nobody minds")
    assert machine.commit_of(tmp_path) == commit
    (tmp_path / "file").write_text("two")
    assert machine.commit_of(tmp_path) == commit + "+"
    (tmp_path / "folder").mkdir()
    assert machine.commit_of(tmp_path / "folder") == ""


def test_the_machine_is_told_in_one_line_without_names_of_people_or_folders() -> None:
    here = machine.this_machine()
    assert here.cores >= 1
    assert here.versions["llama-cpp-python"]
    line = here.sentence()
    assert "\n" not in line
    assert str(Path.home()) not in line


def zone(folder: Path, name: str, energy: int) -> None:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "max_energy_range_uj").write_text("999999\n")
    (folder / name / "energy_uj").write_text(f"{energy}\n")


def test_energy_is_summed_over_packages_and_survives_a_full_counter(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", 900_000)
    zone(tmp_path, "intel-rapl:1", 5)
    zone(tmp_path, "intel-rapl:0:0", 1)  # a part of package 0
    meter = resources.EnergyMeter(tmp_path)
    assert meter.joules() == 0
    zone(tmp_path, "intel-rapl:0", 100_000)  # began again at 0
    zone(tmp_path, "intel-rapl:1", 1_005)
    zone(tmp_path, "intel-rapl:0:0", 99_999)
    assert meter.joules() == pytest.approx(0.201)


def test_energy_is_unknown_where_there_are_no_counters(tmp_path: Path) -> None:
    assert resources.EnergyMeter(tmp_path).joules() is None
    (tmp_path / "intel-rapl:0").mkdir()
    assert not resources.EnergyMeter(tmp_path).is_readable


def test_memory_is_read_in_bytes_and_unknown_where_nobody_says(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\tx\nVmHWM:\t    2000 kB\nVmRSS:\t    1000 kB\n")
    assert resources.memory(tmp_path) == resources.Memory(1_024_000, 2_048_000)
    assert resources.memory(tmp_path / "no") == resources.Memory(None, None)
    resources.forget_peak(tmp_path / "no")


def test_memory_that_can_be_had_counts_swap_and_is_unknown_where_nobody_says(tmp_path: Path) -> None:
    file = tmp_path / "meminfo"
    assert resources.available_bytes(file) is None
    file.write_text("MemTotal: 900 kB\nMemFree: 10 kB\nMemAvailable: 300 kB\nSwapFree: 20 kB\n")
    assert resources.available_bytes(file) == 320 * 1024


def test_gpu_memory_comes_from_the_vendors_program_and_is_unknown_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert resources.gpu_memory_mb() is None
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nprintf '1000\\n24\\n'\n")
    program.chmod(0o755)
    assert resources.gpu_memory_mb() == 1024
    program.write_text("#!/bin/sh\nexit 9\n")
    assert resources.gpu_memory_mb() is None
