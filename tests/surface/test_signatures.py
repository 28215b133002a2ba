"""Rules for signatures and types that hold in all of `src`: few parameters, no casts, no changed records."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import keeptune

SOURCE = Path(__file__).parents[2] / "src"
MOST_PARAMETERS = 6
MOST_LINES_OF_A_VERB = 120


def nodes(*kinds: type[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    """(place, node) of every node of these kinds."""
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, kinds):
                yield f"{file.relative_to(SOURCE)}:{getattr(node, 'lineno', 0)}", node


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """All but `self`: positional, keyword-only, and ``*`` and ``**`` as one each."""
    told = function.args
    names = [each.arg for each in (*told.posonlyargs, *told.args)]
    more = [each.arg for each in (*told.kwonlyargs, told.vararg, told.kwarg) if each]
    return [*(names[1:] if names[:1] in (["self"], ["cls"]) else names), *more]


def test_no_function_has_more_than_six_parameters() -> None:
    found = {
        f"{place} {node.name}": len(parameters(node))
        for place, node in nodes(ast.FunctionDef, ast.AsyncFunctionDef)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert {name: count for name, count in found.items() if count > MOST_PARAMETERS} == {}


def test_no_type_is_claimed_by_cast() -> None:
    def is_cast(call: ast.Call) -> bool:
        return ast.unparse(call.func) in ("cast", "typing.cast")

    assert [place for place, node in nodes(ast.Call) if isinstance(node, ast.Call) and is_cast(node)] == []


def test_a_verb_is_short() -> None:
    verbs = (SOURCE / "keeptune" / "api").glob("*.py")
    lines = {file.name: len(file.read_text(encoding="utf-8").splitlines()) for file in verbs}
    assert {name: count for name, count in lines.items() if count > MOST_LINES_OF_A_VERB} == {}


def test_no_public_name_is_a_subpackage_too() -> None:
    """Importing `keeptune.NAME` puts the module in the place of the function."""
    inner = {each.stem if each.is_file() else each.name for each in (SOURCE / "keeptune").iterdir()}
    assert inner & set(keeptune.__all__) == set()
