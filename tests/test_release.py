"""A key comes up: what of the sound after it is waited for, from the microphone to the receipt."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_running import Running, running_daemon
from fake_devices import FakeSource, silence, speech
from virtual_microphone import wait_for

from engine.events import Samples
from engine.frames import WINDOW_SAMPLES
from engine.microphone_source import MicrophoneSource
from engine.pump import RecordingSource
from engine.release import HeldSource, is_said
from engine.source import PcmSource
from voice_edit.config import Settings
from voice_edit.daemon import program

# --- the decision ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heard", "released", "speech_end", "over"),
    [
        (1000, 1001, 0, False),
        (1000, 1000, 800, True),
        (1000, 900, 801, False),
        (1000, 200, 800, True),
        (1000, 1000, 1000, False),
    ],
    ids=["sound is on its way", "quiet at the release", "spoken just now", "quiet since", "still speaking"],
)
def test_a_take_is_over_when_all_until_the_release_is_there_and_nobody_spoke_for_a_while(
    heard: int, released: int, speech_end: int, over: bool
) -> None:
    assert is_said(heard=heard, released=released, speech_end=speech_end, quiet=200) is over


# --- the microphone --------------------------------------------------------------------------------------


def microphone_take(delay_s: float = 0.05) -> tuple[MicrophoneSource, list[MicrophoneSource]]:
    ended: list[MicrophoneSource] = []
    take = MicrophoneSource(delay_s=lambda: delay_s, explain=lambda take: None, on_end=ended.append)
    return take, ended


def test_what_was_said_before_the_release_includes_what_is_still_on_its_way() -> None:
    take, _ = microphone_take(delay_s=0.05)
    take.feed(silence(1.0), silent=False)
    assert take.released_sample is None
    take.stop_after(400)
    assert take.released_sample == 16_000 + 800


def test_a_take_without_any_sound_yet_does_not_know_what_was_said_before_the_release() -> None:
    take, _ = microphone_take()
    take.stop_after(400)
    take.feed(silence(0.1), silent=False)
    assert take.released_sample is None


def test_when_it_is_enough_a_take_ends_after_what_came_and_the_microphone_is_let_go() -> None:
    take, ended = microphone_take()
    take.feed(silence(0.5), silent=False)
    take.stop_after(400)
    assert take.behind_s == 0.5
    take.enough()
    take.feed(silence(0.5), silent=False)
    assert sum(len(chunk.samples) for chunk in take.chunks()) == 8_000
    assert (take.is_complete, take.behind_s, ended) == (True, 0.0, [take])


def test_a_recorded_microphone_is_a_source_that_can_be_held_and_what_came_is_recorded() -> None:
    take, _ = microphone_take()
    recorded: list[Samples] = []
    assert isinstance(take, HeldSource)
    with RecordingSource(take, recorded.append) as source:
        assert isinstance(source, HeldSource)
        take.feed(silence(0.5), silent=False)
        source.stop_after(400)
        assert source.released_sample == take.released_sample == 8_800
        source.enough()
        assert sum(len(chunk.samples) for chunk in source.chunks()) == 8_000
    assert sum(map(len, recorded)) == 8_000


def test_a_source_that_knows_no_release_is_closed_when_it_is_enough() -> None:
    with RecordingSource(PcmSource(silence(60.0), paced=True), lambda samples: None) as source:
        assert source.released_sample is None
        source.enough()
        assert sum(len(chunk.samples) for chunk in source.chunks()) < 16_000 * 60


# --- the daemon ------------------------------------------------------------------------------------------


NO_KEYS = {"hotkeys": {"backend": "none"}}
SETTINGS = Settings.model_validate(NO_KEYS)


def mid_word() -> Samples:
    """Somebody who lets go of the key while they speak."""
    return speech()[: 140 * WINDOW_SAMPLES]


class HeldFake(FakeSource):
    """After the key came up there is silence, for the whole tail unless somebody has enough."""

    def __init__(self) -> None:
        super().__init__()
        self.released_sample: int | None = None
        self.said = 0
        self.had_enough = threading.Event()

    def hear(self, samples: Samples) -> None:
        self.said += len(samples)
        super().hear(samples)

    def stop_after(self, tail_ms: float) -> None:
        self.released_sample = self.said
        self.hear(silence(tail_ms / 1000))
        super().stop_after(tail_ms)

    def enough(self) -> None:
        self.had_enough.set()
        self.close()


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_text("One two.\n")
    return path


@pytest.fixture
def daemon(note: Path) -> Iterator[Running]:
    with running_daemon(SETTINGS) as running:
        running.ask("target.file", path=str(note))
        yield running


def talk(daemon: Running, sound: Samples) -> tuple[dict[str, object], HeldFake]:
    """Hold the key, say something, let go."""
    source = HeldFake()

    def begin(*, pre_roll_ms: int = 0) -> HeldFake:
        daemon.microphone.sources.append(source)
        return source

    daemon.microphone.begin = begin  # type: ignore[method-assign]
    daemon.engine.enqueue("Three four.")
    daemon.ask("talk.start", mode="dictate")
    source.hear(sound)
    daemon.ask("talk.stop")
    return daemon.wait_for("outcome", "failed", "rejected"), source


def test_who_lets_go_after_the_last_word_waits_for_less_than_the_tail(daemon: Running, note: Path) -> None:
    told, source = talk(daemon, mid_word())
    timing = told["timing"]
    assert isinstance(timing, dict)
    assert source.had_enough.is_set()
    assert 200 <= timing["release_ms"] < 400
    assert note.read_text() == "One two.\nThree four."
    kept = daemon.ask("log")["utterances"][0]
    assert kept["audio"]["end_sample"] <= source.said


def test_who_was_quiet_for_long_enough_before_letting_go_waits_for_nothing(daemon: Running) -> None:
    told, _ = talk(daemon, speech())
    timing = told["timing"]
    assert isinstance(timing, dict)
    assert timing["release_ms"] < 20, "a window at most"


def test_the_wait_for_the_words_alone_is_told(daemon: Running) -> None:
    told, _ = talk(daemon, speech())
    timing = told["timing"]
    assert isinstance(timing, dict)
    assert 0 <= timing["wait_ms"] <= timing["applied_ms"]


def test_who_sets_a_long_quiet_has_all_of_the_tail_listened_to(note: Path) -> None:
    patient = Settings.model_validate({"microphone": {"release_quiet_ms": 2000}, **NO_KEYS})
    with running_daemon(patient) as daemon:
        daemon.ask("target.file", path=str(note))
        told, source = talk(daemon, mid_word())
        assert isinstance(told["timing"], dict)
        assert told["timing"]["release_ms"] == 400
        assert not source.had_enough.is_set()


def test_the_stop_cue_sounds_once_a_take_when_nothing_more_is_listened_to(
    note: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sounded: list[str] = []

    class Cues:
        def __init__(self, *, volume: float) -> None:
            pass

        def start(self) -> None:
            sounded.append("start")

        def stop(self) -> None:
            sounded.append("stop")

        def cancel(self) -> None:
            sounded.append("cancel")

        def close(self) -> None:
            pass

    monkeypatch.setattr(program.cues, "Cues", Cues)
    with running_daemon(Settings.model_validate({"feedback": {"sounds": True}, **NO_KEYS})) as daemon:
        daemon.ask("target.file", path=str(note))
        for count in (1, 2):
            talk(daemon, speech())
            wait_for(lambda count=count: sounded.count("stop") == count, "the cue")  # type: ignore[misc]
    assert sounded.count("stop") == 2
