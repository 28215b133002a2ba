"""The model card beside exported files: it says what loads these, where the run's own says what loads the run's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from keeptune.workspace.atomic import write_text

_FRONT = re.compile(r"\A---\n(.*?)^---\n", re.S | re.M)
_CODE = re.compile(r"(?<=\n## How to use it\n\n)```.*?\n```", re.S)
_AGAIN = re.compile(r"(?<=\n## Measure it again\n\n)[^\n]+")


@dataclass(frozen=True, slots=True)
class Use:
    """How exported files are used, as the hub and a reader need it."""

    library: str
    """The hub's name of the library; "" if it has none."""
    relation: str
    """To the base: ``finetune`` or ``adapter``. Tuned weights in fewer bits are no ``quantized`` base."""
    code: str
    """A fenced block that loads ``OWNER/NAME``."""
    numbers: str = ""
    """Whose numbers the card has, in the place of a command that cannot measure these files; "" where it can."""


def adapt_card(card: Path, use: Use) -> None:
    """Write `use` into a model card. One that somebody wrote otherwise stays as it is."""
    text = card.read_text(encoding="utf-8")
    front = _FRONT.match(text)
    if front is None or not _CODE.search(text):
        return
    known = yaml.safe_load(front[1])
    if "base_model_relation" in known:
        known["base_model_relation"] = use.relation
    if "library_name" in known:
        known["library_name"] = use.library
        if not use.library:
            del known["library_name"]
    dumped = yaml.safe_dump(known, allow_unicode=True, sort_keys=False, width=120)
    body = _CODE.sub(lambda _: use.code, text[front.end() :])
    if use.numbers:
        body = _AGAIN.sub(lambda _: use.numbers, body)
    write_text(card, f"---\n{dumped}---\n{body}")


def of_scored(scored_in: str, quantization: str) -> str:
    """A sentence for `Use.numbers`."""
    return f"The numbers above are of the weights as they were scored, in {scored_in}; here they are in {quantization}."


def in_shell(line: str) -> str:
    """A fenced block of one command."""
    return f"```\n{line}\n```"
