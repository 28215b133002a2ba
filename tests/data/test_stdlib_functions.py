import ast
import re
import sysconfig
from collections import Counter
from pathlib import Path

import pytest

from keeptune.data import stdlib_functions
from keeptune.data.stdlib_functions import stdlib_examples
from keeptune.data.stdlib_modules import package_of
from keeptune.data.summarised_functions import source_of, summary_of
from keeptune.errors import DataError
from keeptune.records import Example


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def code(example: Example) -> str:
    found = re.fullmatch(
        r"Summarize what this Python function does in one sentence\.\n\n```python\n(.*)\n```",
        example.prompt_text,
        re.DOTALL,
    )
    assert found, example.prompt_text
    return found[1]


@pytest.fixture(scope="module")
def sides() -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    return stdlib_examples()


@pytest.fixture(scope="module")
def both(sides: tuple[tuple[Example, ...], tuple[Example, ...]]) -> tuple[Example, ...]:
    return sides[0] + sides[1]


def test_the_sizes_asked_for(sides):
    assert [len(side) for side in sides] == [500, 120]


def test_packages_are_disjoint_and_none_dominates(sides):
    groups = [Counter(example.group for example in side) for side in sides]
    assert not set(groups[0]) & set(groups[1])
    for side, count in zip(sides, groups, strict=True):
        assert max(count.values()) <= 0.12 * len(side)
    assert len(groups[1]) >= 30, "too few clusters for an interval"


def test_no_docstring_survives_in_a_prompt(both):
    for example in both:
        source, sentence = code(example), example.completion
        assert sentence not in source, example.id
        assert " ".join(words(sentence)) not in " ".join(words(source)), example.id
        (function,) = ast.parse(source).body
        assert ast.get_docstring(function) is None, example.id


def test_a_prompt_is_the_function_itself_but_for_the_docstring(both):
    for example in both:
        module = example.source.partition(":")[0]
        stem = Path(sysconfig.get_path("stdlib"), *module.split("."))
        path = stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")
        wanted = example.id.removeprefix(module + ".").split(".")
        (function,) = ast.parse(code(example)).body
        assert isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        assert function.name == wanted[-1]
        originals = [
            node
            for node in ast.walk(ast.parse(path.read_bytes()))
            if isinstance(node, type(function)) and node.name == function.name
        ]
        for original in originals:
            original.body = original.body[1:]
        assert ast.dump(function) in [ast.dump(original) for original in originals], example.id


def test_each_completion_is_one_sentence(both):
    for example in both:
        sentence = example.completion
        assert sentence[0].isupper(), example.id
        assert sentence[-1] in ".!", example.id
        assert 4 <= len(sentence.split()) <= 25, example.id
        assert "\n" not in sentence
        assert ">>>" not in sentence
        assert not sentence.startswith("See ")
        assert example.references == (sentence,)


def test_rows_are_short_and_say_where_they_come_from(both):
    for example in both:
        source = code(example)
        assert len(source) <= 700
        assert source.count("\n") >= 2
        module, _, line = example.source.partition(":")
        assert example.id.startswith(module + ".")
        assert int(line) > 0
        assert example.task == "function-summary"
        assert [message.role for message in example.prompt] == ["user"]


def test_no_repeats(both):
    assert len({example.id for example in both}) == len(both)
    assert len({" ".join(words(example.completion)) for example in both}) == len(both)
    bodies = {ast.dump(ast.Module(ast.parse(code(example)).body[0].body, [])) for example in both}
    assert len(bodies) >= 0.99 * len(both), "equal bodies under other parameters may be other functions"


def test_no_near_repeats(both):
    shingles = []
    for example in both:
        tokens = words(example.completion)
        shingles.append({tuple(tokens[i : i + 2]) for i in range(len(tokens) - 1)})
    for i, first in enumerate(shingles):
        for second in shingles[:i]:
            assert len(first & second) < 0.8 * len(first | second)


def test_tests_and_graphical_modules_are_left_out(both):
    left_out = {"test", "tests", "idlelib", "tkinter", "turtle", "turtledemo", "lib2to3", "encodings"}
    for example in both:
        assert not left_out & set(example.id.split(".")[:-1]), example.id


def test_the_same_seed_gives_the_same_rows_and_another_gives_others(sides):
    stdlib_functions._pool.cache_clear()
    assert stdlib_examples() == sides
    train, test = stdlib_examples(seed=1)
    assert {example.id for example in train} != {example.id for example in sides[0]}
    assert {example.group for example in test} != {example.group for example in sides[1]}
    assert not {example.group for example in train} & {example.group for example in test}


def test_fewer_rows_are_a_part_of_more(sides):
    few = stdlib_examples(train=10, test=10)
    for side, whole in zip(few, sides, strict=True):
        assert len(side) == 10
        assert set(side) <= set(whole)


def test_more_than_there_are_says_how_many():
    with pytest.raises(DataError, match="functions for train, 100000 were asked for"):
        stdlib_examples(train=100_000)


def test_a_library_without_source_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path / "python.zip"))
    with pytest.raises(DataError) as raised:
        stdlib_examples()
    assert "python.zip" in raised.value.message
    assert "keeptune tune --train" in raised.value.fix


def _sentence(docstring: str) -> str | None:
    (function,) = ast.parse(f"def name(argument):\n    {docstring!r}\n    return argument\n").body
    assert isinstance(function, ast.FunctionDef)
    return summary_of(function)


@pytest.mark.parametrize(
    ("docstring", "sentence"),
    [
        ("Return the thing that was asked for.", "Return the thing that was asked for."),
        ("return the thing that was asked for", "Return the thing that was asked for."),
        (
            "Return the thing\n    that was asked for.\n\n    And more.",
            "Return the thing that was asked for.",
        ),
        ("Return the thing asked for.  It may be None.", "Return the thing asked for."),
        ("Return a name, e.g. Paul, for the thing.", "Return a name, e.g. Paul, for the thing."),
        ("Too short.", None),
        ("See the documentation of the other function.", None),
        ("name(argument) -> the thing that was asked for.", None),
        ("name the thing that was asked for.", None),
        ("Internal: return the thing that was asked for.", None),
        (">>> name(1) is what you call it", None),
        ("Return the thing that was asked for:\n\n    - this", None),
        ("Return the thing asked for\nCalled by everyone at once.", None),
        ("Return the thing asked for. it may be None at times.", None),
        ("word " * 26, None),
        ("", None),
    ],
)
def test_what_counts_as_a_summary(docstring: str, sentence: str | None):
    assert _sentence(docstring) == sentence


@pytest.mark.parametrize(
    ("source", "left"),
    [
        (
            'def f(x):\n    """Öffne — the thing."""\n\n    # why\n    y = x\n    return y\n',
            "def f(x):\n    # why\n    y = x\n    return y",
        ),
        (
            '    @staticmethod\n    def f(x):\n        """A.\n\n        B.\n        """\n        return x\n',
            "@staticmethod\ndef f(x):\n    return x",
        ),
        ('def f(x):\n    """Do."""; return (\n        x)\n', None),
        ('def f(x):\n    """Do."""\n    return x\n', None),
        ('def f(x):\n    """Do."""\n    pass\n    ...\n', None),
        ('def f(x):\n    """Do."""\n    def g():\n        """Do."""\n        return 1\n    return g\n', None),
    ],
)
def test_the_docstring_is_cut_from_the_source(source: str, left: str | None):
    lines = (["class C:"] if source.startswith(" ") else []) + source.splitlines()
    node = next(n for n in ast.walk(ast.parse("\n".join(lines))) if isinstance(n, ast.FunctionDef))
    assert source_of(node, lines) == left


def test_a_private_twin_counts_as_its_public_package():
    assert package_of("_pydecimal") == "decimal"
    assert package_of("_pyio") == "io"
    assert package_of("ntpath") == package_of("posixpath") == "os"
    assert package_of("json.decoder") == "json"
