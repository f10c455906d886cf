"""The terminal interface: a client of the control socket, never in the daemon's process.

    control socket ─► link ─► model.reduce ─► view ─► widgets        what the daemon tells
    keys, pad      ─► app  ─► link         ─► control socket         what the user does

`model` and `view` decide and import no Textual screen; the rest is thin. Nothing runs while nothing happens.
"""
