"""Paths in settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from keeptune.config.keep import HARNESS, RUN
from keeptune.config.schema import Keep, TuneConfig
from keeptune.near_paths import expanded


def absolute(name: str) -> str:
    """The absolute path of an existing file or folder; anything else, such as a name on the hub, is returned
    unchanged."""
    path = expanded(name)
    return os.path.abspath(path) if name and path.exists() else name


def _rows(data: str) -> str:
    """`absolute` of rows, which may be a workbook's sheet ``file.xlsx:sheet`` or a folder's split ``folder:train``."""
    drive, path = os.path.splitdrive(data)
    name, colon, part = path.rpartition(":")
    inside = drive + name
    if expanded(data).exists() or not name or not expanded(inside).exists():
        return absolute(data)
    return f"{absolute(inside)}{colon}{part}"


def with_absolute_paths(config: TuneConfig) -> TuneConfig:
    """`config` with absolute paths, so that it means the same in any folder."""
    data, mitigation, measure = config.data, config.mitigation, config.measure
    return replace(
        config,
        model=replace(config.model, name=absolute(config.model.name)),
        data=replace(data, train=_optional(data.train, _rows), test=_optional(data.test, _rows)),
        mitigation=replace(
            mitigation,
            replay=tuple(_rows(name) for name in mitigation.replay),
            self_replay_prompts=_optional(mitigation.self_replay_prompts, _rows),
            reference=_optional(mitigation.reference, absolute),
        ),
        evaluation=replace(config.evaluation, metrics=tuple(_in_file(metric) for metric in config.evaluation.metrics)),
        measure=replace(measure, keep=tuple(_keep(keep) for keep in measure.keep)),
        output=os.path.abspath(expanded(config.output)) if config.output else "",
    )


def _optional(name: str | None, made: Callable[[str], str]) -> str | None:
    return None if name is None else made(name)


def _keep(keep: Keep) -> Keep:
    start = next((start for start in (RUN, HARNESS) if keep.data.startswith(start)), "")
    data = start + (absolute if start else _rows)(keep.data.removeprefix(start))
    return replace(keep, data=data, metric=None if keep.metric is None else _in_file(keep.metric))


def _in_file(metric: str) -> str:
    """``file.py:function``, or the name of a metric."""
    file, colon, function = metric.rpartition(":")
    return f"{absolute(file)}{colon}{function}"
