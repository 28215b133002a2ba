"""Old names of settings and records → their current names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TYPES: Mapping[str, str] = {
    "MendConfig": "MitigationConfig",
    "LadderConfig": "MitigationSearchConfig",
    "LadderReport": "MitigationSearchReport",
    "SearchReport": "HyperparameterSearchReport",
}
_KEYS: Mapping[str, Mapping[str, str]] = {
    "TuneConfig": {"mend": "mitigation", "ladder": "mitigation_search"},
    "TrainingConfig": {"search": "hyperparameter_search"},
    "MitigationConfig": {"dial": "interpolation"},
    "MitigationSearchConfig": {
        "rungs": "candidates",
        "max_rungs": "max_candidates",
        "ladder_minutes": "search_minutes",
    },
    "MitigationSearchReport": {"rungs": "candidates"},
    "DevEvidence": {"rung": "candidate"},
    "AbilityReport": {"form": "output_type"},
    "ForgettingReport": {"ladder": "mitigation_search"},
}
"""Current type of a record → its renamed keys."""
_ADDED: Mapping[str, Mapping[str, Any]] = {
    "MitigationConfig": {
        "extra": [],
        "plain": True,
        "by_default": False,
        "kl_share": 0.1,
        "kl_tokens": 64,
        "kl_gradient": "whole",
    },
    "MeasureConfig": {"prompt_fraction": 0.0},
}
"""Type of settings → keys that earlier versions lacked, with the values that reproduce their behaviour."""
_MITIGATION_FIELDS = ("candidate", "candidates", "chosen", "not_tried", "method", "other", "dominated_by")
"""Fields that hold mitigations as text, such as ``replay=0.05+dial=0.5``."""
_WORDING = re.compile(r"^wording-(?=\d+$)")
"""Prefix of the names of variants that use another prompt template."""
_DIAL = re.compile(r"(?<![^+])dial(?=[=+]|$)")


def upgraded(plain: Any) -> Any:
    """Settings or a report from `to_plain` of this version or an earlier one, with current names.

    Only objects with a ``type`` are changed: keys of other objects are names that users chose.
    """
    if isinstance(plain, list):
        return [upgraded(each) for each in plain]
    if not isinstance(plain, Mapping):
        return plain
    kind = plain.get("type")
    if not isinstance(kind, str):
        return {key: upgraded(value) for key, value in plain.items()}
    kind = _TYPES.get(kind, kind)
    renamed = {_KEYS.get(kind, {}).get(key, key): upgraded(value) for key, value in plain.items()}
    for key, value in _ADDED.get(kind, {}).items():
        renamed.setdefault(key, value)
    for field in _MITIGATION_FIELDS:
        if field in renamed:
            renamed[field] = _in_todays_words(renamed[field])
    if kind == "VariantDrop" and isinstance(renamed.get("name"), str):
        renamed["name"] = _WORDING.sub("template-", renamed["name"])
    return renamed | {"type": kind}


def _in_todays_words(value: Any) -> Any:
    if isinstance(value, str):
        return _DIAL.sub("interpolation", value)
    return [_in_todays_words(each) for each in value] if isinstance(value, list) else value
