"""Cross-entropy and log-likelihood against −ln softmax by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from keeptune.statistics.losses import cross_entropy_sum, token_loglikelihoods


def test_by_hand() -> None:
    logits = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]])
    found = token_loglikelihoods(logits, torch.tensor([0, 1]))
    assert found.tolist() == pytest.approx([math.log(1 / 2), math.log(1 / 4)])
    assert float(cross_entropy_sum(logits, torch.tensor([0, 1]))) == pytest.approx(math.log(2) + math.log(4))


def test_no_tokens_have_no_loss() -> None:
    nothing = torch.zeros(0, 5), torch.zeros(0, dtype=torch.long)
    assert float(cross_entropy_sum(*nothing)) == 0
    assert token_loglikelihoods(*nothing).shape == (0,)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[float]], list[int]]:
    width = draw(st.integers(1, 6))
    row = st.lists(st.floats(-30, 30, width=32), min_size=width, max_size=width)
    table = draw(st.lists(row, min_size=1, max_size=6))
    return table, draw(st.lists(st.integers(0, width - 1), min_size=len(table), max_size=len(table)))


@given(table=tables(), shift=st.floats(-10, 10))
def test_against_softmax_in_pure_python(table: tuple[list[list[float]], list[int]], shift: float) -> None:
    logits, targets = table
    expected = [
        row[t] - max(row) - math.log(sum(math.exp(x - max(row)) for x in row)) for row, t in zip(*table, strict=True)
    ]
    tensor, wanted = torch.tensor(logits), torch.tensor(targets)
    found = token_loglikelihoods(tensor, wanted)
    assert found.tolist() == pytest.approx(expected, abs=1e-4)
    assert float(found.max()) <= 0
    assert float(cross_entropy_sum(tensor, wanted)) == pytest.approx(-sum(expected), abs=1e-3)
    # Only differences between logits count.
    assert token_loglikelihoods(tensor + shift, wanted).tolist() == pytest.approx(expected, abs=1e-4)


def test_half_precision_logits_are_summed_in_float32() -> None:
    logits = torch.randn(4096, 50, generator=torch.Generator().manual_seed(0)).bfloat16()
    targets = torch.zeros(4096, dtype=torch.long)
    total = cross_entropy_sum(logits, targets)
    assert total.dtype is token_loglikelihoods(logits, targets).dtype is torch.float32
    exact = -logits.double().log_softmax(-1)[:, 0].sum()
    assert float(total) == pytest.approx(float(exact), rel=1e-6)


def test_the_gradient_is_softmax_less_the_target() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.5]], requires_grad=True)
    cross_entropy_sum(logits, torch.tensor([2])).backward()
    expected = torch.softmax(logits.detach(), -1) - torch.tensor([[0.0, 0.0, 1.0]])
    assert torch.allclose(logits.grad, expected)  # type: ignore[arg-type]
