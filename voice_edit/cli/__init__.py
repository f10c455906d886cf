"""The command line: one file per verb group, thin over `voice_edit.pipeline`.

app.py         the verbs in the order of `--help`; failures become messages and exit codes
output.py      results to stdout, everything else to stderr; people or JSON
streams.py     stdin, stdout and stderr that can be used whatever the program was started with
options.py     options that several verbs share
transcribe.py  words from recordings
edit.py        edit a file by recordings or typed words
edit_live.py   the same through the microphone of the daemon
questions.py   what the daemon asks, asked in the terminal
daemon.py      run status stop
requests.py    one request to the daemon, and quick: for keys that a desktop binds
status_text.py what `status` replies, in words
talk.py        talk start|stop|toggle|cancel, toggle, cancel
watch.py       what the daemon does, live
live.py        events of the daemon as lines for a terminal
live_line.py   the line at the bottom that changes: stage, level, partial words
as_spoken.py   what is shown while somebody speaks: partial words, how far the model is behind
say.py         edit standard input
history.py     undo redo log retry recover
elsewhere.py   the same for what was said to another program, by the daemon
doctor.py      tests every link from the microphone to the text
service.py     the daemon as a service: install start stop uninstall status logs
model.py       which model hears, and what it is
bench.py       what streaming, drafts and working ahead are worth here
demo.py        the whole path on the recordings in samples/
reference.py   writes docs/cli.md from the help texts
"""

from __future__ import annotations


def main() -> None:
    """Run the command line on `sys.argv`; the console script. Exits with the codes of docs/cli.md."""
    import os
    import sys

    from voice_edit.cli import streams

    # Nobody's plugin of pydantic is loaded, which would see every setting and command; looking for one in all
    # that is installed takes 10 ms.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    try:
        streams.make_usable()
        from voice_edit.cli import requests

        if (code := requests.quickly(sys.argv[1:])) is not None:
            sys.exit(code)
        from voice_edit.cli.app import program

        program(sys.argv[1:])(prog_name="voice-edit")
    except KeyboardInterrupt:  # while the program itself was still being loaded; verbs tell more
        sys.stderr.write("error: Interrupted.\n")
        sys.exit(130)
