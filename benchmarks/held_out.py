"""Write the held-out set as a folder for `voice-edit eval`: `python -m benchmarks.held_out --out DIR`.

Texts that training sets aside, said by synthetic voices, trained ones and ones that training never uses, as a
microphone would have them (see `benchmarks.hearing`); and sounds in which nobody speaks. Sentences and word
salad are dictated. Commands get a text to work on: what it should become is what our own grammar makes of the
words that were said, so a wrong text is a misheard one. Commands that change no text count words only.

The same arguments write the same texts in the same order; the sound is the synthesisers'. Needs the packages
that `benchmarks.hearing` needs; a synthesiser that is missing is named and left out.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import soundfile
import yaml

from benchmarks.hearing import KINDS, SAMPLE_RATE, recorded, spoken
from benchmarks.inventions import takes
from engine.training import cast, texts
from engine.training.voices import Speakers
from voice_edit.edits import Document, Selection

NOTE = """\
Texts that training sets aside, said by synthetic voices: {trained} that were trained, {unheard} that training
never uses. Signal to noise {snr:g} dB. It says nothing about people.
"""
LEAST_LINES = 3


def edit_of(said: str, rng: random.Random) -> tuple[str, str] | None:
    """A text for a command and what it becomes; None for a command that is about no text, or changes none."""
    from voice_edit.commands import Rewrite, to_json
    from voice_edit.editor import Editor
    from voice_edit.errors import VoiceEditError
    from voice_edit.spoken.grammar import parse

    commands = parse(said)
    if not commands or isinstance(commands, Rewrite):
        return None
    quotes = list(dict.fromkeys(_quotes(json.loads(to_json(commands)))))
    lines = [texts.sentence(rng) for _ in range(LEAST_LINES)] + [f"We saw {quote} there." for quote in quotes]
    rng.shuffle(lines)
    before = "\n\n".join(" ".join(lines[at : at + 2]) for at in range(0, len(lines), 2)) + "\n"
    editor = Editor(Document(before, Selection(len(before), len(before))))
    try:
        editor.perform(commands)
    except VoiceEditError:
        return None
    after = editor.document.text
    # A caret mark in a text would be taken for one.
    return (before, after) if after != before and not set("<>[]\\") & set(before) else None


def _quotes(data: Any) -> Iterator[str]:
    """Every text that a command looks for."""
    if isinstance(data, list):
        for part in data:
            yield from _quotes(part)
    elif isinstance(data, dict):
        if data.get("kind") == "quote":
            yield data["text"]
        for part in data.values():
            yield from _quotes(part)


def row(audio: str, kind: str, said: str, voice: str, snr_db: float, rng: random.Random) -> dict[str, Any]:
    """What the list says of one recording."""
    group = "trained" if voice in cast.TRAINED else "unheard" if voice in cast.UNHEARD else "other"
    found: dict[str, Any] = {"audio": audio, "words": said, "speaker": voice}
    edit = edit_of(said, rng) if kind == "command" else None
    if edit is not None:
        found |= {"mode": "edit", "before": edit[0], "after": edit[1]}
    return found | {"tags": {"kind": kind, "voice": group, "snr": f"{snr_db:g} dB"}}


def write_voice(
    folder: Path, voice: str, number: int, count: int, snr_db: float, speakers: Speakers
) -> list[dict[str, Any]]:
    """Have one voice say texts of each kind. Raises OSError, CalledProcessError for one that is missing."""
    rows = []
    for kind in KINDS:
        said = random.Random(f"{voice} {kind}").sample(texts.set_aside(kind, max(400, count)), count)
        rng = random.Random(f"text {voice} {kind}")
        for at, (text, pcm) in enumerate(zip(said, spoken(voice, said, speakers), strict=True)):
            name = f"audio/{voice.replace(':', '-').replace('+', '-')}-{kind}-{at:03}.flac"
            sound = recorded(pcm, number * 1000 + at, snr_db)
            soundfile.write(folder / name, sound.clip(-1.0, 1.0), SAMPLE_RATE, subtype="PCM_16")
            rows.append(row(name, kind, text, voice, snr_db, rng))
    return rows


def write_sounds(folder: Path, count: int) -> list[dict[str, Any]]:
    """Sounds in which nobody says anything."""
    rows = []
    for at, (kind, sound) in enumerate(takes(count)):
        name = f"audio/nothing-{at:03}.flac"
        soundfile.write(folder / name, sound.clip(-1.0, 1.0), SAMPLE_RATE, subtype="PCM_16")
        rows.append({"audio": name, "words": "", "tags": {"kind": "nothing said", "sound": kind}})
    return rows


def write(folder: Path, voices: Sequence[str], count: int, sounds: int, snr_db: float) -> int:
    """Write all of it; how many recordings."""
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    speakers, rows, used = Speakers(), list[dict[str, Any]](), list[str]()
    for voice in voices:
        number = [*cast.TRAINED, *cast.UNHEARD, voice].index(voice)
        try:
            rows += write_voice(folder, voice, number, count, snr_db, speakers)
        except (OSError, subprocess.CalledProcessError) as problem:
            print(f"left out {voice}: {problem}", file=sys.stderr)
            continue
        used.append(voice)
        print(f"{voice}: {3 * count} recordings", file=sys.stderr)
    rows += write_sounds(folder, sounds)
    counts = [sum(voice in group for voice in used) for group in (cast.TRAINED, cast.UNHEARD)]
    note = NOTE.format(trained=counts[0], unheard=counts[1], snr=snr_db)
    data = {"name": "held-out", "language": "en", "note": note, "items": rows}
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)
    (folder / "eval.yaml").write_text(text, encoding="utf-8")
    return len(rows)


def main() -> None:
    """Parse arguments and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=20, help="texts of each of three kinds a voice")
    parser.add_argument("--sounds", type=int, default=100, help="sounds in which nobody speaks")
    parser.add_argument("--snr", type=float, default=35.0, help="signal to noise in dB")
    parser.add_argument("--voices", nargs="*", help="instead of all, as synthesiser:voice")
    a = parser.parse_args()
    voices = a.voices or [*cast.TRAINED, *cast.UNHEARD]
    print(f"{write(a.out, voices, a.count, a.sounds, a.snr)} recordings in {a.out}")


if __name__ == "__main__":
    main()
