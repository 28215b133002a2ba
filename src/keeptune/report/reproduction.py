"""A reproduction in a terminal: a pure view of the record."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from keeptune.records import Reproduction, ScoreAgain
from keeptune.report.notes import notes
from keeptune.report.phrases import score
from keeptune.report.visible import visible


def reproduction_report(made: Reproduction) -> RenderableType:
    """What was compared, and in the last line the answer."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("", "then", "now", "the same"):
        table.add_column(column)
    for each in made.answers:
        same = f"{each.same:,} of {each.items:,}{', same bytes' if each.same_bytes else ''}"
        table.add_row(visible(f"answers of {each.model}, {each.what}"), "", "", same)
    for found in made.scores:
        now = "–" if found.now is None else score(found.metric, found.now)
        then = "–" if found.then is None else score(found.metric, found.then)
        table.add_row(visible(f"{found.metric}, {found.what}"), then, now, _yes(found.same))
    for verdict in made.verdicts:
        pair = verdict.then or "–", verdict.now or "–"
        table.add_row(visible(f"verdict on {verdict.ability}"), *pair, _yes(pair[0] == pair[1]))
    lines = [_changed(made), weights_line(made), loss_line(made)]
    return Group(
        Text(""),
        *(Text(visible(line)) for line in lines),
        table,
        *notes(made.notes),
        Text(visible(f"files: {made.path}  (reproduction.json and all files of a run; repeats {made.of})")),
        Text(visible(ending(made)), style="bold"),
    )


def ending(made: Reproduction) -> str:
    """The result in one line."""
    if made.outcome == "same bytes":
        return f"same bytes: the weights, and the records of {made.items:,} answers"
    if made.outcome == "same answers":
        return f"same answers ({made.same:,} of {made.items:,}), other bytes"
    if made.same == made.items and made.same_verdicts:
        scores = [_score(each) for each in made.scores if not each.same]
        return f"same answers ({made.same:,} of {made.items:,}), other scores: {'; '.join(scores)}"
    parts = [f"differs: {made.items - made.same:,} of {made.items:,} answers"]
    parts += [f"{_score(each)}" for each in made.scores[:1]]
    if made.verdicts:
        others = sum(each.then != each.now for each in made.verdicts)
        parts.append(f"{others} of {len(made.verdicts)} verdicts are others" if others else "verdicts the same")
    return "; ".join(parts)


def weights_line(made: Reproduction) -> str:
    """How far the weights are apart."""
    found = made.weights
    if found.same_bytes:
        return "weights: same bytes"
    if found.largest is None or found.rms is None:
        return f"weights: not compared: {found.reason}"
    return f"weights: other bytes, largest difference {found.largest:.2g}, root mean square {found.rms:.2g}"


def loss_line(made: Reproduction) -> str:
    """How far the losses of the steps are apart."""
    if made.loss is None:
        return "training loss: not compared: the steps are not the same"
    return f"training loss: largest difference of a step {made.loss:.2g}" if made.loss else "training loss: same bytes"


def _changed(made: Reproduction) -> str:
    pairs = [f"{name} {then} → {now}" for name, (then, now) in made.changed.items()]
    return f"other than then: {'; '.join(pairs)}" if pairs else "versions, processor, threads and processes: as then"


def _score(found: ScoreAgain) -> str:
    now = "no score" if found.now is None else score(found.metric, found.now)
    then = "none" if found.then is None else score(found.metric, found.then)
    return f"{found.metric} {now} against {then}"


def _yes(same: bool) -> str:
    return "yes" if same else "no"
