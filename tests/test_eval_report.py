"""The report: what it says is what the numbers say, and nothing that was said becomes part of the page."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from test_eval_scoring import heard, item, utterance

from voice_edit.bench.machine import Machine
from voice_edit.evaluation import files, html, markdown, pictures, verdict
from voice_edit.evaluation.dataset import Dataset, Item
from voice_edit.evaluation.outcomes import Heard
from voice_edit.evaluation.report import Report
from voice_edit.evaluation.summary import Summary, summarise

MACHINE = Machine("Processor", 2, 8.0, "", "Linux", "3.11", {"voice-edit": "1"}, "abc", 0.1)
HOSTILE = "</td><script>alert(1)</script> | `x` # [a](http://b) ![i](http://c/i.png) <img src=http://d>"


def dataset(*items: Item) -> Dataset:
    return Dataset("set", "voice-edit", tuple(replace(one, key=f"{n}.wav") for n, one in enumerate(items)))


def summary(items: Dataset, *rows: tuple[str, list[Heard]]) -> Summary:
    """Each variant's outcomes in the order of the items."""
    known = [
        (label, {"way": "streamed"}, [replace(one, key=f"{n}.wav") for n, one in enumerate(row)])
        for label, row in rows
    ]
    return summarise(items, known, seed=1)


def many(wrong: int, count: int = 40) -> list[Heard]:
    """Outcomes of which the first `wrong` have one wrong word of four."""
    return [heard("red green blue pink" if n < wrong else "red green blue grey") for n in range(count)]


FORTY = dataset(*[item("red green blue grey")] * 40)


def said(found: Summary) -> str:
    return " ".join(verdict.sentences(found))


def test_the_verdict_names_the_best_and_whether_that_is_clear() -> None:
    found = summary(FORTY, ("a", many(30)), ("b", many(4)), ("c", many(5)))
    assert "Fewest wrong words: b, 2.5 %." in said(found)
    assert "not clearly fewer than c" in said(found)
    assert "clearly fewer than a" in said(found)


def test_the_verdict_says_when_there_is_no_difference() -> None:
    found = summary(FORTY, ("a", many(4)), ("b", many(4)))
    assert "All hear the same words in every recording; 2.5 % of what is said is wrong or missing." in said(
        found
    )


def test_the_verdict_counts_inventions_and_harmed_texts() -> None:
    edit = item("delete two", mode="edit", before="One two<>\n", after="One\n")
    items = dataset(edit, item(""))
    right = heard("delete two", text_before="One two\n", text_after="One\n")
    harmed = heard("delete one", text_before="One two\n", text_after="two\n")
    found = summary(items, ("good", [right, heard()]), ("bad", [harmed, heard("Thank you.")]))
    assert "Most texts right: good, 100.0 %. Texts changed to something else: bad 1." in said(found)
    assert "Where nothing is said, words came: bad 100.0 %." in said(found)
    assert [column.row.edits_wrong for column in found.columns] == [0, 1]
    (pair,) = found.pairs
    assert (pair.only_first, pair.only_second, pair.chance) == (1, 0, 1.0)


def test_the_verdict_tells_refusing_from_mishearing() -> None:
    spoken = dataset(*[item("red green blue grey")] * 20)
    row = [heard() if n < 5 else heard("red green blue grey") for n in range(20)]
    text = said(summary(spoken, ("a", row), ("b", row)))
    assert "Each refuses 25.0 % of the recordings, which is most of its errors" in text
    assert "of the words it takes, 0.0 % are wrong" in text
    page = markdown.page(Report(summary(spoken, ("a", row)), MACHINE, "c"))
    assert "| refused because | no-speech |" in page


def test_speakers_count_as_known_though_nobody_speaks_in_some_recordings() -> None:
    items = [item("red green", speaker=f"s{n % 9}") for n in range(36)] + [item("")]
    found = summary(dataset(*items), ("a", [heard("red green")] * 36 + [heard()]))
    assert found.by_speaker


def test_a_recording_that_cannot_be_read_counts_for_nothing_and_is_named() -> None:
    broken = Heard(key="", error="audio_failed", message="damaged")
    found = summary(dataset(item("red green"), item("blue")), ("a", [heard("red green"), broken]))
    assert found.unreadable == ("1.wav",)
    assert found.columns[0].row.items == 1
    assert found.columns[0].row.refused is not None
    assert found.columns[0].row.refused.value == 0
    assert "1.wav" in markdown.page(Report(found, MACHINE, "voice-edit eval x"))


def test_an_engine_that_died_counts_as_refused() -> None:
    died = Heard(key="", error="engine_died", message="gone")
    row = summary(dataset(item("red green"), item("blue")), ("a", [heard("red green"), died])).columns[0].row
    assert (row.failed, row.refused and row.refused.value, row.words and row.words.value) == (1, 0.5, 1 / 3)


def test_kinds_that_are_the_same_everywhere_are_left_out() -> None:
    tagged = [item("one", tags=(("kind", kind), ("snr", "20"))) for kind in ("a", "b")]
    page = markdown.page(Report(summary(dataset(*tagged), ("x", [heard("one"), heard("two")])), MACHINE, "c"))
    assert "| kind | recordings | x |" in page
    assert re.search(r"\| b \| 1 \| 100\.0 % ", page)
    assert "| snr |" not in page


def hostile() -> Report:
    items = dataset(item(HOSTILE, tags=(("kind", HOSTILE),)), item("fine", tags=(("kind", "k"),)))
    found = summary(items, ("a", [heard(HOSTILE + " x"), heard("fine")]), (HOSTILE, [heard(), heard("fine")]))
    return Report(
        replace(found, dataset=replace(found.dataset, name=HOSTILE, note=HOSTILE)), MACHINE, HOSTILE
    )


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, attrs))


def test_the_html_page_loads_nothing_and_runs_nothing_whatever_was_said() -> None:
    page = html.page(hostile())
    parser = Tags()
    parser.feed(page)
    tags = {tag for tag, _ in parser.seen}
    assert not tags & {"script", "img", "link", "iframe", "a", "object"}
    names = {name for _, attributes in parser.seen for name, _ in attributes}
    assert not names & {"src", "href", "onload", "onclick", "style"}
    assert "default-src 'none'" in page
    assert "url(" not in page
    assert "@import" not in page


def test_what_was_said_is_nothing_but_text_in_markdown() -> None:
    page = markdown.page(hostile())
    *sections, command = page.rstrip("\n").rpartition("\n\n")
    assert command == f"`` {HOSTILE} ``"
    prose = "".join(sections)
    assert not re.search(r"(?<!\\)<", prose)
    assert not re.search(r"(?<!\\)`", prose)
    assert not re.search(r"\]\(", prose)
    for line in page.splitlines():
        if line.startswith("|"):
            heading_cells = re.split(r"(?<!\\)\|", line)
            assert heading_cells[0] == heading_cells[-1] == ""
    table = [line for line in page.splitlines() if "alert" in line and line.startswith("|")]
    assert table, "what was said is shown"


@pytest.mark.parametrize("name", ["words", "edits", "times", "lengths", "words-against-time"])
def test_every_picture_is_well_formed_and_shows_each_variant_inside_its_frame(name: str) -> None:
    edit = item("delete two", mode="edit", before="One two<>\n", after="One\n")
    outcome = heard("delete two", text_before="One two\n", text_after="One\n", audio_s=1.0)
    longer = heard("delete you", text_before="One two\n", text_after="One two\n", audio_s=12.0)
    slow = replace(outcome, utterances=(replace(utterance("delete two"), final_s=1.5),))
    found = summary(
        dataset(edit, edit), ("quick <one>", [outcome, longer]), ("slow", [slow, replace(slow, audio_s=12.0)])
    )
    picture = pictures.draw(name, found)
    assert picture is not None
    root = ET.fromstring(picture.svg)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    texts = [element.text for element in root.iter("text")]
    assert {"quick <one>", "slow"} <= set(texts)
    for element in root.iter():
        for attribute, most in (("x", width), ("x1", width), ("x2", width), ("cx", width), ("cy", height)):
            assert 0 <= float(element.attrib.get(attribute, 0)) <= most
    drawn = {element.attrib.get("class") for element in root.iter()}
    assert {"v0", "v1"} <= drawn


def test_there_is_no_picture_of_what_was_not_measured() -> None:
    found = summary(dataset(item("")), ("a", [heard()]))
    assert [pictures.draw(name, found) for name in ("words", "edits", "times", "lengths")] == [None] * 4


def test_all_three_files_are_written_and_agree(tmp_path: Path) -> None:
    report = Report(summary(FORTY, ("a", many(4)), ("b", many(8))), MACHINE, "voice-edit eval set")
    page = files.write(report, tmp_path)
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == page
    data = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [variant["label"] for variant in data["variants"]] == ["a", "b"]
    assert data["variants"][1]["row"]["words"]["value"] == pytest.approx(8 / 160)
    assert "5.0 % [" in page
    assert "5.0 %<small>[" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json", "report.md"]


def test_the_same_outcomes_give_the_same_report() -> None:
    pages = [
        html.page(Report(summary(FORTY, ("a", many(4)), ("b", many(8))), MACHINE, "c")) for _ in range(2)
    ]
    assert pages[0] == pages[1]
