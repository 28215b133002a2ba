"""Puts tables and drawings of the records into README.md, CONTRIBUTING.md and docs/: `python benchmarks/readme.py`.

`--check` changes nothing, and fails where pages and records differ. `results/demo.txt` is what `make demo` printed,
without the examples, which are the standard library's own text.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import abilities
import claims
import explanations
import exports
import faults_table
import fuzzing_table
import keeping_ablation_table
import keeping_candidates
import keeping_table
import lm_eval_logs
import measure_time
import mix
import model_case
import peers_table
import rescue_trl
import scale
import sequential_verdicts
import tasks
import verdict_grid
import versions
import vllm_loader
from earlier_words import read_record
from keeping_records import read_records

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
DEMO = tasks.RESULTS / "demo.txt"


def tables() -> dict[str, str]:
    """Mark → what the records print there."""
    found = {"tasks": tasks.table(), "model-case": model_case.table(), "claims": f"{claims.table()}\n\n{claims.said()}"}
    told = claims.judged()
    found |= {
        "claims-counted": claims.counted(told),
        "claim-pays": claims.said_of("500 examples pay", told),
        "claim-examples": claims.said_of("More examples bring more", told),
        "claim-lora": claims.said_of("LoRA forgets less than full fine-tuning", told),
    }
    kept = {
        "abilities": abilities,
        "explanations": explanations,
        "exports": exports,
        "faults": faults_table,
        "fuzzing": fuzzing_table,
        "lm-eval-logs": lm_eval_logs,
        "measure-time": measure_time,
        "mix": mix,
        "rescue-trl": rescue_trl,
        "scale": scale,
        "versions": versions,
        "vllm-loader": vllm_loader,
    }
    for name, benchmark in kept.items():
        if benchmark.RESULTS.exists():
            found[name] = benchmark.table(read_record(benchmark.RESULTS))
    peers = read_record(peers_table.RESULTS)
    found |= {
        "peers": peers_table.table(peers),
        "peers-own": peers_table.own(),
        "peers-evidence": peers_table.evidence(peers),
    }
    found["keeping"] = keeping_table.table()
    found["keeping-state"] = keeping_table.state()
    found["keeping-gain"] = keeping_table.share_of_gain()
    found["keeping-ablation"] = keeping_ablation_table.table(read_records(keeping_ablation_table.RESULTS))
    found["keeping-candidates"] = keeping_table.table(keeping_candidates.RESULTS)
    found["verdict-grid"] = verdict_grid.headline(json.loads(verdict_grid.RESULTS.read_text(encoding="utf-8")))
    found["sequential"] = sequential_verdicts.text(json.loads(sequential_verdicts.RESULTS.read_text(encoding="utf-8")))
    if DEMO.exists():
        found["demo-output"] = f"```\n{DEMO.read_text(encoding='utf-8').strip()}\n```"
    return found


def speed() -> dict[str, dict[str, str]]:
    """What the scripts in `speed/` print and draw: {"parts": mark → text, "drawings": file → SVG}."""
    table = Path(__file__).parent / "speed" / "table.py"
    done = subprocess.run([sys.executable, str(table), "--json"], stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    return found


def filled(text: str, parts: dict[str, str]) -> str:
    """A page with every marked part replaced by what its records print: between lines, or within one."""
    for name, part in parts.items():
        marked = re.compile(rf"(<!-- {name}: begin -->(\n?)).*?(<!-- {name}: end -->)", re.S)
        text = marked.sub(lambda found, part=part: f"{found[1]}{part}{found[2]}{found[3]}", text)
    return text


def main() -> None:
    """Write, or with --check compare."""
    fast = speed()
    parts = tables() | fast["parts"]
    drawings = fast["drawings"] | keeping_ablation_table.drawings()
    made = {page: filled(page.read_text(encoding="utf-8"), parts) for page in PAGES}
    made |= {ROOT / "docs" / "images" / name: drawn for name, drawn in drawings.items()}
    for file, text in made.items():
        if "--check" not in sys.argv:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            sys.exit(f"{file.name} differs from the records: run `python benchmarks/readme.py`")


if __name__ == "__main__":
    main()
