"""A Modelfile, by which Ollama serves a GGUF file with the model's own turns and end tokens.

Ollama has templates of Go and not of jinja. What surrounds each turn is read off the chat template by rendering turns
with marks in them; a template that writes turns in another way than one after the other gets no Modelfile.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keeptune.chat_template import UnusableTemplate, render_chat
from keeptune.data.encode import template_settings
from keeptune.workspace.atomic import write_text

MARKS = {"system": "☃system☃", "user": "☃user☃", "assistant": "☃assistant☃"}
CONVERSATIONS: Sequence[tuple[str, ...]] = (
    ("user",),
    ("system", "user"),
    ("user", "assistant"),
    ("user", "assistant", "user"),
    ("system", "user", "assistant", "user", "assistant", "user"),
)
"""What both templates are compared on."""


def write_modelfile(model: Path, gguf: Path, file: Path) -> bool:
    """Write a Modelfile for `gguf`, beside it. False, and nothing written, where its chat template has no counterpart.

    Args:
        model: folder of the weights in transformers' layout.
    """
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(model)
    if not getattr(tokenizer, "chat_template", None):
        return False
    begins = list(tokenizer("")["input_ids"])[:1] == [tokenizer.bos_token_id]
    template = go_template(tokenizer, tokenizer.bos_token if begins else "")
    stops = dict.fromkeys(tokenizer.convert_ids_to_tokens(_end_ids(model, tokenizer)))
    # A Modelfile has no escapes.
    if template is None or any(mark in stop for stop in stops for mark in '"\\\n'):
        return False
    lines = [f"FROM ./{gguf.name}", f'TEMPLATE """{template}"""', "PARAMETER temperature 0"]
    lines += [f'PARAMETER stop "{stop}"' for stop in stops]
    write_text(file, "\n".join(lines) + "\n")
    return True


def go_template(tokenizer: Any, added: str = "") -> str | None:
    """The chat template in Ollama's language; None where it has no counterpart there.

    Args:
        added: what Ollama puts before every prompt by itself.
    """
    try:
        parts = _parts(tokenizer)
    except UnusableTemplate:
        return None
    if parts is None:
        return None
    around, opening, default = parts
    start, end = around["system"]
    around = around | {"system": (start.removeprefix(added), end)}
    default = default.removeprefix(added)
    texts = [*(text for pair in around.values() for text in pair), opening, default]
    if any("{{" in text or '"""' in text for text in texts) or opening.endswith('"'):
        return None
    branches = "".join(
        f'{"{{ if" if place == 0 else "{{ else if"} eq .Role "{role}" }}}}{start}{{{{ .Content }}}}{end}'
        for place, (role, (start, end)) in enumerate(around.items())
    )
    first = f'{{{{ if and (eq $place 0) (ne .Role "system") }}}}{default}{{{{ end }}}}' if default else ""
    return f"{{{{ range $place, $turn := .Messages }}}}{first}{branches}{{{{ end }}}}{{{{ end }}}}{opening}"


Around = dict[str, tuple[str, str]]
"""Role → what is written before and after a turn."""


def _parts(tokenizer: Any) -> tuple[Around, str, str] | None:
    """What is written around turns, what opens the answer, and what stands where no system turn is given; None where
    not every conversation is written so."""

    def shown(*roles: str, opened: bool = False) -> str:
        turns = [{"role": role, "content": MARKS[role]} for role in roles]
        return render_chat(tokenizer, turns, add_generation_prompt=opened, **template_settings(tokenizer))

    pieces = re.split("|".join(MARKS.values()), shown("system", "user", "assistant", "user"))
    if len(pieces) != 5:
        return None
    before_system, between, user_end, back, after_user = pieces
    opening = shown("user", opened=True).removeprefix(shown("user"))
    written = [(roles, shown(*roles, opened=True)) for roles in CONVERSATIONS]
    # Where one turn ends and the next begins is not to be seen in one conversation.
    for cut in range(len(between) + 1):
        before_user = between[cut:]
        around = {
            "system": (before_system, between[:cut]),
            "user": (before_user, after_user),
            "assistant": (user_end.removeprefix(after_user), back.removesuffix(before_user)),
        }
        default = shown("user").removesuffix(f"{before_user}{MARKS['user']}{after_user}")
        if all(_written(around, roles, default) + opening == text for roles, text in written):
            return around, opening, default
    return None


def _written(around: Around, roles: Sequence[str], default: str) -> str:
    turns = "".join(f"{around[role][0]}{MARKS[role]}{around[role][1]}" for role in roles)
    return turns if roles[0] == "system" else default + turns


def _end_ids(model: Path, tokenizer: Any) -> list[int]:
    """Of the generation config and the tokenizer."""
    file = model / "generation_config.json"
    ends = json.loads(file.read_text(encoding="utf-8")).get("eos_token_id") if file.is_file() else None
    named = ends if isinstance(ends, list) else [ends]
    return [each for each in dict.fromkeys([*named, tokenizer.eos_token_id]) if isinstance(each, int)]
