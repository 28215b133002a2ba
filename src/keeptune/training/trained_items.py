"""Find out whether a model was trained on an item, from the prompts of its training rows with and without the
template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from keeptune.config.schema import ModelConfig
from keeptune.data.prompt_body import prompt_bodies
from keeptune.data.task_rows import load_told, rows_of_user
from keeptune.events import Notice, Observer, silent
from keeptune.near_paths import expanded
from keeptune.records import Ability, Example, Message
from keeptune.training.replay_data import guarded_items
from keeptune.training.session import Session
from keeptune.workspace.lineage import run_of
from keeptune.workspace.trained_on import count_trained_on, keep_trained_on, row_key, trained_on


def keep_trained_rows(session: Session, start: ModelConfig, *, of_tuned: bool = False) -> int | None:
    """Write on which rows the run was trained, and count the test rows among them; None if unknown.

    Args:
        start: the model that the training started from; the rows of the run that made it count too.
        of_tuned: `start` was tuned on this task, so without a record of its rows nothing is known.
    """
    earlier = _keys(start)
    if earlier is None and (of_tuned or run_of(start) is not None):
        return None
    rows, read = session.rows, rows_of_user(session.config.data)
    replayed = [load_told(path, read, "replay", silent).examples for path in session.config.mitigation.replay]
    sides = [rows.train, rows.validation, *replayed, *guarded_items(session)]
    folder = session.workspace.path
    keep_trained_on(folder, [row for side in sides for row in (*side, *_bare(side))], earlier or frozenset())
    return _told(trained_on(folder), rows.test, session.observer)


def items_trained_on(model: ModelConfig, items: Sequence[Example], observer: Observer) -> int | None:
    """How many of `items` a model was trained on; None if no run recorded it."""
    return _told(_keys(model), items, observer)


def without_trained_items(
    base: ModelConfig, tuned: ModelConfig, abilities: Sequence[Ability], observer: Observer
) -> list[Ability]:
    """The abilities without the items that `tuned`, and not `base`, was trained on, or whose prompts held it to `base`;
    an ability that would have none left keeps them."""
    keys = (_keys(tuned) or frozenset()) - (_keys(base) or frozenset())
    return [_without(keys, ability, observer) for ability in abilities] if keys else list(abilities)


def _without(keys: frozenset[str], ability: Ability, observer: Observer) -> Ability:
    forms = zip(ability.items, _bare(ability.items), strict=True)
    left = tuple(item for item, bare in forms if row_key(item) not in keys and row_key(bare) not in keys)
    seen = len(ability.items) - len(left)
    if not seen:
        return ability
    many = f"{seen:,} of {len(ability.items):,} items of {ability.name}"
    what = "are left out" if left else "decide all the same, and say little about others"
    observer(Notice("trained on", f"{many}, on which the tuned model was trained, {what}"))
    return replace(ability, items=left) if left else ability


def _told(keys: frozenset[str] | None, items: Sequence[Example], observer: Observer) -> int | None:
    seen = count_trained_on(keys, items, _bare(items))
    if seen:
        observer(
            Notice(
                "trained on",
                f"{seen:,} of {len(items):,} items are among the rows that the model was trained on: "
                "a gain on them says little about others",
            )
        )
    return seen


def _bare(rows: Sequence[Example]) -> list[Example]:
    """The rows with the varying part of their prompts and their answers: the same under any template."""
    bodies = prompt_bodies([rows])[0]
    texts = [f"{' '.join(body)}\n{row.completion}" for row, body in zip(rows, bodies, strict=True)]
    return [replace(row, prompt=(Message("user", text),)) for row, text in zip(rows, texts, strict=True)]


def _keys(model: ModelConfig) -> frozenset[str] | None:
    """The keys of the rows of the model's run; None if the model is not in a run."""
    path = expanded(model.name)
    return next((keys for keys in (trained_on(path), trained_on(path.parent)) if keys is not None), None)
