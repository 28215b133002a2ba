"""A user's own metric: a function in a Python file, named ``file.py:function``."""

from __future__ import annotations

import importlib.util
import inspect
import math
import numbers
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from keeptune.errors import MetricError
from keeptune.records import Answer, Example, ItemScore, Undefined
from keeptune.scoring.mean import mean_corpus, mean_score
from keeptune.scoring.metric import UNSCORED, Needs, Unit, references_of

_SHAPE = "def score(output: str, references: tuple[str, ...], example: Example) -> float | bool: ..."


@dataclass(frozen=True, slots=True)
class Custom:
    """The value of ``function(output, references, example)``. Corpus: the mean over items.

    A float is taken as points out of 100; True is 100 and False 0. A function annotated ``-> bool`` is a
    binary metric and must return nothing else. Where less is better, set ``function.higher_is_better =
    False``.
    """

    name: str
    """As the user wrote it, ``file.py:function``."""
    function: Callable[..., Any]
    higher_is_better: bool = True
    binary: bool = False
    needs: Needs = "output"
    unit: Unit = "points"

    def item(self, answer: Answer, example: Example) -> ItemScore:
        if answer.output is None:
            return UNSCORED
        try:
            value = self.function(answer.output, references_of(example), example)
        except Exception as error:
            raise MetricError(
                f"{self.name} raised {type(error).__name__} on item {example.id}: {error}",
                "mend the function; it must accept any text as output, the empty one too",
            ) from error
        return mean_score(self._points(value, example))

    def corpus(self, counts: Mapping[str, float], items: int) -> float | Undefined:  # noqa: ARG002
        return mean_corpus(counts)

    def _points(self, value: Any, example: Example) -> float:
        if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
            return 100.0 if value else 0.0
        if self.binary:
            raise MetricError(
                f"{self.name} is annotated `-> bool` but returned {value!r} on item {example.id}",
                "return True or False, or annotate it `-> float`",
            )
        if not isinstance(value, numbers.Real):
            raise MetricError(
                f"{self.name} returned {value!r} ({type(value).__name__}) on item {example.id}, not a number",
                f"its shape is `{_SHAPE}`",
            )
        points = float(value)
        if not math.isfinite(points):
            raise MetricError(
                f"{self.name} returned {points} on item {example.id}",
                "return a finite number for every item",
            )
        return points


_IMPORTED: dict[Path, tuple[int, ModuleType]] = {}
"""File → when it was written, in ns, and its module: a metric may load a model of its own."""


def is_custom(name: str) -> bool:
    """Whether a metric's name means a user's own function."""
    return ".py:" in name


def load_custom(name: str) -> Custom:
    """Import ``file.py:function``. The file's code runs.

    Raises:
        MetricError: the file or the function is missing, the file cannot be imported, or the function does
            not take three arguments.
    """
    file, _, function_name = name.rpartition(":")
    path = Path(file).expanduser()
    if not path.is_file():
        raise MetricError(f"metric {name}: there is no file {path}", "write it as path/to/file.py:function")
    module = _import(path, name)
    function = getattr(module, function_name, None)
    if function is None:
        defined = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        raise MetricError(
            f"metric {name}: {path} has no function {function_name!r}",
            f"it defines {', '.join(defined)}" if defined else f"define it: `{_SHAPE}`",
        )
    _check_shape(function, name)
    returns = getattr(function, "__annotations__", {}).get("return")
    return Custom(
        name=name,
        function=function,
        higher_is_better=bool(getattr(function, "higher_is_better", True)),
        binary=returns in (bool, "bool"),
    )


def _import(path: Path, name: str) -> ModuleType:
    written = path.stat().st_mtime_ns
    before, module = _IMPORTED.get(path.resolve(), (0, None))
    if module is not None and before == written:
        return module
    spec = importlib.util.spec_from_file_location(f"keeptune_custom:{path.resolve()}", path)
    if spec is None or spec.loader is None:
        raise MetricError(f"metric {name}: {path} is not a Python file", "its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    # As `python FILE` has them: the file's own folder, for what it imports, and its module, for dataclasses.
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[spec.name]
        raise MetricError(
            f"metric {name}: importing {path} raised {type(error).__name__}: {error}",
            f"see that `python {path}` runs",
        ) from error
    finally:
        sys.path.remove(str(path.resolve().parent))
    _IMPORTED[path.resolve()] = written, module
    return module


def _check_shape(function: Any, name: str) -> None:
    if not callable(function):
        raise MetricError(f"metric {name}: it is a {type(function).__name__}, not a function", _SHAPE)
    try:
        signature = inspect.signature(function)
    except ValueError:  # some built-in callables tell no signature: the first item will show
        return
    try:
        signature.bind("", (), None)
    except TypeError as error:
        raise MetricError(
            f"metric {name}: it takes {signature}, not three arguments",
            f"its shape is `{_SHAPE}`",
        ) from error
