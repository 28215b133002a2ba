"""Chat templates are rendered as transformers renders them, and an endless one is stopped."""

from __future__ import annotations

from typing import Any

import pytest
from jinja2 import nodes
from transformers.utils.chat_template_utils import render_jinja_template

from keeptune import chat_template
from keeptune.chat_template import EndlessTemplate, UnusableTemplate, render_chat
from tests.templated import Templated

TURNS = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": " <Hi> & 'bye' "},
    {"role": "assistant", "content": "Hello\nthere"},
]


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}{{ '<|' ~ m.role ~ '|>' + m['content'] | trim }}\n{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}",
        "{%- for m in messages %}{{ loop.index0 % 2 }}{{ loop.length }}{{ loop.last }}{{ loop.revindex }}{% endfor %}",
        "{% set ns = namespace(x='', n=0) %}{% for m in messages if m.role != 'system' %}"
        "{% set ns.x = ns.x + m.content %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.x * 2 }}{{ ns.n ** 2 }}",
        "{{ bos_token }}{{ messages | tojson(indent=2) }}{{ messages | map(attribute='role') | join(', ') }}",
        "{% macro turn(m) %}[{{ m.role | upper }}] {{ m.content.split('\\n')[-1] }}{% endmacro %}"
        "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{{ turn(m) }}{{ eos_token }}{% endfor %}",
        "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}",
        "{{ '%s of %d' % (messages[0].role, 3) }}{{ '{:>9}'.format('x') }}{{ dict(a=1).items() | list }}",
        "{% for m in messages[1:] %}{{ m.content | replace('i', 'ii') | indent(2) }}{% endfor %}{{ range(3) | list }}",
    ],
)
def test_as_transformers_has_it(template: str) -> None:
    shown: dict[str, Any] = {**Templated.special_tokens_map, "enable_thinking": False}
    (wanted,), _ = render_jinja_template([TURNS], chat_template=template, add_generation_prompt=True, **shown)
    assert render_chat(Templated(template), TURNS, add_generation_prompt=True, enable_thinking=False) == wanted


def test_a_long_turn_may_be_concatenated() -> None:
    template = "{% for m in messages %}{{ '<' ~ m.role ~ '>' ~ m.content ~ eos_token }}{% endfor %}"
    long = [{"role": "user", "content": "word " * 20_000}]
    assert len(render_chat(Templated(template), long, add_generation_prompt=False)) > 100_000


_GROWS = "{% set ns = namespace(x='a' * 1000) %}{% for i in range(60) %}{% set ns.x = HERE %}{% endfor %}{{ ns.x }}"


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(99999) %}{% for j in range(99999) %}{% set x = i %}{% endfor %}{% endfor %}",
        "{% for a in 'a' * 999 %}{% for b in 'a' * 999 %}{% for c in 'a' * 999 %}{% endfor %}{% endfor %}{% endfor %}",
        "{{ 'a' * 10000000000 }}",
        "{{ 'a'.ljust(10000000000) }}",
        "{{ 'a' | center(10000000000) }}",
        "{{ '{:>10000000000}'.format(1) }}",
        "{{ '%10000000000d' % 1 }}",
        "{{ '%10000000000d' | format(1) }}",
        "{{ 10 ** (10 ** 10) }}",
        "{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(30) }}",
        *(_GROWS.replace("HERE", grown) for grown in ("ns.x ~ ns.x", "ns.x + ns.x", "ns.x * 2", "ns.x.join(ns.x)")),
        *(_GROWS.replace("HERE", f"ns.x{grown}('a', ns.x)") for grown in ("|replace", ".replace")),
    ],
)
def test_a_template_without_end_is_stopped(template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_template, "MOST_STEPS", 20_000)
    with pytest.raises(EndlessTemplate):
        render_chat(Templated(template), TURNS)


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ 1 / 0 }}", "division by zero"),
        ("{% include 'x' %}", "no loader"),
        ("{{ raise_exception('two users') }}", "two users"),
        ("{% for %}", "Expected"),
        ("{{ '%d' % 'x' }}", "a real number is required"),
        ("{{ '%(a)s' % {} }}", "a"),
        ("{{ messages.__class__.__mro__ }}", "unsafe"),
        ("{{ '{0.__class__.__mro__}'.format(messages) }}", "unsafe"),
    ],
)
def test_a_template_that_fails_is_one_kind_of_error(template: str, why: str) -> None:
    with pytest.raises(UnusableTemplate, match=why):
        render_chat(Templated(template), TURNS)


def test_one_rendering_leaves_its_bounds_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_template, "MOST_STEPS", 10)
    template = Templated("{% for m in messages %}{{ m.content }}{% endfor %}")
    assert len({render_chat(template, TURNS) for _ in range(9)}) == 1


def test_operators_within_each_other_are_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """jinja2's optimizer tries to fold each again at each of its levels: two hundred took seconds, before any bound."""
    tried, of_jinja = [], nodes.Pos.as_const

    def as_const(node: nodes.Pos, eval_ctx: nodes.EvalContext | None = None) -> Any:
        tried.append(node)
        return of_jinja(node, eval_ctx)

    monkeypatch.setattr(nodes.Pos, "as_const", as_const)
    assert render_chat(Templated("{{ " + "+" * 60 + "(messages | length) }}"), TURNS) == "3"
    assert len(tried) <= 60
