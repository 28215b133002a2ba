"""A metric of one's own: `keeptune tune … --metric examples/own_metric.py:one_sentence`."""


def one_sentence(output: str, references: tuple[str, ...], example: object) -> bool:
    """Whether the answer is one sentence of at most 25 words."""
    text = output.strip()
    return text.endswith(".") and text.count(". ") == 0 and len(text.split()) <= 25
