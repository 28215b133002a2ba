"""Self-replay: where there are no old examples, the base writes some before it is tuned.

Huang et al. 2024, "Mitigating catastrophic forgetting with self-synthesized rehearsal", arXiv:2403.01244. A chat model
draws the prompts, too: it goes on in the user's turn (Xu et al. 2024, "Magpie", arXiv:2406.08464), and answers
greedily. A model without chat template draws whole texts. Drawn is from the model's own distribution, temperature 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from keeptune.data.encode import Encoder
from keeptune.data.split import limit_examples
from keeptune.errors import DataError, ModelError
from keeptune.events import EvaluationProgress, EvaluationStarted, Notice, Observer
from keeptune.inference.base_text import around_a_question, draw
from keeptune.inference.generate import fitting_prompts, generate
from keeptune.mitigation.base_rows import identity, refuse_adapter
from keeptune.mitigation.mitigation import AddedRows, Mitigation, RowInputs
from keeptune.mitigation.mix import without_repeats
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.mitigation.text_faults import copies, text_fault
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow, Example, Message
from keeptune.workspace.text_cache import cached_text

ROUND = 32
"""Rows that are written at a time: a later round changes nothing in an earlier one."""
TRIES = 8
"""Drawn rows for each that is needed, at most."""
SHORTEST_PROMPT = 4
"""Tokens of a prompt, or of a text without prompt, at least."""
SELF_REPLAY_SEED = 2_000_003
"""Added to a run's seed, so that no replayed text is the text that drift is measured on, which has seed 0."""


@dataclass(frozen=True, slots=True)
class Writing:
    """How the base writes."""

    seed: int = 0
    prompt_tokens: int = 96
    """Of a drawn prompt, end token included, at most; what does not end by then is left out."""
    answer_tokens: int = 256
    """Likewise of an answer, or of a text without prompt."""
    token_budget: int = 16384
    """Tokens a forward pass at most, padding counted."""

    def fitted(self, limit: int) -> Writing:
        """With prompt and answer within `limit` tokens together."""
        answer = min(self.answer_tokens, max(limit // 2, 1))
        return replace(self, answer_tokens=answer, prompt_tokens=max(min(self.prompt_tokens, limit // 4), 1))


@dataclass(frozen=True, slots=True)
class Written:
    """One row that the base wrote."""

    example: Example
    ended: bool
    """It wrote the end token itself, within its room."""
    fault: str = ""
    """Why it is unfit to learn from."""


def self_replay_rows(inputs: RowInputs, count: int, writing: Writing | None = None) -> list[EncodedRow]:
    """`count` rows of role ``replay`` that the base wrote; fewer where prompts are given and too few can be used.

    Kept on disk, by the model's hash and all else that they depend on.

    Raises:
        ModelError: the base has an adapter, or writes too little that can be used.
        DataError: every prompt is forbidden.
    """
    loaded, encoder, forbidden = inputs.base, inputs.encoder, inputs.forbidden
    refuse_adapter(loaded)
    seed = inputs.config.training.seed + SELF_REPLAY_SEED
    writing = (writing or Writing(seed=seed, token_budget=inputs.token_budget)).fitted(
        min(encoder.max_length, loaded.context_length)
    )
    asked = without_repeats(inputs.prompts, forbidden) if inputs.prompts else ()
    if inputs.prompts and not asked:
        raise DataError(
            "no prompts are left to answer: all occur in train, in test or among the items to be kept",
            "name other prompts with --self-replay-prompts",
        )
    # The model that is trained may have a chat template that its base has not.
    writer = _Writer(loaded, replace(encoder, tokenizer=loaded.tokenizer), writing, inputs.observer)
    written = cached_text(
        [*identity(loaded), "self-replay", count, encoder.max_length, writing, asked, forbidden],
        Written,
        lambda: writer.write(count, forbidden, asked if inputs.prompts else None),
        inputs.observer,
    )
    rows = [(each.ended, encoder.scored_row(each.example, each.example.completion)) for each in written]
    return [replace(row if ended else _without_end(row), role="replay") for ended, row in rows]


def _without_end(row: EncodedRow) -> EncodedRow:
    """`row` without its end token, which the base did not write: it would learn to break off."""
    ids, targets = (row.ids, row.targets[:-1]) if row.targets else (row.ids[:-1], ())
    ((start, stop),) = row.spans
    return replace(row, ids=ids, targets=targets, spans=((start, stop - 1),))


@dataclass(slots=True)
class _Writer:
    loaded: LoadedModel
    encoder: Encoder
    writing: Writing
    observer: Observer

    def write(
        self, count: int, forbidden: Sequence[Sequence[Example]], prompts: Sequence[Example] | None
    ) -> list[Written]:
        """Round by round, until `count` are fit, or the tries are used up.

        Args:
            prompts: None: the base draws its own.
        """
        self.observer(EvaluationStarted("self-replay", count))
        kept: list[Written] = []
        faults: Counter[str] = Counter()
        tried = 0
        for written in self._drawn(count) if prompts is None else self._given(prompts):
            tried += len(written)
            faults.update(each.fault for each in written if each.fault)
            fit = [*kept, *(each for each in written if not each.fault)]
            fresh = set(without_repeats([each.example for each in fit], forbidden))
            kept = [each for each in fit if each.example in fresh]
            faults["repeats"] += len(fit) - len(kept)
            self.observer(EvaluationProgress("self-replay", min(len(kept), count), count))
            if len(kept) >= count:
                break
        told = ", ".join(f"{number} {fault}" for fault, number in sorted(faults.items()) if number) or "none left out"
        if len(kept) < count and (prompts is None or not kept):
            raise ModelError(
                f"{self.loaded.found.name} wrote {len(kept)} usable rows of {count} in {tried} tries ({told})",
                "give it prompts with --self-replay-prompts, or replay old rows with --replay",
            )
        del kept[count:]
        message = f"the base wrote {len(kept)} usable rows of {count} in {tried} tries ({told})"
        self.observer(Notice("self-replay", message))
        return kept

    def _drawn(self, count: int) -> Iterator[list[Written]]:
        device = self.loaded.placement.device
        generator = torch.Generator(device).manual_seed(self.writing.seed)
        for number in range(-(-TRIES * count // ROUND)):
            names = [f"self-replay-{number * ROUND + place}" for place in range(ROUND)]
            yield self._questions(names, generator) if self.encoder.has_template else self._texts(names, generator)

    def _given(self, prompts: Sequence[Example]) -> Iterator[list[Written]]:
        for first in range(0, len(prompts), ROUND):
            # Nested choices: each round takes the next in the seed's order.
            before = set(limit_examples(prompts, first, self.writing.seed))
            chosen = limit_examples(prompts, first + ROUND, self.writing.seed)
            yield self._answered([example for example in chosen if example not in before])

    def _questions(self, names: Sequence[str], generator: torch.Generator) -> list[Written]:
        start, _ = around_a_question(self.loaded)
        found = draw(self.loaded, [start] * len(names), self.writing.prompt_tokens, generator)
        drawn = [self._read(name, ids) for name, ids in zip(names, found, strict=True)]
        asked = [
            replace(each.example, prompt=(Message("user", each.example.completion.strip()),))
            for each in drawn
            if not each.fault
        ]
        return [*(each for each in drawn if each.fault), *self._answered(asked)]

    def _texts(self, names: Sequence[str], generator: torch.Generator) -> list[Written]:
        start, _ = self.encoder.prompt(Example("", (), ""))
        found = draw(self.loaded, [start] * len(names), self.writing.answer_tokens, generator)
        return [self._read(name, ids) for name, ids in zip(names, found, strict=True)]

    def _read(self, name: str, ids: tuple[int, ...]) -> Written:
        """What was drawn, as a text without prompt."""
        ended = ids[-1] in self.loaded.end_ids()
        own = ids[:-1] if ended else ids
        text = self.loaded.tokenizer.decode(own)
        fault = self._unended(ended) or text_fault(text, own, SHORTEST_PROMPT)
        if not fault and not set(own).isdisjoint(self.loaded.tokenizer.all_special_ids):
            fault = "special tokens"
        return Written(Example(name, (), text), ended, fault)

    def _answered(self, examples: Sequence[Example]) -> list[Written]:
        room, budget = self.writing.answer_tokens, self.writing.token_budget
        prompts = fitting_prompts(self.loaded, self.encoder, examples, room, self.observer)
        answers = generate(self.loaded, prompts, room, budget, observer=self.observer)
        written = []
        for example, answer in zip(examples, answers, strict=True):
            ids = self.loaded.tokenizer(answer.text, add_special_tokens=False)["input_ids"]
            fault = self._unended(answer.finish == "stop") or text_fault(answer.text, ids)
            if not fault and copies(example.prompt_text, answer.text):
                fault = "copies of the prompt"
            answered = replace(example, completion=answer.text, references=(answer.text,))
            written.append(Written(answered, answer.finish == "stop", fault))
        return written

    def _unended(self, ended: bool) -> str:
        """Only of a chat model is an end expected."""
        return "not finished within the length limit" if self.encoder.has_template and not ended else ""


@MITIGATIONS.register("self-replay")
def self_replay() -> Mitigation:
    """The value is the share of the mix's rows that the base writes."""
    return Mitigation(
        cost="a generation pass",
        default=0.1,
        setting="mitigation.self_replay",
        in_percent=True,
        source="arXiv:2403.01244",
        uses_reference=True,
        added_rows=AddedRows(self_replay_rows),
    )
