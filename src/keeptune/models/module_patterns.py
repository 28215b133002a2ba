"""What an adapter's config asks of `peft` before its weights are read: expressions that name modules, which are matched
against every module and are tried first, in a process that can be stopped; names, copies of layers and rounds."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from keeptune.errors import ModelError

SECONDS = 10.0
"""For all expressions and modules together; those of a real adapter take milliseconds."""
_WHOLE = ("target_modules", "exclude_modules")
_PARTS = ("layers_pattern", "modules_to_save", "target_parameters")
_KEYS = ("rank_pattern", "alpha_pattern")
MOST_NAMED = 10_000
"""Modules that are named one by one, layers that are repeated, or rounds of an initialisation."""
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
_TRY = """
import json, re, sys
patterns, names = json.load(sys.stdin)
for pattern in patterns:
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        continue
    for name in names:
        compiled.fullmatch(name)
"""


def refuse_endless_patterns(config: Mapping[str, Any], modules: Iterable[str], adapter: str) -> None:
    """Try the patterns in the config of `adapter`.

    Raises:
        ModelError: it takes longer than `SECONDS`, or there are more than `MOST_NAMED`.
    """
    for name, count in _counts(config):
        if count > MOST_NAMED:
            message = f"the adapter {adapter} asks for {count:,} in {name}; the limit is {MOST_NAMED:,}"
            raise ModelError(message, f"correct {name} in its adapter_config.json, or use another adapter")
    patterns = _patterns(config)
    if not patterns:
        return
    asked = json.dumps([patterns, list(modules)])
    try:
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", _TRY],
            input=asked,
            text=True,
            timeout=SECONDS,
            check=False,
            capture_output=True,
        )
    except subprocess.TimeoutExpired:
        message = f"the adapter {adapter} names its modules by an expression that takes more than {SECONDS:.0f} seconds"
        fix = "write their names into target_modules of its adapter_config.json, or use another adapter"
        raise ModelError(f"{message}: {patterns[0][:80]!r}", fix) from None


def _counts(config: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for name in (*_WHOLE, *_PARTS, *_KEYS):
        yield name, len(_listed(config.get(name)))
    repeated = [each for each in _listed(config.get("layer_replication")) if isinstance(each, (list, tuple))]
    ends = [tuple(each) for each in repeated if len(each) == 2 and all(isinstance(end, int) for end in each)]
    yield "layer_replication", sum(max(end - start, 1) for start, end in ends)
    rounds = re.fullmatch(r"pissa_niter_(\d{1,18})", str(config.get("init_lora_weights")))
    yield "init_lora_weights", int(rounds[1]) if rounds else 0


def _patterns(config: Mapping[str, Any]) -> list[str]:
    """Expressions as `peft` builds them; a plain name is not one."""
    whole = [config.get(name) for name in _WHOLE]
    parts = [part for name in _PARTS for part in _listed(config.get(name))]
    parts += [part for name in _KEYS for part in _listed(config.get(name))]
    found = [each for each in whole if isinstance(each, str)]
    found += [rf"(?:^|.*\.)(?:{part})(?:$|\..*)" for part in parts if isinstance(part, str) and not set(part) <= _PLAIN]
    return [each for each in found if not set(each) <= _PLAIN]


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else list(value) if isinstance(value, (list, tuple, dict)) else []
