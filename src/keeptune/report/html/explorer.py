"""Data for the page's item explorer: base and tuned answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from keeptune.errors import PairingError
from keeptune.records import EvalRecord, ForgettingReport
from keeptune.report.phrases import is_loss, score
from keeptune.report.visible import visible
from keeptune.scoring.choices import compared_choices, is_normalised

Pair = tuple[EvalRecord, EvalRecord]
READ = {"parse_lenient": "read leniently", "parse_failed": "could not be read"}


class ItemSets:
    """Sets of items, each shown in the explorer by a button of the page."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []

    def add(self, ability: str, label: str, item_ids: Sequence[str]) -> int:
        """Add a set and return its number, by which a button names it."""
        self.all.append({"ability": ability, "label": visible(label), "ids": [visible(each) for each in item_ids]})
        return len(self.all) - 1


def explorer_data(
    report: ForgettingReport, pairs: Mapping[str, Sequence[Pair]], task_pairs: Sequence[Pair]
) -> dict[str, Any]:
    """Groups (the task, then each ability) and their items.

    Raises:
        PairingError: `pairs` has answers for an ability that is not in the report.
    """
    metrics = {ability.name: (ability.metric, ability.higher_is_better) for ability in report.abilities}
    for name in pairs:
        if name not in metrics:
            known = ", ".join(metrics) or "none"
            raise PairingError(f"answers are given for {name}, which the report does not measure", f"known: {known}")
    groups: list[dict[str, str]] = []
    items: list[dict[str, Any]] = []
    if task_pairs and report.task is not None:
        groups.append({"name": "", "title": f"the task ({visible(report.task.metric)})"})
        items += _items(0, task_pairs, report.task.metric, report.task.higher_is_better)
    for name, found in pairs.items():
        metric, higher = metrics[name]
        groups.append({"name": name, "title": f"{visible(name)} ({visible(metric)})"})
        items += _items(len(groups) - 1, found, metric, higher)
    return {"groups": groups, "items": items}


def _items(group: int, pairs: Iterable[Pair], metric: str, higher: bool) -> list[dict[str, Any]]:
    return [_item(group, base, tuned, metric, higher) for base, tuned in pairs]


def _item(group: int, base: EvalRecord, tuned: EvalRecord, metric: str, higher: bool) -> dict[str, Any]:
    before, after = (record.scores[metric].value if metric in record.scores else None for record in (base, tuned))
    item = {
        "group": group,
        "id": visible(base.item_id),
        "kind": _kind(before, after, metric, higher),
        "scores": [None if value is None else score(metric, value) for value in (before, after)],
        "prompt": visible(base.prompt),
        "references": [visible(reference) for reference in base.references],
        "base": _side(base, metric),
        "tuned": _side(tuned, metric),
    }
    if base.choices:
        item["choices"] = [visible(choice) for choice in base.choices]
    return item


def _kind(before: float | None, after: float | None, metric: str, higher: bool) -> str:
    """How the item's score changed. ``right`` and ``wrong``: the full score, or none, from both models."""
    if before is None or after is None:
        return "unscored"
    if before != after:
        return "better" if (after > before) == higher else "worse"
    return "same" if is_loss(metric) or not higher else {100.0: "right", 0.0: "wrong"}.get(after, "same")


def _side(record: EvalRecord, metric: str) -> dict[str, Any]:
    answer = record.answer
    side: dict[str, Any] = {}
    if answer.output is not None:
        side["output"] = visible(answer.output)
    if answer.choice_loglikelihoods:
        values = compared_choices(record, metric)
        mean = "mean " if is_normalised(metric) else ""
        side["choices"] = [f"{mean}ln p {value:.2f}".replace("-", "−") for value in values]
        side["likeliest"] = values.index(max(values))
    elif answer.output is None and answer.reference_loglikelihood is not None:
        found = f"{answer.reference_loglikelihood:.2f}".replace("-", "−")
        side["reference"] = f"ln p of the reference {found}, {answer.reference_tokens:,} tokens"
    counts = record.scores[metric].counts if metric in record.scores else {}
    notes = [words for name, words in READ.items() if counts.get(name)]
    if answer.finish == "length":
        notes.append("stopped at the length limit")
    if notes:
        side["notes"] = notes
    return side
