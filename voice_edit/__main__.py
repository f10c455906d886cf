"""`python -m voice_edit` is `voice-edit`."""

from voice_edit.cli import main

if __name__ == "__main__":
    main()
