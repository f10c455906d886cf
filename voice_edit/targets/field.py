"""The focused text field of another program, where its text can be read: every command, proved by reading.

A field is pinned when somebody begins to talk: this element, this caret, this text around it. When the words
are there it is looked at again. What was changed meanwhile moves the place where the words go; text that was
typed meanwhile is never replaced. Only a window of the text is read, however long the document is, so all
offsets of snapshots and edits count from where that window begins.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voice_edit.desktop.errors import FieldRefused, FieldUnsupported, PasteUnclaimed
from voice_edit.errors import TargetChanged, TargetError, TargetUncertain, TargetUnencodable
from voice_edit.targets.base import PreparedWrite, Receipt, Snapshot, Version
from voice_edit.targets.field_hands import FieldHands

if TYPE_CHECKING:
    from voice_edit.apps.profiles import Mechanism
    from voice_edit.config import FieldSettings
    from voice_edit.desktop.base import Desktop, Field, TextWindow
    from voice_edit.edits import Change, Edit, Selection
    from voice_edit.targets.field_choice import Focus
    from voice_edit.targets.text_format import Newline

MOST_WHOLE = 1_000_000
"""Code points that are read when all of the text is asked for, to find an old edit again."""
SETTLE_S = 1.0
"""How long a program may take to show what was pasted into it."""
LOOK_AGAIN_S = 0.004
_CHANGED = "{title} was changed after it was read."


@dataclass(frozen=True, slots=True)
class Seen:
    """A stretch of the field's text, and where caret or selection were in it."""

    start: int
    """Offset in the field."""
    text: str
    count: int
    """Length of the field's whole text."""
    selection: Selection
    """Offsets in `text`."""

    @property
    def end(self) -> int:
        """Offset in the field of one past the last code point."""
        return self.start + len(self.text)

    @property
    def reaches_end(self) -> bool:
        """Whether nothing of the field's text comes behind it."""
        return self.end >= self.count


class FieldTarget:
    """One field, for one take. Not for several threads at once, except for `ours`."""

    def __init__(
        self,
        name: str,
        desktop: Desktop,
        focus: Focus,
        settings: FieldSettings,
        *,
        follows_caret: bool = False,
        on_written: Callable[[FieldTarget, Seen, Seen, Sequence[Edit]], object] | None = None,
    ) -> None:
        """`follows_caret`: words go to where the caret is when they are known, not where it was when talking
        began (listening without a key). `on_written(self, before, after, edits)` is told of each write.
        """
        assert focus.element is not None
        assert desktop.accessibility is not None
        self._name = name
        self.focus = focus
        self._settings = settings
        self._field: Field = desktop.accessibility.field(focus.element)
        self._hands = FieldHands(desktop, focus, settings)
        self._follows_caret = follows_caret
        self._on_written = on_written
        self._pinned: Seen | None = None
        """What the speaker saw when beginning to talk, brought up to date with what we wrote since."""
        self._now: Seen | None = None
        """What the last snapshot showed."""
        self._whole = False
        """Whether that was all of the text, to take back an edit wherever it stands."""
        self.times: dict[str, float] = {}
        """Milliseconds that the parts of the last write took: "check", "write", "read_back"."""

    @property
    def name(self) -> str:
        """What the journal calls it."""
        return self._name

    @property
    def title(self) -> str:
        """What people call it."""
        return self.focus.title

    def pin(self) -> None:
        """Look at it now: this is what the speaker talks about. What goes wrong comes up when it is used."""
        with suppress(TargetError):
            self._hands.prepare()
            self._pinned = _seen(self._field.look(self._settings.window_chars))

    def ours(self, before: Seen, after: Seen, edits: Sequence[Edit]) -> None:
        """Another take wrote `edits` into this field: to this speaker that is no foreign change."""
        from voice_edit.edits import apply_changes, moved_selection
        from voice_edit.rebase import rebase

        pinned = self._pinned
        moved = None if pinned is None else rebase(edits, before.text, pinned.text)
        if pinned is None or moved is None:
            return
        text, selection = pinned.text, pinned.selection
        for edit in moved:
            selection = moved_selection(text, selection, edit.changes)
            text = apply_changes(text, edit.changes)
        self._pinned = Seen(pinned.start, text, pinned.count + len(text) - len(pinned.text), selection)

    def snapshot(self, *, newline: Newline | None = None, whole: bool = False) -> Snapshot:
        """The text now, and the place that the speaker meant. Raises TargetGone, TargetTimeout."""
        if whole:
            seen = _seen(self._field.look_at(0, MOST_WHOLE))
        elif self._pinned is None or self._follows_caret:
            seen = self._pinned = _seen(self._field.look(self._settings.window_chars))
        else:
            seen = self._seen_again(self._pinned)
        self._now, self._whole = seen, whole
        return self._snapshot(seen)

    def _widened(self) -> Snapshot:
        """All of the text, for a command that is about more than the window; the place that the speaker
        meant stays the same. Raises FieldUnsupported for a text of more than `MOST_WHOLE` code points.
        """
        from voice_edit.edits import Selection

        pinned = self._pinned
        assert pinned is not None
        seen = self._seen_again(pinned)
        there = self._field.look_at(0, MOST_WHOLE)
        if there.count > MOST_WHOLE:
            raise FieldUnsupported(
                f"The text of {self.title} is too long to be read as a whole.",
                hint="Nothing was written. Name a place near the caret by its words.",
            )
        if there.count != seen.count or there.text[seen.start : seen.end] != seen.text:
            raise TargetChanged(_CHANGED.format(title=self.title))

        def shifted(window: Seen, start: int) -> Selection:
            return Selection(window.selection.anchor + start, window.selection.head + start)

        # What was changed out of sight while somebody spoke, nobody can tell.
        text = there.text[: seen.start] + pinned.text + there.text[seen.end :]
        self._pinned = Seen(0, text, len(text), shifted(pinned, seen.start))
        self._now = Seen(0, there.text, there.count, shifted(seen, seen.start))
        return self._snapshot(self._now)

    def _snapshot(self, seen: Seen) -> Snapshot:
        capabilities = {"write", "read_back", "selection", "edit"}
        if self._takes_lines:
            capabilities.add("lines")
        elif self.focus.profile.newlines == "space":
            capabilities.add("joined")
        version = Version.of(seen.text)
        outside = (seen.start, seen.count - seen.end)
        return Snapshot(
            self._name,
            seen.text,
            seen.selection,
            version,
            frozenset(capabilities),
            self.focus.app,
            outside=outside,
            whole=self._widened if any(outside) and not self._whole else None,
        )

    def prepare(
        self, edits: Sequence[Edit], *, expected: Version, newline: Newline | None = None
    ) -> PreparedWrite:
        """Decide what the field will hold after `edits`.

        Raises TargetChanged when its text is no longer of version `expected`, or when the edits would take
        away what was typed since talking began; FieldRefused for lines into a single line.
        """
        from voice_edit.edits import Document

        now = self._now
        if now is None or not Version.of(now.text).same_content(expected):
            raise TargetChanged(_CHANGED.format(title=self.title))
        now = self._now = self._still(now)
        document = Document(now.text, now.selection)
        for edit in edits:
            document = edit.apply_to(document)
        pinned = None if self._whole else self._pinned
        if pinned is not None and _takes_away(edits, now.text, pinned.text):
            self._pinned = now  # from now on the speaker is taken to know
            raise TargetChanged(
                f"{self.title}: that very place was changed while you were speaking.",
                hint="Nothing was written. Look at it, then `voice-edit retry N`: the words are kept.",
            )
        if not self._takes_lines and any("\n" in c.new for edit in edits for c in edit.changes):
            raise FieldRefused(f"{self.title} takes a single line, and this has several.")
        try:
            data = document.text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise TargetUnencodable(f"The new text of {self.title} holds half a character.") from error
        return PreparedWrite(
            name=self._name,
            before=expected,
            after=Version.of(document.text),
            text_before=now.text,
            text_after=document.text,
            edits=tuple(edits),
            newline="\n",
            data=data,
            token=secrets.token_hex(8),
            selection_after=document.selection,
        )

    def commit(self, write: PreparedWrite) -> Receipt:
        """Write it by the first mechanism that works, and read it back.

        Raises TargetChanged, FieldMoved, KeysHeld, PasteUnclaimed: nothing was written. Raises
        TargetUncertain when nobody can tell.
        """
        assert self._now is not None
        began = time.perf_counter()
        now = self._now = self._still(self._now)
        self.times = {"check": _ms(began)}
        if write.text_before == write.text_after:
            return self._only_select(now, write)
        reason: TargetError | None = None
        for mechanism in self.focus.mechanisms:
            began = time.perf_counter()
            try:
                self._write(mechanism, now, write)
            except FieldUnsupported as error:
                reason = reason or error
                if self._stands(now.text, now, len(now.text), wait_s=0.0):
                    continue
                raise TargetUncertain(f"{error} {self.title} holds something else now.") from error
            except PasteUnclaimed as error:
                reason = reason or error
                if not self._stands(write.text_after, now, len(write.text_after), wait_s=0.0):
                    if self._stands(now.text, now, len(now.text), wait_s=0.0):
                        raise
                    raise TargetUncertain(f"{error} {self.title} holds something else now.") from error
            except TargetError as error:
                self._after_failure(error, now, write)
            self.times["write"] = _ms(began)
            try:
                receipt = self._read_back(now, write)
            except TargetError as error:
                message = f"{error} Nobody knows whether {self.title} holds the edit."
                raise TargetUncertain(message) from error
            if receipt is not None:
                return receipt
            if mechanism != "accessibility":  # keys and fetched text may still arrive, or went elsewhere
                raise TargetUncertain(f"{self.title} was given the words and shows nothing of them.")
            reason = reason or FieldUnsupported(f"{self.title} took the edit and shows nothing of it.")
        raise reason or FieldUnsupported(f"There is no way here to write into {self.title}.")

    # --- inside -----------------------------------------------------------------------------------------

    @property
    def _takes_lines(self) -> bool:
        assert self.focus.element is not None
        return self.focus.element.multi_line and self.focus.profile.newlines == "keep"

    def _seen_again(self, pinned: Seen) -> Seen:
        """The stretch that was pinned, as it is now, with the pinned selection where its text is now."""
        from voice_edit.edits import Selection
        from voice_edit.rebase import moved_through

        now = self._found(pinned)
        if now is None:
            count = self._field.look_at(pinned.start, pinned.start).count
            end = count if pinned.reaches_end else max(pinned.start, pinned.end + count - pinned.count)
            now = self._field.look_at(pinned.start, end)
        selection = moved_through(pinned.selection, pinned.text, now.text)
        if selection is None:  # the place is gone: what remains is where the caret is
            head = _seen(now).selection.head
            selection = Selection(head, head)
        return Seen(now.start, now.text, now.count, selection)

    def _still(self, seen: Seen) -> Seen:
        """Where the same text stands now. Raises TargetChanged if it is not the same."""
        now = self._found(seen)
        if now is None:
            raise TargetChanged(_CHANGED.format(title=self.title))
        return Seen(now.start, now.text, now.count, seen.selection)

    def _found(self, seen: Seen) -> TextWindow | None:
        """Where the very same stretch stands now, if only the text before or behind it was changed."""
        now = self._field.look_at(seen.start, seen.end)
        shift = now.count - seen.count
        if now.text == seen.text and (shift == 0 or not seen.reaches_end):
            return now
        if shift and seen.start > 0 and seen.start + shift >= 0:
            now = self._field.look_at(seen.start + shift, seen.end + shift)
            return now if now.text == seen.text else None
        return None

    def _write(self, mechanism: Mechanism, now: Seen, write: PreparedWrite) -> None:
        from voice_edit.edits import Selection

        if mechanism == "accessibility":
            for change in _in_order(write.edits):
                self._field.replace(now.start + change.start, now.start + change.end, change.new)
        elif (hull := _hull(now.text, write.text_after)) is not None:
            start, end, new = hull
            put = self._hands.paste if mechanism == "paste" else self._hands.type
            self._field.select(Selection(now.start + start, now.start + end))
            if new:
                put(new, self._field)
            else:
                self._hands.delete(self._field)

    def _read_back(self, now: Seen, write: PreparedWrite) -> Receipt | None:
        """Look until the field shows what it should. None: it shows what it did before, nothing was done."""
        from voice_edit.edits import Selection

        began = time.perf_counter()
        notes: tuple[str, ...] = ()
        found = self._stands(write.text_after, now, len(write.text_after), wait_s=SETTLE_S)
        if not found:
            there = self._field.look_at(now.start, now.start + len(write.text_after))
            if there.count == now.count and self._stands(now.text, now, len(now.text), wait_s=0.0):
                return None
            note = f"{self.title} holds another text than it was asked to: look at it."
            return Receipt("unverified", write.before, Version.of(there.text), (note,))
        caret = write.selection_after
        if caret is not None:
            try:
                self._field.select(Selection(now.start + caret.anchor, now.start + caret.head))
            except TargetError:
                notes = (f"The caret of {self.title} could not be moved.",)
        self.times["read_back"] = _ms(began)
        grown = len(write.text_after) - len(now.text)
        after = Seen(now.start, write.text_after, now.count + grown, caret or now.selection)
        self._pinned, self._now = None if self._whole else after, after
        if self._on_written is not None:
            self._on_written(self, now, after, write.edits)
        return Receipt("verified", write.before, write.after, notes)

    def _only_select(self, now: Seen, write: PreparedWrite) -> Receipt:
        from voice_edit.edits import Selection

        caret = write.selection_after
        if caret is not None:
            self._field.select(Selection(now.start + caret.anchor, now.start + caret.head))
            self._pinned = None
        return Receipt("verified", write.before, write.after)

    def _stands(self, text: str, now: Seen, length: int, *, wait_s: float) -> bool:
        """Whether `text` stands where the window begins, and nothing else was added or taken away."""
        deadline = time.monotonic() + wait_s
        count = now.count + length - len(now.text)
        while True:
            with suppress(TargetChanged):  # keys that were pressed are still arriving
                there = self._field.look_at(now.start, now.start + length)
                if there.text == text and there.count == count:
                    return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(LOOK_AGAIN_S)

    def _after_failure(self, error: TargetError, now: Seen, write: PreparedWrite) -> None:
        """A write broke off: raise what is true of the text now; return if it was made after all."""
        try:
            if self._stands(write.text_after, now, len(write.text_after), wait_s=0.0):
                return
            untouched = self._stands(now.text, now, len(now.text), wait_s=0.0)
        except TargetError:
            message = f"{error} Nobody knows whether {self.title} holds the edit."
            raise TargetUncertain(message) from error
        if untouched:
            raise error
        raise TargetUncertain(f"{error} {self.title} holds a part of the edit.") from error


def _seen(window: TextWindow) -> Seen:
    from voice_edit.edits import Selection

    length = len(window.text)
    if window.selection is None:
        selection = Selection(length, length)
    else:
        anchor, head = (
            min(max(0, at - window.start), length) for at in (window.selection.anchor, window.selection.head)
        )
        selection = Selection(anchor, head)
    return Seen(window.start, window.text, window.count, selection)


def _in_order(edits: Sequence[Edit]) -> list[Change]:
    """The changes of all edits, each for the text that the one before left: an edit from its end on."""
    return [change for edit in edits for change in reversed(edit.changes)]


def _takes_away(edits: Sequence[Edit], now: str, pinned: str) -> bool:
    """Whether the edits, made for `now`, remove or replace text that was not there when talking began."""
    from voice_edit.edits import moved
    from voice_edit.rebase import differences

    if now == pinned or not any(change.old for edit in edits for change in edit.changes):
        return False
    foreign = [(theirs.start, theirs.end) for theirs in differences(now, pinned) if theirs.old]
    for edit in edits:
        for change in edit.changes:
            if change.old and any(change.start < end and start < change.end for start, end in foreign):
                return True
        foreign = [
            (moved(start, edit.changes), moved(end, edit.changes, behind=False)) for start, end in foreign
        ]
    return False


def _hull(before: str, after: str) -> tuple[int, int, str] | None:
    """The one replacement that leads from `before` to `after`: start, end, new text; None if they are equal.

    Never inside a grapheme cluster: a program would select more than it was asked to.
    """
    from voice_edit.graphemes import snap_left, snap_right

    if before == after:
        return None
    shorter = min(len(before), len(after))
    left = next((i for i in range(shorter) if before[i] != after[i]), shorter)
    left = min(snap_left(before, left), snap_left(after, left))
    rest = shorter - left
    right = next((i for i in range(rest) if before[-1 - i] != after[-1 - i]), rest)
    while True:
        kept = len(before) - snap_right(before, len(before) - right)
        kept = len(after) - snap_right(after, len(after) - kept)
        if kept == right:
            return left, len(before) - right, after[left : len(after) - right]
        right = kept


def _ms(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 2)
