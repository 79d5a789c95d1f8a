"""The CV-MIM objective against a slow computation, pair by pair, of the losses that the official code adds up."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from poseembed.network import NetworkConfig
from training.objectives.base import Losses
from training.objectives.cv_mim import CvMim, CvMimConfig
from training.objectives.terms.critics import LikelihoodEstimator
from training.scene.views import Batch

NETWORK = NetworkConfig(width=8, blocks=1, pose_dim=3, view_dim=3)
BATCH = 6


def softplus(u: Tensor) -> Tensor:
    return (1 + u.exp()).log()


def slow_jsd(local: Tensor, matching: Tensor) -> Tensor:
    total = torch.zeros(())
    for i in range(len(local)):
        for j in range(len(local)):
            score = local[i] @ matching[j]
            total = total + (softplus(-score) if i == j else softplus(score) / (len(local) - 1)) / len(local)
    return total - 2 * math.log(2)


def slow_info_nce(first: Tensor, second: Tensor) -> Tensor:
    total = torch.zeros(())
    for i in range(len(first)):
        for a, b in ((first, second), (second, first)):
            scores = torch.stack([(a[i] @ row) / (a[i].norm() * row.norm()) / 0.05 for row in b])
            total = total + scores.logsumexp(0) - scores[i]
    return total / (2 * len(first))


def slow_density(mean: Tensor, log_variance: Tensor, value: Tensor) -> Tensor:
    return (-((mean - value) ** 2) / (2 * log_variance.exp()) - log_variance / 2).mean()


def slow_club(estimator: LikelihoodEstimator, x: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """The bound, and the log likelihood."""
    mean, log_variance = estimator(x)
    size = len(mean)
    density = [[slow_density(mean[i], log_variance[i], value[j]) for j in range(size)] for i in range(size)]
    own = torch.stack([density[i][i] for i in range(size)]).mean()
    others = torch.stack([density[i][j] for i in range(size) for j in range(size) if i != j]).mean()
    return (own - others).clamp_min(0), own


def slow_losses(objective: CvMim, views: list[Tensor], priors: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """The losses of the encoder, of Q and of D."""
    config = objective.config
    vectors = [objective.encoder(view) for view in views]
    (pose_a, view_a), (pose_p, view_p) = vectors
    within = torch.zeros(())
    for inputs, (pose, view) in zip(views, vectors, strict=True):
        match config.fusion:
            case "mixture":
                fused = (pose + view) / 2
            case "product":
                fused = pose * view
            case _:
                fused = torch.cat([pose, view], -1)
        within = within + slow_jsd(objective.subencoder(objective.encoder.stem(inputs)), fused)
    cross = {"jsd": slow_jsd, "info_nce": slow_info_nce}[config.cross_view_estimator](pose_a, pose_p)
    intra_a, likelihood_a = slow_club(objective.view_given_pose, pose_a, view_a)
    intra_p, likelihood_p = slow_club(objective.view_given_pose, pose_p, view_p)
    inter, likelihood_inter = slow_club(objective.view_given_view, view_a, view_p)
    fool, tell = torch.zeros(()), torch.zeros(())
    for vector, prior in zip(vectors, priors, strict=True):
        fake = torch.cat(vector, -1).sigmoid()
        real_scores, fake_scores = objective.discriminator(prior), objective.discriminator(fake)
        fool = fool + softplus(-fake_scores).mean()
        tell = tell - 0.5 * (-softplus(-real_scores).mean() - softplus(fake_scores).mean())
        for scores, inputs in ((real_scores, prior), (fake_scores, fake)):
            for row in range(BATCH):
                (gradient,) = torch.autograd.grad(scores[row, 0], inputs, retain_graph=True)
                tell = tell + 0.5 * gradient[row].square().sum() / BATCH
    encoder = (
        within
        + config.cross_view * 2 * cross
        + config.prior * fool
        + config.disentangle * (intra_a + intra_p + 2 * inter)
    )
    return encoder, -likelihood_a - likelihood_p - 2 * likelihood_inter, tell


def make(config: CvMimConfig, network: NetworkConfig = NETWORK) -> tuple[CvMim, list[Tensor]]:
    torch.manual_seed(3)
    objective = CvMim(network, config)
    shared = torch.randn(BATCH, network.input_dim)
    return objective, [shared + 0.5 * torch.randn(BATCH, network.input_dim) for _ in range(2)]


def learn_likelihood(objective: CvMim, views: list[Tensor]) -> None:
    """Let Q learn the batch by heart, so that the bound is above 0, where it is held else."""
    optimizer = torch.optim.Adam(objective.players()["likelihood"], lr=0.01)
    for _ in range(50):
        loss = objective(batch(views)).players["likelihood"]
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()


def batch(views: list[Tensor]) -> Batch:
    """Complete views with these inputs; this objective looks at nothing else."""
    points = torch.stack(views).unflatten(-1, (13, 2))
    return Batch(points, torch.ones(2, BATCH, 13, dtype=torch.bool), body=torch.zeros(BATCH, 13, 3), camera=None)


def run(objective: CvMim, views: list[Tensor], monkeypatch: pytest.MonkeyPatch) -> tuple[Losses, list[Tensor]]:
    """The losses, and the uniform draws that they were computed with."""
    draws: list[Tensor] = []

    def recorded(like: Tensor) -> Tensor:
        draws.append(torch.rand(like.shape))
        return draws[-1]

    monkeypatch.setattr(torch, "rand_like", recorded)
    return objective(batch(views)), draws


@pytest.mark.parametrize(
    "config",
    [
        CvMimConfig(dropout=0),
        CvMimConfig(dropout=0, fusion="product"),
        CvMimConfig(dropout=0, fusion="concatenation"),
        CvMimConfig(dropout=0, cross_view_estimator="info_nce", cross_view=0.5),
        CvMimConfig(dropout=0, cross_view=0.3, disentangle=7, prior=0.2),
    ],
    ids=["paper", "product", "concatenation", "info_nce", "weights"],
)
def test_losses_are_the_papers(config: CvMimConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    objective, views = make(config)
    learn_likelihood(objective, views)
    losses, priors = run(objective, views, monkeypatch)
    assert losses.terms["club"] > 0.1
    ours = [losses.players[player] for player in ("encoder", "likelihood", "discriminator")]
    for loss, slow in zip(ours, slow_losses(objective, views, priors), strict=True):
        assert_close(loss, slow, rtol=1e-4, atol=1e-5)


def test_default_weights_are_the_papers() -> None:
    assert CvMimConfig() == CvMimConfig("mixture", 5.0, "jsd", 0.5, 1.0, 0.25)


def test_logged_terms_make_up_the_encoders_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    objective, views = make(CvMimConfig(dropout=0))
    losses, _ = run(objective, views, monkeypatch)
    terms = losses.terms
    total = terms["within_view"] + 10 * terms["cross_view"] + 0.5 * terms["club"] + terms["prior"]
    assert_close(losses.players["encoder"].detach(), total)
    assert_close(losses.players["likelihood"].detach(), -terms["log_likelihood"])
    assert_close(losses.players["discriminator"].detach(), terms["discriminator"])
    assert not any(term.requires_grad for term in terms.values())


def test_every_parameter_has_one_player_whose_loss_moves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    objective, views = make(CvMimConfig(dropout=0))
    players = objective.players()
    owned = [id(parameter) for parameters in players.values() for parameter in parameters]
    assert sorted(owned) == sorted(id(parameter) for parameter in objective.parameters())
    losses, _ = run(objective, views, monkeypatch)
    assert players.keys() == losses.players.keys()
    for player, parameters in players.items():
        gradients = torch.autograd.grad(losses.players[player], parameters, retain_graph=True)
        assert all(gradient.any() for gradient in gradients if gradient.ndim == 2)


def test_the_bound_moves_the_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    objective, views = make(CvMimConfig(dropout=0, cross_view=0, prior=0))
    learn_likelihood(objective, views)
    losses, _ = run(objective, views, monkeypatch)
    (with_bound,) = torch.autograd.grad(losses.players["encoder"], objective.encoder.tower.head.weight)
    objective.config = CvMimConfig(dropout=0, cross_view=0, prior=0, disentangle=0)
    losses, _ = run(objective, views, monkeypatch)
    (without,) = torch.autograd.grad(losses.players["encoder"], objective.encoder.tower.head.weight)
    assert not torch.allclose(with_bound, without)


def test_zero_vectors_say_nothing_of_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    objective, views = make(CvMimConfig(dropout=0))
    for head in (objective.encoder.tower.head, objective.subencoder.head):
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.zeros_(head.bias)
    losses, _ = run(objective, views, monkeypatch)
    for term in ("within_view", "cross_view", "club"):
        assert losses.terms[term].item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("fusion", ["mixture", "product"])
def test_fusions_that_need_equal_vectors_say_so(fusion: str) -> None:
    with pytest.raises(ValueError, match="pose_dim=3 and view_dim=2; make them equal or use 'concatenation'"):
        CvMim(NetworkConfig(width=8, pose_dim=3, view_dim=2), CvMimConfig(fusion=fusion))


def test_concatenation_takes_vectors_of_two_lengths(monkeypatch: pytest.MonkeyPatch) -> None:
    network = NetworkConfig(width=8, blocks=1, pose_dim=3, view_dim=2)
    objective, views = make(CvMimConfig(fusion="concatenation", dropout=0), network)
    losses, priors = run(objective, views, monkeypatch)
    for loss, slow in zip(losses.players.values(), slow_losses(objective, views, priors), strict=True):
        assert_close(loss, slow, rtol=1e-4, atol=1e-5)


def test_the_two_views_are_normalized_apart() -> None:
    objective, views = make(CvMimConfig(dropout=0))
    shifted = [views[0], 100 * views[1] + 7]  # batch norm over both together would flatten the first
    pose, _ = objective.encoder(views[0])
    seen: list[Tensor] = []
    objective.encoder.stem.register_forward_hook(lambda _, __, output: seen.append(output))
    objective(batch(shifted))
    assert [len(output) for output in seen] == [BATCH, BATCH]
    assert_close(objective.encoder.heads(objective.encoder.residual(seen[0]))[0], pose)


def test_dropout_acts_in_training_only() -> None:
    objective, views = make(CvMimConfig())
    assert not torch.equal(objective.encoder(views[0])[0], objective.encoder(views[0])[0])
    objective.eval()
    assert torch.equal(objective.encoder(views[0])[0], objective.encoder(views[0])[0])
