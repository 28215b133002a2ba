"""What no two threads may do at once."""

from __future__ import annotations

import threading

LOADING = threading.Lock()
"""Held while transformers loads a model. It changes its own classes and torch's default dtype meanwhile; of two threads
that load, each would put back what the other has changed, and no later model of the process would load."""
