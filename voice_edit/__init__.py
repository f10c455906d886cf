"""Speak to your text: dictation and spoken edits, on your own machine."""

__version__ = "0.1.0"
