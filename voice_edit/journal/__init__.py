"""What was said, what was to be done and what became of it, on disk before anything else happens.

    journal.py       the order in which one spoken edit is written down, and what is read back
    records.py       what the journal knows, as frozen records
    store.py         the open file: connection, locks, transactions
    schema.py        its tables, how they change between versions, what damage is
    audio_store.py   recordings: one WAV file per take, readable however abruptly it ends
    durable.py       what reaches the disk, and in which order
    locks.py         locks that the kernel releases when their holder dies
    recovery.py      after a crash: brings journal, files and recordings to a state that is true
    retention.py     how long the history is kept

Applying an edit and taking it back is the business of `voice_edit.undo`.
"""
