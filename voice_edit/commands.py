"""What can be asked of a document: one schema for the spoken grammar, JSON, the history and the API.

Commands are frozen data; `document.apply` carries them out. JSON tells them apart by `kind`
(`to_json`, `from_json`, `json_schema`); people read and write the compact form of `compact.py`.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from voice_edit.selectors import Caret, Place, Selector, _Model

Count = Annotated[int, Field(ge=1, le=9999)]


class Insert(_Model):
    """Put text at a place. At the caret it replaces what is selected."""

    kind: Literal["insert"] = "insert"
    text: Annotated[str, Field(min_length=1)]
    at: Place = Caret()


class Delete(_Model):
    """Take text away."""

    kind: Literal["delete"] = "delete"
    what: Selector


class Replace(_Model):
    """Put other text in the place of what is found; with `which: all` in the selector, everywhere."""

    kind: Literal["replace"] = "replace"
    find: Selector
    text: str


class Swap(_Model):
    """Two pieces of text change places."""

    kind: Literal["swap"] = "swap"
    first: Selector
    second: Selector


class Select(_Model):
    """Mark text."""

    kind: Literal["select"] = "select"
    what: Selector


class GoTo(_Model):
    """Put the caret somewhere."""

    kind: Literal["go_to"] = "go_to"
    place: Place


class Move(_Model):
    """Take text from where it is to a place."""

    kind: Literal["move"] = "move"
    what: Selector
    to: Place


class Duplicate(_Model):
    """A copy right after the original."""

    kind: Literal["duplicate"] = "duplicate"
    what: Selector


class ChangeCase(_Model):
    """`capitalise` raises the first letter and leaves the rest; `title` raises that of every larger word."""

    kind: Literal["case"] = "case"
    style: Literal["capitalise", "upper", "lower", "title"]
    what: Selector


class Format(_Model):
    """Markdown marks around a piece of text; `plain` takes them away."""

    kind: Literal["format"] = "format"
    style: Literal["bold", "italic", "code", "plain"]
    what: Selector


class MakeHeading(_Model):
    """Lines become Markdown headings of a level, whatever they were before."""

    kind: Literal["heading"] = "heading"
    what: Selector
    level: Annotated[int, Field(ge=1, le=6)] = 1


class MakeList(_Model):
    """Lines, or the sentences of a one-line paragraph, become the items of a Markdown list."""

    kind: Literal["list"] = "list"
    style: Literal["bullet", "numbered"]
    what: Selector


class JoinLines(_Model):
    """Lines become one; a single line is joined with the one below it."""

    kind: Literal["join"] = "join"
    what: Selector


class SplitLines(_Model):
    """Every sentence (or part between commas, or word) goes on a line of its own."""

    kind: Literal["split"] = "split"
    what: Selector
    by: Literal["sentence", "comma", "word"] = "sentence"


class SortLines(_Model):
    """Lines in alphabetical order, capitals ignored, numbers by value."""

    kind: Literal["sort"] = "sort"
    what: Selector
    descending: bool = False


class Break(_Model):
    """A new line or a new paragraph at a place; the spaces around it go."""

    kind: Literal["break"] = "break"
    style: Literal["line", "paragraph"]
    at: Place = Caret()


class Undo(_Model):
    """Take back the last checkpoints (what one utterance did is one checkpoint)."""

    kind: Literal["undo"] = "undo"
    count: Count = 1


class Redo(_Model):
    """Bring back what undo took."""

    kind: Literal["redo"] = "redo"
    count: Count = 1


class Correct(_Model):
    """Words said lately were wrong: "I meant Wednesday", "I meant Wednesday not Tuesday", "the thing I said
    about Tuesday, it's Wednesday"."""

    kind: Literal["correct"] = "correct"
    text: Annotated[str, Field(min_length=1)]
    instead_of: str | None = None
    about: str | None = None
    """The mistake, or what the sentence with the mistake is about."""


class Save(_Model):
    """Write the target to where it is kept."""

    kind: Literal["save"] = "save"


class Stop(_Model):
    """Stop listening."""

    kind: Literal["stop"] = "stop"


class Rewrite(_Model):
    """New text is asked for in place of `scope`: only a model that can write carries this out."""

    kind: Literal["rewrite"] = "rewrite"
    scope: Selector
    instruction: Annotated[str, Field(min_length=1)]
    """What was asked for, in the speaker's words."""
    style: str | None = None
    """The style that it names (rewriting/styles.toml); None: only the instruction says it."""
    language: str | None = None
    """What it is to be translated into."""
    text: str | None = None
    """What was written; None until it is. With it, a document can carry this out like any other command."""
    of: str | None = None
    """The text that it was written for: nothing else is replaced by it."""
    by: str | None = None
    """The model that wrote it."""
    saw: str | None = None
    """What it was shown besides text."""


TextCommand = (
    Insert
    | Delete
    | Replace
    | Swap
    | Select
    | GoTo
    | Move
    | Duplicate
    | ChangeCase
    | Format
    | MakeHeading
    | MakeList
    | JoinLines
    | SplitLines
    | SortLines
    | Break
)
"""What a document alone can carry out."""

SessionCommand = Undo | Redo | Correct | Save | Stop
"""What needs the history (undo, redo, correct) or whoever owns the target (save, stop)."""

EditCommand = TextCommand | SessionCommand
AnyCommand = EditCommand | Rewrite

_one: TypeAdapter[AnyCommand] = TypeAdapter(Annotated[AnyCommand, Field(discriminator="kind")])
_many: TypeAdapter[list[AnyCommand]] = TypeAdapter(list[Annotated[AnyCommand, Field(discriminator="kind")]])


def to_json(commands: Iterable[AnyCommand]) -> str:
    """Commands as one line of JSON: a list of objects told apart by `kind`; absent options are left out."""
    return _many.dump_json([*commands], exclude_none=True).decode()


def from_json(text: str | bytes) -> list[AnyCommand]:
    """Commands from `to_json`'s form. Raises pydantic's ValidationError naming the field that is wrong."""
    return _many.validate_json(text)


def from_data(data: Any) -> AnyCommand:
    """One command from plain dicts and lists (parsed JSON)."""
    return _one.validate_python(data)


def json_schema() -> dict[str, Any]:
    """JSON schema of a list of commands, as `to_json` writes it."""
    return _many.json_schema()
