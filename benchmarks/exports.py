"""Exported models beside the model that was scored: format × loads, same prompts, same answers, verdict, size, speed.

    python benchmarks/exports.py --work DIR     what has no record yet, then the table
    python benchmarks/exports.py --table        the table from the record alone

One run by LoRA and one of whole weights learn the built-in task, and declare entity recognition and sentiment. Each is
exported to each format and type, and asked there by the tool that the format is for. A third run asks more items of
sentiment. GGUF needs llama-cpp-python and llama.cpp's converter (docs/exporting.md). Runs and files stay in DIR, and
the record, results/exports.json, is written after each export; a second start goes on. MLX is not here: on a CPU, one
export had not answered its items after 25 minutes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import keeptune
from keeptune.records import export_name
from keeptune.workspace.exported_run import ExportedRun
from keeptune.workspace.provenance import source_commit
from keeptune.workspace.workspace import Workspace

RESULTS = Path(__file__).parent / "results" / "exports.json"
FORMATS: Sequence[tuple[str, tuple[str, ...]]] = (
    ("safetensors", ("float32", "bfloat16", "float16")),
    ("adapter", ("as-trained",)),
    ("gguf", ("F32", "F16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q2_K")),
    ("gguf-adapter", ("F16",)),
)
ROWS, ITEMS = 200, 100
"""Train rows, and test items of the task."""


class Tuned(NamedTuple):
    """A run: its method, the abilities that it declares, how many items of each, and the formats of its exports."""

    method: Any
    keep: tuple[str, ...] = ("entity_recognition", "sentiment")
    items: int = ITEMS
    formats: Sequence[tuple[str, tuple[str, ...]]] = FORMATS


RUNS: Mapping[str, Tuned] = {
    "lora": Tuned(keeptune.Adapter()),
    "full": Tuned(keeptune.Full(), formats=[each for each in FORMATS if "adapter" not in each[0]]),
    "lora-300": Tuned(keeptune.Adapter(), ("sentiment",), 300, [("gguf", ("Q8_0", "Q2_K"))]),
}
"""The last is `lora` again, asked enough items of one ability for a verdict: 100 items are too few groups."""


def run_of(name: str, work: Path) -> Path:
    """The finished run, tuned now if it is not there."""
    folder, tuned = work / name, RUNS[name]
    run = Workspace(folder)
    if not run.is_finished:
        config = keeptune.TuneConfig(
            data=keeptune.DataConfig(train="stdlib", limit_train=ROWS, limit_test=ITEMS),
            method=tuned.method,
            measure=keeptune.MeasureConfig(
                extent="quick",
                keep=tuple(map(keeptune.Keep, tuned.keep)),
                abilities=("none",),
                items=tuned.items,
            ),
            mitigation=keeptune.MitigationConfig(plain=True),
            output=str(folder),
        )
        keeptune.tune(replace(config, resume=run.has_settings))
    return folder


def exported(name: str, run: Path) -> Iterator[dict[str, Any]]:
    """A row of each format and type, as it is made."""
    for format, types in RUNS[name].formats:
        for quantization in types:
            known = {report.name: report for report in ExportedRun(run).exports()}
            report = known.get(export_name(format, quantization))
            if report is None:
                try:
                    (report,) = keeptune.export(keeptune.ExportConfig(str(run), format, (quantization,)))
                except keeptune.KeeptuneError as error:
                    print(f"{name}, {format}: {error}")
                    break
            yield row(name, report)


def row(run: str, report: keeptune.ExportReport) -> dict[str, Any]:
    """What the table needs of a report."""
    abilities = {
        each.name: {
            "verdict": each.verdict,
            "scored": each.base,
            "exported": each.tuned,
            "changed": [each.rose + each.fell, each.items],
        }
        for each in report.abilities
    }
    return {
        "run": run,
        "format": report.format,
        "type": report.quantization,
        "tool": report.tool,
        "prompts": [report.prompts.count, report.prompts.of] if report.prompts else None,
        "answers": [report.answers.count, report.answers.of] if report.answers else None,
        "gate": report.gate,
        "abilities": abilities,
        "bytes": report.size,
        "tokens_per_second": round(report.tokens_per_second or 0.0, 1),
        "commit": report.manifest.commit,
    }


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The record as a table."""
    names = list(dict.fromkeys(name for row in rows for name in row["abilities"]))
    head = ["run", "format", "type", "asked by", "same prompts", "same answers", *names, "MB", "tokens/s"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for each in rows:
        scores = [_change(each["abilities"].get(name)) for name in names]
        shares = [
            "–" if each[what] is None else f"{each[what][0]} of {each[what][1]}" for what in ("prompts", "answers")
        ]
        size, speed = f"{each['bytes'] / 1e6:,.0f}", f"{each['tokens_per_second']:.0f}"
        cells = [each["run"], each["format"], each["type"], each["tool"] or "–", *shares, *scores, size, speed]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _change(found: Mapping[str, Any] | None) -> str:
    if found is None or found["scored"] is None or found["exported"] is None:
        return "–"
    change = f"{round(found['exported'] - found['scored'], 1) + 0.0:+.1f}".replace("-", "−")
    changed, items = found["changed"]
    return f"{change}, {found['verdict']} ({changed} of {items})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("build/exports"))
    parser.add_argument("--only", choices=RUNS, help="one run alone")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    rows = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    if not options.table:
        print(f"commit {source_commit()}")
        for name in RUNS:
            if options.only in (None, name):
                for found in exported(name, run_of(name, options.work.resolve())):
                    same = ("run", "format", "type")
                    rows = [each for each in rows if any(each[key] != found[key] for key in same)] + [found]
                    RESULTS.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(table(rows))


if __name__ == "__main__":
    main()
