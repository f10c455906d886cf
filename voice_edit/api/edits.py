"""`POST /v1/edits`: a text and what is said about it, as edit commands and what becomes of the text.

As `voice-edit say`: nothing is written anywhere, and nothing is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from voice_edit import pipeline
from voice_edit.api.endpoint import Endpoint, gone
from voice_edit.api.failures import ApiError, told
from voice_edit.api.hearing import Words, hear
from voice_edit.api.requests import bad_field, check_model, read_json, sound
from voice_edit.api.schemas import MOST_WORDS, EditAnswer, EditRequest, OneChange, Selected
from voice_edit.api.unified_diff import unified_diff
from voice_edit.document import Document, Selection
from voice_edit.editor import Editor
from voice_edit.errors import CommandError
from voice_edit.manners.manners import manners_for
from voice_edit.vocabulary.vocabulary import Vocabulary
from voice_edit.wording import Wording, around_caret

if TYPE_CHECKING:
    from starlette.requests import Request

    from voice_edit.api.desk import Job
    from voice_edit.edits import Edit


async def edit(endpoint: Endpoint, request: Request) -> Any:
    """Answer it."""
    job = endpoint.desk.admit()
    try:
        asked = await read_json(request, EditRequest)
        check_model(asked.model, endpoint.model())
        if (asked.words is None) == (asked.input_audio is None):
            raise bad_field("words", "send either words or input_audio")
        before = _document(asked)
    except BaseException:
        endpoint.desk.leave(job)
        raise
    answer = await endpoint.desk.work(job, lambda: _edited(endpoint, job, asked, before), gone(request))
    return JSONResponse(answer.model_dump(mode="json"))


def _document(asked: EditRequest) -> Document:
    length = len(asked.text)
    if any("\ud800" <= c <= "\udfff" for c in asked.text + (asked.words or "")):
        raise bad_field("text", "holds half a character")
    if asked.selection is None:
        return Document(asked.text, Selection(length, length))
    anchor, head = asked.selection.anchor, asked.selection.head
    if max(anchor, head) > length:
        raise bad_field("selection", "is behind the end of the text")
    return Document(asked.text, Selection(anchor, head))


def _edited(endpoint: Endpoint, job: Job, asked: EditRequest, before: Document) -> EditAnswer:
    """In a thread of the desk's."""
    settings = endpoint.settings()
    heard = Words()
    said = asked.words or ""
    if asked.input_audio is not None:
        heard = hear(job, sound(asked.input_audio.data, "input_audio.data"), settings)
        said = heard.text
    if not said.strip():
        return _answer(asked, "", (), "", before, before, [], heard)
    if len(said) > MOST_WORDS:
        message = "That is more than can be a command, or be inserted at once."
        raise ApiError(422, "too_many_words", message, param="words", hint="Send it in parts.")
    try:
        return _carried_out(endpoint, job, asked, before, said, heard)
    except CommandError as error:
        failed = told(error)
        failed.details["words"] = said
        raise failed from error


def _carried_out(
    endpoint: Endpoint, job: Job, asked: EditRequest, before: Document, said: str, heard: Words
) -> EditAnswer:
    wording = Wording(manners_for(endpoint.settings().dictation), Vocabulary.load(endpoint.paths))
    around = around_caret(before.text, before.selection)
    meant = said if asked.mode == "dictate" else wording.command(said, around)
    understood = pipeline.understand(meant, mode=asked.mode)
    editor = Editor(before)
    manners, known = wording.dictation(around)
    understood, edits = _performed(endpoint, job, editor, understood, manners, known)
    summary = "" if asked.mode == "dictate" else understood.to_text()
    return _answer(asked, said, understood.commands, summary, before, editor.document, edits, heard)


def _performed(
    endpoint: Endpoint, job: Job, editor: Editor, understood: pipeline.Understood, manners: Any, known: Any
) -> tuple[pipeline.Understood, list[Edit]]:
    """Carry it out, with the texts written that it asks for."""
    from voice_edit.rewriting.errors import TextWanted

    while True:
        try:
            return understood, pipeline.perform(editor, understood, manners=manners, meant=known)
        except TextWanted as wanted:
            from voice_edit.rewriting.rewriter import Rewriter
            from voice_edit.targets.base import Snapshot, Version

            rewriter = Rewriter(lambda: endpoint.writer(job), lambda: endpoint.settings().rewrite)
            job.on_stop(rewriter.cancel)
            document = editor.document
            version = Version.of(document.text)
            snapshot = Snapshot("", document.text, document.selection, version, frozenset())
            understood = rewriter.fill(understood, wanted, snapshot)


def _answer(
    asked: EditRequest,
    said: str,
    commands: Any,
    summary: str,
    before: Document,
    after: Document,
    edits: list[Edit],
    heard: Words,
) -> EditAnswer:
    return EditAnswer(
        words=said,
        mode=asked.mode,
        commands=list(commands),
        summary=summary,
        changed=before.text != after.text,
        text=after.text,
        selection=Selected(anchor=after.selection.anchor, head=after.selection.head),
        changes=[
            OneChange(start=change.start, old=change.old, new=change.new)
            for each in edits
            for change in reversed(each.changes)  # made from behind, each stays where it says
        ],
        diff=unified_diff(before.text, after.text),
        rejected=heard.rejected,
    )
