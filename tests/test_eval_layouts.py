"""Folders of test recordings: every layout gives the same items, and what is wrong with a list is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from voice_edit.errors import UsageError
from voice_edit.evaluation.dataset import Dataset, Item
from voice_edit.evaluation.layouts import read_folder


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"sound of " + name.encode())


def listed(folder: Path, *items: dict[str, object], **more: object) -> Path:
    touch(folder, *(str(item["audio"]) for item in items if "audio" in item))
    (folder / "eval.yaml").write_text(yaml.safe_dump({"items": list(items), **more}), encoding="utf-8")
    return folder


EDIT = {
    "audio": "a/one.wav",
    "words": "Delete the last word.",
    "mode": "edit",
    "before": "One two<>\n",
    "after": "One\n",
    "speaker": "Ada",
    "tags": {"noise": "fan", "snr": 20},
}


def test_our_list_says_words_texts_speaker_and_tags(tmp_path: Path) -> None:
    found = read_folder(listed(tmp_path, EDIT, {"audio": "b.wav"}, name="mine", language="de", note="n"))
    assert (found.name, found.language, found.note, found.folder) == ("mine", "de", "n", tmp_path)
    edit, silent = found.items
    assert edit == Item(
        key="a/one.wav",
        audio=tmp_path / "a/one.wav",
        words="Delete the last word.",
        mode="edit",
        before="One two<>\n",
        after="One\n",
        speaker="Ada",
        tags=(("noise", "fan"), ("snr", "20")),
    )
    assert edit.edits
    assert not edit.is_silent
    assert silent.is_silent
    assert not silent.edits


def test_a_table_says_the_same_with_escapes_for_line_ends(tmp_path: Path) -> None:
    touch(tmp_path, "a/one.wav", "b.wav")
    (tmp_path / "eval.tsv").write_text(
        "audio\twords\tmode\tbefore\tafter\tspeaker\tnoise\tsnr\n"
        "a/one.wav\tDelete the last word.\tedit\tOne two<>\\n\tOne\\n\tAda\tfan\t20\n"
        'b.wav\t"quoted"\t\t\\\\n is no line end\t\\ta\t\t\t\n',
        encoding="utf-8",
    )
    edit, other = read_folder(tmp_path).items
    (listed_edit,) = read_folder(listed(tmp_path / "as-yaml", EDIT)).items
    assert edit == replace(listed_edit, audio=tmp_path / "a/one.wav")
    assert (other.words, other.before, other.after) == ('"quoted"', "\\n is no line end", "\ta")


def test_recordings_with_a_description_each_are_found_in_all_folders(tmp_path: Path, samples: Path) -> None:
    found = read_folder(samples)
    assert [item.key for item in found.items][:2] == ["01-change.wav", "02-heading.wav"]
    first = found.items[0]
    assert (first.words, first.mode, first.speaker) == (
        "Change Monday to Wednesday.",
        "edit",
        "espeak-ng:en-us+m3",
    )
    assert first.before is not None
    assert first.after == first.before.replace("Monday", "Wednesday")
    assert ("words_per_minute", "155") in first.tags


def test_librispeech_is_read_as_it_is_unpacked(tmp_path: Path) -> None:
    touch(tmp_path, "1688/142285/1688-142285-0000.flac", "1688/142285/1688-142285-0001.wav")
    (tmp_path / "1688/142285/1688-142285.trans.txt").write_text(
        "1688-142285-0000 THERE'S IRON THEY SAY\n1688-142285-0001 AND THEN\n", encoding="utf-8"
    )
    found = read_folder(tmp_path)
    assert found.layout == "LibriSpeech"
    assert [(item.key, item.words, item.speaker) for item in found.items] == [
        ("1688/142285/1688-142285-0000.flac", "THERE'S IRON THEY SAY", "1688"),
        ("1688/142285/1688-142285-0001.wav", "AND THEN", "1688"),
    ]


def test_common_voice_is_read_by_its_tables(tmp_path: Path) -> None:
    touch(tmp_path, "clips/x.mp3", "clips/y.mp3")
    heading = "client_id\tpath\tsentence\tage\tgender\taccents\tlocale\n"
    (tmp_path / "test.tsv").write_text(
        heading + f"{'ab' * 32}\tx.mp3\tEr sagte „ja“.\ttwenties\tfemale_feminine\t\tde\n", encoding="utf-8"
    )
    (tmp_path / "dev.tsv").write_text(heading + "c\ty\tNein.\t\t\t\tde\n", encoding="utf-8")
    found = read_folder(tmp_path)
    (item,) = found.items
    assert (found.layout, found.language) == ("Common Voice", "de")
    assert (item.words, item.speaker) == ("Er sagte „ja“.", "ab" * 8)
    assert item.tags == (("age", "twenties"), ("gender", "female_feminine"))
    assert read_folder(tmp_path, split="dev").items[0].key == "clips/y.mp3"
    with pytest.raises(UsageError, match=r"no table train\.tsv"):
        read_folder(tmp_path, split="train")


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ({"words": "x"}, "names no `audio`"),
        ({"audio": "a.wav", "words": 3}, "`words` is no text"),
        ({"audio": "a.wav", "words": "x", "mode": "command"}, "mode is dictate or edit"),
        ({"audio": "a.wav", "words": "x", "before": "y"}, "belong together"),
        ({"audio": "a.wav", "words": "x", "mode": "edit"}, "a command needs a text"),
        ({"audio": "a.wav", "words": "x", "tags": ["y"]}, "`tags` is no mapping"),
    ],
)
def test_what_is_wrong_with_an_item_is_said_with_its_number(
    tmp_path: Path, item: dict[str, object], problem: str
) -> None:
    folder = listed(tmp_path, {"audio": "good.wav", "words": "x"}, item)
    with pytest.raises(UsageError, match=r"item 2: .*" + problem.replace("[", r"\[")):
        read_folder(folder)


def test_a_list_that_is_no_list_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "eval.yaml").write_text("items:\n- audio: [\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"eval\.yaml:\d+: it is no YAML"):
        read_folder(tmp_path)
    (tmp_path / "eval.yaml").write_text("items: []\nspeling: 1\n", encoding="utf-8")
    with pytest.raises(UsageError, match="unknown key: speling"):
        read_folder(tmp_path)
    (tmp_path / "eval.yaml").unlink()
    (tmp_path / "eval.tsv").write_text("audio\ttext\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no column `words`"):
        read_folder(tmp_path)


def test_missing_recordings_and_folders_are_told(tmp_path: Path) -> None:
    listed(tmp_path, {"audio": "a.wav", "words": "x"}, {"audio": "b.wav", "words": "x"})
    (tmp_path / "a.wav").unlink()
    (tmp_path / "b.wav").unlink()
    with pytest.raises(UsageError, match=r"a\.wav and 1 others cannot be found"):
        read_folder(tmp_path)
    with pytest.raises(UsageError, match="is no folder"):
        read_folder(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no test recordings"):
        read_folder(tmp_path / "empty")


def test_a_recording_is_listed_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="listed twice"):
        read_folder(listed(tmp_path, {"audio": "a.wav", "words": "x"}, {"audio": "./a.wav", "words": "y"}))


def test_a_fingerprint_is_of_what_goes_in_and_not_of_what_is_expected(tmp_path: Path) -> None:
    def fingerprint(**more: object) -> str:
        return read_folder(listed(tmp_path, {**EDIT, **more})).items[0].fingerprint()

    first = fingerprint()
    assert fingerprint(words="Something else.", after="Else\n", tags={}) == first
    assert fingerprint(before="Two three<>\n") != first
    (item,) = read_folder(listed(tmp_path, EDIT)).items
    item.audio.write_bytes(b"another sound")
    assert item.fingerprint() != first


def dataset(count: int) -> Dataset:
    items = tuple(
        Item(key=f"{n:03}.wav", audio=Path(f"{n:03}.wav"), words="x", tags=(("odd", str(n % 2)),))
        for n in range(count)
    )
    return Dataset("d", "voice-edit", items)


def test_what_is_drawn_depends_on_the_seed_and_survives_a_folder_that_grows() -> None:
    few = dataset(40).some(10, seed=1)
    assert few == dataset(40).some(10, seed=1)
    assert few != dataset(40).some(10, seed=2)
    assert [item.key for item in few.items] == sorted(item.key for item in few.items)
    grown = {item.key for item in dataset(44).some(10, seed=1).items}
    assert len(grown & {item.key for item in few.items}) >= 6
    assert dataset(5).some(10, seed=1) == dataset(5)


def test_only_items_with_all_tags_are_kept() -> None:
    assert len(dataset(9).only([("odd", "1")]).items) == 4
    assert not dataset(9).only([("odd", "1"), ("speaker", "Ada")]).items


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lists_from_other_systems_are_read(tmp_path: Path, end: str) -> None:
    touch(tmp_path, "table/a.wav", "list/a.wav", "libri/1-2-3.flac")
    rows_, lines = (
        ("audio\twords", "a.wav\tHello.", ""),
        ("items:", " - audio: a.wav", "   words: Hello.", ""),
    )
    (tmp_path / "table/eval.tsv").write_bytes(b"\xef\xbb\xbf" + end.join(rows_).encode())
    (tmp_path / "list/eval.yaml").write_bytes(b"\xef\xbb\xbf" + end.join(lines).encode())
    (tmp_path / "libri/1-2.trans.txt").write_bytes(b"\xef\xbb\xbf" + f"1-2-3 Hello.{end}".encode())
    for name in ("table", "list", "libri"):
        (item,) = read_folder(tmp_path / name).items
        assert item.words == "Hello."


@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\x0b", "\x1c"])
def test_only_a_line_feed_ends_a_line_of_a_transcript(tmp_path: Path, mark: str) -> None:
    touch(tmp_path, "table/a.wav", "libri/1-2-3.flac")
    (tmp_path / "table/eval.tsv").write_text(f"audio\twords\na.wav\tone{mark}two\n", encoding="utf-8")
    (tmp_path / "libri/1-2.trans.txt").write_text(f"1-2-3 one{mark}two\n", encoding="utf-8")
    for name in ("table", "libri"):
        (item,) = read_folder(tmp_path / name).items
        assert item.words == f"one{mark}two"


def test_a_cell_may_be_as_long_as_it_likes_and_empty_lines_are_none(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "b.wav")
    (tmp_path / "eval.tsv").write_text(f"audio\twords\n\na.wav\t{'x' * 200_000}\n\nb.wav\n")
    assert [len(item.words) for item in read_folder(tmp_path).items] == [200_000, 0]
    (tmp_path / "eval.tsv").write_text("audio\twords\n\na.wav\tone\ttwo\n")
    with pytest.raises(UsageError, match=r"eval\.tsv:3:"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("items: [{audio: a.wav, words: 2024-13-45}]", "cannot be understood"),
        (f"items: {'[' * 3000}", "cannot be understood"),
        ("language: no\nitems: [{audio: a.wav}]", "`language` is no text"),
        ("name: 2024\nitems: [{audio: a.wav}]", "`name` is no text"),
        ("items: [{audio: a.wav, before: 'a<>b<>', after: a}]", "item 1: `before`"),
        (f"items: [{{audio: {'x' * 300}.wav}}]", "cannot be found"),
    ],
)
def test_odd_yaml_is_told_from_a_fault(tmp_path: Path, text: str, what: str) -> None:
    touch(tmp_path, "a.wav")
    (tmp_path / "eval.yaml").write_text(text)
    with pytest.raises(UsageError, match=what) as caught:
        read_folder(tmp_path)
    assert caught.value.hint


def test_what_is_left_empty_is_not_called_none(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav")
    (tmp_path / "eval.yaml").write_text("name:\nlanguage:\nnote:\nitems: [{audio: a.wav, speaker: }]\n")
    found = read_folder(tmp_path)
    assert (found.name, found.language, found.note) == (tmp_path.name, "en", "")
    assert found.items[0].speaker == ""


def test_a_folder_with_an_impossible_name_is_no_folder() -> None:
    with pytest.raises(UsageError, match="is no folder"):
        read_folder(Path("x" * 5000))
