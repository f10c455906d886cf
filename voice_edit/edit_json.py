"""Edits as plain JSON, for the journal: `{"changes": [[start, old, new], ...], "before": [anchor, head],
"after": [anchor, head]}`.

Offsets are code points of the text before the edit; each change holds what it replaced, so the inverse
needs nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voice_edit.edits import Edit


def edits_to_json(edits: Iterable[Edit]) -> list[dict[str, Any]]:
    """What `edits_from_json` reads."""
    return [
        {
            "changes": [[change.start, change.old, change.new] for change in edit.changes],
            "before": [edit.before.anchor, edit.before.head],
            "after": [edit.after.anchor, edit.after.head],
        }
        for edit in edits
    ]


def edits_from_json(data: Iterable[Any]) -> list[Edit]:
    """The edits that `edits_to_json` wrote."""
    from voice_edit.edits import Change, Edit, Selection

    return [
        Edit(
            changes=tuple(Change(start, old, new) for start, old, new in entry["changes"]),
            before=Selection(*entry["before"]),
            after=Selection(*entry["after"]),
        )
        for entry in data
    ]
