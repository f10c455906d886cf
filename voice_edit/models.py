"""What there is to say about models: which are here, which fit this machine, and which one to begin with.

`suggest` decides; the rest looks. Asking the machine loads llama.cpp, which takes a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from voice_edit.pipeline import failures_named

if TYPE_CHECKING:
    from engine.fit import Machine, Needs, Placement
    from engine.model_rows import ModelRow
    from engine.model_store import StoredModel
    from engine.pulling import Planned
    from voice_edit.config import Paths, Settings

State = Literal["here", "partly", "damaged", "missing"]
"""damaged: it was here once, and is not what it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """One model, on this machine."""

    name: str
    title: str
    state: State
    used: bool
    """It is the one in the settings."""
    size: int
    """Bytes of its files, as far as they are known."""
    here: int
    """Bytes of them that are here."""
    needs: Needs | None
    """Memory; None where that is not known."""
    place: Placement | None

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "name": self.name, "title": self.title, "state": self.state, "used": self.used,
            "bytes": self.size, "bytes_here": self.here,
            "memory_bytes": self.needs.total if self.needs else None,
            "fits": self.place.fits if self.place else None,
            "where": self.place.where if self.place else None,
        }  # fmt: skip


def is_known(name: str, paths: Paths) -> bool:
    """Whether it is the name of something; else it is the path of a file."""
    from engine import model_store
    from engine.errors import ModelError
    from engine.model_rows import model_rows

    if name == "server" or name in model_rows():
        return True
    try:
        return model_store.read(paths.models, name) is not None
    except ModelError:
        return True


def overview(settings: Settings, paths: Paths, machine: Machine | None = None) -> list[ModelStatus]:
    """Every model of the catalogue, and every imported one. Raises ModelFailed."""
    with failures_named():
        from engine import fit, model_store
        from engine.model_rows import model_rows

        here = machine or fit.machine()
        rows = model_rows()
        imported = [model for model in model_store.stored(paths.models) if model.name not in rows]
        spoilt = [name for name in model_store.spoilt(paths.models) if name not in rows]
        return [
            *(_of_row(row, settings, paths, here) for row in rows.values()),
            *(_imported(model, settings, paths, here) for model in imported),
            *(_spoilt(name, settings) for name in spoilt),
        ]


def needs_of_row(row: ModelRow, settings: Settings) -> Needs | None:
    """Memory that a model of the catalogue needs, before its files are here; None for an unknown shape."""
    from engine import fit

    shape = fit.SHAPES.get(row.shape)
    if shape is None:
        return None
    chosen = settings.engine
    return fit.needs(
        shape,
        weights=row.size("model"),
        projector=row.size("projector"),
        drafter=row.size("drafter"),
        n_ctx=chosen.context_tokens,
        text_ctx=chosen.writing_tokens,
        loading=chosen.loading(),
    )


def plan(row: ModelRow, paths: Paths, *, drafter: bool = True) -> list[Planned]:
    """What a pull would bring. Raises ModelFailed."""
    with failures_named():
        from engine import pulling

        return pulling.plan(row, paths.models, drafter=drafter)


def suggest(models: Sequence[ModelStatus]) -> ModelStatus | None:
    """The one to begin with, of those that fit and are not here: on a graphics card the best writer, without
    one the one that hears best for its size.
    """
    fitting = {
        one.name: one for one in models if one.state != "here" and one.place is not None and one.place.fits
    }
    on_card = {name for name, one in fitting.items() if one.place is not None and one.place.where == "gpu"}
    for name in (*(name for name in BEST_ON_CARD if name in on_card), *BEST_WITHOUT):
        if name in fitting:
            return fitting[name]
    return None


BEST_ON_CARD = ("gemma-4-12b", "gemma-4-e4b", "gemma-4-e2b")
BEST_WITHOUT = ("gemma-4-e4b", "gemma-4-e2b", "gemma-4-12b")
"""Of clear speech, E4B makes half the mistakes of 12B, as others measured, and it computes less."""


def machine_line(machine: Machine) -> str:
    """This machine's memory, in one line."""
    from engine.fit import gb

    free = "" if machine.available_bytes is None else f", {gb(machine.available_bytes)} GB free"
    cards = [f"{card.name} ({card.description}) {gb(card.free_bytes)} GB free" for card in machine.graphics]
    told = (
        "; ".join(cards) or f"no graphics card that llama.cpp was built for ({', '.join(machine.backends)})"
    )
    return f"This machine: {gb(machine.ram_bytes)} GB of main memory{free}; {told}."


def _of_row(row: ModelRow, settings: Settings, paths: Paths, machine: Machine) -> ModelStatus:
    from engine import catalog, fit
    from engine.errors import ModelError, ModelMissing

    used = settings.engine.model == row.name
    size = sum(file.size for file in row.files)
    state: State = "here"
    here = size
    wanted = needs_of_row(row, settings)
    try:
        found = catalog.find_model(row.name, folder=paths.models)
        if wanted is None:
            size = here = found.model.stat().st_size + found.projector.stat().st_size
            wanted = _needs_of(found, settings)
    except ModelMissing:
        here = sum(one.here for one in plan(row, paths)) if row.files else 0
        state = "partly" if here else "missing"
    except ModelError:
        here, state = 0, "damaged"
    place = fit.place(wanted, machine, settings.engine.loading()) if wanted is not None else None
    return ModelStatus(
        name=row.name,
        title=row.title,
        state=state,
        used=used,
        size=size,
        here=here,
        needs=wanted,
        place=place,
    )


def _imported(model: StoredModel, settings: Settings, paths: Paths, machine: Machine) -> ModelStatus:
    from engine import catalog, fit
    from engine.errors import ModelError

    name = model.name
    state: State = "here"
    wanted = None
    try:
        wanted = _needs_of(catalog.find_model(name, folder=paths.models), settings)
    except ModelError:
        state = "damaged"
    place = fit.place(wanted, machine, settings.engine.loading()) if wanted is not None else None
    return ModelStatus(
        name=name, title="Imported", state=state, used=settings.engine.model == name, size=model.size,
        here=model.size, needs=wanted, place=place,
    )  # fmt: skip


def _spoilt(name: str, settings: Settings) -> ModelStatus:
    """One of which nobody knows what it consists of."""
    return ModelStatus(
        name=name, title="Imported", state="damaged", used=settings.engine.model == name, size=0, here=0,
        needs=None, place=None,
    )  # fmt: skip


def _needs_of(files: Any, settings: Settings) -> Needs:
    from engine import fit

    chosen = settings.engine
    return fit.needs_of(
        files, n_ctx=chosen.context_tokens, text_ctx=chosen.writing_tokens, loading=chosen.loading()
    )
