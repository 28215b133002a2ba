"""Rows that a training may replay, and items that it must not learn."""

from __future__ import annotations

from collections.abc import Sequence

from keeptune.abilities.declared import declared_items
from keeptune.abilities.declared import guarded_items as items_of
from keeptune.config.schema import TuneConfig
from keeptune.data.prompts import load_prompts
from keeptune.data.task_rows import load_told, rows_of_user
from keeptune.events import silent
from keeptune.mitigation.active import adds_base_rows, adds_learned_rows
from keeptune.records import Example
from keeptune.training.session import Session


def check_replayed(config: TuneConfig) -> None:
    """Raise DataError if rows to replay cannot be read, before anything is trained."""
    for path in config.mitigation.replay:
        load_told(path, rows_of_user(config.data), "replay", silent)


def guarded_items(session: Session) -> list[tuple[Example, ...]]:
    """Items of each declared ability whose prompts the base answers, also where a search may have it do so; their own
    answers are not used."""
    config = session.config
    if not (adds_base_rows(config) or config.mitigation_search.auto):
        return []
    return items_of(config.measure, rows_of_user(config.data), session.encoder)


def replay_data(session: Session) -> tuple[list[Sequence[Example]], Sequence[Example], list[Sequence[Example]]]:
    """(rows of old tasks, prompts for the base to answer, sets that must not be replayed)."""
    config, rows, mitigation = session.config, session.rows, session.config.mitigation
    if not adds_learned_rows(config):
        return [], (), []
    data = rows_of_user(config.data)
    sources: list[Sequence[Example]] = [
        load_told(path, data, "replay", session.observer).examples for path in mitigation.replay
    ]
    prompts = load_prompts(mitigation.self_replay_prompts, data).examples if mitigation.self_replay_prompts else ()
    asked = declared_items(config.measure, data, session.encoder)
    return sources, prompts, [rows.train, rows.validation, rows.test, *asked]
