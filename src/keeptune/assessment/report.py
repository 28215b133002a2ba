"""Write the files of a measure to the run folder: records, page, model card and report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from keeptune.assessment.task import Task
from keeptune.assessment.two_models import Both
from keeptune.errors import StoreError, first_line
from keeptune.events import Notice, Observer
from keeptune.forgetting.compare import pair
from keeptune.forgetting.drift_history import check_report, drift_history
from keeptune.records import ForgettingReport, TuneResult, to_plain
from keeptune.report.card import PublishedBase, model_card
from keeptune.report.html import write_html
from keeptune.workspace.exported_run import ExportedRun
from keeptune.workspace.workspace import Workspace

SIDES = ("base", "tuned")


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Facts for the card in addition to the report; None if unknown."""

    made: TuneResult | None = None
    """How the tuned model was made."""
    base: PublishedBase | None = None


def write_report(
    report: ForgettingReport,
    answered: Mapping[str, Both],
    task: Task | None,
    run: Workspace,
    card: ModelCard = ModelCard(),
) -> None:
    """Write records, page and card, and then the report. The card of a model that this run made is stored with its
    weights."""
    for name, records in answered.items():
        for side, of_side in zip(SIDES, records, strict=True):
            run.write_ability_records(name, side, of_side)
    pairs = {name: pair(*records) for name, records in answered.items()}
    write_html(report, pairs, run.page, pair(task.base, task.tuned) if task else (), card.made)
    run.write_card(model_card(report, card.made, card.base))
    run.write_forgetting(report)


def show_exports(run: Workspace) -> None:
    """Write the page of a finished run again, with its exports; nothing where it measured no abilities."""
    made = run.tune_result()
    if made.forgetting is None:
        return
    names = [report.name for report in made.forgetting.abilities]
    pairs = {name: pair(*(run.ability_records(name, side) for side in SIDES)) for name in names}
    task_pairs = pair(*(run.samples(side) for side in SIDES))
    write_html(made.forgetting, pairs, run.page, task_pairs, made, ExportedRun(run.path).exports())


def with_drift_history(report: ForgettingReport, run: Workspace, observer: Observer) -> ForgettingReport:
    """`report` with the relation of drift to losses in the earlier runs of the same folder."""
    return replace(report, drift_history=drift_history([*earlier_reports(run, observer), to_plain(report)]))


def earlier_reports(run: Workspace, observer: Observer) -> list[dict[str, object]]:
    """Reports of the other runs in the folder, oldest first. A report that cannot be read is left out with a notice."""
    found = []
    for other in run.measured_beside():
        try:
            plain = other.forgetting()
            written = other.measured_at
            check_report(plain)
        except (OSError, ValueError, StoreError) as error:
            observer(Notice("neighbour", f"the report of {other} cannot be read and is left out: {first_line(error)}"))
            continue
        found.append((written, plain))
    return [plain for _, plain in sorted(found, key=lambda each: each[0])]
