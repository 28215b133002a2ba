"""Settings as a short YAML file for people: a line each, with a comment."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from keeptune.config.schema import Keep, TuneConfig
from keeptune.config.settings import FLAGS, FLAT, SETTINGS
from keeptune.config.yaml_dialect import Dumper

_FLAGS = {each.key: name.replace("-", "_") for name, each in FLAGS.items() if name.replace("-", "_") in FLAT}
_NAMES = {key: name for name, key in FLAT.items()} | _FLAGS
"""Key of a setting → its name in a file without sections; as its flag where it has one."""


@dataclass(frozen=True, slots=True)
class Suggested:
    """A setting that is worth a line although it keeps its default."""

    value: Any
    comment: str
    """What it does, on one line; it holds no text of a user."""
    active: bool = False
    """False: the line is a comment that becomes a setting without its #."""


def commented_yaml(head: Sequence[str], config: TuneConfig, suggested: Mapping[str, Suggested]) -> str:
    """`config` as YAML that `load_config` reads back as the same: the settings that are suggested, in their order, then
    every other one that has not its default.

    Args:
        head: lines of comment at the top.
        suggested: key of a setting → its line. A value of `config` goes before the suggested one.
    """
    given = dict(_given(config))
    lines = []
    for key, line in suggested.items():
        active = line.active or key in given
        lines.append((key, given.pop(key, line.value), line.comment, active))
    lines += [(key, value, SETTINGS[key].help, True) for key, value in given.items()]
    written = [f"{'' if active else '# '}{_line(key, value)}" for key, value, _, active in lines]
    column = min(max(map(len, written), default=0), 44)
    rows = [f"{left:<{column}}  # {comment}" for left, (_, _, comment, _) in zip(written, lines, strict=True)]
    return "".join(f"{row}\n" for row in (*(f"# {line}" for line in head), *rows))


def _line(key: str, value: Any) -> str:
    if key in _NAMES:
        return f"{_NAMES[key]}: {_value(value)}"
    # Two sections have a setting of this name.
    section, _, name = key.rpartition(".")
    return f"{section}: {{{name}: {_value(value)}}}"


def _given(config: TuneConfig) -> Iterator[tuple[str, Any]]:
    """(key, value) of every setting that has not its default."""
    for key, setting in SETTINGS.items():
        section, _, name = key.rpartition(".")
        value = getattr(getattr(config, section) if section else config, name, setting.default)
        if value != setting.default:
            yield key, value


def _value(value: Any) -> str:
    """On one line. Whatever is no plain text is escaped, so that no editor or terminal obeys it."""
    if isinstance(value, (tuple, list)):
        value = [_plain(each) for each in value]
    text = io.StringIO()
    plain = all(map(str.isprintable, _texts(value)))
    yaml.dump(value, text, Dumper, default_flow_style=True, allow_unicode=plain, width=1 << 30, sort_keys=False)
    return text.getvalue().removesuffix("\n").removesuffix("\n...")


def _plain(value: Any) -> Any:
    if not isinstance(value, Keep):
        return value
    told = {name: found for name, found in dataclasses.asdict(value).items() if found not in (None, "")}
    return value.name if set(told) == {"name"} else told


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, Mapping)):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)
