"""Which of base and tuned answers a request that leaves it to the server: by a rule, so that it can be foreseen."""

from __future__ import annotations

import re
from dataclasses import dataclass

from keeptune.inference.router import Route
from keeptune.inference.task_format import TaskFormat
from keeptune.serving.asked import Asked


@dataclass(frozen=True, slots=True)
class Rule:
    """Requests of the trained task go to the tuned model, all others to the base, which has forgotten nothing."""

    format: TaskFormat
    pattern: re.Pattern[str] | None = None
    """What is found in the task's requests; None where they are known by the form."""

    @property
    def tells(self) -> bool:
        """Whether it can tell the task's requests from others."""
        return self.pattern is not None or self.format.is_known

    def route(self, asked: Asked) -> Route:
        """Who answers. The pattern is looked for in the text of all turns, a blank line between them."""
        prompt = asked.prompt
        if self.pattern is not None:
            text = prompt if isinstance(prompt, str) else "\n\n".join(turn.content for turn in prompt)
            return "tuned" if self.pattern.search(text) else "base"
        return "tuned" if not isinstance(prompt, str) and self.format.is_of(prompt) else "base"

    def __str__(self) -> str:
        """What goes to the tuned model."""
        if self.pattern is not None:
            return f"requests in which {self.pattern.pattern!r} is found"
        return f"requests in the form of the trained task ({self.format})"
