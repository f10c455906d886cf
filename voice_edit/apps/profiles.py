"""Which way of writing suits which program. No desktop is asked here.

A profile is chosen by the window and the element that have the focus. Those of the user come first, in the
order of apps.toml, then those that come with the program; where none fits there is "default".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from voice_edit.desktop.base import Element, SessionKind, Window
    from voice_edit.paths import Paths

Mechanism: TypeAlias = Literal["accessibility", "paste", "type"]
Newlines: TypeAlias = Literal["keep", "space", "ask"]
Capitals: TypeAlias = Literal["auto", "off"]
FinalMark: TypeAlias = Literal["keep", "drop"]
TrailingSpace: TypeAlias = Literal["auto", "always", "never"]

DEFAULT = "default"
LONGEST_SHOWN = 60
"""Code points of a program's name."""


@dataclass(frozen=True, slots=True)
class AppProfile:
    """How text gets into one kind of program, and how it should look there."""

    name: str
    mechanisms: tuple[Mechanism, ...] = ("accessibility", "paste", "type")
    """What is tried, in this order; none of them leaves the words to the clipboard and the user."""
    chord: str = "<shift>+<insert>"
    """What pastes there."""
    newlines: Newlines = "keep"
    """What becomes of the line ends in a text: kept, made spaces, or the user is asked. A field that has one
    line only is asked about in any case."""
    terminal: bool = False
    """A shell reads the text: no line end is ever put behind it, which would run it."""
    capitals: Capitals = "auto"
    """auto: as the place in the text wants it. off: no capital that only the start of a sentence asks for."""
    final_mark: FinalMark = "keep"
    """drop: no full stop at the end of what was dictated."""
    trailing_space: TrailingSpace = "auto"
    """Whether a space is put behind what was dictated: where the text goes on, always, or never."""
    prompt: str = ""
    """The tone, what kind of text it is: for a model that rewrites."""
    vocabulary: tuple[str, ...] = ()
    """Words that are likely there."""
    why: str = ""
    """Why this one was chosen, a full sentence; empty until it was."""


@dataclass(frozen=True, slots=True)
class Match:
    """What a profile is for. Patterns are lower case, `*` and `?` as in file names; of each kind one must
    fit, and a kind without patterns always does."""

    apps: tuple[str, ...] = ()
    """Of the window's class or app id, its last part ("org.gnome.Console" is also "console"), or the name by
    which accessibility knows the program."""
    titles: tuple[str, ...] = ()
    """Of the window's title."""
    toolkits: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Fits nothing: such a profile is only there to be `like`."""
        return not (self.apps or self.titles or self.toolkits or self.roles)

    def reasons(self, window: Window | None, element: Element | None) -> list[str] | None:
        """What fitted, as parts of a sentence; None if something did not."""
        if self.is_empty:
            return None
        names = app_names(window, element)
        found: list[str] = []
        for patterns, what, values in (
            (self.apps, "the program is called {}", names),
            (self.titles, "the title of the window fits “{}”", [] if window is None else [window.title]),
            (self.toolkits, "the toolkit is {}", [] if element is None else [element.toolkit]),
            (self.roles, "the field is a {}", [] if element is None else [element.role]),
        ):
            if not patterns:
                continue
            hit = _first_hit(patterns, values)
            if hit is None:
                return None
            pattern, value = hit
            # A title can hold anything, also what was dictated: the pattern is told instead.
            found.append(what.format(pattern if patterns is self.titles else short(value)))
        return found


class Chooser(Protocol):
    """Whoever knows the profiles: `Profiles`, or `following.FollowedProfiles`."""

    def choose(self, window: Window | None, element: Element | None) -> AppProfile:
        """The profile for what has the focus; its `why` says why."""
        ...


@dataclass(frozen=True, slots=True)
class Row:
    """A profile with what it is for and where it comes from."""

    profile: AppProfile
    match: Match
    origin: str
    """"built-in", or the file that says so."""


@dataclass(frozen=True, slots=True)
class Profiles:
    """All profiles, in the order in which they are tried."""

    rows: tuple[Row, ...]
    """The last one is "default", which fits whatever no other one does."""

    def choose(self, window: Window | None, element: Element | None) -> AppProfile:
        """The profile for what has the focus; its `why` says why."""
        for row in self.rows:
            if row.profile.name != DEFAULT and (reasons := row.match.reasons(window, element)) is not None:
                return replace(row.profile, why=_because(row, reasons))
        default = self.named(DEFAULT)
        names = app_names(window, element)
        known = f"there is no profile for {short(names[0])}" if names else "nobody says which program this is"
        return replace(default.profile, why=f"Profile {DEFAULT}: {known}.")

    def named(self, name: str) -> Row:
        """The profile of that name. Raises UsageError with the names there are."""
        found = next((row for row in self.rows if row.profile.name == name), None)
        if found is None:
            from voice_edit.errors import UsageError

            raise UsageError(
                f"There is no profile '{name}'.",
                hint=f"The profiles are: {', '.join(row.profile.name for row in self.rows)}.",
            )
        return found


def load_profiles(paths: Paths, *, session: SessionKind | None = None) -> Profiles:
    """The profiles that come with the program, and the user's apps.toml on top of them, with the paste keys
    of that kind of session. Raises UsageError naming the file, the profile and the key.
    """
    from voice_edit.apps.reading import read_profiles
    from voice_edit.own_files import read_toml

    return read_profiles(read_toml(paths.apps_file), str(paths.apps_file), session=session)


def app_names(window: Window | None, element: Element | None) -> list[str]:
    """The names by which the program may be known, lower case, the window's first."""
    given = [window.app if window is not None else "", element.app if element is not None else ""]
    names: list[str] = []
    for name in (name.strip().lower() for name in given):
        # "org.gnome.Console": the last part is what people call it.
        last = name.rpartition(".")[2] if name.count(".") > 1 else name
        names += [part for part in (name, last) if part]
    return list(dict.fromkeys(names))


def short(name: str) -> str:
    """A name as it is told to people: windows of web apps are called after all of their address."""
    return name if len(name) <= LONGEST_SHOWN else name[:LONGEST_SHOWN] + "…"


def _first_hit(patterns: Sequence[str], values: Sequence[str]) -> tuple[str, str] | None:
    for value in values:
        lower = value.lower()
        for pattern in patterns:
            if fnmatchcase(lower, pattern):
                return pattern, value
    return None


def _because(row: Row, reasons: Sequence[str]) -> str:
    source = "" if row.origin == "built-in" else " of apps.toml"
    return f"Profile {row.profile.name}{source}: {' and '.join(reasons)}."
