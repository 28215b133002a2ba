"""Check one value against the type and range of its setting."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import Any

from keeptune.config.aliases import truth
from keeptune.config.given import Given
from keeptune.config.setting import Convert, Setting
from keeptune.near_names import did_you_mean


def checked(given: Given, setting: Setting) -> Any:
    """The value in its setting's type. Numbers may be text, since YAML reads ``1e-4`` as text.

    Raises:
        ConfigError: another type, or out of range.
    """
    if setting.parse:
        return setting.parse(given)
    if setting.choices:
        return _choice(given, setting)
    if setting.words and given.value in setting.words:
        return given.value
    if setting.kind in _READERS:
        return _READERS[setting.kind](given)
    return _number(given, setting)


def _choice(given: Given, setting: Setting) -> str:
    if given.value in setting.choices:
        return str(given.value)
    hint = did_you_mean(str(given.value), setting.choices)
    raise given.wrong(f"cannot be {given.value!r}", f"{hint}One of: {', '.join(setting.choices)}")


def text(given: Given) -> str:
    """A non-empty text; from Python also a path."""
    value = _path_as_text(given.value)
    if not isinstance(value, str) or not value.strip():
        shown = "empty" if isinstance(value, str) else f"{value!r}, not a text"
        raise given.wrong(f"is {shown}", "give one text, in quotes where it looks like something else")
    return _without_nul(value, given)


def comma_separated(given: Given) -> str:
    """Names separated by commas; in YAML also a list."""
    return ",".join(map(str, given.value)) if isinstance(given.value, list) else text(given)


def labels(given: Given) -> str | None:
    """The closed set of answers, as `DataConfig.choices` holds it."""
    value = given.value
    # YAML reads a bare yes as a bool, not as text.
    if isinstance(value, list) and len(value) > 1 and {type(each) for each in value} <= {str, int, float}:
        return json.dumps([str(each) for each in value], ensure_ascii=False)
    written = text(given)
    if written.lstrip().startswith("["):
        try:
            whole = isinstance(json.loads(written), list)
        except (ValueError, RecursionError):
            whole = False
        if not whole:
            raise given.wrong(f"is {written!r}, not a JSON list", 'write a,b,c, or \'["a", "b, or c"]\'')
    return None if written == "auto" else written


def one_character(given: Given) -> str:
    """One character, or ``tab``, which is hard to type on a command line."""
    value = given.value
    if isinstance(value, str) and value.casefold() in ("tab", "\\t"):
        return "\t"
    if not isinstance(value, str) or len(value) != 1 or value in '"\r\n ':
        raise given.wrong(f"is {value!r}, not one character", "give one, such as ; or |, or the word tab")
    return value


def known_encoding(given: Given) -> str:
    """A text encoding that Python knows."""
    name = text(given)
    try:
        b"".decode(name)
    except (LookupError, ValueError):
        known = "one that Python knows: utf-8, utf-16, cp1252, cp1250, latin-1, mac_roman, shift_jis …"
        raise given.wrong(f"is {name!r}, not a known encoding", known) from None
    return name


def _names(given: Given) -> tuple[str, ...]:
    values = [*map(_path_as_text, given.value if isinstance(given.value, (list, tuple)) else [given.value])]
    if not all(isinstance(value, str) and value.strip() for value in values):
        raise given.wrong(f"is {given.value!r}", "give a name, or a list of names")
    for value in values:
        _without_nul(value, given)
    return tuple(dict.fromkeys(value.strip() for value in values))


def _path_as_text(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _without_nul(value: str, given: Given) -> str:
    """No path, name or prompt contains NUL, at which C functions end a string."""
    if "\0" in value:
        raise given.wrong(f"is {value!r}, which holds a NUL", "leave that character out")
    return value


_READERS: Mapping[Any, Convert] = {bool: truth, tuple: _names, str: text}


def _number(given: Given, setting: Setting) -> int | float:
    whole = setting.kind is int
    value = _parsed(given.value)
    if value is None or (whole and not float(value).is_integer()):
        wanted = "a whole number" if whole else "a number"
        fix = f"give {wanted}" + (f", {setting.range}" if setting.range else "")
        raise given.wrong(f"is {given.value!r}, not {wanted}", fix)
    if setting.range is not None and value not in setting.range:
        raise given.wrong(f"is {given.value}", f"it must be {setting.range}")
    return int(value) if whole else float(value)


def _parsed(value: Any) -> int | float | None:
    """A finite number, or None. Whole numbers stay exact."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    for kind in (int, float):
        try:
            number = kind(value)
        except (ValueError, OverflowError):
            continue
        if kind is int and isinstance(value, float) and value != number:
            continue
        return number if math.isfinite(number) else None
    return None
