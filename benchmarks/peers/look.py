"""What peers' own files say, looked up again: `python benchmarks/peers/look.py FOLDER …`

Each FOLDER holds one unpacked wheel, or is the `site-packages` of an environment. What `sources.yaml` names must stand
in the file, and no Python file may hold a pattern that is said to be not found; else nothing is written. A row that was
run here keeps what the run showed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from record import RESULTS, excerpt, keep

SOURCES = Path(__file__).parent / "sources.yaml"


def words(text: str) -> str:
    """The text with every run of white space as one space."""
    return " ".join(text.split())


class Package:
    """One peer's files: the folder they lie in, and the version that its METADATA names."""

    def __init__(self, root: Path, name: str, folders: list[str]) -> None:
        self.root = root
        (self.metadata,) = root.glob(f"{name}-*.dist-info/METADATA")
        self.version = self.metadata.parent.name.removeprefix(f"{name}-").removesuffix(".dist-info")
        self.folders = folders
        self.files = sum(1 for folder in folders for _ in (root / folder).rglob("*.py"))

    def text(self, file: str) -> str:
        """One file's text; METADATA is the project's own description."""
        path = self.metadata if file == "METADATA" else self.root / file
        return path.read_text(encoding="utf-8")

    def search(self, pattern: str) -> list[str]:
        """Where the Python files hold the pattern, in any case."""
        command = ["grep", "--recursive", "--ignore-case", "--extended-regexp", "--include=*.py", "--", pattern]
        plain = os.environ | {"LC_ALL": "C"}
        done = subprocess.run([*command, *self.folders], cwd=self.root, stdout=subprocess.PIPE, env=plain, check=False)
        if done.returncode > 1:
            sys.exit(f"grep cannot search {self.folders} for {pattern}")
        return done.stdout.decode("utf-8", errors="replace").splitlines()


def entry(package: Package, said: list[str]) -> tuple[dict[str, Any], str]:
    """What the record keeps of one row, and what is wrong with it."""
    verdict, *rest = said
    if verdict in ("not tried", "outside"):
        return {"verdict": verdict, "evidence": verdict, "where": "", "excerpt": rest[0]}, ""
    if verdict == "not found":
        found = package.search(rest[0])
        kept = {"verdict": verdict, "evidence": "searched", "where": f"{package.files} files", "excerpt": rest[0]}
        return kept, f"{rest[0]} is in {found[:3]}" if found or not package.files else ""
    file, quoted = rest
    wrong = "" if words(quoted) in words(package.text(file)) else f"{file} does not hold: {quoted}"
    return {"verdict": verdict, "evidence": "read", "where": file, "excerpt": excerpt(quoted)}, wrong


def main() -> None:
    """Look all rows of all peers up, and keep them if nothing is wrong."""
    roots = [Path(folder) for folder in sys.argv[1:]]
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    run = {(each["peer"], each["row"]) for each in kept if each["evidence"] == "run"}
    entries, wrong = [], []
    for peer, said in yaml.safe_load(SOURCES.read_text(encoding="utf-8")).items():
        root = next((root for root in roots if any(root.glob(f"{said['package']}-*.dist-info"))), None)
        if root is None:
            sys.exit(f"no folder holds {said['package']}")
        package = Package(root, said["package"], said["folders"])
        why, outside = said.get("outside", ("", []))
        for row, words_of_row in ({name: ["outside", why] for name in outside} | said["rows"]).items():
            found, problem = entry(package, words_of_row)
            wrong += [f"{peer}, {row}: {problem}"] if problem else []
            if (peer, row) not in run:
                entries.append({"peer": peer, "version": package.version, "row": row} | found)
    if wrong:
        sys.exit("\n".join(wrong))
    keep(entries)
    print(f"{len(entries)} entries")


if __name__ == "__main__":
    main()
