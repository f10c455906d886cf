"""PCM in, text out.

The engine hears: it cuts 16 kHz sound into utterances, prefills them into a model while they are still being
spoken, and hands back words. It does not know what an edit is. Importing this package loads nothing heavy;
each stage lives in the module named after it (`source`, `vad`, `endpointing`, `frames`, ...).
"""
