"""Read a YAML file as (path of keys, value, line), so that every message can name the line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml

from keeptune.config.yaml_dialect import Loader
from keeptune.errors import ConfigError, first_line
from keeptune.near_paths import did_you_mean_path

MOST_BYTES = 1 << 18
MOST_VALUES = 20_000
"""Maximum values in a file, with aliases expanded."""


class Entry(NamedTuple):
    """One key and its plain value. A mapping is not a value; its entries are."""

    path: tuple[str, ...]
    value: Any
    where: str
    """``file:line``."""


def read_yaml(file: Path) -> list[Entry]:
    """Every value in the file, outermost key first.

    Raises:
        ConfigError: the file is missing, not YAML, not a mapping, or has one key twice.
    """
    try:
        if file.exists() and not file.is_file():
            # A pipe would be waited for, and some devices never end.
            raise ConfigError(f"the config file {file} is not a file", "give a YAML file in UTF-8")
        if file.stat().st_size > MOST_BYTES:
            raise ConfigError(
                f"the config file {file} has {file.stat().st_size:,} bytes; the limit is {MOST_BYTES:,}",
                "give a file of settings",
            )
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"there is no config file {file}", f"{did_you_mean_path(file)}check the path after --config"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the config file {file} cannot be read: {error}", "give a YAML file in UTF-8") from error
    try:
        root = yaml.compose(text, Loader=Loader)
        if root is None:
            return []
        if not isinstance(root, yaml.MappingNode):
            raise ConfigError(f"{file}:{_line(root)}: not a mapping of keys to values", "write lines like `lr: 1e-4`")
        _refuse_endless(file, root)
        return _entries(file, root, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{file}:{mark.line + 1}" if mark else str(file)
        if mark and error.context_mark and error.context_mark.line != mark.line:
            where += f" (in the block that begins on line {error.context_mark.line + 1})"
        raise ConfigError(f"{where}: not YAML: {error.problem}", "check the indentation, colons and quotes") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: not YAML: {first_line(error)}", "save it as plain UTF-8 text") from error
    except RecursionError as error:
        raise ConfigError(f"{file}: nested too deep", "sections hold plain values") from error


def _refuse_endless(file: Path, root: yaml.Node) -> None:
    """Raise ConfigError if expanded aliases exceed the limit. Each node is counted once and its size kept."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        known = sizes.get(id(node))
        if known is None:
            # A node that contains itself is infinite, so a node counts as too large while it is being counted.
            sizes[id(node)] = MOST_VALUES + 1
            parts = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
            known = 1 + sum(map(size, parts)) if isinstance(node, yaml.CollectionNode) else 1
            sizes[id(node)] = known
        if known > MOST_VALUES:
            fix = "write the values out, without aliases"
            raise ConfigError(f"{file}:{_line(node)}: more than {MOST_VALUES:,} values, aliases written out", fix)
        return known

    size(root)


def _entries(file: Path, mapping: yaml.MappingNode, above: tuple[str, ...]) -> list[Entry]:
    found: list[Entry] = []
    lines: dict[str, int] = {}
    for key_node, node in mapping.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise ConfigError(f"{file}:{_line(key_node)}: a key must be one word", "write lines such as `lr: 1e-4`")
        key, line = str(key_node.value), _line(key_node)
        path = (*above, key)
        if key in lines:
            name = ".".join(path)
            raise ConfigError(f"{file}:{line}: {name} is given twice, first in line {lines[key]}", "keep one of them")
        lines[key] = line
        if isinstance(node, yaml.MappingNode):
            found.extend(_entries(file, node, path) if node.value else [Entry(path, {}, f"{file}:{line}")])
        else:
            _refuse_twice(file, node, ".".join(path))
            found.append(Entry(path, _plain(file, node), f"{file}:{line}"))
    return found


def _refuse_twice(file: Path, node: yaml.Node, name: str) -> None:
    """Raise ConfigError if a mapping within a list has one key twice."""
    if isinstance(node, yaml.SequenceNode):
        for each in node.value:
            _refuse_twice(file, each, name)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            if str(key.value) in lines:
                told = f"{key.value} of {name} is given twice, first in line {lines[str(key.value)]}"
                raise ConfigError(f"{file}:{_line(key)}: {told}", "keep one of them")
            lines[str(key.value)] = _line(key)
            _refuse_twice(file, value, name)


def _plain(file: Path, node: yaml.Node) -> Any:
    loader = Loader("")
    try:
        return loader.construct_object(node, deep=True)
    except ValueError as error:
        raise ConfigError(f"{file}:{_line(node)}: {first_line(error)}", "put a text in quotes") from error
    finally:
        loader.dispose()


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
