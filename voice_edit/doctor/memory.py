"""The doctor's look at what the model is computed on: memory, graphics cards, and how llama.cpp was built."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from voice_edit.doctor.checks import Context, Finding, State

if TYPE_CHECKING:
    from engine.catalog import ModelFiles
    from engine.fit import Needs, Placement
    from engine.machine import Machine
    from voice_edit.config import Settings

LARGE_BYTES: Final = 10**9
"""A model below this is quick without a graphics card."""


@dataclass(frozen=True, slots=True)
class Build:
    """How llama.cpp is built for a kind of hardware."""

    backends: tuple[str, ...]
    """Names of the backends that drive it, as llama.cpp lists them."""
    cmake: str
    """What switches it on."""
    needs: str
    """What must be installed before."""


BUILDS: Final[dict[str, Build]] = {
    "NVIDIA": Build(("CUDA", "Vulkan"), "-DGGML_CUDA=on", "the CUDA toolkit (nvcc)"),
    "AMD": Build(("ROCm", "HIP", "Vulkan"), "-DGGML_VULKAN=on", "the Vulkan SDK (glslc)"),
    "Intel": Build(("SYCL", "Vulkan"), "-DGGML_VULKAN=on", "the Vulkan SDK (glslc)"),
    "Apple": Build(("MTL", "Metal"), "-DGGML_METAL=on", "Xcode's command line tools"),
}
_VENDORS: Final = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel"}


def memory(context: Context) -> Finding:
    """Whether the model fits, and whether it could be quicker. In a process of its own: it loads drivers."""
    from engine import fit
    from voice_edit import engines, pipeline

    if engines.uses_server(context.settings):
        return Finding("skipped", "A server hears; no model is loaded here.")
    files = pipeline.find_model(context.settings, context.paths)
    chosen = context.settings.engine
    wanted = _needs(files, context.settings)
    here = fit.machine()
    placement = fit.place(wanted, here, chosen.loading())
    return judge(files.name, wanted.weights, placement, here, hardware(), checks=chosen.check_memory)


def second(context: Context) -> Finding:
    """Whether the engine that hears doubtful words again can do so, beside the one that hears."""
    from engine import fit
    from voice_edit import engines, pipeline
    from voice_edit.errors import VoiceEditError
    from voice_edit.second_ear import settings_of, shown_name

    settings, paths = context.settings, context.paths
    own = settings_of(settings)
    if not settings.fallback.engine:
        return Finding("skipped", "None is named; what is doubtful is only marked.")
    if own is None:
        return Finding(
            "warning",
            "The second engine is the one that hears already, so it is never asked",
            "Name another one, or none, as fallback.engine.",
        )
    name = shown_name(settings.fallback.engine)
    try:
        if engines.uses_server(own):
            engines.server_of(own)
            return Finding("ok", "The server hears again what is doubtful", "", {"name": name})
        files = pipeline.find_model(own, paths)
        beside = 0
        if not engines.uses_server(settings) and not paths.socket.exists():  # a daemon has its model already
            beside = _needs(pipeline.find_model(settings, paths), settings).total
    except VoiceEditError as error:
        return Finding("warning", f"The second engine cannot be used: {error}", error.hint, {"name": name})
    here = fit.machine()
    if here.available_bytes is not None:
        here = replace(here, available_bytes=max(0, here.available_bytes - beside))
    placement = fit.place(_needs(files, own), here, own.engine.loading())
    said = f"The second engine, {name}, needs {placement.said}"
    if placement.fits:
        return Finding("ok", said, "", {"name": name})
    return Finding(
        "warning",
        said,
        "Name a smaller one as fallback.engine, or end what else takes memory.",
        {"name": name},
    )


def _needs(files: ModelFiles, settings: Settings) -> Needs:
    from engine import fit

    chosen = settings.engine
    return fit.needs_of(
        files, n_ctx=chosen.context_tokens, text_ctx=chosen.writing_tokens, loading=chosen.loading()
    )


def judge(
    name: str, weights: int, placement: Placement, here: Machine, cards: Sequence[str], *, checks: bool
) -> Finding:
    """The finding about a model of so many bytes. `cards`: hardware of this machine (see `hardware`).
    `checks`: whether a model that does not fit is refused.
    """
    details = {
        "backends": list(here.backends), "devices": [device.name for device in here.graphics],
        "hardware": list(cards), "ram_bytes": here.ram_bytes, "available_bytes": here.available_bytes,
        "gpu_layers": placement.gpu_layers, "where": placement.where,
    }  # fmt: skip
    built = f"llama.cpp computes on {' and '.join(here.backends)}"
    if not placement.fits:
        from engine.errors import ModelTooLarge

        state: State = "failed" if checks else "warning"
        return Finding(state, f"{name} needs {placement.said}; {built}", ModelTooLarge.hint, details)
    said = f"{name} takes {placement.said}; {built}"
    idle = [card for card in cards if not set(BUILDS[card].backends) & set(here.backends)]
    if not idle:
        return Finding("ok", said, "", details)
    how = "\n".join(how_to_build(card) for card in idle)
    if weights < LARGE_BYTES:
        # Nobody needs a graphics card for this one; whoever wants a larger model finds the way in --json.
        return Finding("ok", said, "", details | {"builds": how})
    return Finding("warning", f"{said}, and not on what {' and '.join(idle)} has", how, details)


def how_to_build(card: str) -> str:
    """The command that gives llama.cpp for this hardware."""
    build = BUILDS[card]
    return (
        f'{card}, with {build.needs}: CMAKE_ARGS="{build.cmake}" {sys.executable} -m pip install '
        "--force-reinstall --no-cache-dir --no-binary llama-cpp-python llama-cpp-python"
    )


def hardware(
    cards: Path = Path("/sys/class/drm"), platform: str = sys.platform, processor: str | None = None
) -> list[str]:
    """Makers of the graphics cards of this machine, whatever llama.cpp knows of them: keys of `BUILDS`."""
    if platform == "darwin":
        import platform as system

        return ["Apple"] if (processor or system.machine()) == "arm64" else []
    found = set()
    for path in cards.glob("card*/device/vendor"):
        try:
            found.add(_VENDORS.get(path.read_text().strip(), ""))
        except OSError:
            continue
    return [maker for maker in BUILDS if maker in found]
