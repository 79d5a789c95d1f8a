"""Probes, on features of which it is known what can be read from them."""

from functools import partial

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from training.evaluation.probes import MlpSettings, Probe, constant, linear, mlp

QUICK = partial(mlp, settings=MlpSettings(hidden=64, steps=20))
PATIENT = partial(mlp, settings=MlpSettings(hidden=64, steps=120))
"""For tests in which the MLP has to learn something."""

FORGETFUL = partial(mlp, settings=MlpSettings(hidden=16, steps=120))
"""Too small to learn pairs by heart."""


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def residual(probe: Probe, features: Tensor, targets: Tensor) -> float:
    """Share of the variance of the second half of the rows that a probe fitted on the first half does not explain."""
    half = len(features) // 2
    predicted = probe(features[:half], targets[:half], 0)(features[half:])
    rest = (predicted - targets[half:]).square().sum() / (targets[:half].mean(0) - targets[half:]).square().sum()
    return rest.item()


def test_linear_probe_reads_what_lies_open_in_any_unit() -> None:
    features = normal(400, 8)
    targets = features @ normal(8, 3, seed=1) + 5
    assert residual(linear, features, targets) < 1e-6
    assert residual(linear, features * torch.logspace(-3, 3, 8) + 10, targets) < 1e-6


def test_only_the_mlp_reads_what_is_folded_up() -> None:
    features = normal(2000, 4)
    targets = torch.stack([features[:, 0] * features[:, 1], features[:, 2].abs()], dim=-1)
    assert residual(linear, features, targets) > 0.95
    assert residual(PATIENT, features, targets) < 0.25


@pytest.mark.parametrize("probe", [linear, FORGETFUL])
def test_probes_read_nothing_from_noise_or_shuffled_pairs(probe: Probe) -> None:
    targets = normal(4000, 3)
    shuffled = targets[torch.randperm(4000, generator=torch.Generator().manual_seed(2))]
    assert residual(probe, targets, targets) < 0.5
    assert residual(probe, normal(4000, 5, seed=1), targets) == pytest.approx(1, abs=0.1)
    assert residual(probe, shuffled, targets) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("probe", [linear, QUICK, constant])
def test_constant_features_give_the_mean_target(probe: Probe) -> None:
    targets = normal(500, 3) + 7
    predicted = probe(torch.full((500, 2), 0.1), targets, 0)(torch.full((4, 2), 0.1))
    assert_close(predicted, targets.mean(0).expand(4, -1), atol=0.1, rtol=0)


def test_features_that_repeat_each_other_do_no_harm() -> None:
    features = normal(400, 4)
    targets = features @ normal(4, 3, seed=1)
    assert residual(linear, torch.cat([features, features, 0 * features], dim=1), targets) < 1e-6


def test_mlp_follows_from_its_seed_and_leaves_the_random_state() -> None:
    features, targets = normal(300, 4), normal(300, 2, seed=1)
    state = torch.get_rng_state()
    first, again, other = (QUICK(features, targets, seed)(features) for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert not first.requires_grad
