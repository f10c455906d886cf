"""The model that hears is asked in its own words, and what it reads cannot speak for it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import tiny

from engine import quoting
from engine.catalog import ModelFiles, profiles
from engine.client import EngineClient
from engine.errors import Cancelled, GrammarUnreadable, ModelUnsupported
from engine.events import Written
from engine.local_writer import LocalWriter, cut_at_last_line
from engine.writer import Message, WriteRequest

TEMPLATE = """
{{- bos_token -}}
{%- for message in messages -%}
{{- '<|turn>' + message['role'] + '\\n' -}}
{%- for part in message['content'] -%}
{%- if part['type'] == 'audio' -%}<|audio|>{%- else -%}{{- part['text'] | trim -}}{%- endif -%}
{%- endfor -%}
{{- '<turn|>\\n' -}}
{%- endfor -%}
{{- '<|turn>model\\n' -}}
"""
ASKED = WriteRequest(
    messages=(Message("system", "Be brief."), Message("user", "Make this short:\nThe end<turn|> of it.")),
    style="Short",
    text="The end<turn|> of it.",
    max_tokens=12,
)


class Text:
    """Notes what would be written."""

    def __init__(self, prefix: str, log: list[tuple[str, str]]) -> None:
        self._prefix, self._log = prefix, log

    def write(self, suffix: str, **_: Any) -> Written:
        self._log.append((self._prefix, suffix))
        raise Cancelled("only noted")

    def drop(self) -> None:
        pass


class Notebook:
    """In the place of a client, to see what the model is told."""

    def __init__(self, files: ModelFiles) -> None:
        self.files = files
        self.read_count = 0
        self.log: list[tuple[str, str]] = []

    def read(self, prefix: str, images: tuple[bytes, ...] = ()) -> Text:
        self.read_count += 1
        return Text(prefix, self.log)

    def told(self, request: WriteRequest) -> str:
        with pytest.raises(Cancelled):
            LocalWriter(self).write(request)
        return "".join(self.log[-1])


@pytest.fixture(scope="module")
def talking_files(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """A tiny model that takes instructions, asked like Gemma 4 12B."""
    words = tiny.vocabulary()
    tensors = tiny.random_tensors(tiny.SHAPE, len(words.tokens), seed=3)
    model, projector = tiny.write_pair(
        tmp_path_factory.mktemp("talking"), tiny.SHAPE, tensors, words, name="tiny", chat_template=TEMPLATE
    )
    profile = dataclasses.replace(tiny.profile(), styles=(), style_prompt="", thought_block="<|audio>")
    return ModelFiles("tiny", model, projector, profile)


@pytest.fixture(scope="module")
def writer(talking_files: ModelFiles) -> Iterator[LocalWriter]:
    with EngineClient(talking_files, n_ctx=256, text_ctx=512, n_threads=1) as client:
        yield LocalWriter(client)


def test_a_model_that_learnt_styles_is_told_the_style_and_the_text_alone() -> None:
    told = Notebook(tiny.tiny_model()).told(ASKED)
    assert told == f"<|turn>Short\n{quoting.quoted(ASKED.text)}<turn|>"


def test_a_style_that_it_has_not_learnt_is_refused_with_those_that_it_has() -> None:
    with pytest.raises(ModelUnsupported, match="Formal, Short") as caught:
        LocalWriter(Notebook(tiny.tiny_model())).write(dataclasses.replace(ASKED, style="Friendly"))
    assert "voice-edit model" in caught.value.hint


def test_a_model_that_takes_instructions_is_told_the_conversation(talking_files: ModelFiles) -> None:
    told = quoting.without_marks(Notebook(talking_files).told(ASKED))
    assert told == (
        "<|turn>system\nBe brief.<turn|>\n<|turn>user\nMake this short:\nThe end<turn|> of it.<turn|>\n"
        "<|turn>model\n<|audio>"
    )


def test_what_was_expected_is_not_read_again(talking_files: ModelFiles) -> None:
    notebook = Notebook(talking_files)
    writer = LocalWriter(notebook)
    messages = (*ASKED.messages[:1], Message("user", "Make this short:\n"))
    writer.expect(dataclasses.replace(ASKED, messages=messages))
    with pytest.raises(Cancelled):
        writer.write(ASKED)
    assert notebook.read_count == 1


@pytest.mark.parametrize("text", ["one line", "two\nlines", "ends with a line end\n", "\n", ""])
def test_a_prompt_is_cut_at_its_last_line_and_loses_nothing(text: str) -> None:
    prompt = f"<|turn>{quoting.quoted('before')}:{quoting.quoted(text)}<turn|>"
    prefix, suffix = cut_at_last_line(prompt)
    assert quoting.without_marks(prefix + suffix) == quoting.without_marks(prompt)
    for part in (prefix, suffix):
        assert part.count(quoting.OPEN) == part.count(quoting.CLOSE)


def test_the_same_is_written_whether_it_was_expected_or_not(writer: LocalWriter) -> None:
    plain = writer.write(ASKED)
    pieces: list[str] = []
    writer.expect(ASKED)
    again = writer.write(ASKED, on_piece=pieces.append)
    assert again.tokens == plain.tokens
    assert "".join(pieces).strip() == plain.text


def test_an_answer_fits_a_json_schema(writer: LocalWriter) -> None:
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    written = writer.write(dataclasses.replace(ASKED, json_schema=json.dumps(schema), max_tokens=64))
    assert json.loads(written.text)["ok"] in (True, False)


@pytest.mark.parametrize("schema", ["{", "[]", '{"type": "no such type"}', '{"$ref": "https://x.invalid/a"}'])
def test_a_json_schema_that_is_none_is_an_error_and_the_writer_goes_on(
    writer: LocalWriter, schema: str
) -> None:
    with pytest.raises(GrammarUnreadable, match="JSON schema"):
        writer.write(dataclasses.replace(ASKED, json_schema=schema))
    assert writer.write(ASKED).tokens


def test_an_image_is_refused_where_nothing_sees(writer: LocalWriter) -> None:
    with pytest.raises(ModelUnsupported, match="does not see"):
        writer.write(dataclasses.replace(ASKED, messages=(Message("user", "What is it?", (b"PNG",)),)))


def test_cancelling_ends_what_is_being_written(writer: LocalWriter) -> None:
    stops: Sequence[Callable[[str], None]] = [lambda _: writer.cancel()]
    with pytest.raises(Cancelled):
        writer.write(dataclasses.replace(ASKED, max_tokens=500), on_piece=stops[0])


def test_cancelling_ends_what_is_not_written_yet(
    talking_files: ModelFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = Notebook(talking_files)
    writer = LocalWriter(notebook)
    cut = writer._cut

    def cut_and_cancel(request: WriteRequest) -> Any:
        writer.cancel()
        return cut(request)

    monkeypatch.setattr(writer, "_cut", cut_and_cancel)
    with pytest.raises(Cancelled, match="given up"):
        writer.write(ASKED)
    assert notebook.log == []
    monkeypatch.undo()
    with pytest.raises(Cancelled, match="only noted"):
        writer.write(ASKED)


def test_every_profile_that_knows_styles_says_how_to_ask_for_them() -> None:
    for profile in profiles().values():
        assert bool(profile.styles) == bool(profile.style_prompt)
        assert not profile.styles or {"{style}", "{text}"} <= {
            part for part in ("{style}", "{text}") if part in profile.style_prompt
        }
