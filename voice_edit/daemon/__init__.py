"""The program in the background (`voice-edit run`): a loop that decides, a thread that hears and edits.

    program.py          puts microphone, engine process, keys and clients together, and takes them apart again
    coordinator.py      who talks now, to which text, and what it is shown as
    talk_state.py       which take is being recorded, decided from gestures alone
    talking.py          the working thread: what is said is heard, understood and applied, one after another
    commands.py         what clients may ask, one method a command
    telling.py          what happens, as events of the control protocol
    target_book.py      which text is meant: a file, a client's field, or the clipboard
    client_channel.py   asks a connected client about the field that it offers
    client_asker.py     asks the user, through whoever is connected
    key_watch.py        the talk keys, as gestures of the loop
    cues.py             short sounds: I listen, I have heard, I have given up
    notify.py           desktop notifications of failures
    sd_notify.py        tells the service manager how the daemon is
    memory.py           gives memory that is no longer used back to the system

Clients are told everything by `coordinator`, texts by `talking`.
"""
