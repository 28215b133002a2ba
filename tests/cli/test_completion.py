"""What a shell completes, by click's own mechanism, and that it is quick."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

import pytest
from click.shell_completion import BashComplete

from keeptune.abilities.table import by_default
from keeptune.cli.completion import METHODS
from keeptune.cli.main import VERBS, keeptune
from keeptune.models.adapters import METHODS as ADAPTERS

HEAVY = ("torch", "transformers", "peft", "datasets")


def completed(words: Sequence[str], incomplete: str) -> list[tuple[str, str]]:
    complete = BashComplete(keeptune, {}, "keeptune", "_KEEPTUNE_COMPLETE")
    return [(item.type, item.value) for item in complete.get_completions(list(words), incomplete)]


def values(words: Sequence[str], incomplete: str) -> list[str]:
    return [value for kind, value in completed(words, incomplete) if kind == "plain"]


def test_verbs() -> None:
    assert values([], "") == list(VERBS)
    assert values([], "re") == ["rescue", "reproduce"]


def test_an_unknown_verb_is_no_traceback() -> None:
    assert completed(["nonsense"], "--no-flag") == []


def test_flags() -> None:
    assert values(["tune"], "--keep") == ["--keep", "--keep-duplicates"]
    assert values(["runs", "list"], "--lo") == ["--lost"]


@pytest.mark.parametrize(
    ("words", "incomplete", "kind"),
    [
        (["tune", "--train"], "ro", "file"),
        (["tune", "--config"], "", "file"),
        (["tune", "--output"], "ru", "dir"),
        (["init"], "ro", "file"),
        (["predict"], "qu", "file"),
        (["measure", "--tuned"], "runs/", "file"),
        (["mix", "--source"], "a", "file"),
        (["reproduce"], "runs/", "dir"),
    ],
)
def test_paths_are_the_shells(words: Sequence[str], incomplete: str, kind: str) -> None:
    assert completed(words, incomplete) == [(kind, incomplete)]


def test_names() -> None:
    assert values(["tune", "--keep"], "") == list(by_default())
    assert values(["measure", "--abilities"], "fa") == ["facts"]
    assert values(["tune", "--metric"], "rouge") == ["rouge1", "rouge2", "rougeL"]
    assert values(["tune", "--device"], "") == ["auto", "cpu", "cuda", "mps"]
    assert values(["tune", "--method"], "f") == ["full", "fourierft"]
    assert completed(["tune", "--model"], "smol") == [("file", "smol"), ("plain", "smollm2")]


def test_every_method_is_known() -> None:
    assert ("full", *ADAPTERS) == METHODS


@pytest.mark.parametrize(
    "words", ["keeptune ", "keeptune tune --lo", "keeptune tune --keep f", "keeptune tune --method l"]
)
def test_it_loads_no_library_of_models(words: str) -> None:
    code = (
        "import atexit, os, sys\nfrom keeptune.cli.main import main\n"
        f"atexit.register(lambda: os._exit(9) if set({HEAVY}) & set(sys.modules) else None)\nmain()"
    )
    asked = {"_KEEPTUNE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | asked, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"plain,")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_there_is_a_script_for_each_shell(shell: str) -> None:
    asked = {"_KEEPTUNE_COMPLETE": f"{shell}_source"}
    line = [sys.executable, "-m", "keeptune"]
    done = subprocess.run(line, env=os.environ | asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert f"_KEEPTUNE_COMPLETE={shell}_complete" in done.stdout
