"""What an answer of the speaker does to the commands: which of several places is meant, and whether much
text may go.

Asking itself is up to whoever holds the `Asker` (`questions`); here it is decided, purely.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from voice_edit.commands import AnyCommand, Correct, Replace
from voice_edit.errors import CommandError
from voice_edit.questions import Asker
from voice_edit.resolving import Span, resolve
from voice_edit.selectors import Exact, Quote, Selector, That, Unit, WhatWasSaid, _Model

if TYPE_CHECKING:
    from voice_edit.edits import Edit
    from voice_edit.errors import Ambiguous

__all__ = ["Asker", "chars_touched", "choose", "is_about_what_was_said"]

ModelT = TypeVar("ModelT", bound=_Model)


def choose(commands: Sequence[AnyCommand], error: Ambiguous, index: int) -> tuple[AnyCommand, ...] | None:
    """The commands with the chosen place instead of the selector that `error` is about.

    `error` is what performing `commands` raised. Another selector may still be ambiguous: perform them again.
    None if the error does not tell what it is about. Raises IndexError.
    """
    choice = error.choices[index]
    if error.selector is None or error.document is None or not 0 <= error.command < len(commands):
        return None
    chosen = _exactly(error, Span(choice.start, choice.end))
    command = commands[error.command]
    nodes = list(_selectors(command))
    found = next((node for node in nodes if node == error.selector), None)
    if found is None:  # it may have been narrowed down while its place was looked for
        found = next((node for node in nodes if _anywhere(node) == _anywhere(error.selector)), None)
    changed: AnyCommand
    if found is not None:
        changed = _put(command, found, chosen)
    elif isinstance(command, Correct) and _names_the_mistake(command, error.selector):
        changed = Replace(find=chosen, text=command.text)
    else:
        return None
    return (*commands[: error.command], changed, *commands[error.command + 1 :])


def chars_touched(edits: Iterable[Edit]) -> int:
    """How many code points of the text are removed or replaced; what is only added does not count."""
    return sum(len(change.old) for edit in edits for change in edit.changes)


def is_about_what_was_said(commands: Iterable[AnyCommand]) -> bool:
    """Whether it matters to the commands what was said before them: "that", "I meant ..."."""
    return any(
        isinstance(command, Correct)
        or any(isinstance(node, That | WhatWasSaid) for node in _selectors(command))
        for command in commands
    )


def _exactly(error: Ambiguous, span: Span) -> Selector:
    """A selector that means just this place and keeps saying what it is: a line, a word, what was quoted.

    Deleting a line is not deleting the same characters without having called them a line.
    """
    place = Exact(start=span.start, end=span.end)
    named = error.selector
    chosen: Selector = place
    if isinstance(named, Quote):
        chosen = Quote(text=named.text, within=place)
    elif isinstance(named, Unit):
        which = named.which if named.which == "all" else 1
        chosen = Unit(unit=named.unit, which=which, count=named.count, within=place)
    try:
        return chosen if resolve(error.document, chosen) == span else place
    except CommandError:
        return place


def _selectors(model: _Model) -> Iterator[_Model]:
    """Everything in a command that may name a place, in the order in which it is resolved."""
    first = ("within", "after", "before", "containing")
    names = [name for name in first if name in type(model).model_fields]
    names += [name for name in type(model).model_fields if name not in first]
    for name in names:
        value = getattr(model, name)
        if isinstance(value, _Model):
            yield from _selectors(value)
            yield value


def _put(model: ModelT, old: _Model, new: _Model) -> ModelT:
    """The model with `new` in place of the very object `old`, wherever in it that is."""
    update: dict[str, _Model] = {}
    for name, value in model:
        if value is old:
            update[name] = new
        elif isinstance(value, _Model) and (put := _put(value, old, new)) is not value:
            update[name] = put
    return model.model_copy(update=update) if update else model


def _anywhere(node: _Model) -> _Model:
    return node.model_copy(update={"within": None}) if "within" in type(node).model_fields else node


def _names_the_mistake(command: Correct, selector: _Model) -> bool:
    """ "I meant Wednesday, not Tuesday" looks for a quote that stands in no selector of its own."""
    return isinstance(selector, Quote) and selector.text in (command.instead_of, command.about)
