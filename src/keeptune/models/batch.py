"""Encoded rows as tensors, with the positions of all tokens to learn. Loss, likelihood and divergence all use this
completion mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from keeptune.records import EncodedRow, RowRole


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows padded on the right."""

    inputs: dict[str, torch.Tensor]
    """Inputs of the model's forward: [rows, length] each."""
    rows: torch.Tensor
    """[tokens] the row of each target token."""
    positions: torch.Tensor
    """[tokens] the position whose hidden state predicts it."""
    targets: torch.Tensor
    """[tokens] the target token's id."""
    tokens: int
    """Tokens without padding."""
    roles: tuple[RowRole, ...] = ()
    """Of each row."""
    items: tuple[str, ...] = ()
    """Item ids of each row."""
    teacher: Batch | None = None
    """The same target tokens in the teacher's input, if it differs."""
    weights: torch.Tensor | None = None
    """[tokens] how much each target counts in the task's loss, float32; None: 1 each."""

    @property
    def for_teacher(self) -> Batch:
        """The teacher's input."""
        return self.teacher or self

    def of_roles(self, roles: frozenset[RowRole]) -> tuple[Batch | None, torch.Tensor | None]:
        """The rows with one of these roles: (rows, positions of their tokens in this batch). (The batch, None) if all
        rows have one; (None, None) if no token does.
        """
        wanted = [index for index, role in enumerate(self.roles) if role in roles]
        if len(wanted) == len(self.roles):
            return self, None
        number = torch.full((len(self.roles),), -1, device=self.rows.device)
        kept = torch.tensor(wanted, dtype=torch.long, device=self.rows.device)
        number[kept] = torch.arange(len(wanted), device=self.rows.device)
        rows = number[self.rows]
        places = (rows >= 0).nonzero().squeeze(1)
        if not len(places):
            return None, None
        inputs = {name: tensor[kept] for name, tensor in self.inputs.items()}
        part = Batch(
            inputs,
            rows[places],
            self.positions[places],
            self.targets[places],
            0,
            tuple(self.roles[index] for index in wanted),
            tuple(self.items[index] for index in wanted),
            self.teacher and self.teacher.of_roles(roles)[0],
            None if self.weights is None else self.weights[places],
        )
        return part, places


def make_batch(rows: Sequence[EncodedRow], kind: str, pad_id: int, device: torch.device) -> Batch:
    """Pad `rows` and find their targets.

    A decoder-only model gets no attention mask: padding is on the right and attention is causal, so no real token
    attends to padding, and the fastest attention kernel works. An encoder-decoder gets one.
    """
    batch = _padded(rows, kind, pad_id, device)
    if all(row.teacher is None for row in rows):
        return batch
    return replace(batch, teacher=_padded([row.for_teacher for row in rows], kind, pad_id, device))


def _padded(rows: Sequence[EncodedRow], kind: str, pad_id: int, device: torch.device) -> Batch:
    ids = _pad([row.ids for row in rows], pad_id)
    inputs = {"input_ids": ids}
    sides = [row.ids for row in rows]
    shift = 1
    if kind == "encoder-decoder":
        lengths = torch.tensor([len(row.ids) for row in rows])
        inputs["attention_mask"] = (torch.arange(ids.shape[1])[None] < lengths[:, None]).long()
        sides = [row.targets for row in rows]
        shift = 0
    places = [
        (index, position - shift, sides[index][position])
        for index, row in enumerate(rows)
        for start, stop in row.spans
        for position in range(start, stop)
    ]
    table = torch.tensor(places, dtype=torch.long).reshape(-1, 3)
    if kind == "encoder-decoder":
        inputs["labels"] = _pad(sides, pad_id)
    weights = None
    if any(row.weights for row in rows):
        weights = torch.tensor([weight for row in rows for weight in row.weights or (1.0,) * row.learned])
    return Batch(
        {name: tensor.to(device) for name, tensor in inputs.items()},
        table[:, 0].to(device),
        table[:, 1].to(device),
        table[:, 2].to(device),
        sum(row.length for row in rows),
        tuple(row.role for row in rows),
        tuple(row.item_id for row in rows),
        weights=None if weights is None else weights.to(device),
    )


def _pad(sequences: Sequence[Sequence[int]], pad_id: int) -> torch.Tensor:
    longest = max(len(sequence) for sequence in sequences)
    return torch.tensor([[*sequence, *[pad_id] * (longest - len(sequence))] for sequence in sequences])


def decoder_start(model: Any) -> int:
    """The token before an encoder-decoder's answers, in training and in generation."""
    own, config = model.generation_config, model.config
    named = (getattr(settings, "decoder_start_token_id", None) for settings in (own, config))
    found = next((token for token in (*named, own.bos_token_id) if token is not None), config.pad_token_id)
    return int(found)


def decoder_inputs(model: Any, labels: torch.Tensor) -> torch.Tensor:
    """Labels shifted one to the right behind the decoder's start token, [rows, length]."""
    start = decoder_start(model)
    return torch.cat([torch.full_like(labels[:, :1], start), labels[:, :-1]], dim=1)
