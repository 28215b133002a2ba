"""A metric that is a function: a user's own in a Python file, named ``file.py:function``, or a plugin's."""

from __future__ import annotations

import importlib.util
import inspect
import math
import numbers
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from keeptune.errors import MetricError
from keeptune.near_paths import did_you_mean_path, expanded
from keeptune.records import Answer, Example, ItemScore, Undefined
from keeptune.scoring.mean import mean_corpus, mean_score
from keeptune.scoring.metric import UNSCORED, Metric, Needs, Unit, references_of

_SHAPE = "def score(output: str, references: tuple[str, ...], example: Example) -> float | bool: ..."


@dataclass(frozen=True, slots=True)
class Custom:
    """The value of ``function(output, references, example)``. Corpus: the mean over items.

    A float is taken as points out of 100; True is 100 and False 0. A function annotated ``-> bool`` is a
    binary metric and must return nothing else. Where less is better, set ``function.higher_is_better =
    False``; where the values go up to another number, ``function.scale = 1``.
    """

    name: str
    """As the user wrote it, ``file.py:function``; the name of a plugin's."""
    function: Callable[..., Any]
    higher_is_better: bool = True
    binary: bool = False
    scale: float | None = None
    """The value that is 100 points, as the function declares it; None where it declares none: then 100."""
    needs: Needs = "output"
    unit: Unit = "points"

    def item(self, answer: Answer, example: Example) -> ItemScore:
        if answer.output is None:
            return UNSCORED
        return mean_score(self._points(self.value(answer.output, example), example))

    def value(self, output: str, example: Example) -> Any:
        """What the function returns.

        Raises:
            MetricError: it raised something, `SystemExit` too; only Ctrl-C ends the run. Its change of the working
                directory is undone.
        """
        try:
            with _guarded():
                return self.function(output, references_of(example), example)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise MetricError(
                f"{self.name} raised {type(error).__name__} on item {example.id}: {error}",
                "correct the function; it must accept any text as output, including the empty one",
            ) from error

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
        try:
            points = float(value)
        except OverflowError:
            points = math.inf
        if not math.isfinite(points):
            raise MetricError(
                f"{self.name} returned {points} on item {example.id}",
                "return a finite number for every item",
            )
        return points if self.scale is None else 100.0 * points / self.scale


TRIED = 8
"""Items that a metric is tried on before anything is trained."""
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
    path = expanded(file)
    if not path.is_file():
        raise MetricError(
            f"metric {name}: there is no file {path}", f"{did_you_mean_path(path)}write it as path/to/file.py:function"
        )
    module = _import(path, name)
    function = getattr(module, function_name, None)
    if function is None:
        defined = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        raise MetricError(
            f"metric {name}: {path} has no function {function_name!r}",
            f"it defines {', '.join(defined)}" if defined else f"define it: `{_SHAPE}`",
        )
    return custom_metric(name, function)


def custom_metric(name: str, function: Any) -> Custom:
    """A function as a metric, with what it declares by its attributes and its annotation.

    Raises:
        MetricError: it does not take three arguments, or its scale is none.
    """
    _check_shape(function, name)
    returns = getattr(function, "__annotations__", {}).get("return")
    return Custom(
        name=name,
        function=function,
        higher_is_better=bool(getattr(function, "higher_is_better", True)),
        binary=returns in (bool, "bool"),
        scale=_scale(function, name),
    )


def _scale(function: Any, name: str) -> float | None:
    scale = getattr(function, "scale", None)
    if scale is None:
        return None
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0.0 < scale < math.inf:
        raise MetricError(f"metric {name}: its scale is {scale!r}", "declare the value of a perfect answer: 1, 10, 100")
    return float(scale)


def try_out(metric: Custom, examples: Sequence[Example], scores: Sequence[ItemScore] = ()) -> None:
    """Score some answers without a model: the right ones, the empty one, and those of other items.

    Args:
        scores: what answers were given so far.

    Raises:
        MetricError: the function fails on one; or it declares no scale and all that it returns lies from 0 to 1, where
            points go to 100.
    """
    step = max(1, len(examples) // TRIED)
    tried = examples[::step][:TRIED]
    found = list(scores)
    for place, example in enumerate(tried):
        other = tried[(place + 1) % len(tried)]
        texts = (references_of(example)[0], "", references_of(other)[0])
        found += [metric.item(Answer(example.id, text, "stop"), example) for text in texts]
    if _may_be_shares(metric, found):
        function = metric.name.rpartition(":")[2]
        raise MetricError(
            f"{metric.name} returned only values from 0 to 1 ({len(found)} tried), but scores are points out of 100",
            f"declare its scale below the function: `{function}.scale = 1` (or 100, if these are points)",
        )


def _may_be_shares(metric: Custom, scores: Sequence[ItemScore]) -> bool:
    values = [score.value for score in scores if score.value is not None]
    undeclared = not metric.binary and metric.scale is None
    return undeclared and bool(values) and min(values) >= 0.0 and 0.0 < max(values) <= 1.0


def refuse_shares(metric: Metric, examples: Sequence[Example], scores: Sequence[ItemScore]) -> None:
    """As `try_out`, of answers that a model gave, for a function that showed no scale before."""
    if isinstance(metric, Custom) and _may_be_shares(metric, scores):
        try_out(metric, examples, scores)


@contextmanager
def _guarded() -> Iterator[None]:
    """The working directory is afterwards what it was."""
    before = Path.cwd()
    try:
        yield
    finally:
        os.chdir(before)


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
        with _guarded():
            spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
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
