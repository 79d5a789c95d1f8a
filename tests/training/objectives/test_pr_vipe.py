"""Pr-VIPE against the reference cases (group G) and against a slow computation, sample by sample and pair by pair."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn, optim
from torch.testing import assert_close

from poseembed.network import NetworkConfig
from training.objectives.base import Losses
from training.objectives.pr_vipe import (
    PrVipe,
    PrVipeConfig,
    above_zero,
    kl_from_unit,
    matching_probability,
    mean_square_distance,
    semi_hard,
    triplet_loss,
)
from training.running.recipe import Recipe, load_recipe
from training.running.trainer import Trainer
from training.scene.bodies import Bodies, Variation
from training.scene.cameras import CameraRange
from training.scene.detector import Detector
from training.scene.metrics import np_mpjpe
from training.scene.views import Batch, ViewSampler
from training.scene.world import turn

NETWORK = NetworkConfig(width=8, blocks=1, pose_dim=3, view_dim=0)
PAIRS = 7
EXACT = PrVipeConfig(dropout=0, samples=4)
"""All poses of a small batch are candidates."""

G6_DISTANCE = [[2, 8, 32, 72], [2, 0, 8, 32], [18, 8, 0, 8]]
G6_NEGATIVE = [[1, 1, 1, 1], [1, 1, 0, 1], [1, 0, 1, 0]]


def tensor(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.empty(shape).normal_(generator=torch.Generator().manual_seed(seed))


def make_batch(pairs: int = PAIRS, *, alike: float = 1.0) -> Batch:
    """Views of bodies that differ from one another by about so much of a body."""
    bodies = draw(13, 3) + alike * draw(pairs, 13, 3, seed=1)
    inputs = (bodies[:, :, :2].flatten(1) + 0.5 * draw(2, pairs, 26, seed=2)) / 2
    return complete(inputs, bodies)


def complete(inputs: Tensor, bodies: Tensor) -> Batch:
    """Complete views with these inputs, of a network without the mask."""
    return Batch(inputs.unflatten(-1, (13, 2)), torch.ones(*inputs.shape[:2], 13, dtype=torch.bool), bodies, None)


def make(config: PrVipeConfig, network: NetworkConfig = NETWORK) -> PrVipe:
    torch.manual_seed(3)
    return PrVipe(network, config)


def run(objective: PrVipe, batch: Batch, monkeypatch: pytest.MonkeyPatch) -> tuple[Losses, Tensor]:
    """The losses, and the normal draws that they were computed with."""
    draws: list[Tensor] = []

    def recorded(*shape: int, device: torch.device) -> Tensor:
        draws.append(draw(*shape, seed=4).to(device))
        return draws[-1]

    with monkeypatch.context() as patch:
        patch.setattr(torch, "randn", recorded)
        losses = objective(batch)
    (noise,) = draws
    return losses, noise


def slow_embed(objective: PrVipe, batch: Batch) -> tuple[Tensor, Tensor]:
    tower = objective.encoder.tower
    features = objective.encoder.stem(batch.points.flatten(2).flatten(0, 1))
    for block in tower.blocks:
        features = features + block(features)
    return tower.head(features), nn.functional.elu(objective.deviation(features)) + 1


def slow_distance(objective: PrVipe, first: Tensor, second: Tensor) -> Tensor:
    """Of two poses with the samples (k, d)."""
    a, b = nn.functional.elu(objective.slope) + 1, objective.offset
    matches = [0.9 / (1 + (a * (x - y).norm() - b).exp()) + 0.05 for x in first for y in second]
    return -torch.stack(matches).mean().log()


def slow_triplets(objective: PrVipe, batch: Batch, samples: Tensor) -> list[tuple[int, int, Tensor, Tensor]]:
    """Anchor, negative and the two distances."""
    pairs = len(batch.body)
    triplets = []
    for i in range(pairs):
        partner = slow_distance(objective, samples[i], samples[pairs + i])
        found = None
        for j in range(pairs):
            distance = slow_distance(objective, samples[i], samples[pairs + j])
            if distance > partner and np_mpjpe(batch.body[i], batch.body[j]) >= objective.config.same_pose:
                found = (i, j, partner, distance) if found is None or distance < found[3] else found
        triplets += [] if found is None else [found]
    return triplets


def slow_losses(objective: PrVipe, batch: Batch, noise: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss, and the terms that it is made of."""
    mean, deviation = slow_embed(objective, batch)
    samples = torch.stack(
        [torch.stack([m + s * n for n in noise[:, i]]) for i, (m, s) in enumerate(zip(mean, deviation, strict=True))]
    )
    pairs = len(batch.body)
    short = [p - n + math.log(2) for _, _, p, n in slow_triplets(objective, batch, samples)]
    active = [value for value in short if value > 0]
    partners = [slow_distance(objective, samples[i], samples[pairs + i]) for i in range(pairs)]
    unit = torch.distributions.Normal(0, 1)
    divergence = torch.distributions.kl_divergence(torch.distributions.Normal(mean, deviation), unit)
    terms = {
        "triplet": torch.stack(active).mean() if active else torch.zeros(()),
        "active": torch.tensor(len(active) / pairs),
        "positive": torch.stack(partners).mean(),
        "prior": divergence.sum(-1).mean(),
        "slope": nn.functional.elu(objective.slope) + 1,
        "offset": objective.offset,
    }
    config = objective.config
    return terms["triplet"] + config.positive * terms["positive"] + config.prior * terms["prior"], terms


# --- the pieces -------------------------------------------------------------------------------------------------------


def test_matching_probability() -> None:  # G1
    probability = matching_probability(torch.arange(1.0, 7.0), 0.01, 1.0)
    assert_close(probability, tensor([0.70617913, 0.70439740, 0.70260755, 0.70080963, 0.69900366, 0.69718969]))
    logarithms = [0.34788635, 0.35041260, 0.35295680, 0.35551901, 0.35809930, 0.36069775]
    assert_close(-probability.log(), tensor(logarithms))
    assert matching_probability(torch.tensor(1e9), 0.5, 0.0).item() == pytest.approx(0.05)


def test_divergence_from_the_unit_gaussian() -> None:  # G2
    mean, deviation = tensor([[1, 2, 3], [4, 5, 6]]), tensor([[6, 5, 4], [3, 2, 1]])
    assert kl_from_unit(mean, deviation).item() == pytest.approx(40.71037439)
    assert kl_from_unit(mean.repeat(3, 1), deviation.repeat(3, 1)).item() == pytest.approx(122.13112318 / 3)
    assert kl_from_unit(torch.zeros(2, 3), torch.ones(2, 3)).item() == 0


def test_mean_square_distance_of_two_sets() -> None:  # G4
    first, second = tensor([[[1, 2], [3, 4]]]), tensor([[[1, 2], [3, 4], [5, 6]]])
    assert mean_square_distance(first, second).item() == pytest.approx(56 / 6)


def test_mean_square_distance_of_all_pairs_of_sets() -> None:
    first, second = draw(3, 5, 4), 3 * draw(6, 2, 4, seed=1) + 1
    slow = [[torch.stack([(x - y).square().sum() for x in a for y in b]).mean() for b in second] for a in first]
    assert_close(mean_square_distance(first, second), tensor(slow))


def table(negative: object) -> Callable[[Tensor, Tensor], Tensor]:
    known = tensor(negative).bool()
    return lambda rows, columns: known[rows, columns]


@pytest.mark.parametrize(
    ("distance", "positive", "negative", "columns"),
    [
        # G5
        (
            [[1, 3, 2, 0], [6, 5, 4, 0], [7, 8, 9, 10]],
            [0, 6.5, 10],
            [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]],
            [0, -1, -1],
        ),
        (G6_DISTANCE, [0, 8, 2], G6_NEGATIVE, [0, 3, 0]),  # G6
        ([[1, 2, 3]], [1], [[1, 1, 1]], [1]),  # one as far as the positive is no farther than it
        ([[5, 4, 3, 2]], [1], [[1, 0, 0, 0]], [0]),
        ([[torch.inf]], [1], [[1]], [-1]),
    ],
    ids=["G5", "G6", "as far", "last", "nowhere"],
)
def test_semi_hard_negatives(distance: object, positive: object, negative: object, columns: list[int]) -> None:
    assert semi_hard(tensor(distance), tensor(positive), table(negative)).tolist() == columns


@pytest.mark.parametrize("seed", range(5))
def test_semi_hard_negatives_are_those_of_the_definition(seed: int) -> None:
    distance, positive, negative = draw(40, 9, seed=seed), draw(40, seed=seed + 10), draw(40, 9, seed=seed + 20) > 0.7
    allowed = negative & (distance > positive[:, None])
    slow = [
        min((i for i in range(9) if row[i]), key=lambda i: near[i].item(), default=-1)
        for row, near in zip(allowed, distance, strict=True)
    ]
    assert -1 in slow
    assert semi_hard(distance, positive, table(negative.float().tolist())).tolist() == slow


def test_labels_are_asked_for_from_the_nearest_on_and_no_further_than_needed() -> None:
    asked: list[tuple[list[int], list[int]]] = []

    def is_negative(rows: Tensor, columns: Tensor) -> Tensor:
        asked.append((rows.tolist(), columns.tolist()))
        return columns != 2

    chosen = semi_hard(tensor([[3, 1, 2], [3, 2, 1], [0, 0, 1]]), tensor([0, 0, 0]), is_negative)
    assert chosen.tolist() == [1, 1, -1]
    assert asked == [([0, 1, 2], [1, 2, 2]), ([1], [1])]


@pytest.mark.parametrize(
    ("positive", "negative", "margin", "active", "loss"),
    [
        ([0, 8, 2], [2, 32, 18], 20, 2, 11),  # G6
        ([1, 2, 3], [4, 5, 12], 5, 2, 4 / 3 * 3 / 2),  # G7, whose negatives were mined by the distances of G6
        ([0, 8, 2], [2, 32, 18], 5, 1, 1.0 * 3 / 1),
        ([0, 1], [9, 9], 1, 0, 0),
        ([], [], 1, 0, 0),
    ],
    ids=["G6", "G7", "G7 mining", "satisfied", "empty"],
)
def test_triplet_loss(positive: object, negative: object, margin: float, active: int, loss: float) -> None:
    ours, count = triplet_loss(tensor(positive), tensor(negative), margin=margin)
    assert ours.item() == pytest.approx(loss)
    assert count.item() == active


def test_the_margin_asks_for_twice_the_probability() -> None:
    partner = torch.full((3,), 0.6)
    loss, active = triplet_loss(-partner.log(), -tensor([0.29, 0.31, 0.4]).log())
    assert active.item() == 2
    assert loss.item() == pytest.approx((math.log(2 * 0.31 / 0.6) + math.log(2 * 0.4 / 0.6)) / 2, rel=1e-5)


def test_above_zero_is_elu_plus_1_down_to_the_smallest() -> None:
    raw = torch.linspace(-3, 3, 25)
    assert_close(above_zero(raw), nn.functional.elu(raw) + 1)
    assert above_zero(torch.tensor(-50.0)).item() == pytest.approx(math.exp(-50))
    large = torch.tensor([-200.0, 200.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(above_zero(large).sum(), large)
    assert gradient.tolist() == [0, 1]


# --- the loss ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [
        EXACT,
        PrVipeConfig(dropout=0, samples=4, candidates=PAIRS),
        PrVipeConfig(dropout=0, samples=2, positive=3.0, prior=0.7, same_pose=0.55),
        PrVipeConfig(dropout=0, samples=1, same_pose=9.0),  # all poses are the same
    ],
    ids=["default", "as many candidates as pairs", "weights", "no negatives"],
)
def test_losses_and_gradients_are_those_of_the_formulas(config: PrVipeConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    objective, batch = make(config), make_batch(alike=0.7)
    losses, noise = run(objective, batch, monkeypatch)
    assert noise.shape == (config.samples, 2 * PAIRS, 3)
    total, terms = slow_losses(objective, batch, noise)
    assert losses.terms.keys() == terms.keys()
    for name, value in terms.items():
        assert_close(losses.terms[name], value.detach(), rtol=1e-4, atol=1e-5)
    assert_close(losses.players["encoder"], total, rtol=1e-4, atol=1e-5)
    parameters = list(objective.parameters())
    slow = torch.autograd.grad(total, parameters)
    for ours, wanted in zip(torch.autograd.grad(losses.players["encoder"], parameters), slow, strict=True):
        assert_close(ours, wanted, rtol=1e-3, atol=1e-5)


def test_both_views_go_through_batch_norm_together() -> None:
    objective, batch = make(EXACT), make_batch()
    seen: list[Tensor] = []
    objective.encoder.stem.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    objective(batch)
    assert_close(torch.stack(seen), batch.points.flatten(2).flatten(0, 1)[None])


def test_autocast_rounds_the_network_only(monkeypatch: pytest.MonkeyPatch) -> None:
    objective, batch = make(EXACT), make_batch()
    vectors = slow_embed(objective, batch)
    monkeypatch.setattr(objective, "embed", lambda _: vectors)
    exact, _ = run(objective, batch, monkeypatch)
    with torch.autocast("cpu", torch.bfloat16):
        rounded, _ = run(objective, batch, monkeypatch)
    assert rounded.terms == exact.terms
    monkeypatch.undo()
    with torch.autocast("cpu", torch.bfloat16):
        losses, _ = run(objective, batch, monkeypatch)
    assert losses.players["encoder"].dtype == torch.float32
    assert_close(losses.terms["prior"], exact.terms["prior"], rtol=0.05, atol=0)


def test_vectors_and_dropout_are_those_of_the_encoder() -> None:
    objective, batch = make(PrVipeConfig()), make_batch()
    inputs = batch.points[0].flatten(1)
    assert not torch.equal(objective.encoder(inputs)[0], objective.encoder(inputs)[0])
    objective.eval()
    mean, deviation = objective.embed(inputs)
    z_pose, z_view = objective.encoder(inputs)
    assert torch.equal(mean, z_pose)
    assert (deviation > 0).all()
    assert z_view.shape == (PAIRS, 0)


def test_a_view_vector_is_refused() -> None:
    with pytest.raises(ValueError, match="Pr-VIPE trains no view vector, got view_dim=32; make it 0"):
        PrVipe(NetworkConfig(width=8), EXACT)


# --- the negatives ----------------------------------------------------------------------------------------------------


def mine(objective: PrVipe, batch: Batch, samples: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The negatives of all anchors, their distances and the partners', as the objective computes them."""
    anchor, positive = samples.chunk(2)
    partner = objective._matching_distance(anchor, positive)
    negative = objective._mine(anchor, positive, partner, batch.body)
    return negative, objective._matching_distance(anchor, positive[negative.clamp_min(0)]), partner


def clustered(pairs: int) -> tuple[Batch, Tensor]:
    """Bodies around a few, so that many are the same pose; and samples of views that were learnt a little."""
    near = draw(pairs // 4, 13, 3).repeat(4, 1, 1) + 0.08 * draw(pairs, 13, 3, seed=1)
    means = (near.flatten(1)[:, :16] + draw(2, pairs, 16, seed=2)).flatten(0, 1)
    samples = means[:, None] + 0.3 * draw(2 * pairs, 5, 16, seed=3)
    return complete(draw(2, pairs, 26), near), samples


def test_few_candidates_give_a_negative_beyond_the_partner_that_is_nearly_the_nearest() -> None:
    batch, samples = clustered(96)
    every, exact, _ = mine(make(PrVipeConfig(candidates=96)), batch, samples)
    few, near, partner = mine(make(PrVipeConfig(candidates=12)), batch, samples)
    assert (every >= 0).float().mean() > 0.9
    assert (few == every).float().mean() > 0.8
    both = (few >= 0) & (every >= 0)
    assert (near - exact)[both].max() < 0.1
    found = (few >= 0).nonzero().squeeze(1)
    assert len(found) > 80
    assert (near > partner)[found].all()
    assert (np_mpjpe(batch.body[found], batch.body[few[found]]) >= 0.1).all()


def test_all_candidates_give_the_negative_of_the_definition() -> None:
    batch, samples = clustered(16)
    objective = make(PrVipeConfig(candidates=16))
    wanted = {i: j for i, j, _, _ in slow_triplets(objective, batch, samples)}
    assert mine(objective, batch, samples)[0].tolist() == [wanted.get(i, -1) for i in range(16)]


def test_a_turned_and_larger_body_is_no_negative() -> None:
    bodies = draw(3, 13, 3)
    bodies[1] = 2 * turn(bodies[0], torch.full((13,), 1.0)) + 5
    batch = complete(draw(2, 3, 26), bodies)
    samples = tensor([[0.0], [1.0], [2.0], [0.1], [1.1], [2.1]])[:, None]
    assert mine(make(PrVipeConfig()), batch, samples)[0].tolist() == [2, 2, 1]


def test_the_threshold_is_inclusive() -> None:  # G8
    bodies = draw(2, 13, 3)
    samples = tensor([[0.0], [0.0], [0.0], [1.0]])[:, None]
    threshold = np_mpjpe(bodies[:1], bodies[1:]).numpy()[0]
    for same_pose, wanted in ((threshold, 1), (np.nextafter(threshold, np.float32(np.inf)), -1)):
        objective = make(PrVipeConfig(same_pose=float(same_pose)))
        assert mine(objective, complete(draw(2, 2, 26), bodies), samples)[0][0].item() == wanted


# --- training ---------------------------------------------------------------------------------------------------------


def test_the_one_player_has_every_parameter_and_moves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    objective = make(EXACT)
    ((player, parameters),) = objective.players().items()
    assert player == "encoder"
    assert [id(p) for p in parameters] == [id(p) for p in objective.parameters()]
    losses, _ = run(objective, make_batch(32), monkeypatch)
    assert losses.terms["active"] > 0.5
    gradients = torch.autograd.grad(losses.players["encoder"], parameters)
    for (name, _), gradient in zip(objective.named_parameters(), gradients, strict=True):
        assert gradient.isfinite().all()
        assert gradient.any() or name.endswith("linear.bias"), name
    assert not any(value.requires_grad for value in losses.terms.values())


def make_trainer() -> Trainer:
    """300 bodies whose limbs move by a tenth of a metre, and a small network."""
    joints = 0.1 * np.random.default_rng(0).normal(size=(300, 14, 3)).astype(np.float32)
    for pair, x, y in (([1, 2], 0.2, 0.6), ([7, 8], 0.1, 0.0)):
        joints[:, pair] += np.array([[x, y, 0], [-x, y, 0]], np.float32)
    joints[:, [9, 10, 11, 12], 1] -= 0.6
    recipe = Recipe(
        objective=partial(PrVipe, config=PrVipeConfig(dropout=0, samples=5)),
        network=NetworkConfig(width=32, blocks=1, pose_dim=8, view_dim=0),
        pairs=64 * 60,
        batch_size=64,
        optimizer=partial(optim.AdamW, lr=3e-3),
    )
    bodies = Bodies(joints[:, :13], joints[:, 13], Variation())
    cameras = CameraRange(azimuth=(-0.3, 0.3))
    return Trainer(recipe, ViewSampler(bodies, cameras, Detector()), seed=0)


def mean_rank(trainer: Trainer) -> float:
    """Of the partners among 200 poses, by the distance of means; 100 by chance."""
    torch.manual_seed(9)
    batch = trainer.sampler.sample(200)
    with torch.no_grad():
        anchor, positive = (trainer.objective.encoder(inputs)[0] for inputs in batch.points.flatten(2))
    distance = torch.cdist(anchor, positive)
    return (distance < distance.diagonal()[:, None]).sum(1).float().mean().item()


def test_a_few_steps_bring_the_views_of_a_body_together() -> None:
    trainer = make_trainer()
    before = mean_rank(trainer)
    losses = [trainer.train_step() for _ in range(60)]
    assert all(step.players["encoder"].isfinite() for step in losses)
    assert mean_rank(trainer) < 0.6 * before


def test_the_papers_recipe_is_the_papers() -> None:
    recipe = load_recipe("pr_vipe")
    assert recipe.network == NetworkConfig(mask_input=False, width=1024, blocks=2, pose_dim=16, view_dim=0)
    assert recipe.cameras == CameraRange(distance=(2.0, 2.0))
    assert (recipe.variation, recipe.detector) == (Variation(), Detector())
    assert (recipe.batch_size, recipe.pairs, recipe.warmup, recipe.cooldown) == (256, 256 * 5_000_000, 0, 0)
    optimizer = recipe.optimizer([nn.Parameter(torch.zeros(2))])
    assert isinstance(optimizer, optim.Adagrad)
    assert (optimizer.defaults["lr"], optimizer.defaults["initial_accumulator_value"]) == (0.02, 0.1)
    config = PrVipeConfig()
    assert (config.dropout, config.samples, config.positive, config.prior, config.same_pose) == (
        0.3,
        20,
        0.005,
        0.001,
        0.1,
    )
    objective = make(config)
    assert above_zero(objective.slope).item() == pytest.approx(math.exp(-0.65))
    assert objective.offset.item() == -0.5


def test_the_recipe_to_compare_with_differs_in_the_objective_alone() -> None:
    ours, theirs = load_recipe("poseembed_base"), load_recipe("poseembed_base_pr_vipe")
    for name in ("pairs", "batch_size", "variation", "cameras", "detector", "optimizer", "warmup", "cooldown"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert theirs.network.width == ours.network.width
    assert isinstance(theirs.objective(theirs.network), PrVipe)
