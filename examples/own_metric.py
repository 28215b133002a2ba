"""Metrics of one's own: `keeptune tune … --metric examples/own_metric.py:one_sentence`."""


def one_sentence(output: str, references: tuple[str, ...], example: object) -> bool:
    """Whether the answer is one sentence of at most 25 words."""
    text = output.strip()
    return text.endswith(".") and text.count(". ") == 0 and len(text.split()) <= 25


def shared_words(output: str, references: tuple[str, ...], example: object) -> float:
    """The share of the first reference's words that the answer holds, from 0 to 1: so its scale is 1."""
    words = set(references[0].lower().split())
    return len(words & set(output.lower().split())) / max(len(words), 1)


shared_words.scale = 1  # type: ignore[attr-defined]
