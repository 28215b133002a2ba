"""The findings of `keeptune init` in a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from keeptune.commands import command
from keeptune.data.first_look import FirstLook
from keeptune.data.rendered import RenderedRow
from keeptune.report.check import check_report
from keeptune.report.ending_lines import command_line
from keeptune.report.visible import visible

CHARACTERS = 600
LINES = 12
"""At most, of each part of a row that is shown."""


def first_look_report(look: FirstLook) -> RenderableType:
    """The rows as the model reads them, what was found in them, what was chosen and why, and what to run next."""
    if not look.path:
        return Group(check_report(look.check), Text(""), Text("nothing written: a run by these settings would fail"))
    role = look.check.roles[0]
    parts: list[RenderableType] = [Text(""), Text(f"columns: {visible(role.mapping)}", style="bold")]
    parts.append(Text(f"  told apart {visible(look.why_columns)}" if look.why_columns else "", style="dim"))
    for number, row in enumerate(look.rendered, 1):
        parts += [Text(""), *_row(number, row)]
    parts += [check_report(look.check), Text(""), Text(_method(look.method)), Text(_keep(look.keep))]
    parts += [Text(""), Text(f"settings: {visible(look.path)}  (read it, and change what you like)", style="bold")]
    parts.append(command_line("to look through rows and settings again", command("check", config=look.path)))
    parts.append(command_line("to train, and to score before and after", command("tune", config=look.path)))
    return Group(*parts)


def _row(number: int, row: RenderedRow) -> Iterator[RenderableType]:
    tokens = f", {row.tokens:,} tokens" if row.tokens else ""
    cut = f" after {row.cut:,} were cut" if row.cut else ""
    yield Text(f"example {number}, as the model sees it: {visible(row.item_id)}{tokens}{cut}", style="underline")
    for learned, text in row.parts:
        yield Text("learns:" if learned else "reads:", style="bold" if learned else "dim")
        for line in _lines(text):
            yield Text(f"  {line}", style="bold" if learned else "")


def _lines(text: str) -> list[str]:
    """`text` for a terminal; of a long one its start and its end."""
    if len(text) > CHARACTERS:
        start, end = CHARACTERS * 2 // 3, CHARACTERS // 3
        text = f"{text[:start]}\n[… {len(text) - start - end:,} more characters …]\n{text[-end:]}"
    lines = visible(text).removesuffix("\n").split("\n")
    if len(lines) > LINES:
        start, end = LINES * 2 // 3, LINES // 3
        lines = [*lines[:start], f"[… {len(lines) - start - end:,} more lines …]", *lines[-end:]]
    return lines


def _method(method: str) -> str:
    why = {
        "lora": "trains a small adapter beside the model, which learns from few rows in little memory",
        "full": "trains every weight, which takes several times the memory of an adapter",
    }
    return f"method: {method}: {why.get(method, 'an adapter of peft')}"


def _keep(keep: tuple[str, ...]) -> str:
    if keep:
        return f"must be kept: {', '.join(map(visible, keep))}; the report says whether each is"
    return "only this task counts: other abilities get a quick look after the training, and none decides"
