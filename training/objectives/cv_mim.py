"""CV-MIM: contrastive cross-view mutual information maximisation (Zhao et al., CVPR 2021, Eq. 11)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from poseembed.network import NetworkConfig
from training.objectives.base import Losses, System
from training.objectives.terms.critics import Discriminator, LikelihoodEstimator
from training.objectives.terms.estimators import (
    club_bound,
    gradient_penalty,
    jsd_loss,
    log_likelihood,
    unit_info_nce_loss,
)
from training.objectives.terms.within_view import WithinView
from training.scene.views import Batch

CROSS_VIEW_ESTIMATORS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "jsd": jsd_loss,
    "info_nce": unit_info_nce_loss,
}
"""Estimators of the information between two views' pose vectors, by name."""


@dataclass(frozen=True)
class CvMimConfig:
    """The weights of Eq. 11 and the network settings that only training has.

    Attributes:
        fusion: How the two vectors are joined to be scored against their own pose; see `poseembed.network.FUSIONS`.
        cross_view: Weight of the information between the pose vectors of two views (lambda 1).
        cross_view_estimator: One of `CROSS_VIEW_ESTIMATORS`. Eq. 5 leaves it open; the official code takes "jsd".
        disentangle: Weight of the bounds on what the two vectors share (lambda 2).
        prior: Weight of the prior on both vectors (lambda 3).
        dropout: In the encoder and the sub-encoder.
    """

    fusion: str = "mixture"
    cross_view: float = 5.0
    cross_view_estimator: str = "jsd"
    disentangle: float = 0.5
    prior: float = 1.0
    dropout: float = 0.25


class CvMim(WithinView):
    """The objective of the paper as its code computes it, symmetric in the two views.

    Where the two differ: the code bounds the information between the view vectors of the two views too, with a
    second Q; trains Q by maximum likelihood; gives the encoder the non-saturating loss against D; regularises D
    with R1 and R2; and takes all three gradients from one forward pass. So does this class.
    """

    def __init__(self, network: NetworkConfig, config: CvMimConfig) -> None:
        super().__init__(network, fusion=config.fusion, dropout=config.dropout)
        self.config = config
        self.estimate_cross_view = CROSS_VIEW_ESTIMATORS[config.cross_view_estimator]
        self.view_given_pose = LikelihoodEstimator(network.pose_dim, network.view_dim)
        self.view_given_view = LikelihoodEstimator(network.view_dim, network.view_dim)
        self.discriminator = Discriminator(network.pose_dim + network.view_dim)

    def players(self) -> dict[str, list[nn.Parameter]]:
        """Encoder with sub-encoder, likelihood estimators (Q), discriminator (D)."""
        return {
            "encoder": [*self.encoder.parameters(), *self.subencoder.parameters()],
            "likelihood": list(chain(self.view_given_pose.parameters(), self.view_given_view.parameters())),
            "discriminator": list(self.discriminator.parameters()),
        }

    def forward(self, batch: Batch) -> Losses:
        """One pass over a batch of pairs; batch norm sees each view by itself, as in the official code."""
        anchor, positive = self.inputs(batch)
        pose_a, view_a, local_a = self.encode(anchor)
        pose_p, view_p, local_p = self.encode(positive)
        within = jsd_loss(local_a, self.fuse(pose_a, view_a)) + jsd_loss(local_p, self.fuse(pose_p, view_p))
        cross = self.estimate_cross_view(pose_a, pose_p)
        club, likelihood = self._disentangle((pose_a, view_a), (pose_p, view_p))
        prior, discriminate = self._match_prior(torch.cat([pose_a, view_a], -1), torch.cat([pose_p, view_p], -1))
        weights = self.config
        return Losses(
            players={
                # cross and the last bound count twice: once for either direction
                "encoder": within + weights.cross_view * 2 * cross + weights.disentangle * club + weights.prior * prior,
                "likelihood": -likelihood,
                "discriminator": discriminate,
            },
            terms={
                "within_view": within.detach(),
                "cross_view": cross.detach(),
                "club": club.detach(),
                "log_likelihood": likelihood.detach(),
                "prior": prior.detach(),
                "discriminator": discriminate.detach(),
            },
        )

    def _disentangle(
        self, anchor: tuple[Tensor, Tensor], positive: tuple[Tensor, Tensor]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Sum of the CLUB bounds, and of the log likelihoods that Q maximises."""
        bounds, likelihoods = [], []
        for estimator, x, y, weight in (
            (self.view_given_pose, *anchor, 1),
            (self.view_given_pose, *positive, 1),
            (self.view_given_view, anchor[1], positive[1], 2),
        ):
            mean, log_variance = (out.float() for out in estimator(x))
            bounds.append(weight * club_bound(mean, log_variance, y))
            likelihoods.append(weight * log_likelihood(mean, log_variance, y))
        return torch.stack(bounds).sum(), torch.stack(likelihoods).sum()

    def _match_prior(self, *vectors: Tensor) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Prior-matching losses of the encoder and of D, summed over the views (Eq. 9 and 10)."""
        fool, tell = [], []
        for z in vectors:
            fake = torch.sigmoid(z)
            real = torch.rand_like(fake).requires_grad_()
            real_scores, fake_scores = self.discriminator(real).float(), self.discriminator(fake).float()
            fool.append(softplus(-fake_scores).mean())
            penalty = gradient_penalty(real_scores, real) + gradient_penalty(fake_scores, fake)
            tell.append((softplus(-real_scores).mean() + softplus(fake_scores).mean() + penalty) / 2)
        return torch.stack(fool).sum(), torch.stack(tell).sum()


def _system(name: str, label: str, **changes: Any) -> System:
    return System(name, label, partial(CvMim, config=CvMimConfig(**({"dropout": 0.0} | changes))))


SYSTEMS = (
    _system("cv-mim", "CV-MIM"),
    _system("cv-mim-product", "CV-MIM, product of experts", fusion="product"),
    _system("cv-mim-concatenation", "CV-MIM, concatenation", fusion="concatenation"),
    _system("cv-mim-no-inter", "CV-MIM without L_inter", disentangle=0.0),
    _system("cv-mim-no-prior", "CV-MIM without L_prior", prior=0.0),
    _system("cv-mim-infonce", "CV-MIM, InfoNCE across views", cross_view_estimator="info_nce", cross_view=0.5),
)
"""The paper's five (Table 5), and the mixture with the estimator of recipe `cv_mim` instead of JSD."""
