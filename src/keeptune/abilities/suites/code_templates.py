"""Short Python snippets with holes, what each prints, and what a careless reader would say that it prints."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Holes(NamedTuple):
    """What fills a template."""

    a: int
    b: int
    c: int
    """Numbers from 2 to 9."""
    k: int
    """1, 2 or 3."""
    l: list[int]  # noqa: E741
    """Four numbers."""
    w: str
    v: str
    """Two words of five letters or more."""


class Template(NamedTuple):
    """One kind of snippet."""

    code: str
    outputs: Callable[[Holes], tuple[object, ...]]
    """What it prints, then what it does not; a wrong output that comes out right is left out."""


TEMPLATES: tuple[Template, ...] = (
    Template("print({a} + {b})", lambda h: (h.a + h.b, f"{h.a}{h.b}", h.a + h.b + 1, h.a * h.b, h.a + h.b - 1)),
    Template("x = {a}\nx = x + {b}\nprint(x)", lambda h: (h.a + h.b, h.a, h.b, h.a + h.b + 1, h.a * h.b)),
    Template("x = {a}\ny = {b}\nx = y\nprint(x)", lambda h: (h.b, h.a, h.a + h.b, h.a - h.b)),
    Template("a, b = {a}, {b}\na, b = b, a\nprint(a)", lambda h: (h.b, h.a, h.a + h.b, (h.a, h.b))),
    Template("print({a} * {b} + {c})", lambda h: (h.a * h.b + h.c, h.a * (h.b + h.c), h.a + h.b + h.c, h.a * h.b)),
    Template("print({c} + {a} * {b})", lambda h: (h.c + h.a * h.b, (h.c + h.a) * h.b, h.a + h.b + h.c, h.a * h.b)),
    Template("print({a} > {b})", lambda h: (h.a > h.b, h.a <= h.b, h.a, None)),
    Template("print({a} == {b} or {b} < {c})", lambda h: (r := h.a == h.b or h.b < h.c, not r, h.c, None)),
    Template("print({a} % 2 == 0)", lambda h: (h.a % 2 == 0, h.a % 2 != 0, h.a % 2, h.a // 2)),
    Template("print({a} in {l})", lambda h: (h.a in h.l, h.a not in h.l, h.a, None)),
    Template("print(bool('{w}'))", lambda h: (True, False, h.w, None)),
    Template("print('{w}' == '{w}'.upper())", lambda h: (False, True, h.w, None)),
    Template("print(type({a}).__name__)", lambda h: ("int", "str", "float", h.a)),
    Template("print(str({a}) + str({b}))", lambda h: (f"{h.a}{h.b}", h.a + h.b, f"{h.a} {h.b}", f"{h.b}{h.a}")),
    Template("print(len('{w}'))", lambda h: (n := len(h.w), n - 1, n + 1, n + 2)),
    Template("print('{w}'[0])", lambda h: (h.w[0], h.w[1], h.w[-1], h.w)),
    Template("print('{w}'[-1])", lambda h: (h.w[-1], h.w[0], h.w[-2], h.w)),
    Template("print('{w}'[:{k}])", lambda h: (h.w[: h.k], h.w[h.k :], h.w[: h.k + 1], h.w)),
    Template("print('{w}'.upper())", lambda h: (h.w.upper(), h.w, h.w.capitalize(), len(h.w))),
    Template("print('{w}'.capitalize())", lambda h: (h.w.capitalize(), h.w, h.w.upper(), h.w[0].upper())),
    Template("print('{w}' + '{v}')", lambda h: (h.w + h.v, f"{h.w} {h.v}", h.v + h.w, f"{h.w}+{h.v}")),
    Template("print('{w}' * {k})", lambda h: (h.w * h.k, f"{h.w}{h.k}", f"{h.w} {h.w}", h.w * (h.k + 1))),
    Template("print('{w}'[::-1])", lambda h: (h.w[::-1], h.w, h.w[1:], h.w[:-1])),
    Template("print('{w}'.replace('{v}', 'x'))", lambda h: (h.w, "x", h.v, f"{h.w}x")),
    Template("print('{w} {v}'.split()[0])", lambda h: (h.w, h.v, f"{h.w} {h.v}", h.w[0])),
    Template("print('-'.join(['{w}', '{v}']))", lambda h: (f"{h.w}-{h.v}", h.w + h.v, f"{h.v}-{h.w}", f"-{h.w}{h.v}")),
    Template(
        "print(f'{{{a} + {b}}} {w}s')", lambda h: (f"{h.a + h.b} {h.w}s", f"{h.a}{h.b} {h.w}s", f"{h.w}s", h.a + h.b)
    ),
    Template("numbers = {l}\nprint(numbers[0])", lambda h: tuple(h.l)),
    Template("numbers = {l}\nprint(numbers[1])", lambda h: (h.l[1], h.l[0], h.l[2], h.l[3])),
    Template("numbers = {l}\nprint(len(numbers))", lambda h: (4, 3, 5, h.l[3])),
    Template("numbers = {l}\nprint(max(numbers))", lambda h: (max(h.l), min(h.l), h.l[0], sum(h.l), h.l[1])),
    Template("numbers = {l}\nprint(sum(numbers))", lambda h: (s := sum(h.l), max(h.l), s + 1, s - 1, 4)),
    Template("numbers = {l}\nprint(sorted(numbers))", lambda h: (sorted(h.l), h.l, sorted(h.l)[::-1], h.l[::-1])),
    Template("numbers = {l}\nnumbers.append({a})\nprint(len(numbers))", lambda h: (5, 4, 6, h.a)),
    Template("numbers = {l}\nprint(numbers[1:3])", lambda h: (h.l[1:3], h.l[1:], h.l[:3], h.l[2:])),
    Template("ages = {{'{w}': {a}, '{v}': {b}}}\nprint(ages['{v}'])", lambda h: (h.b, h.a, h.v, h.a + h.b)),
    Template("ages = {{'{w}': {a}}}\nages['{w}'] = {b}\nprint(ages['{w}'])", lambda h: (h.b, h.a, h.w, h.a + h.b)),
    Template(
        "total = 0\nfor n in {l}:\n    total += n\nprint(total)", lambda h: (s := sum(h.l), 0, h.l[3], s + 1, s - 2)
    ),
    Template("n = 0\nfor i in range({a}):\n    n += 2\nprint(n)", lambda h: (2 * h.a, h.a, 2 * h.a + 2, 2 * h.a - 2)),
    Template(
        "if {a} > {b}:\n    print('{w}')\nelse:\n    print('{v}')",
        lambda h: (h.w, h.v, h.a, h.b) if h.a > h.b else (h.v, h.w, h.a, h.b),
    ),
    Template(
        "def add(x, y):\n    return x + y\n\nprint(add({a}, {b}))", lambda h: (s := h.a + h.b, h.a * h.b, s + 1, s - 1)
    ),
    Template("def double(x):\n    return 2 * x\n\nprint(double({a}))", lambda h: (2 * h.a, h.a, 2 * h.a + 2, h.a + 1)),
    Template(
        "def first(items):\n    return items[0]\n\nprint(first(['{w}', '{v}']))",
        lambda h: (h.w, h.v, [h.w, h.v], h.w[0]),
    ),
    Template(
        "print([n * 2 for n in [{a}, {b}]])", lambda h: ([2 * h.a, 2 * h.b], [h.a, h.b], [2 * h.a, h.b], [h.a, h.b] * 2)
    ),
)
