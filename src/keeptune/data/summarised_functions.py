"""Functions whose docstring begins with a one-sentence summary, and their source without the docstring."""

from __future__ import annotations

import ast
import re
import textwrap
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from keeptune.data.stdlib_modules import modules, package_of

MIN_LINES = 3
MAX_CHARACTERS = 700
"""Of the function without its docstring: about 60 to 220 tokens, so that a CPU learns 500 in minutes."""
MIN_WORDS, MAX_WORDS = 4, 25
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf|resp|incl|approx)\.", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?](?=\s+[A-Z\"'`(*]|\s*$)")
_UNMARKED_END = re.compile(r"[\w)]\s*\n\s*(?:[A-Z][a-z]|[-*@:])")
"""A line that ends like a word before one that begins like a sentence: where the summary ends is open."""
_NOT_A_SUMMARY = re.compile(
    r"^(?:see|like|same as|as for|ditto|alias|todo|xxx|fixme|test|overrid|deprecated|undocumented)\b"
    r"|\binternal|>>>|->|::|https?:|\bXXX\b|\bTODO\b|^\w*[_.(:]\S*",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")

_FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class SummarisedFunction:
    """One function."""

    id: str
    package: str
    source: str
    summary: str
    where: str


def summarised_functions(folder: Path) -> Iterator[SummarisedFunction]:
    """Every function of the library in `folder` that the task may ask about."""
    for module, path in modules(folder):
        try:
            with tokenize.open(path) as file:
                text = file.read()
            tree = ast.parse(text)
        except (SyntaxError, UnicodeDecodeError):
            continue  # a template or a fixture, not a module
        lines = text.splitlines()
        for qualname, node in _functions(tree, ""):
            summary = summary_of(node)
            source = source_of(node, lines) if summary else None
            if summary and source and not _gives_away(summary, source):
                name = f"{module}.{qualname}"
                yield SummarisedFunction(name, package_of(module), source, summary, f"{module}:{node.lineno}")


def _functions(parent: ast.AST, prefix: str) -> Iterator[tuple[str, _FunctionNode]]:
    """Functions and methods with their qualified names; functions inside functions are left out."""
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")
        elif isinstance(node, (ast.If, ast.Try)):
            yield from _functions(node, prefix)


def summary_of(node: _FunctionNode) -> str | None:
    """The docstring's first sentence, with a capital and a full stop; None where it is not a real one."""
    docstring = ast.get_docstring(node)
    if not docstring:
        return None
    paragraph = docstring.split("\n\n", 1)[0]
    sentence = _first_sentence(" ".join(paragraph.split()))
    if (
        not MIN_WORDS <= len(sentence.split()) <= MAX_WORDS
        or not sentence[0].isalpha()
        or sentence.endswith((":", ",", ";", "...", "?"))
        or _NOT_A_SUMMARY.search(sentence)
        or _UNMARKED_END.search(paragraph)
        or re.search(r"[.!?]\s", _ABBREVIATION.sub("", sentence))
        or re.match(rf"{re.escape(node.name)}\b", sentence)
        or sentence.count("(") != sentence.count(")")
        or any(sentence.count(mark) % 2 for mark in '"`')
    ):
        return None
    sentence = sentence[0].upper() + sentence[1:]
    return sentence if sentence.endswith((".", "!")) else sentence + "."


def _first_sentence(paragraph: str) -> str:
    for end in _SENTENCE_END.finditer(paragraph):
        sentence = paragraph[: end.end()]
        if end.end() == len(paragraph) or not _ABBREVIATION.sub("", sentence).endswith(" "):
            return sentence
    return paragraph


def source_of(node: _FunctionNode, lines: Sequence[str]) -> str | None:
    """The function's own text without its docstring, dedented; None where it does not suit."""
    docstring, rest = node.body[0], node.body[1:]
    if not _does_something(rest):
        return None
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
    start, end = docstring.lineno - 1, (docstring.end_lineno or docstring.lineno) - 1
    # ast counts columns in UTF-8 bytes.
    before = lines[start].encode()[: docstring.col_offset]
    after = lines[end].encode()[docstring.end_col_offset :]
    if before.strip() or after.strip():
        return None
    head, body = lines[first:start], lines[end + 1 : node.end_lineno]
    while body and not body[0].strip():
        body = body[1:]
    source = textwrap.dedent("\n".join([*head, *body])).expandtabs(4).rstrip()
    if source[:1].isspace() or source.count("\n") + 1 < MIN_LINES or len(source) > MAX_CHARACTERS:
        return None
    return None if _inner_docstring(node) else source


def _does_something(body: Sequence[ast.stmt]) -> bool:
    """Whether a body, docstring aside, is more than `pass`, `...`, a string or one `raise`."""
    for statement in body:
        if isinstance(statement, ast.Pass):
            continue
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue
        return not (isinstance(statement, ast.Raise) and len(body) == 1)
    return False


def _inner_docstring(node: _FunctionNode) -> bool:
    """Whether a string stands as a statement anywhere but first: another docstring, or text in its place."""
    return any(
        isinstance(child, ast.Expr)
        and child is not node.body[0]
        and isinstance(child.value, ast.Constant)
        and isinstance(child.value.value, str)
        for child in ast.walk(node)
    )


def _gives_away(summary: str, source: str) -> bool:
    """Whether a comment or message in the source says the summary's words in the summary's order."""
    return f" {plain_words(summary)} " in f" {plain_words(source)} "


def plain_words(text: str) -> str:
    """The words of `text` in lower case, with spaces between."""
    return " ".join(_WORD.findall(text.lower()))
