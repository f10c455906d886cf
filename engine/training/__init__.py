"""How the bundled model is made. Not part of the installed program; needs the extra `train`."""
