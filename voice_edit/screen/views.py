"""What a model would be shown, and the image of it: made when something is to be rewritten, never before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from voice_edit.screen.errors import ImageUnusable

if TYPE_CHECKING:
    from voice_edit.config import RewriteSettings
    from voice_edit.screen.taking import Taken

MOST_FILE_BYTES = 64 << 20
"""A larger image file is not read."""


@dataclass(frozen=True, slots=True)
class View:
    """Something that a model is shown."""

    image: bytes = field(repr=False)
    """A small PNG or JPEG file."""
    of: str
    """What it shows, for people: "the window “Mail”", "plan.png"."""


class Views(Protocol):
    """What is to be shown with a text."""

    def wanted(self) -> str:
        """What would be shown now, for people; "" for nothing."""
        ...

    def take(self) -> View:
        """It. May take a while. Raises ScreenUnseen, ImageUnusable."""
        ...


class NoViews:
    """Nothing is shown."""

    def wanted(self) -> str:
        """Nothing."""
        return ""

    def take(self) -> View:
        """Never asked for."""
        raise AssertionError("nothing was to be shown")


class FileViews:
    """An image file, read and made small at once."""

    def __init__(self, path: Path) -> None:
        """Raises ImageUnusable."""
        from voice_edit.screen.shrinking import shrunk

        try:
            with path.open("rb") as file:
                data = file.read(MOST_FILE_BYTES + 1)
        except OSError as error:
            raise ImageUnusable(f"{path} cannot be read: {error.strerror}.") from error
        if len(data) > MOST_FILE_BYTES:
            raise ImageUnusable(f"{path} has more than {MOST_FILE_BYTES >> 20} MiB.")
        self._view = View(shrunk(data, name=path.name), path.name)

    def wanted(self) -> str:
        """The file's name."""
        return self._view.of

    def take(self) -> View:
        """The file's image."""
        return self._view


class ScreenViews:
    """What is on the screen, where `rewrite.screen` is on."""

    def __init__(
        self, settings: Callable[[], RewriteSettings], take: Callable[[], Taken] | None = None
    ) -> None:
        """`take` takes the picture; None: the way of this session."""
        self._settings = settings
        self._take = take

    def wanted(self) -> str:
        """The screen, or nothing."""
        return "the screen" if self._settings().screen else ""

    def take(self) -> View:
        """A picture as of now. Raises ScreenUnseen."""
        from voice_edit.screen import taking

        taken = (self._take or taking.take)()
        return View(taken.image(), taken.of)
