"""What the clip encoder learns: the vector of a moment, from its frame and those around it, in the space of the frames.

The frame encoder is trained already and stays as it is. A moment's vector is told from those of other moments, as seen
by another camera (InfoNCE), twice over: against the vectors that context makes of the other camera's video, and against
those that the frame encoder gives to complete and exact pictures. The latter keep it comparable with photographs. The
view vector is drawn to what the frame encoder gives to a complete and exact picture from the same camera.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import mse_loss, normalize

from poseembed import checkpoint
from poseembed.checkpoint import Checkpoint, Json
from poseembed.clip_network import ClipConfig, ClipEncoder, nearest_to_middle
from poseembed.network import NetworkConfig, fold_batch_norm
from poseembed.skeleton import NUM_JOINTS
from training.objectives.base import Losses, Objective
from training.objectives.terms.estimators import info_nce_loss
from training.scene.clip_views import ClipBatch


@dataclass(frozen=True)
class ContextConfig:
    """Whose frames to read, and weights.

    Attributes:
        encoder: Checkpoint of the frame encoder as `PoseEncoder.from_pretrained` takes it.
        width: Of the clip encoder.
        temperature: Of the cosines between pose vectors.
        picture: Weight of telling moments apart by complete and exact pictures of them.
        view: Weight of the view vectors' squared error, in shares of their variance.
        body: Weight of reading the body from the pose vector.
    """

    encoder: str = "poseembed-base"
    width: int = 256
    temperature: float = 0.05
    picture: float = 0.5
    view: float = 0.5
    body: float = 1.0


class Context(Objective[ClipBatch]):
    """One player: the clip encoder. The frame encoder is part of the run's state, and never changes.

    Raises:
        ValueError: If the frame encoder is of another shape than the recipe says.
    """

    def __init__(self, network: NetworkConfig, config: ContextConfig) -> None:
        super().__init__()
        self.config = config
        self.frames = checkpoint.read(checkpoint.find(config.encoder))
        self.encoder = self.frames.network.requires_grad_(False)
        if replace(self.encoder.config, certainty=False) != network:
            raise ValueError(f"{config.encoder} has {self.encoder.config}; the recipe's network must be that")
        self.clip = ClipEncoder(network, ClipConfig(config.width))
        self.read_body = nn.Sequential(nn.Linear(network.pose_dim, 256), nn.ReLU(), nn.Linear(256, NUM_JOINTS * 3))

    def players(self) -> dict[str, list[nn.Parameter]]:
        """The clip encoder and the reader of bodies."""
        return {"clip": [*self.clip.parameters(), *self.read_body.parameters()]}

    def forward(self, batch: ClipBatch) -> Losses:
        """Both views in one pass."""
        weights = self.config
        z_pose, z_view = (z.float() for z in self._with_context(batch))
        with torch.no_grad():
            whole = torch.ones_like(batch.exact[..., 0], dtype=torch.bool)
            exact_pose, exact_view = (
                z.float() for z in self.encoder(self.encoder.layout(batch.exact, whole).flatten(0, 1))
            )
        direction = normalize(z_pose, dim=-1)
        (anchor, positive), (picture_a, picture_p) = direction.chunk(2), normalize(exact_pose, dim=-1).chunk(2)
        with torch.autocast(direction.device.type, enabled=False):
            cross = info_nce_loss(anchor, positive, temperature=weights.temperature)
            pictures = (
                info_nce_loss(anchor, picture_p, temperature=weights.temperature)
                + info_nce_loss(positive, picture_a, temperature=weights.temperature)
            ) / 2
        body = (self.read_body(direction).float() - batch.body.flatten(1).repeat(2, 1)).square().mean()
        view = mse_loss(z_view, exact_view) / exact_view.var(0).mean()
        loss = cross + weights.picture * pictures + weights.body * body + weights.view * view
        terms = {"cross_view": cross, "pictures": pictures, "body": body, "view": view}
        return Losses(players={"clip": loss}, terms={name: value.detach() for name, value in terms.items()})

    def trained(self, training: dict[str, Json]) -> Checkpoint:
        """The frame encoder's checkpoint with the clip encoder in it."""
        clip = fold_batch_norm(self.clip).cpu().half().float()
        frames = replace(self.frames, network=self.encoder.cpu())
        whole = frames.fitted(clip)
        both: dict[str, Json] = {**whole.config.training, "clip": {**training}}
        return replace(whole, config=replace(whole.config, training=both))

    def _with_context(self, batch: ClipBatch) -> tuple[Float[Tensor, "views pose"], Float[Tensor, "views view"]]:
        inputs = self.encoder.layout(batch.points, batch.visible).flatten(0, 1)
        with torch.no_grad():
            z_pose, z_view = (z.float().unflatten(0, inputs.shape[:2]) for z in self.encoder(inputs.flatten(0, 1)))
        present = batch.visible.any(-1).flatten(0, 1)
        start = nearest_to_middle(present)[..., None]
        nearest = (z.take_along_dim(start, 1).squeeze(1) for z in (z_pose, z_view))
        return self.clip.join(self.clip.read(inputs, z_pose, z_view), present, *nearest)
