"""The table in docs/exit-codes.md is that of the code."""

from __future__ import annotations

import ast
import re
import signal
from pathlib import Path

import click

from keeptune import errors
from keeptune.cli import check, compare, doctor, init, main, reproduce
from keeptune.forgetting.gate import EXIT_CODES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
CLI = ROOT / "src" / "keeptune" / "cli"


def told() -> dict[int, str]:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", PAGE, re.M)
    assert len(rows) == len(dict(rows))
    return {int(code): meaning for code, meaning in rows}


def of_errors() -> dict[str, int]:
    kinds = (kind for kind in vars(errors).values() if isinstance(kind, type))
    return {kind.__name__: kind.exit_code for kind in kinds if issubclass(kind, errors.KeeptuneError)}


def branches(value: ast.expr | None) -> list[ast.expr | None]:
    return [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]


def test_every_code_is_in_the_table() -> None:
    codes = {0, *of_errors().values(), click.UsageError.exit_code, *EXIT_CODES.values(), main.INTERRUPTED}
    codes |= {check.BAD_DATA, init.BAD_DATA, compare.FAILED, doctor.SOMETHING_STOPS_A_RUN, reproduce.DIFFERS}
    codes |= {errors.Stopped(number).exit_code for number in (signal.SIGINT, signal.SIGTERM)}
    assert set(told()) == codes


def test_no_verb_returns_a_bare_number_but_0() -> None:
    trees = ((file.name, ast.parse(file.read_text(encoding="utf-8"))) for file in CLI.glob("*.py"))
    returns = [(name, node.value) for name, tree in trees for node in ast.walk(tree) if isinstance(node, ast.Return)]
    parts = [(name, part) for name, value in returns for part in branches(value)]
    numbers = [(name, part.lineno, part.value) for name, part in parts if isinstance(part, ast.Constant)]
    returned = [(name, line) for name, line, value in numbers if type(value) is int and value]
    assert len(returns) > 20
    assert returned == []


def test_what_the_table_says_of_each() -> None:
    meaning = told()
    assert of_errors()["ConfigError"] == of_errors()["DataError"] == of_errors()["ModelError"] == 2
    for word in ("settings", "data", "models", "check", "init"):
        assert word in meaning[2], word
    assert "doctor" in meaning[1]
    assert "lost" in meaning[EXIT_CODES["fail"]]
    assert "reproduce" in meaning[reproduce.DIFFERS]
    assert "inconclusive" in meaning[EXIT_CODES["inconclusive"]]
    assert "Ctrl-C" in meaning[130]
    assert "SIGTERM" in meaning[143]
