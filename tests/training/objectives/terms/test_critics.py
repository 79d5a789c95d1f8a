"""The networks that only training needs, and what they add to the losses (groups E and F of the reference cases)."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from poseembed.network import NetworkConfig, Tower
from training.objectives.cv_mim import CvMim, CvMimConfig
from training.objectives.terms.critics import Discriminator, LikelihoodEstimator
from training.objectives.terms.estimators import gradient_penalty


def dense_of_ones() -> nn.Linear:
    dense = nn.Linear(8, 1)
    nn.init.ones_(dense.weight)
    nn.init.ones_(dense.bias)
    return dense


@pytest.mark.parametrize(
    ("network", "count"),
    [
        (Discriminator(64), 6_273),  # F7
        (LikelihoodEstimator(32, 32), 4_352),
        (Tower(1024, 32), 4_239_392),
    ],
    ids=["discriminator", "likelihood", "subencoder"],
)
def test_number_of_parameters(network: nn.Module, count: int) -> None:
    assert sum(parameter.numel() for parameter in network.parameters()) == count


def test_likelihood_estimator_gives_means_and_bounded_log_variances() -> None:  # F4
    torch.manual_seed(0)
    estimator = LikelihoodEstimator(6, 2)
    mean, log_variance = estimator(10 * torch.randn(4, 6))
    assert mean.shape == log_variance.shape == (4, 2)
    assert log_variance.abs().max() < 1
    assert not torch.equal(mean, log_variance)


def test_likelihood_estimator_takes_other_sizes_in_than_out() -> None:
    mean, log_variance = LikelihoodEstimator(3, 5)(torch.randn(4, 3))
    assert mean.shape == log_variance.shape == (4, 5)


def test_critics_start_as_keras_ones() -> None:
    torch.manual_seed(0)
    layers = [
        m for c in (Discriminator(64), LikelihoodEstimator(32, 32)) for m in c.modules() if isinstance(m, nn.Linear)
    ]
    assert len(layers) == 7
    for layer in layers:
        limit = (6 / (layer.in_features + layer.out_features)) ** 0.5  # Glorot, uniform
        assert 0.9 * limit < layer.weight.abs().max() <= limit
        assert not layer.bias.any()


def test_gradient_penalty_of_a_linear_discriminator() -> None:  # E7
    inputs = torch.ones(4, 8, requires_grad=True)
    scores = dense_of_ones()(inputs)
    assert scores.flatten().tolist() == [9] * 4
    assert gradient_penalty(scores, inputs).item() == 8


def test_gradient_penalty_reaches_the_discriminators_weights() -> None:
    dense, inputs = dense_of_ones(), torch.ones(4, 8, requires_grad=True)
    gradient_penalty(dense(inputs), inputs).backward()
    assert_close(dense.weight.grad, torch.full((1, 8), 2.0))


def test_discriminator_and_generator_losses(monkeypatch: pytest.MonkeyPatch) -> None:  # E8, E9
    objective = CvMim(NetworkConfig(width=4, pose_dim=4, view_dim=4), CvMimConfig())
    objective.discriminator = dense_of_ones()  # type: ignore[assignment]
    monkeypatch.setattr(torch, "rand_like", torch.ones_like)
    nowhere = torch.full((4, 8), -torch.inf, requires_grad=True)  # the sigmoid is 0
    fool, tell = objective._match_prior(nowhere)
    assert fool.item() == pytest.approx(0.31326169, rel=1e-6)
    assert tell.item() == pytest.approx(8.65669254, rel=1e-6)


def test_prior_losses_of_the_views_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    objective = CvMim(NetworkConfig(width=4, pose_dim=4, view_dim=4), CvMimConfig())
    monkeypatch.setattr(torch, "rand_like", lambda like: torch.full_like(like, 0.25))
    first, second = (torch.randn(6, 8, generator=torch.Generator().manual_seed(s)).requires_grad_() for s in (0, 1))
    both = objective._match_prior(first, second)
    each = [objective._match_prior(view) for view in (first, second)]
    for total, a, b in zip(both, *each, strict=True):
        assert_close(total, a + b)
