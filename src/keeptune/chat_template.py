"""A model's chat template, rendered within bounds. It comes with the model, from anybody: jinja's sandbox keeps it from
the machine, and here it is also kept from working without end, in time or in memory."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, wraps
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, LoopControlExtension
from jinja2.sandbox import ImmutableSandboxedEnvironment

MOST_STEPS = 1_000_000
"""Rounds of loops and calls, in one rendering."""
MOST_SECONDS = 10.0
"""Of one rendering, looked at in each step."""
MOST_CHARACTERS = 50_000_000
"""That the operations of one rendering read and make; a list counts its members."""
WIDEST = 1_000_000
"""A number that a function is given: a width, a count, a depth."""
_TOO_MUCH = f"it makes more than {MOST_CHARACTERS:,} characters"
_LONGEST_NUMBER = 10_000
"""Bits of a whole number."""
_WIDE = re.compile(r"\d{7}|\{[^}]*:[^}]*\{")
"""A width or a precision in a format: a large one, or one that another argument gives."""
_GROWING = frozenset(("expandtabs", "do_indent", "indent"))
"""Functions that put so much at many places of a text."""
_SQUARES = frozenset(("do_wordwrap", "do_urlize", "do_striptags", "do_pprint", "sync_do_sum", "do_sum"))
"""Functions whose work may grow with the square of what they are given."""
_LARGEST_SQUARED = 100_000
MEMBER = 16
"""What a member of a list counts as, at least."""
_SIZED = (str, bytes, list, tuple, dict)


class UnusableTemplate(ValueError):
    """A template that is none, fails, or refuses the turns."""


class EndlessTemplate(UnusableTemplate):
    """A template that would work too long, or make too much."""


def render_chat(
    tokenizer: Any, turns: Sequence[Mapping[str, Any]], *, add_generation_prompt: bool = False, **settings: Any
) -> str:
    """As ``tokenizer.apply_chat_template(turns, tokenize=False, …)``, within bounds.

    Raises:
        EndlessTemplate: it would go beyond them.
        UnusableTemplate: there is none, it fails, or it refuses the turns by an error of its own.
    """
    try:
        template = tokenizer.get_chat_template(settings.pop("chat_template", None))
        shown = {**tokenizer.special_tokens_map, **settings}
        return _compiled(template).render(
            messages=[dict(turn) for turn in turns],
            tools=None,
            documents=None,
            add_generation_prompt=add_generation_prompt,
            **shown,
        )
    except RecursionError:
        raise EndlessTemplate("it calls itself endlessly") from None
    except MemoryError:
        raise EndlessTemplate(_TOO_MUCH) from None
    except UnusableTemplate:
        raise
    except Exception as error:  # a template is a program, and may fail as any program
        raise UnusableTemplate(str(error) or type(error).__name__) from error


@lru_cache(maxsize=32)
def _compiled(template: str) -> _Rendering:
    return _Rendering(template)


class _Rendering:
    def __init__(self, template: str) -> None:
        self._environment = _Bounded()
        self._template = self._environment.from_string(template)

    def render(self, **values: Any) -> str:
        self._environment.begin()
        return "".join(self._template.generate(**values))


class _Bounded(ImmutableSandboxedEnvironment):
    """What transformers renders chat templates in, with every loop and every operation that makes something counted."""

    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def __init__(self) -> None:
        extensions = [_Generation, LoopControlExtension]
        super().__init__(
            trim_blocks=True, lstrip_blocks=True, extensions=extensions, finalize=self._written, optimized=False
        )
        self.begin()
        self.filters["tojson"] = self._to_json
        self.filters = {name: self._charged(filter) for name, filter in self.filters.items()}
        self.globals |= {
            "raise_exception": _raise,
            "strftime_now": lambda form: datetime.now().strftime(form),
            "dict": lambda *args, **kwargs: dict(*args, **kwargs),
            "namespace": _Namespace,
        }
        del self.globals["lipsum"]

    def begin(self) -> None:
        """Another rendering."""
        self._steps, self._made, self._began = 0, 0, time.monotonic()

    def step(self) -> None:
        """One round of a loop, or one call."""
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise EndlessTemplate(f"its loops exceed {MOST_STEPS:,} iterations")
        if time.monotonic() - self._began > MOST_SECONDS:
            raise EndlessTemplate(f"one row takes more than {MOST_SECONDS:.0f} seconds")

    def counted(self, values: Iterable[Any]) -> Iterator[Any]:
        """What a loop goes over."""
        for value in values:
            self.step()
            yield value

    def charge(self, *values: Any) -> None:
        """Count what is read or made."""
        self._made += sum(len(value) for value in values if isinstance(value, _SIZED))
        if self._made > MOST_CHARACTERS or _whole_size(values) > MOST_CHARACTERS:
            raise EndlessTemplate(_TOO_MUCH)

    def concatenate(self, *values: Any) -> str:
        """The operator ``~``."""
        self.charge(*values)
        return "".join(map(str, values))

    def literal(self, text: str) -> str:
        """What stands between the tags, which is counted as what they write is."""
        return text

    def part(self, value: Any, *bounds: int | None) -> Any:
        """A slice."""
        made = value[slice(*bounds)]
        self.charge(made)
        return made

    def _written(self, value: Any) -> Any:
        self.charge(value)
        return value

    def _to_json(
        self,
        value: Any,
        ensure_ascii: bool = False,
        indent: Any = None,
        separators: Any = None,
        sort_keys: bool = False,
    ) -> str:
        """As transformers has it: jinja's own would escape what is HTML."""
        encoder = json.JSONEncoder(ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
        return "".join(map(self._written, encoder.iterencode(value)))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        self._refuse_large(operator, left, right)
        made = super().call_binop(context, operator, left, right)
        self.charge(made)
        return made

    def call(self, context: Any, obj: Any, *args: Any, **kwargs: Any) -> Any:
        self.step()
        name = getattr(obj, "__name__", "")
        self._refuse_arguments(str(name), getattr(obj, "__self__", None), *args, *kwargs.values())
        made = super().call(context, obj, *args, **kwargs)
        self.charge(made)
        return made

    def wrap_str_format(self, value: Any) -> Any:
        text = getattr(value, "__self__", None)
        if isinstance(text, str) and _WIDE.search(text):
            raise EndlessTemplate(_TOO_MUCH)
        return super().wrap_str_format(value)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            loop.iter = _call("counted", loop.iter)
        for output in tree.find_all(nodes.Output):
            output.nodes = [_literal(part) for part in output.nodes]
        _count_joins(tree)
        return tree

    def _charged(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def charged(*args: Any, **kwargs: Any) -> Any:
            self.step()
            self._refuse_arguments(function.__name__, *args, *kwargs.values())
            made = function(*args, **kwargs)
            self.charge(made)
            return made

        return charged

    def _refuse_arguments(self, name: str, *values: Any) -> None:
        texts = [value for value in values if isinstance(value, (str, bytes))]
        lists = [value for value in values if isinstance(value, (list, tuple, dict))]
        self.charge(*texts, *lists)
        widest = max((abs(value) for value in values if isinstance(value, int)), default=0)
        grown = _growth(name, texts, lists, widest)
        formats = [text for text in texts if "%" in str(text)] if name in ("%", "do_format") else []
        wide = any(_WIDE.search(str(text)) for text in formats)
        squared = name in _SQUARES and _whole_size(values) > _LARGEST_SQUARED
        if widest > WIDEST or grown > MOST_CHARACTERS or wide or squared or name == "translate":
            raise EndlessTemplate(_TOO_MUCH)

    def _refuse_large(self, operator: str, left: Any, right: Any) -> None:
        whole = [value for value in (left, right) if isinstance(value, int)]
        if len(whole) == 2:
            bits = left.bit_length() * max(right, 1) if operator == "**" else left.bit_length() + right.bit_length()
            if bits > _LONGEST_NUMBER:
                raise EndlessTemplate("its numbers grow without limit")
        elif operator == "*" and whole:
            others = [value for value in (left, right) if isinstance(value, _SIZED)]
            if others and _whole_size(others) * max(whole[0], 0) > MOST_CHARACTERS:
                raise EndlessTemplate(_TOO_MUCH)
        elif operator == "%" and isinstance(left, str):
            self._refuse_arguments("%", left, *(right if isinstance(right, tuple) else (right,)))


class _Generation(Extension):
    """``{% generation %}`` marks what an assistant says; here it is only what it holds."""

    tags = {"generation"}  # noqa: RUF012 - as jinja has it

    def parse(self, parser: Any) -> nodes.Node:
        line = next(parser.stream).lineno
        return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True), lineno=line)


class _Namespace(jinja2.utils.Namespace):
    """As transformers has it: no names by which to come to the insides of Python."""

    def __setitem__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            raise jinja2.exceptions.SecurityError(f"a namespace takes no name such as {name!r}")
        super().__setitem__(name, value)


def _whole_size(value: Any, known: dict[int, int] | None = None) -> int:
    """Characters of a value that is written out, a member counted as `MEMBER` at least: what a list holds twice counts
    twice."""
    if isinstance(value, (str, bytes)):
        return len(value)
    if not isinstance(value, (list, tuple, dict)):
        return 0
    known = {} if known is None else known
    if id(value) not in known:
        # Of a list that holds itself, once.
        known[id(value)] = size = MEMBER * len(value)
        if size <= MOST_CHARACTERS:
            inside = [*value, *value.values()] if isinstance(value, dict) else value
            known[id(value)] = size + sum(_whole_size(each, known) for each in inside)
    return known[id(value)]


def _growth(name: str, texts: Sequence[Any], lists: Sequence[Any], widest: int) -> int:
    """Characters that a function makes of so many: of those that make products."""
    if name in ("replace", "do_replace") and len(texts) > 2:
        whole, old, new = texts[:3]
        return len(new) * (whole.count(old) if old else len(whole) + 1)
    if name in ("join", "sync_do_join", "do_join"):
        return max(map(len, texts), default=0) * max(map(len, [*lists, *texts[1:]]), default=0)
    return widest * max(map(len, texts), default=0) if name in _GROWING else 0


def _call(name: str, *args: Any) -> nodes.Call:
    """A call of the environment: no variable of the template can stand before it."""
    return nodes.Call(nodes.EnvironmentAttribute(name), list(args), [], None, None)


def _literal(part: nodes.Expr) -> nodes.Expr:
    return _call("literal", nodes.Const(part.data)) if isinstance(part, nodes.TemplateData) else part


def _count_joins(node: nodes.Node) -> None:
    """Make each ``~`` below `node` a call of `concatenate`, and each slice one of `part`."""
    for name, value in node.iter_fields():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, nodes.Node):
                _count_joins(each)
        if isinstance(value, list):
            setattr(node, name, [_counted(each) for each in value])
        else:
            setattr(node, name, _counted(value))


def _counted(value: Any) -> Any:
    if isinstance(value, nodes.Getitem) and isinstance(value.arg, nodes.Slice):
        bounds = (value.arg.start, value.arg.stop, value.arg.step)
        return _call("part", value.node, *(nodes.Const(None) if bound is None else bound for bound in bounds))
    return _call("concatenate", *value.nodes) if isinstance(value, nodes.Concat) else value


def _raise(message: str) -> None:
    raise jinja2.exceptions.TemplateError(message)
