"""What a model is shown besides text: what is on the screen, or an image file. Only where it was asked for.

views.py        what would be shown, and the image of it, made when something is to be rewritten
shrinking.py    any image as a small PNG or JPEG file in memory
taking.py       a picture of the screen, by whatever way this session has
_x11_screen.py  _portal_screen.py  _mac_screen.py
errors.py       what can go wrong

Nothing here writes to a disk. Nothing looks at the screen unless `rewrite.screen` is on, and then only when a
rewrite is asked for; whoever watches is told what was looked at.
"""
