"""Speak to your text: dictation and spoken edits, on your own machine."""
