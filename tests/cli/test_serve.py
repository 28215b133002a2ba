"""The verb as a program: it says where it listens, answers, and ends by a signal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from keeptune.cli.main import main
from tests.serving.models import adapted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_until_a_signal_ends_it(number: int, tiny: Callable[..., Path], tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    adapter = adapted(tiny("llama"), tmp_path / "adapter")
    words = [sys.executable, "-m", "keeptune", "serve", str(adapter), "--port", "0", "--quiet", "--device", "cpu"]
    # What started the tests in the background may have had them ignore Ctrl-C, which is inherited.
    heard = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)}
    env = {**os.environ, "KEEPTUNE_API_KEY": "sk-of-mine"}
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=env, **heard) as program:
        assert program.stderr is not None
        line = program.stderr.readline()
        while "http://" not in line and line:
            line = program.stderr.readline()
        names, _, url = line.partition(" on ")
        assert names == "base, tuned, route"
        asked = urllib.request.Request(
            f"{url.partition(';')[0]}/completions",
            json.dumps({"model": "tuned", "prompt": "red", "max_tokens": 2}).encode(),
            {"Content-Type": "application/json", "Authorization": "Bearer sk-of-mine"},
        )
        with urllib.request.urlopen(asked, timeout=120) as answer:
            assert json.loads(answer.read())["usage"]["prompt_tokens"] == 3
        program.send_signal(number)
        rest = program.stderr.read()
    assert program.returncode == 128 + number
    assert rest.split() == ["stopped"]
    assert "sk-of-mine" not in line + rest


def test_a_host_that_others_reach_needs_a_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("uvicorn")
    monkeypatch.delenv("KEEPTUNE_API_KEY", raising=False)
    assert main(["serve", str(tmp_path), "--host", "0.0.0.0"]) == 2
    assert "set KEEPTUNE_API_KEY" in capsys.readouterr().err
