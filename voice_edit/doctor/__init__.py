"""Tests every link of the chain from the microphone to the text, and says what to do where it is broken.

    checks.py    the order of the links; each is looked at by itself, and within its time
    probe.py     links whose libraries can hang or crash are looked at in a process of their own
    program.py   Python and packages, settings, profiles, folders, journal, terminal
    model.py     the model's files; does it hear?
    sound.py     PortAudio, microphones, a live reading
    desktop.py   session, keys, clipboard, notifications
    fields.py    other programs' fields: what the desktop allows, what would be done with the focus
    daemon.py    the daemon, its service, where words would go

No network, no key pressed, nothing put on the clipboard, nothing played.
"""
