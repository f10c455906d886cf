"""The two looks. Each colour has one meaning; contrast of text on its ground is at least 4.5 to 1."""

from __future__ import annotations

from textual.theme import Theme

DARK, LIGHT = "voice-edit-dark", "voice-edit-light"

# Beyond Textual's own names:
#   muted    what is there to be read second            speech   sound that is a voice
#   faint    lines between things                       added / removed, and the words in them that differ

# The grounds are grey enough for a terminal with 256 colours to choose from its greys.

_SHARED = {
    "footer-background": "$surface",
    "input-cursor-text-style": "none",
}

THEMES = (
    Theme(
        name=DARK,
        dark=True,
        primary="#7aa8e8",
        secondary="#8f9bb3",
        accent="#c3a6e8",
        success="#8fc78a",
        warning="#e3b566",
        error="#ef8a8a",
        foreground="#d8dbe2",
        background="#15171c",
        surface="#1c1e24",
        panel="#262932",
        variables={
            **_SHARED,
            "muted": "#98a0b0",
            "faint": "#3a404d",
            "speech": "#6fc3b4",
            "added": "#8fc78a",
            "added-words": "#25402a",
            "removed": "#ef8a8a",
            "removed-words": "#4d2629",
            "input-selection-background": "#35507a",
            "input-cursor-background": "#d8dbe2",
            "input-cursor-foreground": "#15171c",
            "block-cursor-background": "#2c3a52",
            "block-cursor-foreground": "#eef1f6",
            "block-cursor-text-style": "none",
            "block-cursor-blurred-background": "#262932",
            "scrollbar": "#3a404d",
            "scrollbar-background": "#15171c",
            "scrollbar-hover": "#5a6274",
            "scrollbar-active": "#7aa8e8",
            "border": "#3a404d",
            "border-blurred": "#3a404d",
        },
    ),
    Theme(
        name=LIGHT,
        dark=False,
        primary="#2a5caa",
        secondary="#5b6475",
        accent="#7a4bb0",
        success="#2f7034",
        warning="#8a5700",
        error="#b3262b",
        foreground="#23262d",
        background="#fbfaf7",
        surface="#f2f0ea",
        panel="#e6e3da",
        variables={
            **_SHARED,
            "muted": "#646a76",
            "faint": "#cfcbc0",
            "speech": "#0f766a",
            "added": "#2f7034",
            "added-words": "#cfe8cd",
            "removed": "#b3262b",
            "removed-words": "#f6d5d3",
            "input-selection-background": "#bcd3f5",
            "input-cursor-background": "#23262d",
            "input-cursor-foreground": "#fbfaf7",
            "block-cursor-background": "#d5e2f6",
            "block-cursor-foreground": "#14161b",
            "block-cursor-text-style": "none",
            "block-cursor-blurred-background": "#e6e3da",
            "scrollbar": "#cfcbc0",
            "scrollbar-background": "#fbfaf7",
            "scrollbar-hover": "#a9a497",
            "scrollbar-active": "#2a5caa",
            "border": "#cfcbc0",
            "border-blurred": "#cfcbc0",
        },
    ),
)


def theme_named(setting: str) -> str:
    """The theme for the setting `tui.theme`."""
    return LIGHT if setting == "light" else DARK
