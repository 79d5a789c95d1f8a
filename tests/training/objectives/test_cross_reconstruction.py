"""The auto-encoders: what is rebuilt from which vectors, and what the variational ones pay for."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from poseembed.network import NetworkConfig
from training.objectives.base import Losses
from training.objectives.cross_reconstruction import (
    AutoEncoder,
    AutoEncoderConfig,
    Variational,
    VariationalConfig,
    visible_error,
)
from training.scene.views import Batch

NETWORK = NetworkConfig(mask_input=True, width=16, blocks=1, pose_dim=3, view_dim=2)


def made_batch(size: int = 8) -> Batch:
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(2, size, 13, 2, generator=generator)
    visible = torch.rand(2, size, 13, generator=generator) > 0.2
    return Batch(points * visible[..., None], visible, torch.zeros(size, 13, 3), None)


def inputs(batch: Batch) -> Tensor:
    """Of both views: x0, y0, visible0, x1, ..."""
    return torch.cat([batch.points, batch.visible[..., None].float()], dim=-1).flatten(-2)


def test_both_views_are_rebuilt_from_either_pose_vector() -> None:
    torch.manual_seed(0)
    objective = AutoEncoder(NETWORK, AutoEncoderConfig(dropout=0.0)).eval()
    batch = made_batch()
    anchor, positive = inputs(batch)
    (pose_a, view_a), (pose_p, view_p) = objective.encoder(anchor), objective.encoder(positive)
    total = torch.zeros(())
    for target, pose, view in ((0, pose_a, view_a), (1, pose_a, view_p), (0, pose_p, view_a), (1, pose_p, view_p)):
        rebuilt = objective.decoder(torch.cat([pose, view], -1)).unflatten(-1, (13, 2))
        total = total + visible_error(rebuilt, batch.points[target], batch.visible[target])
    assert_close(objective(batch).players["encoder"], total)


def test_missing_joints_are_not_asked_for() -> None:
    points, visible = torch.zeros(2, 13, 2), torch.ones(2, 13, dtype=torch.bool)
    visible[0, 4] = False
    rebuilt = torch.zeros(2, 13, 2)
    rebuilt[0, 4] = 100  # missing: free
    rebuilt[1, 5] = torch.tensor([3.0, 4.0])
    assert visible_error(rebuilt, points, visible).item() == pytest.approx(25 / (2 * 25))
    assert visible_error(rebuilt[1:], points[1:], visible[1:]).item() == pytest.approx(25 / 26)


def test_the_bound_is_the_best_gaussians_likelihood_less_the_divergence() -> None:
    torch.manual_seed(0)
    objective = Variational(NETWORK, VariationalConfig(dropout=0.0, beta=2.0))
    with torch.no_grad():  # unit variance: the divergence is half the squared length of the mean
        objective.log_variance.weight.zero_()
        objective.log_variance.bias.zero_()
    objective.eval()
    batch = made_batch()
    losses = objective(batch)
    squares = sum(torch.cat(objective.encoder(view), -1).square().sum(-1).mean() for view in inputs(batch))
    assert_close(losses.terms["divergence"], squares / 2)
    expected = 4 * 13 * losses.terms["error"].log() + 2.0 * losses.terms["divergence"]
    assert_close(losses.players["encoder"], expected)


def trained(objective: AutoEncoder, steps: int) -> Losses:
    (parameters,) = objective.players().values()
    optimizer = torch.optim.AdamW(parameters, lr=5e-3)
    for _ in range(steps):
        losses = objective(made_batch(32))
        optimizer.zero_grad()
        losses.players["encoder"].backward()
        optimizer.step()
    return losses


def test_learning_rebuilds_better_than_the_mean_pose() -> None:
    torch.manual_seed(0)
    objective = AutoEncoder(NetworkConfig(mask_input=True, width=32, blocks=1), AutoEncoderConfig(dropout=0.0))
    assert trained(objective, 60).terms["error"] < 0.7


def test_a_larger_beta_keeps_the_vectors_nearer_to_the_prior() -> None:
    divergences = []
    for beta in (1.0, 20.0):
        torch.manual_seed(0)
        network = NetworkConfig(mask_input=True, width=32, blocks=1)
        objective = Variational(network, VariationalConfig(dropout=0.0, beta=beta))
        divergences.append(trained(objective, 60).terms["divergence"].item())
    assert divergences[1] < divergences[0]
    assert all(math.isfinite(divergence) for divergence in divergences)


def test_samples_differ_and_the_embedding_does_not() -> None:
    torch.manual_seed(0)
    objective = Variational(NETWORK, VariationalConfig(dropout=0.0)).eval()
    batch = made_batch()
    assert objective(batch).terms["error"] != objective(batch).terms["error"]
    assert torch.equal(objective.encoder(inputs(batch)[0])[0], objective.encoder(inputs(batch)[0])[0])
