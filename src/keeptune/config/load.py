"""Read a TuneConfig from a YAML file and flags, and check it before anything is loaded. Flags win."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from keeptune.config.aliases import ROWS, TIMES
from keeptune.config.check import KEEP, check_together
from keeptune.config.given import Given
from keeptune.config.keep import read_keep
from keeptune.config.names import from_entry, from_flag
from keeptune.config.schema import Adapter, Full, Method, TuneConfig
from keeptune.config.settings import SECTIONS, SETTINGS
from keeptune.config.values import checked
from keeptune.config.yaml_file import Entry, read_yaml
from keeptune.near_names import did_you_mean

BATCH = "training.batch_size"


def load_config(
    file: Path | None, flags: Mapping[str, Any], *, methods: Collection[str], metrics: Collection[str]
) -> TuneConfig:
    """Read settings.

    Args:
        file: YAML with sections as in the schema, or flat keys; None for flags alone.
        flags: name with underscores → value; None means not given.
        methods: known names beside ``full``.
        metrics: known names beside ``file.py:function``.

    Raises:
        ConfigError: an unknown key, a value of the wrong type or out of range, or two that exclude each other.
    """
    return from_entries(read_yaml(file) if file else (), flags, methods=methods, metrics=metrics)


def from_entries(
    entries: Iterable[Entry], flags: Mapping[str, Any], *, methods: Collection[str], metrics: Collection[str]
) -> TuneConfig:
    """Like `load_config`, from the content of a file."""
    in_file = _by_key(map(from_entry, entries))
    in_flags = _by_key(from_flag(name, value) for name, value in flags.items() if value is not None)
    chosen = _with_batch_size(in_file, in_flags)
    method = _method(chosen, in_flags, methods)
    keep = chosen.get(KEEP)
    values = {
        key: checked(given, SETTINGS[key])
        for key, given in chosen.items()
        if key != KEEP and not key.startswith("method.")
    }
    if keep is not None:
        values[KEEP] = read_keep(keep, metrics)
    config = TuneConfig(
        **{name: schema(**_section(values, name)) for name, schema in SECTIONS.items() if name != "method"},
        **{key: value for key, value in values.items() if "." not in key},
        method=method,
    )
    _check_metrics(config, chosen, metrics)
    check_together(config, lambda key: chosen.get(key) or Given(key, None, key))
    return config


def _by_key(found: Iterable[Given | None]) -> dict[str, Given]:
    by_key: dict[str, Given] = {}
    for given in found:
        if given is None:
            continue
        other = by_key.setdefault(given.key, given)
        if other is not given:
            raise given.wrong(f"and {other.said} set the same thing", "keep one of them")
    rows = by_key.get(ROWS) or by_key.get(TIMES)
    if rows is not None and BATCH in by_key:
        raise rows.wrong(f"and {by_key[BATCH].said} set the same thing", "keep batch_size, the total rows per step")
    return by_key


def _with_batch_size(in_file: dict[str, Given], in_flags: dict[str, Given]) -> dict[str, Given]:
    """Merge file and flags; flags win. Rows per device × accumulation steps become the batch size."""
    parts = {ROWS, TIMES}
    overruled = parts if BATCH in in_flags else {BATCH} if parts & set(in_flags) else set()
    chosen = {key: given for key, given in in_file.items() if key not in overruled} | in_flags
    rows, times = chosen.pop(ROWS, None), chosen.pop(TIMES, None)
    told = rows or times
    if told is not None:
        count = SETTINGS[BATCH]
        product = (checked(rows, count) if rows else count.default) * (checked(times, count) if times else 1)
        chosen[BATCH] = Given(BATCH, product, told.written, told.where)
    return chosen


def _method(chosen: Mapping[str, Given], in_flags: Mapping[str, Given], methods: Collection[str]) -> Method:
    kind = chosen.get("method.kind")
    name = str(kind.value).casefold() if kind else "lora"
    if kind is not None and name != "full" and name not in methods:
        known = ("full", *methods)
        raise kind.wrong(f"cannot be {kind.value!r}", f"{did_you_mean(name, known)}One of: {', '.join(known)}")
    rest = {key: given for key, given in chosen.items() if key.startswith("method.") and key != "method.kind"}
    if name != "full":
        values = {key: checked(given, SETTINGS[key]) for key, given in rest.items()}
        return Adapter(name, **_section(values, "method"))
    if "method.kind" in in_flags:
        # A flag replaces the file's method together with the settings of that method.
        rest = {key: given for key, given in rest.items() if key in in_flags}
    for given in rest.values():
        raise given.wrong("belongs to an adapter, and the method is full", "leave it out, or choose the method lora")
    return Full()


def _section(values: Mapping[str, Any], section: str) -> dict[str, Any]:
    start = f"{section}."
    return {key.removeprefix(start): value for key, value in values.items() if key.startswith(start)}


def _check_metrics(config: TuneConfig, chosen: Mapping[str, Given], metrics: Collection[str]) -> None:
    for name in config.evaluation.metrics:
        if name not in metrics and ".py:" not in name:
            hint = did_you_mean(name, metrics)
            known = f"{hint}Known: {', '.join(metrics)}; or your own as file.py:function"
            raise chosen["evaluation.metrics"].wrong(f"cannot be {name!r}", known)
