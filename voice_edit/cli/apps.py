"""`voice-edit apps`: how text gets into which program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from voice_edit.cli.options import AsJson, Invocation, invocation

if TYPE_CHECKING:
    from voice_edit.apps.profiles import Profiles
    from voice_edit.desktop.base import Means

HELP = "How text gets into which program: profiles, yours in apps.toml."
CHECK_EPILOG = """\b
For example:
  voice-edit apps check --after 3      click into a field meanwhile
  voice-edit apps check --after 3 --json | jq .why"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the profiles in the order in which they are tried: yours first."""
    from voice_edit.apps import showing

    run = invocation(context)
    output, profiles = run.output(), _profiles(run)
    for row in profiles.rows:
        name = row.profile.name + ("" if row.origin == "built-in" else " *")
        first = f"{name:<18}{showing.ways(row.profile):<28}{showing.meant(row)}"
        manners = showing.manners(row.profile)
        output.result(showing.to_json(row), first + (f"\n{'':<18}{manners}" if manners else ""))
    if any(row.origin != "built-in" for row in profiles.rows):
        output.note(f"\n* {run.paths().apps_file}")
    else:
        output.note(f"\nYour own go into {run.paths().apps_file}: docs/fields.md describes them.")


@app.command("show")
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="PROFILE", help="As `voice-edit apps list` names it.")],
    as_json: AsJson = False,
) -> None:
    """Print all that holds for a profile, as it would stand in apps.toml."""
    from voice_edit.apps import showing

    run = invocation(context)
    row = _profiles(run).named(name)
    run.output().result(showing.to_json(row), showing.to_toml(row))


@app.command("check", epilog=CHECK_EPILOG)
def check(
    context: typer.Context,
    after: Annotated[
        float,
        typer.Option(
            "--after", min=0.0, max=60.0, metavar="SECONDS", help="Wait, so that you can go to a field."
        ),
    ] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Check apps.toml, then say what has the focus and how text would get there.

    No text is read, no key pressed, and the clipboard is left alone.
    """
    from voice_edit.apps.looking import look

    run = invocation(context)
    output, settings, profiles = run.output(), run.settings(), _profiles(run)
    mine = sum(row.origin != "built-in" for row in profiles.rows)
    file = run.paths().apps_file
    if file.exists():
        output.note(f"{file}: {mine} {'profile' if mine == 1 else 'profiles'}.")
    else:
        output.note(f"{file}: not there, which is fine.")
    if after:
        output.note(f"Go to a field: it is looked at in {after:g} s.")
    looked = look(settings, profiles, after_s=after)
    shown = "\n".join(f"{name:<10}{value}" for name, value in looked.lines)
    output.result(looked.to_json(), shown)
    for problem, parts in missing(looked.means).items():
        output.warn(f"{', '.join(parts)}: {problem[0]}", problem[1])


def missing(means: Sequence[Means]) -> dict[tuple[str, str], list[str]]:
    """What does not work: reason and remedy, and the parts that lack because of it."""
    from voice_edit.desktop.errors import FieldUnsupported

    working = {one.part for one in means if one.works}
    found: dict[tuple[str, str], list[str]] = {}
    for one in means:
        if one.part not in working:
            remedy = "" if one.remedy == FieldUnsupported.hint else one.remedy  # nothing was to be written
            found.setdefault((one.why, remedy), []).append(one.part)
    return found


def _profiles(run: Invocation) -> Profiles:
    """Those of this user, in this session. Raises UsageError."""
    import os

    from voice_edit.apps.profiles import load_profiles
    from voice_edit.desktop.session import session_kind

    return load_profiles(run.paths(), session=session_kind(os.environ))
