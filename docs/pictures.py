"""Draws the pictures of statistics.md with the functions that verdicts use: `python docs/pictures.py`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from keeptune.records import Interval
from keeptune.statistics.multiplicity import holm_adjust
from keeptune.statistics.planning import ALPHA, detectable_drop_binary, items_for_kept_binary
from keeptune.statistics.tango import tango_interval

IMAGES = Path(__file__).parent / "images"
WIDTH, LEFT, RIGHT, TOP, ROW = 640, 190, 24, 44, 30
INK, PALE, RED, BLUE = "#444444", "#d8d8d8", "#b3261e", "#1b6ca8"
MARGIN = 5.0
ITEMS = 500


def text(x: float, y: float, said: str, anchor: str = "start", size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-family="sans-serif" font-size="{size}" fill="{INK}" '
        f'text-anchor="{anchor}">{said}</text>'
    )


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'


def drawing(title: str, height: float, parts: Sequence[str]) -> str:
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img"'
    ground = f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>'
    return "\n".join([f'{opening} aria-label="{title}">', ground, text(16, 24, title, size=14), *parts, "</svg>", ""])


def change(rose: int, fell: int) -> Interval:
    """The interval of the change, in points."""
    found = tango_interval(rose, fell, ITEMS)
    assert isinstance(found, Interval)
    return Interval(100 * found.estimate, 100 * found.low, 100 * found.high, found.level, found.method)


def verdict(found: Interval) -> str:
    return "kept" if found.low > -MARGIN else "lost" if found.high < -MARGIN else "inconclusive"


def intervals(title: str, rows: Sequence[tuple[str, Interval]], margin: bool) -> str:
    """A line an interval, over points from −16 to +8."""

    def x(points: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (points + 16) / 24

    bottom = TOP + ROW * len(rows)
    parts = []
    for points in range(-16, 9, 4):
        parts.append(line(x(points), TOP, x(points), bottom, f'stroke="{INK if points == 0 else PALE}"'))
        parts.append(text(x(points), bottom + 16, f"{points:+d}".replace("-", "−") if points else "0", "middle"))
    if margin:
        parts.append(line(x(-MARGIN), TOP, x(-MARGIN), bottom, f'stroke="{RED}" stroke-dasharray="5 3"'))
        parts.append(text(x(-MARGIN), bottom + 34, "margin", "middle"))
    for number, (name, found) in enumerate(rows):
        y = TOP + ROW * (number + 0.5)
        parts.append(line(x(found.low), y, x(found.high), y, f'stroke="{BLUE}" stroke-width="3"'))
        parts.append(f'<circle cx="{x(found.estimate):.1f}" cy="{y:.1f}" r="5" fill="{BLUE}"/>')
        parts.append(text(16, y + 4, name))
    return drawing(title, bottom + 44, parts)


def curves(title: str, axis: str, drawn: Sequence[tuple[str, str, Sequence[tuple[float, float]]]], top: float) -> str:
    """Points (x, y) joined to lines, over y from 0 to `top`."""
    height, left = 280, 64
    xs = [x for _, _, points in drawn for x, _ in points]
    low, high = min(xs), max(xs)

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - low) / (high - low)
        return left + (WIDTH - left - RIGHT) * across, height - 50 - (height - 50 - TOP) * y / top

    parts = []
    for tick in range(5):
        (x1, y), (x2, _) = at(low, top * tick / 4), at(high, 0)
        parts += [line(x1, y, x2, y, f'stroke="{PALE}"'), text(left - 8, y + 4, f"{top * tick / 4:,.0f}", "end")]
        x = low + (high - low) * tick / 4
        parts.append(text(at(x, 0)[0], height - 32, f"{x:,.4g}", "middle"))
    parts.append(text(WIDTH - RIGHT, height - 12, axis, "end"))
    for number, (name, colour, points) in enumerate(drawn):
        joined = " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y in points)
        parts.append(f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>')
        y = TOP + 14 + 18 * number
        parts.append(line(WIDTH - 250, y, WIDTH - 232, y, f'stroke="{colour}" stroke-width="2"'))
        parts.append(text(WIDTH - 226, y + 4, name))
    return drawing(title, height, parts)


def paired() -> str:
    rows = [(f"{2 * fell - 20} of {ITEMS} changed", change(fell - 20, fell)) for fell in (20, 40, 80, 120, 160)]
    return intervals("The same change of −4 points, by how many items changed", rows, margin=False)


def margins() -> str:
    found = [change(*counts) for counts in ((18, 22), (30, 42), (20, 58), (12, 72))]
    rows = [(f"{verdict(each)}: {each.estimate:+.1f}".replace("-", "−"), each) for each in found]
    return intervals(f"Change in points, {ITEMS} items, with 95 % intervals", rows, margin=True)


def holm() -> str:
    """Bars: each p-value, and above it the corrected one."""
    raw = (0.003, 0.006, 0.010, 0.020, 0.300)
    bars, most = [], 0.08
    bottom = TOP + 2 * ROW * len(raw)

    def x(p: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT - 60) * min(p, most) / most

    for number, (before, after) in enumerate(zip(raw, holm_adjust(raw), strict=True)):
        y = TOP + 2 * ROW * number
        bars.append(text(16, y + 30, f"ability {number + 1}: {'lost' if after <= ALPHA else 'not shown'}"))
        for p, colour, below in ((before, PALE, 8), (after, BLUE, 28)):
            bars.append(f'<rect x="{LEFT}" y="{y + below}" width="{x(p) - LEFT:.1f}" height="16" fill="{colour}"/>')
            bars.append(text(x(p) + 6, y + below + 12, f"{p:.3f}" + (" →" if p > most else "")))
    limit = [line(x(ALPHA), TOP, x(ALPHA), bottom, f'stroke="{RED}" stroke-dasharray="5 3"')]
    limit.append(text(x(ALPHA), bottom + 18, f"{100 * ALPHA:g} %", "middle"))
    return drawing("p-values of five abilities, and below each the corrected one", bottom + 30, [*bars, *limit])


def detectable() -> str:
    shares = ((0.1, BLUE), (0.2, RED))
    drawn = []
    for share, colour in shares:
        drops = [(n, detectable_drop_binary(share, n, MARGIN / 100)) for n in range(100, 2001, 25)]
        points = [(float(n), 100 * drop) for n, drop in drops if drop is not None]
        drawn.append((f"{share:.0%} of items change".replace("%", " %"), colour, points))
    drawn.append(("margin", INK, [(100.0, MARGIN), (2000.0, MARGIN)]))
    return curves("Detectable drop in points, margin 5", "items", drawn, 24)


def items() -> str:
    shares = ((0.1, BLUE), (0.2, RED))
    grid = [step / 4 for step in range(8, 41)]
    drawn = [
        (
            f"{share:.0%} of items change".replace("%", " %"),
            colour,
            [(margin, float(items_for_kept_binary(share, margin / 100))) for margin in grid],
        )
        for share, colour in shares
    ]
    return curves("Items for kept, where nothing was lost", "margin in points", drawn, 4000)


def pictures() -> dict[str, str]:
    """File name → SVG."""
    made = {"paired": paired(), "margin": margins(), "holm": holm(), "detectable_drop": detectable()}
    return {f"{name}.svg": svg for name, svg in (made | {"items_for_kept": items()}).items()}


if __name__ == "__main__":
    for name, svg in pictures().items():
        (IMAGES / name).write_text(svg, encoding="utf-8")
