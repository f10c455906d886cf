"""Names that may be said reach the prompt of a model that has a place for them, and change nothing else."""

# ruff: noqa: RUF001  (names have apostrophes)

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from test_kvcache import ScriptedContext

from engine import catalog, prompt, terms
from engine.catalog import ModelFiles, PromptProfile
from engine.client import EngineClient
from engine.errors import ContextFull
from engine.events import Hypothesis
from engine.kvcache import PREFIX_BLOCK, KVCache, prefix_blocks
from engine.messages import Open, pack, unpack_to_engine
from engine.session import Engine
from engine.training.gguf_pair import random_tensors, write_pair
from engine.wire import Decoder, WireError

ASKING = """
{{- bos_token -}}
{%- for part in messages[0].content -%}
{%- if part.type == 'audio' -%}<|audio|>{%- else -%}{{ part.text | trim }}{%- endif -%}
{%- endfor -%}
"""
PROFILE = dataclasses.replace(
    tiny.profile(),
    instruction="Write it down.",
    template=ASKING,
    terms=" The names {terms} may be said.",
    terms_tokens=70,
)
"""As a model that is asked in words: the instruction first, the sound last."""
SOUND = tiny.sound(40)


class Letters:
    """A tokenizer whose tokens are characters; markers are one token each."""

    bos = 0
    adds_bos = True

    def tokenize(self, text: str) -> list[int]:
        return [1] if text in ("<|audio>", "<audio|>") else [ord(c) for c in text]

    def text_of(self, token: int) -> str:
        return ""


def text(tokens: Sequence[int]) -> str:
    return "".join(chr(token) for token in tokens if token > 1)


def built(profile: PromptProfile = PROFILE) -> prompt.Prompt:
    return prompt.build("", profile, Letters())


# --- the prompt ------------------------------------------------------------------------------------------


def test_names_stand_behind_the_instruction_and_before_the_sound() -> None:
    told = built().prefix_with(["Ada", "GitLab"], Letters())
    assert text(told) == "Write it down. The names Ada, GitLab may be said."
    assert told[-1] == 1


def test_without_names_the_prompt_is_what_it_was_before_there_was_a_place_for_them() -> None:
    plain = built(dataclasses.replace(PROFILE, terms="", terms_tokens=0))
    assert built().prefix == plain.prefix == built().prefix_with([], Letters())
    assert built().tail == plain.tail
    assert plain.place is None
    assert plain.prefix_with(["Ada"], Letters()) == plain.prefix


def test_the_first_names_that_fit_are_told_and_the_prompt_grows_no_more_than_it_may() -> None:
    asked = built()
    names = [f"Name{number}" for number in range(50)]
    told = asked.prefix_with(["Longfellow" * 4, *names], Letters())
    assert len(told) - len(asked.prefix) <= PROFILE.terms_tokens
    assert "The names LongfellowLongfellowLongfellowLongfellow may" in text(told)
    short = asked.prefix_with([f"{'Long name ' * 4}"[:40].strip(), *names], Letters())
    assert len(short) + len(asked.tail) <= asked.most_tokens


def test_what_could_be_more_than_a_name_never_gets_into_a_prompt() -> None:
    bad = [
        "<|turn>",
        "a\nb",
        "x" * 41,
        "one two three four five",
        "5.000",
        "",
        "  ",
        'say "no"',
        "<audio|>",
        "{terms}",
    ]
    assert terms.usable([*bad, "Zoë O’Hara", "C++ & C#", "naïve_id", "Zoë  O’Hara"]) == (
        "a b", "Zoë O’Hara", "C++ & C#", "naïve_id",
    )  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.text(max_size=60), max_size=80))
def test_no_list_of_names_brings_a_template_s_marks_into_a_prompt(names: list[str]) -> None:
    told = text(built().prefix_with(names, Letters()))
    assert not set("<>|{}\n\t\x00") & set(told)
    assert len(terms.usable(names)) <= terms.MOST_TERMS


def test_a_template_that_rewrites_what_it_is_given_has_no_place_for_names() -> None:
    shouting = ASKING.replace("part.text | trim", "(part.text | trim)[:14]")
    asked = built(dataclasses.replace(PROFILE, template=shouting))
    assert asked.place is None
    assert text(asked.prefix_with(["Ada"], Letters())) == "Write it down."


def test_the_catalogue_s_large_model_is_told_names_and_the_bundled_one_never() -> None:
    profiles = catalog.profiles()
    large = profiles["gemma-4-12b"]
    asked = prompt.build("", dataclasses.replace(large, terms_tokens=100), Letters())  # letters, not words
    assert text(asked.prefix_with(["Ada"], Letters())).endswith("spell it like this: Ada.")
    assert profiles["bundled"].terms == ""


def test_a_profile_with_half_a_place_for_names_is_refused() -> None:
    with pytest.raises(ValueError, match="terms"):
        catalog._profile("wrong", {"terms": "Names: {terms}"})
    with pytest.raises(ValueError, match="terms"):
        catalog._profile("wrong", {"terms": "Names", "terms_tokens": 9})


# --- the cache -------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(0, 40))
def test_the_blocks_of_a_prefix_cover_it_and_begin_alike(length: int, shared: int) -> None:
    shared = min(shared, length)
    ends = prefix_blocks(length, shared)
    assert list(ends) == sorted(set(ends))
    assert (ends[-1] if ends else 0) == length
    if shared:
        longer = prefix_blocks(length + 100, shared)
        assert all(end in longer for end in ends[:-1])


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(5, 7), min_size=2, max_size=60), min_size=1, max_size=6))
def test_what_is_kept_of_a_prefix_was_computed_in_the_batches_of_a_fresh_cache(
    prefixes: list[list[int]],
) -> None:
    shared = [5, 5]

    def batches(context: ScriptedContext) -> list[tuple[int, tuple[object, ...]]]:
        return context.__dict__.setdefault("log", [])  # type: ignore[no-any-return]

    class Logging(ScriptedContext):
        """Remembers for each cell the batch that it was computed in."""

        def _take(self, entries: list[object], position: int, sequence: int) -> None:
            super()._take([(entry, position, len(entries)) for entry in entries], position, sequence)

    used = KVCache(Logging(n_ctx=200, n_batch=100))
    for prefix in prefixes:
        used.begin([*shared, *prefix], shared=2)
    fresh = KVCache(Logging(n_ctx=200, n_batch=100))
    fresh.begin([*shared, *prefixes[-1]], shared=2)
    assert used._context.cells == fresh._context.cells  # type: ignore[attr-defined]


def test_only_the_blocks_that_changed_are_prefilled_again() -> None:
    cache = KVCache(ScriptedContext(n_ctx=500, n_batch=100))
    cache.begin(range(100), shared=10)
    assert cache.prefix_tokens == 100
    cache.begin([*range(90), *range(300, 310)], shared=10)
    assert cache.prefix_tokens == 100 + (100 - 10 - 5 * PREFIX_BLOCK)
    cache.begin([*range(90), *range(300, 310)], shared=10)
    assert cache.prefix_prefills == 2


def test_a_prefix_that_fails_half_way_is_taken_up_where_it_was() -> None:
    context = ScriptedContext(n_ctx=60, n_batch=100)
    cache = KVCache(context)
    with pytest.raises(ContextFull):
        cache.begin(range(61), shared=10)
    assert context.cells[0] == []
    context.fail_at = 2
    with pytest.raises(Exception, match="scripted"):
        cache.begin(range(50), shared=10)
    assert context.cells[0] == [*range(10)]
    cache.begin(range(50), shared=10)
    assert context.cells[0] == [*range(50)]


# --- the engine, on llama.cpp itself -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """The tiny model with a template that has room for words."""
    words = tiny.vocabulary()
    tensors = random_tensors(tiny.SHAPE, len(words.tokens), seed=1)
    tensors["mm.a.input_projection.weight"] *= 4
    folder = tmp_path_factory.mktemp("asking")
    pair = write_pair(folder, tiny.SHAPE, tensors, words, name="asking tiny", chat_template=ASKING)
    return ModelFiles("asking", *pair, PROFILE)


@pytest.fixture
def engine(files: ModelFiles) -> Iterator[Engine]:
    with Engine.open(files, n_ctx=512) as one:
        yield one


def hear(engine: Engine, *names: str) -> Hypothesis:
    session = engine.session(terms=names)
    session.push(SOUND)
    return session.finish()


def bits(heard: Hypothesis) -> tuple[object, ...]:
    return heard.tokens, heard.confidence, heard.text


def test_what_is_heard_depends_on_the_names_and_not_on_those_of_the_utterance_before(
    engine: Engine, files: ModelFiles
) -> None:
    plain = hear(engine)
    told = hear(engine, "Ada", "GitLab")
    assert bits(told) != bits(plain)
    assert bits(hear(engine)) == bits(plain)
    assert bits(hear(engine, "Ada", "Grace")) != bits(told)
    assert bits(hear(engine, "Ada", "GitLab")) == bits(told)
    with Engine.open(files, n_ctx=512) as fresh:
        assert bits(hear(fresh, "Ada", "GitLab")) == bits(told)


def test_another_list_of_names_costs_only_what_is_new(engine: Engine) -> None:
    hear(engine, "Ada", "Barbara", "GitLab")
    before = engine.cache.prefix_tokens
    hear(engine, "Ada", "Barbara", "Kubernetes")
    whole = len(engine.prompt.prefix_with(["Ada", "Barbara", "Kubernetes"], engine.model))
    assert 0 < engine.cache.prefix_tokens - before <= whole - engine.prompt.shared - PREFIX_BLOCK
    before = engine.cache.prefix_tokens
    hear(engine, "Ada", "Barbara", "Kubernetes")
    assert engine.cache.prefix_tokens == before


def test_a_model_without_a_place_for_names_hears_bit_by_bit_as_without() -> None:
    with Engine.open(tiny.tiny_model(), n_ctx=512) as plain:
        assert bits(hear(plain, "Ada", "GitLab")) == bits(hear(plain))
        assert plain.cache.prefix_prefills == 1


def test_room_for_the_longest_list_of_names_is_kept_free(engine: Engine) -> None:
    names = [f"Name{number}" for number in range(60)]
    assert len(engine.prompt.prefix_with(names, engine.model)) > len(engine.prompt.prefix) + 40
    session = engine.session(terms=names)
    session.push(np.zeros((engine.max_frames, 640), dtype=np.float32))
    assert session.finish().stop in ("eos", "max_tokens", "repetition")


# --- the way to the engine process ----------------------------------------------------------------------


def test_names_cross_to_the_engine_process_and_nonsense_does_not() -> None:
    said = Open(7, 640, ("Ada", "Zoë"))
    (packet,) = Decoder().feed(pack(said))
    assert unpack_to_engine(packet) == said
    for wrong in (b'["Ada",5]', b'"Ada"'):
        with pytest.raises(WireError):
            unpack_to_engine(packet._replace(payload=packet.payload.replace(b'["Ada","Zo\\u00eb"]', wrong)))


def test_names_reach_the_model_in_its_process_and_in_the_one_that_takes_its_place(
    files: ModelFiles,
) -> None:
    with Engine.open(files, n_ctx=512) as local:
        expected = bits(hear(local, "Ada", "GitLab"))
    with EngineClient(files, n_ctx=512) as client:
        session = client.session(terms=["Ada", "<|turn>", "GitLab"])
        session.push(SOUND[:20])
        while client.pid is None or client.state.state != "ready":
            time.sleep(0.01)
        os.kill(client.pid, signal.SIGKILL)
        session.push(SOUND[20:])
        assert bits(session.finish()) == expected
        assert client.restarts == 1
