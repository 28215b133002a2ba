"""The built-in task: summarise a Python function of the standard library in one sentence.

The rows are read at run time from the source of the interpreter's own standard library: the prompt is a
function without its docstring, the completion is the docstring's first sentence. Nothing is downloaded or
shipped.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import re
import sys
import sysconfig
import textwrap
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from keeptune.errors import DataError
from keeptune.records import Example, Message

TASK = "function-summary"
PROMPT = "Summarize what this Python function does in one sentence.\n\n```python\n{source}\n```"

TRAIN, TEST = 500, 120
MIN_LINES = 3
MAX_CHARACTERS = 700
"""Of the function without its docstring: about 60 to 220 tokens, so that a CPU learns 500 in minutes."""
MIN_WORDS, MAX_WORDS = 4, 25
MAX_SHARE = 0.12
"""Of one side that may come from one package."""
MIN_TEST_PACKAGES = 40
"""An interval over packages needs 30 clusters at least; a few may turn out to have no difference."""
LARGE = 30
"""A package with more functions than this is never in test."""
NEAR = 0.8
"""Jaccard similarity from which two functions, or two sentences, count as the same one."""

_LEFT_OUT = frozenset(
    # Tests, graphical programs, other people's code.
    {"test", "tests", "idle_test", "idlelib", "tkinter", "turtle", "turtledemo", "lib2to3", "ensurepip"}
    | {"site-packages", "dist-packages", "lib-dynload", "__pycache__"}
    # Tables written by a program, names kept for old imports, jokes.
    | {"encodings", "pydoc_data", "opcode", "_opcode_metadata", "symbol", "token", "keyword", "sre_constants"}
    | {"nturl2path", "this", "antigravity", "__hello__", "__phello__"}
)
_LEFT_OUT_PREFIXES = ("turtle", "config-", "_sysconfigdata", "_test", "lib-")

_PACKAGE_OF = {
    # Modules that are the hidden half of another, or share its text.
    "_collections_abc": "collections",
    "_compat_pickle": "pickle",
    "_sitebuiltins": "site",
    "_strptime": "datetime",
    "_threading_local": "threading",
    "_weakrefset": "weakref",
    "genericpath": "os",
    "ntpath": "os",
    "pickletools": "pickle",
    "posixpath": "os",
    "sre_compile": "re",
    "sre_parse": "re",
}

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
_CODE_TOKEN = re.compile(r"\w+|[^\w\s]")

_FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class _Function:
    id: str
    package: str
    source: str
    summary: str
    where: str


def stdlib_examples(
    train: int = TRAIN, test: int = TEST, seed: int = 0
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """`train` and `test` functions of the standard library, no package on both sides, in a seeded order.

    A package is a top-level module or package. Packages and functions are drawn by the hash of their names,
    so another version of Python gives other rows only where its library differs; fewer rows
    are a part of more.

    Raises:
        DataError: the library's source is not on this machine, or holds fewer functions than asked for.
    """
    by_package: dict[str, list[_Function]] = defaultdict(list)
    for function in _pool(library_folder()):
        by_package[function.package].append(function)
    for name, functions in by_package.items():
        by_package[name] = sorted(functions, key=lambda function: _hash(seed, function.id))

    order = sorted(by_package, key=lambda name: _hash(seed, "package", name))
    test_names = _test_packages({name: len(by_package[name]) for name in order}, test)
    sides = []
    for side, want in (("train", train), ("test", test)):
        packages = [by_package[name] for name in order if (name in test_names) == (side == "test")]
        sides.append(_balanced(packages, want, side, seed))
    return sides[0], sides[1]


def library_folder() -> Path:
    """Where the standard library's source is.

    Raises:
        DataError: it is not on this machine as plain files.
    """
    folder = Path(sysconfig.get_path("stdlib"))
    # A zipped or stripped library has no source of even these three.
    if not all((folder / name).is_file() for name in ("ast.py", "textwrap.py", "json/decoder.py")):
        raise DataError(
            f"the source of Python's standard library is not in {folder}, and the built-in task is made from it",
            "run keeptune with a Python whose library is plain .py files (python.org, a Linux distribution, "
            "uv, conda), or tune on rows of your own: keeptune tune --train FILE",
        )
    return folder


@functools.cache
def _pool(folder: Path) -> tuple[_Function, ...]:
    """Every function to draw from. Reading them takes seconds, so a process does it once."""
    return tuple(_without_repeats(_eligible(folder)))


def modules(folder: Path) -> Iterator[tuple[str, Path]]:
    """(dotted name, path) of every module that the task may draw from, in the order of the names."""
    pending = [folder]
    found: list[tuple[str, Path]] = []
    while pending:
        for path in pending.pop().iterdir():
            stem = path.name.removesuffix(".py")
            if stem in _LEFT_OUT or stem.startswith(_LEFT_OUT_PREFIXES):
                continue
            if path.is_dir():
                if (path / "__init__.py").is_file():
                    pending.append(path)
            elif path.suffix == ".py":
                name = ".".join(path.relative_to(folder).with_suffix("").parts)
                found.append((name.removesuffix(".__init__"), path))
    # A module that begins with "_" comes last: where it repeats a public one, the public one is kept.
    yield from sorted(found, key=lambda item: (item[0].startswith("_"), item[0]))


def package_of(module: str) -> str:
    """The public top-level package that a module belongs to: `_pydecimal` is part of `decimal`."""
    top = module.partition(".")[0]
    if top in _PACKAGE_OF:
        return _PACKAGE_OF[top]
    for prefix in ("_py", "_"):
        public = top.removeprefix(prefix)
        if public != top and public in sys.stdlib_module_names:
            return public
    return top


def _eligible(folder: Path) -> Iterator[_Function]:
    for module, path in modules(folder):
        try:
            with tokenize.open(path) as file:
                text = file.read()
            tree = ast.parse(text)
        except (SyntaxError, UnicodeDecodeError):
            continue  # a template or a fixture, not a module
        lines = text.splitlines()
        for qualname, node in _functions(tree, ""):
            summary = _summary(node)
            source = _source(node, lines) if summary else None
            if summary and source and not _gives_away(summary, source):
                name = f"{module}.{qualname}"
                yield _Function(name, package_of(module), source, summary, f"{module}:{node.lineno}")


def _functions(parent: ast.AST, prefix: str) -> Iterator[tuple[str, _FunctionNode]]:
    """Functions and methods with their qualified names; functions inside functions are left out."""
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")
        elif isinstance(node, (ast.If, ast.Try)):
            yield from _functions(node, prefix)


def _summary(node: _FunctionNode) -> str | None:
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


def _source(node: _FunctionNode, lines: Sequence[str]) -> str | None:
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
    return f" {_normal(summary)} " in f" {_normal(source)} "


def _normal(text: str) -> str:
    return " ".join(_WORD.findall(text.lower()))


def _without_repeats(functions: Iterator[_Function]) -> list[_Function]:
    """The first of every set of functions with the same id, sentence or code, or nearly so."""
    ids: set[str] = set()
    sentences, codes = _SeenTexts(), _SeenTexts()
    kept = []
    for function in functions:
        words = _normal(function.summary).split()
        # The name in the first line is left aside: two methods of one body differ in nothing else.
        tokens = _CODE_TOKEN.findall(function.source.replace(function.id.rpartition(".")[2], "f", 1))
        if function.id in ids or sentences.has(words, 2) or codes.has(tokens, 3):
            continue
        ids.add(function.id)
        sentences.add(words, 2)
        codes.add(tokens, 3)
        kept.append(function)
    return kept


class _SeenTexts:
    """Texts so far, as sets of shingles, with an index from shingle to text: exact Jaccard, no sketch."""

    def __init__(self) -> None:
        self._sizes: list[int] = []
        self._index: dict[tuple[str, ...], list[int]] = defaultdict(list)

    @staticmethod
    def _shingles(tokens: Sequence[str], size: int) -> set[tuple[str, ...]]:
        return {tuple(tokens[i : i + size]) for i in range(max(1, len(tokens) - size + 1))}

    def add(self, tokens: Sequence[str], size: int) -> None:
        shingles = self._shingles(tokens, size)
        for shingle in shingles:
            self._index[shingle].append(len(self._sizes))
        self._sizes.append(len(shingles))

    def has(self, tokens: Sequence[str], size: int) -> bool:
        shingles = self._shingles(tokens, size)
        shared = Counter(text for shingle in shingles for text in self._index.get(shingle, ()))
        return any(count >= NEAR * (len(shingles) + self._sizes[text] - count) for text, count in shared.items())


def _test_packages(counts: Mapping[str, int], test: int) -> set[str]:
    """The first packages of `counts` that fill the test side and are enough clusters for an interval.

    Large packages stay in train, which needs them more.
    """
    test = max(test, TEST)
    names: set[str] = set()
    room = 0
    for name, count in counts.items():
        if room >= test and len(names) >= MIN_TEST_PACKAGES:
            break
        if count <= LARGE:
            names.add(name)
            room += min(count, _cap(test))
    return names


def _cap(want: int) -> int:
    return max(1, int(MAX_SHARE * want))


def _balanced(packages: Sequence[Sequence[_Function]], want: int, side: str, seed: int) -> tuple[Example, ...]:
    """`want` functions, one more from every package in turn, none giving more than its share."""
    cap = _cap(want)
    turns = (functions[turn] for turn in range(cap) for functions in packages if turn < len(functions))
    chosen = [function for function, _ in zip(turns, range(want), strict=False)]
    if len(chosen) < want:
        raise DataError(
            f"the standard library of Python {sys.version.split()[0]} gives {len(chosen)} functions "
            f"for {side}, {want} were asked for",
            f"ask for {len(chosen)} or fewer",
        )
    return tuple(_example(function) for function in sorted(chosen, key=lambda f: _hash(seed, "order", f.id)))


def _example(function: _Function) -> Example:
    return Example(
        id=function.id,
        prompt=(Message("user", PROMPT.format(source=function.source)),),
        completion=function.summary,
        references=(function.summary,),
        group=function.package,
        task=TASK,
        source=function.where,
    )


def _hash(*parts: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()
