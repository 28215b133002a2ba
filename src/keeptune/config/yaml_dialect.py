"""YAML by the core schema of YAML 1.2. PyYAML's default is YAML 1.1, in which ``1:30`` is 90,
``010`` is 8, ``no`` is false, ``1e3`` a text and ``2024-01-31`` a date. https://yaml.org/spec/1.2.2/#103-core-schema"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

_SCALARS = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
)
"""Tag, pattern and first characters. The first match decides; anything else is text."""


class Loader(yaml.SafeLoader):
    """Reads it."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


class Dumper(yaml.SafeDumper):
    """Writes it, with quotes around text that would be read as another type."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


def _number(kind: Callable[[str], float]) -> Callable[[yaml.SafeLoader, yaml.ScalarNode], float]:
    return lambda loader, node: kind(str(loader.construct_scalar(node)))


def _whole(text: str) -> int:
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


def _float(text: str) -> float:
    return float(text.replace(".", "") if text[-1].isalpha() else text)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    # Without double quotes, PyYAML breaks a text at these and reads another one.
    breaks = any(mark in value for mark in "\x85\u2028\u2029")
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if breaks else None)


Dumper.add_representer(str, _text)
for _tag, _form, _first in _SCALARS:
    for _dialect in (Loader, Dumper):
        _dialect.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_form})$"), _first)
Loader.add_constructor("tag:yaml.org,2002:int", _number(_whole))
Loader.add_constructor("tag:yaml.org,2002:float", _number(_float))
