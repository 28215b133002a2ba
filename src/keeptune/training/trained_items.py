"""Whether items are unseen: looked up among the prompts of the rows that a model was trained on, and among what those
rows say under whatever template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from keeptune.config.schema import ModelConfig
from keeptune.data.prompt_body import prompt_bodies
from keeptune.data.task_rows import load_told, rows_of_user
from keeptune.events import Notice, Observer, silent
from keeptune.records import Example, Message
from keeptune.training.session import Session
from keeptune.workspace.lineage import run_of
from keeptune.workspace.trained_on import count_trained_on, keep_trained_on, trained_on


def keep_trained(session: Session, start: ModelConfig, *, of_tuned: bool = False) -> int | None:
    """Keep in the run what it was trained on, and count the test rows among that; None where it is not known.

    Args:
        start: the model that the training started from; what an earlier run taught it counts too.
        of_tuned: it was tuned on this task already, so without a record of its rows nothing is known.
    """
    earlier = _keys(start)
    if earlier is None and (of_tuned or run_of(start) is not None):
        return None
    rows, read = session.rows, rows_of_user(session.config.data)
    replayed = [load_told(path, read, "replay", silent).examples for path in session.config.mitigation.replay]
    sides = [rows.train, rows.validation, *replayed]
    keep_trained_on(session.run.path, [row for side in sides for row in (*side, *_bare(side))], earlier or frozenset())
    return _told(trained_on(session.run.path), rows.test, session.observer)


def items_trained_on(model: ModelConfig, items: Sequence[Example], observer: Observer) -> int | None:
    """How many of `items` a model was trained on; None where no run tells."""
    return _told(_keys(model), items, observer)


def _told(keys: frozenset[str] | None, items: Sequence[Example], observer: Observer) -> int | None:
    seen = count_trained_on(keys, items, _bare(items))
    if seen:
        observer(
            Notice(
                "trained on",
                f"{seen:,} of {len(items):,} items are among the rows that the model was trained on: "
                "a gain on them says little of others",
            )
        )
    return seen


def _bare(rows: Sequence[Example]) -> list[Example]:
    """The rows without what their prompts share, and with their answers: the same under another template."""
    bodies = prompt_bodies([rows])[0]
    texts = [f"{' '.join(body)}\n{row.completion}" for row, body in zip(rows, bodies, strict=True)]
    return [replace(row, prompt=(Message("user", text),)) for row, text in zip(rows, texts, strict=True)]


def _keys(model: ModelConfig) -> frozenset[str] | None:
    """Of the run that holds the model, where it is a folder of one."""
    path = Path(model.name).expanduser()
    return next((keys for keys in (trained_on(path), trained_on(path.parent)) if keys is not None), None)
