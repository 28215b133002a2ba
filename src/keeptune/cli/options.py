"""The flags that verbs share, each written once. Values are checked where YAML's are, in `config.load`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import click

from keeptune.config.aliases import ALIASES, NOT_HERE, ROWS, TIMES
from keeptune.config.settings import FLAT

Function = TypeVar("Function", bound=Callable[..., Any])


class Flag(NamedTuple):
    """How one setting is given on the command line."""

    metavar: str
    """"" for a switch without a value."""
    text: str
    many: bool = False


FLAGS: Mapping[str, Flag] = {
    "model": Flag("NAME", "Hub name, folder, .gguf file, run folder, or the built-in smollm2.  [default: smollm2]"),
    "revision": Flag("REV", "Branch, tag or commit on the hub."),
    "train": Flag(
        "DATA", "Rows to learn from: JSONL, JSON, CSV, TSV, Excel, Parquet, folder; on the hub NAME[:CONFIG][:SPLIT]."
    ),
    "test": Flag("DATA", "Rows for the score. Without it a part of train is set apart."),
    "prompt": Flag("TEMPLATE", "Prompt over a row's fields: 'Summarize: {dialogue}'. Found by itself where obvious."),
    "completion": Flag("FIELD", "Field, or template, of the answer."),
    "system": Flag("TEXT", "System message before every prompt."),
    "group": Flag("FIELD", "Rows with the same value stay on one side of a split."),
    "choices": Flag("FIELD|LIST|none", "Labels: a,b,c or their field.  [default: auto, found and said]"),
    "encoding": Flag("NAME", "Encoding of text files: cp1252, utf-16 …  [default: UTF-8, or found and said]"),
    "delimiter": Flag("CHAR", "What parts the fields of a table: ';', '|', tab …  [default: found, and said]"),
    "skip-bad": Flag("", "Leave out rows that cannot be used, and say which."),
    "limit-train": Flag("N", "Use N rows of train at most."),
    "draw": Flag("N", "Which seeded choice of rows --limit-train takes.  [default: 0]"),
    "limit-test": Flag("N", "Use N rows of test at most."),
    "test-fraction": Flag("X", "Share of train set apart where no test is given.  [default: 0.2]"),
    "validation-fraction": Flag("X", "Share of train that chooses the best checkpoint.  [default: 0.1]"),
    "max-length": Flag("N", "Tokens a row at most.  [default: the model's context, 2048 at most]"),
    "too-long": Flag("truncate|drop|error", "What to do with a longer row.  [default: truncate]"),
    "loss-on": Flag("last|all", "Rows of many turns: learn the last answer, or all.  [default: last]"),
    "keep-duplicates": Flag("", "Keep train rows that repeat another, or occur in test."),
    "method": Flag("NAME", "full, lora, dora, rslora, ia3 …  [default: lora]"),
    "rank": Flag("N", "Rank of an adapter (also --lora-r).  [default: 16]"),
    "alpha": Flag("X", "Scale of an adapter (also --lora-alpha).  [default: 32]"),
    "dropout": Flag("X", "Dropout of an adapter.  [default: 0]"),
    "target-modules": Flag("NAMES", "all-linear, or names separated by commas.  [default: all-linear]"),
    "lr": Flag("X", "Learning rate (also --learning-rate).  [default: by method and size]"),
    "lr-factor": Flag("X", "Times that rate: a smaller step forgets less.  [default: 1]"),
    "epochs": Flag("X", "Passes over train (also --num-train-epochs).  [default: by number of rows]"),
    "batch-size": Flag("N", "Rows an optimizer step.  [default: 8]"),
    "warmup-fraction": Flag("X", "Share of the steps in which the rate rises.  [default: 0.05]"),
    "weight-decay": Flag("X", "Decay of AdamW.  [default: 0]"),
    "max-grad-norm": Flag("X", "Gradients are clipped to this norm.  [default: 1]"),
    "max-minutes": Flag("X", "Stop training, properly, after X minutes."),
    "torch-compile": Flag("true|false", "Compile the model's blocks.  [default: where a long run on a CPU gains]"),
    "select-by": Flag("loss|metric", "What chooses the best checkpoint.  [default: loss]"),
    "seed": Flag("N", "Seed of the training; which rows are set apart does not hang on it.  [default: 0]"),
    "hyperparameter-search": Flag("N", "Choose lr and epochs by N short trainings.  [default: 0]"),
    "max-drift": Flag("X", "Drift from the base that --hyperparameter-search allows, nats a token.  [default: 0.02]"),
    "metric": Flag("NAME", "rouge1, token_f1 … or file.py:function; may be repeated.  [default: by the data]", True),
    "max-new-tokens": Flag("N", "Room for an answer.  [default: by the train answers]"),
    "few-shot": Flag("N", "Show N train rows before each item to the base, as a baseline.  [default: 0]"),
    "measure": Flag("full|quick|none", "What else is asked before and after.  [default: quick after tune]"),
    "keep": Flag("NAME[=DATA][:METRIC][:MARGIN]", "An ability that must not be lost; may be repeated.", True),
    "abilities": Flag("NAME", "Built-in ability to measure beside those; may be repeated.  [default: all]", True),
    "items": Flag("N", "Items an ability at most.  [default: all; about 150 in a quick measure]"),
    "dev-fraction": Flag(
        "X", "Share of your own items set apart to choose a mitigation by.  [default: 0; 0.3 by --auto]"
    ),
    "fail-on": Flag("fail|inconclusive|none", "Outcomes with an exit code of their own (3, 4).  [default: both]", True),
    "looks": Flag("K", "Measurements planned at most, each with as many more items.  [default: 1]"),
    "probe": Flag("", "For lost abilities: do a few old examples bring them back?"),
    "replay": Flag("DATA", "Rows of old tasks to mix into train; may be repeated.", True),
    "replay-fraction": Flag("X", "Share of the mix's rows that are replayed.  [default: 0.05]"),
    "self-replay": Flag("X", "Share of the mix's rows that the base writes itself.  [default: 0]"),
    "self-replay-prompts": Flag("DATA", "Prompts for the base to answer there.  [default: it draws its own]"),
    "kl": Flag("X", "Weight of KL(base ‖ tuned).  [default: 0]"),
    "kl-on": Flag("self|replay|task", "Where: text of the base, replayed rows, the task's rows.  [default: self]"),
    "l2sp": Flag("X", "Weight of the distance to the base's weights.  [default: 0]"),
    "ewc": Flag("X", "The same, by what mattered to the base.  [default: 0]"),
    "freeze": Flag("X", "Share of the layers, from the lowest, that are not trained.  [default: 0]"),
    "token-weights": Flag("none|stm|talr|dft", "Tokens that are improbable count less.  [default: none]"),
    "interpolation": Flag("X", "Share of the trained change that is kept.  [default: 1]"),
    "auto": Flag("", "Search from the cheapest mitigation until all that --keep names is kept."),
    "can-route": Flag("", "Requests can go to the base or to the tuned model: then that is a mitigation."),
    "candidates": Flag(
        "REMEDY", "Mitigations to try, in this order; may be repeated.  [default: the mitigation search's]", True
    ),
    "max-candidates": Flag("N", "Trainings on the mitigation search at most."),
    "search-minutes": Flag("X", "Start no candidate after X minutes."),
    "min-gain": Flag("X", "Share of the plain gain at which the search may stop.  [default: 0.9]"),
    "device": Flag("auto|cpu|cuda|mps", "Where to run.  [default: auto]"),
    "dtype": Flag("auto|float32|bfloat16|float16", "Numbers to run in.  [default: auto]"),
    "engine": Flag("torch|vllm", "What answers when models are asked.  [default: torch]"),
    "output": Flag("FOLDER", "Run folder.  [default: a new one in runs/]"),
    "resume": Flag("", "Go on with the unfinished run in --output."),
    "allow-pickle": Flag("", "Load pickle weights, which can run code. Only if you trust them."),
    "allow-remote-code": Flag("", "Run code that comes with the model. Only if you trust it."),
}
"""Name of the flag → how it is given. The order is the order of the help."""

MODEL = ("model", "revision", "device", "dtype", "allow-pickle", "allow-remote-code")
READING = ("encoding", "delimiter", "skip-bad")
DATA = ("prompt", "completion", "system", "group", "choices", *READING, "max-length")
MEASURE = ("keep", "abilities", "items", "dev-fraction", "fail-on", "looks", "probe")
MITIGATION_SEARCH = ("can-route", "candidates", "max-candidates", "search-minutes", "min-gain")
SCORING = ("metric", "max-new-tokens", "few-shot", "engine")

_BARE = {"use_peft", "bf16", "fp16", "trust_remote_code", "resume_from_checkpoint"}
"""Names from TRL that may stand without a value there, and then mean true."""


def setting_flags(
    *names: str, with_file: bool = True, says: Mapping[str, str] | None = None
) -> Callable[[Function], Function]:
    """Add the flags of these settings, in the order of the table.

    Args:
        with_file: also take --config, and the hidden names that TRL and transformers have for these settings.
        says: flag → its help in this verb, where it is another than the table's.
    """

    def add(function: Function) -> Function:
        if with_file:
            for alias in (*ALIASES, *NOT_HERE):
                if _flag_of(alias) in names and alias.replace("_", "-") not in FLAGS:
                    function = _hidden(alias)(function)
        for name in reversed([name for name in FLAGS if name in names]):
            function = _shown(name, says or {})(function)
        if with_file:
            return click.option("--config", metavar="FILE.yaml", help="Settings in YAML; flags win over it.")(function)
        return function

    return add


def output_flags(function: Function) -> Function:
    """Add --quiet and --json."""
    function = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, and nothing else.")(
        function
    )
    return click.option("--quiet", "-q", is_flag=True, help="No progress.")(function)


def _flag_of(alias: str) -> str:
    """The flag that another name stands for; for those without one, a flag of every verb that trains."""
    key = ALIASES[alias][0] if alias in ALIASES else ""
    names = [name for name in FLAGS if FLAT.get(name.replace("-", "_")) == key or name == key]
    if key in (ROWS, TIMES):
        return "batch-size"
    if alias == "keep_duplicates":
        return "keep-duplicates"
    return names[0] if names else "lr"


def _shown(name: str, says: Mapping[str, str]) -> Callable[[Function], Function]:
    flag = FLAGS[name]
    text = says.get(name, flag.text)
    names = (f"--{name}", "-o") if name == "output" else (f"--{name}",)
    if not flag.metavar:
        return click.option(*names, is_flag=True, help=text)
    return click.option(*names, metavar=flag.metavar, multiple=flag.many, help=text)


def _hidden(alias: str) -> Callable[[Function], Function]:
    name = f"--{alias.replace('_', '-')}"
    if alias in _BARE:
        return click.option(name, alias, hidden=True, is_flag=False, flag_value="true", default=None)
    return click.option(name, alias, hidden=True)
