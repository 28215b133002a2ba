"""A forgetting report as a `measure` of an order-status assistant would give it: 12 abilities, two of them lost
to the new task's style, with the answers behind it. Right and wrong answers are planted; intervals follow from them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from scipy.stats import norm

from keeptune.records import (
    AbilityReport,
    Answer,
    Comparison,
    Confusion,
    ConfusionCell,
    DevDrop,
    DevEvidence,
    Diagnosis,
    DriftRow,
    EvalRecord,
    ForgettingReport,
    Interval,
    IntrusionReport,
    IntrusionRow,
    ItemScore,
    MaybeInterval,
    MitigationSearchReport,
    OutputType,
    RunManifest,
    Source,
    Undefined,
    VariantDrop,
    Verdict,
)
from keeptune.statistics.mcnemar import mcnemar_mid_p
from keeptune.statistics.tango import tango_interval, tango_z

Pair = tuple[EvalRecord, EvalRecord]
STATUS = "Your order {n} is on its way. It should arrive within 3 days. Is there anything else I can help with?"
PLACES = ("Paris", "Lagos", "Osaka", "Quito", "القاهرة", "Kraków", "東京", "Nairobi")
CHOICES = ("negative", "positive")


class Planted(NamedTuple):
    """An ability by its counts of items: right on both sides, right→wrong, wrong→right, wrong on both."""

    name: str
    title: str
    both: int
    fell: int
    rose: int
    neither: int
    declared: bool = False
    output_type: OutputType = "generate"
    source: Source = "built-in"
    chance: float | None = 0.0


PLANTED = (
    Planted("facts", "Short questions about the world", 213, 14, 6, 67, declared=True),
    Planted("sentiment", "Whether a remark is positive", 251, 4, 5, 40, True, "choices", chance=50.0),
    Planted("arithmetic", "Sums of two and three numbers", 118, 12, 9, 61, declared=True, output_type="few-shot"),
    Planted("instructions", "Answers in the form asked for", 141, 45, 6, 108, declared=True),
    Planted("topic", "What a headline is about", 214, 3, 6, 77, True, "choices", chance=25.0),
    Planted("inference", "Whether one sentence follows from another", 71, 9, 8, 62, False, "choices", chance=50.0),
    Planted("paraphrase", "Whether two sentences say the same", 88, 5, 7, 50, False, "choices", chance=50.0),
    Planted("capitals", "Capitals of countries", 130, 2, 3, 15),
    Planted("arc_easy", "Science questions of lm-eval", 240, 6, 9, 145, False, "choices", "lm-eval", 25.0),
    Planted("my-tickets", "Routing of old support tickets", 58, 3, 2, 17, declared=True, source="yours"),
)


def exact(name: str, value: float) -> Interval:
    """An interval of ± 1.5 around `value`, for numbers that no test looks at closely."""
    return Interval(value, value - 1.5, value + 1.5, 0.95, name)


def forgetting_report() -> ForgettingReport:
    """The whole report; its fields agree with `ability_pairs`."""
    return ForgettingReport(
        schema_version=1,
        path="runs/measure-orders-lora-1",
        base_name="HuggingFaceTB/SmolLM2-135M-Instruct",
        tuned_name="runs/orders-lora-1/adapter",
        task=Comparison(
            "rouge1", "base", "tuned", 300, 300, 23.5, 39.1,
            Interval(15.6, 14.0, 17.2, 0.95, "cluster jackknife, t"), 250, 40, 10, True,
        ),
        abilities=(*(_ability(planted) for planted in PLANTED), ENTITIES, TEXT),
        gate="fail",
        fail_on=("fail", "inconclusive"),
        sentences=(
            "The model gained 15.6 points of rouge1 on its task and lost two of seven declared abilities: entities and "
            "instructions.",
            "Both broke mostly in their form: it answers other questions in the style of an order status.",
        ),
        intrusion=INTRUSION,
        confusions=(ENTITY_TYPES,),
        drift=(
            DriftRow("task prompts", Interval(0.4127, 0.3811, 0.4443, 0.95, "jackknife"), 9_412, 300),
            DriftRow("text of the base", Interval(0.0931, 0.0854, 0.1008, 0.95, "jackknife"), 25_600, 200),
        ),
        drift_history="Over 9 runs on disk, drift on the task's prompts ranked the losses with a correlation of 0.71.",
        notices=("entities: 4 items had no score on one side and were left out of both.",),
        config={"keep": {"margin": 5.0, "abilities": ["facts", "sentiment"]}, "seed": 0},
        manifest=MANIFEST,
    )  # fmt: skip


def ability_pairs() -> dict[str, list[Pair]]:
    """By ability, each item as base and tuned answered it."""
    found = {planted.name: _pairs(planted) for planted in PLANTED}
    return {**found, "entities": _entity_pairs(), "text": _text_pairs()}


def task_pairs(items: int = 30) -> list[Pair]:
    """Items of the task, scored by rouge1."""

    def one(n: int) -> Pair:
        prompt, reference = f"Where is my order {n}? I have waited for a week.", STATUS.format(n=n)
        said = f"I'm sorry, I do not know where the order {n} is.", STATUS.format(n=n).replace("3 days", "2 days")
        return (
            record(f"task-{n}", prompt, reference, said[0], 20.0 + n % 7, "rouge1"),
            record(f"task-{n}", prompt, reference, said[1], 90.0, "rouge1"),
        )

    return [one(n) for n in range(items)]


HOSTILE = (
    "<img src=x onerror=\"window.broken='img'\"> <b>bold</b>",
    "</script><script>window.broken='script'</script>",
    "<!-- <script> ]]> &lt;b&gt; \u2028 \u2029",
    "{{7*7}} {% raw %} ${window.broken='template'}",
    "\x1b[31mred\x1b[0m \x00 \x07 \x9b2J",
    "\u202eright to left\u202c \ud800 \U000e0041",
    "שלום עולם, this is mixed, مرحبا",
    "👩‍👩‍👧‍👦 👍🏽 e\u0301 नमस्ते",
    "",
    "word " * 20_000,
    "__proto__ constructor",
)
"""Answers that try to break out, to hide, or to be too much."""


def hostile_pairs() -> list[Pair]:
    """Each of `HOSTILE` as prompt, reference, both answers and item id, of the ability ``capitals``."""
    return [
        (
            record(f"h{n} {text[:60]}", text, text, text[::-1], 100.0),
            record(f"h{n} {text[:60]}", text, text, text, 0.0),
        )
        for n, text in enumerate(HOSTILE)
    ]


def record(
    item_id: str, prompt: str, reference: str, output: str, value: float | None, metric: str = "exact_match"
) -> EvalRecord:
    """A generated answer with its score."""
    answer = Answer(item_id, output, "stop", len(output.split()), len(prompt.split()))
    return EvalRecord(item_id, item_id, prompt, (reference,), (), answer, {metric: ItemScore(value)})


def _ability(p: Planted) -> AbilityReport:
    items = p.both + p.fell + p.rose + p.neither
    fraction = tango_interval(p.fell, p.rose, items)
    assert isinstance(fraction, Interval)
    drop = Interval(*(100.0 * x for x in (fraction.estimate, fraction.low, fraction.high)), 0.95, fraction.method)
    measurable = p.name != "inference"
    verdict: Verdict = "lost" if drop.low > 5 else "kept" if drop.high < 5 else "inconclusive"
    fell = drop.low > 0
    p_lost = float(norm.sf(tango_z(p.fell, p.rose, items, 0.05)))
    return AbilityReport(
        name=p.name,
        title=p.title,
        source=p.source,
        version="1",
        output_type=p.output_type,
        metric="choice_accuracy" if p.output_type == "choices" else "exact_match",
        higher_is_better=True,
        declared=p.declared,
        margin=5.0,
        chance=p.chance,
        items=items,
        clusters=items,
        unscored=0,
        base=100.0 * (p.both + p.fell) / items,
        tuned=100.0 * (p.both + p.rose) / items,
        drop=drop if measurable else Undefined("not measured: the base is not clearly above chance on the dev items"),
        p_lost=p_lost if measurable else None,
        p_lost_holm=min(1.0, 7 * p_lost) if p.declared else None,
        verdict=verdict if measurable else "not measurable",
        reason=REASONS[verdict] if measurable else "The base is not clearly above chance, so nothing can be lost.",
        change="fell" if fell else "no change shown",
        change_p=mcnemar_mid_p(p.fell, p.rose),
        retention=_retention(p, items) if measurable else Undefined("the base is not clearly above chance"),
        rose=p.rose,
        fell=p.fell,
        unchanged=p.both + p.neither,
        detectable_drop=9.4 if measurable else None,
        items_to_decide=640 if verdict == "inconclusive" and measurable else None,
        flags=("near chance",) if not measurable else (),
        diagnosis=DIAGNOSIS if p.name == "instructions" else None,
    )


def _retention(p: Planted, items: int) -> MaybeInterval:
    chance = (p.chance or 0.0) / 100
    kept = ((p.both + p.rose) / items - chance) / ((p.both + p.fell) / items - chance)
    return Interval(kept, kept - 0.06, kept + 0.05, 0.95, "Fieller")


def _pairs(p: Planted) -> list[Pair]:
    counts = [(True, True)] * p.both + [(True, False)] * p.fell + [(False, True)] * p.rose
    sides = counts + [(False, False)] * p.neither
    make: Callable[[Planted, int, tuple[bool, bool]], Pair] = (
        _choice_pair if p.output_type == "choices" else _written_pair
    )
    return [make(p, n, right) for n, right in enumerate(sides)]


def _written_pair(p: Planted, n: int, right: tuple[bool, bool]) -> Pair:
    place = PLACES[n % len(PLACES)]
    prompt = f"Answer with one word only. Item {n} of {p.name}: which city lies at the river named in note {n}?"
    wrong = (f"I think it is near {place}, but not in it.", STATUS.format(n=n))
    said = [place if ok else wrong[side] for side, ok in enumerate(right)]
    base, tuned = (
        record(f"{p.name}-{n}", prompt, place, text, 100.0 if ok else 0.0) for text, ok in zip(said, right, strict=True)
    )
    return base, tuned


def _choice_pair(p: Planted, n: int, right: tuple[bool, bool]) -> Pair:
    item_id, prompt = f"{p.name}-{n}", f"Item {n} of {p.name}. The soup was cold, yet I came back twice. Positive?"

    def side(ok: bool) -> EvalRecord:
        answer = Answer(item_id, choice_loglikelihoods=(-2.31, -0.62) if ok else (-0.71, -1.94), choice_tokens=(2, 2))
        score = {"choice_accuracy": ItemScore(100.0 if ok else 0.0)}
        return EvalRecord(item_id, item_id, prompt, ("positive",), CHOICES, answer, score)

    return side(right[0]), side(right[1])


def _entity_pairs() -> list[Pair]:
    def one(n: int) -> Pair:
        prompt = f"List the named entities. Ada Lovelace left {PLACES[n % 8]} for Siemens in year {n}."
        reference = f"person: Ada Lovelace; place: {PLACES[n % 8]}; organisation: Siemens"
        lost = n % 3 == 0
        tuned = STATUS.format(n=n) if lost else reference.replace("place", "organisation") if n % 3 == 1 else reference
        return (
            record(f"entities-{n}", prompt, reference, reference, 100.0, "entity_f1"),
            record(f"entities-{n}", prompt, reference, tuned, (0.0, 66.7, 100.0)[n % 3], "entity_f1"),
        )

    return [one(n) for n in range(300)]


def _text_pairs() -> list[Pair]:
    def side(n: int, loss: float) -> EvalRecord:
        answer = Answer(f"text-{n}", reference_loglikelihood=-40 * loss, reference_tokens=40)
        words = (f"The {n}th morning was clear, and the boats went out.",)
        return EvalRecord(f"text-{n}", f"text-{n}", "", words, (), answer, {"token_loss": ItemScore(loss)})

    return [(side(n, 2.5 + n / 1000), side(n, 2.5 + n / 1000 + (0.02 if n % 2 else -0.01))) for n in range(200)]


REASONS = {
    "lost": "The whole interval of the drop lies above the margin of 5 points, also after correction.",
    "kept": "The upper limit of the drop is below the margin of 5 points.",
    "inconclusive": "The interval of the drop holds the margin of 5 points.",
}
DIAGNOSIS = Diagnosis(
    broke="format",
    text="Most of the loss is form: asked with two examples, the model answers nearly as well as before.",
    format_drop=Interval(9.7, 6.1, 13.3, 0.95, "cluster jackknife, t"),
    lenient_floor=3.2,
    variants=(
        VariantDrop("strict", "exact_match", 300, 62.0, 49.0, exact("t", 13.0)),
        VariantDrop("lenient", "label_accuracy", 300, 64.0, 60.7, exact("t", 3.3)),
        VariantDrop("few-shot", "exact_match", 300, 68.3, 66.0, exact("t", 2.3)),
        VariantDrop("reference", "token_loss", 300, 1.204, 1.251, Interval(0.047, 0.031, 0.063, 0.95, "t")),
        VariantDrop("template-2", "exact_match", 300, 60.0, 48.0, Undefined("3 clusters differ")),
    ),
    recovery=Interval(10.4, 6.2, 14.6, 0.95, "five draws, t"),
    recovery_control=Interval(0.6, -1.9, 3.1, 0.95, "five draws, t"),
)
ENTITIES = AbilityReport(
    name="entities", title="Names of people, places and organisations", source="built-in", version="2",
    output_type="few-shot", metric="entity_f1", higher_is_better=True, declared=True, margin=5.0, chance=None,
    items=296, clusters=296, unscored=4, base=61.2, tuned=44.9,
    drop=Interval(16.3, 12.1, 20.5, 0.95, "cluster jackknife, t"), p_lost=1.2e-7, p_lost_holm=7.2e-7,
    verdict="lost", reason=REASONS["lost"], change="fell", change_p=None,
    retention=Interval(0.734, 0.668, 0.801, 0.95, "Fieller"), rose=21, fell=118, unchanged=157,
    detectable_drop=11.2, items_to_decide=None, flags=("12 % of answers could not be read",),
    diagnosis=Diagnosis(
        broke="both",
        text="A third of the answers are order statuses; where it does list entities, places became organisations.",
        format_drop=Undefined("the metric has no lenient parser"), lenient_floor=None, variants=(),
    ),
)  # fmt: skip
TEXT = AbilityReport(
    name="text", title="Prediction of plain English text", source="built-in", version="1", output_type="loss",
    metric="token_loss", higher_is_better=False, declared=False, margin=0.05, chance=None,
    items=200, clusters=200, unscored=0, base=2.6, tuned=2.605,
    drop=Interval(0.005, 0.0029, 0.0071, 0.95, "cluster jackknife, t"), p_lost=1.0, p_lost_holm=None,
    verdict="kept", reason="The upper limit of the drop is below the margin of 0.05 nats per token.",
    change="fell", change_p=None, retention=Undefined("a loss has no chance level"), rose=100, fell=100, unchanged=0,
    detectable_drop=0.053, items_to_decide=None,
)  # fmt: skip
INTRUSION = IntrusionReport(
    true_positive_rate=0.94,
    false_positive_rate=0.011,
    length_only_rate=0.31,
    trusted=True,
    note="The detector reads character n-grams, length and copying, and was cross-fitted.",
    rows=(
        IntrusionRow(
            "instructions", 300, 0.01, 0.153, Interval(0.143, 0.103, 0.184, 0.95, "Tango"),
            Interval(0.154, 0.111, 0.198, 0.95, "Tango"), tuple(f"instructions-{n}" for n in range(141, 184)),
        ),
        IntrusionRow(
            "entities", 300, 0.0, 0.333, Interval(0.333, 0.281, 0.388, 0.95, "Tango"),
            Interval(0.358, 0.302, 0.418, 0.95, "Tango"), tuple(f"entities-{n}" for n in range(0, 300, 3)),
        ),
        IntrusionRow(
            "capitals", 150, 0.0, 0.0, Interval(0.0, -0.025, 0.025, 0.95, "Tango"),
            Undefined("nothing to correct"), (),
        ),
    ),
)  # fmt: skip


def _cells(counts: Sequence[tuple[str, str, int, int, tuple[str, ...]]]) -> tuple[ConfusionCell, ...]:
    return tuple(ConfusionCell(*cell) for cell in counts)


ENTITY_TYPES = Confusion(
    ability="entities",
    of="entity types",
    labels=("person", "place", "organisation", "(missed)", "(invented)"),
    cells=_cells([
        ("person", "person", 281, 197, ()),
        ("person", "(missed)", 19, 103, tuple(f"entities-{n}" for n in range(0, 300, 3))),
        ("place", "place", 268, 101, ()),
        ("place", "organisation", 9, 99, tuple(f"entities-{n}" for n in range(1, 300, 3))),
        ("place", "(missed)", 23, 100, tuple(f"entities-{n}" for n in range(0, 300, 3))),
        ("organisation", "organisation", 274, 190, ()),
        ("organisation", "person", 3, 4, ("entities-4",)),
        ("organisation", "(missed)", 23, 106, tuple(f"entities-{n}" for n in range(0, 300, 3))),
        ("(invented)", "person", 6, 2, ()),
        ("(invented)", "organisation", 11, 14, ("entities-1", "entities-7")),
    ]),
)  # fmt: skip
MANIFEST = RunManifest(
    keeptune="0.1.0",
    commit="",
    created="2026-01-01T00:00:00+00:00",
    command=("keeptune", "measure", "--tuned", "runs/orders-lora-1", "--keep", "facts,my tickets"),
    model="HuggingFaceTB/SmolLM2-135M-Instruct",
    model_hash="4e53d6c9f7a1",
    train_hash="9b1f22d0c3aa",
    test_hash="77c0be41d2ff",
    seed=0,
    device="cpu",
    dtype="float32",
    versions={"python": "3.11.7", "torch": "2.9.0", "transformers": "4.57.0"},
    machine={"processor": "a CPU", "cores": "2", "memory_gib": "7.8"},
    seconds={"load": 3.1, "verdicts": 1841.7, "diagnosis": 402.5},
    peak_memory_bytes=1_853_882_368,
)


def outcome(report: ForgettingReport, hostile: str = "ner") -> ForgettingReport:
    """`report` of a model that was chosen on a mitigation search of three candidates."""

    def candidate(name: str, score: float, drop: float, seconds: float, routed: bool = False) -> DevEvidence:
        interval = Interval(drop, drop - 4.0, drop + 4.0, 0.95, "jackknife")
        found = DevDrop(hostile, "entity_f1", 120, 5.0, 55.0, 55.0 - drop, drop, interval)
        return DevEvidence(name, "a training", "rouge1", 50, 11.0, score, score - 11.0, (found,), routed, seconds, 60.0)

    candidates = (
        candidate("plain", 40.0, 12.5, 300.0),
        candidate("interpolation=0.5", 33.0, 4.0, 0.0),
        candidate("replay=0.05", 39.5, 1.5, 320.0),
    )
    mitigation_search = MitigationSearchReport(
        candidates, "replay=0.05", "the first candidate on which all is kept", True, ("kl=0.5",), 800.0
    )
    return replace(report, mitigation_search=mitigation_search)
