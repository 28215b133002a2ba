"""A first use, from two CSV files as people save them to a report and answers to new rows: the transcript.

    python benchmarks/first_use.py [--work build/first-use]            writes docs/first-use.md

One file is as Excel saves it in German settings (semicolons, Windows-1252, decimal commas, empty rows at the end), the
other as pandas does by default (an index column without a name). Their texts are the Python standard library's own,
read when this runs. One training is killed by SIGKILL, the other interrupted, and each is resumed by the command that
keeptune printed, read out of its output. The page holds what the commands printed.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas

from keeptune.data.stdlib_functions import stdlib_examples

PAGE = Path(__file__).parent.parent / "docs" / "first-use.md"
AREAS = {
    "Netz": (
        "asyncio",
        "email",
        "ftplib",
        "http",
        "imaplib",
        "mailbox",
        "poplib",
        "smtplib",
        "socket",
        "ssl",
        "urllib",
    ),
    "Dateien": ("fileinput", "gzip", "os", "pathlib", "shutil", "tarfile", "tempfile", "zipfile", "zipimport"),
    "Prüfen": ("ast", "bdb", "dis", "doctest", "inspect", "pdb", "pyclbr", "trace", "unittest"),
    "Zahlen & Größen": ("calendar", "datetime", "decimal", "fractions", "ipaddress", "random", "statistics", "uuid"),
}
"""Label → the packages whose functions have it."""
ROWS_OF_A_LABEL = 78
NEW_ROWS = 12
COLUMNS = 100
WAIT_SECONDS = 1800.0
"""For the first checkpoint of a training."""


def write_excel(folder: Path) -> None:
    """`anfragen.csv` to train on and `neue.csv` without labels: Excel's "CSV" in German settings."""
    area_of = {package: area for area, packages in AREAS.items() for package in packages}
    seen: Counter[str] = Counter()
    rows = []
    for side in stdlib_examples(1000, 200):
        for example in side:
            area = area_of.get(example.group)
            if area is not None and seen[area] < ROWS_OF_A_LABEL:
                seen[area] += 1
                length = f"{len(example.completion) / 10:.1f}".replace(".", ",")
                rows.append((example.completion, area, length))
    _save_excel(folder / "anfragen.csv", rows[NEW_ROWS:])
    _save_excel(folder / "neue.csv", [(text, "", length) for text, _, length in rows[:NEW_ROWS]])


def _save_excel(path: Path, rows: Sequence[tuple[str, str, str]]) -> None:
    made = io.StringIO()
    writer = csv.writer(made, delimiter=";", lineterminator="\r\n")
    writer.writerow(("Beschreibung", "Bereich", "Länge"))
    writer.writerows([*rows, ("", "", ""), ("", "", "")])
    path.write_bytes(made.getvalue().encode("cp1252"))


def write_pandas(folder: Path) -> None:
    """`functions.csv` to train on and `new_functions.csv` without summaries, by `DataFrame.to_csv` as it comes."""
    train, test = stdlib_examples(200, NEW_ROWS)
    rows = [{"text": example.prompt_text, "summary": example.completion} for example in train]
    pandas.DataFrame(rows).to_csv(folder / "functions.csv")
    pandas.DataFrame([{"text": example.prompt_text} for example in test]).to_csv(folder / "new_functions.csv")


class Terminal:
    """Runs commands in `folder` and keeps what they printed, as Markdown."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.page: list[str] = []
        self.environment = {**os.environ, "COLUMNS": str(COLUMNS), "NO_COLOR": "1", "TERM": "dumb"}

    def say(self, text: str) -> None:
        self.page.append(f"\n{text}\n")

    def run(self, command: str, expect: Sequence[int] = (0,), stop: signal.Signals | None = None) -> str:
        """The output of `command`.

        Args:
            expect: the exit codes at which the transcript goes on.
            stop: send this as soon as the training has a checkpoint, and end.
        """
        print(f"$ {command}", flush=True)
        process = subprocess.Popen(
            f"exec {command}",
            shell=True,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if stop is not None:
            self._wait_for_checkpoint(process)
            process.send_signal(stop)
        output = process.communicate()[0]
        print(output, flush=True)
        end = "" if process.returncode == 0 else f"\n(exit code {process.returncode})"
        shown = output.strip().replace(str(self.folder), ".").replace(str(Path.home()), "~")
        self.page.append(f"```\n$ {command}\n{shown}{end}\n```")
        if stop is None and process.returncode not in expect:
            raise SystemExit(f"{command!r} ended with {process.returncode}")
        return output

    def _wait_for_checkpoint(self, process: subprocess.Popen[str]) -> None:
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end and process.poll() is None:
            if list(self.folder.glob("runs/**/checkpoint-*")):
                return
            time.sleep(0.2)
        output = process.communicate()[0]
        raise SystemExit(f"{output}\nthe training ended before its first checkpoint")


def printed_command(output: str) -> str:
    """The command to resume by, as it stands in the output, unwrapped."""
    found = re.search(r"keeptune tune .*?--resume\b", " ".join(output.split()))
    if found is None:
        raise SystemExit("no resume command was printed")
    return found[0]


def first_use(work: Path) -> Terminal:
    """Both files, from a check to answers for new rows."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    write_excel(work)
    write_pandas(work)
    terminal = Terminal(work.resolve())
    terminal.say("## A table from Excel, with labels")
    terminal.say("300 rows. What keeptune reads in them before any model loads, and the settings of a first run:")
    fields = "--prompt '{Beschreibung}' --completion Bereich"
    terminal.run(f"keeptune init anfragen.csv {fields} --keep sentiment --output bereiche.yaml")
    terminal.run("cat bereiche.yaml")
    terminal.say("The training, killed by `kill -9` as soon as it has a checkpoint:")
    name = "runs/bereiche"
    start = f"keeptune tune --config bereiche.yaml --output {name}"
    terminal.run(start, stop=signal.SIGKILL)
    terminal.say("The same command again refuses to overwrite it, and says how it goes on:")
    told = terminal.run(start, expect=(1, 2))
    terminal.run(printed_command(told), expect=(0, 3, 4))
    terminal.say("Answers to rows without labels:")
    terminal.run(f"keeptune predict --model {name} neue.csv --output antworten.csv")
    terminal.run("head -n 4 antworten.csv")
    terminal.say("The model for other tools, which then answer the same items:")
    terminal.run(f"keeptune export {name} safetensors", expect=(0, 3, 4))
    terminal.say("## A table from pandas")
    terminal.run("keeptune check --train functions.csv")
    terminal.say("The training, interrupted by Ctrl-C:")
    start = "keeptune tune --train functions.csv --output runs/functions"
    told = terminal.run(start, stop=signal.SIGINT)
    terminal.run(printed_command(told), expect=(0, 3, 4))
    terminal.run("keeptune predict --model runs/functions new_functions.csv --output summaries.csv")
    terminal.run("keeptune runs")
    return terminal


def main() -> None:
    """Run it and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("build/first-use"))
    terminal = first_use(parser.parse_args().work)
    head = "# A first use\n\nPrinted by `python benchmarks/first_use.py`, with the built-in model, on two CPU cores.\n"
    PAGE.write_text(head + "\n".join(terminal.page).replace("\n\n\n", "\n\n") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
