"""Other prompts and one pass, with a small random model whose template takes instructions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import tiny

from engine.batch_audio import BatchEngine
from engine.catalog import ModelFiles, profiles
from engine.session import Engine
from engine.speed import PLAIN
from engine.training.gguf_pair import random_tensors, write_pair
from voice_edit.config import Settings
from voice_edit.errors import UsageError
from voice_edit.evaluation import one_pass
from voice_edit.evaluation.carrying import Desk, open_desk
from voice_edit.evaluation.hearing import Ear
from voice_edit.evaluation.layouts import read_folder
from voice_edit.evaluation.one_pass import OnePass, examples, read_answer
from voice_edit.evaluation.prompts import FILLER, PromptSwitch
from voice_edit.evaluation.variants import (
    Variant,
    fingerprint,
    labels,
    program,
    settings_of,
    variants,
)

TEMPLATE = profiles()["gemma-4-12b"].template


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """Random weights with the template of Gemma 4 12B, whose instruction is shortened."""
    words = tiny.vocabulary()
    tensors = random_tensors(tiny.SHAPE, len(words.tokens), seed=1)
    folder = tmp_path_factory.mktemp("instructed")
    model, projector = write_pair(
        folder, tiny.SHAPE, tensors, words, name="voice-edit tiny", chat_template=TEMPLATE
    )
    profile = replace(tiny.profile(), instruction="Write down what is said.", template=TEMPLATE, terms="")
    return ModelFiles("instructed", model, projector, profile)


@pytest.fixture
def engine(files: ModelFiles) -> Iterator[Engine]:
    with Engine.open(files, n_ctx=4096, n_threads=1) as opened:
        yield opened


def prompt_text(engine: Engine | BatchEngine) -> str:
    return "".join(engine.model.text_of(token) for token in engine.prompt.prefix).replace("▁", " ")


@pytest.mark.parametrize("position", [150, 400, 1000])
def test_sound_begins_at_the_wanted_position_or_a_word_behind_it(engine: Engine, position: int) -> None:
    PromptSwitch(engine).choose(Variant("x", prompt=f"at-{position}"))
    longest_word = max(len(word) for sentence in FILLER for word in sentence.split()) + 1
    assert position <= len(engine.prompt.prefix) <= position + longest_word
    text = prompt_text(engine)
    assert "shed was painted" in text
    assert text.endswith("Write down what is said.<|audio>"), "the instruction is nearest to the sound"


def test_audio_first_puts_the_instruction_behind_the_sound(engine: Engine) -> None:
    usual = engine.prompt
    PromptSwitch(engine).choose(Variant("x", prompt="audio-first"))
    assert "Write down" not in prompt_text(engine)
    tail = "".join(engine.model.text_of(token) for token in engine.prompt.tail).replace("▁", " ")
    assert "<audio|>Write down what is said.<turn|>" in tail
    assert engine.prompt.most_tokens == usual.most_tokens


def test_streamed_and_batch_hear_the_same_tokens_behind_another_prompt(files: ModelFiles) -> None:
    found = []
    for opened in (
        Engine.open(files, n_ctx=4096, n_threads=1),
        BatchEngine.open(files, n_ctx=4096, n_threads=1, speed=PLAIN),
    ):
        with opened as engine:
            answers = []
            switch = PromptSwitch(engine)
            for variant in (Variant("x", prompt="at-200"), Variant("x", prompt="audio-first")):
                switch.choose(variant)
                session = engine.session()
                session.push(tiny.sound(40))
                answers.append(session.finish().tokens)
            switch.as_usual()
            session = engine.session()
            session.push(tiny.sound(40))
            answers.append(session.finish().tokens)
            found.append(answers)
    assert found[0] == found[1]
    assert len({tuple(tokens) for tokens in found[0]}) > 1, "the prompt makes a difference"


def test_a_prompt_that_leaves_no_room_for_sound_is_refused(files: ModelFiles) -> None:
    with Engine.open(files, n_ctx=512, n_threads=1) as engine, pytest.raises(UsageError, match="no room"):
        PromptSwitch(engine).choose(Variant("x", prompt="at-505"))


def test_a_position_that_is_past_already_is_refused(engine: Engine) -> None:
    with pytest.raises(UsageError, match="sound begins at"):
        PromptSwitch(engine).choose(Variant("x", prompt="at-3"))


def test_a_model_whose_prompt_is_only_sound_is_refused() -> None:
    with Engine.open(tiny.tiny_model(), n_ctx=512, n_threads=1) as engine:
        for prompt in ("audio-first", "at-90"):
            with pytest.raises(UsageError, match="nothing but sound"):
                PromptSwitch(engine).choose(Variant("x", prompt=prompt))
        with pytest.raises(UsageError, match="nothing but sound"):
            OnePass(engine)


# --- one pass ---


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(Settings(), tmp_path) as opened:
        yield opened


def test_the_model_is_shown_the_text_as_it_is_by_then(engine: Engine) -> None:
    asker = OnePass(engine)
    asker.show("Milk and bread")
    assert "Milk and bread" in prompt_text(engine)
    asker.show("Milk")
    assert "bread" not in prompt_text(engine)
    assert engine.profile.tokens_per_word == one_pass.TOKENS_PER_WORD, "commands are longer than words"
    asker.show(None)
    assert engine.profile.tokens_per_word < one_pass.TOKENS_PER_WORD
    assert prompt_text(engine).endswith("Write down what is said.<|audio>")


def test_an_answer_is_carried_out_or_refused_with_a_reason(engine: Engine, desk: Desk) -> None:
    asker, carrier = OnePass(engine), desk.lay("Milk and bread<>", "edit")
    asker.carry_out('[{"kind":"delete","what":{"kind":"quote","text":"and"}}]', carrier)
    assert (carrier.text, carrier.error) == ("Milk bread", "")
    for answer, error in (
        ("delete it", "answer_unreadable"),
        ('[{"kind":"explode"}]', "answer_unreadable"),
        ("[]", "no_commands"),
        ('[{"kind":"delete","what":{"kind":"quote","text":"cheese"}}]', "no_match"),
    ):
        asker.carry_out(answer, carrier)
        assert (carrier.text, carrier.error) == ("Milk bread", error)


def test_a_code_fence_around_an_answer_is_taken_off() -> None:
    commands = read_answer('```json\n[{"kind": "undo"}]\n```')
    assert not isinstance(commands, str)
    assert [command.kind for command in commands] == ["undo"]


def test_every_example_is_answered_as_our_own_grammar_would() -> None:
    lines = examples().splitlines()
    assert len(lines) == len(one_pass.EXAMPLES)
    for line in lines:
        assert not isinstance(read_answer(line.partition(" -> ")[2]), str)


def test_one_pass_goes_through_the_whole_path(engine: Engine, desk: Desk, samples: Path) -> None:
    """Random weights say nonsense: what is heard is refused, and nothing is touched."""
    # They are sure of nothing, and say so.
    engine.profile = replace(engine.profile, min_confidence=-99.0, min_confidence_alone=-99.0)
    ear = Ear(engine, "streamed", Settings(), desk, OnePass(engine))
    item = read_folder(samples).items[0]
    heard = ear.hear(item)
    assert heard.utterances
    assert heard.text_after == heard.text_before == item.before
    assert heard.edit_error == "answer_unreadable"


# --- what is compared ---


def test_variants_are_all_combinations_and_are_called_by_what_differs() -> None:
    chosen = variants(["bundled", "/m/other.gguf"], ["streamed", "batch"], ["usual"], [None])
    assert labels(chosen) == [
        "bundled · streamed",
        "bundled · batch",
        "other · streamed",
        "other · batch",
    ]
    assert labels(variants(["bundled"], ["streamed"], ["usual"], [5.0])) == ["bundled"]
    alike = variants(["/a/model.gguf", "/b/model.gguf"], ["batch"], ["usual"], [None])
    assert labels(alike) == ["a/model.gguf", "b/model.gguf"]
    assert len(variants(["server"], ["streamed", "batch"], ["usual"], [None])) == 1


def test_a_fingerprint_changes_with_all_that_matters(files: ModelFiles, tmp_path: Path) -> None:
    settings = Settings()

    def name(variant: Variant, used: ModelFiles = files, version: str = "1") -> str:
        return fingerprint(variant, used, settings_of(variant, settings), version)[0]

    first = name(Variant("x"))
    assert name(Variant("x")) == first
    others = {
        name(Variant("x", way="batch")),
        name(Variant("x", prompt="audio-first")),
        name(Variant("x", longest_s=5.0)),
        name(Variant("x"), version="2"),
        name(Variant("x"), tiny.tiny_model()),
        name(Variant("x"), replace(files, profile=replace(files.profile, tail_ms=401))),
    }
    assert len(others | {first}) == 7
    other = tmp_path / "copy.gguf"
    other.write_bytes(files.model.read_bytes()[:-4] + b"\1\2\3\4")
    assert name(Variant("x"), replace(files, model=other)) != first


def test_a_change_of_the_program_makes_another_version_and_one_of_its_looks_does_not(tmp_path: Path) -> None:
    for path in ("engine/decode.py", "engine/training/train.py", "voice_edit/tui/app.py", "docs/eval.md"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("1")
    first = program(tmp_path)
    for path in ("engine/training/train.py", "voice_edit/tui/app.py", "docs/eval.md"):
        (tmp_path / path).write_text("2")
    assert program(tmp_path) == first
    (tmp_path / "engine/decode.py").write_text("2")
    assert program(tmp_path) != first
