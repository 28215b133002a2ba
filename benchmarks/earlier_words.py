"""Reads records that were made before keys were renamed; the records themselves stay as the commands wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RENAMED = {
    '"ladder":': '"mitigation_search":',
    '"rungs":': '"candidates":',
    '"rung":': '"candidate":',
    "dial=": "interpolation=",
    "first rung on which": "first candidate for which",
    "of the rungs that": "of the candidates that",
}
"""As written then → as it is called now."""


def read_record(file: Path) -> Any:
    """A record in JSON, with today's names."""
    text = file.read_text(encoding="utf-8")
    for then, now in RENAMED.items():
        text = text.replace(then, now)
    return json.loads(text)
