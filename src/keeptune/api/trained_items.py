"""Whether items are unseen: looked up among the prompts of the rows that a model was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from keeptune.api.prepare import Rows, load_told, rows_of_user
from keeptune.api.start import run_of
from keeptune.config.schema import ModelConfig, TuneConfig
from keeptune.events import Notice, Observer, silent
from keeptune.records import Example
from keeptune.store.trained_on import count_trained_on, keep_trained_on, trained_on


def keep_trained(
    config: TuneConfig, rows: Rows, run: Path, start: ModelConfig, observer: Observer, *, of_tuned: bool = False
) -> int | None:
    """Keep in `run` what it was trained on, and count the test rows among that; None where it is not known.

    Args:
        start: the model that the training started from; what an earlier run taught it counts too.
        of_tuned: it was tuned on this task already, so without a record of its rows nothing is known.
    """
    earlier = _keys(start)
    if earlier is None and (of_tuned or run_of(start) is not None):
        return None
    read = rows_of_user(config.data)
    replayed = [row for path in config.mend.replay for row in load_told(path, read, "replay", silent).examples]
    keep_trained_on(run, [*rows.train, *rows.validation, *replayed], earlier or frozenset())
    return _told(trained_on(run), rows.test, observer)


def items_trained_on(model: ModelConfig, items: Sequence[Example], observer: Observer) -> int | None:
    """How many of `items` a model was trained on; None where no run tells."""
    return _told(_keys(model), items, observer)


def _told(keys: frozenset[str] | None, items: Sequence[Example], observer: Observer) -> int | None:
    seen = count_trained_on(keys, items)
    if seen:
        observer(
            Notice(
                "trained on",
                f"{seen:,} of {len(items):,} items are among the rows that the model was trained on: "
                "a gain on them says little of others",
            )
        )
    return seen


def _keys(model: ModelConfig) -> frozenset[str] | None:
    """Of the run that holds the model, where it is a folder of one."""
    path = Path(model.name).expanduser()
    return next((keys for keys in (trained_on(path), trained_on(path.parent)) if keys is not None), None)
