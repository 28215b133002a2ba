"""One value against its setting: its type and its range."""

from __future__ import annotations

import json
import math
from typing import Any

from keeptune.config.aliases import as_bool
from keeptune.config.given import Given
from keeptune.config.settings import Setting
from keeptune.near_names import did_you_mean


def checked(given: Given, setting: Setting) -> Any:
    """The value in its setting's type. Numbers may be written as text: YAML reads ``1e-4`` so.

    Raises:
        ConfigError: another type, or out of range.
    """
    if setting.choices:
        return _choice(given, setting)
    if setting.kind is bool:
        value = as_bool(given.value)
        if value is None:
            raise given.wrong(f"is {given.value!r}, not true or false", "use true or false")
        return value
    if setting.kind is tuple:
        return _names(given)
    if setting.key == "data.choices":
        return _labels(given, setting)
    if setting.kind is str and setting.key.endswith("delimiter"):
        return _delimiter(given)
    if setting.kind is str and setting.key.endswith("encoding"):
        return _encoding(given, setting)
    if setting.kind is str:
        return _text(given, setting)
    return _number(given, setting)


def _choice(given: Given, setting: Setting) -> str:
    if given.value in setting.choices:
        return str(given.value)
    hint = did_you_mean(str(given.value), setting.choices)
    raise given.wrong(f"cannot be {given.value!r}", f"{hint}One of: {', '.join(setting.choices)}")


def _text(given: Given, setting: Setting) -> str:
    value = given.value
    if isinstance(value, list) and setting.key == "method.target_modules":
        return ",".join(str(name) for name in value)
    if not isinstance(value, str) or not value.strip():
        shown = "empty" if isinstance(value, str) else f"{value!r}, not a text"
        raise given.wrong(f"is {shown}", "give one text, in quotes where it looks like something else")
    return _without_nul(value, given)


def _labels(given: Given, setting: Setting) -> str | None:
    value = given.value
    # YAML reads a bare yes as a truth value, which is no text.
    if isinstance(value, list) and len(value) > 1 and {type(each) for each in value} <= {str, int, float}:
        return json.dumps([str(each) for each in value], ensure_ascii=False)
    text = _text(given, setting)
    if text.lstrip().startswith("["):
        try:
            whole = isinstance(json.loads(text), list)
        except (ValueError, RecursionError):
            whole = False
        if not whole:
            raise given.wrong(f"is {text!r}, no list in JSON", 'write a,b,c, or \'["a", "b, or c"]\'')
    return None if text == "auto" else text


def _delimiter(given: Given) -> str:
    """One character; a tab is hard to write on a command line."""
    value = given.value
    if isinstance(value, str) and value.casefold() in ("tab", "\\t"):
        return "\t"
    if not isinstance(value, str) or len(value) != 1 or value in '"\r\n ':
        raise given.wrong(f"is {value!r}, not one character", "give one, such as ; or |, or the word tab")
    return value


def _encoding(given: Given, setting: Setting) -> str:
    name = _text(given, setting)
    try:
        b"".decode(name)
    except (LookupError, ValueError):
        known = "one that Python knows: utf-8, utf-16, cp1252, cp1250, latin-1, mac_roman, shift_jis …"
        raise given.wrong(f"is {name!r}, no encoding of text", known) from None
    return name


def _names(given: Given) -> tuple[str, ...]:
    values = given.value if isinstance(given.value, (list, tuple)) else [given.value]
    if not all(isinstance(value, str) and value.strip() for value in values):
        raise given.wrong(f"is {given.value!r}", "give a name, or a list of names")
    for value in values:
        _without_nul(value, given)
    return tuple(dict.fromkeys(value.strip() for value in values))


def _without_nul(value: str, given: Given) -> str:
    """No path, name or model's text holds one; C's functions end a text there."""
    if "\0" in value:
        raise given.wrong(f"is {value!r}, which holds a NUL", "leave that character out")
    return value


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
