"""InfoNCE and DIM: which view is scored against which vectors."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from poseembed.network import NetworkConfig
from training.objectives.infomax import Infomax, InfomaxConfig
from training.objectives.terms.estimators import info_nce_loss, jsd_loss
from training.scene.views import Batch

NETWORK = NetworkConfig(width=8, blocks=1, pose_dim=3, view_dim=3)


def made_batch(size: int = 6) -> Batch:
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(2, size, 13, 2, generator=generator)
    return Batch(points, torch.ones(2, size, 13, dtype=torch.bool), torch.zeros(size, 13, 3), None)


@pytest.mark.parametrize("estimator, estimate", [("jsd", jsd_loss), ("info_nce", info_nce_loss)])
def test_each_view_is_scored_against_its_own_view_vector_with_either_pose(estimator: str, estimate) -> None:
    torch.manual_seed(0)
    objective = Infomax(NETWORK, InfomaxConfig(estimator=estimator, fusion="product", cross_view=3.0, dropout=0.0))
    objective.eval()  # running statistics: the two forward passes agree
    batch = made_batch()
    (pose_a, view_a), (pose_p, view_p) = (objective.encoder(view) for view in batch.points.flatten(2))
    local_a, local_p = (objective.subencoder(objective.encoder.stem(view)) for view in batch.points.flatten(2))
    within = estimate(local_a, pose_a * view_a) + estimate(local_p, pose_p * view_p)
    cross = estimate(local_a, pose_p * view_a) + estimate(local_p, pose_a * view_p)
    losses = objective(batch)
    assert_close(losses.players["encoder"], within + 3 * cross)
    assert_close(losses.terms["cross_view"], cross)


def test_vectors_that_say_nothing_leave_info_nce_at_chance() -> None:
    objective = Infomax(NETWORK, InfomaxConfig(estimator="info_nce", dropout=0.0))
    with torch.no_grad():
        objective.encoder.tower.head.weight.zero_()
        objective.encoder.tower.head.bias.zero_()
    assert objective(made_batch()).terms["within_view"].item() == pytest.approx(2 * math.log(6))


@pytest.mark.parametrize("estimator", ["jsd", "info_nce"])
def test_training_finds_the_partner(estimator: str) -> None:
    torch.manual_seed(0)
    objective = Infomax(NetworkConfig(width=32, blocks=1), InfomaxConfig(estimator=estimator, dropout=0.0))
    (parameters,) = objective.players().values()
    optimizer = torch.optim.AdamW(parameters, lr=3e-3)
    terms: list[dict[str, Tensor]] = []
    for _ in range(40):
        losses = objective(made_batch(16))
        optimizer.zero_grad()
        losses.players["encoder"].backward()
        optimizer.step()
        terms.append(losses.terms)
    assert terms[-1]["cross_view"] < terms[0]["cross_view"] - 1


def test_unequal_vectors_can_only_be_concatenated() -> None:
    network = NetworkConfig(width=8, blocks=1, pose_dim=3, view_dim=2)
    with pytest.raises(ValueError, match="pose_dim=3 and view_dim=2"):
        Infomax(network, InfomaxConfig())
    assert Infomax(network, InfomaxConfig(fusion="concatenation")).subencoder.head.out_features == 5
