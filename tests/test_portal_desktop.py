"""Keys and clipboard through the desktop portals, against a stand-in that follows their documentation."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_portal import session_bus
from fake_remote_desktop import TEXT, FakeRemoteDesktop
from virtual_display import until

from voice_edit.desktop._portal_desktop import PortalDesktop
from voice_edit.desktop._wayland import open_wayland
from voice_edit.desktop.base import Clipboard, Keyboard
from voice_edit.desktop.errors import FieldUnsupported
from voice_edit.errors import TargetError, TargetGone

RICH = {TEXT: "é 😀".encode(), "text/html": b"<b>x</b>", "image/png": bytes(range(256)) * 1000}


@pytest.fixture(scope="module")
def bus() -> Iterator[str]:
    with session_bus() as address:
        yield address


@pytest.fixture
def token(tmp_path: Path) -> Path:
    return tmp_path / "data" / "portal-token"


@pytest.fixture
def portals(bus: str) -> Iterator[Callable[..., FakeRemoteDesktop]]:
    """Makes stand-ins, one after the other."""
    made: list[FakeRemoteDesktop] = []

    def make(**how: Any) -> FakeRemoteDesktop:
        made.append(FakeRemoteDesktop(bus, **how))
        return made[-1]

    yield make
    for portal in made:
        portal.close()


@pytest.fixture
def desktops(bus: str, token: Path) -> Iterator[Callable[[], PortalDesktop]]:
    """Makes sessions, and ends what is left of them."""
    made: list[PortalDesktop] = []

    def make() -> PortalDesktop:
        made.append(PortalDesktop({"DBUS_SESSION_BUS_ADDRESS": bus}, token=token))
        return made[-1]

    yield make
    for desktop in made:
        desktop.close()


Made = Callable[..., FakeRemoteDesktop]
Opened = Callable[[], PortalDesktop]


def test_no_dialog_is_shown_before_something_is_to_be_written(portals: Made, desktops: Opened) -> None:
    portal = portals()
    desktop = desktops()
    keyboard = desktop.keyboard()
    assert (portal.asked, desktop.state) == (0, "new")
    keyboard.press("<shift>+<insert>")
    assert (portal.asked, desktop.state) == (1, "ready")
    assert portal.app_id == "org.voice_edit.VoiceEdit"


def test_while_the_user_has_not_answered_the_reason_is_told_and_nothing_is_pressed(
    portals: Made, desktops: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice_edit.desktop._portal_desktop.UNASKED_S", 0.05)
    portal = portals(consent=None)
    keyboard = desktops().keyboard()
    for _ in range(2):
        with pytest.raises(FieldUnsupported, match="was not answered yet") as caught:
            keyboard.press("<shift>+<insert>")
        assert "words are kept" in caught.value.hint
    assert (portal.asked, portal.keys) == (1, [])
    portal.answer(True)

    def works() -> bool:
        try:
            keyboard.type("a")
        except FieldUnsupported:
            return False
        return True

    until(works, "keys were pressed once the user had agreed")
    assert portal.field == "a"


def test_a_user_who_says_no_is_not_asked_again_and_again(portals: Made, desktops: Opened) -> None:
    portal = portals(consent=False)
    keyboard = desktops().keyboard()
    for _ in range(3):
        with pytest.raises(FieldUnsupported, match="does not let voice-edit press keys") as caught:
            keyboard.press("<shift>+<insert>")
        assert "Start voice-edit again" in caught.value.hint
    assert portal.asked == 1


def test_consent_is_kept_for_the_next_time_in_a_file_of_the_user_alone(
    portals: Made, desktops: Opened, token: Path
) -> None:
    portal = portals()
    first = desktops()
    first.keyboard().press("<shift>+<insert>")
    assert token.read_text() == "token-1"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    first.close()
    second = desktops()
    until(lambda: second.state == "ready", "the session was restored without a wish")
    assert portal.tokens == ["", "token-1"]
    assert token.read_text() == "token-2"  # each restores once
    assert portal.asked == 1


def test_a_token_that_is_not_valid_any_more_leads_to_the_dialog(
    portals: Made, desktops: Opened, token: Path
) -> None:
    portal = portals(consent=False)
    token.parent.mkdir(parents=True)
    token.write_text("revoked")
    desktop = desktops()
    until(lambda: desktop.state == "refused", "the user said no")
    assert portal.tokens == ["revoked"]
    assert portal.asked == 1
    assert not token.exists()


def test_a_chord_is_pressed_in_order_and_released_in_the_other(portals: Made, desktops: Opened) -> None:
    portal = portals()
    keyboard: Keyboard = desktops().keyboard()
    keyboard.press("<shift>+<ctrl>+v")
    assert portal.keys == [
        ("Keycode", 29, 1), ("Keycode", 42, 1), ("Keysym", ord("v"), 1),
        ("Keysym", ord("v"), 0), ("Keycode", 42, 0), ("Keycode", 29, 0),
    ]  # fmt: skip


def test_only_what_nearly_every_layout_has_is_typed(portals: Made, desktops: Opened) -> None:
    portal = portals()
    keyboard = desktops().keyboard()
    assert keyboard.untypable("aé😀é\nb\x07") == "é😀\x07"
    with pytest.raises(FieldUnsupported, match="present layout"):
        keyboard.type("café")
    assert portal.keys == []
    keyboard.type("Hello, {world}\n")
    assert portal.field == "Hello, {world}\n"
    assert keyboard.wait_until_released(0.0)


def test_a_chord_that_fails_half_way_leaves_no_key_down(
    portals: Made, desktops: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal = portals()
    desktop = desktops()
    keyboard = desktop.keyboard()
    keyboard.press("<shift>+<insert>")
    portal.keys.clear()
    real = desktop.bus.call

    def fails(interface: str, member: str, signature: str, body: list[Any], **more: Any) -> Any:
        if body[2:] == [110, 1]:
            raise TargetGone("lost")
        return real(interface, member, signature, body, **more)

    monkeypatch.setattr(desktop.bus, "call", fails)
    with pytest.raises(TargetGone):
        keyboard.press("<shift>+<insert>")
    assert portal.keys == [("Keycode", 42, 1), ("Keycode", 110, 0), ("Keycode", 42, 0)]


# --- clipboard ----------------------------------------------------------------------------------------------


def paste(clipboard: Clipboard, keyboard: Keyboard, text: str, timeout_s: float = 10.0) -> str:
    return clipboard.paste(
        text, into=None, press=lambda: keyboard.press("<shift>+<insert>"), timeout_s=timeout_s
    )


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_paste_arrives_and_the_clipboard_holds_what_it_held(
    portals: Made, desktops: Opened, wrapped: bool
) -> None:
    portal = portals(wrapped=wrapped)
    portal.held = dict(RICH)
    desktop = desktops()
    keyboard, clipboard = desktop.keyboard(), desktop.clipboard()
    assert clipboard.name == "portal"
    expected = ""
    for number in range(3):
        words = f"{number} Grüße 你好 😀\n"
        assert paste(clipboard, keyboard, words) == "claimed"
        expected += words
        until(lambda expected=expected: portal.field == expected, "the words were pasted")
        assert portal.contents() == RICH


def test_a_clipboard_that_nobody_told_of_is_asked_for_its_usual_types(
    portals: Made, desktops: Opened
) -> None:
    portal = portals(tells_clipboard=False)
    portal.held = {TEXT: b"before", "text/html": b"<i>before</i>"}
    desktop = desktops()
    assert paste(desktop.clipboard(), desktop.keyboard(), "words") == "claimed"
    assert portal.contents() == {TEXT: b"before", "text/html": b"<i>before</i>"}


def test_an_unclaimed_paste_gives_the_clipboard_back(portals: Made, desktops: Opened) -> None:
    portal = portals()
    portal.ignores_paste = True
    desktop = desktops()
    assert paste(desktop.clipboard(), desktop.keyboard(), "words", timeout_s=0.1) == "unclaimed"
    assert portal.contents() == {TEXT: b"before"}
    assert portal.field == ""


def test_what_somebody_copies_meanwhile_is_left_alone(portals: Made, desktops: Opened) -> None:
    portal = portals()
    clipboard = desktops().clipboard()

    def copy() -> None:
        portal.copy({TEXT: b"copied now"})
        until(lambda: portal.held == {TEXT: b"copied now"}, "another program copied")

    assert clipboard.paste("words", into=None, press=copy, timeout_s=0.3) == "unclaimed"
    assert portal.contents() == {TEXT: b"copied now"}


def test_words_are_left_for_the_user_when_the_desktop_says_that_we_own_the_clipboard(
    portals: Made, desktops: Opened
) -> None:
    portal = portals()
    clipboard = desktops().clipboard()
    assert clipboard.put("Grüße")
    assert portal.contents()[TEXT] == "Grüße".encode()


def test_a_type_that_is_not_offered_is_answered_all_the_same(portals: Made, desktops: Opened) -> None:
    portal = portals()
    assert desktops().clipboard().put("x")
    assert portal.fetch("image/png") is None


# --- ends ---------------------------------------------------------------------------------------------------


def test_a_session_that_the_desktop_ends_is_begun_anew_by_the_next_use(
    portals: Made, desktops: Opened
) -> None:
    portal = portals()
    desktop = desktops()
    keyboard = desktop.keyboard()
    keyboard.type("a")
    portal.end_session()
    until(lambda: desktop.state == "gone", "we learnt that the session ended")
    keyboard.type("b")
    assert portal.field == "ab"
    assert portal.asked == 1  # the token restored it


def test_a_portal_that_crashes_is_told_and_used_again_when_it_is_back(
    portals: Made, desktops: Opened
) -> None:
    portal = portals()
    desktop = desktops()
    keyboard = desktop.keyboard()
    keyboard.type("a")
    portal.close()
    until(lambda: desktop.state == "gone", "we learnt that the portal is gone")
    with pytest.raises(TargetError):
        keyboard.type("b")
    again = portals()
    again.valid = "token-1"
    keyboard.type("c")
    assert again.field == "c"


def test_closing_the_last_part_ends_the_session_and_the_thread(portals: Made, desktops: Opened) -> None:
    before = set(threading.enumerate())
    portal = portals()
    desktop = desktops()
    keyboard, clipboard = desktop.keyboard(), desktop.clipboard()
    keyboard.type("a")
    keyboard.close()
    assert portal.sessions_closed == 0
    clipboard.close()
    assert portal.sessions_closed == 1
    portal.close()
    until(lambda: set(threading.enumerate()) <= before, "all threads ended")


@pytest.mark.parametrize(
    ("how", "why"),
    [({"devices": 6}, "no keyboard to give"), (None, "no RemoteDesktop portal")],
)
def test_a_portal_without_keyboards_is_refused_with_a_remedy(
    portals: Made, desktops: Opened, how: dict[str, Any] | None, why: str
) -> None:
    if how is not None:
        portals(**how)
    with pytest.raises(FieldUnsupported, match=why) as caught:
        desktops()
    assert "xdg-desktop-portal" in caught.value.hint


def test_a_portal_without_clipboards_still_presses_keys(portals: Made, desktops: Opened) -> None:
    portal = portals(clipboard=False)
    desktop = desktops()
    with pytest.raises(FieldUnsupported, match="look after the clipboard"):
        desktop.clipboard()
    desktop.keyboard().type("a")
    assert portal.field == "a"


def test_without_a_session_bus_the_reason_is_told(token: Path) -> None:
    with pytest.raises(FieldUnsupported, match="DBUS_SESSION_BUS_ADDRESS"):
        PortalDesktop({}, token=token)
    with pytest.raises(FieldUnsupported, match="does not answer"):
        PortalDesktop({"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}, token=token)


def test_a_desktop_with_portals_only_gets_its_keys_and_clipboard_from_them(
    portals: Made, bus: str, tmp_path: Path
) -> None:
    portal = portals()
    environ = {
        "DBUS_SESSION_BUS_ADDRESS": bus,
        "VOICE_EDIT_HOME": str(tmp_path),
        "WAYLAND_DISPLAY": "/nowhere",
    }
    parts = open_wayland(environ)
    try:
        assert parts.windows is None
        assert parts.keyboard is not None
        assert parts.clipboard is not None
        assert (parts.keyboard.name, parts.clipboard.name) == ("portal", "portal")
        assert portal.asked == 0
        assert paste(parts.clipboard, parts.keyboard, "words") == "claimed"
        until(lambda: portal.field == "words", "the words were pasted")
    finally:
        parts.close()
    assert portal.sessions_closed == 1
