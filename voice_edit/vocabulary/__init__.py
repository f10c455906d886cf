"""Words that are the user's own: names and how they sound, spoken replacements, snippets.

names.py        names in a text: what the document window teaches
lexicon.py      whether a word is an ordinary English one (english.txt), which no name may take the place of
sounds.py       how words sound, roughly, and how far two sounds are apart
matcher.py      heard words that sound like a known name become it; conservative
phrases.py      replacements and snippets in what was said
vocabulary.py   all of it together; what the daemon asks
entries.py      what vocabulary.toml says, checked
store.py        vocabulary.toml on disk: read, changed in one place, watched
"""
