"""The objective that knows bodies and cameras, against a slow computation of its losses, pair by pair."""

import dataclasses
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn, optim
from torch.testing import assert_close

from poseembed.network import NetworkConfig
from training.objectives.base import Losses
from training.objectives.privileged import Privileged, PrivilegedConfig
from training.objectives.terms.estimators import unit_info_nce_loss
from training.running.recipe import Recipe
from training.running.trainer import Trainer
from training.scene.bodies import Bodies, Variation
from training.scene.cameras import CameraRange
from training.scene.detector import Detector
from training.scene.views import Batch, ViewSampler

NETWORK = NetworkConfig(width=8, blocks=1, pose_dim=3, view_dim=4)
PAIRS = 6


class Fixed(nn.Module):
    """An encoder that gives the same vectors whatever it sees."""

    def __init__(self, z_pose: Tensor, z_view: Tensor) -> None:
        super().__init__()
        self.z_pose, self.z_view = nn.Parameter(z_pose), nn.Parameter(z_view)

    def layout(self, points: Tensor, _: Tensor) -> Tensor:
        return points.flatten(-2)

    def forward(self, _: Tensor) -> tuple[Tensor, Tensor]:
        return self.z_pose, self.z_view


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def make_batch(pairs: int = PAIRS) -> Batch:
    return complete(draw(2, pairs, 26), draw(pairs, 13, 3, seed=1), draw(2, pairs, 5, seed=2))


def complete(inputs: Tensor, bodies: Tensor, cameras: Tensor) -> Batch:
    """Complete views with these inputs, of a network without the mask."""
    return Batch(inputs.unflatten(-1, (13, 2)), torch.ones(*inputs.shape[:2], 13, dtype=torch.bool), bodies, cameras)


def make(config: PrivilegedConfig, network: NetworkConfig = NETWORK) -> Privileged:
    torch.manual_seed(3)
    return Privileged(network, config)


def make_fixed(config: PrivilegedConfig, z_pose: Tensor, z_view: Tensor) -> Privileged:
    objective = make(config, NetworkConfig(width=8, blocks=1, pose_dim=z_pose.shape[1], view_dim=z_view.shape[1]))
    objective.encoder = Fixed(z_pose, z_view)
    return objective


def term(name: str, objective: Privileged, batch: Batch) -> Tensor:
    losses: Losses = objective(batch)
    return losses.terms[name]


def slow_cross_view(z_pose: Tensor, pairs: int, temperature: float) -> Tensor:
    views = [[z / z.norm() for z in view] for view in (z_pose[:pairs], z_pose[pairs:])]
    total = torch.zeros(())
    for anchors, others in (views, views[::-1]):
        for i in range(pairs):
            scores = torch.stack([(anchors[i] @ other / temperature).exp() for other in others])
            total = total - (scores[i] / scores.sum()).log()
    return total / (2 * pairs)


def slow_correlation(first: Tensor, second: Tensor) -> Tensor:
    squares = []
    for a in first.T:
        for b in second.T:
            covariance = ((a - a.mean()) * (b - b.mean())).mean()
            squares.append(covariance**2 / (a.var(correction=0) * b.var(correction=0)))
    return torch.stack(squares).mean()


def slow_losses(objective: Privileged, batch: Batch) -> dict[str, Tensor]:
    z_pose, z_view = objective.encoder(batch.points.flatten(2).flatten(0, 1))
    direction = torch.stack([z / z.norm() for z in z_pose])
    bodies = [batch.body[row % len(batch.body)].flatten() for row in range(len(z_pose))]
    cameras = batch.known_camera().flatten(0, 1).unbind()
    read_body = [(objective.read_body(d) - b).square().mean() for d, b in zip(direction, bodies, strict=True)]
    read_camera = [(objective.read_camera(z) - c).square().mean() for z, c in zip(z_view, cameras, strict=True)]
    return {
        "cross_view": slow_cross_view(z_pose, len(batch.body), objective.config.temperature),
        "body": torch.stack(read_body).mean(),
        "camera": torch.stack(read_camera).mean(),
        "leak": slow_correlation(z_view, torch.stack(bodies)) + slow_correlation(direction, torch.stack(cameras)),
    }


# --- the losses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [
        PrivilegedConfig(),
        PrivilegedConfig(temperature=0.3),
        PrivilegedConfig(body=3.0, camera=0.3, leak=7.0),
        PrivilegedConfig(body=0, camera=0, leak=0),
    ],
    ids=["default", "temperature", "weights", "cross-view alone"],
)
def test_losses_are_their_formulas(config: PrivilegedConfig) -> None:
    objective, batch = make(config), make_batch()
    losses, slow = objective(batch), slow_losses(objective, batch)
    assert losses.terms.keys() == slow.keys()
    for name, value in slow.items():
        assert_close(losses.terms[name], value, rtol=1e-4, atol=1e-5)
    total = slow["cross_view"] + config.body * slow["body"] + config.camera * slow["camera"]
    assert_close(losses.players["encoder"], total + config.leak * slow["leak"], rtol=1e-4, atol=1e-5)


def test_only_the_loss_has_a_gradient() -> None:
    losses = make(PrivilegedConfig())(make_batch())
    assert losses.players["encoder"].requires_grad
    assert not any(value.requires_grad for value in losses.terms.values())


@pytest.mark.parametrize("pairs", [2, 7, 40])
def test_the_contrast_is_info_nce_of_unit_vectors(pairs: int) -> None:
    z_pose = draw(2 * pairs, 8)
    objective = make_fixed(PrivilegedConfig(temperature=0.1), z_pose, draw(2 * pairs, 4))
    expected = unit_info_nce_loss(z_pose[:pairs], z_pose[pairs:], temperature=0.1)
    assert_close(term("cross_view", objective, make_batch(pairs)), expected)


def test_one_pair_has_no_negatives() -> None:
    with pytest.raises(ValueError, match="batch >= 2"):
        make(PrivilegedConfig())(make_batch(1))


def test_length_of_the_pose_vectors_does_not_matter() -> None:
    z_pose, z_view = draw(2 * PAIRS, 8), draw(2 * PAIRS, 4)
    lengths = torch.linspace(0.1, 20, 2 * PAIRS)[:, None]
    first, second = (
        make_fixed(PrivilegedConfig(), z, z_view)(make_batch()).players["encoder"] for z in (z_pose, lengths * z_pose)
    )
    assert_close(first, second)


# --- the leak ---------------------------------------------------------------------------------------------------------


def signs(*columns: str) -> Tensor:
    """Columns of ones and minus ones."""
    return torch.tensor([[1.0 if sign == "+" else -1.0 for sign in column] for column in columns]).T


FIRST, SECOND, BOTH = "++--++--", "++++----", "++----++"
"""Uncorrelated. A body stands in both views: the first repeats itself."""


def known(body: str, camera: str) -> Batch:
    """Four pairs whose bodies and cameras say one thing each, in all their numbers."""
    bodies = signs(body)[:4].expand(4, 39).unflatten(1, (13, 3)) * torch.linspace(0.1, 2, 39).reshape(13, 3)
    cameras = signs(camera) * torch.tensor([1.0, -2, 0.5, 0.3, 9])
    return complete(torch.zeros(2, 4, 26), bodies, cameras.unflatten(0, (2, 4)))


@pytest.mark.parametrize(
    ("pose", "view", "leak"),
    [
        (FIRST, SECOND, 0),  # either vector holds its own subject
        (FIRST, FIRST, 1),
        (SECOND, SECOND, 1),
        (SECOND, FIRST, 2),  # they have changed places
        (BOTH, BOTH, 0),
    ],
)
def test_leak_is_0_for_independent_columns_and_1_for_identical_ones(pose: str, view: str, leak: float) -> None:
    objective = make_fixed(PrivilegedConfig(), signs(pose), 3 * signs(view) + 100)
    assert term("leak", objective, known(FIRST, SECOND)).item() == pytest.approx(leak, abs=1e-5)


def test_leak_is_the_mean_over_the_columns() -> None:
    view = torch.cat([signs(FIRST, SECOND, BOTH), signs(FIRST) + signs(SECOND)], 1)
    objective = make_fixed(PrivilegedConfig(), signs(FIRST), view)
    assert term("leak", objective, known(FIRST, SECOND)).item() == pytest.approx((1 + 0 + 0 + 0.5) / 4, abs=1e-5)


def test_what_never_changes_leaks_nothing() -> None:
    batch = known(FIRST, SECOND)
    batch.known_camera()[..., 1:] = torch.tensor([0.0, 0.3, 0.0, 1.0])  # no roll, no elevation
    objective = make_fixed(PrivilegedConfig(), signs(SECOND, FIRST), torch.full((8, 4), 0.7))
    losses = objective(batch)
    assert losses.terms["leak"].item() == pytest.approx(0.5 / 5, abs=1e-5)
    (gradient,) = torch.autograd.grad(losses.players["encoder"], objective.encoder.z_view)
    assert gradient.isfinite().all()


# --- training ---------------------------------------------------------------------------------------------------------


def test_every_parameter_is_moved_by_the_one_player() -> None:
    objective = make(PrivilegedConfig())
    (player,) = objective.players().items()
    assert player[0] == "encoder"
    assert {id(p) for p in player[1]} == {id(p) for p in objective.parameters()}
    assert len(player[1]) == len(list(objective.parameters()))
    losses = objective(make_batch(32))
    gradients = torch.autograd.grad(losses.players["encoder"], player[1])
    for (name, _), gradient in zip(objective.named_parameters(), gradients, strict=True):
        assert gradient.isfinite().all()
        assert gradient.any() or name.endswith("bias"), name


@pytest.mark.parametrize("weight", ["body", "camera", "leak"])
def test_each_loss_moves_the_encoder(weight: str) -> None:
    nothing = PrivilegedConfig(body=0, camera=0, leak=0)
    moved = []
    for config in (nothing, dataclasses.replace(nothing, **{weight: 1.0})):
        objective = make(config)
        head = objective.encoder.tower.head.weight
        (gradient,) = torch.autograd.grad(objective(make_batch()).players["encoder"], head)
        moved.append(gradient)
    pose, view = (moved[1] - moved[0]).split([NETWORK.pose_dim, NETWORK.view_dim])
    assert pose.any() == (weight != "camera")
    assert view.any() == (weight != "body")


def test_the_contrast_moves_the_pose_vector_alone() -> None:
    objective = make(PrivilegedConfig(body=0, camera=0, leak=0))
    head = objective.encoder.tower.head.weight
    (gradient,) = torch.autograd.grad(objective(make_batch()).players["encoder"], head)
    assert gradient[: NETWORK.pose_dim].any()
    assert not gradient[NETWORK.pose_dim :].any()


def test_gradients_are_those_of_the_formulas() -> None:
    config = PrivilegedConfig(temperature=0.3, body=2.0, camera=0.5, leak=3.0)
    objective, batch = make(config), make_batch(5)
    slow = slow_losses(objective, batch)
    total = slow["cross_view"] + 2 * slow["body"] + 0.5 * slow["camera"] + 3 * slow["leak"]
    parameters = list(objective.parameters())
    ours = torch.autograd.grad(objective(batch).players["encoder"], parameters)
    for gradient, expected in zip(ours, torch.autograd.grad(total, parameters), strict=True):
        assert_close(gradient, expected, rtol=1e-3, atol=1e-4)


def test_batch_norm_sees_both_views_together() -> None:
    objective, batch = make(PrivilegedConfig()), make_batch()
    seen: list[Tensor] = []
    objective.encoder.stem.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    objective(batch)
    assert_close(torch.stack(seen), batch.points.flatten(2).flatten(0, 1)[None])


def test_autocast_rounds_neither_the_contrast_nor_the_leak() -> None:
    objective = make_fixed(PrivilegedConfig(), draw(2 * PAIRS, 8), draw(2 * PAIRS, 4))
    exact = objective(make_batch()).terms
    with torch.autocast("cpu", torch.bfloat16):
        rounded = objective(make_batch())
    for name in ("cross_view", "leak"):
        assert torch.equal(rounded.terms[name], exact[name])
    assert rounded.players["encoder"].dtype == torch.float32
    for name in ("body", "camera"):
        assert_close(rounded.terms[name], exact[name], rtol=0.02, atol=0.02)


def train(config: PrivilegedConfig) -> list[Losses]:
    """Every step of a short run: all that can be known of 300 bodies is to be learnt by a small network."""
    rng = np.random.default_rng(0)
    joints = rng.normal(scale=0.1, size=(300, 14, 3)).astype(np.float32)
    for pair, x, y in (([1, 2], 0.2, 0.6), ([7, 8], 0.1, 0.0)):
        joints[:, pair] += np.array([[x, y, 0], [-x, y, 0]], np.float32)
    joints[:, [9, 10, 11, 12], 1] -= 0.6
    recipe = Recipe(
        objective=partial(Privileged, config=config),
        network=NetworkConfig(width=32),
        pairs=128 * 40,
        batch_size=128,
        optimizer=partial(optim.AdamW, lr=3e-3),
    )
    bodies = Bodies(joints[:, :13], joints[:, 13], Variation())
    trainer = Trainer(recipe, ViewSampler(bodies, CameraRange(), Detector()), seed=0)
    return [trainer.train_step() for _ in range(40)]


def mean_of(name: str, steps: list[Losses]) -> float:
    return float(np.mean([step.terms[name].item() for step in steps]))


def test_a_few_steps_lower_the_losses_and_keep_the_leak_low() -> None:
    penalised, free = (train(PrivilegedConfig(temperature=0.2, leak=leak)) for leak in (10.0, 0.0))
    for name in ("cross_view", "body", "camera"):
        for steps in (penalised, free):
            assert mean_of(name, steps[-10:]) < 0.9 * mean_of(name, steps[:10]), name
    assert mean_of("leak", penalised[-10:]) < 0.8 * mean_of("leak", free[-10:])
