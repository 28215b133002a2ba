"""The number of rows to add to the task's, and filters for them."""

from __future__ import annotations

from collections.abc import Sequence

from keeptune.data.duplicates import find_duplicates, find_leaks, is_other_item, share_context
from keeptune.data.prompt_body import Words, normalised_words
from keeptune.errors import ConfigError
from keeptune.records import Example


def rows_for_shares(task_rows: int, shares: Sequence[float]) -> list[int]:
    """Rows to add of each kind for its share of the mix, rounded to a row. No task row is left out.

    A share above zero adds at least one row.

    Raises:
        ConfigError: the shares leave no rows for the task.
    """
    left = 1 - sum(shares)
    if left <= 0:
        raise ConfigError(
            f"replayed rows of {' and '.join(f'{share:g}' for share in shares if share)} of the mix leave none for the "
            "task",
            "lower --replay-fraction or --self-replay",
        )
    return [max(1, round(task_rows * share / left)) if share else 0 for share in shares]


def without_repeats(examples: Sequence[Example], forbidden: Sequence[Sequence[Example]]) -> tuple[Example, ...]:
    """`examples` without duplicates and without rows that occur in a forbidden set (`data.duplicates`)."""
    duplicates = find_duplicates(examples)
    keep_others = share_context(duplicates, len(examples))
    leaks = [leak for group in forbidden for leak in find_leaks(examples, group)]
    dropped = {r.second_id for r in (*duplicates, *leaks) if not (keep_others and is_other_item(r))}
    kept = tuple(example for example in examples if example.id not in dropped)
    return without_prompts(kept, [example for group in forbidden for example in group])


def without_prompts(examples: Sequence[Example], asked: Sequence[Example]) -> tuple[Example, ...]:
    """`examples` without those whose whole prompt, ignoring case and spaces, is one of `asked`."""
    prompts = {_prompt(example) for example in asked}
    return tuple(example for example in examples if _prompt(example) not in prompts)


def _prompt(example: Example) -> Words:
    """The whole prompt: a set of few or mixed templates may have no instruction to cut off, where the other has."""
    return normalised_words(example.prompt_text or example.completion)
