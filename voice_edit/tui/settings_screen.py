"""Every setting: what it is, what it means, where it comes from; and a way to change it."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from voice_edit.cli.output import visible
from voice_edit.control import protocol
from voice_edit.errors import VoiceEditError
from voice_edit.settings_file import (
    SettingInfo,
    describe_settings,
    parsed_value,
    shown,
    write_setting,
)
from voice_edit.tui import themes, view
from voice_edit.tui.dialogs import PickDialog, TextDialog
from voice_edit.tui.pages import Page

ORIGINS = {"default": "", "file": "config.toml", "environment": "environment"}


def row(info: SettingInfo) -> Content:
    """One line of the list; what differs from the default stands out."""
    changed = info.origin != "default"
    return Content.assemble(
        (f" {info.name:<28}", ""),
        (f"{visible(_value(info.value)):<24.24}", "bold" if changed else "$muted"),
        (f" {ORIGINS[info.origin]}", "$muted"),
    )


def details(info: SettingInfo) -> Content:
    """What is to be said about one setting."""
    allowed = f"  {' · '.join(info.choices)}" if info.choices else f"  {info.limits}" if info.limits else ""
    lines = [
        Content.assemble((info.name, "bold"), (allowed, "$muted")),
        Content(visible(info.meaning)),
        Content.assemble((f"default {_value(info.default)}   {info.variable}", "$muted")),
    ]
    return Content("\n").join(lines)


def _value(value: Any) -> str:
    return shown(value) or ("none" if value is None else "empty")


class SettingsScreen(Page):
    """A list, and the meaning of the one that is looked at."""

    HEADING = "settings"
    KEYS = (("Enter", "change", "screen.change"), ("d", "back to default", "screen.default"))
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "change", "Change"),
        Binding("d,delete", "default", "Back to the default"),
    ]
    AUTO_FOCUS = "#settings"

    def __init__(self) -> None:
        super().__init__()
        self._infos: list[SettingInfo] = []

    def body(self) -> ComposeResult:
        yield OptionList(id="settings", compact=True)
        yield Static(id="setting-details")
        yield Static(id="told")

    def on_mount(self) -> None:
        super().on_mount()
        if self._load():
            self.tell(view.short_path(self.ve_app.paths.config_file))

    def _load(self) -> bool:
        listed = self.query_one("#settings", OptionList)
        at = listed.highlighted or 0
        try:
            self._infos = describe_settings(self.ve_app.paths)
        except VoiceEditError as error:
            self.tell(f"{error} {error.hint}", style="$error")
            return False
        listed.clear_options()
        listed.add_options([Option(row(info)) for info in self._infos])
        listed.highlighted = at
        return True

    @property
    def chosen(self) -> SettingInfo | None:
        index = self.query_one("#settings", OptionList).highlighted
        return self._infos[index] if index is not None and index < len(self._infos) else None

    @on(OptionList.OptionHighlighted, "#settings")
    def _look(self) -> None:
        if self.chosen is not None:
            self.query_one("#setting-details", Static).update(details(self.chosen))

    @on(OptionList.OptionSelected, "#settings")
    def _picked(self) -> None:
        self.action_change()

    @work(group="change", exclusive=True)
    async def action_change(self) -> None:
        """Ask for the new value."""
        info = self.chosen
        if info is None:
            return
        value = shown(info.value)
        typed: str | None
        if info.choices:
            typed = await self.app.push_screen_wait(
                PickDialog(info.name, info.meaning, info.choices, value=value)
            )
        else:
            hint = f"{info.limits or 'text'}{'; empty for none' if info.optional else ''}"
            typed = await self.app.push_screen_wait(
                TextDialog(info.name, info.meaning, value=value, placeholder=hint)
            )
        if typed is None or (typed == value and info.origin != "default"):
            return
        try:
            await self._write(info, parsed_value(info.name, typed))
        except VoiceEditError as error:
            self.tell(f"{error}", style="$error")

    @work(group="change", exclusive=True)
    async def action_default(self) -> None:
        """Remove the setting from the file."""
        info = self.chosen
        if info is None or info.origin == "default":
            return
        try:
            await self._write(info, None)
        except VoiceEditError as error:
            self.tell(f"{error}", style="$error")

    async def _write(self, info: SettingInfo, value: Any) -> None:
        """Into the file first, then into the daemon that runs. Raises VoiceEditError."""
        path = write_setting(self.ve_app.paths, info.name, value)
        self._load()
        if info.name == "tui.theme":
            self.app.theme = themes.theme_named(shown(value) or str(info.default))
        words = f"Written to {view.short_path(path)}."
        if info.origin == "environment":
            self.tell(f"{words} The environment variable {info.variable} wins over it.", style="$warning")
            return
        if self.ve_app.state.connected:
            plain = value if isinstance(value, str | int | float | bool | None) else str(value)
            told = await self.ve_app.link.request(protocol.SettingsSet(name=info.name, value=plain))
            words += " It counts after a restart." if told.get("restart") else " It counts from now on."
        self.tell(words, style="$success")
