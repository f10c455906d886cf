"""Files are replaced in one step and keep everything about them but the text."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from file_edits import change, edit, leftovers
from hypothesis import given, settings
from hypothesis import strategies as st

from voice_edit.edits import Edit, Selection
from voice_edit.errors import (
    TargetNotText,
)
from voice_edit.targets import text_format
from voice_edit.targets.file import FileTarget, name_of, path_of
from voice_edit.targets.text_format import TextFormat

ROOT = Path(__file__).parent.parent
AS_ROOT = os.geteuid() == 0
NOBODY = 65534


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_bytes(b"The quick brown fox\njumps.\n")
    return path


# --- what is kept -------------------------------------------------------------------------------------------


def test_an_edit_is_applied_and_read_back(note: Path) -> None:
    target = FileTarget(note)
    before = target.snapshot()
    receipt = target.apply(change(10, "brown", "red"), expected=before.version)
    assert note.read_bytes() == b"The quick red fox\njumps.\n"
    assert receipt.state == "verified"
    assert receipt.after is not None
    assert receipt.after == target.snapshot().version
    assert leftovers(note.parent) == []


def test_several_edits_are_made_one_after_the_other(note: Path) -> None:
    target = FileTarget(note)
    edits = [*change(10, "brown", "red"), *change(10, "red", "dark red")]
    target.apply(edits, expected=target.snapshot().version)
    assert note.read_bytes() == b"The quick dark red fox\njumps.\n"


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664, 0o755, 0o4755])
def test_the_mode_is_kept(note: Path, mode: int) -> None:
    note.chmod(mode)
    edit(note, "brown", "red")
    assert stat.S_IMODE(note.stat().st_mode) == mode


@pytest.fixture
def labelled(tmp_path: Path) -> Iterator[Path]:
    """A note with an extended attribute, on a file system that has them: pytest's own, else the usual one."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as other:
        for folder in (tmp_path, Path(other)):
            path = folder / "note.txt"
            path.write_bytes(b"The quick brown fox\njumps.\n")
            try:
                os.setxattr(path, "user.language", b"en")
            except OSError:
                continue
            yield path
            return
        pytest.fail("neither pytest's folder nor /var/tmp keeps extended attributes")


def test_extended_attributes_are_kept(labelled: Path) -> None:
    edit(labelled, "brown", "red")
    assert os.getxattr(labelled, "user.language") == b"en"


# Access for user 1234 on top of the mode bits, as the kernel stores it (linux/posix_acl_xattr.h): version 2,
# then tag, permissions, id for: owner rw-, user 1234 rw-, group r--, mask rw-, others r--.
ACL = bytes.fromhex(
    "0200000001000600ffffffff02000600d204000004000400ffffffff10000600ffffffff20000400ffffffff"
)


def test_access_control_lists_are_kept(labelled: Path) -> None:
    note = labelled
    os.setxattr(note, "system.posix_acl_access", ACL)
    mode = note.stat().st_mode
    edit(note, "brown", "red")
    assert os.getxattr(note, "system.posix_acl_access") == ACL
    assert note.stat().st_mode == mode


def test_an_access_control_list_of_the_folder_is_not_taken_over(labelled: Path) -> None:
    note = labelled
    os.setxattr(note.parent, "system.posix_acl_default", ACL)
    edit(note, "brown", "red")
    assert os.listxattr(note) == ["user.language"]


def test_a_link_stays_a_link_and_its_file_is_edited(note: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = elsewhere / "link.txt"
    link.symlink_to(Path("..") / "note.txt")
    assert FileTarget(link).snapshot().name == str(note)
    edit(link, "brown", "red")
    assert link.is_symlink()
    assert note.read_bytes() == b"The quick red fox\njumps.\n"
    assert leftovers(elsewhere) == []


def test_hard_links_are_mentioned(note: Path) -> None:
    os.link(note, note.with_name("other.txt"))
    target = FileTarget(note)
    receipt = target.apply(change(0, "", "x"), expected=target.snapshot().version)
    assert any("hard links" in sentence for sentence in receipt.notes)
    assert note.with_name("other.txt").read_bytes() == b"The quick brown fox\njumps.\n"


def test_the_owner_is_kept(note: Path) -> None:
    owner = (NOBODY, NOBODY) if AS_ROOT else (os.getuid(), os.getgid())
    os.chown(note, *owner)
    edit(note, "brown", "red")
    assert (note.stat().st_uid, note.stat().st_gid) == owner


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("final", ["", "{}"])
@pytest.mark.parametrize(
    ("encoding", "bom"),
    [("utf-8", b""), ("utf-8", b"\xef\xbb\xbf"), ("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")],
)
def test_encoding_byte_order_mark_and_line_ends_are_kept(
    tmp_path: Path, newline: str, final: str, encoding: str, bom: bytes
) -> None:
    path = tmp_path / "note.txt"
    lines = newline.join(["Grüße, 世界 👩‍👩‍👧", "brown", "end" + final.format(newline)])
    path.write_bytes(bom + lines.encode(encoding))
    snapshot = FileTarget(path).snapshot()
    assert snapshot.text.startswith("Grüße")
    assert "\r" not in snapshot.text
    edit(path, "brown", "one\ntwo")
    assert path.read_bytes() == bom + lines.replace("brown", f"one{newline}two").encode(encoding)


def test_mixed_line_ends_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_bytes(b"one\r\ntwo\nthree\r\n")
    edit(path, "two", "2")
    assert path.read_bytes() == b"one\r\n2\nthree\r\n"


def test_an_empty_file_can_be_dictated_into(tmp_path: Path) -> None:
    path = tmp_path / "empty.txt"
    path.touch()
    target = FileTarget(path)
    assert target.apply(change(0, "", "Hello.\n"), expected=target.snapshot().version).state == "verified"
    assert path.read_bytes() == b"Hello.\n"


def test_an_edit_without_changes_does_not_touch_the_file(note: Path) -> None:
    before = note.stat()
    target = FileTarget(note)
    here = Selection(0, 3)
    receipt = target.apply([Edit(changes=(), before=here, after=here)], expected=target.snapshot().version)
    assert receipt.state == "verified"
    assert (note.stat().st_ino, note.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])), st.booleans())
def test_what_decodes_is_written_back_byte_for_byte(text: str, bom: bool) -> None:
    for encoding, mark in text_format._BOMS.items():
        data = (mark if bom or encoding != "utf-8" else b"") + text.encode(encoding)
        try:
            decoded, form = text_format.decode(data, "note")
        except TargetNotText:
            assert text.startswith(("\x00", "\ufeff")) or not bom  # a BOM in the text is another encoding's
            continue
        assert text_format.encode(decoded, form, "note") == data


@settings(deadline=None)
@given(st.text(st.sampled_from("ab\r\n")), st.sampled_from(["\n", "\r\n", "\r", "mixed"]))
def test_asking_for_an_earlier_line_end_loses_nothing(text: str, newline: text_format.Newline) -> None:
    decoded, form = text_format.decode(text.encode(), "note", newline=newline)
    assert text_format.encode(decoded, form, "note") == text.encode()


@pytest.mark.parametrize(
    "raw", [b"/tmp/note.txt", b"/tmp/bytes\xff.txt", "/tmp/Grüße".encode(), b"/tmp/a\nb", b"bytes:00"]
)
def test_every_path_has_a_name_that_leads_back_to_it(raw: bytes) -> None:
    name = name_of(Path(os.fsdecode(raw)))
    assert name.encode("utf-8")
    assert os.fsencode(path_of(name)) == raw


def test_text_formats_survive_json() -> None:
    form = TextFormat("utf-16-be", True, "\r\n")
    assert TextFormat.from_json(form.to_json()) == form
