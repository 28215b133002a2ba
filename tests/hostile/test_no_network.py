"""Nothing reaches out: with local folders no socket is opened though the environment allows it, and no secret of the
environment is written or shown. In a process of its own: libraries read the environment when they are imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.inputs import CPU, ROWS

SECRETS = {
    "HF_TOKEN": "hf_abcdefghijklmnopqrstuvwxyz012345",
    "OPENAI_API_KEY": "sk-proj-abcdefghijklmnopqrstuvwxyz543210",
    "AWS_SECRET_ACCESS_KEY": "abcdefghijklmnopqrstuvwxyz/0123456789ABCD",
    "WANDB_API_KEY": "0123456789abcdef0123456789abcdef01234567",
}
FORBIDDEN = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.bind")
PROGRAM = f"""
import json, sys

def refuse(event, arguments):
    if event in {FORBIDDEN!r}:
        print("REACHES OUT", event, arguments, file=sys.stderr, flush=True)
        raise PermissionError(event)

sys.addaudithook(refuse)
from keeptune.cli.main import main

codes = [main(words) for words in json.load(sys.stdin)]
print("CODES", json.dumps(codes))
"""


def test_a_whole_run_opens_no_socket_and_writes_no_secret(tiny: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(ROWS)
    (tmp_path / "tiny").symlink_to(tiny("llama"))
    quick = ["--abilities", "sentiment", "--items", "2"]
    commands = [
        [
            "tune",
            "--model",
            "tiny",
            "--train",
            "rows.jsonl",
            *CPU,
            *quick,
            "--epochs",
            "1",
            "--plain",
            "--output",
            "run",
        ],
        ["measure", "--tuned", "run", "--quick", *CPU, *quick, "--test", "rows.jsonl", "--output", "measured"],
        ["predict", "--model", "run", "rows.jsonl", *CPU, "--max-new-tokens", "2", "--output", "answers.csv"],
        ["runs", "list", "."],
    ]
    allowed = {name: value for name, value in os.environ.items() if "OFFLINE" not in name}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(commands),
        text=True,
        capture_output=True,
        cwd=tmp_path,
        env=allowed | SECRETS | {"KEEPTUNE_CACHE": str(tmp_path / "cache"), "HF_HOME": str(tmp_path / "hub")},
        timeout=300,
        check=False,
    )
    assert "REACHES OUT" not in ran.stderr, ran.stderr
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.rpartition("CODES ")[2]) == [0, 0, 0, 0], ran.stderr
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    for name, secret in SECRETS.items():
        assert secret not in ran.stdout + ran.stderr, name
        assert secret.encode() not in written, name


STAND_IN = """
import os

def get_kernel(repo_id, version=None):
    given = dict(entry.split("=", 1) for entry in os.environ.get("LOCAL_KERNELS", "").split(":") if entry)
    print("found here" if repo_id in given else "fetched", sorted(given))
    raise FileNotFoundError(repo_id)
"""
"""The package `kernels`, in so far as bitsandbytes calls it; it does on CPUs with bfloat16."""
BY_HUB = "kernels-community/quantization-bitsandbytes"


@pytest.mark.parametrize(
    "given", [None, "someone/attention=/kernels/attention", f"{BY_HUB}=/kernels/bits"], ids=["none", "other", "own"]
)
def test_bitsandbytes_fetches_no_code_from_the_hub(given: str | None, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    (tmp_path / "kernels.py").write_text(STAND_IN)
    environment = {name: value for name, value in os.environ.items() if name != "LOCAL_KERNELS"}
    environment |= {"PYTHONPATH": os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))}
    environment |= {"LOCAL_KERNELS": given} if given else {}
    program = (
        f"import os, kernels, keeptune.models, bitsandbytes; print(os.environ['LOCAL_KERNELS'])\n"
        f"try: kernels.get_kernel({BY_HUB!r})\nexcept FileNotFoundError: pass"
    )
    ran = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True, env=environment, check=True)
    assert "fetched" not in ran.stdout, ran.stdout
    assert "found here" in ran.stdout, ran.stdout
    assert (given or BY_HUB) in ran.stdout, ran.stdout
    assert "Failed to load" not in ran.stderr, ran.stderr
