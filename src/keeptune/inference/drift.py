"""Drift: how far a tuned model's next-token distributions lie from its base's, on given rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from keeptune.errors import ModelError
from keeptune.events import Observer, silent
from keeptune.inference.in_batches import in_batches
from keeptune.models.batch import Batch, make_batch
from keeptune.models.completion_logits import completion_logits
from keeptune.models.finite import naming
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow
from keeptune.statistics.divergence import kl

LOGIT_TOKENS = 2048
"""Learned tokens a batch at most: the logits of two models span the vocabulary."""

Logits = Callable[[Batch], tuple[torch.Tensor, torch.Tensor]]
"""Those of the base and of the tuned model."""


def kl_by_row(
    base: LoadedModel,
    tuned: LoadedModel,
    rows: Sequence[EncodedRow],
    token_budget: int,
    progress: Callable[[int], None] = lambda _: None,
    observer: Observer = silent,
) -> list[tuple[float, int]]:
    """Σ KL(base ‖ tuned) over each row's learned tokens, in nats, and their number, in the order given.

    Both models are held at once and read the same batches, so that the same model twice gives exactly 0.

    Raises:
        ModelError: the two do not share one vocabulary.
    """
    check_same_vocabulary(base, tuned)
    return _kl_by_row(
        base,
        lambda batch: (
            completion_logits(base.model, batch),
            completion_logits(tuned.model, _on(batch, tuned.placement.device)),
        ),
        rows,
        token_budget,
        progress,
        observer,
    )


def kl_of_adapter(
    loaded: LoadedModel,
    rows: Sequence[EncodedRow],
    token_budget: int,
    progress: Callable[[int], None] = lambda _: None,
    observer: Observer = silent,
) -> list[tuple[float, int]]:
    """`kl_by_row` of a model with an adapter against its own base, from one copy of the weights.

    Raises:
        ModelError: there is no adapter.
    """
    if not hasattr(loaded.model, "peft_config"):
        raise ModelError(f"{loaded.found.name} has no adapter to compare with its base", "give the base and the tuned")

    loaded.refuse_changed_base()

    def both(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        with loaded.as_base():
            of_base = completion_logits(loaded.model, batch)
        return of_base, completion_logits(loaded.model, batch)

    return _kl_by_row(loaded, both, rows, token_budget, progress, observer)


@torch.inference_mode()
def _kl_by_row(
    loaded: LoadedModel,
    both: Logits,
    rows: Sequence[EncodedRow],
    token_budget: int,
    progress: Callable[[int], None],
    observer: Observer,
) -> list[tuple[float, int]]:
    sums = torch.zeros(len(rows), dtype=torch.float64)
    done = 0

    def compare(part: list[int]) -> list[tuple[torch.Tensor, torch.Tensor]]:
        found = []
        for few in _few_logits(rows, part):
            asked = [rows[index] for index in few]
            batch = make_batch(asked, loaded.kind, loaded.tokenizer.pad_token_id, loaded.placement.device)
            with naming(lambda: [row.item_id for row in asked]):  # noqa: B023
                of_base, of_tuned = both(batch)
                values = kl(of_base, of_tuned.to(of_base.device)).double().cpu()
            found.append((torch.tensor(few)[batch.rows.cpu()], values))
        return found

    together = loaded.placement.pass_tokens(token_budget)
    for part, compared in in_batches(compare, [row.length for row in rows], together, observer):
        for owners, values in compared:
            sums.index_add_(0, owners, values)
        done += len(part)
        progress(done)
    return [(value, row.learned) for value, row in zip(sums.tolist(), rows, strict=True)]


def _few_logits(rows: Sequence[EncodedRow], part: Sequence[int]) -> list[list[int]]:
    """`part` cut so that each piece learns at most `LOGIT_TOKENS` tokens, a single longer row apart."""
    pieces: list[list[int]] = []
    held = 0
    for index in part:
        if not rows[index].learned:
            continue
        held += rows[index].learned
        if not pieces or held > LOGIT_TOKENS:
            pieces.append([])
            held = rows[index].learned
        pieces[-1].append(index)
    return pieces


def _on(batch: Batch, device: torch.device) -> Batch:
    """`batch` for a model that is on another device, perhaps."""
    inputs = {name: tensor.to(device) for name, tensor in batch.inputs.items()}
    return Batch(inputs, batch.rows.to(device), batch.positions.to(device), batch.targets.to(device), batch.tokens)


def check_same_vocabulary(base: LoadedModel, tuned: LoadedModel) -> None:
    """Raises ModelError where a token of one is not the same token of the other."""
    sizes = [loaded.inner.get_output_embeddings().weight.shape[0] for loaded in (base, tuned)]
    if base.kind != tuned.kind:
        why = f"one is {base.kind}, the other {tuned.kind}"
    elif base.tokenizer.get_vocab() != tuned.tokenizer.get_vocab():
        why = "their tokenizers hold different tokens"
    elif sizes[0] != sizes[1]:
        why = f"their vocabularies have {sizes[0]} and {sizes[1]} tokens"
    else:
        return
    raise ModelError(
        f"token-level drift is undefined between {base.found.name} and {tuned.found.name}: {why}",
        "compare a model with one that was tuned from it",
    )
