"""Which of base and tuned answers a request that leaves it to the server: by a rule, so that it can be foreseen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keeptune.inference.router import Route
from keeptune.inference.task_format import TaskFormat
from keeptune.serving.asked import Asked
from keeptune.serving.refused import Refused

if TYPE_CHECKING:
    import regex

SECONDS = 1.0
"""For the pattern on one request: on some texts a pattern takes time without end."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Requests of the trained task go to the tuned model, all others to the base, which has forgotten nothing."""

    format: TaskFormat
    pattern: regex.Pattern[str] | None = None
    """What is found in the task's requests; None where they are known by the form."""

    @property
    def tells(self) -> bool:
        """Whether it can tell the task's requests from others."""
        return self.pattern is not None or self.format.is_known

    def route(self, asked: Asked) -> Route:
        """Who answers. The pattern is looked for in the text of all turns, a blank line between them.

        Raises:
            Refused: that takes too long.
        """
        prompt = asked.prompt
        if self.pattern is not None:
            text = prompt if isinstance(prompt, str) else "\n\n".join(turn.content for turn in prompt)
            try:
                # Concurrent: other threads go on meanwhile.
                return "tuned" if self.pattern.search(text, timeout=SECONDS, concurrent=True) else "base"
            except TimeoutError:
                told = "the server's --route-if takes too long on this text: name base or tuned as the model"
                raise Refused(400, told, param="model") from None
        return "tuned" if not isinstance(prompt, str) and self.format.is_of(prompt) else "base"

    def __str__(self) -> str:
        """What goes to the tuned model."""
        if self.pattern is not None:
            return f"requests in which {self.pattern.pattern!r} is found"
        return f"requests in the form of the trained task ({self.format})"
