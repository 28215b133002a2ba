"""Every setting of a run, as frozen dataclasses. Each field is documented once, under it.

The tables of known methods and metrics are handed in by the caller (`config.load`), so that this room
imports nothing above it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from keeptune.config.canonical import Canonical

DeviceName = Literal["auto", "cpu", "cuda", "mps"]
DtypeName = Literal["auto", "float32", "bfloat16", "float16"]
Engine = Literal["torch", "vllm"]
TooLong = Literal["truncate", "drop", "error"]
LossOn = Literal["last", "all"]
MetricWhen = Literal["loss", "metric"]
Extent = Literal["full", "quick", "none"]
TokenWeights = Literal["none", "stm", "talr", "dft"]
KlOn = Literal["replay", "self", "task"]


@dataclass(frozen=True, slots=True)
class ModelConfig(Canonical):
    """Which model, and where it runs."""

    name: str = "smollm2"
    """Hub name (or ``name@revision``), local folder, ``.gguf`` file, or the built-in ``smollm2``."""
    revision: str | None = None
    """Hub branch, tag or commit."""
    device: DeviceName = "auto"
    dtype: DtypeName = "auto"
    engine: Engine = "torch"
    """What answers and scores when models are asked; training is torch's in any case."""
    allow_pickle: bool = False
    """Load ``.bin``/``.pt`` checkpoints, which can run code when loaded."""
    allow_remote_code: bool = False
    """Run model code that comes with the checkpoint."""


@dataclass(frozen=True, slots=True)
class DataConfig(Canonical):
    """Which rows, and how they are read."""

    train: str | None = None
    """File, folder or hub data set (``name`` or ``name:split``)."""
    test: str | None = None
    """As `train`. None: a seeded, group-aware slice of train is set apart."""
    prompt: str | None = None
    """Template over the row's fields, e.g. ``Summarize: {dialogue}``. None: found from the field names."""
    completion: str | None = None
    """Field name, or template, of the answer. None: found from the field names."""
    system: str | None = None
    """System message put before every prompt."""
    group: str | None = None
    """Field that names the group of a row; rows of one group stay on one side of a split."""
    encoding: str | None = None
    """Encoding of text files that are not UTF-8. None: found where only one text can be meant, and said."""
    delimiter: str | None = None
    """Character between the fields of CSV, TSV and text tables. None: found, and said."""
    skip_bad: bool = False
    """Leave out rows that cannot be used, and say which, in the place of stopping."""
    choices: str | None = None
    """The closed set of answers: ``a,b,c``, or the field that holds it; ``none``: there is none. None (``auto``): the
    rows' own ``choices``, or their answers where these are few and repeat, which is said."""
    limit_train: int | None = None
    """Use this many rows of train at most, the validation slice among them (seeded choice)."""
    draw: int = 0
    """Which seeded choice `limit_train` takes; within one, the choice of fewer rows lies in that of more."""
    limit_test: int | None = None
    test_fraction: float = 0.2
    """Share of train set apart where no test is given."""
    validation_fraction: float = 0.1
    """Share of train on which the best checkpoint is chosen; 0 keeps the last checkpoint."""
    max_length: int | None = None
    """Tokens a row at most. None: the model's context, 2,048 at most."""
    too_long: TooLong = "truncate"
    """A longer row: cut the middle of its prompt, leave it out, or stop."""
    loss_on: LossOn = "last"
    """Multi-turn rows: learn the last answer, or every assistant turn."""
    drop_duplicates: bool = True
    """Leave out train rows that repeat another row, or occur in test."""


@dataclass(frozen=True, slots=True)
class Full:
    """Full fine-tuning: every weight is trained."""

    kind: Literal["full"] = "full"


@dataclass(frozen=True, slots=True)
class Adapter(Canonical):
    """Parameter-efficient fine-tuning by `peft`. LoRA: Hu et al. 2021, arXiv:2106.09685."""

    kind: str = "lora"
    """A row of the table of methods: ``lora``, ``dora``, ``rslora``, ``ia3`` …"""
    rank: int = 16
    alpha: float = 32
    dropout: float = 0.0
    """On a CPU a dropout of 0.05 takes a quarter of the speed, and a few epochs do without it."""
    target_modules: str = "all-linear"
    """``all-linear``, or module names separated by commas."""


Method = Full | Adapter


@dataclass(frozen=True, slots=True)
class TrainingConfig(Canonical):
    """The loop. None means: the default for this model's size and method, printed when the run starts."""

    lr: float | None = None
    lr_factor: float = 1.0
    """Times `lr`, or times its default: a smaller step forgets less."""
    epochs: float | None = None
    batch_size: int = 8
    """Rows an optimizer step."""
    token_budget: int | None = None
    """Tokens a forward pass at most, padding counted. None: what this kind of device computes best, or what its memory
    holds, where that is less."""
    torch_compile: bool | None = None
    """Compile the model's blocks. None: on a CPU with a C++ compiler, where the run is long enough to gain by it."""
    warmup_fraction: float = 0.05
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    max_minutes: float | None = None
    """Stop, with the schedule ended properly, after this many minutes of training."""
    validations_per_epoch: int = 1
    select_by: MetricWhen = "loss"
    """Choose the best checkpoint by validation loss, or by the task's metric on generated answers."""
    checkpoint_minutes: float = 5.0
    """Minutes between checkpoints to resume from, beside one at each validation; 0: after every step."""
    seed: int = 0
    hyperparameter_search: int = 0
    """Short trainings, from which those of lr and epochs that are left open are chosen before the run itself: the
    lowest validation loss within `max_drift`. 0: the defaults are taken."""
    max_drift: float = 0.02
    """Drift at which a setting of that search may be chosen: KL(base ‖ tuned) on text of the base, nats a token. By
    Pinsker's inequality 0.02 is a mean total variation of 0.1 at most: of ten tokens that the base writes, the tuned
    model can be made to write nine the same."""


@dataclass(frozen=True, slots=True)
class MitigationConfig(Canonical):
    """What a training does so that other abilities are kept. Everything composes; by default nothing is done."""

    replay: tuple[str, ...] = ()
    """Rows of old tasks to mix into train: files, folders or hub data sets, read as `DataConfig.train` is."""
    replay_fraction: float = 0.05
    """Share of the mix's rows that are replayed; the task's own rows all stay."""
    self_replay: float = 0.0
    """Share of the mix's rows whose answers the base wrote itself. Huang et al. 2024, arXiv:2403.01244."""
    self_replay_prompts: str | None = None
    """Unlabelled prompts for the base to answer. None: it samples the prompts, too (Xu et al. 2024,
    arXiv:2406.08464)."""
    kl: float = 0.0
    """Weight of KL(base ‖ tuned), nats a token."""
    kl_on: KlOn = "self"
    """Where KL is taken: replayed rows, text the base sampled itself, or the task's rows with the right token left
    out."""
    l2sp: float = 0.0
    """Weight of ½‖W − W₀‖². Li et al. 2018, arXiv:1802.01483."""
    ewc: float = 0.0
    """Weight of ½ Σ F (W − W₀)², F the base's diagonal Fisher information. Kirkpatrick et al. 2017,
    arXiv:1612.00796."""
    freeze: float = 0.0
    """Share of the layers, from the lowest, that are not trained, nor are the embeddings. Full fine-tuning: those
    weights stay; an adapter: none is put there."""
    token_weights: TokenWeights = "none"
    """Completion tokens that the model finds improbable count less: ``stm`` (arXiv:2501.14315), ``talr``
    (arXiv:2509.20758), ``dft`` (arXiv:2508.05629)."""
    reference: str | None = None
    """The model that KL and self-replay hold to, with the same tokenizer. None: the one that is trained, as it was."""
    interpolation: float = 1.0
    """Share α of the trained change that is kept: W₀ + α (W − W₀). Wortsman et al. 2022, arXiv:2109.01903."""


@dataclass(frozen=True, slots=True)
class MitigationSearchConfig(Canonical):
    """How the cheapest mitigation is looked for."""

    auto: bool = False
    """MitigationSearch the mitigation search until every kept ability is kept on dev items."""
    can_route: bool = False
    """Requests can be sent to the base or to the tuned model: the adapter apart is a mitigation."""
    candidates: tuple[str, ...] = ()
    """What is tried after the plain training, in this order, as `mitigation.table` reads it: ``interpolation=0.5``,
    ``replay=0.05+kl=0.1`` … Empty: the default mitigation_search."""
    max_candidates: int | None = None
    """Trainings at most, the plain one among them."""
    search_minutes: float | None = None
    """No candidate is started after this many minutes."""
    min_gain: float = 0.9
    """Share of the plain training's gain, on dev items, at which the search may stop."""


@dataclass(frozen=True, slots=True)
class EvaluationConfig(Canonical):
    """How models are asked, and how answers are scored."""

    metrics: tuple[str, ...] = ()
    """Names from the table of metrics, or ``file.py:function``. Empty: chosen from the data, and said."""
    max_new_tokens: int | None = None
    """None: 1.5 × the longest train completion, between 16 and 512."""
    token_budget: int = 16384
    """Tokens a forward pass at most while scoring, padding counted."""
    few_shot: int = 0
    """Also score the base with this many train examples shown before each item, as a baseline."""


@dataclass(frozen=True, slots=True)
class Keep(Canonical):
    """One ability that must not be lost. Written ``NAME[=DATA][:METRIC][:MARGIN]``, or as a mapping."""

    name: str
    """Of a built-in ability, or any short name for the user's own."""
    data: str = ""
    """Items, as for `DataConfig.test`; ``run:FOLDER`` for the test rows of an earlier run; ``lm-eval:TASK`` for a task
    of lm-evaluation-harness; "" for a built-in ability."""
    metric: str | None = None
    """None: chosen from the data, or the ability's own."""
    margin: float | None = None
    """The largest drop that does not matter, points. None: 5, or 0.05 nats a token for a loss."""


@dataclass(frozen=True, slots=True)
class MeasureConfig(Canonical):
    """What is asked before and after, beside the task."""

    extent: Extent | None = None
    """``full``: all items; ``quick``: about 150 items of each ability that was not declared, no diagnosis; ``none``.
    None: ``quick`` at the end of `tune`, ``full`` in `measure`."""
    keep: tuple[Keep, ...] = ()
    """Abilities that must not be lost: only these decide. Empty: nothing else matters."""
    abilities: tuple[str, ...] = ()
    """Built-in abilities to measure beside those; empty for all, ``none`` for none."""
    items: int | None = None
    """Items an ability at most, by whole clusters. None: all."""
    dev_fraction: float = 0.0
    """Share of the user's own items that are set apart, by whole groups, to choose a mitigation by; `--auto` takes
    0.3."""
    minutes: float | None = None
    """Minutes for asking the two models at most: items are left out, by whole clusters, and it is said."""
    fail_on: tuple[str, ...] = ("fail", "inconclusive")
    """Which outcomes end with an exit code of their own: ``fail`` (3), ``inconclusive`` (4); ``none``."""
    looks: int = 1
    """Times that these models will be measured at most, each time on as many new items more: each look is stricter, so
    that all of them together are wrong as rarely as one."""
    probe: bool = False
    """For lost abilities, also train both models a few steps on a few old items: does it come back?"""


@dataclass(frozen=True, slots=True)
class TuneConfig(Canonical):
    """A whole `tune` run."""

    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    method: Method = field(default_factory=Adapter)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    measure: MeasureConfig = field(default_factory=MeasureConfig)
    mitigation: MitigationConfig = field(default_factory=MitigationConfig)
    mitigation_search: MitigationSearchConfig = field(default_factory=MitigationSearchConfig)
    output: str = ""
    """Run folder. Empty: ``runs/<task>-<method>-<n>``, the first that is free."""
    resume: bool = False
    """Go on with the unfinished run in `output`."""


@dataclass(frozen=True, slots=True)
class MeasureRun(Canonical):
    """A whole `measure` run: two models that are there already, made by any tool."""

    base: ModelConfig
    tuned: ModelConfig
    data: DataConfig = field(default_factory=DataConfig)
    """`test`: items of the task that was tuned, for the gain and for intrusion; may be left out."""
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    measure: MeasureConfig = field(default_factory=MeasureConfig)
    output: str = ""
    """Run folder. Empty: ``runs/measure-<tuned>-<n>``, the first that is free."""
