"""Distillation: a network learns to give the vectors of a trained one, picture by picture.

What the views of a body have in common the teacher has found out already, so no view is compared with another, and
every picture counts for itself. The two networks then agree on what a direction means: a gallery that one of them
embedded can be searched with queries that the other did.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cosine_similarity, mse_loss

from poseembed import PoseEncoder
from poseembed.network import Encoder, NetworkConfig
from training.objectives.base import Losses, PairObjective
from training.scene.views import Batch


@dataclass(frozen=True)
class DistilledConfig:
    """Whom to learn from, and what.

    Attributes:
        teacher: Checkpoint as `PoseEncoder.from_pretrained` takes it.
        view: Weight of the view vectors' squared error, in shares of the teacher's variance; the pose vectors'
            1 - cosine has weight 1.
    """

    teacher: str = "poseembed-base"
    view: float = 0.05


class Distilled(PairObjective):
    """One player: the encoder. The teacher is part of the run's state, and never changes.

    Raises:
        ValueError: If the teacher reads another input or has vectors of another length.
    """

    def __init__(self, network: NetworkConfig, config: DistilledConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(network, dropout=0.0)
        teacher = PoseEncoder.from_pretrained(config.teacher)
        self.teacher, self.space = teacher.network.requires_grad_(False), teacher.space
        for name in ("mask_input", "pose_dim", "view_dim"):
            wanted, got = getattr(self.teacher.config, name), getattr(network, name)
            if got != wanted:
                raise ValueError(f"{config.teacher} has {name}={wanted}; its pupil needs the same, got {got}")

    def players(self) -> dict[str, list[nn.Parameter]]:
        """The encoder."""
        return {"encoder": list(self.encoder.parameters())}

    def forward(self, batch: Batch) -> Losses:
        """Both views in one pass; they are pictures like any others here."""
        inputs = self.inputs(batch).flatten(0, 1)
        z_pose, z_view = (z.float() for z in self.encoder(inputs))
        with torch.no_grad():
            target_pose, target_view = (z.float() for z in self.teacher(inputs))
        pose = 1 - cosine_similarity(z_pose, target_pose).mean()
        view = mse_loss(z_view, target_view) / target_view.var(0).mean() if z_view.numel() else torch.zeros_like(pose)
        return Losses(
            players={"encoder": pose + self.config.view * view},
            terms={"pose": pose.detach(), "view": view.detach()},
        )
