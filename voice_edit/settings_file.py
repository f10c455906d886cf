"""config.toml as a person keeps it: what is set where and what it means, and a writer that leaves alone
whatever it was not asked to change, comments and order included.

`with_setting` is pure. `write_setting` checks its result before anything is written: it must be valid,
differ from what was there in this one setting only, and what it names must be there. The file is replaced
in one step; the old one is never lost.
"""

from __future__ import annotations

import ast
import inspect
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic import ValidationError

from voice_edit import config
from voice_edit.config import ENV_PREFIX, Settings, load_settings
from voice_edit.errors import UsageError
from voice_edit.own_files import change, parsed, read_toml

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from voice_edit.config import Paths

Origin = Literal["default", "file", "environment"]

_LIMITS = "docs/configuration.md lists every setting and its limits."


@dataclass(frozen=True, slots=True)
class SettingInfo:
    """One setting, with all that is to be said about it."""

    name: str
    """`section.key`."""
    value: Any
    """In use."""
    default: Any
    origin: Origin
    """Where the value comes from."""
    meaning: str
    """One paragraph."""
    limits: str
    """E.g. "20 to 1000"; empty for none."""
    choices: tuple[str, ...]
    """All that is allowed, where that is a list; "true" and "false" for a switch."""
    optional: bool
    """Whether it may be none, which leaves the choice to the program."""

    @property
    def section(self) -> str:
        return self.name.partition(".")[0]

    @property
    def key(self) -> str:
        return self.name.partition(".")[2]

    @property
    def variable(self) -> str:
        """The environment variable that wins over the file."""
        return f"{ENV_PREFIX}{self.section}__{self.key}".upper()


def describe_settings(paths: Paths, environ: Mapping[str, str] = os.environ) -> list[SettingInfo]:
    """Every setting, in the order of the documentation. Raises UsageError where the file is not valid."""
    used = load_settings(paths, environ)
    in_file = read_toml(paths.config_file)
    return [
        _describe(section, key, field, used, in_file, environ)
        for section, of_section in Settings.model_fields.items()
        for key, field in type(of_section.default).model_fields.items()
    ]


def shown(value: Any) -> str:
    """A value as it is typed and read; nothing for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def plain(value: Any) -> Any:
    """As TOML and JSON hold it."""
    return str(value) if isinstance(value, Path) else value


def parsed_value(name: str, text: str) -> Any:
    """What a person typed as a value of the setting; None where it may be none and nothing was typed.

    Raises UsageError, saying what would be right.
    """
    _, _, field = _field(name)
    text = text.strip()
    if not text and type(None) in get_args(field.annotation):
        return None
    return checked_value(name, text)


def checked_value(name: str, value: Any) -> Any:
    """A value for the setting as it is kept: a number for "500". Raises UsageError, saying what is right."""
    section, key, field = _field(name)
    if isinstance(value, bool) and field.annotation is not bool:
        raise UsageError(f"{name}: {shown(value)} is no value for it.", hint=_LIMITS)
    try:
        checked = type(Settings.model_fields[section].default).model_validate({key: value})
    except ValidationError as error:
        raise _not_valid(name, error) from error
    return getattr(checked, key)


def check_usable(name: str, settings: Settings, paths: Paths) -> None:
    """What is written down must work the next time: the model is there, the keys are keys.

    `name` is the setting that was changed. Raises UsageError, ModelFailed.
    """
    section = name.partition(".")[0]
    if section == "hotkeys":
        from hotkeys import Bindings, HotkeyError

        keys = settings.hotkeys
        try:
            Bindings(keys.dictate, keys.edit, keys.cancel)
        except HotkeyError as error:
            raise UsageError(f"{name}: {error}", hint=error.hint) from error
    elif section == "server" or (name == "engine.model" and settings.engine.model == "server"):
        from voice_edit import engines

        if settings.server.url or engines.uses_server(settings):
            engines.server_of(settings)
    elif name in ("engine.model", "engine.projector"):
        from voice_edit import pipeline

        pipeline.find_model(settings, paths)


def with_setting(text: str, name: str, value: Any) -> str:
    """The text of config.toml with one setting changed; None removes it, back to the default.

    Everything else stays as it is. Raises UsageError for a name that there is not and a text that is no TOML.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    section, key, _ = _field(name)
    plain_value = plain(value)
    try:
        document = tomlkit.parse(text)
        table = document.get(section)
        if plain_value is None:
            if table is not None:
                table.pop(key, None)
        elif table is None:
            added = tomlkit.table()
            added.add(key, plain_value)
            if document.body and not text.endswith("\n\n"):
                document.add(tomlkit.nl())
            document.add(section, added)
        else:
            table[key] = plain_value
        changed = tomlkit.dumps(document)
    except (TOMLKitError, AttributeError, TypeError) as error:
        raise UsageError(
            f"[{section}] in the settings cannot be changed: {error}", hint="Change it with an editor."
        ) from error
    return changed.replace("\r\n", "\n").replace("\n", "\r\n") if "\r\n" in text else changed


def write_setting(paths: Paths, name: str, value: Any) -> Path:
    """Change one setting in config.toml, which is made where there is none; returns where it lies.

    Raises UsageError (nothing was written: not valid, not readable, changed meanwhile), TargetError.
    """

    def edit(old: str, path: Path) -> str:
        new = with_setting(old, name, value)
        settings = _check(old, new, name, value, path)
        if value is not None and new != old:
            check_usable(name, settings, paths)
        return new

    change(paths.config_file, edit)
    return Path(os.path.realpath(paths.config_file))


def _check(old: str, new: str, name: str, value: Any, path: Path) -> Settings:
    """The new text must be valid, and differ in this setting only; the settings that it means."""
    section, key, _ = _field(name)
    before, after = parsed(old, path), parsed(new, path)
    try:
        settings = Settings.model_validate(after)
    except ValidationError as error:
        raise _not_valid(name, error) from error
    expected = {one: dict(values) for one, values in before.items() if isinstance(values, Mapping)}
    expected.setdefault(section, {}).pop(key, None)
    if value is not None:
        expected[section][key] = plain(value)
    if {k: v for k, v in after.items() if v} != {k: v for k, v in expected.items() if v}:
        raise UsageError(
            f"{path} is written in a way in which '{name}' cannot be changed safely; nothing was written.",
            hint="Change it with an editor.",
        )
    return settings


def _field(name: str) -> tuple[str, str, FieldInfo]:
    section, _, key = name.partition(".")
    of_section = Settings.model_fields.get(section)
    field = None if of_section is None else type(of_section.default).model_fields.get(key)
    if field is None:
        names = ", ".join(config.setting_names())
        raise UsageError(f"There is no setting '{name}'.", hint=f"The settings are: {names}.")
    return section, key, field


def _not_valid(name: str, error: ValidationError) -> UsageError:
    first = error.errors()[0]
    message = first["msg"].removeprefix("Value error, ")
    return UsageError(f"{name}: {message}.", hint=_LIMITS)


def _describe(
    section: str,
    key: str,
    field: FieldInfo,
    used: Settings,
    in_file: Mapping[str, Any],
    environ: Mapping[str, str],
) -> SettingInfo:
    variables = {name.upper() for name in environ if name.startswith(ENV_PREFIX)}
    origin: Origin = "default"
    if f"{ENV_PREFIX}{section}__{key}".upper() in variables:
        origin = "environment"
    elif key in in_file.get(section, {}):
        origin = "file"
    kinds = get_args(field.annotation)
    choices: tuple[str, ...] = ()
    if get_origin(field.annotation) is Literal:
        choices = tuple(str(one) for one in kinds)
    elif field.annotation is bool:
        choices = ("true", "false")
    return SettingInfo(
        name=f"{section}.{key}",
        value=getattr(getattr(used, section), key),
        default=field.default,
        origin=origin,
        meaning=_meanings().get((type(Settings.model_fields[section].default).__name__, key), ""),
        limits=_limits(field),
        choices=choices,
        optional=type(None) in kinds,
    )


def _limits(field: FieldInfo) -> str:
    bounds = {
        name: getattr(one, name) for one in field.metadata for name in ("ge", "le") if hasattr(one, name)
    }
    if {"ge", "le"} <= set(bounds):
        return f"{shown(bounds['ge'])} to {shown(bounds['le'])}"
    return f"at least {shown(bounds['ge'])}" if "ge" in bounds else ""


@cache
def _meanings() -> dict[tuple[str, str], str]:
    """(class, field) -> the string below the field in config.py: the one place that says what it means."""
    found: dict[tuple[str, str], str] = {}
    try:
        tree = ast.parse(inspect.getsource(config))
    except OSError:  # installed without sources
        return found
    for node in tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        for field, below in zip(node.body, node.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
            ):
                found[node.name, field.target.id] = " ".join(str(below.value.value).split())
    return found
