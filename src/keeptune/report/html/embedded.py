"""Data inside a page."""

from __future__ import annotations

import json
import re
from typing import Any

from markupsafe import Markup

_UNSAFE = re.compile("[<>&\u2028\u2029\ud800-\udfff]")


def embedded_json(value: Any) -> Markup:
    """JSON for a ``<script type="application/json">``; no text inside can close the element.

    ``<``, ``>``, ``&``, the line separators and lone surrogates occur only inside strings, where ``\\uXXXX``
    means the same.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(_UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text))
