"""Puts the tables of the records into README.md and docs/: `python benchmarks/readme.py [--check]`.

`--check` changes nothing and fails where pages and records differ. `results/demo.txt` is what `make demo` printed,
without the examples, which are the standard library's own text.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import abilities
import claims
import lm_eval_logs
import measure_time
import mix
import model_case
import speed
import tasks

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", ROOT / "docs" / "forgetting.md", ROOT / "docs" / "mixing.md")
DEMO = tasks.RESULTS / "demo.txt"


def tables() -> dict[str, str]:
    """Mark → what the records print there."""
    found = {"tasks": tasks.table(), "model-case": model_case.table(), "claims": claims.table()}
    kept = {
        "speed": speed,
        "abilities": abilities,
        "lm-eval-logs": lm_eval_logs,
        "measure-time": measure_time,
        "mix": mix,
    }
    for name, benchmark in kept.items():
        if benchmark.RESULTS.exists():
            found[name] = benchmark.table(json.loads(benchmark.RESULTS.read_text(encoding="utf-8")))
    if DEMO.exists():
        found["demo-output"] = f"```\n{DEMO.read_text(encoding='utf-8').strip()}\n```"
    return found


def filled(text: str, parts: dict[str, str]) -> str:
    """A page with every marked part replaced by what its records print."""
    for name, part in parts.items():
        marked = re.compile(rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)", re.S)
        text = marked.sub(lambda found, part=part: f"{found[1]}{part}\n{found[2]}", text)
    return text


def main() -> None:
    """Write, or with --check compare."""
    parts = tables()
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if "--check" not in sys.argv:
            page.write_text(filled(text, parts), encoding="utf-8")
        elif filled(text, parts) != text:
            sys.exit(f"{page.name} differs from the records: run `python benchmarks/readme.py`")


if __name__ == "__main__":
    main()
