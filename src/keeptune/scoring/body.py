"""The body of a prompt: the text that an instruction is about, without the instruction."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from keeptune.records import Example

_CUE = re.compile(r"^[A-Z][\w' -]{0,30}:$")
_LABEL = re.compile(r"^([A-Z][a-z]+(?: [a-z]+)?):[ \t]+(?=\S)")
_SPEAKER = re.compile(r"^\S[^:\n]{0,30}:(?=\s|$)")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]”’]*\s+(?=[\"'(\[“‘]?[A-Z0-9#@])")
_CODE = re.compile(
    r"^(?:def |class |import |from \w+ import |return\b|async def |function\b|public |private |#include|"
    r"@\w+|(?:const|let|var) \w+ ?=|(?:if|for|while)\b.*[:{]$|SELECT |[}\])]+;?$|.*[;{]$)"
)


def prompt_body(example: Example) -> str:
    """What follows the first blank line of the last user turn (all of it where there is none), without a last
    line that only asks for the answer, such as "Summary:"."""
    turns = [message.content for message in example.prompt if message.role == "user"]
    text = turns[-1].strip("\n") if turns else ""
    parts = re.split(r"\n[ \t]*\n", text, maxsplit=1)
    body = parts[1] if len(parts) > 1 else text
    lines = body.rstrip().split("\n")
    if len(lines) > 1 and _CUE.match(lines[-1].strip()):
        lines.pop()
    elif len(parts) > 1 and _CUE.match(body.strip()):  # instruction and text in one part, then the cue
        lines = parts[0].split("\n")
    return "\n".join(lines).strip("\n").rstrip()


def prompt_bodies(examples: Sequence[Example]) -> list[str]:
    """The bodies of a set, less a label that nearly all begin with ("Sentence: …") and none repeats below."""
    bodies = [prompt_body(example) for example in examples]
    labels = Counter(match[1] for body in bodies if (match := _LABEL.match(body)))
    if not labels:
        return bodies
    label, times = labels.most_common(1)[0]
    repeats = any(f"\n{label}:" in body for body in bodies)
    if times < 0.95 * len(bodies) or repeats:
        return bodies
    return [body[len(label) + 1 :].lstrip(" \t") if body.startswith(f"{label}:") else body for body in bodies]


def looks_like_code(text: str) -> bool:
    """Whether at least a third of the non-blank lines, and two at least, have the marks of source code."""
    lines = [line for line in text.split("\n") if line.strip()]
    marked = sum(bool(_CODE.match(line.lstrip())) for line in lines)
    return marked >= 2 and 3 * marked >= len(lines)


def units(body: str) -> list[str]:
    """The body cut into what a lead baseline counts: lines of code, turns of a dialogue or fields of a table
    (most lines begin with "name:"), else sentences; a line end always ends a sentence."""
    lines = [line.rstrip() for line in body.split("\n") if line.strip()]
    speakers = sum(bool(_SPEAKER.match(line)) for line in lines)
    if looks_like_code(body) or (len(lines) > 1 and speakers >= 0.6 * len(lines)):
        return lines
    return [sentence for line in lines for sentence in _SENTENCE_END.split(line.strip()) if sentence]
