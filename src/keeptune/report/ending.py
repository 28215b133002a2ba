"""The last four lines of a run, which also start its page: gain, worst ability, verdict, next command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from keeptune.commands import command
from keeptune.records import AbilityReport, Comparison, ForgettingReport, Gate, Interval, TuneResult, negated
from keeptune.report.phrases import change, headline, unit

SEARCH_STEPS = "--auto looks for the cheapest mitigation"
"""Start of the notice that suggests --auto."""
VERDICTS: Mapping[Gate, str] = {
    "pass": "pass",
    "fail": "FAIL",
    "inconclusive": "inconclusive",
    "nothing declared": "none (no ability was declared with --keep)",
}


class Ending(NamedTuple):
    """The four lines, without their labels."""

    gain: str
    worst: str
    verdict: str
    next: str
    """A command that runs as printed."""

    def lines(self) -> tuple[str, str, str, str]:
        """As a terminal shows them."""
        return f"gain: {self.gain}", f"worst: {self.worst}", f"verdict: {self.verdict}", f"next: {self.next}"


def ending_of_tune(result: TuneResult) -> Ending:
    """The ending of `tune`, with or without measured abilities."""
    found = result.forgetting
    task = result.comparisons[0] if result.comparisons else None
    if found is None:
        asked = "no ability was measured (--measure quick measures a few)"
        return Ending(_gain(task), asked, "none (no ability was measured)", _chat(result.path))
    searches = any(notice.startswith(SEARCH_STEPS) for notice in found.notices)
    return ending_of_measure(found)._replace(gain=_gain(task), **({} if searches else {"next": _chat(result.path)}))


def ending_of_measure(report: ForgettingReport) -> Ending:
    """The ending of `measure`, `rescue`, and the measuring part of `tune`."""
    verdict = f"{VERDICTS[report.gate]}. {' '.join(report.sentences)}"
    return Ending(_gain(report.task), _worst(report.abilities), verdict.strip(), _next(report))


def worst_ability(abilities: Sequence[AbilityReport]) -> AbilityReport | None:
    """The ability that fell by the most margins, collapsed ones first. None if no ability has an interval."""
    known = [each for each in abilities if isinstance(each.drop, Interval) or each.verdict == "collapsed"]

    def gravity(ability: AbilityReport) -> tuple[bool, float]:
        drop = ability.drop.estimate if isinstance(ability.drop, Interval) else 0.0
        return ability.verdict == "collapsed", drop / ability.margin

    return max(known, key=gravity, default=None)


def _gain(task: Comparison | None) -> str:
    return "unknown (no items of the task were evaluated)" if task is None else headline(task)


def _worst(abilities: Sequence[AbilityReport]) -> str:
    worst = worst_ability(abilities)
    if worst is None:
        return "no ability could be compared" if abilities else "no ability was measured"
    declared = "declared" if worst.declared else "not declared"
    judged = f"{worst.verdict} ({declared}, margin {worst.margin:g}; worst of {len(abilities)} measured)"
    found = negated(worst.drop)
    if not isinstance(found, Interval):
        return f"{worst.name}: {judged}"
    low, high = (change(worst.metric, limit, 0.0, -worst.margin) for limit in (found.low, found.high))
    by = f"{change(worst.metric, found.estimate)} {unit(worst.metric)} ({low} to {high})"
    return f"{worst.name} {by}: {judged}"


def _next(report: ForgettingReport) -> str:
    if any(notice.startswith(SEARCH_STEPS) for notice in report.notices):
        return command("tune", config=f"{report.path}/config.json", auto=True, output=f"{report.path}-auto")
    if not report.manifest.device:
        # Two logs were compared, so there is no model to chat with.
        return command("runs show", report.path)
    return _chat(report.tuned_name)


def _chat(model: str) -> str:
    return command("chat", model=model)
