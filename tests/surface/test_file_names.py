"""Only `keeptune.workspace` knows the names of the files in a run folder."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import keeptune
from keeptune.workspace import layout

SOURCE = Path(keeptune.__file__).parent
WORDS = (layout.ADAPTER, layout.MODEL, layout.START, layout.SEARCH_TRIAL, layout.WHOLE, layout.BEST, layout.CANDIDATES)
WORDS += (layout.SAMPLES, layout.ABILITIES, layout.TRIALS, *layout.EARLIER_NAMES.values())
"""Names that are words of their own: they are looked for in paths alone."""
OF_OTHERS = (layout.ADAPTER_CONFIG, layout.CONFIG, layout.LOCK)
"""Names of files that are not of a run, too: a model's settings, an adapter's, and locks."""
FILES = {
    value
    for name, value in vars(layout).items()
    if name.isupper() and isinstance(value, str) and value not in (*WORDS, *OF_OTHERS)
}
"""Names that nothing else has."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(SOURCE.rglob("*.py")):
        if "workspace" not in file.relative_to(SOURCE).parts:
            yield file.relative_to(SOURCE).as_posix(), ast.parse(file.read_text(encoding="utf-8"))


def texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_there_are_names_to_look_for() -> None:
    assert {"rows.json", "result.json", "forgetting.json", "checkpoint-", "report.html", "trained_on.txt"} <= FILES


def test_no_other_module_imports_the_names() -> None:
    importing = [
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if (isinstance(node, ast.ImportFrom) and node.module == "keeptune.workspace.layout")
        or (isinstance(node, ast.ImportFrom) and node.module == "keeptune.workspace" and "layout" in ast.dump(node))
    ]
    assert importing == []


def test_no_other_module_spells_a_file_name() -> None:
    # A docstring is longer than a name.
    spelled = [(name, text) for name, tree in modules() for text in texts(tree) if text in FILES]
    assert spelled == []


def test_no_other_module_joins_a_path_with_a_name() -> None:
    joined = [
        (name, text)
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
        for text in texts(node.right)
        if text in (*WORDS, *FILES) or text.startswith(layout.CHECKPOINT_START)
    ]
    assert joined == []
