"""What only POSIX or Linux has is not needed to import keeptune, nor by what looks at the machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WITHOUT = """
import os, pathlib, pkgutil, sys
from importlib import import_module
import torch, transformers, peft, datasets, sklearn.linear_model, scipy.stats, filelock, rich.console, click, yaml
for name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty"):
    sys.modules[name] = None
for name in ("fork", "sysconf", "sched_getaffinity", "O_NOFOLLOW", "getuid", "geteuid", "killpg", "setsid"):
    if hasattr(os, name):
        delattr(os, name)
real_read, real_exists = pathlib.Path.read_text, pathlib.Path.exists
hidden = lambda path: str(path).startswith(("/proc", "/sys"))
def read_text(path, *given, **named):
    if hidden(path):
        raise FileNotFoundError(2, "No such file", str(path))
    return real_read(path, *given, **named)
pathlib.Path.read_text = read_text
pathlib.Path.exists = lambda path, **named: not hidden(path) and real_exists(path, **named)
import keeptune
for module in pkgutil.walk_packages(keeptune.__path__, "keeptune."):
    if "__main__" not in module.name:
        import_module(module.name)
"""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_is_imported_without_what_only_posix_has() -> None:
    looks = """
from keeptune.models.memory import Meter, trim, whole_memory
from keeptune.models.placement import place
from keeptune.workspace.provenance import machine
meter = Meter(torch.device("cpu"))
meter.release(); meter.keep_within(0); trim()
print(meter.used(), meter.peak(), meter.free(), whole_memory(), "cores" in machine())
print(place("cpu", "auto").dtype_name)
from keeptune.api.doctor import doctor
print({finding.name: finding.state for finding in doctor().findings}["memory"])
"""
    assert run(WITHOUT + looks).splitlines() == ["0 0 None (None, None) True", "float32", "ok"]


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_pipe_that_is_not_utf_8_stops_no_report(encoding: str, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prompt": "¿qué?", "completion": "→ 日"}\n' * 3, encoding="utf-8")
    line = [sys.executable, "-m", "keeptune", "check", "--train", str(rows), "--model", str(tmp_path / "none")]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    shown = subprocess.run(line, env=environment, capture_output=True, check=False)
    assert b"Traceback" not in shown.stderr
    assert b"prompt \\u2190 prompt" in shown.stdout
    told = subprocess.run([*line, "--json"], env=environment, capture_output=True, check=False)
    assert json.loads(told.stdout.decode(encoding))["roles"][0]["mapping"] == "prompt ← prompt, completion ← completion"
