"""Auto-encoders that disentangle by cross reconstruction: the AE, VAE and beta-VAE baselines of the CV-MIM paper.

A decoder rebuilds a view from its own two vectors, and from its view vector with the pose vector of another view of the
same body (Eq. 12), here for both views of a pair, as in the official code. Errors count where a joint is visible; what
an input does not show cannot be asked for.

The official variational one adds the divergence, summed over the dimensions, to an error that is a mean over the
coordinates. That is a Gaussian likelihood with a standard deviation of 3.6, seven torso lengths: nothing would be worth
encoding. Here it is the Gaussian whose width fits the errors best (sigma-VAE; Rybkin et al., ICML 2021), so that the
divergence needs no weight to be found for it.
"""

from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from poseembed.network import Encoder, NetworkConfig, Tower, Unit, he_normal_
from poseembed.skeleton import NUM_JOINTS
from training.objectives.base import Losses, PairObjective, System
from training.objectives.terms.estimators import kl_from_unit
from training.scene.views import Batch

COORDINATES = 2 * NUM_JOINTS

LOG_VARIANCE_LIMIT = 10.0
"""Logarithms of variances stay within plus and minus this, as in the official code."""


@dataclass(frozen=True)
class AutoEncoderConfig:
    """Settings of the auto-encoder.

    Attributes:
        dropout: In the encoder and the decoder.
    """

    dropout: float = 0.25


@dataclass(frozen=True)
class VariationalConfig(AutoEncoderConfig):
    """Settings of the variational ones.

    Attributes:
        beta: Weight of the divergence from the prior; 1 is the VAE. The paper does not say its beta.
    """

    beta: float = 1.0


class AutoEncoder(PairObjective):
    """One player: the encoder, and a decoder of the same shape."""

    def __init__(self, network: NetworkConfig, config: AutoEncoderConfig) -> None:
        super().__init__()
        self.encoder = Encoder(network, dropout=config.dropout)
        self.decoder = nn.Sequential(
            Unit(network.pose_dim + network.view_dim, network.width, batch_norm=True, dropout=config.dropout),
            Tower(network.width, COORDINATES, blocks=network.blocks, dropout=config.dropout),
        )

    def players(self) -> dict[str, list[nn.Parameter]]:
        """All of it."""
        return {"encoder": list(self.parameters())}

    def forward(self, batch: Batch) -> Losses:
        """The four mean square errors: either view, from either pose vector."""
        vectors = [[z.float() for z in self.encoder(view)] for view in self.inputs(batch)]
        error = self._errors(batch, vectors)
        return Losses(players={"encoder": error.sum()}, terms={"error": error.mean().detach()})

    def _errors(self, batch: Batch, vectors: list[list[Tensor]]) -> Float[Tensor, "4"]:
        """Mean square errors of both views, rebuilt from the anchor's pose vector and then from the positive's."""
        errors = []
        for pose, _ in vectors:
            for points, visible, (_, z_view) in zip(batch.points, batch.visible, vectors, strict=True):
                rebuilt = self.decoder(torch.cat([pose, z_view], dim=-1)).float()
                errors.append(visible_error(rebuilt.unflatten(-1, (NUM_JOINTS, 2)), points, visible))
        return torch.stack(errors)


class Variational(AutoEncoder):
    """An auto-encoder whose two vectors are Gaussians in training, one sample each; the embedding is the mean."""

    def __init__(self, network: NetworkConfig, config: VariationalConfig) -> None:
        super().__init__(network, config)
        self.beta = config.beta
        self.log_variance = he_normal_(nn.Linear(network.width, network.pose_dim + network.view_dim))

    def forward(self, batch: Batch) -> Losses:
        """Minus the evidence's lower bound: four log likelihoods, two divergences."""
        vectors, divergences = [], []
        for view in self.inputs(batch):
            features = self.encoder.features(view)
            mean, raw = torch.cat(self.encoder.heads(features), dim=-1).float(), self.log_variance(features).float()
            log_variance = LOG_VARIANCE_LIMIT * torch.tanh(raw)
            sample = mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
            vectors.append(list(sample.split([self.encoder.config.pose_dim, self.encoder.config.view_dim], dim=-1)))
            divergences.append(kl_from_unit(mean, torch.exp(log_variance / 2)))
        error = self._errors(batch, vectors).mean()
        divergence = torch.stack(divergences).sum()
        # half the coordinates times log(error): the best Gaussian's, for each of the four
        loss = 4 * COORDINATES / 2 * error.log() + self.beta * divergence
        return Losses(players={"encoder": loss}, terms={"error": error.detach(), "divergence": divergence.detach()})


def visible_error(
    rebuilt: Float[Tensor, "batch 13 2"], points: Float[Tensor, "batch 13 2"], visible: Bool[Tensor, "batch 13"]
) -> Float[Tensor, ""]:
    """Mean square error of the coordinates of visible joints."""
    square = (rebuilt - points).square()
    return (square * visible[..., None]).sum() / (2 * visible.sum())


SYSTEMS = (
    System("ae", "auto-encoder", partial(AutoEncoder, config=AutoEncoderConfig(dropout=0.0))),
    System("vae", "VAE", partial(Variational, config=VariationalConfig(dropout=0.0))),
    System("beta-vae", "beta-VAE (4)", partial(Variational, config=VariationalConfig(dropout=0.0, beta=4.0))),
)
