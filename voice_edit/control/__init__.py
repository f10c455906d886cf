"""The control socket: how the command line, the TUI and scripts talk to the daemon. See docs/control.md.

    protocol.py             every command and every event, checked
    protocol_commands.py    what a client may ask, one dataclass a command
    protocol_events.py      what the daemon tells, one dataclass an event
    protocol_parts.py       what both are made of
    protocol_fields.py      dataclasses to and from JSON, checked by their annotations
    protocol_reference.py   writes docs/control.md from these classes
    lines.py                one message as one line of JSON
    server.py               the daemon's side: many clients, one handler
    connection.py           one client, as the server sees it
    backlog.py              what waits for a client that is slow
    socket_file.py          the socket as a file that only its owner can reach
    peer.py                 which user is at the other end
    client.py               for the command line and for scripts: blocking, quick to import
    link.py                 for programs with an event loop: connects again when the daemon comes back
    starting.py             starts the daemon in the background where one is needed

`client` loads nothing that a talk key would have to wait for.
"""
