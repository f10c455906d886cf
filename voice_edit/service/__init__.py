"""`voice-edit service`: the daemon as a service of the user's session, under systemd or launchd.

    manager.py    what a service is, whichever manager runs it; which manager there is here
    commands.py   runs systemctl and launchctl, and tells what it ran
    unit.py       the systemd unit as text
    systemd.py    installs it, starts it, asks for its state
    plist.py      the launchd agent as a dictionary
    launchd.py    installs it, starts it, asks for its state

Whatever is done is done again without harm: installing twice leaves one service.
"""
