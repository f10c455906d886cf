"""Images reach a text through llama.cpp itself, with small random projectors of Gemma 4's kinds."""

from __future__ import annotations

import ctypes
import dataclasses
import struct
from collections.abc import Iterator
from typing import Any

import gemma4
import numpy as np
import pytest
import tiny
import vision
from hypothesis import given
from hypothesis import strategies as st
from llama_cpp import mtmd_cpp as M  # noqa: N812

from engine import quoting
from engine._mtmd import IMAGE_TOKENS, MARKER, Mtmd
from engine.batch_audio import BatchEngine
from engine.catalog import ModelFiles
from engine.client import EngineClient
from engine.errors import ContextFull, ImageUnreadable, ModelUnsupported
from engine.events import Written
from engine.kvcache import prefix_blocks
from engine.llama import LlamaContext
from engine.local_writer import LocalWriter
from engine.seeing import MOST_PIXELS, check_image, image_size
from engine.session import Engine
from engine.writer import Message, WriteRequest
from engine.writing import TextPass

KINDS: tuple[vision.Kind, ...] = ("gemma4uv", "gemma4v")
BEFORE, AFTER, ASKED = "<|turn>user\n", "Transcribe it.\n", "Only the numbers.<turn|>\n<|turn>model\n"
PROMPT = BEFORE + quoting.IMAGE + AFTER
MARKS = 2
"""`<|image>` and `<image|>`."""


@pytest.fixture(scope="module", params=KINDS)
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """A small model with Gemma 4's vocabulary and a projector that sees."""
    path = tmp_path_factory.mktemp("eyes") / f"mmproj-{request.param}.gguf"
    vision.write_seeing(path, request.param, n_embd=gemma4.SHAPE.n_embd)
    return dataclasses.replace(gemma4.small_gemma(), projector=path)


@pytest.fixture(scope="module")
def engine(files: ModelFiles) -> Iterator[Engine]:
    with Engine.open(files, n_ctx=256, text_ctx=1024, n_threads=1) as opened:
        yield opened


def write(text_pass: TextPass, *images: bytes, prompt: str = PROMPT) -> Written:
    text_pass.begin(text_pass.tokens(prompt, begins=True, images=images))
    return text_pass.answer(text_pass.tokens(ASKED), max_tokens=10)


def mtmds_own(engine: Engine, image: bytes, n: int) -> list[int]:
    """What mtmd's own evaluation of the whole prompt is followed by, greedily."""
    mtmd = Mtmd(engine.model, engine.files.projector, n_threads=1, use_gpu=False)
    context = LlamaContext(engine.model, n_ctx=1024)
    buffer = (ctypes.c_uint8 * len(image)).from_buffer_copy(image)
    bitmap = M.mtmd_helper_bitmap_init_from_buf(mtmd._context, buffer, len(image), False)
    end: Any = ctypes.c_int32(0)
    bos = engine.model.text_of(engine.model.bos)
    with mtmd._tokenized(bos + BEFORE + MARKER + AFTER + ASKED, bitmap, "an image") as chunks:
        code = M.mtmd_helper_eval_chunks(
            mtmd._context, context.handle, chunks._handle, 0, 0, context.n_batch, True, ctypes.byref(end)
        )
    assert code == 0
    answer: list[int] = []
    logits = mtmd.first_logits(context)
    while len(answer) < n:
        logits[engine._suppressed] = -np.inf
        answer.append(int(logits.argmax()))
        context.decode_tokens(answer[-1:], end.value + len(answer) - 1)
        logits = context.logits(0)
    mtmd.close()
    context.close()
    return answer


def test_a_text_about_an_image_is_the_one_that_mtmd_itself_comes_to(engine: Engine) -> None:
    image = vision.image(seed=3)
    written = write(TextPass(engine), image)
    assert len(written.tokens) >= 6
    assert list(written.tokens[:6]) == mtmds_own(engine, image, 6)


def test_what_is_seen_makes_the_text(engine: Engine) -> None:
    text_pass = TextPass(engine)
    first, other = write(text_pass, vision.image(seed=1)), write(text_pass, vision.image(seed=2))
    assert first.tokens != other.tokens
    assert write(text_pass, vision.image(seed=1)).tokens == first.tokens


def test_an_image_that_is_still_there_is_not_looked_at_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    plain = Mtmd.encode

    def counted(self: Mtmd, *arguments: Any) -> Any:
        looked.append(1)
        return plain(self, *arguments)

    monkeypatch.setattr(Mtmd, "encode", counted)
    text_pass = TextPass(engine)
    image = vision.image(seed=4)
    write(text_pass, image)
    written = write(text_pass, image, prompt=PROMPT + "It is late.\n")
    assert len(looked) == 1
    fresh = TextPass(engine)
    assert write(fresh, image, prompt=PROMPT + "It is late.\n").tokens == written.tokens


def test_two_images_stand_where_they_were_put(engine: Engine) -> None:
    text_pass = TextPass(engine)
    prompt = BEFORE + quoting.IMAGE + "and\n" + quoting.IMAGE + AFTER
    one, two = vision.image(96, 480, seed=5), vision.image(480, 96, seed=6)
    there = write(text_pass, one, two, prompt=prompt)
    assert write(text_pass, two, one, prompt=prompt).tokens != there.tokens
    assert write(text_pass, one, two, prompt=prompt).tokens == there.tokens
    both_same = text_pass.tokens(prompt, begins=True, images=(one, one))
    assert len(text_pass._sight.whole(both_same)) == 2


def test_a_photograph_becomes_as_many_soft_tokens_as_fit_into_a_batch(engine: Engine) -> None:
    text_pass = TextPass(engine)
    large = text_pass.tokens(quoting.IMAGE, images=(vision.image(3000, 2000),))
    assert IMAGE_TOKENS * 0.9 < len(large) - MARKS <= IMAGE_TOKENS
    small = text_pass.tokens(quoting.IMAGE, images=(vision.image(3, 2),))
    assert 70 <= len(small) - MARKS < 100


def test_an_image_that_has_no_room_is_refused_and_the_next_text_is_as_ever(engine: Engine) -> None:
    text_pass = TextPass(engine)
    alone = write(text_pass, prompt="<|turn>user\nTranscribe it.\n")
    with pytest.raises(ContextFull):
        write(text_pass, vision.image(3000, 2000), vision.image(2000, 3000), vision.image(9, 9),
              prompt=BEFORE + 3 * quoting.IMAGE + AFTER)  # fmt: skip
    assert write(text_pass, prompt="<|turn>user\nTranscribe it.\n").tokens == alone.tokens


def test_an_image_and_an_utterance_do_not_disturb_each_other(engine: Engine) -> None:
    def heard() -> tuple[int, ...]:
        session = engine.session()
        session.push(tiny.sound(20))
        return session.finish().tokens

    text_pass = TextPass(engine)
    words, image = heard(), vision.image(seed=7)
    text = write(text_pass, image)
    text_pass.clear()
    text_pass.begin(text_pass.tokens(PROMPT, begins=True, images=(image,)))
    assert heard() == words
    assert text_pass.answer(text_pass.tokens(ASKED), max_tokens=10).tokens == text.tokens


def test_a_model_that_hears_finished_recordings_sees_the_same(files: ModelFiles, engine: Engine) -> None:
    image = vision.image(seed=8)
    with BatchEngine.open(files, n_ctx=256, text_ctx=1024, n_threads=1) as batch:
        assert write(TextPass(batch), image).tokens == write(TextPass(engine), image).tokens


def test_a_request_with_an_image_goes_through_the_engine_process(files: ModelFiles) -> None:
    def asked(*images: bytes) -> WriteRequest:
        words = "What is <|image|> here?\nSay it."
        return WriteRequest(
            messages=(Message("system", "Be brief."), Message("user", words, images)), max_tokens=8
        )

    with EngineClient(files, n_ctx=256, text_ctx=1024, n_threads=1) as client:
        writer = LocalWriter(client)
        assert writer.sees
        first = writer.write(asked(vision.image(seed=1)))
        assert writer.write(asked(vision.image(seed=2))).tokens != first.tokens
        writer.expect(asked(vision.image(seed=1)))
        assert writer.write(asked(vision.image(seed=1))).tokens == first.tokens
        assert writer.write(asked()).tokens != first.tokens
        pid = client.pid
        broken = bytearray(vision.image())
        broken[60:90] = bytes(30)
        with pytest.raises(ImageUnreadable):
            writer.write(asked(bytes(broken)))
        assert writer.write(asked(vision.image(seed=1))).tokens == first.tokens
        assert client.pid == pid


def test_a_projector_that_only_hears_sees_nothing() -> None:
    files = gemma4.small_gemma()
    with EngineClient(files, n_ctx=256, text_ctx=512, n_threads=1) as client:
        writer = LocalWriter(client)
        assert not writer.sees
        with pytest.raises(ModelUnsupported, match="does not see") as caught:
            writer.write(WriteRequest(messages=(Message("user", "What is it?", (vision.image(),)),)))
        assert "model that sees" in caught.value.hint
        assert client.pid is None, "nothing was loaded to find that out"
    with Engine.open(files, n_ctx=256, text_ctx=512, n_threads=1) as engine, pytest.raises(ModelUnsupported):
        TextPass(engine).tokens(quoting.IMAGE, images=(vision.image(),))


def test_the_12b_is_shown_an_image_as_its_own_template_writes_it(files: ModelFiles) -> None:
    prompts: list[str] = []

    class Noting:
        def __init__(self) -> None:
            self.files = files

        def read(self, prefix: str, images: tuple[bytes, ...] = ()) -> Any:
            prompts.append(prefix)
            raise ModelUnsupported("only noted")

    with pytest.raises(ModelUnsupported, match="noted"):
        LocalWriter(Noting()).write(
            WriteRequest(messages=(Message("user", "One\n<|image|> two", (vision.image(),)),))
        )
    assert quoting.without_marks(prompts[0]) == f"<bos><|turn>user\n{quoting.IMAGE}One\n".removeprefix(
        "<bos>"
    )


@given(length=st.integers(0, 200), shared=st.integers(0, 40), spans=st.lists(st.integers(1, 60), max_size=3))
def test_what_is_whole_is_one_block_and_the_rest_is_on_the_grid(
    length: int, shared: int, spans: list[int]
) -> None:
    whole, at = [], 3
    for n in spans:
        whole.append((at, at + n))
        at += n + 5
    length = max(length, at)
    ends = prefix_blocks(length, shared, whole)
    assert list(ends) == sorted(set(ends))
    assert ends[-1] == length
    assert not any(first < end < last for first, last in whole for end in ends)
    assert {edge for span in whole for edge in span} <= set(ends)
    assert set(ends) - {edge for span in whole for edge in span} <= set(prefix_blocks(length, shared))


def jpeg_header(width: int, height: int) -> bytes:
    return b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc2" + struct.pack(">HBHH", 11, 8, height, width) + bytes(8)


def test_the_size_of_an_image_is_read_from_its_header() -> None:
    assert image_size(vision.image(31, 17)) == (31, 17)
    assert image_size(jpeg_header(640, 480)) == (640, 480)
    check_image(jpeg_header(1 << 12, MOST_PIXELS >> 12))
    with pytest.raises(ImageUnreadable, match="larger than any model"):
        check_image(jpeg_header(1 << 13, (MOST_PIXELS >> 13) + 1))


@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda rest: b"\xff\xd8\xff" + rest))
def test_whatever_claims_to_be_an_image_is_judged_without_breaking(data: bytes) -> None:
    try:
        width, height = image_size(data)
    except ImageUnreadable:
        return
    assert width > 0 < height


def test_the_mark_of_an_image_cannot_be_quoted() -> None:
    text = f"a{quoting.quoted(f'b{quoting.IMAGE}<|image|>')}<|image|>"
    marked = quoting.with_images(text, "<|image|>")
    assert marked.count(quoting.IMAGE) == 1
    assert marked.endswith(quoting.IMAGE)


def test_both_ends_hold_the_image_of_a_text_alike() -> None:
    from engine.messages import Read, pack, unpack_to_engine
    from engine.wire import Decoder

    read = Read(3, f"a{quoting.IMAGE}b", (vision.image(), b"\xff\x00"))
    (packet,) = Decoder().feed(pack(read))
    assert unpack_to_engine(packet) == read
