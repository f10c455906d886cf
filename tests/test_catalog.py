"""Models are rows of data: names, files, profiles, cards."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
import tiny

from engine.catalog import find_model, model_card, model_names, profiles
from engine.errors import ModelMissing, ModelUnsupported
from engine.gguf_header import GgufHeader
from engine.prompt import render


def test_every_model_of_the_catalogue_has_a_profile_and_a_card_that_can_be_asked_for() -> None:
    assert model_names()[0] == "bundled"
    assert set(profiles()) == {"bundled", "gemma-4-e", "gemma-4-12b"}


def test_the_small_ones_are_asked_without_a_thought_block() -> None:
    profile = profiles()["gemma-4-e"]
    before, after = render(profile.template, profile, bos_text="<bos>")
    big = profiles()["gemma-4-12b"]
    assert before == render(big.template, big, bos_text="<bos>")[0]
    assert after == "<turn|>\n<|turn>model\n"


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("Gemma-4-E4B-It", "gemma-4-e"),
        ("gemma 4 e2b it qat q4_0", "gemma-4-e"),
        ("Gemma-4-12B-It", "gemma-4-12b"),
        ("", "gemma-4-12b"),
    ],
)
def test_the_profile_of_a_file_is_chosen_by_what_it_says_of_itself(name: str, profile: str) -> None:
    header = GgufHeader(Path("m.gguf"), {"general.architecture": "gemma4", "general.name": name}, {})
    assert next(each.name for each in profiles().values() if each.fits(header)) == profile


def test_gemma_is_asked_text_first_and_audio_last_with_an_empty_thought() -> None:
    profile = profiles()["gemma-4-12b"]
    before, after = render(profile.template, profile, bos_text="<bos>")
    assert before.startswith("<bos><|turn>user\nTranscribe the following speech segment in English")
    assert before.endswith("write 3 instead of three.")
    assert after == "<turn|>\n<|turn>model\n<|channel>thought\n<channel|>"


def test_gemma_never_writes_a_media_token() -> None:
    assert {"<|audio>", "<audio|>", "<|audio|>", "<|image>", "<image|>", "<|image|>", "<|video|>"} <= set(
        profiles()["gemma-4-12b"].suppressed
    )


def test_profiles_differ_in_data_only() -> None:
    bundled, gemma = profiles()["bundled"], profiles()["gemma-4-12b"]
    assert type(bundled) is type(gemma)
    assert bundled.instruction == ""
    assert dataclasses.asdict(bundled).keys() == dataclasses.asdict(gemma).keys()


def test_a_model_is_found_by_its_path_and_its_projector_beside_it() -> None:
    files = tiny.tiny_model()
    found = find_model(str(files.model))
    assert (found.model, found.projector) == (files.model, files.projector)
    assert found.profile.name == "bundled", "its general.name begins with voice-edit"


def test_a_projector_can_be_named(tmp_path: Path) -> None:
    files = tiny.tiny_model()
    model = shutil.copy(files.model, tmp_path / "alone.gguf")
    with pytest.raises(ModelMissing, match="no projector") as caught:
        find_model(str(model))
    assert "--projector" in caught.value.hint
    assert find_model(str(model), projector=files.projector).projector == files.projector


def test_of_several_projectors_the_one_named_after_the_model_is_taken(tmp_path: Path) -> None:
    files = tiny.tiny_model()
    model = shutil.copy(files.model, tmp_path / "big.gguf")
    for name in ("mmproj-BF16.gguf", "mmproj-F32.gguf"):
        shutil.copy(files.projector, tmp_path / name)
    with pytest.raises(ModelMissing, match="several projectors"):
        find_model(str(model))
    shutil.copy(files.projector, tmp_path / "mmproj-big.gguf")
    assert find_model(str(model)).projector.name == "mmproj-big.gguf"


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelMissing) as caught:
        find_model("gemma-5")
    assert "bundled, gemma-4-12b" in caught.value.hint


def test_a_path_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"lost\.gguf: no such file"):
        find_model(str(tmp_path / "lost.gguf"))


def test_a_projector_given_as_model_is_refused() -> None:
    with pytest.raises(ModelUnsupported, match="is a projector"):
        find_model(str(tiny.tiny_model().projector))


def test_a_model_that_is_not_here_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing) as caught:
        find_model("gemma-4-12b", folder=tmp_path)
    assert "model pull gemma-4-12b" in caught.value.hint
    assert "6,975,879,296 bytes" in model_card("gemma-4-12b")


def test_files_of_the_catalogue_are_found_in_the_users_folder(tmp_path: Path) -> None:
    files = tiny.tiny_model()
    shutil.copy(files.model, tmp_path / "gemma-4-12b-it-qat-q4_0.gguf")
    shutil.copy(files.projector, tmp_path / "mmproj-gemma-4-12b-it-qat-q4_0.gguf")
    found = find_model("gemma-4-12b", folder=tmp_path)
    assert found.model.parent == tmp_path
    assert found.profile.name == "gemma-4-12b"


def test_a_card_of_nothing_lists_what_there_is() -> None:
    with pytest.raises(ModelMissing) as caught:
        model_card("gemma-5")
    assert "bundled" in caught.value.hint
