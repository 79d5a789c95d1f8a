"""What the clip encoder learns: the vector of a moment, from its frame and those around it, in the space of the frames.

The frame encoder is trained already and stays as it is. What it gives to a moment depends a little on the camera, for
a single picture has no depth. The mean over many cameras does not, and that mean is what the clip encoder learns: the
directions that the frame encoder gives to complete and exact pictures of the moment from cameras drawn anew each time,
of which the least squared error is made by their mean. So a vector with context holds the pose and not the movement,
and is nearer to any photograph's than these are to each other. The view vector is drawn to what the frame encoder gives
to a complete and exact picture from the same camera.

No moment has to be told from others, so small batches do.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, mse_loss, normalize

from poseembed import checkpoint
from poseembed.checkpoint import Checkpoint, Json
from poseembed.clip_network import ClipConfig, ClipEncoder, nearest_to_middle
from poseembed.network import Encoder, NetworkConfig, fold_batch_norm
from training.objectives.base import Losses, Objective
from training.scene.clip_views import ClipBatch


@dataclass(frozen=True)
class ContextConfig:
    """Whose frames to read, and weights.

    Attributes:
        encoder: Checkpoint of the frame encoder as `PoseEncoder.from_pretrained` takes it.
        width: Of the clip encoder.
        view: Weight of the view vectors' squared error, in shares of their variance; the pose vectors' 1 - cosine has
            weight 1.
    """

    encoder: str = "poseembed-base"
    width: int = 256
    view: float = 0.05


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

    def players(self) -> dict[str, list[nn.Parameter]]:
        """The clip encoder."""
        return {"clip": list(self.clip.parameters())}

    def forward(self, batch: ClipBatch) -> Losses:
        """Both views in one pass; they are clips like any others here."""
        z_pose, z_view = (z.float() for z in self.clip.join(*lay_out(self.encoder, self.clip, batch)))
        with torch.no_grad():
            pictures, _ = self._exact(batch.pictures)
            _, exact_view = self._exact(batch.exact)
            target = normalize(pictures, dim=-1).mean(0).repeat(2, 1)
        pose = 1 - cosine_similarity(z_pose, target).mean()
        view = mse_loss(z_view, exact_view.flatten(0, 1)) / exact_view.flatten(0, 1).var(0).mean()
        return Losses(
            players={"clip": pose + self.config.view * view}, terms={"pose": pose.detach(), "view": view.detach()}
        )

    def trained(self, training: dict[str, Json]) -> Checkpoint:
        """The frame encoder's checkpoint with the clip encoder in it."""
        clip = fold_batch_norm(self.clip).cpu().half().float()
        frames = replace(self.frames, network=self.encoder.cpu())
        whole = frames.fitted(clip)
        both: dict[str, Json] = {**whole.config.training, "clip": {**training}}
        return replace(whole, config=replace(whole.config, training=both))

    def _exact(
        self, pictures: Float[Tensor, "views pairs 13 2"]
    ) -> tuple[Float[Tensor, "views pairs pose"], Float[Tensor, "views pairs view"]]:
        whole = torch.ones_like(pictures[..., 0], dtype=torch.bool)
        z_pose, z_view = self.encoder(self.encoder.layout(pictures, whole).flatten(0, 1))
        return z_pose.float().unflatten(0, pictures.shape[:2]), z_view.float().unflatten(0, pictures.shape[:2])


def lay_out(
    encoder: Encoder, clip: ClipEncoder, batch: ClipBatch
) -> tuple[
    Float[Tensor, "views 27 width"], Bool[Tensor, "views 27"], Float[Tensor, "views pose"], Float[Tensor, "views view"]
]:
    """What `ClipEncoder.join` takes, of both views of a batch; gradients reach the clip encoder alone."""
    inputs = encoder.layout(batch.points, batch.visible).flatten(0, 1)
    with torch.no_grad():
        z_pose, z_view = (z.float().unflatten(0, inputs.shape[:2]) for z in encoder(inputs.flatten(0, 1)))
    present = batch.visible.any(-1).flatten(0, 1)
    start = nearest_to_middle(present)[..., None]
    nearest_pose, nearest_view = (z.take_along_dim(start, 1).squeeze(1) for z in (z_pose, z_view))
    return clip.read(inputs, z_pose, z_view), present, nearest_pose, nearest_view
