"""Rewrites a passage: asks whoever writes, looks at the answer, asks the speaker where there is doubt.

    TextWanted ─► pieces ─► request ─► Writer ─► cleaned ─► guards ─► (speaker) ─► the command with its text

Nothing here touches a target. What was written is handed to `keep` before anything can be said against it, so
that it is in the journal whatever happens then.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from voice_edit.commands import Rewrite
from voice_edit.errors import Interrupted, NeedsWriter, NoMatch, NotConfirmed
from voice_edit.pipeline import failures_named
from voice_edit.questions import MUCH
from voice_edit.rewriting import guards, passages, requests, styles
from voice_edit.rewriting.cleaning import cleaned
from voice_edit.rewriting.errors import RewriteRefused
from voice_edit.rewriting.placing import put
from voice_edit.screen.errors import WriterBlind
from voice_edit.screen.views import NoViews
from voice_edit.selectors import Exact

if TYPE_CHECKING:
    from engine.events import Written
    from engine.writer import Writer, WriteRequest
    from voice_edit.config import RewriteSettings
    from voice_edit.pipeline import Understood
    from voice_edit.questions import Asker
    from voice_edit.rewriting.errors import TextWanted
    from voice_edit.rewriting.guards import Finding
    from voice_edit.rewriting.passages import Piece
    from voice_edit.rewriting.styles import Style
    from voice_edit.screen.views import View, Views
    from voice_edit.targets.base import Snapshot

PIECE_CHARS = 1500
"""A longer passage is rewritten paragraph by paragraph where its style allows it."""
LEARNT_PIECE_CHARS = 400
"""The same for a model that has learnt its styles from short texts."""
LEAST_PIECE_CHARS = 100
"""Pieces are not made smaller than this for a model that has no room for larger ones."""
EDGE_CHARS = 64
"""A passage that comes so near to the edge of a window may go on behind it."""

DOUBT = "Is this the passage as you want it? The model was asked to rewrite it, but {doubt}."
LOOK = "The passage was rewritten. Take it so?"


@dataclass(frozen=True, slots=True)
class Writing:
    """How far a rewrite is."""

    text: str
    """The passage as far as it is written."""
    old: str
    """What it will stand in place of."""
    start: int
    """First code point of the passage in the text."""
    style: str
    """The style's name; empty where none was named."""
    by: str
    """The model that writes."""
    is_over: bool = False
    """Nothing more comes: it was written, or given up."""
    saw: str = ""
    """What the model is shown besides text."""


@dataclass(slots=True)
class _Now:
    """What is being done, for whoever gives it up from another thread."""

    writer: Writer | None = None
    is_cancelled: bool = False
    view: View | None = None
    """What the model is shown with this text."""


Tell: TypeAlias = Callable[[Writing], object]


class Rewriter:
    """Fills in what rewrites ask for. One text at a time; `cancel` may be called from any thread."""

    def __init__(
        self,
        writer: Callable[[], Writer | None],
        settings: Callable[[], RewriteSettings],
        *,
        tone: str = "",
        tell: Tell | None = None,
        views: Views | None = None,
    ) -> None:
        """`writer` is asked when something is to be written: None is nobody. `tone`: what kind of text it is,
        from the program's profile. `tell` is told what is there as it appears, in the thread that calls.
        `views`: what a model that sees is shown besides; None is nothing.
        """
        self._writer = writer
        self._settings = settings
        self._tone = tone
        self._tell = tell or (lambda _: None)
        self._views: Views = views or NoViews()
        self._now = _Now()

    def telling(self, tell: Tell) -> Rewriter:
        """The same that tells somebody else what appears."""
        other = copy.copy(self)
        other._tell = tell
        return other

    def showing(self, views: Views) -> Rewriter:
        """The same that shows the model something else."""
        other = copy.copy(self)
        other._views = views
        return other

    def with_tone(self, tone: str) -> Rewriter:
        """The same for another program; `cancel` of either gives up what the other one writes."""
        other = copy.copy(self)
        other._tone = tone
        return other

    def expect(self, text: str, caret: int) -> None:
        """A rewrite of something near the caret may be asked for: get ready. Returns at once; what goes wrong
        will be told when there is something to write.
        """
        writer = self._writer() if self._settings().ahead else None
        if writer is None or writer.styles is not None:
            return
        window = requests.window_around(text, caret, caret, self._settings().context_chars, caret)
        if self._views.wanted():  # an image comes before the text: only the rules are known
            window = ""
        with failures_named():
            writer.expect(requests.ahead(window, self._tone))

    def cancel(self) -> None:
        """Give up what is being written. From any thread, at any time."""
        self._now.is_cancelled = True
        if (writer := self._now.writer) is not None:
            writer.cancel()

    def fill(
        self,
        understood: Understood,
        wanted: TextWanted,
        snapshot: Snapshot,
        *,
        ask: Asker | None = None,
        confirm_chars: int = 0,
        keep: Callable[[Understood], object] = lambda _: None,
    ) -> Understood:
        """What was asked for with the text that was written for it.

        `confirm_chars`: longer passages are shown first where somebody can be asked; 0: none is. Raises
        NeedsWriter where nobody can write it, WriterBlind, ScreenUnseen, RewriteRefused, NotConfirmed,
        ModelFailed, Interrupted; NoMatch for a passage that goes on outside of the window `snapshot`.
        """
        command = understood.commands[wanted.command]
        assert isinstance(command, Rewrite), "only rewrites ask for text"
        start, end = wanted.span
        _within(snapshot, start, end, len(wanted.document.text))
        writer, wish = self._who_and_what(command)
        old = wanted.document.text[start:end]
        if not old.strip():
            raise NoMatch("there is no text there that could be rewritten")
        self._now.is_cancelled = False
        saw = self._look(writer)
        try:
            new, doubts = self._write(writer, old, wish, wanted)
        finally:
            self._now.view = None
        done = command.model_copy(update={"text": new, "of": old, "by": writer.name, "saw": saw or None})
        commands = list(understood.commands)
        commands[wanted.command] = done
        filled = replace(understood, commands=tuple(commands))
        keep(filled)
        if doubts and doubts[0].is_grave:
            raise RewriteRefused(f"What {writer.name} wrote is not taken: {doubts[0].message}.")
        if new != old:
            self._show_first(done, doubts, wanted, ask, confirm_chars)
        return filled

    # --- inside -----------------------------------------------------------------------------------------

    def _who_and_what(self, command: Rewrite) -> tuple[Writer, requests.Wish]:
        style = styles.named(command.style)
        if style is None:
            known = ", ".join(style.name for style in styles.styles())
            raise NeedsWriter(f"There is no style '{command.style}'.", hint=f"The styles are: {known}.")
        writer = self._writer()
        if writer is None:
            raise NeedsWriter("This asks for new text, and the model in use only hears.")
        learnt = writer.styles
        if learnt is not None and (style.name not in learnt or command.language is not None):
            raise NeedsWriter(
                f"{writer.name} can rewrite text as {_listed(learnt)}, and in no other way.",
                hint="Nothing was changed. Use a larger model for other wishes, see `voice-edit model list`.",
            )
        return writer, requests.Wish(style, command.instruction, command.language, self._tone)

    def _look(self, writer: Writer) -> str:
        """Have what the model is to be shown ready; what that is. Raises WriterBlind, ScreenUnseen."""
        if not (wanted := self._views.wanted()):
            return ""
        if not writer.sees:
            raise WriterBlind(f"{writer.name} does not see, and was to be shown {wanted}.")
        self._now.view = self._views.take()
        return self._now.view.of

    def _write(
        self, writer: Writer, old: str, wish: requests.Wish, wanted: TextWanted
    ) -> tuple[str, tuple[Finding, ...]]:
        """The new passage, and what speaks against it."""
        text, caret = wanted.document.text, wanted.document.selection.head
        window = requests.window_around(text, *wanted.span, self._settings().context_chars, caret)
        newline = wanted.document.newline
        passage, window = (_with_newline(part, "\n") for part in (old, window))
        saw = "" if self._now.view is None else self._now.view.of
        writing = Writing("", old, wanted.span[0], wish.style.name, writer.name, saw=saw)
        if saw:  # who watches is told before anything is done with it
            self._tell(writing)
        most = PIECE_CHARS if writer.styles is None else LEARNT_PIECE_CHARS
        self._tell(writing)  # a long prompt is read for seconds before the first word
        try:
            while True:
                pieces = _pieces(passage, wish.style, most, prose_only=writer.styles is not None)
                try:
                    new, found = self._write_pieces(writer, pieces, wish, window, writing)
                    break
                except _NoRoomError as error:
                    if not window and (most // 2 < LEAST_PIECE_CHARS or not wish.style.pieces):
                        with failures_named():
                            raise error.why from None
                    if window:  # it helps, and is the first that can go
                        window = ""
                    else:
                        most //= 2
        finally:
            self._tell(replace(writing, is_over=True))
        new = _on_lines_of_its_own(new, passage, wanted) if wish.style.is_list else new
        return _with_newline(new, newline), found

    def _write_pieces(
        self, writer: Writer, pieces: Sequence[Piece], wish: requests.Wish, window: str, writing: Writing
    ) -> tuple[str, tuple[Finding, ...]]:
        answers: list[str] = []
        found: list[Finding] = []
        asked = [piece for piece in pieces if piece.is_asked]
        for piece in asked:

            def show(so_far: str) -> None:
                rest = [*answers, so_far, *[""] * (len(asked) - len(answers) - 1)]
                self._tell(replace(writing, text=passages.together(pieces, rest).rstrip()))

            written = self._ask(writer, piece.text, wish, window, show)
            asked_for = "" if wish.style.name else wish.instruction
            answer = piece.fitted(cleaned(written.text, piece.text, asked=asked_for))
            found += guards.findings(
                answer, piece.text, wish.style, stop=written.stop, language=wish.language
            )
            if writer.styles is not None:
                sure, tokens = written.confidence, len(written.tokens)
                found += guards.of_a_small_model(
                    answer, piece.text, wish.style, confidence=sure, tokens=tokens
                )
            answers.append(answer)
        found.sort(key=lambda finding: not finding.is_grave)
        return passages.together(pieces, answers), tuple(found)

    def _ask(
        self, writer: Writer, passage: str, wish: requests.Wish, window: str, show: Callable[[str], None]
    ) -> Written:
        from engine.errors import ContextFull

        so_far: list[str] = []

        def on_piece(piece: str) -> None:
            so_far.append(piece)
            if self._now.is_cancelled:
                writer.cancel()  # it was not writing yet when it was given up
            show("".join(so_far))

        images = () if self._now.view is None else (self._now.view.image,)
        request = requests.request(passage, wish, window=window, images=images)
        self._now.writer = writer
        try:
            if self._now.is_cancelled:
                raise Interrupted("Cancelled.")
            with failures_named():
                try:
                    written = self._write_once(writer, request, on_piece, so_far)
                except ContextFull as error:
                    raise _NoRoomError(error) from error
            if self._now.is_cancelled:
                raise Interrupted("Cancelled.")
            return written
        finally:
            self._now.writer = None

    def _write_once(
        self, writer: Writer, request: WriteRequest, on_piece: Callable[[str], None], so_far: list[str]
    ) -> Written:
        """The text, begun again where the engine was lost: it may be ended at any time, as when memory runs
        short.
        """
        from engine.errors import EngineLost

        try:
            return writer.write(request, on_piece=on_piece)
        except EngineLost:
            if self._now.is_cancelled:
                raise
            so_far.clear()
            return writer.write(request, on_piece=on_piece)

    def _show_first(
        self,
        done: Rewrite,
        doubts: Sequence[Finding],
        wanted: TextWanted,
        ask: Asker | None,
        confirm_chars: int,
    ) -> None:
        """Ask the speaker, where that is wanted or there is doubt. Raises RewriteRefused, NotConfirmed."""
        confirm = self._settings().confirm
        large = confirm == "large" and 0 < confirm_chars < len(done.of or "")
        if not doubts and not large and confirm != "always":
            return
        if ask is None or not ask.is_there():
            if doubts:
                raise RewriteRefused(f"What {done.by} wrote is not taken: {doubts[0].message}.")
            return
        start, end = wanted.span
        placed = done.model_copy(update={"scope": Exact(start=start, end=end)})
        edit = put(wanted.document, placed)
        question = DOUBT.format(doubt=doubts[0].message) if doubts else MUCH if large else LOOK
        if not ask.confirm(
            wanted.document.text, edit.apply_to(wanted.document).text, (edit,), question=question
        ):
            raise NotConfirmed("The passage was rewritten, and nobody said that it should be taken.")


class _NoRoomError(Exception):
    """The model has no room for a piece; `why` is what to say if it cannot be made smaller."""

    def __init__(self, why: Exception) -> None:
        super().__init__(str(why))
        self.why = why


def _within(snapshot: Snapshot, start: int, end: int, length: int) -> None:
    """Raise NoMatch where the passage may go on outside of what was read."""
    before, behind = (count > 0 for count in snapshot.outside)
    at_edge = (before and start < EDGE_CHARS) or (behind and end > length - EDGE_CHARS)
    if snapshot.whole is not None and at_edge:
        raise NoMatch("the passage may go on outside of the text that was read")


def _pieces(passage: str, style: Style, most_chars: int, *, prose_only: bool) -> list[Piece]:
    if prose_only and style.is_list:
        passage = passages.as_prose(passage)
    if prose_only or (style.pieces and len(passage) > most_chars):
        return passages.by_paragraph(passage, most_chars, prose_only=prose_only)
    return passages.whole(passage)


def _with_newline(text: str, newline: str) -> str:
    """The same text with other line breaks."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", newline)


def _on_lines_of_its_own(new: str, old: str, wanted: TextWanted) -> str:
    """A list in the middle of a line is set off from the rest of it."""
    text, (start, end) = wanted.document.text, wanted.span
    before, behind = text[:start].rstrip(" \t"), text[end:].lstrip(" \t")
    head = "\n\n" if before and before[-1] not in "\r\n" else ""
    tail = "\n\n" if behind and behind[0] not in "\r\n" else ""
    return head + new + tail


def _listed(names: Sequence[str]) -> str:
    quoted = [f"“{name}”" for name in names]
    return " and ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))
