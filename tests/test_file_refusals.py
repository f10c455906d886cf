"""A file that cannot be edited safely is refused with a remedy, and is left as it was."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from file_edits import change, edit, leftovers

from voice_edit.errors import (
    DiskFull,
    TargetChanged,
    TargetError,
    TargetIsFolder,
    TargetMissing,
    TargetNotRegular,
    TargetNotText,
    TargetReadOnly,
    TargetTooLarge,
    TargetUnencodable,
    TargetUnreadable,
    TargetUnsafe,
)
from voice_edit.journal import durable
from voice_edit.targets.file import FileTarget

ROOT = Path(__file__).parent.parent
AS_ROOT = os.geteuid() == 0
NOBODY = 65534


@pytest.fixture
def note(tmp_path: Path) -> Path:
    path = tmp_path / "note.txt"
    path.write_bytes(b"The quick brown fox\njumps.\n")
    return path


# --- what is refused ----------------------------------------------------------------------------------------


def refusal(path: Path) -> TargetError:
    """The error of an edit of `path`, having checked that it is complete and left nothing behind."""
    before = path.read_bytes() if path.is_file() and os.access(path, os.R_OK) else None
    with pytest.raises(TargetError) as caught:
        FileTarget(path).apply(change(0, "", "x"), expected=FileTarget(path).snapshot().version)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.hint.endswith((".", "FILE", "new.txt"))
    assert caught.value.exit_code == 5
    if before is not None:
        assert path.read_bytes() == before
    if path.parent.is_dir():
        assert leftovers(path.parent) == []
    return caught.value


def test_a_changed_file_is_refused(note: Path) -> None:
    target = FileTarget(note)
    version = target.snapshot().version
    note.write_bytes(b"Something else.\n")
    with pytest.raises(TargetChanged, match=r"note\.txt was changed by another program"):
        target.apply(change(0, "", "x"), expected=version)
    assert note.read_bytes() == b"Something else.\n"


@pytest.mark.parametrize("step", ["target.create", "target.write", "target.metadata", "target.sync"])
def test_a_file_that_changes_while_we_write_is_refused(note: Path, step: str) -> None:
    def somebody(name: str) -> None:
        if name == step:
            note.write_bytes(b"Something else.\n")

    target = FileTarget(note)
    version = target.snapshot().version
    durable.set_fault_hook(somebody)
    try:
        with pytest.raises(TargetChanged):
            target.apply(change(0, "", "x"), expected=version)
    finally:
        durable.set_fault_hook(None)
    assert note.read_bytes() == b"Something else.\n"
    assert leftovers(note.parent) == []


def test_a_file_that_is_only_touched_is_not_refused(note: Path) -> None:
    target = FileTarget(note)
    version = target.snapshot().version
    os.utime(note)
    assert target.apply(change(0, "", "x"), expected=version).state == "verified"


def test_what_another_program_writes_right_after_us_is_not_called_verified(note: Path) -> None:
    def somebody(name: str) -> None:
        if name == "target.read_back":
            note.write_bytes(b"Something else.\n")

    target = FileTarget(note)
    version = target.snapshot().version
    durable.set_fault_hook(somebody)
    try:
        receipt = target.apply(change(0, "", "x"), expected=version)
    finally:
        durable.set_fault_hook(None)
    assert receipt.state == "unverified"
    assert receipt.after == target.snapshot().version


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert isinstance(refusal(tmp_path / "nothing.txt"), TargetMissing)


def test_a_file_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert isinstance(refusal(tmp_path / "nowhere" / "nothing.txt"), TargetMissing)


def test_a_file_that_goes_away_is_refused(note: Path) -> None:
    target = FileTarget(note)
    version = target.snapshot().version
    note.unlink()
    with pytest.raises(TargetMissing):
        target.apply(change(0, "", "x"), expected=version)


def test_a_link_to_nothing_names_where_it_leads(tmp_path: Path) -> None:
    link = tmp_path / "link.txt"
    link.symlink_to("gone.txt")
    assert "link to gone.txt" in str(refusal(link))


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    link = tmp_path / "link.txt"
    link.symlink_to("link.txt")
    assert isinstance(refusal(link), TargetMissing)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert isinstance(refusal(tmp_path), TargetIsFolder)


def test_a_pipe_is_refused_without_waiting_for_its_other_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert isinstance(refusal(tmp_path / "pipe"), TargetNotRegular)


def test_a_large_file_is_refused(note: Path) -> None:
    with pytest.raises(TargetTooLarge, match=r"the limit is 0\.0 MB"):
        FileTarget(note, max_bytes=10).snapshot()


def test_a_file_that_would_grow_too_large_is_refused(note: Path) -> None:
    target = FileTarget(note, max_bytes=30)
    with pytest.raises(TargetTooLarge, match="would grow"):
        target.apply(change(0, "", "x" * 10), expected=target.snapshot().version)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "PNG picture"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "PDF document"),
        (b"PK\x03\x04\x14\x00", "ZIP archive"),
        (b"GGUF\x03\x00\x00\x00", "language model"),
        (b"text\x00more", "zero bytes"),
        ("Grüße".encode("latin-1"), "byte 2 (line 1)"),
        (b"fine\n\xff\n", "byte 5 (line 2)"),
        ("hello, world".encode("utf-16-le"), "UTF-16 without a byte order mark"),
        ("hello".encode("utf-32"), "UTF-32"),
        (b"\xff\xfeh\x00e", "is not UTF-16"),
        (b"\xff\xfe\x00\xd8", "is not UTF-16"),
        (b"\xff\xfeh\x00\x00\x00", "zero bytes"),
    ],
)
def test_what_is_not_text_is_refused_and_the_supported_encodings_named(
    tmp_path: Path, data: bytes, says: str
) -> None:
    path = tmp_path / "note"
    path.write_bytes(data)
    error = refusal(path)
    assert isinstance(error, TargetNotText)
    assert says in str(error)
    assert "UTF-8 (with or without byte order mark) and UTF-16" in str(error)


@pytest.mark.parametrize("start", ["RIFF is a word", "GGUF\n", "PK"])
def test_a_text_may_begin_like_a_binary_file(tmp_path: Path, start: str) -> None:
    path = tmp_path / "note.txt"
    path.write_text(start)
    assert FileTarget(path).snapshot().text == start


@pytest.mark.parametrize("new", ["half \ud83d a smile", "zero \x00 byte"])
def test_a_new_text_that_cannot_be_written_is_refused(note: Path, new: str) -> None:
    with pytest.raises(TargetUnencodable):
        edit(note, "brown", new)
    assert note.read_bytes() == b"The quick brown fox\njumps.\n"


def test_a_carriage_return_is_not_slipped_into_a_file_with_other_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_bytes(b"one\r\ntwo\r\n")
    with pytest.raises(TargetUnencodable):
        edit(path, "one", "o\rne")


def test_a_file_marked_read_only_is_refused_even_for_root(note: Path) -> None:
    note.chmod(0o444)
    assert isinstance(refusal(note), TargetReadOnly)
    with pytest.raises(TargetReadOnly):
        FileTarget(note).ensure_writable()
    assert "write" not in FileTarget(note).snapshot().capabilities


# --- as a user without privileges ---------------------------------------------------------------------------


ATTEMPT = """
import os, sys
from pathlib import Path
from voice_edit.edits import Change, Document, Edit, Selection
from voice_edit.errors import VoiceEditError
from voice_edit.targets.file import FileTarget
caret = Selection(0, 0)
edits = [Edit(changes=(Change(0, "", {new!r}),), before=caret, after=caret)]
edits[0].apply_to(Document("", caret))  # everything is imported before the privileges to read it are gone
if os.geteuid() == 0:
    os.setgroups([]); os.setgid({nobody}); os.setuid({nobody})
target = FileTarget(Path(sys.argv[1]))
try:
    print(target.apply(edits, expected=target.snapshot().version).state)
except VoiceEditError as error:
    print(error.code)
"""


def attempt(path: Path, *, new: str = "x", before: str = "") -> str:
    """What becomes of an edit in a process without privileges: a receipt's state or an error's code."""
    script = before + ATTEMPT.format(nobody=NOBODY, new=new)
    done = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, cwd=ROOT, check=True, timeout=60
    )
    return done.stdout.strip()


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that a process without privileges can reach (pytest's own is private), with its own file."""
    with tempfile.TemporaryDirectory() as name:
        outer = Path(name)
        outer.chmod(0o755)
        folder = outer / "public"
        folder.mkdir()
        (folder / "note.txt").write_text("old\n")
        if AS_ROOT:
            for path in (folder, folder / "note.txt"):
                os.chown(path, NOBODY, NOBODY)
        yield folder


def test_a_user_can_edit_what_is_theirs(public: Path) -> None:
    assert attempt(public / "note.txt") == "verified"
    assert (public / "note.txt").read_text() == "xold\n"


def test_a_folder_that_must_not_be_written_is_refused(public: Path) -> None:
    public.chmod(0o555)
    assert attempt(public / "note.txt") == "target_read_only"
    public.chmod(0o755)
    assert (public / "note.txt").read_text() == "old\n"


def test_a_file_that_must_not_be_read_is_refused(public: Path) -> None:
    (public / "note.txt").chmod(0o200)
    assert attempt(public / "note.txt") == "target_unreadable"
    assert TargetUnreadable.exit_code == 5


def test_a_file_that_others_may_write_but_we_may_not_is_refused(public: Path) -> None:
    (public / "note.txt").chmod(0o466)
    assert attempt(public / "note.txt") == "target_read_only"


def test_a_file_that_would_change_hands_is_refused(note: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fstat", lambda fd, real=os.fstat: _of_somebody_else(real(fd)))
    monkeypatch.setattr(os, "fchown", refuse)
    with pytest.raises(TargetUnsafe, match="would change hands"):
        edit(note, "brown", "red")
    monkeypatch.undo()
    assert note.read_bytes() == b"The quick brown fox\njumps.\n"
    assert leftovers(note.parent) == []


def _of_somebody_else(status: os.stat_result) -> os.stat_result:
    fields = list(status)
    fields[stat.ST_UID] += 1
    return os.stat_result(fields, {"st_mtime_ns": status.st_mtime_ns})


def test_a_file_of_somebody_else_is_only_edited_by_root(public: Path) -> None:
    note = public / "note.txt"
    note.chmod(0o666)
    if AS_ROOT:
        os.chown(note, 0, 0)
    assert attempt(note) == ("target_unsafe" if AS_ROOT else "verified")
    assert note.stat().st_uid == os.getuid()
    assert note.read_text() == ("old\n" if AS_ROOT else "xold\n")


# --- full disks ---------------------------------------------------------------------------------------------


def test_a_file_size_limit_leaves_the_old_file(public: Path) -> None:
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, {resource.RLIM_INFINITY}))\n"
    assert attempt(public / "note.txt", new="x" * 10_000, before=limit) == "disk_full"
    assert (public / "note.txt").read_text() == "old\n"
    assert leftovers(public) == []


def test_a_full_disk_leaves_the_old_file(note: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """/dev/full is how Linux says "no space left" to whoever writes to it."""
    written: list[int] = []
    real = os.write

    def full(fd: int, data: bytes | memoryview) -> int:
        if written:
            with Path("/dev/full").open("wb", buffering=0) as device:
                return device.write(data)
        written.append(real(fd, bytes(data[:3])))
        return 3

    monkeypatch.setattr("voice_edit.targets._atomic.os.write", full)
    with pytest.raises(DiskFull, match="No space left"):
        edit(note, "brown", "red")
    monkeypatch.undo()
    assert written == [3]
    assert note.read_bytes() == b"The quick brown fox\njumps.\n"
    assert leftovers(note.parent) == []


def test_every_failure_of_the_system_while_writing_leaves_the_old_file(note: Path) -> None:
    for step in [name for name in durable.STEPS if name.startswith("target.")][:5]:

        def fail(name: str, wanted: str = step) -> None:
            if name == wanted:
                raise OSError(5, "Input/output error")

        durable.set_fault_hook(fail)
        try:
            with pytest.raises(TargetError, match="Input/output error"):
                edit(note, "brown", "red")
        finally:
            durable.set_fault_hook(None)
        assert note.read_bytes() == b"The quick brown fox\njumps.\n", step
        assert leftovers(note.parent) == [], step
