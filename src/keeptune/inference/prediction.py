"""A file of prompts in, a file of answers out."""

from __future__ import annotations

from pathlib import Path

from keeptune.config.schema import DataConfig, EvaluationConfig, ModelConfig
from keeptune.data.prompts import load_prompts
from keeptune.data.split import limit_examples
from keeptune.data.task_rows import tell_problems
from keeptune.errors import ConfigError, StoreError
from keeptune.events import EvaluationProgress, EvaluationStarted, Notice, Observer
from keeptune.inference.encoding import NEW_TOKENS, make_encoder
from keeptune.inference.engine import Request
from keeptune.inference.evaluator import load_for_inference, tell_model
from keeptune.inference.generate import fitting_prompts, generate_kept
from keeptune.inference.task_format import as_trained
from keeptune.near_paths import expanded
from keeptune.workspace.growing_file import GrowingFile, locked_file
from keeptune.workspace.hashing import hash_value
from keeptune.workspace.table_file import is_formula, is_table, refuse_unknown_suffix, write_table


def answer_file(
    model: ModelConfig, data: DataConfig, evaluation: EvaluationConfig, output: str, observer: Observer
) -> int:
    """Answer every row of `data.test` into the file `output`; return how many.

    Raises:
        ConfigError: no file of prompts, or an `output` of no known format. StoreError: `output` exists already, or was
            begun with another model or other rows. RunLocked: another process writes it.
    """
    if data.test is None:
        raise ConfigError("no prompts to answer", "give the file of prompts")
    target = expanded(output)
    refuse_unknown_suffix(target)
    with locked_file(target):
        if target.exists():
            # Of a start that was killed right after it had written the whole file.
            unfinished(target).unlink(missing_ok=True)
            raise StoreError(f"{target} exists already", "name another --output; results are never overwritten")
        return _answer(model, data, evaluation, target, observer)


def _answer(
    model: ModelConfig, data: DataConfig, evaluation: EvaluationConfig, target: Path, observer: Observer
) -> int:
    data = as_trained(model, data, observer)
    encoder = make_encoder(model, data)
    loaded_data = load_prompts(str(data.test), data)
    tell_problems(loaded_data.problems, observer)
    examples = loaded_data.examples
    if data.limit_test is not None:
        examples = limit_examples(examples, data.limit_test, seed=0)
    loaded = load_for_inference(model)
    tell_model(loaded, observer)
    room = evaluation.max_new_tokens or min(NEW_TOKENS[1], (loaded.context_length - loaded.soft_prompt) // 2)
    asked = [(e.id, [(turn.role, turn.content) for turn in e.prompt]) for e in examples]
    ends = list(loaded.end_ids())
    key = hash_value([loaded.hash, loaded.placement.dtype_name, loaded.engine, ends, asked, room, encoder.max_length])
    part = unfinished(target)
    with GrowingFile(part, key) as kept:
        if kept.records:
            observer(Notice("resumed", f"{len(kept.records)} of {len(examples)} answers already exist in {part}"))
        observer(EvaluationStarted("predict", len(examples)))
        answers = generate_kept(
            loaded,
            Request(fitting_prompts(loaded, encoder, examples, room, observer), room, evaluation.token_budget),
            kept,
            lambda done: observer(EvaluationProgress("predict", done, len(examples))),
            observer,
        )
    rows = [
        {"id": example.id, "prompt": example.prompt_text, "output": answer.text, "finish": answer.finish}
        for example, answer in zip(examples, answers, strict=True)
    ]
    write_table(target, rows)
    changed = sum(any(map(is_formula, row.values())) for row in rows) if is_table(target) else 0
    if changed:
        told = f"{changed} rows of {target.name} have an apostrophe before a text that a spreadsheet might run"
        observer(Notice("formula", f"{told}; a .jsonl file has all texts as they are"))
    part.unlink(missing_ok=True)
    return len(answers)


def unfinished(target: Path) -> Path:
    """Where the answers for `target` are kept as they come."""
    return target.with_name(f"{target.name}.part")
