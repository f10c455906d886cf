"""Other programs hear with the resident model: the Wyoming protocol, which Home Assistant speaks.

    socket ─► reading ─► conversation ─► sound ─► pipeline.hear ─► transcript
    address.py           one connection   frames while they come

Off until `[wyoming] enabled = true`; on loopback until `allow_remote = true`. See docs/wyoming.md.
"""
