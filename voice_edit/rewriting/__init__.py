"""New text in the place of old: a passage is rewritten in a style, by whatever writes here.

    the spoken grammar finds passage and style ─► request ─► Writer ─► guards ─► one edit, one checkpoint

styles.toml   the styles: what a model is told, what people say, what must come through
styles.py     reads them; which one is meant
passages.py   a passage in pieces that a model can take, and put together again
requests.py   what a model is told
cleaning.py   takes away what models put around an answer
guards.py     whether an answer can be a rewrite of the passage
rewriter.py   all of it in order: asks the writer, guards, asks the speaker
placing.py    where it goes, as an edit that knows its inverse
opening.py    a writer for commands that run without the daemon
errors.py     what can go wrong
"""
