"""`voice-edit bench`: what each way of hearing costs, side by side in one run, on the same weights and sound.

ways.py        the ways that are compared, and how each opens the model
sounds.py      utterances of a given length out of recordings
clock.py       time in which work takes as long as it takes and waiting takes none
playback.py    an utterance as a microphone would give it, by that clock
measured.py    a session whose calls are timed
trial.py       one utterance heard in one way, from the first sample to the edited file
runner.py      which trials, in which order
forced.py      given words instead of the model's own, for weights that mean nothing
rewrite.py     the same for rewriting: plain, looked up, drafted by a drafter
resources.py   memory and energy
checks.py      what is refused before it is begun
machine.py     what was measured on what
summary.py     medians and ratios
report.py      the JSON and the tables
plot.py        the picture
"""
