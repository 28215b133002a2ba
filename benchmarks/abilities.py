"""How well a model does on the built-in abilities, on their dev items.

    python benchmarks/abilities.py                        the embedded model; what has no record yet, then the table
    python benchmarks/abilities.py --forms                as well every other form and template, on fewer items
    python benchmarks/abilities.py --only sentiment topic these suites alone
    python benchmarks/abilities.py --table                print the tables from the record alone

A suite's own form is measured on all its dev items as they are asked, templates rotated. The record,
`results/abilities.json`, holds scores alone and is kept after every step: an interrupted run goes on from there.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from keeptune.abilities.suite import Suite
from keeptune.abilities.table import SUITES, by_default
from keeptune.config import ModelConfig
from keeptune.data.encode import Encoder
from keeptune.events import silent
from keeptune.inference.answers import AnswerSettings, corpus_scores, evaluate_model
from keeptune.inference.evaluator import load_for_inference
from keeptune.models.load import LoadedModel
from keeptune.records import EvalRecord, Example
from keeptune.scoring.table import get_metric
from keeptune.workspace.atomic import write_json
from keeptune.workspace.hashing import hash_value

RESULTS = Path(__file__).parent / "results" / "abilities.json"
TOKEN_BUDGET = 2048
WRITTEN = {"choice_accuracy": "label_accuracy", "choice_accuracy_norm": "label_accuracy"}
"""The metric of a written answer, where the suite's own reads likelihoods."""


def measure_own(suite: Suite, loaded: LoadedModel) -> dict[str, Any]:
    """The record of one suite in its own form."""
    ability = suite.ability()
    return {
        "version": suite.version,
        "output_type": suite.output_type,
        "shots": suite.shots,
        "chance": suite.chance,
        "verdict_items": len(ability.items),
        "clusters": len({example.cluster for example in ability.items}),
        **score(loaded, ability.dev, suite.metrics, suite.max_new_tokens),
        "others": [],
    }


def other_ways(suite: Suite, items: int) -> Iterator[tuple[dict[str, Any], Sequence[Example], tuple[str, ...]]]:
    """Every form and template: what it is, its items, its metrics."""
    for form, shots, metrics in _forms(suite):
        for number, template in enumerate(suite.templates, start=1):
            asked = dataclasses.replace(suite, templates=(template,), shots=shots).ability().dev[:items]
            yield {"output_type": form, "shots": shots, "template": number}, asked, metrics


def _forms(suite: Suite) -> list[tuple[str, int, tuple[str, ...]]]:
    """(form, shots, metrics) of every way that this suite can be asked."""
    shots = len(suite.demonstrations)
    written = tuple(dict.fromkeys(WRITTEN.get(metric, metric) for metric in suite.metrics))
    forms = [("generate", 0, written), ("few-shot", shots, written)]
    if suite.ability(1).items[0].choices:
        by_likelihood = ("choice_accuracy", "choice_accuracy_norm")
        forms += [("choices", 0, by_likelihood), ("choices", shots, by_likelihood)]
    return forms


def score(loaded: LoadedModel, items: Sequence[Example], metrics: Sequence[str], room: int) -> dict[str, Any]:
    """Scores, and the minutes that they took; items with the same worked examples are asked together."""
    began = time.monotonic()
    answer_settings = AnswerSettings(Encoder(loaded.tokenizer, loaded.kind, 2048), room, TOKEN_BUDGET)
    chosen = [get_metric(name) for name in metrics]
    records: list[EvalRecord] = []
    for _, group in itertools.groupby(sorted(items, key=_opening), key=_opening):
        records += evaluate_model(loaded, answer_settings, list(group), chosen, silent, "model")[0]
    return {
        "items": len(records),
        "scores": {name: round(value, 1) for name, value in corpus_scores(records, chosen).items()},
        "longest_prompt": max(record.answer.prompt_tokens for record in records),
        "minutes": round((time.monotonic() - began) / 60, 2),
    }


def _opening(example: Example) -> tuple[str, ...]:
    return tuple(message.content for message in example.prompt[:-1])


def table(record: dict[str, Any]) -> str:
    """One line a suite: its score beside chance."""
    lines = [
        "| ability | output type | shots | metric | dev score | chance | items | clusters |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, suite in record["suites"].items():
        metric, score = next(iter(suite["scores"].items()))
        chance = "–" if suite["chance"] is None else f"{suite['chance']:.0f}"
        lines.append(
            f"| {name} | {suite['form']} | {suite['shots']} | {metric} | {score:.1f} | {chance} | "
            f"{suite['verdict_items']} | {suite['clusters']} |"
        )
    return "\n".join(lines)


def forms_table(record: dict[str, Any]) -> str:
    """One line a form: the score of each template."""
    lines = ["| ability | output type | shots | metric | by template | items |", "|---|---|---|---|---|---|"]
    for name, suite in record["suites"].items():
        for (form, shots), rows in itertools.groupby(suite["others"], key=lambda row: (row["form"], row["shots"])):
            ways = list(rows)
            for metric in ways[0]["scores"]:
                by_template = " · ".join(
                    f"{row['scores'][metric]:.1f}" if metric in row["scores"] else "–" for row in ways
                )
                lines.append(f"| {name} | {form} | {shots} | {metric} | {by_template} | {ways[0]['items']} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what is asked for, keep it, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2", help="a model that keeptune can load")
    parser.add_argument("--only", choices=by_default(), nargs="*", default=by_default(), help="these suites alone")
    parser.add_argument("--forms", action="store_true", help="every other form and template as well")
    parser.add_argument("--items", type=int, default=40, help="dev items of each other form and template")
    parser.add_argument("--table", action="store_true", help="print the tables and measure nothing")
    options = parser.parse_args()
    if not options.table:
        loaded = load_for_inference(ModelConfig(name=options.model, device="cpu", dtype="float32"))
        for name in options.only:
            _measure(name, loaded, options.model, options.items if options.forms else 0)
    record = _kept()
    print(table(record))
    print(forms_table(record))


def _measure(name: str, loaded: LoadedModel, model: str, items: int) -> None:
    """What the record lacks of one suite; kept after every step."""
    suite, ability = SUITES[name], SUITES[name].ability()
    found = _kept()["suites"].get(name, {})
    asked = hash_value([ability.items, ability.dev, ability.metrics])[:16]
    if (found.get("model"), found.get("hash")) != (model, asked):
        found = {"model": model, "hash": asked, **measure_own(suite, loaded)}
        _keep(name, found)
    known = {(row["form"], row["shots"], row["template"]) for row in found["others"]}
    for way, shown, metrics in other_ways(suite, items) if items else ():
        if tuple(way.values()) not in known:
            found["others"].append({**way, **score(loaded, shown, metrics, suite.max_new_tokens)})
            _keep(name, found)


def _kept() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"suites": {}}
    return found


def _keep(name: str, found: dict[str, Any]) -> None:
    suites = {**_kept()["suites"], name: found}
    write_json(RESULTS, {"suites": {each: suites[each] for each in by_default() if each in suites}})


if __name__ == "__main__":
    main()
