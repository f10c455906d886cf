"""Everything a user can set.

Settings come from, later wins: the defaults below, `config.toml` (see paths.py), environment variables.

    [engine]                     VOICE_EDIT_ENGINE__MODEL=bundled
    model = "bundled"
    [listening]                  VOICE_EDIT_LISTENING__LIMIT_MS=15000
    limit_ms = 15000
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from engine.loading import CacheType, FlashAttention, Loading
from voice_edit.errors import UsageError
from voice_edit.own_files import read_toml
from voice_edit.paths import Paths

__all__ = ["Paths", "Settings", "load_settings", "setting_names"]

ENV_PREFIX = "VOICE_EDIT_"


class _Section(BaseModel):
    """Frozen, and strict about names: a misspelt setting is an error, not a silence."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EngineSettings(_Section):
    """The model that hears."""

    model: str = "bundled"
    """A name from the catalogue or the path of a GGUF file."""
    projector: Path | None = None
    """The GGUF with the audio projection, where the model is a path. None: looked for beside the model."""
    context_tokens: int = Field(default=2048, ge=256, le=32768)
    """Positions in the KV cache."""
    writing_tokens: int = Field(default=2048, ge=0, le=32768)
    """Positions for texts that the model writes, besides; 0: the model only hears."""
    threads: int | None = Field(default=None, ge=1, le=512)
    """CPU threads; None leaves the choice to the engine."""
    gpu_layers: int | None = Field(default=None, ge=-1, le=999)
    """Layers on the graphics card, of an llama.cpp that was built for it; -1 all, None as many as fit."""
    flash_attention: FlashAttention = "auto"
    """Attention in one step, with less memory; "auto": wherever it is possible."""
    kv_type: CacheType = "f16"
    """How the KV cache is kept: q8_0 takes half the memory, q4_0 about a quarter; both may change words."""
    mmap: bool = True
    """Map the model's file instead of copying it into memory."""
    mlock: bool = False
    """Keep the weights in main memory, whatever other programs need."""
    check_memory: bool = True
    """Refuse a model that does not fit into the memory that is free."""

    @model_validator(mode="after")
    def _can_be_kept(self) -> EngineSettings:
        self.loading()
        return self

    def loading(self) -> Loading:
        """These choices as the engine takes them. Raises ValueError for what does not go together."""
        return Loading(
            gpu_layers=self.gpu_layers,
            flash_attention=self.flash_attention,
            kv_type=self.kv_type,
            mmap=self.mmap,
            mlock=self.mlock,
            check_memory=self.check_memory,
        )


class ListeningSettings(_Section):
    """When an utterance begins and ends. Times in milliseconds of the recording."""

    onset_ms: int = Field(default=60, ge=20, le=1000)
    """Speech needed before an utterance starts."""
    hangover_ms: int = Field(default=600, ge=100, le=5000)
    """Silence waited through before it is over."""
    pre_roll_ms: int = Field(default=300, ge=0, le=2000)
    """Kept from before the onset, so that no first syllable is lost."""
    tail_ms: int | None = Field(default=None, ge=0, le=2000)
    """What the model is fed after the last speech; None is as the model wants it."""
    min_speech_ms: int = Field(default=100, ge=20, le=5000)
    """Less speech than this is a noise, not an utterance."""
    limit_ms: int | None = Field(default=None, ge=1000, le=30_000)
    """A longer monologue is cut at its pauses into several utterances; None is as the model wants it."""
    partial_every_ms: int = Field(default=1000, ge=200, le=10_000)
    """How often partial words are computed while somebody speaks, pauses aside."""
    detector: Literal["webrtc", "silero"] = "webrtc"
    """What tells a voice from other sounds; "silero" is an extra: pip install 'voice-edit[silero]'."""
    aggressiveness: int = Field(default=2, ge=0, le=3)
    """How readily the voice activity detector calls a sound noise."""
    floor_dbfs: float = Field(default=-55.0, ge=-100.0, le=0.0)
    """Quieter than this is never speech."""

    @model_validator(mode="after")
    def _fits(self) -> ListeningSettings:
        longest = max(self.min_speech_ms, self.hangover_ms)
        if self.limit_ms is not None and longest > self.limit_ms:
            raise ValueError("min_speech_ms and hangover_ms must be smaller than limit_ms")
        return self


class MicrophoneSettings(_Section):
    """Where live sound comes from. Times in milliseconds."""

    device: str = "default"
    """A device's name or a part of it; "default" follows the system's choice."""
    warm_ms: int = Field(default=0, ge=0, le=1000)
    """Keep the microphone open and this much sound in memory, so that what was said just before the key went
    down is heard too; 0 opens it only while it is needed."""
    release_tail_ms: int = Field(default=400, ge=0, le=2000)
    """Listened to after the key was released, where it was released while somebody spoke: people release
    early."""
    release_quiet_ms: int = Field(default=200, ge=0, le=2000)
    """Listening ends before that once nobody has spoken for so long; 2000 waits for the whole tail, unless
    that was a long pause already."""


class HotkeySettings(_Section):
    """The keys that are held or tapped to talk."""

    backend: Literal["auto", "x11", "pynput", "evdev", "portal", "none"] = "auto"
    """Which way to the keyboard; "none" leaves talking to `voice-edit talk`."""
    dictate: str = "<ctrl>+<alt>+space"
    """Held or tapped to dictate; empty for no such key."""
    edit: str = "<ctrl>+<alt>+e"
    """Held or tapped to give edit commands; empty for no such key."""
    cancel: str = "<esc>"
    """Gives up what is being said. Only listened for while somebody talks."""
    style: Literal["hold", "toggle", "hybrid"] = "hybrid"
    """hold: talk while the key is down. toggle: each tap starts or stops. hybrid: a tap toggles, a longer
    press holds."""
    tap_ms: int = Field(default=300, ge=100, le=1000)
    """A press shorter than this is a tap."""
    debounce_ms: int = Field(default=30, ge=0, le=200)
    """A release that is followed by a press within this time did not happen."""
    longest_hold_s: float = Field(default=300.0, ge=5.0, le=3600.0)
    """A key that seems to be down for longer was released unseen."""


class DaemonSettings(_Section):
    """The program in the background."""

    hands_free: Literal["off", "dictate", "edit"] = "off"
    """Listen without a key from the start."""
    load_at_start: bool = False
    """Load the model when the daemon starts, not when a talk key goes down first."""
    unload_after_s: float = Field(default=600.0, ge=0.0, le=86_400.0)
    """Free the model's memory after so long without a word; 0 keeps it."""
    longest_take_s: float = Field(default=600.0, ge=10.0, le=7200.0)
    """Talking that was started by key or command is stopped after so long."""


class AskSettings(_Section):
    """When the user is asked before something is done."""

    confirm_chars: int = Field(default=400, ge=0, le=1_000_000)
    """An edit that removes or replaces more than this many characters is shown first; 0 never asks."""
    timeout_s: float = Field(default=60.0, ge=5.0, le=600.0)
    """How long an answer is waited for. Without one, nothing is done."""


class FeedbackSettings(_Section):
    """What is seen and heard besides the text."""

    sounds: bool = False
    """Short sounds when listening starts, stops, or is cancelled."""
    volume: float = Field(default=0.3, ge=0.0, le=1.0)
    """Of these sounds."""
    notifications: bool = True
    """A desktop notification when something failed."""
    title: bool = True
    """Show the state in the terminal's title (`tui`, `watch`)."""


class TuiSettings(_Section):
    """The terminal interface."""

    theme: Literal["dark", "light"] = "dark"
    """Its colours."""


class TargetSettings(_Section):
    """The files that are edited."""

    max_file_mb: int = Field(default=16, ge=1, le=1024)
    """Larger files are refused, in units of 2**20 bytes."""


class FieldSettings(_Section):
    """Text fields of other programs."""

    enabled: bool = True
    """Write into the field that has the focus; otherwise only into files, the practice pad, the clipboard."""
    mechanism: Literal["auto", "accessibility", "paste", "type", "clipboard"] = "auto"
    """How text gets there. "auto" goes through the mechanisms of the program's profile (docs/fields.md);
    "clipboard" leaves pasting to the user."""
    window_chars: int = Field(default=8000, ge=500, le=200_000)
    """So much text around the caret is read, however long the document is."""
    paste_timeout_ms: int = Field(default=1500, ge=100, le=10_000)
    """How long a program may take to fetch what is pasted."""
    keys_up_ms: int = Field(default=3000, ge=0, le=30_000)
    """How long is waited until Ctrl, Alt, Shift and Super are let go."""


class DictationSettings(_Section):
    """What may be changed in dictated words. How surely is measured: docs/dictation.md."""

    spoken_marks: Literal["off", "certain", "all"] = "certain"
    """Names of marks ("comma", "new line") are written as marks: "certain" where they can mean nothing else,
    "all" wherever they are said."""
    fillers: bool = True
    """Leave out "um" and "uh", and small words that were said twice."""
    corrections: bool = True
    """Leave out what you took back, as in "on Tuesday, no wait, Wednesday", where that is certain."""


class HistorySettings(_Section):
    """How long is kept what was said. Recordings go first, words and edits later."""

    audio_days: float = Field(default=30.0, ge=0)
    """Recordings older than this are removed."""
    audio_mb: float = Field(default=500.0, ge=0)
    """The oldest recordings are removed until the rest is no larger, in units of 2**20 bytes."""
    days: float = Field(default=365.0, ge=0)
    """Words and edits older than this are removed; they can then no longer be undone."""


class ServerSettings(_Section):
    """A program reached by HTTP that hears (`engine.model = "server"`) or writes (`rewrite.writer`)."""

    url: str = ""
    """Where it is, for example "http://127.0.0.1:8080"; empty for none."""
    kind: Literal[
        "auto", "llama-server", "llama-cpp-python", "vllm", "sglang", "ollama", "lmstudio", "litert-lm",
        "mlx", "openai",
    ] = "auto"  # fmt: skip
    """What it is; "auto" asks it, "openai" is any other with the same interface."""
    model: str = ""
    """The name of its model; empty for the first that it names."""
    key_file: Path | None = None
    """A file that holds its key and nothing else."""
    allow_remote: bool = False
    """Send words and sound to another machine."""
    hears: Literal["auto", "chat", "transcriptions", "no"] = "auto"
    """How it takes sound: in a chat, by its endpoint for transcriptions, not at all; "auto" finds out."""
    connect_s: float = Field(default=3.0, ge=0.1, le=60.0)
    """How long it may take to answer the door."""
    read_s: float = Field(default=60.0, ge=1.0, le=600.0)
    """How long it may be silent while an answer is waited for."""


class RewriteSettings(_Section):
    """Texts that a model writes."""

    writer: Literal["auto", "local", "server"] = "auto"
    """Who writes: the model that hears, or the server; "auto" is the server where one is configured."""
    confirm: Literal["doubtful", "large", "always"] = "large"
    """What is shown first, where somebody can be asked: a rewrite that may be none, also a large one (see
    ask.confirm_chars), or every one. A doubtful one that nobody is asked about is not done."""
    context_chars: int = Field(default=2000, ge=0, le=100_000)
    """So much of the text around a passage the model is shown."""
    ahead: bool = True
    """Show it that text while you still speak an edit, so that a rewrite begins sooner. Costs some work for
    every spoken edit; only for models that take instructions."""
    screen: bool = False
    """Show it what is on the screen as well: a picture taken when a rewrite is asked for, kept nowhere. Only
    for models that see; with others, rewrites are refused then."""


class ApiSettings(_Section):
    """The local endpoint, for programs on this machine. Changes take effect when the daemon starts."""

    enabled: bool = False
    """Open it, on loopback, for whoever has the key (`voice-edit api token`)."""
    port: int = Field(default=7923, ge=0, le=65535)
    """Its TCP port on 127.0.0.1 and ::1; 0 takes one that is free (`voice-edit api status` tells which)."""
    at_once: int = Field(default=8, ge=1, le=64)
    """Requests that may wait for the model; more are told to come again."""
    max_upload_mb: int = Field(default=25, ge=1, le=512)
    """Larger requests are refused, in units of 2**20 bytes."""
    longest_audio_s: float = Field(default=600.0, ge=1.0, le=7200.0)
    """Sound that may be sent at once, in seconds."""
    timeout_s: float = Field(default=300.0, ge=5.0, le=3600.0)
    """How long a request may take, waiting included."""


class WyomingSettings(_Section):
    """Home Assistant and its like hear with our model."""

    enabled: bool = False
    """Let programs that speak the Wyoming protocol hear with the model."""
    uri: str = "tcp://127.0.0.1:10300"
    """Where they reach it; "unix:///PATH" is a socket in a folder. Takes effect when the daemon starts."""
    allow_remote: bool = False
    """Let `uri` be an address that other machines reach; Wyoming has no passwords."""
    languages: str = "en"
    """What they are told that the model understands, with commas in between."""


class WeakSettings(_Section):
    """Words that are doubtful. How well that is known is measured: docs/weak-answers.md."""

    dictation: Literal["mark", "ask", "write"] = "mark"
    """Doubtful dictation is written and pointed out, or shown first where somebody can be asked, or written
    like any other."""
    edits: Literal["ask", "do"] = "ask"
    """A doubtful edit is shown first, and not done where nobody says yes; or done like any other."""
    below: float | None = Field(default=None, ge=0.0, le=1.0)
    """Doubtful below this probability of being right; None is as measured for the model."""


class FallbackSettings(_Section):
    """A second engine, which hears again what is doubtful."""

    engine: str = ""
    """"bundled", another name of the catalogue, the path of a GGUF, or "server"; empty for none."""
    timeout_s: float = Field(default=20.0, ge=1.0, le=300.0)
    """So long is waited for it, loading included; then the first words count."""


class Settings(_Section):
    """Everything a user can set."""

    engine: EngineSettings = EngineSettings()
    server: ServerSettings = ServerSettings()
    listening: ListeningSettings = ListeningSettings()
    microphone: MicrophoneSettings = MicrophoneSettings()
    hotkeys: HotkeySettings = HotkeySettings()
    daemon: DaemonSettings = DaemonSettings()
    ask: AskSettings = AskSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    tui: TuiSettings = TuiSettings()
    target: TargetSettings = TargetSettings()
    field: FieldSettings = FieldSettings()
    dictation: DictationSettings = DictationSettings()
    weak: WeakSettings = WeakSettings()
    fallback: FallbackSettings = FallbackSettings()
    rewrite: RewriteSettings = RewriteSettings()
    api: ApiSettings = ApiSettings()
    wyoming: WyomingSettings = WyomingSettings()
    history: HistorySettings = HistorySettings()


def load_settings(
    paths: Paths | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
) -> Settings:
    """Read the settings: defaults, file, environment, then `overrides` (from the command line).

    Raises `UsageError` naming the file or the variable and the setting that is wrong.
    """
    paths = paths or Paths.from_environment(environ)
    merged: dict[str, dict[str, Any]] = {}
    layers: list[tuple[str, Mapping[str, Any]]] = [
        (str(paths.config_file), read_toml(paths.config_file)),
        ("the environment", _read_environment(environ)),
        ("the command line", overrides or {}),
    ]
    settings = Settings()
    for origin, layer in layers:
        for section, values in layer.items():
            if not isinstance(values, Mapping):
                raise UsageError(
                    f"{origin}: '{section}' is outside a section",
                    hint=f'Sections are {_sections()}, for example: [engine] and below it model = "bundled"',
                )
            merged.setdefault(section, {}).update(values)
        settings = _validated(merged, origin)
    return settings


def _read_environment(environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """`VOICE_EDIT_ENGINE__MODEL=x` is `[engine] model = "x"`; without `__` it is none."""
    found: dict[str, dict[str, str]] = {}
    for name, value in environ.items():
        section, separator, key = name.removeprefix(ENV_PREFIX).lower().partition("__")
        if name.startswith(ENV_PREFIX) and separator:
            found.setdefault(section, {})[key] = value
    return found


def _validated(values: Mapping[str, Any], origin: str) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "settings"
        if first["type"] == "extra_forbidden":
            raise UsageError(
                f"{origin}: there is no setting '{where}'",
                hint=f"The settings are: {', '.join(setting_names())}.",
            ) from error
        raise UsageError(
            f"{origin}: {where}: {first['msg']}",
            hint="docs/configuration.md lists every setting and its limits.",
        ) from error


def _sections() -> str:
    return ", ".join(f"[{name}]" for name in Settings.model_fields)


def setting_names() -> list[str]:
    """Every setting as `section.name`, in the order of the documentation."""
    return [
        f"{section}.{key}"
        for section, field in Settings.model_fields.items()
        for key in field.default.__class__.model_fields
    ]
