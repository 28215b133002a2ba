"""A whole run in one flat file: base → tune → measure. Read this first.

`keeptune tune` does the same with checkpoints, validation, memory limits, mitigations and a report. Run it from the
root of the repository: python examples/minimal_loop.py [MODEL] [ITEMS]
"""

from __future__ import annotations

import sys

from keeptune.abilities.table import SUITES
from keeptune.config.schema import Adapter, DataConfig, ModelConfig, TrainingConfig
from keeptune.data.load import load_examples
from keeptune.data.split import split_examples
from keeptune.events import silent
from keeptune.forgetting.compare import compare
from keeptune.forgetting.gate import decide
from keeptune.forgetting.verdict import judge
from keeptune.inference.answers import AnswerSettings, evaluate_model
from keeptune.inference.encoding import make_encoder
from keeptune.mitigation.objective import Objective
from keeptune.mitigation.row_source import FixedRows
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import load_model
from keeptune.records import Interval
from keeptune.scoring.table import METRICS
from keeptune.training.defaults import default_lr
from keeptune.training.fit_memory import MemoryFit
from keeptune.training.gradients import Gradients
from keeptune.training.schedule import cosine_with_warmup
from keeptune.training.step import Step, adamw, scaler_for

EPOCHS = 2
BATCH_SIZE = 4
TOKEN_BUDGET = 2048
"""Tokens in one forward pass, padding counted."""


def main(model: str = "smollm2", items: str = "60") -> None:
    """Tune on `examples/rows.jsonl`, and say what the model gained there and lost on the ability `facts`."""
    # 1. The task's rows become Examples; a part is set apart for the score.
    data = DataConfig(prompt="Summarize in one sentence: {dialogue}", completion="summary")
    rows = load_examples("examples/rows.jsonl", data, "train").examples
    train, test = split_examples(rows, 0.25, seed=0)

    # 2. The model, and the encoder that turns Examples into token ids.
    of_model, adapter = ModelConfig(name=model), Adapter("lora", rank=8)
    encoder = make_encoder(of_model, data, adapter)
    loaded = load_model(of_model)
    loaded.model.eval()

    # 3. The base answers the test rows, and the questions of an ability that should survive.
    task_metric = METRICS["rouge1"]
    facts = SUITES["facts"].ability(int(items), declared=True)
    facts_metric = METRICS[facts.metrics[0]]
    short = AnswerSettings(encoder, max_new_tokens=48, token_budget=TOKEN_BUDGET)
    base_task, _ = evaluate_model(loaded, short, test, [task_metric], silent, "base")
    base_facts, _ = evaluate_model(loaded, short, facts.items, [facts_metric], silent, "base")
    base_dev, _ = evaluate_model(loaded, short, facts.dev, [facts_metric], silent, "base, development items")

    # 4. The training loop: AdamW with a cosine schedule on cross-entropy over the completions.
    attach_adapter(loaded, adapter, seed=0)
    source = FixedRows(encoder.rows(train), BATCH_SIZE, seed=0)
    lr = default_lr(adapter, loaded.parameters)
    gradients = Gradients(loaded, Objective(), silent, scaler_for(loaded), MemoryFit(TOKEN_BUDGET, 0))
    step = Step(gradients, adamw(gradients, TrainingConfig()))
    steps = EPOCHS * source.epoch.steps
    for number in range(steps):
        loss, _ = step(number, source.next(number, loaded), lr * cosine_with_warmup((number + 0.5) / steps, warmup=0.1))
        print(f"step {number + 1} of {steps}: loss {loss:.3f}")
    loaded.model.eval()

    # 5. The tuned model answers the same items.
    tuned_task, _ = evaluate_model(loaded, short, test, [task_metric], silent, "tuned")
    tuned_facts, _ = evaluate_model(loaded, short, facts.items, [facts_metric], silent, "tuned")

    # 6. Answers are paired by item: what was gained, and whether what was lost matters.
    gain = compare(base_task, tuned_task, task_metric)
    limits = gain.difference
    sure = f"{limits.low:+.1f} to {limits.high:+.1f}" if isinstance(limits, Interval) else limits.reason
    print(f"{gain.metric}: {gain.before:.1f} → {gain.after:.1f} on {gain.items} items, 95 % interval {sure}")
    decision = decide([judge(facts, base_facts, tuned_facts, base_dev)])
    for report in decision.abilities:
        print(f"{report.name}: {report.verdict}. {report.reason}")
    print(" ".join(decision.sentences))


if __name__ == "__main__":
    main(*sys.argv[1:])
