"""What commands do to a pure document."""

import pytest
import yaml

from voice_edit.caret_marks import read_marked, write_marked
from voice_edit.commands import from_json, json_schema, to_json
from voice_edit.compact import from_compact, one_line
from voice_edit.document import Change, Document, Edit, Selection, apply
from voice_edit.errors import NoMatch


def do(before: str, compact: str) -> str:
    document = read_marked(before)
    return write_marked(apply(document, from_compact(yaml.safe_load(compact))).apply_to(document))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "compact", "after"),
    [
        ("a b c<>", "{delete: b}", "a c<>"),
        ("Well, it rains.<>", "{delete: well}", "It rains.<>"),
        ("one\r\ntwo<>", "{insert: three, at: {after: {line: 1}}}", "one\r\nthree\r\ntwo<>"),
        ("one<>", "new_paragraph", "one\n\n<>"),
        ("a <>b", "{insert: x}", "a x<> b"),
        ("2 b 10 a<>", "{swap: [{word: 1}, {word: 3}]}", "10 b 2 a<>"),
        ("b\na\n10\n9<>", "{sort: {document: this}}", "9\n10\na\nb"),
        ("x [word] y", "{bold: {selection: this}}", "x **[word]** y"),
        ("**word**<>", "{plain: word}", "word<>"),
        ("HI there<>", "{lower: {word: 1}}", "hi there<>"),
        ("1. a\n2. b<>", "{insert: x, at: {after: {item: 1}}}", "1. a\n2. x\n3. b<>"),
        ("# T\n\nOne. Two.<>", "{bullet_list: {paragraph: this}}", "# T\n\n- One.\n- Two.<>"),
        ("a\nb\n\nc\nd<>", "{join: {line: all}}", "a b\n\nc d<>"),
        ("see [the] end", "{replace: {find: {selection: this}, with: a}}", "see a<> end"),
        ("e\u0301a<>", "{delete: {character: first}}", "a<>"),
    ],
)
def test_a_command_does_what_the_page_says(before: str, compact: str, after: str) -> None:
    assert do(before, compact) == write_marked(read_marked(after))


def test_an_edit_knows_its_inverse() -> None:
    edit = Edit((Change(2, "b", "long"), Change(6, "", "!")), Selection(1, 1), Selection(9, 9))
    before = Document("a b c d", Selection(1, 1))
    after = edit.apply_to(before)
    assert after.text == "a long c !d"
    assert edit.inverse().apply_to(after) == before


def test_an_edit_refuses_another_text() -> None:
    edit = Edit((Change(0, "foo", "bar"),), Selection(0, 0), Selection(0, 0))
    with pytest.raises(ValueError, match="another text"):
        edit.apply_to(Document.at_end("fox"))


def test_nothing_moves_into_itself() -> None:
    with pytest.raises(NoMatch):
        do("a b c", "{move: {from: a, to: c}, to: {after: b}}")


def test_commands_survive_json_and_have_a_schema() -> None:
    command = from_compact({"replace": {"find": {"every": "foo", "in": {"line": 2}}, "with": "bar"}})
    assert from_json(to_json([command])) == [command]
    assert "items" in json_schema()
    assert one_line(command) == "{replace: {find: {every: foo, in: {line: 2}}, with: bar}}"


@pytest.mark.parametrize(
    "wrong", ["nonsense", {"delete": None}, {"replace": {"find": "x"}}, {"undo": 0}, {"go_to": "x"}, 5]
)
def test_a_senseless_command_is_a_value_error(wrong: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        from_compact(wrong)
