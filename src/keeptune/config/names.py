"""Find the setting that a name in a flag or a file stands for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keeptune.config import schema
from keeptune.config.aliases import FOREIGN
from keeptune.config.given import Given
from keeptune.config.keep import TYPE_TAG
from keeptune.config.settings import ALIASES, FLAT, SECTIONS, SETTINGS, SHORTENED
from keeptune.config.yaml_file import Entry
from keeptune.errors import ConfigError
from keeptune.near_names import did_you_mean

_CLASSES = frozenset(name for name, kind in vars(schema).items() if isinstance(kind, type))
"""Keys of the sections in files that keeptune wrote."""


def from_flag(name: str, value: Any) -> Given | None:
    """The Given of a flag; None if its value means "not given".

    Raises:
        ConfigError: no such setting.
    """
    return _flat(name, Given(name, value, f"--{name.replace('_', '-')}"))


def from_entry(entry: Entry) -> Given | None:
    """The Given of an entry of a YAML file; None for one without a value.

    Raises:
        ConfigError: no such setting, or one in the wrong section.
    """
    path, value, where = entry
    name = path[-1]
    given = Given(name, value, ".".join(path), where)
    if name == TYPE_TAG and isinstance(value, str) and value in _CLASSES:
        return None
    if len(path) == 1:
        if name in SECTIONS and value in (None, {}):
            return None
        if value == {}:
            raise _not_a_section(name, given)
        if name in SECTIONS and name not in FLAT:
            raise given.wrong(f"is a section, and {value!r} is one value", f"put its keys below {name}:")
        return _flat(name, given)
    if path[0] not in SECTIONS:
        raise _not_a_section(path[0], given)
    if len(path) > 2 or value == {}:
        raise given.wrong("is nested too deep", f"{path[1]} takes one value")
    return _in_section(path[0], name, given)


def _flat(name: str, given: Given) -> Given | None:
    folded = name.replace("-", "_")
    if folded in FLAT:
        return _kept(FLAT[folded], given)
    if folded in ALIASES:
        return _converted(folded, given)
    sections = [key for key in SETTINGS if key.endswith(f".{folded}")]
    if sections and folded not in SHORTENED:
        raise given.wrong(f"could be {' or '.join(sections)}", "write it in its section")
    raise _unknown(folded, given, tuple(FLAT), () if given.where == "" else tuple(SECTIONS))


def _in_section(section: str, name: str, given: Given) -> Given | None:
    key = f"{section}.{name}"
    if key in SETTINGS:
        return _kept(key, given)
    folded = name.replace("-", "_")
    meant = FLAT.get(folded) or (ALIASES[folded][0] if folded in ALIASES else "")
    home = meant.partition(".")[0]
    if home in SECTIONS and home != section:
        raise given.wrong(f"is no setting of {section}", f"put {name} into the section {home}")
    if folded in ALIASES:
        return _converted(folded, given)
    if folded in FLAT:
        return _kept(FLAT[folded], given)
    own = tuple(key.partition(".")[2] for key in SETTINGS if key.startswith(f"{section}."))
    raise _unknown(folded, given, own, ())


def _kept(key: str, given: Given) -> Given | None:
    return None if given.value is None else replace(given, key=key)


def _converted(alias: str, given: Given) -> Given | None:
    key, convert = ALIASES[alias]
    return _kept(key, given if given.value is None else replace(given, value=convert(given)))


def _unknown(name: str, given: Given, known: tuple[str, ...], also: tuple[str, ...]) -> ConfigError:
    if name in FOREIGN:
        return given.wrong("is no setting here", FOREIGN[name])
    hint = did_you_mean(name, (*known, *also, *ALIASES))
    return given.wrong("is not a known setting", hint.strip() or f"one of: {', '.join(sorted(known))}")


def _not_a_section(name: str, given: Given) -> ConfigError:
    if name in FLAT or name in ALIASES:
        return given.wrong(f"takes one value, and {name} is given keys of its own", f"write `{name}: VALUE`")
    hint = did_you_mean(name, SECTIONS)
    return given.wrong(f"is not in a known section: {name}", f"{hint}One of: {', '.join(SECTIONS)}")
