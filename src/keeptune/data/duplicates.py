"""Find rows that duplicate each other, and train rows that occur in test.

The comparison uses the prompt's body (`prompt_bodies`: the prompt without the instruction that all rows share), or the
text itself for plain text, which has no prompt. Two rows are ``exact`` repeats where their bodies are
equal but for case and white space, ``near`` repeats where the Jaccard similarity of their word 3-shingles is
at least 0.8.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from keeptune.data.prompt_body import Words, normalised_words, prompt_bodies
from keeptune.data.similarity import is_similar, shingles, similar_pairs
from keeptune.records import Example

SHARED_CONTEXT = 0.1


@dataclass(frozen=True, slots=True)
class Repeat:
    """`second` repeats `first`; of two train rows `first` is the earlier, of a leak it is the test row."""

    kind: Literal["exact", "near"]
    first_id: str
    second_id: str
    similarity: float
    """Jaccard similarity of the two bodies, 0.8 to 1."""
    first_source: str
    second_source: str
    whole_row: bool
    """Whether the completions are duplicates by the same measure, too. It is false for near prompts with the same label
    of a closed set, which may be two items."""


class _Match(NamedTuple):
    """How well one row matches another; greater is better."""

    exact: bool
    similarity: float
    earliness: int
    """Minus the position of the matched row."""


def find_duplicates(examples: Sequence[Example]) -> tuple[Repeat, ...]:
    """One Repeat for each row that duplicates an earlier one: the first of the most similar ones."""
    bodies = prompt_bodies([examples])[0]
    positions = _positions(bodies)
    best: dict[int, _Match] = {}
    for places in positions.values():
        best.update((later, _Match(True, 1.0, -places[0])) for later in places[1:])
    for first, second, similarity in _near(positions, positions):
        best[second] = max(_Match(False, similarity, -first), best.get(second, _NONE))
    return tuple(_repeat(examples[-best[j].earliness], examples[j], best[j]) for j in sorted(best))


def find_leaks(train: Sequence[Example], test: Sequence[Example]) -> tuple[Repeat, ...]:
    """Every train row that occurs in test, and every test row that occurs in train, each with its best match.

    In the order of the train rows, then of the test rows.
    """
    train_bodies, test_bodies = prompt_bodies([train, test])
    in_train, in_test = _positions(train_bodies), _positions(test_bodies)
    of_train: dict[int, _Match] = {}
    of_test: dict[int, _Match] = {}
    for body in in_train.keys() & in_test.keys():
        of_train.update((place, _Match(True, 1.0, -in_test[body][0])) for place in in_train[body])
        of_test.update((place, _Match(True, 1.0, -in_train[body][0])) for place in in_test[body])
    for i, j, similarity in _near(in_train, in_test):
        for place in in_train[train_bodies[i]]:
            of_train[place] = max(_Match(False, similarity, -j), of_train.get(place, _NONE))
        for place in in_test[test_bodies[j]]:
            of_test[place] = max(_Match(False, similarity, -i), of_test.get(place, _NONE))
    pairs = {(i, -match.earliness): match for i, match in of_train.items()}
    pairs |= {(-match.earliness, j): match for j, match in of_test.items()}
    return tuple(_repeat(test[j], train[i], match) for (i, j), match in sorted(pairs.items()))


def drop_repeats(train: Sequence[Example], test: Sequence[Example]) -> tuple[tuple[Example, ...], tuple[Repeat, ...]]:
    """Train without the rows that occur in test or repeat an earlier train row, and why each was left out.

    Where `share_context` holds, rows that `is_other_item` holds for stay.
    """
    duplicates = find_duplicates(train)
    keep_others = share_context(duplicates, len(train))
    dropped: dict[str, Repeat] = {}
    for repeat in (*find_leaks(train, test), *duplicates):
        if not (keep_others and is_other_item(repeat)):
            dropped.setdefault(repeat.second_id, repeat)
    return tuple(example for example in train if example.id not in dropped), tuple(dropped.values())


def share_context(duplicates: Sequence[Repeat], rows: int) -> bool:
    """Whether the data has many questions on one passage, or one long list of choices in many prompts.

    It is assumed if more than 10 % of the rows have a prompt close to an earlier one but another answer: such rows
    share context and are different items.
    """
    return sum(map(is_other_item, duplicates)) > SHARED_CONTEXT * rows


def is_other_item(repeat: Repeat) -> bool:
    """Whether the two rows may be two items with a common context: near prompts, other answers."""
    return repeat.kind == "near" and not repeat.whole_row


def answers_repeat(first: Example, second: Example, *, exact: bool) -> bool:
    """Whether the completions of two rows are duplicates; unknown for near prompts with the same label of a closed set.
    `exact`: whether their prompts are equal.
    """
    answers = (shingles(normalised_words(row.completion)) for row in (first, second))
    return (exact or not second.choices) and is_similar(*answers)


_NONE = _Match(False, 0.0, 0)


def _positions(bodies: Sequence[Words]) -> dict[Words, list[int]]:
    positions: defaultdict[Words, list[int]] = defaultdict(list)
    for place, body in enumerate(bodies):
        positions[body].append(place)
    return dict(positions)


def _near(left: dict[Words, list[int]], right: dict[Words, list[int]]) -> Iterator[tuple[int, int, float]]:
    """(first place in left, first place in right, similarity) of bodies that are similar and not equal.

    Where `right` is `left`, each pair comes once, the earlier place first.
    """
    left_bodies, right_bodies = list(left), list(right)
    left_sets = [shingles(body) for body in left_bodies]
    right_sets = left_sets if right is left else [shingles(body) for body in right_bodies]
    for i, j, similarity in similar_pairs(left_sets, right_sets):
        if left_bodies[i] != right_bodies[j]:
            yield left[left_bodies[i]][0], right[right_bodies[j]][0], similarity


def _repeat(first: Example, second: Example, match: _Match) -> Repeat:
    return Repeat(
        "exact" if match.exact else "near",
        first.id,
        second.id,
        match.similarity,
        first.source,
        second.source,
        answers_repeat(first, second, exact=match.exact),
    )
