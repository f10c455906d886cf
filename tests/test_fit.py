"""What a model needs, compared with what llama.cpp reserves; where it goes; and what is refused."""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny
from llama_cpp import llama_cpp as C  # noqa: N812
from true_shapes import TRUE_SHAPES, TrueShape, write_hollow

from engine import fit, llama, machine
from engine._llama_params import set_cache
from engine.batch_audio import BatchEngine
from engine.catalog import find_model
from engine.client import EngineClient
from engine.errors import EngineError, ModelCorrupt, ModelTooLarge
from engine.fit import SHAPES, Needs, needs, needs_of, place, shape_of
from engine.gguf_header import read_header
from engine.loading import Loading
from engine.machine import Device, Machine
from engine.session import Engine

GB = 10**9
MIB = 2**20


@pytest.fixture(scope="module")
def hollow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("hollow")
    return {name: write_hollow(folder / f"{name}.gguf", shape) for name, shape in TRUE_SHAPES.items()}


# --- compared with llama.cpp -----------------------------------------------------------------------------


@contextmanager
def weightless(path: Path) -> Iterator[Any]:
    """The model as llama.cpp knows it without its weights."""
    llama._start()
    params = C.llama_model_default_params()
    params.no_alloc, params.load_mode = True, C.LLAMA_LOAD_MODE_NONE
    model = C.llama_model_load_from_file(str(path).encode(), params)
    assert model
    yield model
    C.llama_model_free(model)


def reserved(model: Any, n_ctx: int, loading: Loading, caplog: pytest.LogCaptureFixture) -> tuple[int, int]:
    """Bytes that llama.cpp reserves for the cache and to compute in, from its own log."""
    params = C.llama_context_default_params()
    params.n_ctx, params.n_seq_max = n_ctx, llama.N_SEQ_MAX
    params.n_batch = params.n_ubatch = fit.BATCH
    params.n_outputs_max = llama.MAX_OUTPUTS
    params.swa_full = params.kv_unified = True
    set_cache(params, loading)
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "engine.llama"):
        context = C.llama_init_from_model(model, params)
    assert context
    C.llama_free(context)
    story = "\n".join(record.getMessage() for record in caplog.records)
    cache = sum(float(size) for size in re.findall(r"llama_kv_cache: size = +([\d.]+) MiB", story))
    compute = sum(float(size) for size in re.findall(r"compute buffer size = +([\d.]+) MiB", story))
    assert cache, story
    assert compute, story
    return round(cache * MIB), round(compute * MIB)


@pytest.mark.parametrize("name", TRUE_SHAPES)
def test_needs_are_what_llama_cpp_reserves_for_a_file_of_the_true_shape(
    name: str, hollow: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    shape = shape_of(read_header(hollow[name]))
    with weightless(hollow[name]) as model:
        for n_ctx, loading in (
            (2048, Loading()),
            (8192, Loading()),
            (4096, Loading(kv_type="q8_0")),
            (4096, Loading(kv_type="q4_0", flash_attention="on")),
            (4096, Loading(flash_attention="off")),
        ):
            wanted = needs(shape, weights=0, n_ctx=n_ctx, text_ctx=0, loading=loading)
            cache, compute = reserved(model, n_ctx, loading, caplog)
            assert wanted.cache == cache, (n_ctx, loading)
            outputs = llama.MAX_OUTPUTS * shape.n_vocab * 4
            assert compute + outputs <= wanted.buffers, (n_ctx, loading)
            # Refused for nothing is as bad: no more than 150 MB and a quarter beyond.
            assert wanted.buffers <= 1.25 * (compute + outputs) + 150 * MIB, (n_ctx, loading)


@pytest.mark.parametrize("name", TRUE_SHAPES)
def test_shapes_that_are_known_beforehand_are_those_of_the_files(name: str, hollow: dict[str, Path]) -> None:
    assert shape_of(read_header(hollow[name])) == SHAPES[name]


@pytest.mark.parametrize("name", TRUE_SHAPES)
def test_a_file_that_is_not_here_needs_what_it_will_need_once_it_is(
    name: str, hollow: dict[str, Path]
) -> None:
    files = replace(tiny.tiny_model(), model=hollow[name])
    here = needs_of(files)
    before = needs(SHAPES[name], weights=files.model.stat().st_size, projector=files.projector.stat().st_size)
    assert here.total == before.total
    assert sum(here.layers) == pytest.approx(sum(before.layers), rel=0.05)
    assert here.embeddings == pytest.approx(before.embeddings, rel=0.05)


def test_the_file_of_a_12b_is_as_long_as_the_one_that_google_made(hollow: dict[str, Path]) -> None:
    assert hollow["gemma-4-12b"].stat().st_size == pytest.approx(6_975_879_296, rel=0.005)


def test_batches_and_outputs_are_counted_as_the_engine_opens_them() -> None:
    assert fit.OUTPUT_ROWS == llama.MAX_OUTPUTS
    with Engine.open(tiny.tiny_model(), n_ctx=1024, n_threads=1) as engine:
        assert engine.context.n_batch == fit.BATCH
        assert needs_of(tiny.tiny_model(), n_ctx=1000, text_ctx=0) == needs_of(
            tiny.tiny_model(), n_ctx=engine.context.n_ctx, text_ctx=0
        )


def test_the_bundled_models_process_stays_below_what_is_said_of_it() -> None:
    files = find_model()
    with EngineClient(files, n_threads=1, text_ctx=2048) as client:
        session = client.session()
        session.push(tiny.sound(50))
        session.finish()
        used = client.rss_bytes()
    # Without Python and its libraries: what is said is what the model needs.
    assert used is not None
    assert used - 90_000_000 < needs_of(files).total < used + 100_000_000


# --- where it goes ---------------------------------------------------------------------------------------


def machine_with(ram_gb: float, *cards: Device, available: float | None = None) -> Machine:
    free = None if available is None else round(available * GB)
    return Machine(round(ram_gb * GB), free, cards, ("CPU",))


def card(
    free_gb: float, *, name: str = "CUDA0", backend: str = "CUDA", kind: machine.DeviceKind = "gpu"
) -> Device:
    return Device(name, "a card", backend, kind, round(free_gb * GB), round(free_gb * GB))


def twelve_b(**more: Any) -> Needs:
    return needs(SHAPES["gemma-4-12b"], weights=6_975_879_296, projector=175_115_264, **more)


def test_without_a_graphics_card_it_goes_to_main_memory_or_nowhere() -> None:
    fits = place(twelve_b(), machine_with(16, available=12))
    assert (fits.where, fits.gpu_layers, fits.fits) == ("cpu", 0, True)
    assert "8.8 GB (weights 7.0, cache 1.4, projector 0.2, buffers 0.3)" in fits.said
    assert not place(twelve_b(), machine_with(16, available=8)).fits


def test_a_large_card_takes_all_layers_and_main_memory_keeps_the_embeddings() -> None:
    placed = place(twelve_b(), machine_with(8, card(12), available=4))
    assert (placed.where, placed.gpu_layers, placed.fits) == ("gpu", -1, True)
    # The table of tokens stays in main memory.
    assert not place(twelve_b(), machine_with(8, card(12), available=1)).fits


def test_a_small_card_takes_as_many_of_the_last_layers_as_fit() -> None:
    wanted = twelve_b()
    placed = place(wanted, machine_with(32, card(6), available=30))
    assert placed.where == "both"
    assert placed.fits
    assert 0 < placed.gpu_layers < 49
    free = 6 * GB - fit.RESERVE_GPU - wanted.buffers - wanted.projector
    assert sum(wanted.layers[-placed.gpu_layers :]) <= free < sum(wanted.layers[-placed.gpu_layers - 1 :])
    assert f"{placed.gpu_layers} of 49 layers on CUDA0" in placed.said


def test_a_card_with_hardly_any_memory_is_left_alone() -> None:
    assert place(twelve_b(), machine_with(32, card(1.5), available=30)).where == "cpu"


def test_two_cards_count_together_and_an_integrated_one_only_without_them() -> None:
    two = machine_with(32, card(6), card(6, name="CUDA1"), available=30)
    assert place(twelve_b(), two).gpu_layers == -1
    beside = machine_with(32, card(6), card(30, name="Vulkan1", kind="igpu"), available=30)
    assert place(twelve_b(), beside).where == "both"


def test_memory_that_a_mac_shares_is_taken_whole_or_not_at_all() -> None:
    metal = card(11, name="MTL0", backend="MTL")
    assert metal.shares_ram
    assert place(twelve_b(), machine_with(16, metal)).gpu_layers == -1
    small = place(twelve_b(), machine_with(8, card(5.5, name="MTL0", backend="MTL")))
    assert (small.where, small.fits) == ("cpu", False)


def test_a_number_of_layers_that_was_chosen_is_used_or_refused() -> None:
    here = machine_with(32, card(6), available=30)
    assert place(twelve_b(), here, Loading(gpu_layers=10)).gpu_layers == 10
    assert place(twelve_b(), here, Loading(gpu_layers=0)).where == "cpu"
    refused = place(twelve_b(), here, Loading(gpu_layers=-1))
    assert not refused.fits
    assert "CUDA0, which has 4.9 GB to spare" in refused.said


def test_a_smaller_cache_makes_room() -> None:
    assert twelve_b(loading=Loading(kv_type="q8_0")).cache == twelve_b().cache * 17 // 32
    assert twelve_b(text_ctx=0).cache == twelve_b().cache // 2


def test_choices_that_llama_cpp_refuses_are_refused_here() -> None:
    for wrong in ({"kv_type": "q8_0", "flash_attention": "off"}, {"gpu_layers": -2}, {"kv_type": "q5_1"}):
        with pytest.raises(ValueError, match=r"flash_attention|gpu_layers|kv_type"):
            Loading(**wrong)


# --- refused before it is loaded -------------------------------------------------------------------------


@pytest.mark.parametrize("opener", [Engine, BatchEngine])
def test_what_does_not_fit_is_refused_with_numbers_before_llama_cpp_sees_it(
    opener: type[Engine] | type[BatchEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit, "machine", lambda: machine_with(1, available=0.6))
    loaded: list[object] = []
    with monkeypatch.context() as patched:
        patched.setattr(llama.LlamaModel, "__init__", lambda *a, **k: loaded.append(a))
        with pytest.raises(ModelTooLarge, match=r"tiny does not fit: it needs 0\.\d GB .* 0\.1 of 1\.0 GB"):
            opener.open(tiny.tiny_model(), n_threads=1)
    assert not loaded
    with opener.open(tiny.tiny_model(), n_threads=1, loading=Loading(check_memory=False)) as engine:
        engine.session().finish()


def test_a_process_refuses_a_file_of_half_a_terabyte_and_says_why(tmp_path: Path) -> None:
    huge = TrueShape(
        n_layer=2400, n_embd=3840, n_ff=15360, n_head=16, n_head_kv=8, n_head_kv_global=1, global_every=6,
        sliding_window=1024,
    )  # fmt: skip
    path = write_hollow(tmp_path / "huge.gguf", huge, n_vocab=400)
    assert path.stat().st_size > 300 * GB
    files = replace(tiny.tiny_model(), model=path, projector=_projector(tmp_path))
    with EngineClient(files) as client:
        session = client.session()
        session.push(tiny.sound(8))
        with pytest.raises(ModelTooLarge, match=r"tiny does not fit: it needs \d{3}\.\d GB") as refused:
            session.finish()
    assert "engine.kv_type" in refused.value.hint
    assert refused.value.fatal


def _projector(folder: Path) -> Path:
    """One of the width of a 12B."""
    import gguf
    import numpy as np

    path = folder / "mmproj.gguf"
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_clip_has_audio_encoder(True)
    writer.add_clip_audio_projector_type("gemma4ua")
    writer.add_tensor("mm.a.input_projection.weight", np.zeros((3840, 640), dtype=np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


# --- choices reach llama.cpp -----------------------------------------------------------------------------


def opened(loading: Loading, caplog: pytest.LogCaptureFixture) -> tuple[str, str]:
    """llama.cpp's story of opening the bundled model, and the words of a recording."""
    from engine.source import read_audio

    recording = sorted((Path(__file__).parent.parent / "samples").glob("*.wav"))[0]
    samples = read_audio(recording)
    with (
        caplog.at_level(logging.DEBUG, "engine.llama"),
        Engine.open(find_model(), n_threads=1, loading=loading) as engine,
    ):
        session = engine.session()
        session.push(samples[: len(samples) // 640 * 640].reshape(-1, 640))
        words = session.finish().text
    return "\n".join(record.getMessage() for record in caplog.records), words


@pytest.mark.parametrize(
    ("loading", "said"),
    [
        (Loading(kv_type="q8_0"), "K (q8_0)"),
        (Loading(kv_type="q4_0", flash_attention="on"), "V (q4_0)"),
        (Loading(flash_attention="off"), "flash_attn            = disabled"),
        (Loading(flash_attention="on"), "flash_attn            = enabled"),
        (Loading(mmap=False), "load_mode = none"),
        (Loading(mlock=True), "load_mode = mmap+mlock"),
        (Loading(mmap=False, mlock=True), "load_mode = mlock"),
    ],
)
def test_what_is_chosen_is_what_llama_cpp_does(
    loading: Loading, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    story, words = opened(loading, caplog)
    assert said in story
    assert words


@pytest.mark.parametrize("layers", [0, -1, 2**16 + 1, 2**31])
def test_a_number_of_layers_that_no_model_has_is_a_damaged_file(layers: int) -> None:
    header = read_header(find_model().model)
    broken = replace(header, metadata={**header.metadata, "gemma4.block_count": layers})
    with pytest.raises(ModelCorrupt, match="layers"):
        shape_of(broken)


@pytest.mark.parametrize("name", ["blk.x.attn_norm", "blk.999999.attn_norm", "blk..", "blk.²"])
def test_a_tensor_of_no_layer_is_counted_all_the_same(name: str) -> None:
    files = find_model()
    header = read_header(files.model)
    tensors = {**header.tensors, name: next(iter(header.tensors.values()))}
    assert needs_of(files, header=replace(header, tensors=tensors)).total == needs_of(files).total


def test_numbers_of_another_kind_than_expected_count_as_none() -> None:
    header = read_header(find_model().model)
    odd = (float("nan"),) * 4096
    keys = ("attention.head_count_kv", "feed_forward_length", "attention.head_count")
    broken = replace(header, metadata={**header.metadata, **{f"gemma4.{key}": odd for key in keys}})
    assert shape_of(broken).n_ff == 0


def test_a_file_with_damaged_bytes_anywhere_in_its_header_is_judged_and_never_a_fault(tmp_path: Path) -> None:
    files, rng = find_model(), random.Random(1)
    right, path = files.model.read_bytes(), tmp_path / "model.gguf"
    judged = 0
    for _ in range(100):
        bytes_ = bytearray(right)
        for _ in range(rng.choice((1, 2, 8))):
            at, n = rng.randrange(0, rng.choice((2_000, 40_000))), rng.choice((1, 4, 8))
            bytes_[at : at + n] = rng.choice((bytes(n), b"\xff" * n, rng.randbytes(n)))
        path.write_bytes(bytes_)
        with suppress(EngineError):
            needs_of(replace(files, model=path))
            judged += 1
    assert 10 < judged < 100
