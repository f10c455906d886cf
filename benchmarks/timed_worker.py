"""`engine.worker` with a clock around llama.cpp (see `c_clock`). `benchmarks.costs` starts it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.c_clock import CLOCK_FILE, shared, time_the_model
from engine import worker

if __name__ == "__main__":
    with time_the_model(shared(Path(os.environ[CLOCK_FILE]))):
        code = worker.main()
        sys.stderr.flush()
        os._exit(code)
