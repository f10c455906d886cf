"""The local endpoint: what programs of the user's ask the model through, as OpenAI's interface says it.

    server ─► protocol ─► guard ─► app ─► transcriptions · chat · edits ─► desk ─► the model, when it is free

It listens on loopback only, in a thread of the daemon's, and only where `api.enabled` says so.
"""
