"""What the answers are made of: the model, the settings, the desk, and who writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.requests import Request

    from engine.writer import Writer
    from voice_edit.api.desk import Desk, Job
    from voice_edit.config import Settings
    from voice_edit.paths import Paths


@dataclass(frozen=True, slots=True)
class Endpoint:
    """See above."""

    desk: Desk
    model: Callable[[], str]
    """The name of the model in use."""
    settings: Callable[[], Settings]
    paths: Paths
    open_writer: Callable[[Job], Writer | None]
    """What writes, at its turn; None where nothing does."""
    began_s: int
    """When the endpoint was opened, in seconds since 1970."""

    def writer(self, job: Job) -> Writer | None:
        """What writes for this job, and stops with it."""
        found = self.open_writer(job)
        if found is not None:
            job.on_stop(found.cancel)
        return found


def gone(request: Request) -> Callable[[], Any]:
    """Returns when the client has hung up. Only for a request whose body was read."""

    async def wait() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    return wait
