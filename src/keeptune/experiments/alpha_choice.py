"""``--interpolation auto``: which share α of a trained change is kept, W₀ + α (W − W₀), chosen on validation rows.

Forgetting falls faster with α than the gain does: near α = 1 the task's loss is flat, while what changed elsewhere
shrinks at least in proportion. So the smallest α that keeps nearly all of the largest fall in validation loss is
taken, but none below the smallest one that was measured.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from keeptune.events import Notice
from keeptune.experiments.loss_curve import loss_curve
from keeptune.mitigation.alpha_curve import NEARLY_ALL
from keeptune.mitigation.spec import AUTO
from keeptune.models.memory import out_of_memory
from keeptune.records import AlphaChoice, AlphaPoint
from keeptune.training.session import Session
from keeptune.training.train import whole_training
from keeptune.workspace.workspace import Workspace


def choose_alpha(session: Session) -> None:
    """Train, and write the α to keep to the run's folder, unless an earlier start has or the settings give α."""
    if session.config.mitigation.interpolation != AUTO:
        return
    run = session.workspace
    choice = run.alpha_choice()
    if choice is None:
        choice = _Choice(session, whole_training(session))()
        run.write_alpha_choice(choice)
    session.seconds["alpha"] = choice.seconds
    session.observer(Notice("interpolation", f"{choice.reason} ({choice.seconds:.0f} s to choose it)"))


@dataclass(frozen=True, slots=True)
class _Choice:
    session: Session
    whole: Workspace
    """The training whose change is interpolated."""

    def __call__(self) -> AlphaChoice:
        if not self.session.rows.validation:
            return AlphaChoice(1.0, "α is 1: there are no validation rows to choose it by", (), 0.0)
        began = time.monotonic()
        tuned = replace(self.session, workspace=self.whole).tuned_model
        try:
            curve = loss_curve(self.session, tuned, self.session.encoder)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            reason = "α is 1: the memory does not hold the trained weights and the base's, as the choice of α needs"
            return AlphaChoice(1.0, reason, (), time.monotonic() - began)
        points = tuple(AlphaPoint(alpha, loss, curve.share(alpha)) for alpha, loss in curve.losses.items())
        if curve.base <= curve.losses[1.0]:
            reason = "α is 1: the training did not lower the validation loss, by which α is chosen"
            return AlphaChoice(1.0, reason, points, time.monotonic() - began)
        alpha = max(curve.least_nearly_all, min(curve.losses))
        least = f"{100 * NEARLY_ALL:g} % of the largest fall in validation loss"
        reason = f"α is {alpha:g}: no smaller one keeps {least}"
        if alpha == min(curve.losses):
            reason = f"α is {alpha:g}, the smallest that is chosen: it keeps {least}"
        return AlphaChoice(alpha, reason, points, time.monotonic() - began)
