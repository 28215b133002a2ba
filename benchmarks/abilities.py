"""How well a model does on the built-in abilities: every wording and form, on the dev items.

    python benchmarks/abilities.py                        the embedded model; what has no record yet, then the table
    python benchmarks/abilities.py --only sentiment topic these suites again
    python benchmarks/abilities.py --table                print the table from the record alone
    python benchmarks/abilities.py --detail               print every wording and form

A suite's own form is measured on all its dev items as they are asked, wordings rotated; the other forms and single
wordings on the first of them (`--items`). The record, `results/abilities.json`, holds scores alone.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keeptune.api.ask import load_for_asking
from keeptune.config import ModelConfig
from keeptune.data.encode import Encoder
from keeptune.evaluation.abilities.suite import Suite
from keeptune.evaluation.abilities.table import SUITES
from keeptune.evaluation.run import Questioning, evaluate_model
from keeptune.events import silent
from keeptune.models.load import LoadedModel
from keeptune.records import Example
from keeptune.scoring.table import get_metric

RESULTS = Path(__file__).parent / "results" / "abilities.json"
TOKEN_BUDGET = 2048
WRITTEN = {"choice_accuracy": "label_accuracy", "choice_accuracy_norm": "label_accuracy"}
"""The metric of a written answer, where the suite's own reads likelihoods."""


def measure(suite: Suite, loaded: LoadedModel, items: int) -> dict[str, Any]:
    """The record of one suite."""
    ability = suite.ability()
    own = _score(loaded, ability.dev, suite.metrics, suite.max_new_tokens)
    others = []
    for form, shots, metrics in _forms(suite):
        for number, wording in enumerate(suite.wordings, start=1):
            asked = dataclasses.replace(suite, wordings=(wording,), shots=shots).ability().dev[:items]
            scored = _score(loaded, asked, metrics, suite.max_new_tokens)
            others.append({"form": form, "shots": shots, "wording": number, **scored})
            print(f"  {suite.name} {form} shots={shots} wording {number}: {scored['scores']}", flush=True)
    return {
        "version": suite.version,
        "form": suite.form,
        "shots": suite.shots,
        "chance": suite.chance,
        "verdict_items": len(ability.items),
        "clusters": len({example.cluster for example in ability.items}),
        **own,
        "others": others,
    }


def _forms(suite: Suite) -> list[tuple[str, int, tuple[str, ...]]]:
    """(form, shots, metrics) of every way that this suite can be asked."""
    shots = len(suite.demonstrations)
    written = tuple(dict.fromkeys(WRITTEN.get(metric, metric) for metric in suite.metrics))
    forms = [("generate", 0, written), ("few-shot", shots, written)]
    if suite.ability(1).items[0].choices:
        by_likelihood = ("choice_accuracy", "choice_accuracy_norm")
        forms += [("choices", 0, by_likelihood), ("choices", shots, by_likelihood)]
    return forms


def _score(loaded: LoadedModel, items: Sequence[Example], metrics: Sequence[str], room: int) -> dict[str, Any]:
    began = time.monotonic()
    encoder = Encoder(loaded.tokenizer, loaded.kind, 2048)
    questioning = Questioning(encoder, room, TOKEN_BUDGET)
    chosen = [get_metric(name) for name in metrics]
    _, scores = evaluate_model(loaded, questioning, items, chosen, silent, "model")
    longest = max(len(encoder.prompt(example)[0]) for example in items)
    return {
        "items": len(items),
        "scores": {name: round(score, 1) for name, score in scores.items()},
        "longest_prompt": longest,
        "minutes": round((time.monotonic() - began) / 60, 2),
    }


def table(record: dict[str, Any]) -> str:
    """One line a suite: the score in its own form beside chance, and what all its verdict items would take."""
    lines = [
        "| ability | form | shots | metric | dev score | chance | items | clusters | minutes |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, suite in record["suites"].items():
        metric, score = next(iter(suite["scores"].items()))
        chance = "–" if suite["chance"] is None else f"{suite['chance']:.0f}"
        minutes = suite["minutes"] * suite["verdict_items"] / suite["items"]
        lines.append(
            f"| {name} | {suite['form']} | {suite['shots']} | {metric} | {score:.1f} | {chance} | "
            f"{suite['verdict_items']} | {suite['clusters']} | {minutes:.1f} |"
        )
    return "\n".join(lines)


def detail(record: dict[str, Any]) -> str:
    """Every wording and form that was measured."""
    lines = ["| ability | form | shots | wording | scores | items |", "|---|---|---|---|---|---|"]
    for name, suite in record["suites"].items():
        for row in suite["others"]:
            scores = ", ".join(f"{metric} {score:.1f}" for metric, score in row["scores"].items())
            lines.append(f"| {name} | {row['form']} | {row['shots']} | {row['wording']} | {scores} | {row['items']} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what is asked for, keep it, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2", help="a model that keeptune can load")
    parser.add_argument("--only", choices=SUITES, nargs="*", help="these suites alone, measured again")
    parser.add_argument("--items", type=int, default=100, help="dev items of each other form and wording")
    parser.add_argument("--table", action="store_true", help="print the table and measure nothing")
    parser.add_argument("--detail", action="store_true", help="print every wording and form as well")
    options = parser.parse_args()
    record = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"suites": {}}
    if not options.table:
        known = {name for name, suite in record["suites"].items() if suite["version"] == SUITES[name].version}
        names = options.only or [name for name in SUITES if name not in known]
        loaded = load_for_asking(ModelConfig(name=options.model, device="cpu", dtype="float32"))
        for name in names:
            record["model"] = options.model
            record["suites"][name] = measure(SUITES[name], loaded, options.items)
            record["suites"] = {each: record["suites"][each] for each in SUITES if each in record["suites"]}
            RESULTS.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(table(record))
    if options.detail:
        print(detail(record))


if __name__ == "__main__":
    main()
