"""On-policy self-distillation: the student answers the task's prompts, and learns what the base, which has the row's
completion in its context, makes of these answers. Shenfeld et al. 2026, arXiv:2601.19897.

Mean KL(base ‖ student) over the student's own tokens, drawn anew in each step at temperature 1, takes the place of the
task's cross-entropy. As in the authors' code the divergence is the forward one, over the whole vocabulary, and their
words show the completion. Unlike there, the teacher stays the base (theirs follows the student slowly), and an answer's
first three tokens count, too: in a short answer they are all there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from keeptune.config.schema import TuneConfig
from keeptune.data.encode import Encoder
from keeptune.errors import ConfigError
from keeptune.inference.base_text import around_a_question, draw
from keeptune.mitigation.active import active
from keeptune.mitigation.methods.adapters import adapter_method
from keeptune.mitigation.methods.kl import KlToBase
from keeptune.mitigation.mitigation import Mitigation, ObjectiveInputs
from keeptune.mitigation.objective import Term, completion_loss
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.mitigation.row_source import Epoch, RowSource
from keeptune.models.load import LoadedModel
from keeptune.models.reference import reference_of
from keeptune.records import EncodedRow, TeacherInput

NAME = "sdft"
SHOWN = ("\n\nThis is an example for a response to the question:\n", "\n\nNow answer with a response of your own.\n")
"""Before and after the completion, at the end of the teacher's prompt."""
Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Demonstration:
    """How a teacher's prompt shows the completion: in the user's turn, or at the end of a prompt without template."""

    before: Tokens
    after: Tokens
    turn_end: Tokens
    """What the chat template writes between the user's words and the answer."""
    ends: frozenset[int]
    """End tokens, which are not shown."""

    def __call__(self, prompt: Tokens, completion: Tokens) -> Tokens:
        """The teacher's prompt."""
        shown = tuple(token for token in completion if token not in self.ends)
        ends_turn = self.turn_end and prompt[-len(self.turn_end) :] == self.turn_end
        cut = len(prompt) - len(self.turn_end) if ends_turn else len(prompt)
        return (*prompt[:cut], *self.before, *shown, *self.after, *prompt[cut:])


def demonstration(loaded: LoadedModel) -> Demonstration:
    """The one for this model's tokens."""
    before, after = (tuple(loaded.tokenizer(text, add_special_tokens=False)["input_ids"]) for text in SHOWN)
    templated = Encoder(loaded.tokenizer, loaded.kind, loaded.context_length).has_template
    turn_end = around_a_question(loaded)[1] if templated else ()
    return Demonstration(before, after, turn_end, frozenset(loaded.end_ids()))


@dataclass(frozen=True, slots=True)
class StudentAnswers:
    """The rows of `source`, where the student's answer, of role ``base``, takes the place of each task row's last
    completion. What it draws depends on the seed, the step and the model alone."""

    source: RowSource
    shown: Demonstration
    room: int
    """Tokens of an answer at most."""
    seed: int

    @property
    def epoch(self) -> Epoch:
        return self.source.epoch

    def sample(self) -> list[list[EncodedRow]]:
        return [
            [self._answered(row, _completion(row)) if row.role == "task" else row for row in batch]
            for batch in self.source.sample()
        ]

    def next(self, step: int, loaded: LoadedModel) -> list[EncodedRow]:
        rows = self.source.next(step, loaded)
        task = [row for row in rows if row.role == "task"]
        others = [row for row in rows if row.role != "task"]
        if not task:
            return others
        loaded.model.eval()
        generator = torch.Generator(loaded.placement.device).manual_seed(1_000_003 * self.seed + step)
        answers = draw(loaded, [_prompt(row) for row in task], self.room, generator)
        return [*(self._answered(row, answer) for row, answer in zip(task, answers, strict=True)), *others]

    def state(self) -> Mapping[str, Any]:
        return self.source.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        self.source.restore(state)

    def _answered(self, row: EncodedRow, answer: Tokens) -> EncodedRow:
        prompt = _prompt(row)
        read = self.shown(prompt, _completion(row))
        ids, of_teacher = prompt + answer, read + answer
        teacher = TeacherInput(of_teacher, (), ((len(read), len(of_teacher)),))
        return EncodedRow(row.item_id, ids, (), ((len(prompt), len(ids)),), 0, "base", teacher)


def _prompt(row: EncodedRow) -> Tokens:
    return row.ids[: row.spans[-1][0]]


def _completion(row: EncodedRow) -> Tokens:
    start, stop = row.spans[-1]
    return row.ids[start:stop]


def _source(_value: Any, source: RowSource, inputs: ObjectiveInputs) -> RowSource:
    loaded, task = inputs.loaded, [row for row in inputs.rows if row.role == "task"]
    if loaded.kind == "encoder-decoder":
        raise ConfigError(
            f"{NAME} shows the completion in the prompt of a decoder-only model, and {loaded.found.name} has an "
            f"encoder",
            f"leave --mitigation {NAME} out",
        )
    shown = demonstration(loaded)
    longest = max(len(shown(_prompt(row), _completion(row))) for row in task)
    room = min(max(len(_completion(row)) for row in task), loaded.context_length - longest)
    if room < 1:
        raise ConfigError(
            f"{NAME} needs prompt, completion and answer in the context of {loaded.context_length} tokens",
            "shorten the rows with --max-length",
        )
    return StudentAnswers(source, shown, room, inputs.config.training.seed)


def _unfit(_value: Any, config: TuneConfig) -> ConfigError | None:
    method = adapter_method(config)
    if method is not None and method.divides_base:
        return ConfigError(
            f"{NAME} needs the base beside the model, and --method {method.name} removes a part of it",
            f"use --method lora or another, or leave --mitigation {NAME} out",
        )
    others = [other.name for other, _ in active(config) if other.name != NAME and (other.terms or other.learned_rows)]
    if others:
        return ConfigError(
            f"{NAME} learns what the student writes, and {others[0]} needs the task's rows or text of the base",
            f"leave {others[0]} or {NAME} out",
        )
    return None


@MITIGATIONS.register(NAME)
def sdft() -> Mitigation:
    """It takes no value."""
    return Mitigation(
        cost="the student writes each answer and the base reads it: several times a training",
        source="arXiv:2601.19897",
        unfit=_unfit,
        row_source=_source,
        loss=lambda _: completion_loss,
        terms=lambda _, inputs: [Term(1.0, KlToBase(reference_of(inputs.loaded)), frozenset({"base"}))],
    )
