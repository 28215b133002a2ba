"""Rows that begin alike as trees: a prompt and the branches that follow it, laid out in one row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.modeling_outputs import BaseModelOutput

from keeptune.models.batch import Batch, make_batch
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow


@dataclass(frozen=True, slots=True)
class Tree:
    """One prompt and the rows that go on from it."""

    prompt: tuple[int, ...]
    rows: tuple[int, ...]
    """Indices of the rows."""
    length: int
    """Tokens to read: the prompt, and each branch without its last token."""

    @property
    def outer(self) -> set[int]:
        """The row of the branch that follows the prompt, and of the one that all others part from it."""
        return {self.rows[0], self.rows[-1]}


def trees_of(rows: Sequence[EncodedRow]) -> list[Tree]:
    """One tree a prompt; rows without a token to learn are in none."""
    by_prompt: dict[tuple[int, ...], list[int]] = {}
    for index, row in enumerate(rows):
        if row.learned:
            by_prompt.setdefault(prompt_of(row), []).append(index)
    return [
        Tree(prompt, tuple(found), len(prompt) + sum(_branch(rows[index], prompt) for index in found))
        for prompt, found in by_prompt.items()
    ]


def prompt_of(row: EncodedRow) -> tuple[int, ...]:
    """All that stands before a row's first learned token; of an encoder-decoder, what the encoder reads."""
    return row.ids if row.targets or not row.learned else row.ids[: row.spans[0][0]]


def _branch(row: EncodedRow, prompt: tuple[int, ...]) -> int:
    return len(row.targets) if row.targets else len(row.ids) - len(prompt) - 1


def encoded_once(
    loaded: LoadedModel, rows: Sequence[EncodedRow], trees: Sequence[Tree]
) -> tuple[Batch, torch.Tensor, dict[str, Any]]:
    """The trees' rows one by one, the row of each target, and what the encoder made of each row's prompt."""
    pad, device = loaded.tokenizer.pad_token_id, loaded.placement.device
    indices = torch.tensor([index for tree in trees for index in tree.rows])
    prompts = torch.tensor([at for at, tree in enumerate(trees) for _ in tree.rows], device=device)
    batch = make_batch([rows[index] for index in indices], loaded.kind, pad, device)
    firsts = make_batch([rows[tree.rows[0]] for tree in trees], loaded.kind, pad, device).inputs
    encoder = loaded.inner.get_encoder()
    states = encoder(input_ids=firsts["input_ids"], attention_mask=firsts["attention_mask"]).last_hidden_state
    more = {"encoder_outputs": BaseModelOutput(last_hidden_state=states[prompts])}
    return batch, indices[batch.rows.cpu()], more


def tree_batch(
    loaded: LoadedModel, rows: Sequence[EncodedRow], trees: Sequence[Tree], shared: int
) -> tuple[Batch, torch.Tensor]:
    """The trees as rows padded on the right, without their first `shared` tokens; and the row of each target."""
    size = (len(trees), max(tree.length for tree in trees) - shared)
    ids = torch.full(size, loaded.tokenizer.pad_token_id)
    positions = torch.zeros(size, dtype=torch.long)
    branch = torch.full(size, -1)
    """0 for the prompt, then one number a branch; −1 for padding."""
    places: list[tuple[int, int, int, int]] = []
    for at, tree in enumerate(trees):
        stem = len(tree.prompt) - shared
        ids[at, :stem] = torch.tensor(tree.prompt[shared:])
        positions[at, :stem] = torch.arange(shared, len(tree.prompt))
        branch[at, :stem] = 0
        start = stem
        for number, index in enumerate(tree.rows, start=1):
            tail = rows[index].ids[len(tree.prompt) :]
            stop = start + len(tail) - 1
            ids[at, start:stop] = torch.tensor(tail[:-1])
            positions[at, start:stop] = torch.arange(len(tree.prompt), len(tree.prompt) + len(tail) - 1)
            branch[at, start:stop] = number
            for position in (p - len(tree.prompt) for span in rows[index].spans for p in range(*span)):
                places.append((at, start + position - 1 if position else stem - 1, tail[position], index))
            start = stop
    table = torch.tensor(places, dtype=torch.long).reshape(-1, 4)
    device = loaded.placement.device
    inputs = {
        "input_ids": ids.to(device),
        "position_ids": positions.to(device),
        "attention_mask": _mask(loaded, branch, shared).to(device),
    }
    batch_rows, predicted_at, targets, owners = table.unbind(1)
    tokens = sum(tree.length - shared for tree in trees)
    return Batch(inputs, batch_rows.to(device), predicted_at.to(device), targets.to(device), tokens), owners


def _mask(loaded: LoadedModel, branch: torch.Tensor, shared: int) -> torch.Tensor:
    """What each token sees: the prefix, and of the prompt and its own branch what comes before it.

    [rows, 1, length, shared + length].
    """
    length = branch.shape[1]
    back = torch.ones(length, length, dtype=torch.bool).tril()
    sees = back & ((branch[:, None, :] == 0) | (branch[:, None, :] == branch[:, :, None]))
    sees = torch.cat([sees.new_ones(len(branch), length, shared), sees], dim=2)[:, None]
    if loaded.inner.config._attn_implementation == "sdpa":
        return sees
    dtype = next(loaded.model.parameters()).dtype
    return torch.zeros(sees.shape, dtype=dtype).masked_fill_(~sees, torch.finfo(dtype).min)
