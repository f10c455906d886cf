"""`Loading` in llama.cpp's own words."""

from __future__ import annotations

from typing import Any, Final

from llama_cpp import llama_cpp as C  # noqa: N812  (as in llama.h)

from engine.loading import CacheType, FlashAttention, Loading

_LOAD_MODES: Final = {
    # (mmap, mlock)
    (True, False): C.LLAMA_LOAD_MODE_AUTO,  # mapped, but for devices that cannot
    (True, True): C.LLAMA_LOAD_MODE_MMAP_MLOCK,
    (False, True): C.LLAMA_LOAD_MODE_MLOCK,
    (False, False): C.LLAMA_LOAD_MODE_NONE,
}
_FLASH_ATTENTION: Final[dict[FlashAttention, int]] = {
    "auto": C.LLAMA_FLASH_ATTN_TYPE_AUTO,
    "on": C.LLAMA_FLASH_ATTN_TYPE_ENABLED,
    "off": C.LLAMA_FLASH_ATTN_TYPE_DISABLED,
}
_CACHE_TYPES: Final[dict[CacheType, int]] = {
    "f16": C.GGML_TYPE_F16,
    "q8_0": C.GGML_TYPE_Q8_0,
    "q4_0": C.GGML_TYPE_Q4_0,
}


def set_loading(params: Any, loading: Loading) -> None:
    """Say in `llama_model_params` how the file is read."""
    params.load_mode = _LOAD_MODES[loading.mmap, loading.mlock]


def set_cache(params: Any, loading: Loading) -> None:
    """Say in `llama_context_params` how keys and values are kept and used."""
    params.flash_attn_type = _FLASH_ATTENTION[loading.flash_attention]
    params.type_k = params.type_v = _CACHE_TYPES[loading.kv_type]
