"""Fields of real programs through the accessibility bus: found by their events, read, replaced, selected."""

# ruff: noqa: RUF001  (unusual letters are what this is about)

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from atspi_fields import Scene, scene
from virtual_display import until

from voice_edit.desktop import _atspi
from voice_edit.desktop.base import Element
from voice_edit.desktop.errors import FieldReadOnly, FieldRefused, FieldSecret, FieldUnsupported
from voice_edit.edits import Selection

LINES = "Grüße, 你好 😀 end.\nSecond 😀 line"
ONE_LINE = LINES.split("\n", maxsplit=1)[0]
WRITABLE = [
    *(("gtk3", "text"), ("gtk3", "entry"), ("gtk4", "text"), ("gtk4", "entry")),
    *(("qt", "text"), ("qt", "rich"), ("qt", "entry"), ("mousepad", "text")),
]
IN_CHROMIUM = [("chromium", "text"), ("chromium", "editable"), ("chromium", "entry")]
TOOLKITS = {"gtk3": "gtk3", "gtk4": "gtk4", "qt": "qt", "mousepad": "gtk3", "chromium": "chromium"}
WITH_PASSWORDS = ["gtk3", "gtk4", "qt", "chromium"]


@pytest.fixture(scope="module")
def stage() -> Iterator[Scene]:
    with scene() as made:
        yield made


def filled(name: str) -> str:
    return ONE_LINE if name == "entry" else LINES


@pytest.mark.parametrize(("kind", "name"), WRITABLE + IN_CHROMIUM)
def test_the_field_with_the_focus_is_told_and_read(stage: Scene, kind: str, name: str) -> None:
    app = stage.app(kind)
    app.set(filled(name), caret=11, field=name)
    told = stage.element(app, name)
    assert told.toolkit == TOOLKITS[kind]
    assert (told.secret, told.editable, told.readable) == (False, True, True)
    assert told.writable == (kind != "chromium")
    assert told.multi_line == (name != "entry")
    field = stage.service.field(told)
    assert field.is_alive()
    assert field.is_focused()
    app.select(11, 11, field=name)  # a page may move the caret when the focus comes
    # Chromium tells of a change of its page a moment later.
    until(lambda: field.look(8000).selection == Selection(11, 11), f"the caret of {kind} {name} was told")
    seen = field.look(8000)
    assert (seen.text, seen.start, seen.count) == (filled(name), 0, len(filled(name)))
    assert field.read(7, 11) == "你好 😀"
    part = field.look_at(9, 14)
    assert (part.text, part.start, part.count) == (filled(name)[9:14], 9, len(filled(name)))
    assert field.read(len(filled(name)) - 1, 10_000) == filled(name)[-1]


@pytest.mark.parametrize(("kind", "name"), WRITABLE)
def test_a_stretch_is_replaced_by_offsets(stage: Scene, kind: str, name: str) -> None:
    app = stage.app(kind)
    text = filled(name)
    app.set(text, field=name)
    field = stage.field(app, name)
    for start, end, new in (
        (7, 9, "wörld 😀👍🏽"),
        (0, 0, "e\u0301 שלום "),
        (3, 5, ""),
        (4, 4, "日本"),
        (6, 7, "𝔘"),
    ):
        field.replace(start, end, new)
        text = text[:start] + new + text[end:]
        assert app.text(name) == text
        assert field.read(0, 10_000) == text
    field.replace(0, len(text), "")
    assert app.text(name) == ""
    field.replace(0, 0, "again")
    assert app.text(name) == "again"
    assert field.look(100).count == 5


@pytest.mark.parametrize(("kind", "name"), WRITABLE + IN_CHROMIUM)
def test_caret_and_selection_are_put_and_read(stage: Scene, kind: str, name: str) -> None:
    app = stage.app(kind)
    app.set(filled(name), field=name)
    field = stage.field(app, name)
    until(lambda: field.look(100).text == filled(name), "the text was told")
    for wanted in (
        (3, 3),
        (7, 9),
        (2, 12),
        (9, 12),
        (0, 11),
        (11, 11),
        (5, 14),
        (12, 1),
        (1, 12),
        (1, 12),
        (3, 11),
        (2, 11),
        (2, 2),
        (2, 11),
    ):
        selection = Selection(*wanted)
        field.select(selection)
        assert sorted(app.selection(name)) == sorted(wanted)
        if kind != "chromium":
            seen = field.look(100).selection
            assert seen is not None
            assert (seen.start, seen.end) == (selection.start, selection.end)


@pytest.mark.parametrize("wanted", [(2, 5), (5, 2), (2, 12), (7, 16), (16, 7), (12, 15)])
@pytest.mark.parametrize(("kind", "name"), [("gtk3", "text"), ("qt", "text"), *IN_CHROMIUM])
def test_a_selection_of_the_user_is_read_with_its_direction(
    stage: Scene, kind: str, name: str, wanted: tuple[int, int]
) -> None:
    app = stage.app(kind)
    app.set(filled(name), field=name)
    field = stage.field(app, name)
    app.select(*wanted, field=name)
    until(lambda: field.look(100).selection == Selection(*wanted), f"{wanted} was read in {kind} {name}")


def test_paragraphs_that_somebody_types_into_a_web_page_are_one_text(stage: Scene) -> None:
    app = stage.app("chromium")
    app.set("one 😀", field="editable")
    field = stage.field(app, "editable")
    bold = ("ctrl+b", "b", "o", "ctrl+b")
    stage.desk.tap("Return", "t", "w", "o", "space", *bold, "space", "x", "Return", "Return", "l", "a")
    text = "one 😀\ntwo bo x\n\nla"
    until(lambda: field.look(100).selection == Selection(18, 18), "the caret was told")
    assert field.look(100).text == text
    assert field.look_at(6, 13).text == "two bo "
    for selection, holds in (
        (Selection(8, 12), "one 😀\ntwX x\n\nla"),
        (Selection(0, 4), "X😀\ntwo bo x\n\nla"),
        (Selection(5, 5), "one 😀X\ntwo bo x\n\nla"),
        (Selection(6, 6), "one 😀\nXtwo bo x\n\nla"),
        (Selection(14, 14), "one 😀\ntwo bo xX\n\nla"),
        (Selection(15, 15), "one 😀\ntwo bo x\nX\nla"),
        (Selection(2, 5), "onX\ntwo bo x\n\nla"),
    ):
        field.select(selection)
        stage.desk.tap("X")
        until(lambda holds=holds: field.look(100).text == holds, f"{selection} was replaced by X")
        stage.desk.tap("ctrl+z")
        until(lambda: field.look(100).text == text, "it was undone")
    with pytest.raises(FieldUnsupported, match="several paragraphs"):
        field.select(Selection(1, 9))
    app.set("", field="editable")


def test_a_line_break_that_chromium_keeps_at_the_end_of_a_text_area_is_not_in_the_text(stage: Scene) -> None:
    app = stage.app("chromium")
    app.set("")
    field = stage.field(app)
    text = ""
    for key, typed in (("a", "a"), ("Return", "\n"), ("Return", "\n"), ("b", "b"), ("Return", "\n")):
        stage.desk.tap(key)
        text += typed
        until(lambda text=text: field.look(10).text == text, f"{text!r} was read")
        until(lambda text=text: field.look(10).count == len(text), f"{text!r} had its length")
    stage.desk.tap("BackSpace")
    until(lambda: field.look(10).text == text[:-1], "what was deleted was not read")
    assert app.text() == text[:-1]


def test_a_selection_that_chromium_tells_wrongly_is_unknown(stage: Scene) -> None:
    app = stage.app("chromium")
    app.set(LINES)
    field = stage.field(app)
    app.select(2, 3)
    until(lambda: field.look(100).selection == Selection(2, 3), "the selection was told")
    app.select(0, 11)  # 11 UTF-16 units end inside the first pair
    until(lambda: field.look(100).selection is None, "the selection was not told")
    app.select(0, 0)
    until(lambda: field.look(100).selection == Selection(0, 0), "the caret was told")


@pytest.mark.parametrize("kind", WITH_PASSWORDS)
def test_a_password_is_told_as_one_and_never_read(stage: Scene, kind: str) -> None:
    app = stage.app(kind)
    app.set("hunter2 é", field="password")
    told = stage.element(app, "password")
    assert (told.secret, told.readable, told.writable) == (True, False, False)
    field = stage.service.field(told)
    for act in (
        lambda: field.look(100),
        lambda: field.read(0, 5),
        lambda: field.look_at(0, 5),
        lambda: field.replace(0, 1, "x"),
        lambda: field.select(Selection(0, 1)),
    ):
        with pytest.raises(FieldSecret):
            act()
    assert app.text("password") == "hunter2 é"
    assert field.is_alive()
    assert field.is_focused()


@pytest.mark.parametrize("kind", WITH_PASSWORDS)
def test_a_read_only_field_is_read_and_not_written(stage: Scene, kind: str) -> None:
    app = stage.app(kind)
    app.set(LINES, field="read_only")
    told = stage.element(app, "read_only")
    assert (told.editable, told.writable, told.readable) == (False, False, True)
    field = stage.service.field(told)
    until(lambda: field.read(0, 99) == LINES, "it was read")
    with pytest.raises(FieldReadOnly):
        field.replace(0, 1, "x")
    assert app.text("read_only") == LINES


@pytest.mark.parametrize("kind", ["gtk3", "gtk4", "qt"])
def test_a_field_that_becomes_read_only_is_told_anew_and_not_written(stage: Scene, kind: str) -> None:
    app = stage.app(kind)
    app.set(ONE_LINE)
    field = stage.field(app)
    app.read_only(True)
    try:
        with pytest.raises(FieldReadOnly):
            field.replace(0, 1, "x")
        assert app.text() == ONE_LINE
        if kind != "qt":  # Qt sends no event of it
            until(lambda: (told := stage.service.focused()) is not None and not told.editable, "it was told")
    finally:
        app.read_only(False)


def test_text_that_no_field_can_hold_is_refused(stage: Scene) -> None:
    app = stage.app("qt")
    app.set(ONE_LINE)
    field = stage.field(app)
    for new in ("a\0b", "a\ud83d"):
        with pytest.raises(FieldRefused):
            field.replace(0, 0, new)
    assert app.text() == ONE_LINE


def test_chromium_is_not_written_to_by_offsets(stage: Scene) -> None:
    app = stage.app("chromium")
    app.set(ONE_LINE)
    with pytest.raises(FieldUnsupported, match="by offsets"):
        stage.field(app).replace(0, 1, "x")
    assert app.text() == ONE_LINE


@pytest.mark.parametrize("kind", ["gtk3", "gtk4", "qt", "chromium"])
def test_a_long_text_is_seen_through_a_window_at_its_caret(stage: Scene, kind: str) -> None:
    app = stage.app(kind)
    text = "".join(f"Line {number} has 😀 and ends here.\n" for number in range(2000))
    caret = text.index("Line 1000") + 7
    app.set(text, caret=caret)
    field = stage.field(app)
    until(lambda: field.look(1000).selection == Selection(caret, caret), "the caret was told")
    seen = field.look(1000)
    assert seen.count == len(text)
    assert seen.text == text[seen.start : seen.start + len(seen.text)]
    assert 700 < len(seen.text) <= 1000
    assert seen.start < caret < seen.start + len(seen.text)
    assert seen.text.startswith("Line")
    assert seen.text.endswith("here.\n")
    if kind != "chromium":
        field.replace(caret, caret + 1, "é😀")
        assert app.text() == text[:caret] + "é😀" + text[caret + 1 :]
    app.set("")


def test_the_focus_is_known_without_asking_and_follows_from_window_to_window(stage: Scene) -> None:
    heard: list[Element | None] = []
    threads: set[threading.Thread] = set()

    def hear(element: Element | None) -> None:
        heard.append(element)
        threads.add(threading.current_thread())
        if element is not None and not element.secret:
            stage.service.field(element).is_alive()  # a listener may ask back

    stage.service.on_focus(hear)
    apps = [stage.app(kind) for kind in ("gtk3", "gtk4", "qt", "tk", "chromium", "vte", "xterm", "mousepad")]
    for app in (*apps, *reversed(apps)):
        stage.desk.activate(app)
        if app.kind in ("tk", "xterm"):
            until(lambda: stage.service.focused() is None, "nothing was told to have the focus")
            until(lambda: heard[-1] is None, "it was told that nothing has the focus")
            continue
        until(
            lambda pid=app.pid: (told := stage.service.focused()) is not None and told.pid == pid,
            f"{app.kind} was told to have the focus",
        )
        told = stage.service.focused()
        assert told is not None
        if app.kind == "vte":
            assert (told.role, told.readable, told.editable) == ("terminal", False, True)
    assert threads.isdisjoint({threading.main_thread()})


def test_a_field_of_a_window_behind_is_not_focused(stage: Scene) -> None:
    for kind in ("gtk3", "gtk4", "qt", "chromium"):
        field = stage.field(stage.app(kind))
        assert field.is_focused()
        stage.app("tk")
        until(lambda field=field: not field.is_focused(), f"the field of {kind} was not focused")
        assert field.is_alive()


@pytest.mark.parametrize("kind", ["gtk3", "gtk4", "qt", "chromium"])
def test_a_field_that_takes_the_focus_in_a_window_behind_is_not_believed(stage: Scene, kind: str) -> None:
    behind = stage.app(kind)
    stage.element(behind)
    front = stage.app("mousepad")
    front.set("")
    known = stage.element(front)
    # Qt believes for 0.1 s that it still has the keyboard.
    until(lambda: behind.focused() is None, "the program behind knew that it is behind")
    for name in ("entry", "password", "text"):
        behind.ask("focus", field=name)
        behind.state()
        stage.desk.tap("x")  # the window in front still has the keyboard, and time has passed
        assert stage.service.focused() == known
        assert stage.service.field(known).is_focused()
    front.expect("xxx")
    front.set("")


def test_a_service_that_comes_late_finds_the_focus_by_looking(stage: Scene) -> None:
    for kind in ("gtk3", "gtk4", "qt", "chromium"):
        app = stage.app(kind)
        known = stage.element(app)
        with stage.desk.entered():
            late = _atspi.open_atspi()
        try:
            assert late.focused() == known
        finally:
            late.close()
