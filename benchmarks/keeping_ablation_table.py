"""The table and the picture of `keeping_ablation.py`, from the records alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keeping_goal import all_kept, gain, minutes
from keeping_records import read_records
from model_case import interval, negated

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "keeping_ablation"
PICTURE = HERE.parent / "docs" / "images" / "keeping_ablation.svg"
Record = Mapping[str, Any]
Records = Mapping[str, Record]
TITLE = "Gain on the task against the worst drop of a kept ability"
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 460, 60, 250, 44, 56
INK = "#444444"
COLOURS = ("#1b6ca8", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#888888", "#66a61e", "#a6761d", "#000000")
"""By setting; they begin again after the last, with a dashed line."""


def table(records: Records) -> str:
    """Markdown: a line a setting and α, and the picture."""
    if not records:
        return "Not run yet."
    abilities = [ability["name"] for ability in next(iter(records.values()))["abilities"]]
    head = ["setting", "α", "gain", *abilities, "drift", "minutes", "all kept"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for of in by_setting(records).values():
        for record in of:
            own = record["drift"].get("text of the base")
            cells = [record["setting"], f"{record['alpha']:g}", interval(record["task"]["difference"])]
            cells += [f"{interval(negated(a['drop']))} {a['verdict']}" for a in record["abilities"]]
            cells += [f"{own['estimate']:.3f}" if own else "–", f"{minutes(record):.1f}"]
            lines.append(f"| {' | '.join([*cells, 'yes' if all_kept(record) else 'no'])} |")
    return "\n".join([*lines, "", f"![{TITLE}, by setting and α](images/{PICTURE.name})"])


def drawings() -> dict[str, str]:
    """File name → SVG, of the records that there are."""
    records = read_records(RESULTS)
    return {PICTURE.name: picture(records)} if records else {}


def by_setting(records: Records) -> dict[str, list[Record]]:
    """Setting → its records, the largest α first; settings by name."""
    found: dict[str, list[Record]] = {}
    for record in sorted(records.values(), key=lambda record: (record["setting"], -record["alpha"])):
        found.setdefault(record["setting"], []).append(record)
    return found


def worst_drop(record: Record) -> float:
    """The largest estimated drop of an ability, in points; at least 0."""
    return max([0.0, *(a["drop"]["estimate"] for a in record["abilities"] if "estimate" in a["drop"])])


def picture(records: Records) -> str:
    """SVG: gain against the worst drop, a point a record, the α of one training joined by a line. Filled points keep
    everything."""
    points = {setting: [(worst_drop(r), gain(r), r) for r in of] for setting, of in by_setting(records).items()}
    drops, gains = ([point[n] for of in points.values() for point in of] for n in (0, 1))
    right, low, high = max(*drops, 5.0) * 1.05, min(gains) - 1.0, max(gains) + 1.0

    def x(drop: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * drop / right

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{TITLE}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(LEFT, 22, f"{TITLE}, points", size=14),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, "worst drop of an ability (less is better)", anchor="middle"),
        _text(LEFT, TOP - 8, "gain", anchor="end"),
    ]
    for tick in range(5):
        value, drop = low + (high - low) * tick / 4, right * tick / 4
        parts.append(
            f'<line x1="{LEFT}" y1="{y(value):.1f}" x2="{WIDTH - RIGHT}" y2="{y(value):.1f}" stroke="#e5e5e5"/>'
        )
        parts.append(_text(LEFT - 6, y(value) + 4, f"{value:.1f}", anchor="end"))
        parts.append(_text(x(drop), HEIGHT - BOTTOM + 18, f"{drop:.1f}", anchor="middle"))
    for number, (setting, of) in enumerate(points.items()):
        colour = COLOURS[number % len(COLOURS)]
        dashed = ' stroke-dasharray="4 3"' if number >= len(COLOURS) else ""
        line = " ".join(f"{x(drop):.1f},{y(value):.1f}" for drop, value, _ in of)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"{dashed}/>')
        for drop, value, record in of:
            fill = colour if all_kept(record) else "#ffffff"
            at = f'cx="{x(drop):.1f}" cy="{y(value):.1f}"'
            parts.append(f'<circle {at} r="4" fill="{fill}" stroke="{colour}" stroke-width="1.5"/>')
            parts.append(_text(x(drop) + 6, y(value) - 6, f"{record['alpha']:g}", size=9))
        below = TOP + 18 * number
        parts.append(f'<circle cx="{WIDTH - RIGHT + 20}" cy="{below}" r="4" fill="{colour}"/>')
        parts.append(_text(WIDTH - RIGHT + 30, below + 4, setting))
    parts.append(_text(WIDTH - RIGHT + 16, TOP + 18 * len(points) + 14, "filled: everything kept; numbers: α", size=10))
    return "\n".join([*parts, "</svg>", ""])


def _text(x: float, y: float, words: str, size: int = 11, anchor: str = "start") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"'
    return f'<text {place} font-family="sans-serif" fill="{INK}">{words}</text>'
