"""The command line of a module in a process of its own."""

from __future__ import annotations

import sys

_RUN = """import sys
sys.path[:] = filter(None, sys.path)
del sys.argv[0]
import runpy
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)"""


def module_command(module: str, *words: str) -> list[str]:
    """As ``python -m``, but nothing is imported from the working folder: runs and rows of strangers may lie there."""
    return [sys.executable, "-c", _RUN, module, *words]
