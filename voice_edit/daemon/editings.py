"""The editing of each target, with its memory of what was said there last. Working thread only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from voice_edit.editing import Editing
from voice_edit.errors import VoiceEditError
from voice_edit.manners.manners import manners_for
from voice_edit.wording import Wording

if TYPE_CHECKING:
    from voice_edit.config import Settings
    from voice_edit.journal.journal import Journal
    from voice_edit.rewriting.rewriter import Rewriter
    from voice_edit.targets.base import JournaledTarget
    from voice_edit.targets.field_choice import Focus
    from voice_edit.vocabulary.vocabulary import Vocabulary

KEPT = 8
"""Targets whose last insertion is remembered, for "delete that"."""


class Editings:
    """One `Editing` a target, as the settings want it now."""

    def __init__(
        self,
        journal: Journal,
        settings: Callable[[], Settings],
        vocabulary: Callable[[], Vocabulary],
        rewriter: Rewriter | None,
    ) -> None:
        self._journal = journal
        self._settings = settings
        self._vocabulary = vocabulary
        self._rewriter = rewriter
        self._known: OrderedDict[str, Editing] = OrderedDict()

    def of(self, target: JournaledTarget) -> Editing:
        """The editing of a target."""
        name = target.name
        editing = self._known.pop(name, None)
        if editing is None:
            editing = Editing(target, self._journal)
        editing.target = target
        editing.confirm_chars = self._settings().ask.confirm_chars
        editing.weak = self._settings().weak
        editing.wording = self._wording(target)
        if self._rewriter is not None:
            focus: Focus | None = getattr(target, "focus", None)
            editing.rewriter = self._rewriter.with_tone("" if focus is None else focus.profile.prompt)
        self._known[name] = editing
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return editing

    def forget(self, target: JournaledTarget) -> None:
        """What was said last there is not known any more."""
        self._known.pop(target.name, None)

    def expect_edit(self, target: JournaledTarget) -> None:
        """Somebody begins to say an edit: whoever would have to write gets ready. Never fails."""
        with suppress(VoiceEditError):
            self.of(target).expect_rewrite()

    def _wording(self, target: JournaledTarget) -> Wording:
        """What becomes of words on their way there: a field has the rules and words of its program."""
        focus: Focus | None = getattr(target, "focus", None)
        dictation, vocabulary = self._settings().dictation, self._vocabulary()
        if focus is None:
            return Wording(manners_for(dictation), vocabulary)
        manners = manners_for(dictation, focus.profile, unseen=focus.kind == "blind")
        return Wording(manners, vocabulary.with_words(focus.profile.vocabulary))
