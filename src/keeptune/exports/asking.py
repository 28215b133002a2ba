"""Asking an exported model by the tool it is for, in a process of its own, as a user of that tool would."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from keeptune.errors import ModelError
from keeptune.exports.last_words import last_words
from keeptune.exports.module_process import module_command
from keeptune.records import EncodedRow, to_plain
from keeptune.records.eval_record import Finish


@dataclass(frozen=True, slots=True)
class Question:
    """One item. The tool makes the prompt of it by itself: that is what often goes wrong."""

    turns: Sequence[tuple[str, str]]
    """(role, content), for the tool's own chat template; empty for a model that has none."""
    text: str
    """The prompt of a model without a chat template."""
    max_new_tokens: int


@dataclass(frozen=True, slots=True)
class Job:
    """What a tool is asked."""

    model: str
    """Folder or file."""
    adapter: str
    """Folder or file of an adapter on top of it; "" for none."""
    kind: str
    """``causal`` or ``encoder-decoder``."""
    length: int
    """Tokens of the longest prompt and its answer."""
    threads: int
    questions: Sequence[Question]
    rows: Sequence[EncodedRow] = ()
    """Rows whose learned tokens get a likelihood, by the ids that were scored."""
    dtype: Literal["auto", "float32"] = "auto"
    """What transformers and peft compute in: that of the files, or float32."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A tool's answer to one question."""

    text: str
    prompt: tuple[int, ...]
    """Ids of the prompt that it made."""
    tokens: int
    """Of the answer."""
    finish: Finish


@dataclass(slots=True)
class Replies:
    """All that a tool said."""

    tool: str = ""
    replies: list[Reply] = field(default_factory=list)
    likelihoods: list[float] = field(default_factory=list)
    """Σ ln p of each row's learned tokens, in nats."""
    seconds: float = 0.0
    """Of all answers."""

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens of the answers a second; None without any."""
        tokens = sum(reply.tokens for reply in self.replies)
        return tokens / self.seconds if tokens and self.seconds else None


def ask(tool: str, job: Job, progress: Callable[[int], None]) -> Replies:
    """What `tool`, a module such as those of `keeptune.exports.tools`, says to `job`.

    Args:
        progress: called with the number of questions and rows that are done.

    Raises:
        ModelError: the tool cannot load the model, or ends before it has answered everything.
    """
    found = Replies()
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "job.json"
        asked.write_text(json.dumps(to_plain(job), ensure_ascii=False), encoding="utf-8")
        for done, said in enumerate(_said(tool, asked, job.model)):
            _keep(said, found)
            progress(done)
    if len(found.replies) != len(job.questions) or len(found.likelihoods) != len(job.rows):
        raise ModelError(
            f"{found.tool or _name(tool)} answered {len(found.replies)} of {len(job.questions)} items of {job.model}",
            "export it again; if this comes again, report it with the tool's version",
        )
    return found


def _keep(said: dict[str, Any], found: Replies) -> None:
    if "tool" in said:
        found.tool = str(said["tool"])
    elif "value" in said:
        found.likelihoods.append(float(said["value"]))
    else:
        found.seconds += float(said["seconds"])
        found.replies.append(Reply(said["text"], tuple(said["prompt"]), int(said["tokens"]), said["finish"]))


def _said(tool: str, asked: Path, model: str) -> Iterator[dict[str, Any]]:
    """The lines that a tool writes, as they come; its process ends with the block that reads them."""
    with tempfile.TemporaryFile() as complaints:
        words = module_command(tool, str(asked))
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints)
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.endswith(b"\n"):  # a tool that is killed leaves half of one
                    yield json.loads(line)
            code = process.wait()
        finally:
            process.kill()
            process.wait()
        if code:
            complaints.seek(0)
            last = last_words(complaints.read(), code)
            raise ModelError(
                f"{_name(tool)} cannot load or ask {model}: {last}",
                "use another format, or a newer version of the tool",
            )


def _name(tool: str) -> str:
    return tool.rpartition(".")[2]
