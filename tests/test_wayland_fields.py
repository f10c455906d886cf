"""From the focus to the proof on Wayland: fields of GTK 3, GTK 4 and Qt in sway, found by accessibility and
written in each way there is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import pytest
from virtual_display import until
from virtual_wayland import VirtualWayland, WaylandApp, virtual_wayland

from voice_edit.apps.profiles import load_profiles
from voice_edit.config import FieldSettings
from voice_edit.daemon.fields import Fields
from voice_edit.desktop.base import Desktop
from voice_edit.desktop.opening import open_desktop
from voice_edit.edits import Change, Edit, Selection
from voice_edit.paths import Paths
from voice_edit.targets.field_choice import Focus

Mechanism = Literal["accessibility", "paste", "type"]


class Stage:
    """A session and our parts in it."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.session: VirtualWayland = stack.enter_context(virtual_wayland(accessible=True))
        stack.enter_context(self.session.entered())
        self.desktop: Desktop = open_desktop(self.session.env)
        stack.callback(self.desktop.close)
        self._profiles = load_profiles(
            Paths.from_environment({"VOICE_EDIT_HOME": str(folder)}), session="wayland"
        )

    def fields(self, mechanism: Mechanism) -> Fields:
        return Fields(self.desktop, self._profiles, lambda: FieldSettings(mechanism=mechanism))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(stack, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module", params=["gtk3", "gtk4", "qt"])
def app(request: pytest.FixtureRequest, stage: Stage) -> Iterator[WaylandApp]:
    app = WaylandApp(stage.session, request.param)
    yield app
    app.close()


def focus_on(stage: Stage, fields: Fields, app: WaylandApp, kind: str) -> Focus:
    """What has the focus, once that is a field of that kind of this program."""

    def found() -> Focus | None:
        focus = fields.present()
        if focus is None or focus.element is None or focus.element.pid != app.pid or focus.kind != kind:
            return None
        return focus

    until(found, f"the {kind} field of the program was seen to have the focus")
    focus = found()
    assert focus is not None
    return focus


def test_everything_works_in_this_session(stage: Stage) -> None:
    assert stage.desktop.kind == "wayland"
    assert [one for one in stage.desktop.means if not one.works] == []


@pytest.mark.parametrize("mechanism", ["accessibility", "paste", "type"])
def test_a_selected_stretch_is_replaced_and_proved(
    app: WaylandApp, stage: Stage, mechanism: Mechanism
) -> None:
    fields = stage.fields(mechanism)
    app.focus("text")
    app.set("one two three", 4, 7)
    focus = focus_on(stage, fields, app, "readable")
    assert focus.window is not None
    assert (focus.window.pid, focus.mechanisms) == (app.pid, (mechanism,))
    target = fields.target(focus)
    target.pin()
    snapshot = target.snapshot()
    assert (snapshot.text.rstrip("\n"), snapshot.selection) == ("one two three", Selection(4, 7))
    words = "zwei 你好 é" if mechanism == "type" else "zwei 你好 😀 é"
    end = 4 + len(words)
    edit = Edit((Change(4, "two", words),), Selection(4, 7), Selection(end, end))
    receipt = target.commit(target.prepare([edit], expected=snapshot.version))
    assert receipt.state == "verified"
    app.until_text(f"one {words} three")


def test_a_password_is_seen_to_be_one(app: WaylandApp, stage: Stage) -> None:
    app.focus("password")
    focus_on(stage, stage.fields("paste"), app, "secret")
    app.focus("text")
