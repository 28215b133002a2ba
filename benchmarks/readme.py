"""Puts the tables of the records into README.md: `python benchmarks/readme.py [--check]`.

`--check` changes nothing and fails where README and records differ. `results/demo.txt` is what `make demo` printed,
without the examples, which are the standard library's own text.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import speed
import tasks

README = Path(__file__).parent.parent / "README.md"
DEMO = tasks.RESULTS / "demo.txt"


def filled(text: str) -> str:
    """README with every marked part replaced by what its records print."""
    parts = {"tasks": tasks.table()}
    if speed.RESULTS.exists():
        parts["speed"] = speed.table(json.loads(speed.RESULTS.read_text(encoding="utf-8")))
    if DEMO.exists():
        parts["demo-output"] = f"```\n{DEMO.read_text(encoding='utf-8').strip()}\n```"
    for name, part in parts.items():
        marked = re.compile(rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)", re.S)
        text = marked.sub(lambda found, part=part: f"{found[1]}{part}\n{found[2]}", text)
    return text


def main() -> None:
    """Write, or with --check compare."""
    text = README.read_text(encoding="utf-8")
    if "--check" in sys.argv:
        if filled(text) != text:
            sys.exit("README.md differs from the records: run `python benchmarks/readme.py`")
        return
    README.write_text(filled(text), encoding="utf-8")


if __name__ == "__main__":
    main()
