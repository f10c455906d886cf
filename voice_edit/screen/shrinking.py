"""Any image as a small file in memory: what models look at is about a megapixel, and travels in one message.

The only file that imports Pillow. What the file said besides its pixels (where, when, by whom) is not kept.
"""

from __future__ import annotations

import io
import math
import warnings
from typing import TYPE_CHECKING

from voice_edit.screen.errors import ImageUnusable

if TYPE_CHECKING:
    from PIL.Image import Image

SHOWN_PIXELS = 512 * 48 * 48
"""Pixels of an image that Gemma 4 makes its most soft tokens of here (`engine._mtmd.IMAGE_TOKENS`)."""
MOST_PIXELS = 64_000_000
"""A file that claims more is not decoded."""
MOST_BYTES = 600_000
"""Of the file that is made; a message to the engine process holds it one and a half times."""

_READ = ("PNG", "JPEG", "WEBP")
_QUALITIES = (90, 75, 50, 25)


def shrunk(data: bytes, *, name: str) -> bytes:
    """A PNG, JPEG or WebP file as a PNG or JPEG file of at most `SHOWN_PIXELS` and `MOST_BYTES`; `name` is
    what errors call it. Raises ImageUnusable.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=_READ) as image:
                _check_size(*image.size, name)
                return as_file(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise ImageUnusable(f"{name} is too large: {error}") from error
    except UnidentifiedImageError as error:
        raise ImageUnusable(f"{name} is not an image that can be shown to a model.") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # whatever a broken file makes Pillow raise
        raise ImageUnusable(f"{name} cannot be read as an image: {error}") from error


def from_pixels(pixels: bytes, width: int, height: int, *, layout: str, stride: int) -> bytes:
    """The same of pixels as a screen hands them over. `layout`: Pillow's raw mode ("BGRX"); `stride`: bytes
    in a row. Raises ImageUnusable.
    """
    from PIL import Image

    _check_size(width, height, "the screen")
    return as_file(Image.frombuffer("RGB", (width, height), pixels, "raw", layout, stride, 1))


def as_file(image: Image) -> bytes:
    """An image as a small file: PNG where that is small enough, else JPEG."""
    plain = _on_white(image)
    share = math.sqrt(SHOWN_PIXELS / (plain.width * plain.height))
    if share < 1:
        plain = plain.resize((max(1, int(plain.width * share)), max(1, int(plain.height * share))))
    made = _encoded(plain, "PNG")
    for quality in _QUALITIES:
        if len(made) <= MOST_BYTES:
            break
        made = _encoded(plain, "JPEG", quality=quality)
    return made


def _check_size(width: int, height: int, name: str) -> None:
    if width < 1 or height < 1 or width * height > MOST_PIXELS:
        raise ImageUnusable(f"{name} has {width} x {height} pixels, which cannot be shown to a model.")


def _on_white(image: Image) -> Image:
    from PIL.Image import alpha_composite, new

    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        seen = image.convert("RGBA")
        white = new("RGBA", seen.size, "white")
        return alpha_composite(white, seen).convert("RGB")
    return image.convert("RGB")


def _encoded(image: Image, kind: str, **options: int) -> bytes:
    out = io.BytesIO()
    image.save(out, format=kind, **options)
    return out.getvalue()
