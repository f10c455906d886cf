"""`voice-edit eval`: how well engines hear and edit a folder of recordings, side by side.

dataset, layouts    a folder -> items: a recording and what should come of it
variants            engine x way x prompt x utterance length -> what is compared
hearing, carrying   one item through one variant: words, times, the edited text
worker, runner      each variant in a process of its own; results are appended one by one (store)
scoring, statistics counts of one item, and what many of them say: rates with intervals, pairs compared
summary, report     rows, a verdict, Markdown, HTML with pictures
"""
