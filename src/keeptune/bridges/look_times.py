"""When a model is measured while a `transformers` Trainer trains it."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import Any, Literal

from keeptune.errors import ConfigError, StoreError
from keeptune.forgetting.training_looks import LookErrors, look_errors
from keeptune.workspace.workspace import Workspace

Unit = Literal["step", "epoch", "evaluation"]
FORM = "a number of steps, or a text such as '500 steps', 'epoch', 'evaluation' or '2 evaluations'"
_TEXT = re.compile(r"(?:(?P<count>\d+)\s+)?(?P<unit>step|epoch|evaluation)s?")


@dataclass(frozen=True, slots=True)
class LookTimes:
    """After every `count` steps, epochs or evaluations, before the last step."""

    count: int
    unit: Unit

    def planned(self, args: Any, state: Any) -> int:
        """How many looks come before the last step, at most.

        Args:
            args: the TrainingArguments; `state`: the TrainerState at the beginning.

        Raises:
            ConfigError: the Trainer does not say how many epochs or evaluations there will be.
        """
        if self.unit == "step":
            return max((int(state.max_steps) - 1) // self.count, 0)
        evaluations = str(getattr(args.eval_strategy, "value", args.eval_strategy))
        if self.unit == "evaluation" and evaluations == "no":
            raise ConfigError(
                "every='evaluation', and this Trainer never evaluates", "set its eval_strategy, or name steps or epochs"
            )
        if self.unit == "evaluation" and evaluations == "steps":
            return max((int(state.max_steps) - 1) // int(state.eval_steps) // self.count, 0)
        if int(state.num_train_epochs) >= sys.maxsize:
            raise ConfigError("the data set has no length, so epochs cannot be counted", "give every in steps")
        return max((int(state.num_train_epochs) - 1) // self.count, 0)

    def due(self, at: Unit, args: Any, state: Any) -> bool:
        """Whether a step, an epoch or an evaluation that has just ended is one to look after."""
        if at != self.unit or state.global_step >= state.max_steps:
            return False
        by_steps = str(getattr(args.eval_strategy, "value", args.eval_strategy)) == "steps"
        if at == "step":
            ended = int(state.global_step)
        elif at == "evaluation" and by_steps:
            if state.global_step % state.eval_steps:
                return False
            ended = int(state.global_step) // int(state.eval_steps)
        else:
            ended = round(state.epoch)
        return ended > 0 and ended % self.count == 0


@dataclass(slots=True)
class Looks:
    """The looks of a training before its last one: no more than planned, for which their errors are made, and one a
    step. The run folder holds them for when the training is resumed."""

    run: Workspace
    planned: int
    steps: list[int] = field(default_factory=list)
    """After which a look was taken."""

    @property
    def errors(self) -> LookErrors:
        """Of each of them, and of the last look."""
        return look_errors(self.planned)

    def write(self) -> None:
        """Write them to the run folder."""
        self.run.write_looks({"planned": self.planned, "steps": self.steps})

    def left(self, step: int) -> bool:
        """Whether one may be taken after this step."""
        return step not in self.steps and len(self.steps) < self.planned

    def take(self, step: int) -> None:
        """Count one."""
        self.steps.append(step)
        self.write()

    def resume(self) -> None:
        """Go on with those that the run folder holds.

        Raises:
            StoreError: another number was planned there, or there are none.
        """
        held = self.run.looks()
        if held.get("planned") != self.planned:
            raise StoreError(
                f"{self.run} was begun with another plan: looks before the last were {held.get('planned')},"
                f" and are {self.planned} now",
                "resume with the same every and max_steps, or begin the training anew",
            )
        self.steps = list(held.get("steps", ()))


def read_look_times(every: int | str | None) -> LookTimes | None:
    """`every` of a callback; None: at the end alone.

    Raises:
        ConfigError: it has another form.
    """
    if every is None:
        return None
    found = _TEXT.fullmatch(f"{every} steps" if isinstance(every, int) else every.strip())
    count = int(found["count"] or 1) if found else 0
    if found is None or isinstance(every, bool) or count < 1:
        raise ConfigError(f"every is {every!r}", f"give {FORM}")
    units: dict[str, Unit] = {"step": "step", "epoch": "epoch", "evaluation": "evaluation"}
    return LookTimes(count, units[found["unit"]])
