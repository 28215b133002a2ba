"""Tasks of lm-evaluation-harness as abilities, asked by the harness's own code. Needs the extra ``lm-eval``."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from keeptune.commands import install
from keeptune.config.name import RULE, wrong_name
from keeptune.data.formats.raw_row import RawRow
from keeptune.data.lm_eval_task import HarnessTask, harness_task
from keeptune.errors import ConfigError, DataError, MissingDependency
from keeptune.events import EvaluationDone, EvaluationStarted, Notice, Observer, silent
from keeptune.inference.answers import corpus_scores
from keeptune.inference.engine import engine_of
from keeptune.models.load import LoadedModel
from keeptune.near_names import did_you_mean
from keeptune.near_paths import expanded
from keeptune.records import Example, Message
from keeptune.scoring.table import get_metric

BATCH_SIZE = 16
FEWSHOT_SEED = 1234
"""That of the harness's command line: the same worked examples for the same documents."""


def evaluate_harness(
    loaded: LoadedModel,
    tasks: Sequence[str | Path],
    limit: int | None = None,
    observer: Observer = silent,
    *,
    shots: int | None = None,
    chat: bool = False,
) -> Mapping[str, HarnessTask]:
    """Task → its Ability and this model's records, with prompts, filters and scores by the harness.

    Args:
        tasks: names of the harness's tasks, groups or tags (their data must be on this machine, or the network
            open); task files (``.yaml``), or folders of them.
        limit: the first documents of each task; None for all.
        shots: worked examples before each prompt; None for the task's own number.
        chat: write the prompts by the tokenizer's chat template, as ``lm_eval --apply_chat_template`` does.

    Raises:
        MissingDependency: the harness is not installed.
        ConfigError: no such task, or one that runs a model's code.
        DataError: a task's data or file cannot be read, or its samples cannot be used.
    """
    if not engine_of(loaded).in_process:
        told = "tasks of lm-evaluation-harness run on torch; to use vLLM, run `lm_eval --model vllm --log_samples`"
        observer(Notice("engine", f"{told}; `keeptune measure` reads its logs"))
    with _quiet():
        found = _find(tasks, observer)
        written = [name for name, task in found.items() if task.OUTPUT_TYPE == "generate_until"]
        if loaded.soft_prompt and written:
            raise ConfigError(
                f"{written[0]} generates text, and the harness generates wrong text with a soft prompt",
                "give the task's items as a file, or keep a task that is scored by likelihood",
            )
        model = _wrap(loaded)
    for task in found.values():
        _set_shots(task, shots)
    return {name: _ask(model, name, task, observer, limit=limit, chat=chat) for name, task in found.items()}


def harness_examples(tasks: Sequence[str | Path]) -> list[Example]:
    """What the tasks ask, without a model: the prompt of every document that is scored, and an answer that is wanted.

    Args, raises: as `evaluate_harness`.
    """
    with _quiet():
        found = _find(tasks, silent)
        return [
            _example(f"{name}/{number}", task, document)
            for name, task in found.items()
            for number, document in enumerate(task.eval_docs)
        ]


def _example(item_id: str, task: Any, document: Any) -> Example:
    """The harness names a prompt or an answer by its number among the choices, where there are choices."""
    prompt, answer = task.doc_to_text(document), task.doc_to_target(document)
    answer = next(iter(answer), "") if isinstance(answer, list) else answer
    if isinstance(prompt, int) or isinstance(answer, int):
        choices = task.doc_to_choice(document)
        prompt, answer = (choices[said] if isinstance(said, int) else said for said in (prompt, answer))
    return Example(item_id, (Message("user", str(prompt)),) if prompt else (), str(answer))


def refuse_without_harness() -> None:
    """Raises MissingDependency where lm-evaluation-harness is not installed."""
    if importlib.util.find_spec("lm_eval") is None:
        raise MissingDependency(
            "tasks of lm-evaluation-harness need the package lm-eval, which is not installed (its logs do not)",
            install("lm-eval"),
        )


def _find(tasks: Sequence[str | Path], observer: Observer) -> dict[str, Any]:
    """Task name → the harness's task, its data loaded; groups and tags become their tasks."""
    refuse_without_harness()
    from lm_eval.tasks import TaskManager

    paths = {task: expanded(task) for task in tasks if _is_path(task)}
    folders = [path.resolve() for path in paths.values() if path.is_dir()]
    local = TaskManager(include_path=[str(folder) for folder in folders], include_defaults=False)
    _tell_skipped(folders, local, observer)
    # The index of the harness's own tasks takes many seconds: it is read only where a name asks for it.
    named = TaskManager() if len(paths) < len(set(tasks)) else local
    found: dict[str, Any] = {}
    for task in tasks:
        if task not in paths:
            found.update(_load(named, str(task)))
        elif not paths[task].is_dir():
            found.update(_load(local, str(paths[task])))
    for name in local.all_subtasks:
        found.update(_load(local, name))
    if not found:
        raise DataError(
            f"no task of lm-evaluation-harness in {', '.join(map(str, tasks))}", "put the task's .yaml file there"
        )
    return found


def _is_path(task: str | Path) -> bool:
    return isinstance(task, Path) or "/" in task or task.endswith((".yaml", ".yml"))


def _tell_skipped(folders: Sequence[Path], manager: Any, observer: Observer) -> None:
    """The harness passes over files that it cannot read, without a word."""
    indexed = {entry.yaml_path for entry in manager.task_index.values()}
    for file in (file for folder in folders for file in sorted(folder.rglob("*.yaml")) if file not in indexed):
        observer(Notice("lm-eval-skipped", f"{file} defines no task that lm-evaluation-harness can read"))


def _load(manager: Any, spec: str) -> Mapping[str, Any]:
    if not _is_path(spec) and spec not in manager.task_index:
        known = [name for name in manager.all_tasks if name[:1] == spec[:1]]
        raise ConfigError(
            f"lm-evaluation-harness has no task {spec!r}",
            f"{did_you_mean(spec, known)}`lm_eval ls tasks` lists them; a task of your own is given as its .yaml file",
        )
    try:
        loaded: Mapping[str, Any] = manager.load([spec])["tasks"]
    except Exception as error:  # a task file can name any function, and a data set fail in any way
        raise DataError(
            f"the task {spec} cannot be loaded: {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}",
            "check its file and its data (data on the hub need the network, or a copy in the cache)",
        ) from error
    for name, task in loaded.items():
        if wrong := wrong_name(name):
            raise ConfigError(f"{spec} defines a task {name!r}, which {wrong}", RULE)
        if task.get_config("unsafe_code"):
            raise ConfigError(
                f"the task {name} runs code that the model writes, which keeptune does not do",
                "run `lm_eval --log_samples --confirm_run_unsafe_code` and give its log to `keeptune measure`",
            )
    return loaded


def _wrap(loaded: LoadedModel) -> Any:
    from lm_eval.models.huggingface import HFLM

    return HFLM(
        pretrained=loaded.model,
        tokenizer=loaded.tokenizer,
        backend="causal" if loaded.kind == "causal" else "seq2seq",
        batch_size=BATCH_SIZE,
        max_length=loaded.context_length - loaded.soft_prompt if loaded.context_length < 1 << 30 else None,
    )


def _set_shots(task: Any, shots: int | None) -> None:
    """The number of worked examples, by the harness's own rule: a task that says 0 means it."""
    own = task.get_config("num_fewshot")
    if own is None or (shots is not None and own != 0):
        task.set_config("num_fewshot", shots or 0)
    task.set_fewshot_seed(FEWSHOT_SEED)


def _ask(model: Any, name: str, task: Any, observer: Observer, *, limit: int | None, chat: bool) -> HarnessTask:
    from lm_eval.evaluator import evaluate

    documents = len(task.eval_docs)
    observer(EvaluationStarted(name, documents if limit is None else min(limit, documents)))
    began = time.monotonic()
    with _quiet():
        results = evaluate(
            lm=model, task_dict={"tasks": {name: task}}, limit=limit, apply_chat_template=chat, bootstrap_iters=0
        )
    rows = [RawRow(sample, f"lm-eval {name}", None) for sample in results["samples"][name]]
    asked = harness_task(name, rows, results)
    metrics = [get_metric(metric) for metric in asked.ability.metrics]
    scores = corpus_scores(asked.records, metrics)
    observer(EvaluationDone(name, len(asked.records), time.monotonic() - began, scores, cached=False))
    return asked


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No bars, and of the harness's messages the errors alone: progress is drawn by who listens to the events."""
    from tqdm import tqdm  # type: ignore[import-untyped]

    bars: Any = tqdm
    draw, log = bars.__init__, logging.getLogger("lm_eval")
    level = log.level

    def without_bar(self: Any, *args: Any, **named: Any) -> None:
        draw(self, *args, **named | {"disable": True})

    bars.__init__ = without_bar
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        bars.__init__ = draw
        log.setLevel(level)
