"""How well the model hears: `python -m benchmarks.hearing`, a table by voice, through the whole engine and
llama.cpp.

Texts are those that training sets aside (`engine.training.texts.set_aside`); voices are a cross-section of
the trained ones and voices that were never trained on, two of them from a synthesiser that training never
uses. Needs the packages espeak-ng (libespeak-ng1), flite (libflite1), and festival with festvox-kdlpc16k
and festvox-us-slt-hts; a synthesiser that is missing is named and left out. Commands are right if they
parse to the same command; by ear, if at most words that sound alike differ. Errors are counted in words,
capitals and marks aside; `marks` is the share of sentences whose capitals and final mark are right too,
among those whose words are.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import jellyfish
import jiwer
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from engine.catalog import find_model
from engine.events import Hypothesis
from engine.listening import listen
from engine.session import Engine
from engine.source import PcmSource
from engine.training import augment, cast, texts
from engine.training.voices import Speakers

KINDS = ("sentence", "salad", "command")
SAMPLE_RATE = 16_000


@dataclass
class Score:
    """Counts for one voice and one kind of text."""

    errors: int = 0
    words: int = 0
    texts: int = 0
    parsed: int = 0
    by_ear: int = 0
    marks: int = 0
    exact: int = 0
    examples: list[tuple[str, str]] = field(default_factory=list)

    @property
    def wer(self) -> float:
        """Word error rate, 0 to 1."""
        return self.errors / max(1, self.words)

    def __add__(self, other: Score) -> Score:
        names = ("errors", "words", "texts", "parsed", "by_ear", "marks", "exact")
        return Score(*(getattr(self, n) + getattr(other, n) for n in names), self.examples + other.examples)


def plain(text: str) -> str:
    """Words only, in small letters."""
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))


def festival(voice: str, said: list[str]) -> list[NDArray[np.float32]]:
    """Speak all texts in one festival process."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [f"(voice_{voice})"]
        for i, text in enumerate(said):
            lines.append(f'(utt.save.wave (utt.synth (Utterance Text "{text}")) "{folder}/{i}.wav")')
        script = Path(folder, "say.scm")
        script.write_text("\n".join(lines), encoding="utf-8")
        subprocess.run(["festival", "--batch", str(script)], check=True, capture_output=True)
        result = []
        for i in range(len(said)):
            pcm, rate = soundfile.read(f"{folder}/{i}.wav", dtype="float32")
            result.append(soxr.resample(pcm, rate, SAMPLE_RATE).astype(np.float32))
        return result


def spoken(voice: str, said: list[str], speakers: Speakers) -> list[NDArray[np.float32]]:
    """The sound of each text."""
    kind, name = voice.split(":", 1)
    if kind == "festival":
        return festival(name, said)
    return [speakers.say(voice, text, rate=1.0, pitch=0.5, pitch_range=0.5).samples for text in said]


def recorded(x: NDArray[np.float32], seed: int, snr_db: float) -> NDArray[np.float32]:
    """As a microphone would have it: silence around, noise, a usual level."""
    gen = np.random.default_rng(seed)
    quiet = np.zeros(SAMPLE_RATE // 2, np.float32)
    x = np.concatenate([quiet, x * (0.3 / (np.abs(x).max() + 1e-6)), quiet, quiet])
    return augment.noise(x, np.random.default_rng(0) if snr_db > 90 else gen, snr_db)


def heard(engine: Engine, pcm: NDArray[np.float32]) -> str:
    """The words of a recording, through voice detection, endpointing, projection and llama.cpp."""
    events = listen(PcmSource(pcm), engine)
    return " ".join(e.text for e in events if isinstance(e, Hypothesis) and e.kind == "final")


def same_command(said: str, written: str, *, by_ear: bool) -> bool:
    """Whether both mean the same command; `by_ear`, words that sound alike (sun, son) count as the same.

    The editor's matcher takes either for the other where the text holds only one of them.
    """
    from voice_edit.commands import to_json
    from voice_edit.spoken.grammar import parse

    wanted, got = parse(said), parse(written)
    if not isinstance(wanted, list) or not isinstance(got, list):
        return wanted is not None and wanted == got
    if not by_ear:
        return wanted == got
    sounds = [
        re.sub(r"[A-Za-z']+", lambda word: jellyfish.metaphone(word[0]), to_json(c)) for c in (wanted, got)
    ]
    return sounds[0] == sounds[1]


def evaluate(
    engine: Engine, voices: list[str], count: int, snr_db: float
) -> Iterator[tuple[str, str, Score]]:
    """Yield (voice, kind, score)."""
    speakers = Speakers()
    for index, voice in enumerate(voices):
        for kind in KINDS:
            pool = texts.set_aside(kind, max(400, count))
            said = random.Random(f"{voice} {kind}").sample(pool, count)
            score = Score()
            for i, (text, pcm) in enumerate(zip(said, spoken(voice, said, speakers), strict=True)):
                written = heard(engine, recorded(pcm, index * 1000 + i, snr_db))
                measures = jiwer.process_words(plain(text), plain(written) or "-")
                errors = measures.substitutions + measures.deletions + measures.insertions
                score += Score(
                    errors,
                    len(plain(text).split()),
                    1,
                    int(kind == "command" and same_command(text, written, by_ear=False)),
                    int(kind == "command" and same_command(text, written, by_ear=True)),
                    int(errors == 0 and written == text),
                    int(errors == 0),
                    [(text, written)] if errors else [],
                )
            yield voice, kind, score


def main() -> None:
    """Parse arguments, evaluate, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="bundled", help="a model of the catalogue or the path of a GGUF")
    parser.add_argument("--count", type=int, default=20, help="texts of each kind a voice")
    parser.add_argument("--snr", type=float, default=35.0, help="signal to noise in dB")
    parser.add_argument("--voices", nargs="*", help="instead of all, as synthesiser:voice")
    parser.add_argument("--json", type=Path, help="write every number and every mistake here")
    parser.add_argument("--threads", type=int, default=None)
    a = parser.parse_args()
    voices = a.voices or [*cast.TRAINED, *cast.UNHEARD]
    table: dict[str, dict[str, Score]] = {}
    with Engine.open(find_model(a.model), n_threads=a.threads) as engine:
        for voice in voices:
            try:
                for name, kind, score in evaluate(engine, [voice], a.count, a.snr):
                    table.setdefault(name, {})[kind] = score
            except (OSError, subprocess.CalledProcessError) as problem:
                print(f"left out {voice}: {problem}", file=sys.stderr)
                continue
            print(
                f"{voice}: {', '.join(f'{k} {s.wer:.1%}' for k, s in table[voice].items())}", file=sys.stderr
            )
    show(table)
    if a.json:
        plain_table = {v: {k: asdict(s) | {"wer": s.wer} for k, s in row.items()} for v, row in table.items()}
        a.json.write_text(json.dumps(plain_table, indent=1), encoding="utf-8")


def show(table: dict[str, dict[str, Score]]) -> None:
    """Print the table: every voice, and the sums of trained and unheard ones."""
    shown = Table(
        "voice", "sentences WER", "word salad WER", "commands WER", "commands right", "by ear", "marks"
    )

    def row(name: str, scores: dict[str, Score]) -> None:
        commands, sentences = scores["command"], scores["sentence"]
        marks = sentences.marks / max(1, sentences.exact)
        numbers = (f"{scores[k].wer:.1%}" for k in KINDS)
        right = (f"{count / max(1, commands.texts):.0%}" for count in (commands.parsed, commands.by_ear))
        shown.add_row(name, *numbers, *right, f"{marks:.0%}")

    for title, group in (("trained voices", cast.TRAINED), ("voices never heard", cast.UNHEARD)):
        rows = {v: table[v] for v in table if v in group}
        for voice, scores in rows.items():
            row(voice, scores)
        if rows:
            row(f"all {title}", {k: sum((s[k] for s in rows.values()), Score()) for k in KINDS})
            shown.add_section()
    others = [v for v in table if v not in cast.TRAINED and v not in cast.UNHEARD]
    for voice in others:
        row(voice, table[voice])
    Console(width=110).print(shown)


if __name__ == "__main__":
    main()
