"""Constructed pairs of models' answers, and what the diagnosis says of each.

    python benchmarks/explanations.py            diagnose every pair, then print and keep the table
    python benchmarks/explanations.py --table    print the table from the record alone

The pairs, and the words that are right for each, are those of tests/forgetting/adversarial.py. Each is diagnosed twice:
from the answers alone, as they may lie in a log, and with references ranked among foils, as `measure` has it. The
record goes to results/explanations.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "explanations.json"
TESTS = Path(__file__).parent.parent / "tests" / "forgetting"


def diagnosed() -> list[dict[str, Any]]:
    """One row a pair; `ranked` is None where a reference has no foils."""
    sys.path.insert(0, str(TESTS))
    from adversarial import CASES
    from planted import ability

    from keeptune.forgetting.format import diagnose

    rows = []
    for case in CASES:
        base, tuned = case.sides()
        it = ability(base, chance=100 / 3 if base[0].choices else None)
        foils = case.foils(base)
        rows.append(
            {
                "answers": case.name,
                "asked": it.items[0].id.split("/")[0],
                "alone": diagnose(it, base, tuned, {}).broke,
                "ranked": diagnose(it, base, tuned, foils).broke if foils else None,
                "right": list(case.allowed),
                "right_ranked": list(case.with_foils or case.allowed),
            }
        )
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown."""
    wrong = sum(row["alone"] not in row["right"] for row in rows)
    wrong += sum(row["ranked"] is not None and row["ranked"] not in row["right_ranked"] for row in rows)
    lines = ["| what the tuned model writes | items | from the answers alone | with foils |", "|---|---|---|---|"]
    lines += [f"| {row['answers']} | {row['asked']} | {row['alone']} | {row['ranked'] or '–'} |" for row in rows]
    return "\n".join([*lines, "", f"{len(rows)} pairs, {wrong} with a word that is wrong for them."])


def main() -> None:
    """Diagnose unless only the table is wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true", help="print the table from the record alone")
    if not parser.parse_args().table:
        RESULTS.write_text(json.dumps(diagnosed(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
