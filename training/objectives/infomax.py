"""Information maximisation without disentanglement: the InfoNCE and DIM baselines of the CV-MIM paper (Eq. 2).

The two vectors of a view, fused, shall tell all about it, and so shall they when the pose vector comes from another
view of the same body: what the two views share then has to be in the pose vector, and the rest in the view vector.
Nothing keeps either from holding more than that. Deep InfoMax (DIM) estimates the information by JSD, InfoNCE by the
bound of that name, which the official code has but does not call.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from poseembed.network import NetworkConfig
from training.objectives.base import Losses, System
from training.objectives.terms.estimators import info_nce_loss, jsd_loss
from training.objectives.terms.within_view import WithinView
from training.scene.views import Batch

ESTIMATORS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"jsd": jsd_loss, "info_nce": info_nce_loss}
"""Estimators of the information between a view and its vectors, on dot products, by name."""


@dataclass(frozen=True)
class InfomaxConfig:
    """The settings of the official code (its INFOMAX).

    Attributes:
        estimator: One of `ESTIMATORS`.
        fusion: How the two vectors are joined; see `poseembed.network.FUSIONS`.
        cross_view: Weight of the terms whose pose vector comes from the other view.
        dropout: In the encoder and the sub-encoder.
    """

    estimator: str = "jsd"
    fusion: str = "mixture"
    cross_view: float = 5.0
    dropout: float = 0.25


class Infomax(WithinView):
    """One player: the encoder with its sub-encoder."""

    def __init__(self, network: NetworkConfig, config: InfomaxConfig) -> None:
        super().__init__(network, fusion=config.fusion, dropout=config.dropout)
        self.config = config
        self.estimate = ESTIMATORS[config.estimator]

    def players(self) -> dict[str, list[nn.Parameter]]:
        """All of it."""
        return {"encoder": list(self.parameters())}

    def forward(self, batch: Batch) -> Losses:
        """Each view against its own vectors, and against its view vector with the other view's pose vector."""
        anchor, positive = self.inputs(batch)
        pose_a, view_a, local_a = self.encode(anchor)
        pose_p, view_p, local_p = self.encode(positive)
        within = self.estimate(local_a, self.fuse(pose_a, view_a)) + self.estimate(local_p, self.fuse(pose_p, view_p))
        cross = self.estimate(local_a, self.fuse(pose_p, view_a)) + self.estimate(local_p, self.fuse(pose_a, view_p))
        terms = {"within_view": within.detach(), "cross_view": cross.detach()}
        return Losses(players={"encoder": within + self.config.cross_view * cross}, terms=terms)


SYSTEMS = (
    System("infonce", "InfoNCE", partial(Infomax, config=InfomaxConfig(estimator="info_nce", dropout=0.0))),
    System("dim", "DIM", partial(Infomax, config=InfomaxConfig(dropout=0.0))),
)
