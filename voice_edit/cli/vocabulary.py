"""`voice-edit vocabulary`: the user's own words, replacements and snippets."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voice_edit.cli.options import AsJson, invocation

if TYPE_CHECKING:
    from voice_edit.cli.options import Invocation
    from voice_edit.vocabulary.entries import Entries

app = typer.Typer(
    help="Names and words of your own, spoken replacements, snippets.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
EPILOG = """\b
In TEXT, \\n is a new line, \\t a tab, \\\\ a backslash. TEXT - is read from stdin.
A daemon that runs knows the change at once; `voice-edit retry` hears a take again with it."""

Text = Annotated[str, typer.Argument(metavar="TEXT", help="What is written then.")]


@app.callback()
def _group() -> None:
    """Names and words of your own, spoken replacements, snippets."""


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """Show all that is written down."""
    from voice_edit.cli.output import visible
    from voice_edit.vocabulary.store import read_vocabulary, vocabulary_file

    run = invocation(context)
    output, path = run.output(), vocabulary_file(run.paths())
    entries = read_vocabulary(run.paths())
    for data, line in _rows(entries):
        output.result(data, visible(line))
    if entries == type(entries)():
        output.note(f"Nothing yet: {path} is made by `voice-edit vocabulary add WORD`.")


@app.command("add")
def add(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="As they are written.")],
    sounds_like: Annotated[
        list[str] | None,
        typer.Option("--sounds-like", "-s", metavar="WORDS", help="How it is heard; may be given again."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write down names or words that are to be spelled so.

    How a word sounds that is there already is added to what is known of it.
    """
    from voice_edit.errors import UsageError
    from voice_edit.vocabulary import store
    from voice_edit.vocabulary.entries import checked_word

    run = invocation(context)
    if sounds_like and len(words) > 1:
        raise UsageError("--sounds-like is for one word at a time.", hint="Add the words one by one.")
    checked = [checked_word(word, sounds_like or ()) for word in words]
    for one in checked:
        word, changed = store.learn_word(run.paths(), one)
        data = {"kind": "word", "write": word.write, "sounds_like": list(word.sounds_like)}
        _told(run, data, changed, f"“{word.write}” is a word now.", f"“{word.write}” is there already.")


@app.command("replace", epilog=EPILOG)
def replace(
    context: typer.Context,
    spoken: Annotated[str, typer.Argument(metavar="SPOKEN", help="What is said.")],
    text: Text,
    as_json: AsJson = False,
) -> None:
    """Write TEXT wherever SPOKEN is said."""
    _put(context, "replacement", spoken, text)


@app.command("snippet", epilog=EPILOG)
def snippet(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What is said: alone, or after “snippet”.")],
    text: Text,
    as_json: AsJson = False,
) -> None:
    """Write TEXT where NAME is all that is said, or "snippet NAME" is."""
    _put(context, "snippet", name, text)


@app.command("remove")
def remove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A word, or what is said.")],
    as_json: AsJson = False,
) -> None:
    """Take out what is written or said like NAME."""
    from voice_edit.errors import UsageError
    from voice_edit.vocabulary import store

    run = invocation(context)
    kinds: tuple[store.Kind, ...] = ("word", "replacement", "snippet")
    gone = [kind for kind in kinds if store.remove(run.paths(), kind, name)]
    if not gone:
        raise UsageError(f"There is no “{name}”.", hint="See `voice-edit vocabulary list`.")
    run.output().result({"removed": name, "kinds": gone}, f"“{name}” is out ({', '.join(gone)}).")


@app.command("try")
def try_(
    context: typer.Context,
    words: Annotated[str, typer.Argument(metavar="WORDS", help="As they are heard.")],
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="The text that is dictated into.")
    ] = None,
    edit: Annotated[bool, typer.Option("--edit", help="The words are a command.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what becomes of words, and what a model would be told; nothing is changed."""
    from voice_edit.vocabulary.vocabulary import Vocabulary

    run = invocation(context)
    vocabulary = Vocabulary.load(run.paths())
    around = _file_text(file)
    meant = vocabulary.corrected(words, around, "edit" if edit else "dictate")
    output = run.output()
    made = [{"heard": one.heard, "write": one.write, "why": one.why} for one in meant.made]
    terms = vocabulary.terms(around)
    output.result({"words": meant.words, "made": made, "terms": list(terms)}, meant.words)
    for one in meant.made:
        output.note(f"“{one.heard}” became “{escaped(one.write)}” ({one.why.replace('_', ' ')})")
    if terms:
        output.note(f"names for the model: {', '.join(terms)}")


# --- inside -------------------------------------------------------------------------------------------------


def _put(context: typer.Context, kind: Any, spoken: str, text: str) -> None:
    from voice_edit.vocabulary import store
    from voice_edit.vocabulary.entries import checked_phrase

    run = invocation(context)
    phrase = checked_phrase(spoken, sys.stdin.read() if text == "-" else unescaped(text))
    changed = store.put_phrase(run.paths(), kind, phrase)
    data = {"kind": kind, "say": phrase.say, "write": phrase.write}
    _told(run, data, changed, f"“{phrase.say}” is a {kind} now.", f"“{phrase.say}” is there already.")


def _told(run: Invocation, data: dict[str, Any], changed: bool, done: str, same: str) -> None:
    from voice_edit.vocabulary.store import vocabulary_file

    run.output().result(
        {**data, "changed": changed, "file": str(vocabulary_file(run.paths()))}, done if changed else same
    )


def unescaped(text: str) -> str:
    r"""With \n, \t and \\ as what they stand for; any other backslash stays."""
    import re

    return re.sub(r"\\([nt\\])", lambda found: {"n": "\n", "t": "\t", "\\": "\\"}[found[1]], text)


def _file_text(path: Path | None) -> str:
    if path is None:
        return ""
    from voice_edit.targets.file import FileTarget

    return FileTarget(path).snapshot().text


def _rows(entries: Entries) -> list[tuple[dict[str, Any], str]]:
    rows: list[tuple[dict[str, Any], str]] = []
    for word in entries.words:
        likes = f"   sounds like {', '.join(word.sounds_like)}" if word.sounds_like else ""
        data: dict[str, Any] = {"kind": "word", "write": word.write, "sounds_like": list(word.sounds_like)}
        rows.append((data, f"word         {word.write}{likes}"))
    for kind, phrases in (("replacement", entries.replacements), ("snippet", entries.snippets)):
        for phrase in phrases:
            data = {"kind": kind, "say": phrase.say, "write": phrase.write}
            rows.append((data, f"{kind:<12} {phrase.say} → {escaped(phrase.write)}"))
    return rows


def escaped(text: str) -> str:
    r"""On one line, with \n and \t; what `unescaped` undoes."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
