"""A mix recipe: sources, proportions and test sets, read from YAML and checked."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from keeptune.config.given import Given
from keeptune.config.schema import DataConfig
from keeptune.config.setting import COUNT, NOT_NEGATIVE, POSITIVE, Range, Setting
from keeptune.config.settings import SETTINGS
from keeptune.config.values import checked
from keeptune.config.yaml_file import read_yaml
from keeptune.errors import ConfigError
from keeptune.near_names import did_you_mean
from keeptune.near_paths import did_you_mean_path, expanded

RECIPE = "recipe.yaml"
MADE = "made"
"""Section of a recipe that `keeptune mix` wrote: what came out, with its hash."""
THRESHOLD = 0.8
"""Jaccard similarity from which two rows are near-duplicates; see `keeptune.data.similarity`."""


@dataclass(frozen=True, slots=True)
class MixSource:
    """Rows of one kind to mix, or of one test set."""

    data: str
    """File, folder or hub data set (``name`` or ``name:split``)."""
    name: str
    """Begins the ids of its rows in the mix; unique."""
    weight: float | None = None
    """Its weight among the sources without a fraction. None: its number of rows."""
    fraction: float | None = None
    """Its share of all rows of the mix."""
    cap: int | None = None
    """Count it as having this many rows at most. None: the recipe's cap."""
    prompt: str | None = None
    completion: str | None = None
    system: str | None = None
    group: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    """How its rows are read, as in `DataConfig`."""
    sha256: str = ""
    """Hash of its content when the recipe was made; "" if it does not matter."""

    @property
    def config(self) -> DataConfig:
        """How its rows are read."""
        return DataConfig(
            prompt=self.prompt,
            completion=self.completion,
            system=self.system,
            group=self.group,
            encoding=self.encoding,
            delimiter=self.delimiter,
        )


@dataclass(frozen=True, slots=True)
class MixRecipe:
    """A whole mix."""

    sources: tuple[MixSource, ...]
    rows: int | None = None
    """Rows of the mix. None: as many as the proportions allow when no row comes twice."""
    temperature: float = 1.0
    """Sizes and weights count by their power 1/temperature: above 1, small sources get more."""
    cap: int | None = None
    """Examples-proportional mixing: a source counts as having this many rows at most."""
    seed: int = 0
    test: tuple[MixSource, ...] = ()
    """Rows that occur in any of these are left out."""
    near_duplicates: bool = True
    """Also find near-duplicates, not only exact ones."""
    made_sha256: str = ""
    """Hash of the mix that this recipe made."""


_READING = ("encoding", "delimiter")
_TEXT, _COUNT, _POSITIVE = Setting(kind=str), Setting(kind=int, range=COUNT), Setting(kind=float, range=POSITIVE)
_TEST_KEYS: Mapping[str, Setting] = {
    **dict.fromkeys(("data", "name", "prompt", "completion", "system", "group"), _TEXT),
    **{key: SETTINGS[f"data.{key}"] for key in _READING},
    "sha256": _TEXT,
}
_SOURCE_KEYS: Mapping[str, Setting] = {
    **_TEST_KEYS,
    "weight": _POSITIVE,
    "fraction": Setting(kind=float, range=Range(0, 1, low_open=True, high_open=False)),
    "cap": _COUNT,
}
_NUMBERS: Mapping[str, Setting] = {
    "rows": _COUNT,
    "temperature": _POSITIVE,
    "cap": _COUNT,
    "seed": Setting(kind=int, range=NOT_NEGATIVE),
}
_KEYS = ("sources", *_NUMBERS, "test", "near_duplicates", *_READING)


def is_recipe(path: str) -> bool:
    """Whether `path` is a recipe, or a folder that `keeptune mix` wrote."""
    return recipe_file(path).suffix.lower() in (".yaml", ".yml")


def recipe_file(path: str) -> Path:
    """The recipe that `path` means: itself, or the one in that folder."""
    inside = expanded(path) / RECIPE
    return inside if inside.is_file() else expanded(path)


def read_recipe(file: Path, flags: Mapping[str, Any] | None = None) -> MixRecipe:
    """The recipe in `file`, its paths taken from the folder that it lies in; `flags` go before what it says.

    Raises:
        ConfigError: no such file, an unknown key, a value that cannot be, or two sources of one name.
    """
    if not file.is_file():
        raise ConfigError(f"there is no recipe {file}", f"{did_you_mean_path(file)}check the path")
    given = {}
    for entry in read_yaml(file):
        if entry.path[0] != MADE or entry.path[1:] == ("sha256",):
            name = ".".join(entry.path)
            given[name] = Given(name, entry.value, name, entry.where)
    made = given.pop(f"{MADE}.sha256", None)
    recipe = _recipe(given | _of_flags(flags or {}), file.parent)
    # The recorded result does not apply to a mix that flags changed.
    return recipe if made is None or flags else replace(recipe, made_sha256=str(made.value))


def recipe_of_flags(flags: Mapping[str, Any]) -> MixRecipe:
    """The recipe that flags alone give; paths are taken from the working folder.

    Raises:
        ConfigError: as `read_recipe`.
    """
    return _recipe(_of_flags(flags), Path())


def _of_flags(flags: Mapping[str, Any]) -> dict[str, Given]:
    return {name: Given(name, value, f"--{_flag_of(name)}") for name, value in flags.items()}


def _flag_of(name: str) -> str:
    return "source" if name == "sources" else name.replace("_", "-")


def _recipe(given: Mapping[str, Given], folder: Path) -> MixRecipe:
    for name, value in given.items():
        if name not in _KEYS:
            hint = did_you_mean(name, _KEYS).strip() or f"one of: {', '.join(_KEYS)}"
            raise value.wrong("is not a key of a recipe", hint)
    found = {name: value for name, value in given.items() if value.value is not None}
    if "sources" not in found:
        raise ConfigError("no sources to mix", "give --source FILE, or a recipe with `sources:`")
    numbers = {name: checked(found[name], setting) for name, setting in _NUMBERS.items() if name in found}
    near = _near_duplicates(found["near_duplicates"]) if "near_duplicates" in found else True
    reading: dict[str, Any] = {name: checked(found[name], _TEST_KEYS[name]) for name in _READING if name in found}
    sources = _read_so(_data(found["sources"], _SOURCE_KEYS, folder), reading)
    tests = _read_so(_data(found["test"], _TEST_KEYS, folder), reading) if "test" in found else ()
    return MixRecipe(sources, test=tests, near_duplicates=near, **numbers)


def _read_so(sources: tuple[MixSource, ...], reading: Mapping[str, Any]) -> tuple[MixSource, ...]:
    """Settings for all files apply to each file without its own."""
    return tuple(
        replace(source, **{name: getattr(source, name) or value for name, value in reading.items()})
        for source in sources
    )


def _near_duplicates(given: Given) -> bool:
    # YAML reads a bare `off` as false.
    if given.value is False or given.value == "off":
        return False
    if str(given.value) == str(THRESHOLD):
        return True
    raise given.wrong(f"is {given.value!r}", f"one of: {THRESHOLD}, off")


def _data(given: Given, keys: Mapping[str, Setting], folder: Path) -> tuple[MixSource, ...]:
    listed = given.value if isinstance(given.value, (list, tuple)) else [given.value]
    if not listed and given.key.rpartition(".")[2] != "test":
        # A mix that leaves out no test rows says so.
        raise given.wrong("is an empty list", "give one at least")
    found = []
    for place, value in enumerate(listed, start=1):
        written = f"{given.written}[{place}]" if given.where else given.written
        one = _from_text(value, keys) if isinstance(value, str) else value
        if not isinstance(one, dict) or not one.get("data"):
            raise Given(given.key, value, written, given.where).wrong(
                f"is {value!r}", "write a path, or a mapping with `data: PATH`"
            )
        found.append(_one(one, keys, written, given.where, folder if given.where else Path()))
    return _named(found, given)


def _from_text(text: str, keys: Mapping[str, Setting]) -> dict[str, Any]:
    """``b.jsonl:0.1``: a source and its fraction. A path that is there is taken as it stands."""
    data, _, number = text.rpartition(":")
    share = "fraction" in keys and data and re.fullmatch(r"[\d.]+", number) and not Path(text).exists()
    return {"data": data, "fraction": number} if share else {"data": text}


def _one(one: Mapping[Any, Any], keys: Mapping[str, Setting], written: str, where: str, folder: Path) -> MixSource:
    values = {}
    for key, value in one.items():
        given = Given(str(key), value, f"{written}.{key}" if where else written, where)
        if key not in keys:
            hint = did_you_mean(str(key), keys).strip() or f"one of: {', '.join(keys)}"
            raise given.wrong("is not a key here", hint)
        if value is not None:
            values[str(key)] = checked(given, keys[str(key)])
    if "weight" in values and "fraction" in values:
        raise Given("weight", 0, f"{written}.weight", where).wrong("and its fraction contradict each other", "keep one")
    values["data"] = _from_folder(values["data"], folder)
    return MixSource(name=values.pop("name", ""), **values)


def _from_folder(data: str, folder: Path) -> str:
    """`data` as seen from the working folder; what is not there may be the name of a hub data set."""
    path, _, _ = data.rpartition(":")
    beside = [folder / expanded(name) for name in (data, path) if name]
    there = any(place.exists() for place in beside) or Path(data).suffix
    return os.path.normpath(folder / expanded(data)) if there else data


def _named(found: Sequence[MixSource], given: Given) -> tuple[MixSource, ...]:
    """Every source with a name of its own: the file's, with its folder where two files are called the same."""
    stems = Counter(_stem(source.data) for source in found)
    named = [replace(each, name=each.name or _stem(each.data, long=stems[_stem(each.data)] > 1)) for each in found]
    for name, count in Counter(source.name for source in named).items():
        if count > 1:
            raise given.wrong(f"has {count} named {name}", "give each a `name:` of its own in a recipe")
    return tuple(named)


def _stem(data: str, long: bool = False) -> str:
    path = Path(data)
    return f"{path.absolute().parent.name}-{path.stem}" if long else path.stem.replace(":", "-")
