"""Secrets in what users gave, masked before a record, a report or a card is written."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
MASK = "***"
_SHAPES = re.compile(
    r"""
    \b(?:hf|api_org)_[A-Za-z0-9]{16,}
    | \b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}
    | \b(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{10,}
    | \bgh[pousr]_[A-Za-z0-9]{20,} | \bgithub_pat_[A-Za-z0-9_]{20,} | \bglpat-[A-Za-z0-9_-]{16,}
    | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b
    | \bAIza[A-Za-z0-9_-]{30,}
    | \bxox[abposr]-[A-Za-z0-9-]{10,}
    | \beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}
    """,
    re.VERBOSE,
)
"""Tokens of Hugging Face, OpenAI and Anthropic, Stripe, GitHub, GitLab, AWS, Google and Slack, and JSON Web Tokens."""
_SECRET = r"(?:[\w-]*[_-])?(?:token|passw(?:or)?d|secret|api[_-]?key|access[_-]?key|credentials?)"
_OF_TOKENIZERS = r"(?!(?:eos|bos|pad|unk|sep|cls|mask)_token)"
_NAMED = re.compile(rf"(?i)(?<![\w-]){_OF_TOKENIZERS}({_SECRET}\s*[=:]\s*)(?!\*\*\*)([^\s&'\"#,;]+)")
"""``token=…`` in a URL, a flag or a text."""
_QUOTED = re.compile(
    rf"(?i)(?<![\w-])(?!token\W){_OF_TOKENIZERS}({_SECRET}(?:\\*['\"])?\s*[=:]\s*(\\*['\"]))(?!\*\*\*)(?:(?!\2).)+"
)
"""``password: "…"``, and ``"api_key": "…"`` in JSON, in a text of JSON, too. What is named token alone is a word there,
as rows of many tasks have it."""
_FLAG = re.compile(rf"(?i)--{_SECRET}")
_FIELD = re.compile(rf"(?i){_SECRET}")
_BEARER = re.compile(r"(?i)\b(bearer\s+)[A-Za-z0-9._~+/-]{12,}=*")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/'\"]+@")
"""User and password before a host."""
_HOME = re.compile(r"(?:/home|/Users)/[^/\s'\":,]+|[A-Za-z]:\\Users\\[^\\\s'\":,]+")
"""Home folders, whosever they are."""


def masked(value: T) -> T:
    """`value`, a record or a nest of them, with each secret in its texts replaced by ``***``."""
    changed: T = _changed(value, masked_text)
    return changed


def public(value: T) -> T:
    """As `masked`, and home folders written ``~``: for pages that are passed on."""
    changed: T = _changed(value, lambda text: without_home(masked_text(text)))
    return changed


def without_home(text: str) -> str:
    """`text` with this user's home folder, and those of others, written ``~``."""
    home = str(Path.home())
    if len(home) > 1:
        text = re.sub(rf"(?<![\w/]){re.escape(home)}(?![\w.-])", "~", text)
    return _HOME.sub("~", text)


def has_secret(value: Any) -> bool:
    """Whether `masked` would change it."""
    return bool(masked(value) != value)


def masked_text(text: str) -> str:
    """`text` with known shapes of tokens, values that are named as secrets, and credentials in URLs replaced."""
    text = _URL.sub(rf"\1{MASK}@", text)
    text = _BEARER.sub(rf"\1{MASK}", text)
    return _NAMED.sub(rf"\1{MASK}", _QUOTED.sub(rf"\1{MASK}", _SHAPES.sub(MASK, text)))


def names_secret(name: str) -> bool:
    """Whether what has this name, a field or a variable of the environment, is a secret."""
    return bool(_FIELD.fullmatch(name))


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        changed = {name: new for name, old in _items(fields) if (new := _changed(old, change)) is not fields[name]}
        return dataclasses.replace(value, **changed) if changed else value
    if isinstance(value, Mapping):
        found = {name: _changed(item, change) for name, item in _items(value)}
        return found if any(found[name] is not value[name] for name in value) else value
    if isinstance(value, (tuple, list)):
        items = [_changed(item, change) for item in value]
        for place, item in enumerate(value[:-1]):
            if isinstance(item, str) and _FLAG.fullmatch(item) and isinstance(value[place + 1], str):
                items[place + 1] = MASK
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else type(value)(items)
    return value


def _items(fields: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """The fields, what is secret by its name masked already."""
    return [(name, MASK if _is_secret(name, item) else item) for name, item in fields.items()]


def _is_secret(name: Any, item: Any) -> bool:
    return isinstance(item, str) and bool(item) and isinstance(name, str) and names_secret(name)
