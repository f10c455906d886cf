"""Dictated words as they are set into a text. Never obeyed.

    words ─► wording.tidied   fillers out, spoken marks in, what was taken back out   (the words decide)
          ─► fitting.fit      capital, final mark and spaces as the place wants them  (the text decides)

manners.py      what is wanted: the user's settings and the rules of a program's profile
fitting.py      the edit that puts words at the caret
wording.py      the three passes over the words, in order; each only does what is certain
fillers.py  punctuation.py  corrections.py    one pass each
said.py         an utterance as words with the marks around them
lexicon.py      lists of words that tell what is certain
"""
