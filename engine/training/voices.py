"""Two synthesisers in process: espeak-ng and flite, each giving samples and the phones with their times.

espeak-ng takes about 3 ms for a short sentence and reports every phone through its event callback; flite
keeps the segments of an utterance in a relation. Both are called through ctypes, so nothing is written to
disk. The phone sets differ, so each synthesiser's phones are named with its own prefix and share one label
space.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

SAMPLE_RATE = 16_000


@dataclass(frozen=True, slots=True)
class Speech:
    """What a synthesiser said."""

    samples: NDArray[np.float32]
    """float32[n], mono, 16 kHz, in [-1, 1]."""
    phones: list[tuple[float, str]]
    """(start in ms, prefixed name), in order."""


class Synthesiser(Protocol):
    """A program that speaks."""

    def say(self, text: str, voice: str, *, rate: float, pitch: float, pitch_range: float) -> Speech:
        """Speak; `rate` 1.0 is the voice's own, as are `pitch` and `pitch_range` 0.5, of 0 to 1."""
        ...


class _EspeakId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _EspeakEvent(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EspeakId),
    ]


_EspeakCallback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_EspeakEvent)
)
_EVENT_END, _EVENT_PHONEME = 0, 7
_SYNCHRONOUS, _PHONEME_EVENTS = 2, 1
_RATE, _PITCH, _PITCH_RANGE = 1, 3, 4


class Espeak:
    """espeak-ng through libespeak-ng; one instance a process, because the library's state is global."""

    def __init__(self) -> None:
        self._lib = ctypes.CDLL("libespeak-ng.so.1")
        self._rate = self._lib.espeak_Initialize(_SYNCHRONOUS, 0, None, _PHONEME_EVENTS)
        if self._rate <= 0:
            raise OSError("libespeak-ng did not start; install the package espeak-ng-data")
        self._callback = _EspeakCallback(self._on_audio)
        self._lib.espeak_SetSynthCallback(self._callback)
        self._pieces: list[NDArray[np.int16]] = []
        self._phones: list[tuple[float, str]] = []

    def _on_audio(self, wav: Any, count: int, events: Any) -> int:
        if count > 0 and wav:
            self._pieces.append(np.ctypeslib.as_array(wav, (count,)).copy())
        index = 0
        while (event := events[index]).type != _EVENT_END:
            if event.type == _EVENT_PHONEME:
                name = bytes(event.id.string).split(b"\0")[0].decode("latin1").lstrip("_:")
                self._phones.append((float(event.audio_position), "e:" + name if name else "sil"))
            index += 1
        return 0

    def say(
        self, text: str, voice: str, *, rate: float = 1.0, pitch: float = 0.5, pitch_range: float = 0.5
    ) -> Speech:
        """Speak with an espeak-ng voice such as `en-us+f2`."""
        self._pieces, self._phones = [], []
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice!r}")
        self._lib.espeak_SetParameter(_RATE, round(165 * rate), 0)
        self._lib.espeak_SetParameter(_PITCH, round(100 * pitch), 0)
        self._lib.espeak_SetParameter(_PITCH_RANGE, round(100 * pitch_range), 0)
        data = text.encode()
        self._lib.espeak_Synth(data, len(data) + 1, 0, 1, 0, 1, None, None)
        if not self._pieces:
            return Speech(np.zeros(0, np.float32), [])
        pcm = np.concatenate(self._pieces).astype(np.float32) / 32768
        return Speech(soxr.resample(pcm, self._rate, SAMPLE_RATE, quality="MQ"), self._phones)


class _FliteWave(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    ]


class _FliteVoice(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("features", ctypes.c_void_p)]


class Flite:
    """flite's built-in voices: kal, kal16, awb, rms, slt."""

    def __init__(self) -> None:
        mode = ctypes.RTLD_GLOBAL
        self._lib = ctypes.CDLL("libflite.so.1", mode=mode)
        self._parts = [ctypes.CDLL(f"libflite_{name}.so.1", mode=mode) for name in ("cmulex", "usenglish")]
        self._lib.flite_init()
        self._voices: dict[str, Any] = {}
        f = self._lib
        for name, result, arguments in (
            ("flite_synth_text", ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_void_p]),
            ("utt_wave", ctypes.POINTER(_FliteWave), [ctypes.c_void_p]),
            ("utt_relation", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]),
            ("relation_head", ctypes.c_void_p, [ctypes.c_void_p]),
            ("item_next", ctypes.c_void_p, [ctypes.c_void_p]),
            ("item_feat_string", ctypes.c_char_p, [ctypes.c_void_p, ctypes.c_char_p]),
            ("item_feat_float", ctypes.c_float, [ctypes.c_void_p, ctypes.c_char_p]),
            ("delete_utterance", None, [ctypes.c_void_p]),
            ("feat_set_float", None, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_float]),
        ):
            function = getattr(f, name)
            function.restype, function.argtypes = result, arguments

    def _voice(self, name: str) -> Any:
        if name not in self._voices:
            library = ctypes.CDLL(f"libflite_cmu_us_{name}.so.1")
            register = getattr(library, f"register_cmu_us_{name}")
            register.restype, register.argtypes = ctypes.POINTER(_FliteVoice), [ctypes.c_char_p]
            self._voices[name] = register(None)
        return self._voices[name]

    def say(
        self, text: str, voice: str, *, rate: float = 1.0, pitch: float = 0.5, pitch_range: float = 0.5
    ) -> Speech:
        """Speak with one of flite's voices; pitch moves only the diphone voices."""
        handle, f = self._voice(voice), self._lib
        features = handle.contents.features
        f.feat_set_float(features, b"duration_stretch", 1.0 / rate)
        if voice.startswith("kal"):  # the diphone voices model pitch by a target mean; 105 Hz is their own
            f.feat_set_float(features, b"int_f0_target_mean", 105.0 * 2.0 ** (2.4 * (pitch - 0.5)))
            f.feat_set_float(features, b"int_f0_target_stddev", 28.0 * pitch_range)
        utterance = f.flite_synth_text(text.encode(), handle)
        wave = f.utt_wave(utterance).contents
        pcm = np.ctypeslib.as_array(wave.samples, (wave.num_samples,)).astype(np.float32) / 32768
        phones: list[tuple[float, str]] = []
        start = 0.0
        item = f.relation_head(f.utt_relation(utterance, b"Segment"))
        while item:
            name = f.item_feat_string(item, b"name").decode()
            phones.append((start * 1000, "sil" if name == "pau" else "f:" + name))
            start = f.item_feat_float(item, b"end")
            item = f.item_next(item)
        sample_rate = wave.sample_rate
        f.delete_utterance(utterance)
        if sample_rate != SAMPLE_RATE:
            pcm = soxr.resample(pcm, sample_rate, SAMPLE_RATE, quality="MQ")
        return Speech(pcm, phones)


class Speakers:
    """The synthesisers by name; slow ones are made when first used."""

    def __init__(self) -> None:
        self._made: dict[str, Synthesiser] = {}

    def say(self, voice: str, text: str, **manner: float) -> Speech:
        """Speak with `synthesiser:voice`."""
        kind, name = voice.split(":", 1)
        if kind not in self._made:
            self._made[kind] = {"espeak": Espeak, "flite": Flite}[kind]()
        return self._made[kind].say(text, name, **manner)  # type: ignore[arg-type]
