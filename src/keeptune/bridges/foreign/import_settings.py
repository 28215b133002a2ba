"""Reads a settings file of TRL, axolotl or LLaMA-Factory line by line, and writes it as one of keeptune."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from keeptune.bridges.foreign.axolotl import AXOLOTL
from keeptune.bridges.foreign.llama_factory import LLAMA_FACTORY
from keeptune.bridges.foreign.rule import METHOD, ROWS, TIMES, Kind, Meaning, Rule, Trainer
from keeptune.bridges.foreign.trl import TRL
from keeptune.config.load import from_entries
from keeptune.config.yaml_dialect import Dumper
from keeptune.config.yaml_file import Entry, read_yaml
from keeptune.errors import ConfigError
from keeptune.models.adapters import METHODS
from keeptune.near_paths import expanded
from keeptune.records.masked import masked
from keeptune.scoring.table import METRICS

TRAINERS = {trainer.name: trainer for trainer in (TRL, AXOLOTL, LLAMA_FACTORY)}
BATCH, KIND = "training.batch_size", "method.kind"
UNKNOWN = Meaning("unknown", note="not known; look whether it matters")


@dataclass(frozen=True, slots=True)
class Line:
    """One key of the file that was read."""

    where: str
    """``file:line``."""
    key: str
    value: Any
    kind: Kind
    settings: Mapping[str, Any]
    note: str

    @property
    def becomes(self) -> tuple[str, ...]:
        """The settings in words."""
        return tuple(
            f"a factor of {BATCH}" if key in (ROWS, TIMES) else said(KIND if key == METHOD else key, value)
            for key, value in self.settings.items()
        )


@dataclass(frozen=True, slots=True)
class Imported:
    """A file of another trainer, in keeptune's settings."""

    trainer: str
    lines: tuple[Line, ...]
    settings: Mapping[str, Any]
    """Key, such as ``training.lr`` → value."""
    defaults: Mapping[str, str]
    """Setting → what the other trainer does where its file says nothing, as here; keeptune makes its own choice."""

    def yaml(self) -> str:
        """The content of a file for `keeptune tune --config`; what is not in it is named in comments at its end."""
        sections: dict[str, Any] = {}
        for key, value in self.settings.items():
            section, _, name = key.rpartition(".")
            place = sections.setdefault(section, {}) if section else sections
            place[name] = value
        text = f"# Read from a file of {self.trainer}.\n"
        text += yaml.dump(sections, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110) if sections else ""
        comments = [line for line in self.lines if line.kind in ("left out", "unknown")]
        listed = ["#   " + _one_line(f"{said(x.key, x.value)}  ({x.kind}: {x.note})") for x in comments]
        return text + ("\n# Not in it:\n" + "\n".join(listed) + "\n" if listed else "")


def import_settings(file: Path, trainer: str | None = None) -> Imported:
    """Read a file.

    Args:
        trainer: ``trl``, ``axolotl`` or ``llama-factory``; None: known by its keys.

    Raises:
        ConfigError: no such file or trainer, keys of none or of several of them, or a value that the setting refuses.
    """
    entries = read_yaml(file)
    chosen = _trainer(file, entries, trainer)
    rules = chosen.rules({entry.path[0]: entry.value for entry in entries if len(entry.path) == 1}, file.parent)
    rules = {"output_dir": _output, **rules}
    lines = [_line(entry, rules) for entry in entries]
    settings: dict[str, Any] = {}
    places: dict[str, str] = {}
    for line in sorted(lines, key=lambda line: len(line.settings), reverse=True):
        # A key of its own decides over what another key brings along.
        settings |= line.settings
        places |= dict.fromkeys(line.settings, line.where)
    lines = [_overruled(line, settings, places) for line in lines]
    lines = _together(settings, lines, chosen)
    for made, parts in ((BATCH, (ROWS, TIMES)), (KIND, (METHOD,))):
        places.setdefault(made, next((places[part] for part in parts if part in places), str(file)))
    found = [Entry(tuple(key.split(".")), value, places[key]) for key, value in settings.items()]
    from_entries(found, {}, methods=tuple(METHODS), metrics=tuple(METRICS))
    unsaid = {
        key: does
        for key, does in chosen.defaults.items()
        if (KIND if key == METHOD else key) not in settings
        and not (key.startswith("method.") and settings.get(KIND) == "full")
    }
    return Imported(chosen.name, tuple(lines), settings, unsaid)


def said(key: str, value: Any) -> str:
    """A key and its value in one line, without secrets."""
    hidden = masked({key.rpartition(".")[2]: value})
    text = json.dumps(next(iter(hidden.values())), ensure_ascii=False, default=str)
    return _one_line(f"{key}: {text[1:-1] if isinstance(value, str) else text}")


def _one_line(text: str) -> str:
    """The text, which may be others', so that no part of it begins a line of a file."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def _trainer(file: Path, entries: Sequence[Entry], name: str | None) -> Trainer:
    if name is not None:
        if name not in TRAINERS:
            raise ConfigError(f"there is no trainer {name!r}", f"one of: {', '.join(TRAINERS)}")
        return TRAINERS[name]
    keys = {entry.path[0] for entry in entries}
    fitting = {trainer.name: len(keys & set(trainer.own)) for trainer in TRAINERS.values()}
    most = max(fitting.values())
    best = [trainer for trainer, count in fitting.items() if count == most]
    if most == 0 or len(best) > 1:
        raise ConfigError(
            f"{file} has keys of {' and of '.join(best) if most else 'no trainer that is known'}",
            f"say whose it is: --from {'|'.join(TRAINERS)}",
        )
    return TRAINERS[best[0]]


def _line(entry: Entry, rules: Mapping[str, Rule]) -> Line:
    path, value, where = entry
    rule = rules.get(path[0])
    nested = len(path) > 1 or isinstance(value, dict)
    meaning = UNKNOWN if rule is None else Meaning("same") if value is None else rule(value)
    if nested and meaning.settings:
        meaning = replace(UNKNOWN, note=f"{path[0]} takes one value here")
    return Line(where, ".".join(path), value, meaning.kind, meaning.settings, meaning.note)


def _overruled(line: Line, settings: Mapping[str, Any], places: Mapping[str, str]) -> Line:
    """The line without what another one decides."""
    lost = [key for key, value in line.settings.items() if key != METHOD and settings[key] != value]
    if not lost:
        return line
    kept = {key: value for key, value in line.settings.items() if key not in lost}
    told = f"{', '.join(lost)} by {', '.join(dict.fromkeys(places[key] for key in lost))}"
    return replace(
        line, kind="differs" if kept else "left out", settings=kept, note=f"{line.note}; {told}".lstrip("; ")
    )


def _together(settings: dict[str, Any], lines: Sequence[Line], trainer: Trainer) -> list[Line]:
    """Put together what several keys decide, in `settings`."""
    rows, times = settings.pop(ROWS, None), settings.pop(TIMES, None)
    if (rows or times) and BATCH not in settings:
        both = rows if rows is not None else trainer.rows_by_default, times if times is not None else 1
        if not all(isinstance(each, int) and not isinstance(each, bool) for each in both):
            raise ConfigError(f"the batch is {both[0]!r} rows × {both[1]!r} passes", "give whole numbers")
        settings[BATCH] = both[0] * both[1]
    settings.pop(METHOD, None)
    kinds = list(dict.fromkeys(str(line.settings[METHOD]) for line in lines if METHOD in line.settings))
    variants = [kind for kind in kinds if kind not in ("lora", "full")]
    if "full" in kinds or ("lora" not in kinds and trainer.defaults[METHOD] == "full"):
        # A variant without an adapter is a switch of nothing.
        settings[KIND] = "full"
    elif kinds:
        settings[KIND] = variants[0] if variants else kinds[0]
    found = []
    for line in lines:
        if METHOD in line.settings and line.settings[METHOD] != settings[KIND] and line.settings[METHOD] in variants:
            line = replace(line, kind="left out", settings={}, note=f"the method is {settings[KIND]}")
        of_adapter = [key for key in line.settings if key.startswith("method.")]
        if settings.get(KIND) == "full" and of_adapter:
            for key in of_adapter:
                settings.pop(key, None)
            line = replace(line, kind="left out", settings={}, note="belongs to an adapter, and the method is full")
        found.append(line)
    return found


def _output(value: Any) -> Meaning:
    folder = expanded(str(value))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        return Meaning("left out", note="something is there already, and a run has a folder of its own")
    return Meaning("same", {"output": str(value)})
