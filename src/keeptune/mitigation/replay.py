"""Replay: old examples among the new, never those that are asked afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from keeptune.data.duplicates import find_duplicates, find_leaks, is_other_item, share_context
from keeptune.data.prompt_body import Words, normalised_words
from keeptune.data.split import limit_examples
from keeptune.errors import ConfigError, DataError
from keeptune.events import Notice, Observer, silent
from keeptune.records import Example


def rows_for_shares(task_rows: int, shares: Sequence[float]) -> list[int]:
    """Rows to add of each kind, so that each is its share of the mix, within a row; all task rows stay.

    Of a share that is asked for there is at least one row.

    Raises:
        ConfigError: the shares leave none for the task.
    """
    left = 1 - sum(shares)
    if left <= 0:
        raise ConfigError(
            f"replayed rows of {' and '.join(f'{share:g}' for share in shares)} of the mix leave none for the task",
            "lower --replay-fraction or --self-replay",
        )
    return [max(1, round(task_rows * share / left)) if share else 0 for share in shares]


def replay_examples(
    count: int,
    sources: Sequence[Sequence[Example]],
    forbidden: Sequence[Sequence[Example]],
    seed: int,
    observer: Observer = silent,
) -> tuple[Example, ...]:
    """`count` old examples, as many of each source; of one that is too small all, and more of the others.

    None comes twice. With one seed, the choice of 10 from a source lies within the choice of 100. Ids are made
    unique by the number of their source.

    Args:
        forbidden: sets of examples that must not occur: the task's train and test rows, and the items of each ability
            to be kept (to replay those would only fake that it is kept). One set each, as each is worded in a
            way of its own.

    Raises:
        DataError: nothing is left.
    """
    usable: list[tuple[Example, ...]] = []
    for source in sources:
        usable.append(without_repeats(source, [*forbidden, *usable]))
    left_out = sum(map(len, sources)) - sum(map(len, usable))
    if left_out:
        observer(
            Notice(
                "replay",
                f"{left_out} rows of old tasks left out, as they repeat another, "
                "or occur in train, in test or among the items to be kept",
            )
        )
    if not any(usable):
        raise DataError(
            "no rows of old tasks are left to replay: all occur in train, in test or among the items to be kept",
            "name other rows with --replay",
        )
    if sum(map(len, usable)) < count:
        observer(Notice("replay", f"{count} rows of old tasks were asked for, {sum(map(len, usable))} are there"))
    return tuple(
        replace(example, id=f"replay-{number}/{example.id}")
        for number, (source, wanted) in enumerate(zip(usable, _even([len(s) for s in usable], count), strict=True), 1)
        for example in limit_examples(source, wanted, seed)
    )


def without_repeats(examples: Sequence[Example], forbidden: Sequence[Sequence[Example]]) -> tuple[Example, ...]:
    """`examples` without those that repeat an earlier one, or occur in a forbidden set (`data.duplicates`)."""
    duplicates = find_duplicates(examples)
    keep_others = share_context(duplicates, len(examples))
    leaks = [leak for group in forbidden for leak in find_leaks(examples, group)]
    dropped = {r.second_id for r in (*duplicates, *leaks) if not (keep_others and is_other_item(r))}
    kept = tuple(example for example in examples if example.id not in dropped)
    return without_prompts(kept, [example for group in forbidden for example in group])


def without_prompts(examples: Sequence[Example], asked: Sequence[Example]) -> tuple[Example, ...]:
    """`examples` without those whose whole prompt, but for case and spaces, is one of `asked`."""
    prompts = {_prompt(example) for example in asked}
    return tuple(example for example in examples if _prompt(example) not in prompts)


def _prompt(example: Example) -> Words:
    """The whole prompt: a set of few or mixed templates may have no instruction to cut off, where the other has."""
    return normalised_words(example.prompt_text or example.completion)


def _even(sizes: Sequence[int], count: int) -> list[int]:
    """How many to take of each, `count` together where there are as many; as equal as the sizes allow."""
    taken = [0] * len(sizes)
    for place, at in enumerate(sorted(range(len(sizes)), key=sizes.__getitem__)):
        # The smallest first: what it cannot give, the larger ones share.
        taken[at] = min(sizes[at], -(-(count - sum(taken)) // (len(sizes) - place)))
    return taken
