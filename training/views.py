"""3D poses to batches of what two cameras see of them, made on the training device without work per pose."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from poseembed.keypoints import normalize_keypoints
from poseembed.network import NetworkConfig, network_input
from poseembed.skeleton import NUM_JOINTS
from training.cameras import CameraRange, normalize_3d, orbit_matrix, project, y_up_to_z_up

LIMBS: tuple[tuple[int, ...], ...] = (
    (3, 5),
    (4, 6),
    (9, 11),
    (10, 12),
    (9, 10, 11, 12),
    (11, 12),
    (0,),
    (3, 5, 9, 11),
    (4, 6, 10, 12),
)
"""Joints that go missing together: an arm, a leg, both legs, both feet, the head, a side."""

_IN_LIMB = torch.tensor([[joint in limb for joint in range(NUM_JOINTS)] for limb in LIMBS])


@dataclass(frozen=True)
class Detector:
    """What a keypoint detector makes of a view. The default is a perfect one, as in the paper's projections.

    Attributes:
        noise: Each view's joints are moved by Gaussian noise of up to this standard deviation, torso lengths.
        occluded: Share of the views that can lose joints; by chance some of them lose none.
        joints: In such a view each joint is lost with a probability drawn from 0 to this...
        limb: ...and, with this probability, one of `LIMBS` as a whole.
    """

    noise: float = 0.0
    occluded: float = 0.0
    joints: float = 0.3
    limb: float = 0.5

    def shift(self, points: Float[Tensor, "views 13 2"], torso: Float[Tensor, " views"]) -> Float[Tensor, "views 13 2"]:
        """Add the noise; `torso` is a torso's length in the picture."""
        if self.noise == 0:
            return points
        deviation = self.noise * torso * torch.rand_like(torso)
        return points + deviation[:, None, None] * torch.randn_like(points)

    def see(self, count: int, device: torch.device) -> Bool[Tensor, "count 13"]:
        """Draw which joints of `count` views are visible; two at least are."""
        visible = torch.ones(count, NUM_JOINTS, dtype=torch.bool, device=device)
        if self.occluded == 0:
            return visible
        of_view = torch.rand(count, 3, device=device)
        scattered = torch.rand(count, NUM_JOINTS, device=device) < of_view[:, 0:1] * self.joints
        limb = _IN_LIMB.to(device)[torch.randint(len(LIMBS), (count,), device=device)]
        together = limb & (of_view[:, 1:2] < self.limb)
        lost = (scattered | together) & (of_view[:, 2:3] < self.occluded)
        return torch.where((~lost).sum(-1, keepdim=True) < 2, visible, ~lost)


class ViewSampler(nn.Module):
    """Draws poses and, for each, two cameras; gives the two network inputs.

    Joint 0 of a view lies at random between the centre of the head and the nose, for annotators and detectors
    disagree on it as much (the paper mixes detected noses with projected heads).

    Args:
        joints: Metres, y up, from the middle of the hips; joint 0 is the centre of the head.
        nose: Its nose, same frame.
        cameras: Where the cameras stand.
        detector: What becomes of their pictures.
        network: Whose input to make.
    """

    joints: Tensor
    nose: Tensor

    def __init__(
        self,
        joints: Float[np.ndarray, "poses 13 3"],
        nose: Float[np.ndarray, "poses 3"],
        cameras: CameraRange,
        detector: Detector,
        network: NetworkConfig,
    ) -> None:
        super().__init__()
        self.cameras, self.detector, self.network = cameras, detector, network
        whole = torch.cat([torch.from_numpy(joints), torch.from_numpy(nose)[:, None]], dim=1)
        placed = y_up_to_z_up(normalize_3d(whole))
        self.register_buffer("joints", placed[:, :-1].contiguous(), persistent=False)
        self.register_buffer("nose", placed[:, -1].contiguous(), persistent=False)

    def __len__(self) -> int:
        """Number of 3D poses."""
        return len(self.joints)

    def sample(self, pairs: int) -> tuple[Float[Tensor, "pairs inputs"], Float[Tensor, "pairs inputs"]]:
        """Network inputs of two views of each of `pairs` random poses, from torch's global random state."""
        device = self.joints.device
        chosen = torch.randint(len(self), (pairs,), device=device).repeat(2)
        points = self.joints[chosen]
        share = torch.rand(2 * pairs, 1, device=device)
        points[:, 0] += share * (self.nose[chosen] - points[:, 0])
        azimuth, elevation, roll, distance = self.cameras.sample(2 * pairs, device=device)
        seen = project(points, orbit_matrix(azimuth, elevation, roll), distance)
        seen = self.detector.shift(seen, 1 / distance)
        visible = self.detector.see(2 * pairs, device)
        anchor, positive = network_input(normalize_keypoints(seen, visible), visible, self.network).chunk(2)
        return anchor, positive
