"""Python imports this when it starts, where this folder is in its PYTHONPATH: see `network_guard.py`."""

import network_guard

network_guard.install()
