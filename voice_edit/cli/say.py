"""`voice-edit say`: a spoken command in words, applied to the text on standard input."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voice_edit.cli.options import AsJson, Dictate, invocation

if TYPE_CHECKING:
    from voice_edit.document import Document

EPILOG = """\b
What can be said, for example:
  insert hello before world          new paragraph after the heading
  delete the last sentence           delete everything after the second line
  change Monday to Wednesday         replace every foo with bar
  swap alice and bob                 move the last paragraph to the top
  select the word brown              go to the end of the line
  make the title upper case          make the word quiet bold
  make the first line a heading      make the last three lines a bullet list
  join the first two lines           sort the list
  I meant Wednesday, not Tuesday     undo that

docs/commands.md lists all of it."""
BOM = "\ufeff"


def say(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="TEXT", help="What is said; quotes are optional.")],
    then: Annotated[
        list[str] | None, typer.Option("--then", metavar="TEXT", help="What is said next; may be repeated.")
    ] = None,
    dictate: Dictate = False,
    marks: Annotated[
        bool,
        typer.Option("--marks", help="The text shows its caret as <> or its selection as [...], in and out."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Edit the text on standard input by what is said, and print it.

    The caret is at the end of the text unless --marks is given. Nothing is printed if one of the commands
    fails. No file is touched and nothing is kept in the journal.
    """
    from voice_edit import pipeline
    from voice_edit.caret_marks import read_marked, write_marked
    from voice_edit.document import Document, Selection
    from voice_edit.edit_json import edits_to_json
    from voice_edit.editor import Editor
    from voice_edit.manners.manners import manners_for
    from voice_edit.vocabulary.vocabulary import Vocabulary
    from voice_edit.wording import Wording, around_caret

    run = invocation(context)
    output = run.output()
    wording = Wording(manners_for(run.settings().dictation), Vocabulary.load(run.paths()))
    if sys.stdin.isatty():
        output.note("Reading the text from the terminal; end it with Ctrl-D.")
    text, bom = _read_input()
    before = read_marked(text) if marks else Document(text, Selection(len(text), len(text)))
    editor = Editor(before)
    said: list[dict[str, Any]] = []
    for utterance in [" ".join(words), *(then or [])]:
        text = around_caret(editor.document.text, editor.document.selection)
        meant = utterance if dictate else wording.command(utterance, text)
        understood = pipeline.understand(meant, mode="dictate" if dictate else "edit")
        manners, known = wording.dictation(text)
        edits = pipeline.perform(editor, understood, manners=manners, meant=known)
        said.append({"words": utterance, "commands": understood.to_data(), "edits": edits_to_json(edits)})
    after = editor.document
    if output.as_json:
        output.result({"text": after.text, "selection": _selection(after), "utterances": said})
        return
    output.raw((bom + (write_marked(after) if marks else after.text)).encode("utf-8"))


def _read_input() -> tuple[str, str]:
    """The text on stdin with its line breaks as they are, and its byte order mark if it has one."""
    from voice_edit.errors import TargetNotText

    data = sys.stdin.buffer.read()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TargetNotText(f"Standard input is not UTF-8 text (byte {error.start}).") from error
    return (text[1:], BOM) if text.startswith(BOM) else (text, "")


def _selection(document: Document) -> list[int]:
    return [document.selection.anchor, document.selection.head]
