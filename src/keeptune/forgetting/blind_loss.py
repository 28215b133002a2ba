"""The loss of a guesser that does not see the prompt."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from keeptune.forgetting.paired_scores import score_of
from keeptune.records import EvalRecord
from keeptune.scoring.metric import Metric

_END = "\0"


def blind_loss(records: Sequence[EvalRecord], metric: Metric) -> float | None:
    """Nats in the unit of `metric`, of a guesser who knows how often each reference and each letter occurs in the items
    of other clusters: −Σ ln(λ·f(text) + (1 − λ)·Π p(letter)) over the sizes by which the metric divides.

    λ is the share of items whose reference occurs in another cluster. What the base would give without the prompt
    is not in the records, so this bounds little where answers are long texts: there any language model is below it.
    None where no item has a score.
    """
    items = [(record, score_of(record, metric)) for record in records]
    items = [(record, score) for record, score in items if score.value is not None]
    texts = [(record.references[0] if record.references else "") for record, _ in items]
    clusters = [record.cluster for record, _ in items]
    all_texts, all_letters = Counter(texts), _letters(texts)
    of_cluster: dict[str, list[str]] = {}
    for cluster, text in zip(clusters, texts, strict=True):
        of_cluster.setdefault(cluster, []).append(text)
    inside = {cluster: (Counter(own), _letters(own)) for cluster, own in of_cluster.items()}
    seen = sum(all_texts[text] > inside[cluster][0][text] for cluster, text in zip(clusters, texts, strict=True))
    known = (seen + 1) / (len(texts) + 2)
    nats = size = 0.0
    for cluster, text, (_, score) in zip(clusters, texts, items, strict=True):
        own_texts, own_letters = inside[cluster]
        others = len(texts) - own_texts.total()
        share = (all_texts[text] - own_texts[text]) / others if others else 0.0
        # Laplace smoothing: one more of every letter, and one for unseen letters.
        total = all_letters.total() - own_letters.total() + len(all_letters) + 1
        by_letter = sum(math.log((all_letters[c] - own_letters[c] + 1) / total) for c in (*text, _END))
        spelled = math.log1p(-known) + by_letter
        nats -= math.log(known * share + math.exp(spelled)) if share else spelled
        size += score.counts.get("tokens", score.counts.get("n", 1.0))
    return nats / size if size else None


def _letters(texts: Sequence[str]) -> Counter[str]:
    return Counter(letter for text in texts for letter in (*text, _END))
