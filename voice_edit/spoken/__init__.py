"""What people say, and what it means: words -> edit commands. Pure; `grammar.parse` is the way in.

grammar.py     all rules in their order; what is a command and what is dictation
rule.py        a rule: a pattern and what a fit means
session.py     undo, redo, save, stop, "I meant Wednesday", new line, new paragraph
looks.py       letter case, bold and the like, headings, lists, lines
edits.py       delete, replace, swap, select, go to, move, duplicate
inserts.py     insert, put, add, write
rewrites.py    "make this paragraph friendlier", "translate the last sentence into German"
selectors.py   places and pieces of text as they are said
units.py       "the last two words", "paragraph three", "every line"
relative.py    "the word after brown", "the two lines below milk"
forms.py       what a document's words may sound like when someone says them
phrases.py     random spoken commands, to train the recogniser and to test the grammar
"""
