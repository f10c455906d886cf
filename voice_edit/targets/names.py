"""What a target is called in the journal, and what a name tells about its target.

A file is called by its absolute path, or by the bytes of its path in hexadecimal digits ("bytes:2f6e...")
where these are no printable Unicode text. Everything else has a scheme and a name that no path begins with:
"client:practice", "clipboard:", "field:mousepad#3f2a91c0".
"""

from __future__ import annotations

import os
from pathlib import Path

from voice_edit.errors import TargetGone

FIELD_SCHEME = "field:"
CLIPBOARD = "clipboard:"
_BYTES_PREFIX = "bytes:"
_LONGEST_TITLE = 60


def name_of(path: Path) -> str:
    """A path as Unicode text, whatever bytes it is made of. `path_of` is the way back."""
    text = str(path)
    if text.isprintable() and path.is_absolute():
        return text
    return _BYTES_PREFIX + os.fsencode(path).hex()


def is_file(name: str) -> bool:
    """Whether this is the name of a file."""
    return name.startswith(("/", _BYTES_PREFIX))


def path_of(name: str) -> Path:
    """The path that `name_of` named. Raises TargetGone for the name of something else."""
    if name.startswith(_BYTES_PREFIX):
        return Path(os.fsdecode(bytes.fromhex(name.removeprefix(_BYTES_PREFIX))))
    if not is_file(name):
        raise TargetGone(f"{shown(name)} is no file, and no program that holds it is there.")
    return Path(name)


def field_name(title: str, digest: str) -> str:
    """The name of a field in another program; `digest` tells it from others of the same program."""
    title = "".join(char for char in title if char.isprintable() and char != "#")[:_LONGEST_TITLE]
    return f"{FIELD_SCHEME}{title}#{digest}"


def is_field(name: str) -> bool:
    """Whether this is the name of a field in another program."""
    return name.startswith(FIELD_SCHEME)


def shown(name: str) -> str:
    """The name as people read it: a path, or e.g. “practice”."""
    if is_file(name):
        return str(path_of(name))
    scheme, _, rest = name.partition(":")
    if is_field(name):
        rest = rest.rpartition("#")[0]
    return f"“{rest}”" if rest else f"the {scheme}"


def shown_short(name: str) -> str:
    """The same where there is little room: a file without its folder."""
    return path_of(name).name if is_file(name) else shown(name)
