"""How to write into which program: profiles of terminals, browsers, editors, chat, and the user's own.

profiles.py      AppProfile, and which one fits a window and an element; pure
profiles.toml    the profiles that come with the program
reading.py       reads both files, and says what is wrong with the user's
following.py     reads apps.toml anew when it was changed
showing.py       profiles as people and TOML read them
looking.py       what has the focus now, and what would be done with it
"""
