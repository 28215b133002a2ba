"""KL against values by hand, and what must hold of it."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from keeptune.statistics import divergence
from keeptune.statistics.divergence import Likeliest, kl, kl_of_likeliest

INF = math.inf


def logits(*rows: tuple[float, ...]) -> torch.Tensor:
    """Logits of these probabilities, shifted: a constant changes nothing."""
    return torch.tensor(rows, dtype=torch.float64).log().float() + 3.0


def test_by_hand() -> None:
    p = logits((0.5, 0.5), (0.9, 0.1), (0.25, 0.75))
    q = logits((0.25, 0.75), (0.5, 0.5), (0.25, 0.75))
    expected = [0.5 * math.log(2) + 0.5 * math.log(2 / 3), 0.9 * math.log(1.8) + 0.1 * math.log(0.2), 0.0]
    assert kl(p, q).tolist() == pytest.approx(expected, abs=1e-6)
    assert kl(p, q).dtype == torch.float32
    # Not symmetric.
    assert kl(q, p)[1].item() == pytest.approx(0.5 * math.log(5 / 9) + 0.5 * math.log(5), abs=1e-6)


def test_what_is_ruled_out() -> None:
    p = torch.tensor([[0.0, 0.0, -INF], [0.0, 0.0, 0.0]])
    q = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, -INF]])
    assert kl(p, q)[0].item() == pytest.approx(math.log(1.5), abs=1e-6)
    assert kl(p, q)[1].item() == INF
    assert kl(p, p).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_same_twice_is_exactly_zero(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    p = (20 * torch.randn(7, 5000)).to(dtype)
    assert kl(p, p).tolist() == [0.0] * 7
    assert kl(p, p.clone()).tolist() == [0.0] * 7
    q = p + torch.randn(7, 5000).to(dtype)
    assert (kl(p, q) > 1e-4).all()


def test_in_chunks_is_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    p, q = torch.randn(2, 11, 30)
    whole = kl(p, q)
    monkeypatch.setattr(divergence, "CHUNK_ELEMENTS", 65)
    assert torch.equal(kl(p, q), whole)
    monkeypatch.setattr(divergence, "CHUNK_ELEMENTS", 1)
    assert torch.equal(kl(p, q), whole)
    assert kl(p[:0], q[:0]).shape == (0,)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-20, 20), st.floats(-20, 20)), min_size=2, max_size=12))
def test_against_double_precision_and_never_below_zero(pairs: list[tuple[float, float]]) -> None:
    p, q = torch.tensor(pairs, dtype=torch.float32).T[:, None, :]
    log_p, log_q = p.double().log_softmax(-1), q.double().log_softmax(-1)
    exact = (log_p.exp() * (log_p - log_q)).sum().item()
    assert kl(p, q).item() == pytest.approx(exact, rel=1e-4, abs=1e-5)
    assert kl(p, q).item() > -1e-5


def test_two_vocabularies_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(1, 3\) and \(1, 4\)"):
        kl(torch.zeros(1, 3), torch.zeros(1, 4))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-8, 8), st.floats(-8, 8)), min_size=4, max_size=12))
def test_the_likeliest_tokens_and_one_outcome_for_the_rest(pairs: list[tuple[float, float]]) -> None:
    p, q = torch.tensor(pairs, dtype=torch.float32).T[:, None, :]
    likeliest = Likeliest.of(p, 3)
    ps, qs = p.double().softmax(-1)[0], q.double().softmax(-1)[0]
    ids = likeliest.ids[0].long()
    assert ps[ids].tolist() == sorted(ps.tolist(), reverse=True)[:3]
    merged = [torch.cat([of[ids], 1 - of[ids].sum()[None]]) for of in (ps, qs)]
    exact = (merged[0] * (merged[0] / merged[1]).log()).sum().item()
    found = kl_of_likeliest(likeliest, q).item()
    assert found == pytest.approx(exact, rel=1e-2, abs=1e-4)
    # The rest of 1 in float32: a small one has few digits.
    assert found <= 1.01 * kl(p, q).item() + 1e-4


def test_with_all_tokens_kept_it_is_the_whole_divergence() -> None:
    torch.manual_seed(2)
    p, q = torch.randn(2, 5, 30)
    assert kl_of_likeliest(Likeliest.of(p, 100), q).tolist() == pytest.approx(kl(p, q).tolist(), abs=1e-4)
    assert kl_of_likeliest(Likeliest.of(p, 100), p).tolist() == pytest.approx([0.0] * 5, abs=1e-5)


def test_a_likeliest_token_that_p_rules_out_counts_nothing() -> None:
    p, q = torch.tensor([[0.0, -torch.inf, -torch.inf]]), torch.tensor([[0.0, 0.0, -torch.inf]], requires_grad=True)
    found = kl_of_likeliest(Likeliest.of(p, 3), q)
    assert found.item() == pytest.approx(math.log(2), abs=1e-4)
    (slope,) = torch.autograd.grad(found.sum(), q)
    assert slope.isfinite().all()


@pytest.mark.parametrize("spread", [1.0, 12.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_its_slope_is_that_of_the_formula(dtype: torch.dtype, spread: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(divergence, "CHUNK_ELEMENTS", 3 * 40)
    torch.manual_seed(4)
    p, q = (spread * torch.randn(7, 40) for _ in range(2))
    weights, q = torch.rand(7), q.to(dtype)
    likeliest, given = Likeliest.of(p, 6), q.clone()
    merged = q.double().requires_grad_(True)
    # As it is written: the likeliest tokens, and one outcome for the rest.
    ids, of_p = likeliest.ids.long(), p.double().softmax(-1).gather(1, likeliest.ids.long())
    of_q = merged.softmax(-1).gather(1, ids)
    both = [torch.cat([of, (1 - of.sum(-1, keepdim=True)).clamp(min=1e-6)], dim=1) for of in (of_p, of_q)]
    expected = (both[0] * (both[0] / both[1]).log()).sum(-1)
    (slope,) = torch.autograd.grad((weights.double() * expected).sum(), merged)
    found = kl_of_likeliest(likeliest, q.requires_grad_(True))
    (own,) = torch.autograd.grad((weights * found).sum(), q)
    assert own.dtype == dtype
    assert torch.equal(q.detach(), given)
    assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-3, abs=1e-4)
    rough = {torch.float32: 2e-3, torch.bfloat16: 1e-2}[dtype]
    assert (own.double() - slope).abs().max() <= rough * slope.abs().max()


def test_the_likeliest_pull_the_rest_too() -> None:
    torch.manual_seed(3)
    p, q = torch.randn(2, 1, 30)
    q.requires_grad_(True)
    for _ in range(300):
        (slope,) = torch.autograd.grad(kl_of_likeliest(Likeliest.of(p, 4), q).sum(), q)
        with torch.no_grad():
            q -= slope
    ids = Likeliest.of(p, 4).ids[0].long()
    assert q.softmax(-1)[0, ids].tolist() == pytest.approx(p.softmax(-1)[0, ids].tolist(), abs=1e-3)
