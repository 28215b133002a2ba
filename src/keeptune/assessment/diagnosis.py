"""Diagnosis: further evaluations of both models after the verdicts, which explain what broke."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from keeptune.assessment.recovery_probe import Recovery, recovery_probe
from keeptune.assessment.task import Task
from keeptune.assessment.two_models import AbilityEvaluator, Both, Records, TwoModels
from keeptune.assessment.verdict_pass import VerdictPass
from keeptune.config.schema import MeasureConfig
from keeptune.data.split import limit_clusters
from keeptune.data.task_metrics import Metrics
from keeptune.errors import ModelError
from keeptune.events import Notice, Observer
from keeptune.forgetting.conclusion import FOILS
from keeptune.forgetting.drift import drift_row
from keeptune.forgetting.drift_history import ON as ON_BASE_TEXT
from keeptune.forgetting.foils import with_foils
from keeptune.forgetting.format import diagnose
from keeptune.inference.base_text import sample_text
from keeptune.inference.drift import kl_by_row
from keeptune.records import Ability, AbilityReport, DriftRow, Example, IntrusionReport, Undefined
from keeptune.scoring.table import get_metric

FREE_ITEMS = 60
"""Items of an ability that both models answer in free text."""
FREE_TOKENS = 40
"""Maximum tokens of those answers: enough to recognize the task's style."""
QUICK_EXPLAINED_ITEMS = 150
"""Items of a lost ability that a quick measure evaluates with other prompt templates."""
FOIL_ITEMS = 400
"""Items of a lost ability whose references are ranked among foils."""
RANKED_BY = "choice_accuracy_norm"
"""Likelihood per token, because foils have similar but not equal lengths."""
TASK_ITEMS = 300
DRIFT_ITEMS = 100
SAMPLES = 64
"""Texts that the base samples to measure drift."""
SAMPLE_TOKENS = 64
SAMPLE_SEED = 0


@dataclass(frozen=True, slots=True)
class BothModels:
    """Both models, loaded at the same time."""

    base: AbilityEvaluator
    tuned: AbilityEvaluator

    def evaluate(self, ability: Ability, metrics: Metrics, asked: Sequence[Example], part: str) -> Both:
        """Records of both."""
        first, second = (each.evaluate_by(ability, metrics, asked, part) for each in (self.base, self.tuned))
        return first, second


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """How it broke."""

    abilities: tuple[AbilityReport, ...]
    """The lost ones explained."""
    intrusion: IntrusionReport | Undefined
    drift: tuple[DriftRow, ...] | Undefined


NOT_IN_QUICK = Undefined("not looked for in a quick measure; a full one does")
OTHER_TOKENIZERS = "the tokenizers of the two models differ"


def diagnosed(
    models: TwoModels, found: VerdictPass, reports: Sequence[AbilityReport], task: Task | None, measure: MeasureConfig
) -> Diagnosis:
    """Explain what was lost, and measure intrusion and drift. Both models are in memory at once."""
    both = BothModels(models.load("base"), models.load("tuned"))
    intrusion = look_for_intrusion(both, (task.base, task.tuned) if task else None, found.abilities, found.answered)
    drift: tuple[DriftRow, ...] | Undefined = Undefined(OTHER_TOKENIZERS)
    if models.same_tokenizer:
        examples, records = (task.examples, task.base) if task else ((), [])
        drift = measure_drift(both, examples, records, models.token_budget, models.observer)
    most = QUICK_EXPLAINED_ITEMS if measure.extent == "quick" else None
    explained = []
    for ability, report in zip(found.abilities, reports, strict=True):
        if report.verdict == "lost":
            # The recovery probe runs only if it is set.
            probes = measure.probe and ability.source != "lm-eval"
            recovery = recovery_probe(*models.sides(), ability, models.observer) if probes else None
            report = explain(both, ability, report, found.answered[ability.name], recovery, most)
        explained.append(report)
    return Diagnosis(tuple(explained), intrusion, drift)


def look_for_intrusion(
    models: BothModels, task: Both | None, abilities: Sequence[Ability], answered: Mapping[str, Both]
) -> IntrusionReport | Undefined:
    """Whether the style of the new task intrudes on other prompts. Abilities without free answers get a few free
    prompts."""
    if task is None:
        return Undefined("no items of the task were given")
    # Imports scikit-learn, which takes a second, so not at startup.
    from keeptune.forgetting.intrusion import find_intrusion, too_few_answers

    task = _first(task, TASK_ITEMS)
    reason = too_few_answers(task)
    if reason:
        return Undefined(reason)
    written: dict[str, Both] = {}
    for ability in abilities:
        if ability.output_type == "loss":
            continue
        if "free" in ability.variants:
            free = limit_clusters(ability.variants["free"], FREE_ITEMS)
            metric = "label_accuracy" if all(example.choices for example in free) else ability.metrics[0]
            asked = replace(ability, max_new_tokens=max(FREE_TOKENS, ability.max_new_tokens))
            written[ability.name] = models.evaluate(asked, Metrics((get_metric(metric),), ""), free, "free")
        elif ability.output_type == "generate":
            written[ability.name] = _first(answered[ability.name], TASK_ITEMS)
    return find_intrusion(task, written)


def _first(both: Both, count: int) -> Both:
    return both[0][:count], both[1][:count]


def measure_drift(
    models: BothModels, task: Sequence[Example], task_base: Records, token_budget: int, observer: Observer
) -> tuple[DriftRow, ...] | Undefined:
    """KL(base ‖ tuned) on the base's own answers to the task's prompts, and on text drawn from the base."""
    base, tuned = models.base.loaded, models.tuned.loaded
    try:
        texts = sample_text(base, SAMPLES, SAMPLE_TOKENS, SAMPLE_SEED)
        rows = [drift_row(ON_BASE_TEXT, kl_by_row(base, tuned, texts, token_budget, observer=observer))]
        outputs = {record.item_id: record.answer.output for record in task_base[:DRIFT_ITEMS]}
        asked = [
            models.base.encoder.scored_row(example, output) for example in task if (output := outputs.get(example.id))
        ]
        if asked:
            rows.insert(0, drift_row("task prompts", kl_by_row(base, tuned, asked, token_budget, observer=observer)))
    except ModelError as error:
        observer(Notice("drift", f"drift was not measured: {error.message}"))
        return Undefined(error.message)
    return tuple(rows)


def explain(
    models: BothModels,
    ability: Ability,
    report: AbilityReport,
    answered: Both,
    recovery: Recovery | None,
    most: int | None = None,
) -> AbilityReport:
    """Evaluate a lost ability with other templates and output types, rank its references among foils, and conclude.

    Args:
        most: maximum items of each variant, in whole clusters; None: all.
    """
    metrics = Metrics(tuple(get_metric(name) for name in ability.metrics), "")
    variants: dict[str, Both] = {}
    for name, examples in ability.variants.items():
        examples = examples if most is None else limit_clusters(examples, most)
        if name == "free" and ability.output_type == "choices":
            metric = "label_accuracy" if all(example.choices for example in examples) else ability.metrics[0]
            variants[name] = models.evaluate(ability, Metrics((get_metric(metric),), ""), examples, name)
        else:
            variants[name] = models.evaluate(ability, metrics, examples, name)
    if ability.output_type in ("generate", "few-shot") and ability.source != "lm-eval":
        foils = with_foils(limit_clusters(ability.items, most or FOIL_ITEMS), ability.metrics[0])
        if foils:
            variants[FOILS] = models.evaluate(
                ability, Metrics((get_metric(RANKED_BY),), ""), foils, "ranked among foils"
            )
    found = (recovery.recovery, recovery.control) if recovery else (None, None)
    return replace(report, diagnosis=diagnose(ability, *answered, variants, *found))
