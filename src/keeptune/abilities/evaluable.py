"""What a model could not be asked, known in the first seconds: before an item is read or its weights load."""

from __future__ import annotations

from keeptune.abilities.lm_eval import refuse_without_harness
from keeptune.abilities.table import SUITES
from keeptune.config.check import check_sections
from keeptune.config.keep import FILES, HARNESS, RUN
from keeptune.config.schema import DataConfig, EvaluationConfig, Keep, MeasureConfig, ModelConfig
from keeptune.errors import ConfigError, DataError
from keeptune.inference.engine import ENGINES
from keeptune.models.architecture import kind_and_context
from keeptune.models.placement import place
from keeptune.models.quantization import NONE, refuse_without_package
from keeptune.near_paths import expanded
from keeptune.scoring.table import METRICS, get_metric


def refuse_not_evaluable(
    model: ModelConfig,
    evaluation: EvaluationConfig,
    measure: MeasureConfig | None = None,
    data: DataConfig | None = None,
    *,
    taken: int = 0,
    mergeable: bool = True,
) -> None:
    """Refuse what a model could not be asked, or its answers not be scored by.

    Args:
        model: as it is loaded, not a run's folder; its weights are left alone.
        taken: positions that a new adapter takes.
        mergeable: whether what is trained can be folded into the weights.
    """
    given = {"model": model, "evaluation": evaluation, "measure": measure, "data": data}
    check_sections({name: section for name, section in given.items() if section is not None}, tuple(METRICS))
    place(model.device, model.dtype)
    for name in evaluation.metrics:
        get_metric(name)
    if measure is not None and measure.extent != "none":
        for name in measure.abilities:
            if name != "none":
                SUITES[name]
        for keep in measure.keep:
            _refuse_keep(keep)
    kind, context = kind_and_context(model)
    if model.quantization != NONE and model.engine == "vllm":
        raise ConfigError(
            f"the engine vllm loads {model.name} whole, not in {model.quantization}", "use --engine torch"
        )
    refuse_without_package(model.quantization)
    ENGINES[model.engine].refuse(kind, model.name, mergeable=mergeable)
    room = evaluation.max_new_tokens
    if room is not None and context - taken - room < 1:
        left = context - taken
        if left < 2:
            raise ConfigError(f"the adapter takes {taken} of the {context} positions of {model.name}", "lower --rank")
        raise ConfigError(
            f"answers of {room} tokens leave no room for a prompt in the {left} positions of {model.name}",
            f"use --max-new-tokens {max(left // 4, 1)}",
        )


def _refuse_keep(keep: Keep) -> None:
    """What can be said of a declared ability before its items are read."""
    if keep.data.startswith(HARNESS):
        refuse_without_harness()
        return
    path = expanded(keep.data.removeprefix(RUN))
    if (keep.data.startswith(RUN) or path.suffix in FILES) and not path.exists():
        raise DataError(f"there are no items of {keep.name} at {path}", f"check the path in --keep {keep.name}=…")
    suite = None if keep.data else SUITES[keep.name]
    metric = None if keep.metric is None else get_metric(keep.metric)
    if keep.margin is None or keep.margin < 100:
        return
    if metric is None and suite is not None:
        metric = get_metric(suite.ability(1).metrics[0])
    if metric is not None and metric.unit == "points":
        raise ConfigError(f"the margin of {keep.name} is {keep.margin:g}", "give it a margin below 100 points")
