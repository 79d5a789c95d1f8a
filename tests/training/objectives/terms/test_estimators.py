"""Estimators of mutual information against the reference cases (group E) and against their formulas, pair by pair."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus
from torch.testing import assert_close

from training.objectives.terms.estimators import (
    club_bound,
    gradient_penalty,
    info_nce_loss,
    jsd_loss,
    log_likelihood,
    unit_info_nce_loss,
)

E2_FEATURES = [[[1, 1], [0, 1]], [[1, 0], [1, 1]], [[1, 0], [1, 1]], [[1, 1], [1, 1]]]
E6_MEAN = [[0, 1], [1, -1]]
E6_LOG_VARIANCE = [[0, 0.5], [-0.5, 0.2]]
E6_VALUE = [[0.5, 0.5], [1, 0]]


def tensor(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def draw(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def direct_jsd(local: Tensor, matching: Tensor) -> Tensor:
    size = len(local)
    positive = [softplus(-(local[i] @ matching[i])) for i in range(size)]
    negative = [softplus(local[i] @ matching[j]) for i in range(size) for j in range(size) if i != j]
    return torch.stack(negative).mean() + torch.stack(positive).mean() - 2 * math.log(2)


def direct_info_nce(anchor: Tensor, positive: Tensor, temperature: float) -> Tensor:
    def one_way(a: Tensor, b: Tensor) -> Tensor:
        scores = [torch.stack([a[i] @ b[j] / temperature for j in range(len(b))]) for i in range(len(a))]
        return torch.stack([-(row[i].exp() / row.exp().sum()).log() for i, row in enumerate(scores)]).mean()

    return (one_way(anchor, positive) + one_way(positive, anchor)) / 2


def direct_club(mean: Tensor, log_variance: Tensor, value: Tensor) -> Tensor:
    """The official code's way: the whole matrix of densities, (batch, batch, d)."""
    differences = (mean[:, None] - value[None, :]).square()
    density = (-differences / (2 * log_variance.exp()[:, None]) - log_variance[:, None] / 2).mean(-1)
    own = density.diagonal()
    others = density[~torch.eye(len(mean), dtype=torch.bool)]
    return (own.mean() - others.mean()).clamp_min(0)


@pytest.mark.parametrize(
    ("local", "matching", "loss"),
    [
        ([[1, 0], [0, 1]], [[2, -1], [0.5, 3]], -0.65486734),  # E3
        ([[0, 0], [0, 0]], [[0, 0], [0, 0]], 0),
        ([[1, 0], [0, 1]], [[1, 0], [0, 1]], -0.37988549),
    ],
)
def test_jsd(local: object, matching: object, loss: float) -> None:
    assert jsd_loss(tensor(local), tensor(matching)).item() == pytest.approx(loss, rel=1e-6, abs=1e-12)


def test_jsd_of_several_places_a_record_is_their_mean() -> None:  # E2
    features = tensor(E2_FEATURES)
    losses = [jsd_loss(features[:, i], features[:, j]).item() for i in range(2) for j in range(2)]
    assert sum(losses) / 4 == pytest.approx(0.41215669, rel=1e-6)


def test_info_nce() -> None:  # E4
    assert info_nce_loss(torch.eye(2).flip(0), torch.eye(2).flip(0)).item() == pytest.approx(0.31326169, rel=1e-6)


def test_log_likelihood_is_a_scalar() -> None:  # E5
    ones = torch.ones(3, 4)
    loss = log_likelihood(ones, ones, ones)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(-0.5)


def test_log_likelihood() -> None:  # E6
    value = log_likelihood(tensor(E6_MEAN), tensor(E6_LOG_VARIANCE), tensor(E6_VALUE))
    assert value.item() == pytest.approx(-0.17754543, rel=1e-6)


@pytest.mark.parametrize(
    ("value", "bound"),
    [(E6_VALUE, 0.33006147), (E6_VALUE[::-1], 0.0), ([[1, 1], [1, 1]], 0.0)],  # E6; swapped; E5
)
def test_club(value: object, bound: float) -> None:
    ours = club_bound(tensor(E6_MEAN), tensor(E6_LOG_VARIANCE), tensor(value))
    assert ours.item() == pytest.approx(bound, rel=1e-6, abs=1e-12)


def test_club_of_identical_constants_is_zero() -> None:  # E5
    ones = torch.ones(4, 3)
    assert club_bound(ones, ones, ones).item() == 0


def test_a_cut_off_club_has_no_gradient() -> None:
    mean = tensor(E6_MEAN).requires_grad_()
    club_bound(mean, tensor(E6_LOG_VARIANCE), tensor(E6_VALUE).flip(0)).backward()
    assert mean.grad is not None
    assert not mean.grad.any()


@pytest.mark.parametrize("size", [2, 3, 17])
@pytest.mark.parametrize("seed", [0, 1])
def test_losses_are_their_formulas(size: int, seed: int) -> None:
    first, second = draw(size, 5, seed=seed), draw(size, 5, seed=seed + 10)
    log_variance = draw(size, 5, seed=seed + 20).tanh()
    related = first + second / 3  # so that the bound is not cut off
    assert_close(jsd_loss(first, second), direct_jsd(first, second))
    assert_close(info_nce_loss(first, second, temperature=0.7), direct_info_nce(first, second, 0.7))
    first_unit, second_unit = (vectors / vectors.norm(dim=-1, keepdim=True) for vectors in (first, second))
    assert_close(unit_info_nce_loss(3 * first, second, temperature=0.2), direct_info_nce(first_unit, second_unit, 0.2))
    assert direct_club(first, log_variance, related) > 0
    assert_close(club_bound(first, log_variance, related), direct_club(first, log_variance, related))
    assert_close(club_bound(first, log_variance, second), direct_club(first, log_variance, second))


def test_club_does_not_lose_digits_far_from_the_origin() -> None:
    mean, value, log_variance = draw(32, 4), draw(32, 4, seed=1), draw(32, 4, seed=2).tanh()
    exact = direct_club(mean, log_variance, mean + value)
    # what float32 makes of the inputs themselves there, kept apart from what the formula loses
    far_mean, far_value = ((points + 1000).float() for points in (mean, mean + value))
    rounded = direct_club(far_mean.double(), log_variance, far_value.double())
    assert_close(rounded, exact, rtol=1e-3, atol=0)
    assert_close(club_bound(far_mean, log_variance.float(), far_value).double(), rounded, rtol=1e-4, atol=0)


def test_large_scores_overflow_nothing() -> None:
    vectors = draw(16, 8, scale=1e3).float()
    assert_close(jsd_loss(vectors, vectors).double(), direct_jsd(vectors.double(), vectors.double()), rtol=1e-4, atol=0)
    apart = jsd_loss(vectors, -vectors)
    assert_close(apart.double(), direct_jsd(vectors.double(), -vectors.double()), rtol=1e-4, atol=0)
    for loss in (info_nce_loss(vectors, -vectors), unit_info_nce_loss(vectors, torch.zeros_like(vectors))):
        assert loss.isfinite()


@pytest.mark.parametrize("loss", [jsd_loss, info_nce_loss, unit_info_nce_loss])
def test_gradients(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    inputs = [draw(5, 3, seed=seed).requires_grad_() for seed in (0, 1)]
    assert torch.autograd.gradcheck(loss, inputs)


def test_gradients_of_club_and_likelihood() -> None:
    mean, log_variance = draw(5, 3).requires_grad_(), draw(5, 3, seed=1).tanh().requires_grad_()
    value = (draw(5, 3) + draw(5, 3, seed=2) / 3).requires_grad_()
    assert club_bound(mean, log_variance, value) > 0
    assert torch.autograd.gradcheck(club_bound, (mean, log_variance, value))
    assert torch.autograd.gradcheck(log_likelihood, (mean, log_variance, value))


def test_gradients_of_the_gradient_penalty() -> None:
    weight = draw(3, 1).requires_grad_()

    def penalty(inputs: Tensor, weight: Tensor) -> Tensor:
        return gradient_penalty((inputs.square() @ weight).tanh(), inputs)

    assert torch.autograd.gradcheck(penalty, (draw(4, 3, seed=1).requires_grad_(), weight))


@pytest.mark.parametrize("loss", [jsd_loss, info_nce_loss])
def test_autocast_does_not_round_scores(loss: Callable[[Tensor, Tensor], Tensor]) -> None:
    first, second = draw(8, 32).float(), draw(8, 32, seed=1).float()
    with torch.autocast("cpu", torch.bfloat16):
        rounded = loss(first, second)
    assert torch.equal(rounded, loss(first, second))


@pytest.mark.parametrize("loss", [jsd_loss, info_nce_loss, unit_info_nce_loss, lambda a, b: club_bound(a, a, b)])
@pytest.mark.parametrize(
    ("first", "second"), [((1, 4), (1, 4)), ((0, 4), (0, 4)), ((3, 4), (4, 4)), ((3, 4), (3, 5)), ((4,), (4,))]
)
@pytest.mark.unchecked_types
def test_batches_without_negatives_or_partners_are_refused(
    loss: Callable[[Tensor, Tensor], Tensor], first: tuple[int, ...], second: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match=r"wanted two equal \(batch, d\) with batch >= 2"):
        loss(torch.zeros(first), torch.zeros(second))
