"""``--interpolation auto``: which share α of a trained change is kept, W₀ + α (W − W₀), chosen without verdict items.

Forgetting falls faster with α than the gain does: near α = 1 the task's loss is flat, while what changed elsewhere
shrinks at least in proportion. So the smallest α that keeps nearly the whole fall in validation loss is taken, and a
smaller one where a declared ability falls by more than half its margin on development items.
"""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from keeptune.abilities.declared import wanted_abilities
from keeptune.assessment.two_models import AbilityEvaluator
from keeptune.config.keep import HARNESS
from keeptune.config.schema import ModelConfig
from keeptune.data.split import limit_clusters
from keeptune.data.task_rows import rows_of_user
from keeptune.events import Notice
from keeptune.experiments.dev_comparison import dev_drop, why_left_out
from keeptune.experiments.loss_curve import loss_curve
from keeptune.inference.evaluator import load_for_inference
from keeptune.mitigation.alpha_curve import ALPHAS, NEARLY_ALL
from keeptune.mitigation.choose_candidate import HALF
from keeptune.mitigation.methods.interpolation import interpolate
from keeptune.mitigation.spec import AUTO
from keeptune.records import Ability, AlphaChoice, AlphaPoint, DevDrop, EvalRecord
from keeptune.training.session import Session
from keeptune.training.train import whole_training
from keeptune.workspace.workspace import Workspace

ENOUGH = 0.9
"""The least such share at which α is made smaller for the sake of an ability."""
DEV_ITEMS = 120
"""Development items of each declared ability at most, in whole clusters."""


def choose_alpha(session: Session) -> None:
    """Train, and write the α to keep to the run's folder, unless an earlier start has or the settings give α."""
    if session.config.mitigation.interpolation != AUTO:
        return
    run = session.workspace
    choice = run.alpha_choice()
    if choice is None:
        choice = _Choice(session, whole_training(session))()
        run.write_alpha_choice(choice)
    for alpha in ALPHAS:
        shutil.rmtree(run.at_alpha(alpha).path, ignore_errors=True)
    session.seconds["alpha"] = choice.seconds
    session.observer(Notice("interpolation", f"{choice.reason} ({choice.seconds:.0f} s to choose it)"))


@dataclass(frozen=True, slots=True)
class _Choice:
    session: Session
    whole: Workspace
    """The training whose change is interpolated."""

    def __call__(self) -> AlphaChoice:
        began = time.monotonic()
        if not self.session.rows.validation:
            return AlphaChoice(1.0, "α is 1: there are no validation rows to choose it by", (), 0.0)
        abilities = self._abilities()
        base = self._answers(self.session.config.model, abilities)
        for ability in abilities:
            if why := why_left_out(ability, base[ability.name], same=True):
                self.session.observer(Notice("interpolation", f"{ability.name} does not count for α: {why}"))
        kept = [ability for ability in abilities if not why_left_out(ability, base[ability.name], same=True)]
        curve = loss_curve(self.session, self._at, self.session.encoder)
        points = {alpha: AlphaPoint(alpha, curve.losses[alpha], curve.share(alpha), None) for alpha in ALPHAS}
        first = min(alpha for alpha, point in points.items() if point.share >= NEARLY_ALL)
        for alpha in (a for a in ALPHAS if a == first or (a < first and points[a].share >= ENOUGH)):
            answered = self._answers(self._at(alpha), kept) if kept else {}
            drops = tuple(dev_drop(ability, base[ability.name], answered[ability.name]) for ability in kept)
            points[alpha] = replace(points[alpha], drops=drops)
            if _worst(drops) <= HALF:
                break
        asked = [point for point in points.values() if point.drops is not None]
        best = next((p for p in asked if _worst(p.drops) <= HALF), min(asked, key=lambda point: _worst(point.drops)))
        return AlphaChoice(
            best.alpha,
            _reason(best, fell=curve.base > curve.losses[1.0]),
            tuple(points.values()),
            time.monotonic() - began,
        )

    def _abilities(self) -> list[Ability]:
        """The declared ones that have development items, a few of these."""
        config = self.session.config
        own = tuple(keep for keep in config.measure.keep if not keep.data.startswith(HARNESS))
        declared = replace(config.measure, keep=own, abilities=("none",))
        found = wanted_abilities(declared, rows_of_user(config.data), self.session.encoder, lambda _: None)
        return [replace(each, dev=limit_clusters(each.dev, DEV_ITEMS)) for each in found if each.dev]

    def _at(self, alpha: float) -> ModelConfig:
        """The model that keeps the share `alpha`, written unless an earlier start has."""
        config, run, weights = self.session.config, self.session.workspace, self.whole.weights
        assert weights is not None, "the training has ended"
        if alpha != 1:
            other = run.at_alpha(alpha)
            if other.weights is None:
                other.path.mkdir(parents=True, exist_ok=True)
                interpolate(alpha, config, weights, other)
            weights = other.weights
        return replace(config.model, name=str(weights), revision=None)

    def _answers(self, model: ModelConfig, abilities: Sequence[Ability]) -> dict[str, list[EvalRecord]]:
        """Records of development items by ability."""
        if not abilities:
            return {}
        session, budget = self.session, self.session.config.evaluation.token_budget
        loaded = load_for_inference(model)
        evaluator = AbilityEvaluator(loaded, session.encoder, budget, "dev", session.observer)
        records = {ability.name: evaluator.evaluate(ability, ability.dev) for ability in abilities}
        del loaded, evaluator
        gc.collect()
        return records


def _worst(drops: Sequence[DevDrop] | None) -> float:
    """The largest drop by its margin."""
    return max((drop.share_of_margin for drop in drops or ()), default=0.0)


def _reason(point: AlphaPoint, *, fell: bool) -> str:
    if not fell:
        return f"α is {point.alpha:g}: the training did not lower the validation loss, by which α is chosen"
    share = f"{100 * point.share:.0f} % of the fall in validation loss"
    if not point.drops:
        smallest = f"the smallest of {', '.join(f'{a:g}' for a in ALPHAS)} that keeps {100 * NEARLY_ALL:g} %"
        return f"α is {point.alpha:g}, {smallest}: it keeps {share}"
    worst = max(point.drops, key=lambda drop: drop.share_of_margin)
    return (
        f"α is {point.alpha:g}: it keeps {share}, and the largest drop on development items is {worst.drop:.1f} "
        f"({worst.name}, margin {worst.margin:g}, {worst.items} items)"
    )
