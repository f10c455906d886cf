"""Places that hold text. Import the one you need: `voice_edit.targets.file` is a file."""
