"""`voice-edit bench --rewrite` and `--shape`: given words, real work, and a page that says so."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import drafters
import numpy as np
import pytest
from running import ok, refused
from test_shapes import small

from engine import shapes
from engine.decode import Picker
from engine.lookup_gate import DraftGate
from engine.shapes.noise import Noise
from voice_edit.bench import forced, resources, rewrite
from voice_edit.bench.rewrite import Rewrites, RewriteTrial
from voice_edit.bench.ways import Opening


def test_paragraphs_have_about_120_words_of_which_ten_change() -> None:
    found = rewrite.pairs()
    assert len(found) >= 4
    for old, new in found:
        before, after = old.split(), new.split()
        assert 110 <= len(before) <= 150
        assert "{" not in old + new
        assert len(before) == len(after)
        assert sum(a != b for a, b in zip(before, after, strict=True)) == 10


@pytest.fixture
def one_short_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = ("the cat sat on the thatched hut over there", "the dog sat on the thatched hut over here")
    monkeypatch.setattr(rewrite, "pairs", lambda: [pair])


@pytest.mark.usefixtures("one_short_pair")
def test_every_way_writes_the_given_text_and_drafts_save_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    # Whether they pay on this machine is not asked here.
    monkeypatch.setattr(DraftGate, "most", lambda gate, found, hit_rate: found)
    told: list[RewriteTrial] = []
    found = rewrite.execute(drafters.tiny_files(), Opening(), 1, on_trial=told.append)
    assert found.has_drafter
    assert len(told) == 2 * len(found.trials)  # once for warming up
    steps = {trial.way: trial.steps for trial in found.trials}
    tokens = {trial.tokens for trial in found.trials}
    assert len(tokens) == 1
    assert steps["plain"] == tokens.pop() + 1
    assert steps["lookup"] < steps["plain"]
    assert steps["mtp"] <= steps["plain"]  # it stops where it does not pay, but it tries
    assert any(trial.drafted for trial in told if trial.way == "mtp")


def test_the_section_counts_steps_per_token_against_the_plain_way() -> None:
    plain = RewriteTrial("plain", 0, 0, 100, 101, 0, 0, 0.01, 1.0)
    lookup = RewriteTrial("lookup", 0, 0, 100, 25, 90, 80, 0.01, 0.25)
    page = Rewrites([plain, lookup], has_drafter=False).to_markdown()
    assert (
        "| looked up in the old text | 100 | 0.250 / 0.250 | 89% | 10.0 / 10.0 | 250.0 / 250.0 | 4.0x |"
        in page
    )
    assert "The new text is given" in page
    assert "There is no drafter" in page
    assert "guessed by a drafter" not in page
    assert "54% of them are right" in Rewrites([plain], has_drafter=True).to_markdown()


class Guesses:
    """A drafter's source that guesses as many tokens as it may."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.told: list[tuple[int, int, int]] = []

    def source(self, position: object, sequence: int) -> Guesses:
        return self

    def propose(self, answer: Sequence[int], most: int) -> Sequence[int]:
        self.asked.append(len(answer))
        return [0] * min(3, most)

    def verified(self, row: int, proposed: int, kept: int) -> None:
        self.told.append((row, proposed, kept))


def test_assumed_guesses_are_as_many_as_the_real_ones_and_right_as_often_as_is_said() -> None:
    picker = forced.ForcedPicker(Picker(8, np.array([], dtype=np.intp)))
    answer = [*([5] * 2000), 1]
    picker.begin(answer)
    real = Guesses()
    source = forced.AssumedDrafter(real, picker).source(lambda: 0, 0)
    right = sum(source.propose(answer[:at], 1) == [5] for at in range(2000))
    assert right / 2000 == pytest.approx(forced.ACCEPTANCE, abs=0.04)
    assert len(source.propose(answer[:7], 9)) == 3
    assert source.propose(answer[:7], 9) == source.propose(answer[:7], 9)
    assert len(real.asked) == 2003
    source.verified(2, 3, 1)
    assert real.told == [(2, 3, 1)]


@pytest.fixture
def small_1b(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(shapes.SHAPES, "1b", small("1b"))


@pytest.mark.usefixtures("small_1b", "one_short_pair")
def test_a_shape_is_written_measured_and_deleted_and_the_page_says_that_words_mean_nothing(
    tmp_path: Path, voice_edit_home: Path
) -> None:
    out = tmp_path / "out"
    page = ok("bench", "--shape", "1b", "--seconds", "2", "--runs", "1", "--output", out,
              "--ways", "peer,stream,mtp,draft,prepared", "--rewrite")  # fmt: skip
    data = json.loads((out / "bench.json").read_text())
    assert "words mean nothing" in page
    assert shapes.SHAPES["1b"].note in page
    assert data["words_are_meaningless"] is True
    assert data["words"]["identical"] == 1
    assert {row["tokens"] for row in data["trials"]} == {data["trials"][0]["tokens"]}
    assert 6 <= data["trials"][0]["tokens"] <= 10  # 33 words, 43 tokens in 10 s
    assert {trial["way"] for trial in data["rewrites"]["trials"]} == {"plain", "lookup", "mtp", "both"}
    assert not list((voice_edit_home / "cache" / "shapes").rglob("*.gguf"))


@pytest.mark.usefixtures("small_1b")
def test_a_shape_that_is_kept_lies_in_the_cache_folder(voice_edit_home: Path) -> None:
    ok("bench", "--shape", "1b", "--seconds", "1", "--runs", "1", "--ways", "stream", "--keep")
    kept = sorted(path.name for path in (voice_edit_home / "cache" / "shapes").rglob("*.gguf"))
    assert len(kept) == 3
    assert all("random-1b" in name for name in kept)


@pytest.mark.usefixtures("small_1b")
@pytest.mark.parametrize("where", ["the folder", "a file of it"])
def test_a_cache_that_cannot_be_written_is_told_with_another_place(
    where: str, voice_edit_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if where == "the folder":
        (voice_edit_home / "cache").write_text("in the way")
    else:
        monkeypatch.setattr(Noise, "pieces", _no_room)
    told = refused("bench", "--shape", "1b", code=4)
    assert "cannot be written" in told
    assert "VOICE_EDIT_HOME=" in told
    assert not list(voice_edit_home.rglob("*random*"))


def _no_room(*_: Any) -> Any:
    raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))


@pytest.mark.usefixtures("small_1b")
def test_a_shape_that_does_not_fit_into_memory_is_refused_before_it_is_written(
    monkeypatch: pytest.MonkeyPatch, voice_edit_home: Path
) -> None:
    monkeypatch.setattr(resources, "available_bytes", lambda: 1_000)
    told = refused("bench", "--shape", "1b", "--gpu-layers", "0", code=4)
    assert "memory are needed" in told
    assert "Writing" not in told
    assert not (voice_edit_home / "cache").exists()
