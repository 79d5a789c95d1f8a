"""Cross-view information maximisation with what only training knows: the 3D body and the camera of every view.

The view-invariant part is CV-MIM's: the information between the pose vectors of two views (Eq. 5), estimated by
InfoNCE. What CV-MIM has to find out by playing one vector against the other, a virtual camera simply knows:

- the body says what a pose vector must hold (a decoder reads the 3D joints from it);
- the camera says what a view vector must hold (a linear map reads it);
- pose and camera are drawn independently, so what correlates a vector with the other's subject is a leak.

Together the two vectors determine the picture, so no term has to rebuild it.
"""

from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from poseembed.decoder import VIEWPOINT_NUMBERS
from poseembed.network import Encoder, NetworkConfig
from poseembed.skeleton import NUM_JOINTS
from training.objectives.base import Losses, PairObjective, System
from training.objectives.terms.estimators import info_nce_loss
from training.scene.views import Batch


@dataclass(frozen=True)
class PrivilegedConfig:
    """Weights of the losses.

    Attributes:
        temperature: Of the cosines between pose vectors.
        body: Weight of reading the body from the pose vector.
        camera: Weight of reading the camera from the view vector.
        leak: Weight of the squared correlations between each vector and the other's subject.
    """

    temperature: float = 0.05
    body: float = 1.0
    camera: float = 1.0
    leak: float = 1.0


class Privileged(PairObjective):
    """One player: the encoder with its decoders."""

    def __init__(self, network: NetworkConfig, config: PrivilegedConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(network, dropout=0.0)
        self.read_body = nn.Sequential(nn.Linear(network.pose_dim, 256), nn.ReLU(), nn.Linear(256, NUM_JOINTS * 3))
        self.read_camera = nn.Linear(network.view_dim, VIEWPOINT_NUMBERS)

    def players(self) -> dict[str, list[nn.Parameter]]:
        """The encoder with both decoders."""
        return {"encoder": list(self.parameters())}

    def forward(self, batch: Batch) -> Losses:
        """Both views in one pass."""
        weights = self.config
        z_pose, z_view = (z.float() for z in self.encoder(self.inputs(batch).flatten(0, 1)))
        direction = normalize(z_pose, dim=-1)
        anchor, positive = direction.chunk(2)
        body, camera = batch.body.flatten(1), batch.known_camera().flatten(0, 1)
        both = body.repeat(2, 1)
        with torch.autocast(body.device.type, enabled=False):
            cross = info_nce_loss(anchor, positive, temperature=weights.temperature)
            leak = _correlation(z_view, both) + _correlation(direction, camera)
        read_body = (self.read_body(direction).float() - both).square().mean()
        read_camera = (self.read_camera(z_view).float() - camera).square().mean()
        loss = cross + weights.body * read_body + weights.camera * read_camera + weights.leak * leak
        terms = {"cross_view": cross, "body": read_body, "camera": read_camera, "leak": leak}
        return Losses(players={"encoder": loss}, terms={name: value.detach() for name, value in terms.items()})


def _correlation(first: Float[Tensor, "batch n"], second: Float[Tensor, "batch m"]) -> Float[Tensor, ""]:
    """Mean square of the correlations between the columns of two batches."""
    units = [normalize(columns - columns.mean(0), dim=0) for columns in (first, second)]
    return (units[0].T @ units[1]).square().mean()


SYSTEMS = (System("poseembed", "poseembed-base's objective", partial(Privileged, config=PrivilegedConfig())),)
