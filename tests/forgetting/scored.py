"""Scored records and abilities for the tests of the verdicts."""

from keeptune.records import Ability, Answer, EvalRecord, ItemScore
from keeptune.scoring.mean import mean_score


def record(i, value, metric="exact_match", output=None, cluster=None, reference=None, choices=(), answer=None):
    """One item with one score in points; None is an item without a score. No two items have the same reference."""
    reference = f"right{i}" if reference is None else reference
    score = ItemScore(None) if value is None else mean_score(float(value))
    if output is None:
        output = reference if value else f"wrong{i}"
    return EvalRecord(
        f"i{i}", cluster or f"i{i}", "ask", (reference,), choices, answer or Answer(f"i{i}", output), {metric: score}
    )


def records(values, metric="exact_match", clusters=None):
    clusters = clusters or [None] * len(values)
    return [record(i, v, metric, cluster=c) for i, (v, c) in enumerate(zip(values, clusters, strict=True))]


def losses(values, tokens=10.0):
    return [
        EvalRecord(
            f"i{i}",
            f"i{i}",
            "ask",
            (f"a text of some sixty letters, which no other item has: {i}",),
            (),
            Answer(f"i{i}", reference_loglikelihood=-v * tokens, reference_tokens=int(tokens)),
            {"token_loss": ItemScore(v, {"nats": v * tokens, "tokens": tokens})},
        )
        for i, v in enumerate(values)
    ]


def flips(items, worse, better, right=0.7, metric="exact_match"):
    """(base, tuned): `worse` items right→wrong, `better` wrong→right, of the others a share is right on both sides."""
    same = items - worse - better
    stay = round(same * right)
    base = [100] * worse + [0] * better + [100] * stay + [0] * (same - stay)
    tuned = [0] * worse + [100] * better + [100] * stay + [0] * (same - stay)
    return records(base, metric), records(tuned, metric)


def ability(name="facts", metric="exact_match", output_type="generate", **more):
    return Ability(
        name=name,
        title=more.pop("title", name.capitalize()),
        source="yours",
        version="1",
        output_type=output_type,
        metrics=(metric,),
        items=(),
        **more,
    )
