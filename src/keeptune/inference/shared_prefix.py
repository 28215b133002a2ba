"""Log-likelihoods of rows that begin alike: what they share is read once.

Completions of one prompt (the choices of an item) become one row, the prompt and its branches::

    prompt  branch 1  branch 2 …       each branch sees the prompt and itself, and counts its positions from the prompt

A prefix of all prompts (a few-shot block, a long instruction) is read once for all batches. A branch's last token
predicts nothing, so it is not read at all. An encoder reads each prompt once for all its answers.

The longest prompts are first scored both ways, their first completion and their last, once with a prefix and once
without: where the two differ by more than rounding, or a model cannot do this, rows are scored one by one, and a Notice
says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from keeptune.errors import first_line
from keeptune.events import Notice, Observer
from keeptune.inference.in_batches import in_batches
from keeptune.inference.loglikelihood import LOGIT_TOKENS, loglikelihoods
from keeptune.inference.prompt_tree import Tree, encoded_once, prompt_of, tree_batch, trees_of
from keeptune.models.attending import attending, sdpa_settings
from keeptune.models.completion_logits import completion_logits
from keeptune.models.finite import naming
from keeptune.models.key_values import Prefix, by_opening, cache_argument, long_prefix, no_full_attention, read_prefix
from keeptune.models.load import LoadedModel
from keeptune.models.memory import out_of_memory
from keeptune.records import EncodedRow
from keeptune.statistics.losses import token_loglikelihoods

PROVEN = 2
"""Prompts that are scored both ways before the rest."""
SPREAD = 2.0
"""Times that the shared way may differ from the plain way as much as that differs from itself."""
WORTH = 0.1
"""Share of the tokens that must be saved, the proof paid for."""


@dataclass(frozen=True, slots=True)
class _Tried:
    """What groups of rows that begin alike have shown for those after them, which are shorter."""

    ways: dict[bool, str]
    """With a prefix or without: why that may not be; "" where it gave the plain scores."""
    told: set[str]


@torch.inference_mode()
def shared_loglikelihoods(
    loaded: LoadedModel,
    rows: Sequence[EncodedRow],
    token_budget: int,
    observer: Observer,
    progress: Callable[[int], None] = lambda _: None,
) -> list[float]:
    """`loglikelihoods(loaded, rows, token_budget, progress)`, to rounding, with less work where rows begin alike."""
    sums = [0.0] * len(rows)
    done = 0
    tried = _Tried({}, set())
    by_prompt: dict[tuple[int, ...], list[int]] = {}
    for index, row in enumerate(rows):
        by_prompt.setdefault(prompt_of(row), []).append(index)
    of_prompts = list(by_prompt.values())
    groups = [[index for at in group for index in of_prompts[at]] for group in by_opening(list(by_prompt))]
    for group in sorted(groups, key=lambda group: max(rows[index].length for index in group), reverse=True):
        before = done
        values = _beginning_alike(
            loaded,
            [rows[i] for i in group],
            token_budget,
            tried,
            observer,
            lambda of_group: progress(before + of_group),  # noqa: B023
        )
        for index, value in zip(group, values, strict=True):
            sums[index] = value
        done += len(group)
    return sums


def _beginning_alike(
    loaded: LoadedModel,
    rows: Sequence[EncodedRow],
    token_budget: int,
    tried: _Tried,
    observer: Observer,
    progress: Callable[[int], None],
) -> list[float]:
    two_sided = loaded.kind == "encoder-decoder"
    trees = trees_of(rows)
    shared = 0 if two_sided else long_prefix([tree.prompt for tree in trees])
    way = bool(shared)
    proof = [] if way in tried.ways else sorted(trees, key=lambda tree: (len(tree.rows) > 1, tree.length))[-PROVEN:]
    total = sum(row.length for row in rows)
    read = shared + sum(tree.length - shared for tree in trees)
    if not trees or total - read - sum(rows[i].length for tree in proof for i in tree.outer) < WORTH * total:
        return loglikelihoods(loaded, rows, token_budget, progress, observer)
    reason = _hindrance(loaded, max(row.length for row in rows)) or tried.ways.get(way, "")
    if not reason:
        prefix = read_prefix(loaded, trees[0].prompt[:shared]) if shared else None
        if way not in tried.ways:
            reason = tried.ways[way] = _disproof(loaded, rows, proof, prefix, token_budget, observer)
    if not reason:
        sums = [0.0] * len(rows)
        done = 0
        try:
            for part, scored in _scored(loaded, rows, trees, prefix, token_budget, observer):
                for index, value in scored:
                    sums[index] = value
                done += sum(len(trees[i].rows) for i in part)
                progress(done)
            return sums
        except _Refused as refused:
            reason = tried.ways[way] = _refusal(refused)
    if reason not in tried.told:
        observer(Notice("row-by-row", f"each completion is scored in its own row, which is slower: {reason}"))
        tried.told.add(reason)
    return loglikelihoods(loaded, rows, token_budget, progress, observer)


def _hindrance(loaded: LoadedModel, longest: int) -> str:
    """Why prompts cannot be shared by this model, as far as it says itself; "" where they can."""
    if loaded.kind == "encoder-decoder":
        return "its adapter adds virtual tokens before each row" if loaded.soft_prompt else ""
    kernel = loaded.inner.config._attn_implementation
    if kernel not in ("sdpa", "eager"):
        return f"the attention kernel {kernel} does not support the mask"
    return no_full_attention(loaded, longest)


class _Refused(Exception):
    """The model's forward pass failed, and why: an architecture may take no mask, position or cache of ours."""


def _refusal(refused: _Refused) -> str:
    return f"the model does not accept such rows ({refused})"


def _disproof(
    loaded: LoadedModel,
    rows: Sequence[EncodedRow],
    proof: Sequence[Tree],
    prefix: Prefix | None,
    token_budget: int,
    observer: Observer,
) -> str:
    """Why the shared way may not be used, by scoring `proof` both ways; "" where they agree.

    They agree when the mean absolute difference is at most √ε / 2 of the mean size of 1 + |Σ ln p| (2e-4 in float32,
    4e-2 in bfloat16), or at most `SPREAD` times what the plain way differs from itself. Rounding is of the logits, not
    of their likelihoods: large logits, as of a model that was tuned far, give probable tokens a large error, too.
    """
    indices = [index for tree in proof for index in tree.outer]
    plain = loglikelihoods(loaded, [rows[index] for index in indices], token_budget, observer=observer)
    try:
        parts = _scored(loaded, rows, proof, prefix, token_budget, observer)
        shared = dict(pair for _, scored in parts for pair in scored)
    except _Refused as refused:
        return _refusal(refused)
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        return "a prompt with all its completions does not fit into memory"
    difference = sum(abs(shared[index] - value) for index, value in zip(indices, plain, strict=True))
    size = sum(1 + abs(value) for value in plain)
    device = loaded.placement.device.type
    weights = next(loaded.model.parameters()).dtype
    epsilon = torch.finfo(torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else weights).eps
    if difference <= size * math.sqrt(epsilon) / 2:
        return ""
    if difference <= SPREAD * _plain_spread(loaded, [rows[index] for index in indices], plain):
        return ""
    return f"scored together they differ by {difference / len(indices):.2g} nats on average"


def _plain_spread(loaded: LoadedModel, rows: Sequence[EncodedRow], plain: Sequence[float]) -> float:
    """Σ |difference| to `plain` of the same rows scored in batches of one, or with attention written out: the larger
    of the two. All are right to rounding."""

    def difference() -> float:
        alone = (loglikelihoods(loaded, [row], row.length)[0] for row in rows)
        return sum(abs(value - before) for value, before in zip(alone, plain, strict=True))

    alone = difference()
    with attending(sdpa_settings(loaded.model), "eager"):
        return max(alone, difference())


def _scored(
    loaded: LoadedModel,
    rows: Sequence[EncodedRow],
    trees: Sequence[Tree],
    prefix: Prefix | None,
    token_budget: int,
    observer: Observer,
) -> Iterator[tuple[list[int], list[tuple[int, float]]]]:
    """`_score` of some trees at a time, with their indices."""

    def score(part: list[int]) -> list[tuple[int, float]]:
        return _score(loaded, rows, [trees[i] for i in part], prefix)

    return in_batches(score, [tree.length for tree in trees], loaded.placement.pass_tokens(token_budget), observer)


def _score(
    loaded: LoadedModel, rows: Sequence[EncodedRow], trees: Sequence[Tree], prefix: Prefix | None
) -> list[tuple[int, float]]:
    """Row index and Σ ln p of each row of `trees`, in one forward pass, or more where there are many logits."""
    indices = [index for tree in trees for index in tree.rows]
    if len(trees) > 1 and sum(rows[index].learned for index in indices) > LOGIT_TOKENS:
        half = len(trees) // 2
        return _score(loaded, rows, trees[:half], prefix) + _score(loaded, rows, trees[half:], prefix)
    if loaded.kind == "encoder-decoder":
        batch, owners, more = encoded_once(loaded, rows, trees)
    else:
        batch, owners = tree_batch(loaded, rows, trees, prefix.tokens if prefix else 0)
        more = cache_argument(loaded.inner, prefix.for_rows(len(trees))) if prefix else {}
    named = [tree.rows[0] for tree in trees] if loaded.kind == "causal" else indices
    try:
        with naming(lambda: [rows[index].item_id for index in named]):
            logits = completion_logits(loaded.model, batch, **more)
    except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
        if out_of_memory(error):
            raise
        raise _Refused(first_line(error)) from error
    values = token_loglikelihoods(logits, batch.targets)
    sums = torch.zeros(len(rows), dtype=torch.float64).index_add_(0, owners, values.double().cpu())
    return [(index, float(sums[index])) for index in indices]
