"""Every bad input of the tables, given to the command line as a user would."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from keeptune.cli.main import main
from keeptune.config.schema import DataConfig
from tests.api.bad_comparisons import BAD_COMPARISONS
from tests.config.bad_configs import BAD_CONFIGS, BadConfig
from tests.data.bad_rows import BAD_ROWS
from tests.data.mix.bad_mixes import BAD_MIXES
from tests.models.bad_models import BAD_MODELS

GOOD_ROWS = "".join(json.dumps({"prompt": f"number {i}", "completion": f"it is {i}"}) + "\n" for i in range(12))
RESULT = b'{"an": "earlier result"}\n'


@dataclass(frozen=True, slots=True)
class Case:
    """One bad input. `prepare` makes it in a folder and gives the command line."""

    group: str
    what: str
    kind: str
    prepare: Callable[[Path], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the command line answered to one bad input."""

    case: Case
    code: int
    out: str
    err: str
    earlier: bytes
    """The result that was there before, read afterwards."""
    verb: str

    @property
    def message(self) -> str:
        """What was said, in one line, paths shortened to the names of files."""
        said = self.err[self.err.index("error: " if "error: " in self.err else "Error: ") :]
        text = " ".join(said.split(": ", 1)[1].split())
        return re.sub(r"(?<![\w.:/])(?:~|/)[\w.~+-]*(?:/[\w.~+-]+)*/([\w.+-]+)", r"\1", text)


def _data(config: DataConfig) -> list[str]:
    defaults = DataConfig()
    changed = [f.name for f in dataclasses.fields(config) if getattr(config, f.name) != getattr(defaults, f.name)]
    return [word for name in changed for word in (f"--{name.replace('_', '-')}", str(getattr(config, name)))]


def _config(bad: BadConfig) -> Callable[[Path], Sequence[str]]:
    def prepare(folder: Path) -> Sequence[str]:
        (folder / "run.yaml").write_text(bad.yaml, encoding="utf-8")
        words = ["tune", "--config", "run.yaml"] if bad.yaml else ["tune"]
        for name, value in bad.flags.items():
            words += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
        return words

    return prepare


def _run(*words: str, **files: str) -> Callable[[Path], Sequence[str]]:
    """A tune of good rows into ``out``, with `files` there before."""

    def prepare(folder: Path) -> Sequence[str]:
        (folder / "rows.jsonl").write_text(GOOD_ROWS)
        for name, text in files.items():
            path = folder / name.replace("__", "/").replace("_json", ".json").replace("_py", ".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        output = [] if "--output" in words else ["--output", "out"]
        device = ["--device", "cpu", "--dtype", "float32"]
        return ["tune", "--model", "tiny", "--train", "rows.jsonl", *device, *output, *words]

    return prepare


RUNS = (
    Case("Runs", "a finished result in the way", "run-exists", _run("--output", "earlier")),
    Case("Runs", "a finished result to resume", "run-exists", _run("--output", "earlier", "--resume")),
    Case("Runs", "an unfinished run in the way", "run-exists", _run(out__config_json="{}")),
    Case("Runs", "a folder with other things", "run-exists", _run(out__thesis="x")),
    Case("Runs", "nothing to resume", "no-run", _run("--output", "none", "--resume")),
    Case("Runs", "a file in the place of the folder", "not-a-folder", _run(out="x")),
    Case("Runs", "a run of another process", "run-locked", _run("--output", "locked")),
    Case(
        "Runs",
        "a run started with other settings",
        "other-settings",
        _run("--resume", "--seed", "0", out__config_json='{"training": {"seed": 1}}'),
    ),
    Case("Runs", "a damaged config of a run", "bad-config", _run("--resume", out__config_json="{")),
    Case("Runs", "more tokens than the model has positions", "too-many-tokens", _run("--max-length", "4096")),
    Case("Runs", "a metric that these rows cannot feed", "unfit-metric", _run("--metric", "choice_accuracy")),
    Case("Runs", "a metric file that is not there", "bad-metric", _run("--metric", "mine.py:score")),
    Case(
        "Runs",
        "a metric that is not in its file",
        "bad-metric",
        _run("--metric", "my_metric.py:f", my_metric_py="x = 1"),
    ),
    Case(
        "Runs",
        "a metric from 0 to 1 that declares no scale",
        "bad-metric",
        _run("--metric", "my_metric.py:f", my_metric_py="def f(o, r, e):\n    return float(o in r)\n"),
    ),
    Case(
        "Runs",
        "a metric that ends the program",
        "bad-metric",
        _run("--metric", "my_metric.py:f", my_metric_py="import sys\ndef f(o, r, e):\n    sys.exit(0)\n"),
    ),
    Case(
        "Runs",
        "a metric that returns no finite number",
        "bad-metric",
        _run("--metric", "my_metric.py:f", my_metric_py="def f(o, r, e):\n    return 10**400\n"),
    ),
    Case("Runs", "target modules of another model", "unfit-method", _run("--target-modules", "query")),
    Case("Runs", "CorDA without old rows", "unfit-method", _run("--method", "corda")),
    Case("Runs", "the built-in model without its package", "missing-package", _run("--model", "smollm2")),
)


def _mitigations() -> Iterator[Case]:
    for what, kind, words in (
        ("frozen layers under a soft prompt", "unfit-mitigation", "--method prompt --freeze 0.5"),
        ("frozen layers under a prefix", "unfit-mitigation", "--method prefix --freeze 0.5"),
        ("frozen layers under layer norms", "unfit-mitigation", "--method ln --freeze 0.5"),
        ("L2-SP under DoRA", "unfit-mitigation", "--method dora --l2sp 0.1"),
        ("EWC under IA³", "unfit-mitigation", "--method ia3 --ewc 10"),
        ("KL under CorDA", "unfit-mitigation", "--method corda --kl 0.5"),
        ("interpolation of a soft prompt", "unfit-mitigation", "--method prompt --interpolation 0.5"),
        ("KL on replayed rows without any", "no-old-rows", "--kl 0.5 --kl-on replay"),
        ("a part of the default switched off", "unfit-mitigation", "--kl 0"),
        (
            "replay of more than there is room for",
            "shares",
            "--self-replay 0.6 --replay rows.jsonl --replay-fraction 0.5",
        ),
        ("an unknown candidate", "unknown-mitigation", "--auto --keep facts --candidates repaly=0.1"),
        ("a candidate's value out of range", "mitigation-range", "--auto --keep facts --candidates interpolation=1.5"),
        ("a candidate that takes no value", "mitigation-range", "--auto --keep facts --candidates lora=1"),
        ("a candidate that needs old rows", "no-old-rows", "--auto --keep facts --candidates replay=0.1"),
    ):
        yield Case("Mitigations", what, kind, _run(*words.split()))
    for what, kind, words in (
        ("less than no trial", "search-range", "--hyperparameter-search -1"),
        ("no drift at all", "search-range", "--hyperparameter-search 4 --max-drift 0"),
        ("no rows to see the loss on", "nothing-to-search-by", "--hyperparameter-search 4 --validation-fraction 0"),
    ):
        yield Case("Search", what, kind, _run(*words.split()))


def _runs(*words: str) -> Callable[[Path], Sequence[str]]:
    """`keeptune runs` over a folder ``many`` of two runs, the second tuned from the first one's weights."""

    def prepare(folder: Path) -> Sequence[str]:
        first, second = folder / "many" / "first", folder / "many" / "second"
        for run, model in ((first, "tiny"), (second, str(first / "model"))):
            (run / "model").mkdir(parents=True)
            (run / "config.json").write_text(json.dumps({"type": "TuneConfig", "model": {"name": model}}))
        return ["runs", *words]

    return prepare


MANY_RUNS = (
    Case("Many runs", "no such folder of runs", "no-folder", _runs("none")),
    Case("Many runs", "an unknown state", "bad-choice", _runs("many", "--state", "finishd")),
    Case("Many runs", "an unknown order", "bad-choice", _runs("many", "--sort", "date")),
    Case("Many runs", "no such run", "no-such-run", _runs("show", "third", "--in", "many")),
    Case("Many runs", "one run to compare", "one-run", _runs("compare", "first", "--in", "many")),
    Case("Many runs", "one run twice", "one-run", _runs("compare", "first", "many/first", "--in", "many")),
    Case("Many runs", "a run that another needs", "run-needed", _runs("delete", "first", "--in", "many", "--yes")),
    Case("Many runs", "a run that is being written", "run-busy", _runs("delete", "locked", "--in", ".", "--yes")),
)


def _curve(*words: str) -> Callable[[Path], Sequence[str]]:
    """A learning curve over good rows into ``out``."""

    def prepare(folder: Path) -> Sequence[str]:
        (folder / "rows.jsonl").write_text(GOOD_ROWS)
        return ["curve", "--model", "tiny", "--train", "rows.jsonl", "--output", "out", *words]

    return prepare


CURVES = (
    Case("Learning curves", "sizes that are no numbers", "bad-sizes", _curve("--sizes", "few,many")),
    Case("Learning curves", "sizes that do not rise", "bad-sizes", _curve("--sizes", "0,8,4")),
    Case("Learning curves", "a size below 0", "bad-sizes", _curve("--sizes=-4,4,8")),
    Case("Learning curves", "one size only", "one-size", _curve("--sizes", "0,8")),
    Case("Learning curves", "a size above the number of rows", "too-few-rows", _curve("--sizes", "4,8,5000")),
    Case("Learning curves", "no draw", "no-draw", _curve("--sizes", "4,8", "--draws", "0")),
    Case("Learning curves", "a run that is no curve", "run-exists", _curve("--sizes", "4,8", "--output", "earlier")),
)


def _model(build: Callable[[Path], object]) -> Callable[[Path], Sequence[str]]:
    def prepare(folder: Path) -> Sequence[str]:
        config = build(folder)
        (folder / "rows.jsonl").write_text(GOOD_ROWS)
        device = ["--device", config.device, "--dtype", config.dtype]  # type: ignore[attr-defined]
        return ["eval", "--model", config.name, "--test", "rows.jsonl", *device, "-o", "out"]  # type: ignore[attr-defined]

    return prepare


def _rows(write: Callable[[Path], DataConfig]) -> Callable[[Path], Sequence[str]]:
    def prepare(folder: Path) -> Sequence[str]:
        words = _data(write(folder))
        if "--train" not in words:
            (folder / "good.jsonl").write_text(GOOD_ROWS)
            words += ["--train", "good.jsonl"]
        return ["tune", "--model", "tiny", "--output", "out", *words]

    return prepare


CASES = (
    *(Case("Rows and files", bad.name, bad.kind, _rows(bad.write)) for bad in BAD_ROWS),
    *(Case("Settings", bad.name, f"setting-{bad.kind}", _config(bad)) for bad in BAD_CONFIGS),
    *(Case("Models", bad.name, bad.kind, _model(bad.build)) for bad in BAD_MODELS),
    *(Case("Mixes", bad.name, bad.kind, bad.write) for bad in BAD_MIXES),
    *RUNS,
    *_mitigations(),
    *MANY_RUNS,
    *(Case("Comparisons", bad.name, bad.kind, bad.write) for bad in BAD_COMPARISONS),
    *CURVES,
)


def outcomes(tiny: Path, scratch: Path) -> Iterator[Outcome]:
    """Each case in a folder of its own, an earlier result beside it."""
    for number, case in enumerate(CASES):
        folder = scratch / f"case-{number}"
        (folder / "earlier").mkdir(parents=True)
        (folder / "earlier" / "result.json").write_bytes(RESULT)
        (folder / "earlier" / "config.json").write_text("{}")
        (folder / "locked").mkdir()
        (folder / "tiny").symlink_to(tiny)
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, FileLock(folder / "locked" / ".lock"):
            patch.chdir(folder)
            patch.setenv("KEEPTUNE_CACHE", str(scratch / "cache"))
            patch.setattr("keeptune.models.find.BUILT_IN_PACKAGE", "no_such_package")
            words = list(case.prepare(folder))
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = main(words)
        earlier = (folder / "earlier" / "result.json").read_bytes()
        assert not (folder / "out" / "result.json").exists(), case.what
        yield Outcome(case, code, out.getvalue(), err.getvalue(), earlier, words[0])
