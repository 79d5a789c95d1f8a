"""HCN: co-occurrences of joints, learned by convolutions that see joints as channels (Li et al., IJCAI 2018)."""

from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from poseembed.skeleton import NUM_JOINTS
from training.classifiers.base import Classifier, check_keypoints, check_sizes

FRAMES = 32
"""Length that the paper brings all sequences to."""

WEIGHT_DECAY = 1e-3


class HCN(nn.Module):
    """Two streams, of positions and of their differences from frame to frame, joined halfway.

    Layers, widths and pooling are the paper's, for one person with 2D keypoints. As there, a sequence of any length is
    first brought to 32 frames by linear interpolation, and the weights of the layer before the last decay by 1e-3. The
    paper also cuts out random parts of the training sequences; none of the classifiers compared here does that.

    Args:
        input_dim: Length of the vector of each frame: 26.
        num_classes: Number of actions.

    Raises:
        ValueError: If frames do not hold the 2D keypoints of 13 joints, or there are no classes.
    """

    def __init__(self, input_dim: int, num_classes: int) -> None:
        super().__init__()
        check_keypoints(input_dim, "HCN")
        check_sizes(input_dim, num_classes)
        self.positions, self.motion = _Stream(), _Stream()
        self.joined = nn.Sequential(
            *(nn.Conv2d(2 * 64, 128, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.5)),
            *(nn.Conv2d(128, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.5)),
        )
        self.hidden = nn.Linear(256 * (FRAMES // 16) * (32 // 16), 256)
        self.dropout = nn.Dropout(0.5)
        self.logits = nn.Linear(256, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(cast(Tensor, module.bias))

    def forward(self, features: Float[Tensor, "clips frames 26"]) -> Float[Tensor, "clips classes"]:
        """Score the actions.

        Args:
            features: Sequences of at least one frame.

        Returns:
            Logits.
        """
        frames = F.interpolate(features.transpose(1, 2), FRAMES, mode="linear")
        positions = frames.unflatten(1, (NUM_JOINTS, 2)).permute(0, 2, 3, 1)  # clips, (x, y), frames, joints
        motion = F.pad(positions.diff(dim=2), (0, 0, 0, 1))  # nothing is known to move after the last frame
        both = torch.cat([self.positions(positions), self.motion(motion)], dim=1)
        hidden = self.dropout(F.relu(self.hidden(self.joined(both).flatten(1))))
        logits: Tensor = self.logits(hidden)
        return logits

    def penalty(self) -> Tensor:
        """What the paper's weight decay amounts to: half the squared norm of that layer's weights, times 1e-3."""
        return WEIGHT_DECAY / 2 * self.hidden.weight.square().sum()


class _Stream(nn.Module):
    """The first four layers: two that see a joint by itself, then two that see all joints at once."""

    def __init__(self) -> None:
        super().__init__()
        self.of_joints = nn.Sequential(nn.Conv2d(2, 64, 1), nn.ReLU(), nn.Conv2d(64, 32, (3, 1), padding=(1, 0)))
        self.of_bodies = nn.Sequential(
            *(nn.Conv2d(NUM_JOINTS, 32, 3, padding=1), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.MaxPool2d(2), nn.Dropout(0.5)),
        )

    def forward(self, x: Float[Tensor, "clips 2 32 13"]) -> Float[Tensor, "clips 64 8 8"]:
        by_joint: Tensor = self.of_joints(x)
        co_occurring: Tensor = self.of_bodies(by_joint.transpose(1, 3))
        return co_occurring


CLASSIFIER = Classifier("HCN", HCN)
