"""Every command and flag that the code or the docs suggest exists. They are read from the sources, none is listed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from keeptune.cli.main import VERBS, keeptune
from tests.pasted import pasted

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src" / "keeptune").rglob("*.py"))
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
FLAG = re.compile(r"(?<![\w-])--([a-z][a-z0-9_-]*[a-z0-9])")
COMMAND = re.compile(r"(?:^|[`\s(])keeptune ([a-z]+)((?: [^`;:]*)?)")
OF_OTHERS = {
    "log-samples": "lm_eval",
    "apply-chat-template": "lm_eval",
    "always": "git",
    "abbrev": "git",
    "dirty": "git",
    "exclude": "git",
    "no-deps": "pip",
    "output-path": "lm_eval",
    "confirm-run-unsafe-code": "lm_eval",
    "upgrade": "pip",
    "target": "pip",
    "enable-lora": "vllm",
    "lora-modules": "vllm",
    "max-lora-rank": "vllm",
    "hf-path": "mlx_lm",
    "mlx-path": "mlx_lm",
    "quantize": "mlx_lm",
    "q-bits": "mlx_lm",
    "keeptune-report": "pytest",
    "keeptune-inconclusive": "pytest",
    "lora": "llama-server",
    "outfile": "llama.cpp's converter",
    "outtype": "llama.cpp's converter",
    "base": "llama.cpp's converter",
    "force-reinstall": "pip",
    "install": "xcode-select",
}
"""Flags of other programs."""


def texts(file: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of each string that is no docstring; what an f-string puts in is an X."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not {id(node)} & (inside | docs):
            yield node.lineno, node.value


def flags(command: click.Command) -> set[str]:
    found = {name.removeprefix("--") for p in command.params for name in (*p.opts, *p.secondary_opts)}
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            inner = command.get_command(click.Context(command), name)
            assert inner is not None
            found |= flags(inner)
    return found | {"help", "version"}


ALL = flags(keeptune)
SAID = [(f"{file.relative_to(ROOT)}:{line}", text) for file in SOURCES for line, text in texts(file)]


def test_every_flag_that_a_message_names_exists() -> None:
    named = [(where, name.replace("_", "-")) for where, text in SAID for name in FLAG.findall(text)]
    assert [(where, name) for where, name in named if name not in ALL and name not in OF_OTHERS] == []
    assert len(named) > 100


def test_every_command_that_a_message_names_has_its_flags() -> None:
    checked = 0
    for where, text in SAID:
        for verb, rest in COMMAND.findall(text):
            if verb not in VERBS:
                # "keeptune writes ..." is a sentence.
                assert not FLAG.search(rest), (where, text)
                continue
            command = keeptune.get_command(click.Context(keeptune), verb)
            assert command is not None
            assert set(FLAG.findall(rest)) <= flags(command), (where, text)
            checked += 1
    assert checked > 5


EXAMPLES = [
    pytest.param(line.strip(), id=f"{page.name}: {line.strip()[:50]}")
    for page in PAGES
    for block in re.findall(r"^```\w*\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)
    for line in block.replace("\\\n", " ").splitlines()
    if line.strip().startswith("keeptune ")
]


@pytest.mark.parametrize("line", EXAMPLES)
def test_every_command_of_the_docs_parses(line: str) -> None:
    verb, _ = pasted(re.sub(r"\s+#.*|\s{2,}.*", "", line))
    assert verb.split()[0] in VERBS
