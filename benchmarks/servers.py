"""Does a server hear the same words as the model here? For a server that holds the bundled model.

    python -m benchmarks.servers http://127.0.0.1:8080 [--kind llama-server] [--hears transcriptions]

A llama-server for it can be built from the source that ships with llama-cpp-python's sdist (vendor/llama.cpp,
target llama-server). The bundled model's chat template has no place for the marker that llama-server writes
where sound goes, so it needs another one:

    printf '{{- bos_token -}}{%- for m in messages -%}{%- for p in m["content"] -%}{{- p["text"] -}}
    {%- endfor -%}{%- endfor -%}' > t.jinja
    llama-server -m engine/bundled/model.gguf --mmproj engine/bundled/mmproj.gguf --jinja
        --chat-template-file t.jinja --host 127.0.0.1 -c 1024 -np 1
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from engine.events import Hypothesis
from engine.speech import SpeechEngine
from voice_edit import engines, pipeline
from voice_edit.config import Settings
from voice_edit.paths import Paths

SAMPLES = Path(__file__).parent.parent / "samples"


def main() -> None:
    """Compare every sample, and print the times of both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("url")
    parser.add_argument("--kind", default="auto")
    parser.add_argument("--hears", default="auto")
    parser.add_argument("--key-file", type=Path)
    a = parser.parse_args()
    server: dict[str, Any] = {"url": a.url, "kind": a.kind, "hears": a.hears, "key_file": a.key_file}
    there = Settings.model_validate({"engine": {"model": "server"}, "server": server})
    paths = Paths.from_environment()
    same = 0
    times: tuple[list[float], list[float]] = ([], [])
    recordings = sorted(SAMPLES.glob("*.wav"))
    with engines.open_local(there, paths) as far, engines.open_local(Settings(), paths) as near:
        print(f"{far.files.name}: {len(recordings)} samples")
        for recording in recordings:
            words = []
            for engine, spent in zip((far, near), times, strict=True):
                began_s = time.monotonic()
                words.append(heard(recording, engine))
                spent.append(time.monotonic() - began_s)
            same += words[0] == words[1]
            if words[0] != words[1]:
                print(f"{recording.name}: there {words[0]!r}, here {words[1]!r}")
    far_ms, near_ms = (1000 * statistics.median(spent) for spent in times)
    print(
        f"the same words in {same} of {len(recordings)}; median {far_ms:.0f} ms there, {near_ms:.0f} ms here"
    )
    sys.exit(same != len(recordings))


def heard(recording: Path, engine: SpeechEngine) -> list[str]:
    """The words of a recording, utterance by utterance."""
    events = pipeline.hear(pipeline.open_recording(recording), engine, Settings())
    return [event.text for event in events if isinstance(event, Hypothesis) and event.kind == "final"]


if __name__ == "__main__":
    main()
