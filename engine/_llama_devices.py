"""The devices of this build of llama.cpp, through ggml's own list; llama-cpp-python has no binding for it."""

from __future__ import annotations

import ctypes
import logging
from typing import Any, Final

from llama_cpp import llama_cpp as C  # noqa: N812  (as in llama.h)

from engine.machine import Device, DeviceKind

logger = logging.getLogger(__name__)

# enum ggml_backend_dev_type of ggml-backend.h
_KINDS: Final[dict[int, DeviceKind]] = {0: "cpu", 1: "gpu", 2: "igpu", 3: "accelerator"}

_CALLS: Final[dict[str, tuple[Any, list[Any]]]] = {
    "ggml_backend_dev_count": (ctypes.c_size_t, []),
    "ggml_backend_dev_get": (ctypes.c_void_p, [ctypes.c_size_t]),
    "ggml_backend_dev_name": (ctypes.c_char_p, [ctypes.c_void_p]),
    "ggml_backend_dev_description": (ctypes.c_char_p, [ctypes.c_void_p]),
    "ggml_backend_dev_type": (ctypes.c_int, [ctypes.c_void_p]),
    "ggml_backend_dev_memory": (
        None, [ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(ctypes.c_size_t)],
    ),
    "ggml_backend_dev_backend_reg": (ctypes.c_void_p, [ctypes.c_void_p]),
    "ggml_backend_reg_name": (ctypes.c_char_p, [ctypes.c_void_p]),
    "ggml_backend_reg_count": (ctypes.c_size_t, []),
    "ggml_backend_reg_get": (ctypes.c_void_p, [ctypes.c_size_t]),
}  # fmt: skip


def devices() -> tuple[Device, ...]:
    """Every device, graphics cards first as llama.cpp orders them; none where the build exports no list."""
    calls = _bound()
    if calls is None:
        return ()
    found = []
    for index in range(calls["ggml_backend_dev_count"]()):
        device = calls["ggml_backend_dev_get"](index)
        free, total = ctypes.c_size_t(0), ctypes.c_size_t(0)
        calls["ggml_backend_dev_memory"](device, ctypes.byref(free), ctypes.byref(total))
        kind = _KINDS.get(calls["ggml_backend_dev_type"](device))
        if kind is None:
            continue
        registered = calls["ggml_backend_dev_backend_reg"](device)
        found.append(
            Device(
                name=_text(calls["ggml_backend_dev_name"](device)),
                description=_text(calls["ggml_backend_dev_description"](device)),
                backend=_text(calls["ggml_backend_reg_name"](registered)),
                kind=kind,
                total_bytes=total.value,
                free_bytes=free.value,
            )
        )
    return tuple(found)


def backends() -> tuple[str, ...]:
    """Names of the parts that were compiled in: `CPU`, and `CUDA`, `MTL`, `Vulkan`, ..."""
    calls = _bound()
    if calls is None:
        return ("CPU",)
    count = calls["ggml_backend_reg_count"]()
    return tuple(
        _text(calls["ggml_backend_reg_name"](calls["ggml_backend_reg_get"](index))) for index in range(count)
    )


def _bound() -> dict[str, Any] | None:
    library: Any = C._lib
    calls = {}
    for name, (result, arguments) in _CALLS.items():
        try:
            call = getattr(library, name)
        except AttributeError:
            logger.warning("this build of llama.cpp exports no list of devices")
            return None
        call.restype, call.argtypes = result, arguments
        calls[name] = call
    return calls


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="replace")
