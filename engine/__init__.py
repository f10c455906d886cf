"""PCM in, text out.

The engine hears: it cuts 16 kHz sound into utterances, prefills them into a model while they are still being
spoken, and hands back words. It does not know what an edit is. Importing this package loads nothing heavy;
each stage lives in the module named after it (`source`, `vad`, `endpointing`, `frames`, ...).
"""

import os

# numpy's OpenBLAS shares even our small products among all cores, and its threads then spin for a millisecond
# or ten on the cores that llama.cpp computes on. It reads this when numpy is imported, which is after this.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
