"""A run that is stopped or killed goes on by the command that is printed, whatever the verb."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from keeptune.cli.interrupted import goes_on, resume_hint
from keeptune.errors import Stopped
from keeptune.events import Event, Notice
from keeptune.training.stopping import ask_to_stop, stop_asked, stops_between_steps
from tests.api.runs import COLOURS, OTHER_THINGS, THINGS, with_base
from tests.cli.stopped import KILL, Ended, keeptune

COMMON = ["--device", "cpu", "--dtype", "float32", "--max-new-tokens", "8", "--limit-test", "6"]
ROWS = "--train train.jsonl --test test.jsonl"
SEARCH_STEPS = "--train numbers.jsonl --keep known=known.jsonl:rouge1 --dev-fraction 0.5 --abilities none"
VERBS = {
    "tune": f"tune {ROWS} --measure none",
    "keep": f"tune {ROWS} --keep other=kept.jsonl:rouge1 --abilities none",
    "replay": f"tune {ROWS} --replay kept.jsonl --measure none",
    "auto": f"tune {SEARCH_STEPS} --auto --candidates interpolation=0.5 --max-candidates 1",
    "compare": f"compare {ROWS} --measure none --methods lora,full --seeds 0 --output 'a b'",
    "curve": f"curve {ROWS} --keep other=kept.jsonl:rouge1 --sizes 20,36 --draws 1",
    "rescue": f"rescue --tuned first {SEARCH_STEPS} --candidates kl=1",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny: Callable[..., Path]) -> Path:
    """Rows, and as ``base`` a model that is there for the asking."""
    return with_base(tmp_path_factory.mktemp("home"), tiny("llama"))


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory, tiny: Callable[..., Path]) -> Path:
    """Rows, as ``base`` a model that knows those of ``known.jsonl``, and as ``first`` one that has forgotten them."""
    folder = tmp_path_factory.mktemp("knowing")
    known = [{"prompt": f"{c} {t}", "completion": f"the {t} is {c}"} for c in COLOURS for t in THINGS + OTHER_THINGS]
    numbers = [{"prompt": f"{n} {thing}", "completion": f"{thing} times {n}"} for n in range(6) for thing in THINGS]
    harm = [{"prompt": str(n), "completion": "#" * 9} for n in range(24)]
    for name, rows in (("known", known), ("numbers", numbers), ("harm", harm)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    learning = f"tune --model {tiny('llama')} --method full --train known.jsonl --epochs 30 --lr 0.01 --output known"
    forgetting = "tune --model base --method full --train harm.jsonl --epochs 3 --lr 0.01 --output harmed"
    for line, model in ((learning, "base"), (forgetting, "first")):
        ended = keeptune(
            [*line.split(), *COMMON, *["--plain", "--measure", "none", "--validation-fraction", "0"]], folder
        )
        assert ended.code == 0, ended.err
        (folder / model).symlink_to(folder / line.split()[-1] / "model")
    return folder


def printed(ended: Ended) -> list[str]:
    """The command that is to go on with the run."""
    lines = ended.err.splitlines()
    at = next(n for n, line in enumerate(lines) if "resume it with" in line)
    words = shlex.split(lines[at + 1])
    assert words[0] == "keeptune"
    return words[1:]


def first_step(ended: Ended) -> int:
    """The step that the first training went on from."""
    return int(re.search(r"resumed at step (\d+)", ended.err)[1])


@pytest.mark.parametrize("verb", VERBS)
def test_the_printed_command_goes_on(request: pytest.FixtureRequest, verb: str) -> None:
    home = request.getfixturevalue("knowing" if verb in ("auto", "rescue") else "home")
    words = [*shlex.split(VERBS[verb]), "--base" if verb == "rescue" else "--model", "base", *COMMON]
    stopped = keeptune(words, home, "SIGINT")
    assert stopped.code == 130, stopped.err
    again = printed(stopped)
    killed = keeptune(again, home, KILL)
    assert killed.code == -signal.SIGKILL, killed.err
    assert first_step(killed) == 3, "the step under way was finished and kept"
    ended = keeptune(again, home)
    assert ended.code in (0, 3, 4), ended.err
    assert first_step(ended) > 3


def test_a_terminated_run_goes_on_anywhere_to_the_same_weights(home: Path, tmp_path: Path) -> None:
    words = ["tune", "--model", str(home / "base"), "--dtype", "float32", *COMMON, "--measure", "none", "--train"]
    assert keeptune([*words, "train.jsonl", "--output", "whole"], home).code == 0
    stopped = keeptune([*words, "train.jsonl", "--output", "broken"], home, "SIGTERM")
    assert stopped.code == 143
    # From another folder, by the absolute path of the same rows.
    again = [*words, str(home / "train.jsonl"), "--output", str(home / "broken"), "--resume"]
    ended = keeptune(again, tmp_path)
    assert ended.code == 0, ended.err
    assert first_step(ended) == 3
    whole, broken = (load_file(home / name / "adapter" / "adapter_model.safetensors") for name in ("whole", "broken"))
    assert all(torch.equal(whole[name], broken[name]) for name in whole.keys() | broken.keys())


def test_the_second_time_it_stops_at_once(home: Path) -> None:
    words = ["tune", "--model", "base", *COMMON, "--train", "train.jsonl", "--measure", "none"]
    stopped = keeptune([*words, "--output", "twice"], home, "SIGINT", times=2)
    assert stopped.code == 130
    assert not list((home / "twice").glob("checkpoint-*"))


@pytest.mark.parametrize(
    ("verb", "words", "kept", "said"),
    [
        ("tune", ["tune", "--train", "a b.jsonl"], "", "keeptune tune --train 'a b.jsonl'"),
        ("measure", ["measure", "--tuned", "x"], "", "keeptune measure --tuned x"),
        ("tune", ["tune", "--train", "a.jsonl"], "config.json", "keeptune tune --output 'my run' --resume"),
        ("rescue", ["rescue", "--tuned", "x"], "config.json", "keeptune rescue --tuned x --output 'my run' --resume"),
        ("curve", ["curve", "-o", "my run"], "config.json", "keeptune curve -o 'my run'"),
        ("curve", ["curve", "--output_dir=my run"], "config.json", "keeptune curve '--output_dir=my run'"),
        ("reproduce", ["reproduce", "x"], "config.json", "keeptune reproduce x --output 'my run'"),
        ("compare", ["compare", "--output", "my run"], "trials", "keeptune compare --output 'my run'"),
    ],
)
def test_the_command_is_quoted_and_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, words: list[str], kept: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    run = Path("my run")
    run.mkdir()
    if kept == "trials":
        (run / kept).mkdir()
    elif kept:
        (run / kept).write_text("{}")
    assert goes_on(run, verb, words).splitlines()[-1].strip() == said


class Freed:
    """What Python frees while a signal comes: it ignores what is raised then."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_stop_that_python_ignored_comes_with_the_next_event(capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[Event] = []

    def stopped() -> None:
        with resume_hint(heard.append) as told:
            Freed()
            told(Notice("", "before the stop is noticed"))

    with pytest.raises(Stopped):
        stopped()
    assert not heard
    assert "the same command starts again" in capsys.readouterr().err


def test_a_stop_after_the_last_step_is_not_lost() -> None:
    with pytest.raises(Stopped), stops_between_steps():
        assert ask_to_stop(Stopped(signal.SIGTERM))
    assert stop_asked() is None
