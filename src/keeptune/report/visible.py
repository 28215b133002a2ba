"""Make characters visible that are invisible or affect the text around them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment

_CONTROLS = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"} | {0x7F: "␡"}
"""C0 controls as Unicode control pictures: ESC is ␛."""
_HIDDEN = (
    *range(0x80, 0xA0),  # C1 controls: one of them starts a terminal escape, as ESC [ does
    *(0x200B, 0x2028, 0x2029, 0xFEFF),
    *(0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)),  # marks that turn the writing direction
    *range(0xE0000, 0xE0080),  # tags: invisible ASCII
    *range(0xD800, 0xE000),  # lone surrogates: no UTF-8 can hold them
)
_TABLE = _CONTROLS | {code: f"⟨U+{code:04X}⟩" for code in _HIDDEN}


def visible(text: str) -> str:
    """`text` with every control, direction mark, invisible character and lone surrogate written out.

    Line ends, tabs, and joiners within emoji and Indic or Arabic words are kept.
    """
    return text.translate(_TABLE)


def visible_json(text: str) -> str:
    """JSON with the same values, in which these characters are written as ``\\u…``."""
    return _IN_JSON.sub(lambda found: json.dumps(found[0])[1:-1], text)


_IN_JSON = re.compile(f"[{re.escape(''.join(map(chr, (0x7F, *_HIDDEN))))}]")


@dataclass(frozen=True, slots=True)
class Visible:
    """A report for a terminal, in which no text does anything but stand there."""

    report: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Rich's protocol."""
        for segment in console.render(self.report, options):
            yield Segment(visible(segment.text), segment.style, segment.control)
