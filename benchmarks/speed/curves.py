"""The losses of keeptune and its peer over each other, as drawings of a few lines of SVG, the same bytes every time.

`python benchmarks/readme.py` writes them to docs/images.
"""

from __future__ import annotations

from beside_trl import OURS
from measure import Found, read

DRAWN = {"t1_lora": ("loss_t1.svg", "LoRA"), "t2_full": ("loss_t2.svg", "Full fine-tuning")}
"""Record → file, and title."""
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 400, 56, 16, 40, 84
INK, GREY = "#444444", "#999999"


def curves(record: Found) -> list[tuple[str, str, list[float]]]:
    """(name, how it is drawn, losses): the reference below, then the peer's setting, then ours."""
    label = record["same"] or record["best"]
    first = record["pairs"][0]
    return [
        ("keeptune, float32", f'stroke="{GREY}" stroke-width="5" stroke-opacity="0.5"', record["reference"]["losses"]),
        (f"TRL, {label}", 'stroke="#d95f02" stroke-width="2"', first[label]["losses"]),
        (f"keeptune, {first[OURS]['dtype']}", 'stroke="#1b6ca8" stroke-width="2"', first[OURS]["losses"]),
    ]


def svg(title: str, drawn: list[tuple[str, str, list[float]]]) -> str:
    """A line a curve, over the steps."""
    values = [loss for _, _, losses in drawn for loss in losses]
    low, high = min(values), max(values)
    high = high if high > low else low + 1
    steps = max(len(losses) for _, _, losses in drawn)

    def x(step: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (step - 1) / max(steps - 1, 1)

    def y(loss: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - loss) / (high - low)

    text = f'font-family="sans-serif" fill="{INK}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="22" {text} font-size="14">{title}: loss by step, nats a completion token</text>',
    ]
    for tick in range(5):
        loss = low + (high - low) * tick / 4
        at = f"{y(loss):.1f}"
        parts.append(f'<line x1="{LEFT}" y1="{at}" x2="{WIDTH - RIGHT}" y2="{at}" stroke="#e5e5e5"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at}" {text} font-size="11" text-anchor="end">{loss:.2f}</text>')
    for step in sorted({1, *range(2, steps + 1, max(1, steps // 6)), steps}):
        at = f"{x(step):.1f}"
        parts.append(
            f'<text x="{at}" y="{HEIGHT - BOTTOM + 18}" {text} font-size="11" text-anchor="middle">{step}</text>'
        )
    for number, (name, style, losses) in enumerate(drawn):
        points = " ".join(f"{x(step):.1f},{y(loss):.1f}" for step, loss in enumerate(losses, 1))
        parts.append(f'<polyline points="{points}" fill="none" {style}/>')
        below = HEIGHT - 46 + 18 * number
        parts.append(f'<line x1="{LEFT}" y1="{below}" x2="{LEFT + 18}" y2="{below}" {style}/>')
        parts.append(f'<text x="{LEFT + 24}" y="{below + 4}" {text} font-size="11">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])


def drawings() -> dict[str, str]:
    """File name → SVG, of the records that there are."""
    records = {name: read(name) for name in DRAWN}
    return {DRAWN[name][0]: svg(DRAWN[name][1], curves(record)) for name, record in records.items() if record}
