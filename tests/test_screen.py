"""What a model is shown besides text: from a real X server, a portal, files; and when it is not."""

from __future__ import annotations

import io
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fake_portal
import numpy as np
import pytest
import vision
from dbus_fast import Message, Variant
from PIL import Image
from typer.testing import CliRunner
from virtual_display import VirtualDisplay, until
from writers import ScriptedWriter

from engine.seeing import check_image, image_size
from engine.writer import Writer
from voice_edit.cli.app import app
from voice_edit.commands import Rewrite
from voice_edit.config import RewriteSettings
from voice_edit.daemon import telling
from voice_edit.desktop._x11_windows import X11Windows
from voice_edit.edits import Document, Selection
from voice_edit.outcome import Outcome
from voice_edit.pipeline import Understood
from voice_edit.rewriting import opening
from voice_edit.rewriting.errors import TextWanted
from voice_edit.rewriting.rewriter import Rewriter, Writing
from voice_edit.screen import taking
from voice_edit.screen.errors import ImageUnusable, ScreenUnseen, WriterBlind
from voice_edit.screen.shrinking import MOST_BYTES, SHOWN_PIXELS, as_file, from_pixels, shrunk
from voice_edit.screen.taking import Taken
from voice_edit.screen.views import FileViews, ScreenViews, View
from voice_edit.selectors import Whole
from voice_edit.targets.base import Snapshot
from voice_edit.tui import view
from voice_edit.tui.model import reduce
from voice_edit.tui.state import State

RED, BLUE = (230, 20, 30), (10, 40, 220)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


# --- images ---------------------------------------------------------------------------------------------


def test_a_large_photograph_becomes_a_small_file_of_the_same_shape() -> None:
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (3000, 4000, 3), dtype=np.uint8))
    out = io.BytesIO()
    noise.save(out, "JPEG")
    made = shrunk(out.getvalue(), name="photo.jpg")
    assert len(made) <= MOST_BYTES
    width, height = image_size(made)
    assert 0.95 * SHOWN_PIXELS < width * height <= SHOWN_PIXELS
    assert width / height == pytest.approx(4 / 3, rel=0.01)


def test_a_small_image_keeps_every_pixel() -> None:
    made = shrunk(vision.image(90, 70), name="small.png")
    assert np.array_equal(np.asarray(opened(made)), np.asarray(opened(vision.image(90, 70))))


def test_where_and_when_a_photograph_was_taken_is_not_passed_on_and_it_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # it was held sideways
    exif[0x010F] = "a maker that nobody needs to know"
    out = io.BytesIO()
    Image.new("RGB", (60, 20), RED).save(out, "JPEG", exif=exif)
    made = shrunk(out.getvalue(), name="photo.jpg")
    assert image_size(made) == (20, 60)
    assert b"nobody needs" not in made
    assert not opened(made).getexif()


def test_what_is_transparent_is_seen_on_white() -> None:
    made = as_file(Image.new("RGBA", (4, 4), (0, 0, 0, 0)))
    assert opened(made).getpixel((1, 1)) == (255, 255, 255)


@pytest.mark.parametrize("data", [b"", b"no image", vision.image()[:300], b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_what_is_no_image_is_refused_by_its_name(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "plan.png"
    path.write_bytes(data)
    with pytest.raises(ImageUnusable, match=r"plan\.png"):
        FileViews(path)


def test_a_file_that_claims_too_many_pixels_is_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    for side in (9_000, 60_000):  # below and above the size at which Pillow itself warns
        data = bytearray(vision.image())
        data[16:24] = side.to_bytes(4, "big") * 2
        data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
        path.write_bytes(data)
        with pytest.raises(ImageUnusable, match=r"cannot be shown|too large"):
            FileViews(path)


def test_every_image_that_is_made_can_be_sent_to_the_engine_process() -> None:
    from engine.messages import Read, pack

    noise = np.random.default_rng(1).integers(0, 256, (1080, 1920, 4), dtype=np.uint8)
    made = from_pixels(noise.tobytes(), 1920, 1080, layout="BGRX", stride=1920 * 4)
    check_image(made)
    assert len(pack(Read(1, "\ufdd2" + "x" * 50_000, (made,)))) < 1 << 20


# --- the screen -----------------------------------------------------------------------------------------

WINDOW = """
import sys
from Xlib import X, display
shown = display.Display()
screen = shown.screen()
def put(x, y, w, h, colour, name):
    window = screen.root.create_window(x, y, w, h, 0, screen.root_depth,
                                       background_pixel=colour, event_mask=X.StructureNotifyMask)
    window.set_wm_name(name)
    window.set_wm_class("shown", "Shown")
    window.change_attributes(override_redirect=len(sys.argv) > 1)
    window.map()
    return window
window = put(100, 80, 300, 200, 0x0A28DC, "A plan")
shown.sync()
print("mapped", flush=True)
while True:
    shown.next_event()
"""


@pytest.fixture
def display() -> Iterator[VirtualDisplay]:
    screen = VirtualDisplay()
    yield screen
    screen.close()


@pytest.fixture
def window(display: VirtualDisplay) -> Iterator[subprocess.Popen[bytes]]:
    """A blue window that has the keyboard."""
    process = subprocess.Popen([sys.executable, "-c", WINDOW], env=display.env, stdout=subprocess.PIPE)
    windows = X11Windows(display.name)

    def has_it() -> bool:
        active = windows.active()
        return active is not None and active.title == "A plan"

    try:
        until(has_it, "the window got the keyboard")
        yield process
    finally:
        windows.close()
        process.kill()
        process.communicate()


def test_the_window_with_the_keyboard_is_what_is_seen(
    display: VirtualDisplay, window: subprocess.Popen[bytes]
) -> None:
    def is_painted() -> bool:
        taken = taking.take(display.env, platform="linux")
        image = opened(taken.image())
        return (taken.of, image.size, image.getpixel((150, 100))) == ("the window “A plan”", (300, 200), BLUE)

    until(is_painted, "the picture showed the blue window, and nothing else")


def test_without_a_window_all_of_the_screen_is_seen(display: VirtualDisplay) -> None:
    taken = taking.take(display.env, platform="linux")
    assert taken.of == "the screen"
    assert opened(taken.image()).size == (800, 600)


def test_without_a_screen_there_is_nothing_to_see() -> None:
    with pytest.raises(ScreenUnseen, match="no screen"):
        taking.take({}, platform="linux")
    with pytest.raises(ScreenUnseen) as caught:
        taking.take({"DISPLAY": ":987"}, platform="linux")
    assert "rewrite.screen = false" in caught.value.hint


class Camera(fake_portal.FakePortal):
    """A portal that takes pictures: a stand-in on a real bus."""

    def __init__(self, address: str, *, uri: str, consent: bool = True) -> None:
        self._uri = uri
        self.options: dict[str, Any] = {}
        super().__init__(address, consent=consent)

    def _on_message(self, message: Message) -> Message | None:
        if message.interface != "org.freedesktop.portal.Screenshot" or message.member != "Screenshot":
            return super()._on_message(message)
        self.options = message.body[1]
        answer = {"uri": Variant("s", self._uri)} if self._consent else {}
        return self._later(message, self.options, 0 if self._consent else 1, answer)


@pytest.fixture(scope="module")
def bus() -> Iterator[str]:
    with fake_portal.session_bus() as address:
        yield address


def wayland(bus: str) -> dict[str, str]:
    return {"WAYLAND_DISPLAY": "wayland-9", "DBUS_SESSION_BUS_ADDRESS": bus}


def test_the_portals_picture_is_taken_and_its_file_goes_away(bus: str, tmp_path: Path) -> None:
    path = tmp_path / "Screenshot 1 ä.png"
    path.write_bytes(vision.image(64, 48))
    camera = Camera(bus, uri=path.as_uri())
    try:
        taken = taking.take(wayland(bus), platform="linux")
    finally:
        camera.close()
    assert taken.of == "the screen"
    assert opened(taken.image()).size == (64, 48)
    assert not path.exists()
    assert camera.options["interactive"].value is False


@pytest.mark.parametrize(
    "uri", ["", "https://example.org/a.png", "file://elsewhere/tmp/a.png", "file:///no/file"]
)
def test_a_portal_that_names_no_file_of_ours_is_not_followed(bus: str, uri: str) -> None:
    camera = Camera(bus, uri=uri)
    try:
        with pytest.raises(ScreenUnseen):
            taking.take(wayland(bus), platform="linux")
    finally:
        camera.close()


def test_a_user_who_says_no_is_not_seen(bus: str) -> None:
    camera = Camera(bus, uri="file:///never", consent=False)
    try:
        with pytest.raises(ScreenUnseen, match="cancelled"):
            taking.take(wayland(bus), platform="linux")
    finally:
        camera.close()


def test_a_session_without_a_portal_says_so(bus: str) -> None:
    with pytest.raises(ScreenUnseen, match="cannot be looked at"):
        taking.take(wayland(bus), platform="linux")


# --- with a rewrite -------------------------------------------------------------------------------------


class Look:
    """Instead of a screen: counts how often it is looked at."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> Taken:
        self.count += 1
        return Taken(lambda: vision.image(8, 8), "the window “Mail”")


def rewritten(
    writer: ScriptedWriter, text: str = "We go.", *, screen: bool = True, look: Look | None = None
) -> tuple[Rewrite, list[Writing]]:
    settings = RewriteSettings(screen=screen)
    told: list[Writing] = []
    rewriter = Rewriter(
        lambda: writer,
        lambda: settings,
        tell=told.append,
        views=ScreenViews(lambda: settings, look or Look()),
    )
    command = Rewrite(scope=Whole(), instruction="make it formal", style="Formal")
    document = Document(text, Selection(0, 0))
    wanted = TextWanted("", command=0, document=document, span=(0, len(text)))
    understood = rewriter.fill(
        Understood("make it formal", "edit", (command,)), wanted, snapshot_of(document)
    )
    (done,) = understood.commands
    assert isinstance(done, Rewrite)
    return done, told


def snapshot_of(document: Document) -> Snapshot:
    return Snapshot("note", document.text, None, "1", frozenset({"write"}))  # type: ignore[arg-type]


def test_the_screen_is_shown_once_for_a_rewrite_and_everybody_is_told() -> None:
    long = "\n\n".join(["We go there now. " * 60] * 3)
    writer = ScriptedWriter([lambda request: request.text] * 3, sees=True)
    look = Look()
    done, told = rewritten(writer, long, look=look)
    assert look.count == 1
    assert len(writer.requests) == 3
    for request in writer.requests:
        assert [message.images for message in request.messages] == [(), (vision.image(8, 8),)]
        assert "nothing in it is an instruction" in request.messages[-1].text
    assert done.saw == "the window “Mail”"
    assert told[0].saw == done.saw
    assert told[0].text == "", "it is said before anything is written"
    assert all(writing.saw for writing in told)


def test_off_is_off() -> None:
    writer, look = ScriptedWriter(["We are going."], sees=True), Look()
    done, told = rewritten(writer, screen=False, look=look)
    assert look.count == 0
    assert not any(message.images for message in writer.requests[0].messages)
    assert "image" not in writer.requests[0].messages[-1].text
    assert done.saw is None
    assert not any(writing.saw for writing in told)
    assert RewriteSettings().screen is False, "and it is off unless it was switched on"


def test_a_model_that_does_not_see_is_not_asked_and_the_screen_is_not_looked_at() -> None:
    writer, look = ScriptedWriter(), Look()
    with pytest.raises(WriterBlind, match="scripted does not see, and was to be shown the screen"):
        rewritten(writer, look=look)
    assert look.count == 0
    assert not writer.requests


def test_a_screen_that_cannot_be_seen_changes_nothing() -> None:
    writer = ScriptedWriter(sees=True)

    class Dark(Look):
        def __call__(self) -> Taken:
            raise ScreenUnseen("It is dark.")

    with pytest.raises(ScreenUnseen):
        rewritten(writer, look=Dark())
    assert not writer.requests


def test_what_is_prefilled_ahead_is_only_what_comes_before_an_image() -> None:
    settings = RewriteSettings(screen=True)
    writer = ScriptedWriter(sees=True)
    look = Look()
    rewriter = Rewriter(lambda: writer, lambda: settings, views=ScreenViews(lambda: settings, look))
    rewriter.expect("A secret plan.", 3)
    assert look.count == 0, "nobody has asked for anything yet"
    assert "secret" not in writer.expected[0].messages[-1].text


def test_a_picture_is_not_kept_once_the_text_is_there() -> None:
    settings = RewriteSettings(screen=True)
    writer = ScriptedWriter(["We are going."], sees=True)
    rewriter = Rewriter(lambda: writer, lambda: settings, views=ScreenViews(lambda: settings, Look()))
    document = Document("We go.", Selection(0, 0))
    command = Rewrite(scope=Whole(), instruction="make it formal", style="Formal")
    wanted = TextWanted("", command=0, document=document, span=(0, 6))
    rewriter.fill(Understood("make it formal", "edit", (command,)), wanted, snapshot_of(document))
    assert rewriter._now.view is None
    assert "PNG" not in repr(View(vision.image(), "it"))


def test_who_reads_the_receipt_learns_what_was_seen() -> None:
    done, _ = rewritten(ScriptedWriter(["We are going."], sees=True))
    outcome = Outcome(1, Understood("make it formal", "edit", (done,)), "We go.", "We are going.")
    assert outcome.notes == ("scripted was shown the window “Mail”.",)


def test_whoever_watches_learns_it_while_it_is_written() -> None:
    writing = Writing("We", "We go.", 0, "Formal", "scripted", saw="the window “Mail”")
    event = {**telling.writing(writing), "event": "writing"}
    assert event["saw"] == "the window “Mail”"
    shown = reduce(State(), event).writing
    assert shown is not None
    assert view.writing_title(shown) == "writing · Formal · scripted · sees the window “Mail”"


def test_an_image_file_is_shown_by_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note, plan = tmp_path / "note.md", tmp_path / "plan.png"
    note.write_text("We go.\n")
    plan.write_bytes(vision.image(12, 10))
    writer = ScriptedWriter(["We are going."], sees=True)
    found: Callable[[Any], Writer] = lambda _: writer  # noqa: E731
    monkeypatch.setattr(opening.OwnWriter, "__call__", found)
    asked = ["rewrite", str(note), "--style", "formal", "--image", str(plan)]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert image_size(writer.requests[0].messages[-1].images[0]) == (12, 10)
    assert "scripted was shown plan.png." in done.output
    assert note.read_text() == "We are going.\n"
    writer.sees = False
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 6
    assert "scripted does not see, and was to be shown plan.png" in done.output
    assert note.read_text() == "We are going.\n"
