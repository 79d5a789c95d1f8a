"""ST-GCN: convolutions along the bones of the skeleton and along time (Yan et al., AAAI 2018)."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from poseembed.skeleton import BONES, HIPS, NUM_JOINTS, SHOULDERS
from training.classifiers.base import Classifier, check_keypoints, check_sizes

KERNEL = 9
WIDTHS = (2, 64, 64, 64, 128, 128, 128, 256, 256, 256)
"""Of the keypoints, then of the nine units; from the fourth unit on, the stride is 2 where the width doubles."""


class STGCN(nn.Module):
    """Nine units of a graph convolution and a temporal one each, the mean over frames and joints, and a linear layer.

    Widths, strides and the three subsets of neighbours (`spatial_partition`) are the paper's. Each unit learns how
    much every edge counts, and dropout of one half acts on what it adds to its input.

    Args:
        input_dim: Length of the vector of each frame: 26.
        num_classes: Number of actions.

    Raises:
        ValueError: If frames do not hold the 2D keypoints of 13 joints, or there are no classes.
    """

    def __init__(self, input_dim: int, num_classes: int) -> None:
        super().__init__()
        check_keypoints(input_dim, "ST-GCN")
        check_sizes(input_dim, num_classes)
        self.norm = nn.BatchNorm1d(input_dim)
        self.units = nn.Sequential(*(_Unit(a, b, stride=2 if 2 < a < b else 1) for a, b in pairwise(WIDTHS)))
        self.logits = nn.Linear(WIDTHS[-1], num_classes)

    def forward(self, features: Float[Tensor, "clips frames 26"]) -> Float[Tensor, "clips classes"]:
        """Score the actions.

        Args:
            features: Sequences of at least one frame.

        Returns:
            Logits.
        """
        frames = self.norm(features.transpose(1, 2))
        joints = frames.unflatten(1, (NUM_JOINTS, 2)).permute(0, 2, 3, 1)  # clips, (x, y), frames, joints
        logits: Tensor = self.logits(self.units(joints).mean((2, 3)))
        return logits


class _Unit(nn.Module):
    """Graph convolution and temporal convolution, added to what came in."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.graph = _GraphConv(inputs, outputs)
        self.temporal = nn.Sequential(
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, (KERNEL, 1), (stride, 1), padding=(KERNEL // 2, 0)),
            nn.BatchNorm2d(outputs),
            nn.Dropout(0.5),
        )
        self.shortcut = nn.Sequential()
        if inputs != outputs:
            self.shortcut.extend([nn.Conv2d(inputs, outputs, 1, (stride, 1)), nn.BatchNorm2d(outputs)])

    def forward(self, x: Float[Tensor, "clips inputs frames 13"]) -> Float[Tensor, "clips outputs frames_out 13"]:
        return F.relu(self.shortcut(x) + self.temporal(self.graph(x)))


class _GraphConv(nn.Module):
    """Each joint's mean over every subset of its neighbours, weighted by edge, and a linear map of all of them."""

    partition: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("partition", spatial_partition(), persistent=False)
        self.edge_importance = nn.Parameter(torch.ones_like(self.partition))
        self.map = nn.Conv2d(len(self.partition) * inputs, outputs, 1)

    def forward(self, x: Float[Tensor, "clips inputs frames 13"]) -> Float[Tensor, "clips outputs frames 13"]:
        weights = self.partition * self.edge_importance
        gathered = torch.einsum("ncti,kji->nkctj", x, weights)
        mapped: Tensor = self.map(gathered.flatten(1, 2))
        return mapped


def spatial_partition() -> Float[Tensor, "subsets=3 joint=13 neighbour=13"]:
    """Sort the neighbours of every joint by whether they are as near to the body's centre, nearer, or farther.

    The paper's spatial configuration partitioning. The 13 joints have none in the middle of the body, so a joint's
    distance from there is the number of bones to the nearest of shoulders and hips: 0 for those, 1 for nose, elbows
    and knees, 2 for wrists and ankles. The first subset has the joint itself too.

    Returns:
        For each subset, the share of each neighbour in the mean over the subset that the joint takes (the paper's
        Z, Eq. 5); a row of zeros where a subset is empty.
    """
    linked = torch.eye(NUM_JOINTS, dtype=torch.bool)
    for a, b in BONES:
        linked[a, b] = linked[b, a] = True
    reached = torch.zeros(NUM_JOINTS, dtype=torch.bool)
    reached[[*SHOULDERS, *HIPS]] = True
    distance = torch.zeros(NUM_JOINTS, dtype=torch.int64)
    while not reached.all():
        distance += ~reached
        reached = linked[reached].any(0)
    nearer = distance[None, :] - distance[:, None]
    subsets = torch.stack([linked & (nearer == 0), linked & (nearer < 0), linked & (nearer > 0)]).float()
    return subsets / subsets.sum(-1, keepdim=True).clamp(min=1)


CLASSIFIER = Classifier("ST-GCN", STGCN)
