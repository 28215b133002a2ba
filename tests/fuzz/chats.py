"""Chat templates and conversations, as a model and a data set from anybody bring them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from hypothesis import strategies as st

from keeptune import chat_template
from keeptune.chat_template import UnusableTemplate, render_chat
from keeptune.data.template import field_names, field_or_template, parse_template
from keeptune.data.text_value import RowFault
from keeptune.data.turns import read_turns, split_last_answer
from keeptune.errors import DataError
from tests.fuzz.round_trips import CHARACTERS, TEXTS
from tests.fuzz.target import of_bytes, of_values
from tests.templated import Templated

GROUP = "chat rendering"
MOST_STEPS, MOST_CHARACTERS = 20_000, 2_000_000
"""Of a rendering here, so that one that is stopped takes no seconds."""
MOST_SECONDS = 2.0
TURNS = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": " <Hi> & 'bye' "},
    {"role": "assistant", "content": "Hello\nthere"},
]
_OPENS = ("open", "os.", "subprocess.", "socket.", "shutil.", "ctypes.", "pty.", "glob.", "tempfile.")
"""Events of Python's audit by which a template would reach the machine."""
_watched: list[str] | None = None


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched is not None and event.startswith(_OPENS) and "/encodings/" not in str(arguments[:1]):
        _watched.append(f"{event} {arguments!r:.80}")


sys.addaudithook(_hook)


@contextmanager
def untouched_machine() -> Iterator[None]:
    """Raises where the block has opened a file, a socket or another process."""
    global _watched
    _watched = []
    try:
        yield
    finally:
        told, _watched = _watched, None
    assert not told, told


def rendered(template: str, turns: Sequence[dict[str, Any]] = TURNS) -> str:
    """The text, or "" where the template is refused as `render_chat` says; within bounds, and from nothing else."""
    chat_template._compiled.cache_clear()
    before = chat_template.MOST_STEPS, chat_template.MOST_CHARACTERS
    chat_template.MOST_STEPS, chat_template.MOST_CHARACTERS = MOST_STEPS, MOST_CHARACTERS
    began = time.process_time()
    try:
        with untouched_machine():
            text = render_chat(Templated(template), turns, add_generation_prompt=True)
    except UnusableTemplate:
        text = ""
    finally:
        chat_template.MOST_STEPS, chat_template.MOST_CHARACTERS = before
    seconds = time.process_time() - began
    assert seconds < MOST_SECONDS, f"{seconds:.1f} s"
    assert len(text) <= MOST_CHARACTERS
    return text


_TEMPLATES = (
    "{% for m in messages %}{{ '<|' ~ m.role ~ '|>' + m['content'] | trim }}\n{% endfor %}",
    "{%- for m in messages %}{{ loop.index0 % 2 }}{{ loop.length }}{{ loop.last }}{% endfor %}",
    "{% set ns = namespace(x='', n=0) %}{% for m in messages if m.role != 'system' %}"
    "{% set ns.x = ns.x + m.content %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.x * 2 }}{{ ns.n ** 2 }}",
    "{{ bos_token }}{{ messages | tojson(indent=2) }}{{ messages | map(attribute='role') | join(', ') }}",
    "{% macro turn(m) %}[{{ m.role | upper }}] {{ m.content.split('\\n')[-1] }}{% endmacro %}"
    "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{{ turn(m) }}{{ eos_token }}{% endfor %}",
    "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}",
    "{{ '%s of %d' % (messages[0].role, 3) }}{{ '{:>9}'.format('x') }}{{ dict(a=1).items() | list }}",
    "{% for m in messages[1:] %}{{ m.content | replace('i', 'ii') | indent(2) }}{% endfor %}{{ range(3) | list }}",
    "{% if messages[0]['role'] == 'user' %}{{ raise_exception('No') }}{% endif %}{{ strftime_now('%Y') }}",
    "{% include 'x' %}",
    "{{ messages.__class__.__mro__ }}{{ ''.__class__ }}{{ cycler.__init__.__globals__.os }}",
    "{% call(x) foo() %}{% endcall %}{% filter upper %}a{% endfilter %}{% set x %}b{% endset %}{{ 1 / 0 }}",
)
_FILTERS = sorted(chat_template._Bounded().filters)
_TESTS = sorted(chat_template._Bounded().tests)
_METHODS = (
    "split", "join", "replace", "format", "format_map", "center", "ljust", "zfill", "expandtabs", "encode", "translate",
    "strip", "items", "keys", "get", "count", "index", "copy", "append", "__class__", "__init__", "splitlines", "title",
)  # fmt: skip
_NAMES = (
    "messages", "bos_token", "add_generation_prompt", "range", "dict", "cycler", "joiner", "namespace", "strftime_now",
    "raise_exception", "loop", "tools", "m", "ns", "x", "self", "varargs", "kwargs", "caller", "true", "none",
)  # fmt: skip
_WORDS = (
    *("{{ ", " }}", "{% ", " %}", "{% for m in ", "{% endfor %}", "{% set x = ", "{% macro x() %}", "{% endmacro %}"),
    *(f"|{name}" for name in _FILTERS),
    *(f".{name}(" for name in _METHODS),
    *(*_NAMES, " ~ ", " ** ", "99999"),
)


@of_bytes("any template", GROUP, lambda: [template.encode() for template in _TEMPLATES], _WORDS)
def any_template(data: bytes) -> None:
    rendered(data.decode(errors="replace"))


_LITERALS = st.sampled_from(
    (
        "''",
        "'a'",
        "'a' * 99",
        "'%9d'",
        "'{:>9}'",
        "'{0.__class__}'",
        "0",
        "-1",
        "2.5",
        "99999",
        "10**9",
        "[]",
        "{}",
        "none",
        "messages",
        "messages[0]",
        "(1, 2)",
        "true",
    )
)


def _expressions(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    arguments = st.lists(inner, max_size=2).map(", ".join)
    return st.one_of(
        st.tuples(inner, st.sampled_from(_FILTERS)).map(lambda e: f"({e[0]}) | {e[1]}"),
        st.tuples(inner, st.sampled_from(_FILTERS), arguments).map(lambda e: f"({e[0]}) | {e[1]}({e[2]})"),
        st.tuples(inner, st.sampled_from(_METHODS), arguments).map(lambda e: f"({e[0]}).{e[1]}({e[2]})"),
        st.tuples(st.sampled_from(_NAMES), arguments).map(lambda e: f"{e[0]}({e[1]})"),
        st.tuples(
            inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "~", "==", "<", "in", "and", "or"]), inner
        ).map(lambda e: f"({e[0]}) {e[1]} ({e[2]})"),
        st.tuples(inner, inner).map(lambda e: f"({e[0]})[{e[1]}]"),
        st.tuples(inner, st.sampled_from(_TESTS)).map(lambda e: f"({e[0]}) is {e[1]}"),
        st.tuples(inner, inner).map(lambda e: f"({e[0]})[{e[1]}:]"),
    )


EXPRESSIONS = st.recursive(_LITERALS | st.sampled_from(_NAMES), _expressions, max_leaves=5)


def _statements(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(EXPRESSIONS, inner).map(lambda e: f"{{% for m in {e[0]} %}}{e[1]}{{% endfor %}}"),
        st.tuples(EXPRESSIONS, inner).map(
            lambda e: f"{{% for m in messages recursive %}}{e[1]}{{{{ loop({e[0]}) }}}}{{% endfor %}}"
        ),
        st.tuples(EXPRESSIONS, inner).map(lambda e: f"{{% set x = {e[0]} %}}{e[1]}"),
        st.tuples(EXPRESSIONS, inner).map(
            lambda e: f"{{% set ns = namespace(x={e[0]}) %}}{{% set ns.x = ns.x ~ {e[0]} %}}{e[1]}"
        ),
        st.tuples(EXPRESSIONS, inner).map(lambda e: f"{{% macro x(m) %}}{e[1]}{{% endmacro %}}{{{{ x({e[0]}) }}}}"),
        st.tuples(EXPRESSIONS, inner).map(lambda e: f"{{% if {e[0]} %}}{e[1]}{{% endif %}}"),
        st.tuples(inner, inner).map("".join),
    )


GENERATED = st.recursive(EXPRESSIONS.map(lambda each: f"{{{{ {each} }}}}"), _statements, max_leaves=4)


@of_values("templates by their grammar", GROUP, GENERATED)
def by_grammar(template: str) -> None:
    rendered(template)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
_ROLES = st.sampled_from(("user", "assistant", "system", "tool", "human", "gpt", "User", "")) | JSON
_PARTS = st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS | JSON}), max_size=2)
_ONE_TURN = st.one_of(
    st.fixed_dictionaries({"role": _ROLES, "content": TEXTS | _PARTS | JSON}),
    st.fixed_dictionaries({"from": _ROLES, "value": TEXTS | JSON}, optional={"tool_calls": JSON}),
    JSON,
)


@of_values("conversations", GROUP, st.lists(_ONE_TURN, max_size=4) | JSON)
def conversations(value: Any) -> None:
    """They are read, and rendered as they were read, or the row's fault is told."""
    with suppress(RowFault):
        turns = read_turns(value, "messages")
        before, answer = split_last_answer(turns, "messages")
        assert answer == turns[-1].content
        plain = [{"role": turn.role, "content": turn.content} for turn in (*before, turns[-1])]
        text = rendered("{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}", plain)
        assert text == "".join(f"[{turn.role}]{turn.content}" for turn in turns)


_FIELDS = {"a": "{b}", "b": "}}{{", "long name": "{{a}}"}


@of_values("prompt templates", GROUP, st.text(CHARACTERS | st.sampled_from("{}{}ab"), max_size=20))
def prompts(template: str) -> None:
    """Fields are put in as they are; braces doubled are braces, and nothing else is interpreted."""
    field_names(template)
    with suppress(DataError):
        field_or_template(template, _FIELDS, "--prompt")
    doubled = template.replace("{", "{{").replace("}", "}}")
    assert parse_template(doubled, _FIELDS, "--prompt").fill(_FIELDS) == template
    try:
        parsed = parse_template(template, _FIELDS, "--prompt")
    except DataError:
        return
    filled = parsed.fill(_FIELDS)
    assert parsed.size(_FIELDS) == len(filled)
    assert set(parsed.fields) <= set(field_names(template))
