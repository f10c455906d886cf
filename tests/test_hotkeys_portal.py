"""The GlobalShortcuts portal: a real bus, a stand-in for the portal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fake_portal import FakePortal, session_bus
from hotkey_ear import Ear
from virtual_display import until

from hotkeys import BackendUnavailable, Bindings, ListenerLost, parse
from hotkeys._portal import PortalListener, probe, trigger


@pytest.fixture(scope="module")
def bus() -> Iterator[str]:
    with session_bus() as address:
        yield address


@pytest.fixture(autouse=True)
def on_the_bus(bus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", bus)


@contextmanager
def portal(bus: str, **how: Any) -> Iterator[FakePortal]:
    made = FakePortal(bus, **how)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def listening(**bindings: Any) -> Iterator[Ear]:
    ear = Ear(PortalListener(Bindings(**bindings)))
    try:
        yield ear
    except BaseException:
        ear.close()
        raise
    assert ear.close() == []


def codes(ear: Ear) -> list[str]:
    return [problem.code for problem in ear.listener.problems]


def test_shortcuts_go_down_and_come_up(bus: str) -> None:
    with portal(bus) as desktop:
        with listening(style="hold") as ear:
            for shortcut in ("dictate", "edit"):
                desktop.press(shortcut)
                assert ear.next() == f"start {shortcut}"
                desktop.release(shortcut)
                assert ear.next() == "stop"
            assert ear.listener.consumes
        until(lambda: desktop.closed == [desktop.session], "the session was closed, and the keys are free")


def test_the_portal_is_asked_for_our_chords_and_not_for_a_bare_escape(bus: str) -> None:
    with portal(bus) as desktop, listening() as ear:
        until(lambda: codes(ear) == ["no-cancel-key"], "the user agreed")
        assert desktop.asked["dictate"] == {"description": "Dictate", "preferred_trigger": "CTRL+ALT+space"}
        assert desktop.asked["edit"]["preferred_trigger"] == "CTRL+ALT+e"
        assert "preferred_trigger" not in desktop.asked["cancel"]
        assert desktop.app_id


def test_a_cancel_shortcut_that_the_user_chose_cancels(bus: str) -> None:
    with portal(bus) as desktop, listening(style="hold", cancel="<ctrl>+<alt>+g", debounce_ms=0) as ear:
        until(lambda: codes(ear) == [], "the user agreed")
        desktop.press("dictate")
        assert ear.next() == "start dictate"
        desktop.press("cancel")
        assert ear.next() == "cancel"
        desktop.release("dictate")
        desktop.press("dictate")
        assert ear.next() == "start dictate"
        desktop.release("dictate")
        assert ear.next() == "stop"


def test_until_the_user_agrees_a_problem_says_so_and_nobody_waits(bus: str) -> None:
    with portal(bus, consent=None) as desktop, listening(style="hold", cancel="") as ear:
        assert codes(ear) == ["portal-waiting"]
        until(lambda: bool(desktop.asked), "the portal was asked")
        desktop.answer(True)
        until(lambda: codes(ear) == [], "the user agreed")
        desktop.press("dictate")
        assert ear.next() == "start dictate"
        desktop.release("dictate")
        assert ear.next() == "stop"


def test_when_the_user_says_no_the_events_end_with_the_reason(bus: str) -> None:
    with portal(bus, consent=False):
        ear = Ear(PortalListener(Bindings()))
        assert ear.next() == "end"
        ear.close()
    assert isinstance(ear.error, ListenerLost)
    assert "did not agree to the talk keys: it was cancelled" in str(ear.error)
    assert "docs/hotkeys.md" in ear.error.hint


def test_a_shortcut_that_got_no_key_is_told(bus: str) -> None:
    with portal(bus, consent=None) as desktop, listening(cancel="") as ear:
        until(lambda: bool(desktop.asked), "the portal was asked")
        desktop.keys["edit"] = ""
        desktop.answer(True)
        until(lambda: codes(ear) == ["chord-missing"], "the user agreed to one of them")
        assert "edit: the desktop has no key for it" in ear.listener.problems[0].message


def test_shortcuts_of_other_sessions_are_not_ours(bus: str) -> None:
    with portal(bus) as desktop, listening(style="hold") as ear:
        desktop.press("dictate", session="/org/freedesktop/portal/desktop/session/1_99/other")
        desktop.press("edit")
        assert ear.next() == "start edit"
        desktop.release("edit")
        assert ear.next() == "stop"


@pytest.mark.parametrize("end", [FakePortal.end_session, FakePortal.close])
def test_when_the_portal_goes_away_the_talk_ends_and_the_events_with_an_error(bus: str, end: Any) -> None:
    with portal(bus) as desktop:
        ear = Ear(PortalListener(Bindings(style="hold")))
        desktop.press("dictate")
        assert ear.next() == "start dictate"
        end(desktop)
        assert ear.next() == "stop"
        assert ear.next() == "end"
        ear.close()
    assert isinstance(ear.error, ListenerLost)


def test_when_the_bus_goes_away_so_do_the_events(monkeypatch: pytest.MonkeyPatch) -> None:
    with session_bus() as doomed:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", doomed)
        desktop = FakePortal(doomed)
        ear = Ear(PortalListener(Bindings(style="hold")))
    assert ear.next() == "end"
    ear.close()
    desktop.close()
    assert isinstance(ear.error, ListenerLost)


def test_without_a_portal_a_bus_or_its_address_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BackendUnavailable, match="no GlobalShortcuts portal here") as caught:
        PortalListener(Bindings())
    assert "KDE Plasma" in caught.value.hint
    with pytest.raises(BackendUnavailable, match="no GlobalShortcuts portal here"):
        probe()
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus")
    with pytest.raises(BackendUnavailable, match="the session bus does not answer"):
        probe()
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS")
    with pytest.raises(BackendUnavailable, match="DBUS_SESSION_BUS_ADDRESS is not set"):
        probe()


def test_a_portal_that_gives_no_session_is_told(bus: str) -> None:
    with (
        portal(bus, session_code=2),
        pytest.raises(BackendUnavailable, match="gives us no session: it failed"),
    ):
        PortalListener(Bindings())


def test_a_portal_that_is_there_passes_the_probe(bus: str) -> None:
    with portal(bus):
        probe()


@pytest.mark.parametrize(
    ("chord", "written"),
    [
        ("<ctrl>+<alt>+space", "CTRL+ALT+space"),
        ("<super>+`", "LOGO+grave"),
        ("<f9>", "F9"),
        ("<shift>+a", "SHIFT+a"),
        ("<right_ctrl>+<page_up>", "CTRL+Prior"),
        ("<esc>", "Escape"),
    ],
)
def test_chords_are_written_as_the_shortcuts_specification_says(chord: str, written: str) -> None:
    assert trigger(parse(chord)) == written
