"""The desktop: which field has the focus, and hands that read it and write into it.

    base.py            what crosses: Window, Element, and the protocols of everything below
    errors.py          every way a field of another program can fail
    opening.py         puts together what works in this session, and says why the rest does not

Importing this package imports no library of a desktop: each `_underscore` module is imported when it is used.
"""
