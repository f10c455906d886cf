"""voice-edit: speak, and the words or the edit you asked for are in your text.

Importing this package loads nothing heavy: no model, no audio library, no terminal toolkit.
"""

__version__ = "0.1.0"
