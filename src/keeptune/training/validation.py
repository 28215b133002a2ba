"""Score the validation slice during training: its loss, and the run's metrics if they select the weights."""

from __future__ import annotations

from collections.abc import Mapping

from keeptune.events import silent
from keeptune.inference.answers import AnswerSettings, answer_items, corpus_scores, score_answers
from keeptune.inference.encoding import new_tokens
from keeptune.inference.loglikelihood import mean_loss
from keeptune.models.load import LoadedModel
from keeptune.training.selection import Validate
from keeptune.training.session import Session

NO_SCORE = 1e12
"""Added to the loss of a validation with an undefined metric, to make it worse than any score."""


def validator(session: Session, loaded: LoadedModel, token_budget: int) -> Validate:
    """A function that scores the validation slice with the current weights of `loaded`."""
    config, rows, encoder, metrics = session.config, session.rows, session.encoder, session.metrics
    validation = [encoder.scored_row(example, example.completion) for example in rows.validation]
    asked = AnswerSettings(encoder, new_tokens(config.evaluation, encoder, rows.train), config.evaluation.token_budget)

    def validate() -> tuple[float, Mapping[str, float]]:
        with loaded.placement.autocast():
            loss = mean_loss(loaded, validation, token_budget, session.observer)
            if config.training.select_by == "loss":
                return loss, {"loss": loss}
            answers = answer_items(loaded, asked, rows.validation, metrics.metrics, silent, "validation")
        records = score_answers(rows.validation, answers, metrics.metrics)
        scores = corpus_scores(records, metrics.metrics)
        primary = scores.get(metrics.primary.name)
        if primary is None:
            return NO_SCORE + loss, {"loss": loss, **scores}
        return (-primary if metrics.primary.higher_is_better else primary), {"loss": loss, **scores}

    return validate
