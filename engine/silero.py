"""Silero's voice detector, a small neural network, behind the same protocol as WebRTC's. An optional extra.

Silero hears steps of 512 samples (32 ms), each with the 64 samples before it, and remembers what came
earlier; endpointing counts windows of 320 (20 ms). The two grids meet every 2,560 samples. So windows are
gathered here, and a window's verdict is that of the newest step that was whole when the window ended: it is
never about sound that is still to come, and never more than 511 samples behind.

The model lies in `bundled/` with its licence and origin (SILERO.md); onnxruntime, which runs it, is the
extra. It is imported when a detector is made.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.errors import DetectorMissing
from engine.frames import SAMPLE_RATE, WINDOW_SAMPLES, SampleGrid
from engine.vad import FLOOR_DBFS, SILENCE_DBFS, rms_dbfs

if TYPE_CHECKING:
    from engine.events import Samples

MODEL = Path(__file__).parent / "bundled" / "silero_vad_16k_op15.onnx"

STEP_SAMPLES = 512
CONTEXT_SAMPLES = 64
"""Both fixed by the network."""

STATE_SHAPE = (2, 1, 128)

THRESHOLDS = (0.3, 0.4, 0.5, 0.7)
"""Probability from which a step is speech, for each aggressiveness. 0.5 is the authors' choice."""

RELEASE = 0.15
"""Once there is speech, it goes on until the probability is this much below the threshold (the authors'
choice): one doubtful step inside a word is no gap."""


class SileroDetector:
    """Silero VAD on steps of 32 ms behind a level floor. Not for use from two threads at once.

    Raises DetectorMissing where onnxruntime or the model's file is missing.
    """

    def __init__(self, aggressiveness: int = 2, floor_dbfs: float = FLOOR_DBFS) -> None:
        """`aggressiveness` 0 to 3 chooses from `THRESHOLDS`; `floor_dbfs`: windows below are never speech.

        Raises ValueError for values that make no sense.
        """
        if aggressiveness not in range(len(THRESHOLDS)):
            raise ValueError(f"the detector's aggressiveness is 0, 1, 2 or 3, not {aggressiveness!r}")
        if not SILENCE_DBFS <= floor_dbfs <= 0.0:
            raise ValueError(f"the level floor is {SILENCE_DBFS:g} to 0 dBFS, not {floor_dbfs!r}")
        self._threshold = THRESHOLDS[aggressiveness]
        self._floor_dbfs = floor_dbfs
        self._network = _network()
        self._steps = SampleGrid(STEP_SAMPLES)
        self._rate = np.array(SAMPLE_RATE, dtype=np.int64)
        self._input = np.zeros((1, CONTEXT_SAMPLES + STEP_SAMPLES), dtype=np.float32)
        self.reset()

    @property
    def probability(self) -> float:
        """That there was a voice in the newest whole step, 0 to 1."""
        return self._probability

    def is_speech(self, window: Samples, dbfs: float | None = None) -> bool:
        """See `SpeechDetector`. Raises ValueError for another shape than [320]."""
        if window.shape != (WINDOW_SAMPLES,):
            raise ValueError(f"a window is {WINDOW_SAMPLES} samples, not an array of shape {window.shape}")
        for step in self._steps.push(window):
            self._hear(step)
        return self._voice and rms_dbfs(window) >= self._floor_dbfs

    def reset(self) -> None:
        """See `SpeechDetector`."""
        self._steps.reset()
        self._state = np.zeros(STATE_SHAPE, dtype=np.float32)
        self._input[:] = 0.0
        self._probability = 0.0
        self._voice = False

    def _hear(self, step: Samples) -> None:
        self._input[0, :CONTEXT_SAMPLES] = self._input[0, -CONTEXT_SAMPLES:]
        self._input[0, CONTEXT_SAMPLES:] = step
        output, self._state = self._network.run(
            None, {"input": self._input, "state": self._state, "sr": self._rate}
        )
        self._probability = float(output[0, 0])
        self._voice = self._probability >= self._threshold - (RELEASE if self._voice else 0.0)


def _network() -> Any:
    """The network, ready to run on one thread."""
    try:
        import onnxruntime  # type: ignore[import-untyped,import-not-found,unused-ignore]  # an extra
    except ImportError as error:
        raise DetectorMissing(f"the silero detector runs on onnxruntime, but: {error}") from error
    options = onnxruntime.SessionOptions()
    # It computes for 0.1 ms every 32 ms: threads that wait by spinning would cost more than the work.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has no base class of its own for these
        raise DetectorMissing(
            f"{MODEL} cannot be loaded: {error}", hint="The file is damaged: install voice-edit again."
        ) from error
