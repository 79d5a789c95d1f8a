"""Probes: small regressions that show what can be read from a vector, and how simply.

All probes do the same to all features: each is brought to mean 0 and standard deviation 1, as measured on the rows
that the probe is fitted on, so that only what a vector tells counts and not the unit it tells it in. Targets are
brought to mean 0 and, all columns together, to mean square 1: errors keep their weights among each other.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

RIDGE = 1e-4
"""Penalty of the linear probe, as a share of a feature's variance: settles features that repeat each other."""

_CONSTANT = 1e-6
"""A feature that varies less than this is a constant: what is left of it is rounding."""


@dataclass(frozen=True)
class MlpSettings:
    """How the MLP is made and trained.

    Attributes:
        hidden: Units of each of its two layers.
        steps: Of Adam.
        batch_size: Rows a step.
        learning_rate: At the start.
    """

    hidden: int = 256
    steps: int = 2000
    batch_size: int = 256
    learning_rate: float = 2e-3


Predict = Callable[[Float[Tensor, "rows dim"]], Float[Tensor, "rows outputs"]]
Probe = Callable[[Float[Tensor, "rows dim"], Float[Tensor, "rows outputs"], int], Predict]
"""From features, targets and a seed to a fitted probe."""


def constant(features: Float[Tensor, "rows dim"], targets: Float[Tensor, "rows outputs"], seed: int = 0) -> Predict:
    """Read nothing: always answer with the mean target. What a probe must beat."""
    mean = targets.mean(0)
    return lambda rows: mean.expand(len(rows), -1)


def linear(features: Float[Tensor, "rows dim"], targets: Float[Tensor, "rows outputs"], seed: int = 0) -> Predict:
    """Ridge regression in closed form; nothing about it is random."""
    standardize, offset = _standardizer(features), targets.mean(0)
    x = standardize(features).double()
    covariance = x.mT @ x / len(x) + RIDGE * torch.eye(x.shape[1], dtype=x.dtype)
    weights = torch.linalg.solve(covariance, x.mT @ (targets - offset).double() / len(x)).to(targets.dtype)
    return lambda rows: standardize(rows) @ weights + offset


def mlp(
    features: Float[Tensor, "rows dim"],
    targets: Float[Tensor, "rows outputs"],
    seed: int = 0,
    settings: MlpSettings = MlpSettings(),
) -> Predict:
    """A network with two hidden layers, trained on the mean square error for a fixed number of steps.

    The learning rate falls to 0 along a cosine, so that the last step leaves something settled. The seed settles
    initial weights and batches; the global random state is left as it was.
    """
    standardize, offset = _standardizer(features), targets.mean(0)
    scale = (targets - offset).square().mean().sqrt().clamp_min(_CONSTANT)
    x, y = standardize(features), (targets - offset) / scale
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.Linear(x.shape[1], settings.hidden),
            nn.ReLU(),
            nn.Linear(settings.hidden, settings.hidden),
            nn.ReLU(),
            nn.Linear(settings.hidden, y.shape[1]),
        )
        optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.steps)
        for _ in range(settings.steps):
            batch = torch.randint(len(x), (settings.batch_size,))
            loss = F.mse_loss(network(x[batch]), y[batch])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()

    @torch.no_grad()
    def predict(rows: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows outputs"]:
        return network(standardize(rows)) * scale + offset

    return predict


def _standardizer(features: Float[Tensor, "rows dim"]) -> Callable[[Tensor], Tensor]:
    """What brings features to mean 0 and standard deviation 1, and constants to 0."""
    mean, deviation = features.mean(0), features.std(0, correction=0)
    factor = torch.where(deviation > _CONSTANT, 1 / deviation.clamp_min(_CONSTANT), 0.0)
    return lambda rows: (rows - mean) * factor
