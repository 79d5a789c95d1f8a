"""A virtual keypoint detector: what it misplaces, takes for something else, and does not see at all."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from poseembed.skeleton import NUM_JOINTS

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
_SWAPPED = torch.tensor([[0, 1, 2, 4, 3, 6, 5, 7, 8, 9, 10, 11, 12], [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 9, 12, 11]])
"""Where the joints of either row are taken from when arms, or legs, are swapped."""

_BAD = 4.0
"""A badly placed joint has so many times the noise of the others."""


@dataclass(frozen=True)
class Detector:
    """What a keypoint detector makes of a view. The default is a perfect one, as in the paper's projections.

    Attributes:
        noise: Each view's joints are moved by Gaussian noise of up to this standard deviation, torso lengths.
        bad: Share of the joints that the noise moves four times as far.
        swapped: Share of the views whose arms are taken for each other, and again of those whose legs are.
        occluded: Share of the views that can lose joints; by chance some of them lose none.
        joints: In such a view each joint is lost with a probability drawn from 0 to this...
        limb: ...with this probability, one of `LIMBS` is lost as a whole...
        cropped: ...and with this one, whatever lies beyond a line across the pose is out of the picture.
    """

    noise: float = 0.0
    bad: float = 0.0
    swapped: float = 0.0
    occluded: float = 0.0
    joints: float = 0.3
    limb: float = 0.5
    cropped: float = 0.0

    def swap(self, points: Float[Tensor, "views 13 2"]) -> Float[Tensor, "views 13 2"]:
        """Take left limbs for right ones."""
        if self.swapped == 0:
            return points
        arms, legs = torch.rand(2, len(points), 1, 1, device=points.device) < self.swapped
        order = _SWAPPED.to(points.device)
        points = torch.where(arms, points[:, order[0]], points)
        return torch.where(legs, points[:, order[1]], points)

    def shift(self, points: Float[Tensor, "views 13 2"], torso: Float[Tensor, " views"]) -> Float[Tensor, "views 13 2"]:
        """Add the noise; `torso` is a torso's length in the picture."""
        if self.noise == 0:
            return points
        deviation = (self.noise * torso * torch.rand_like(torso))[:, None, None]
        if self.bad:
            deviation = deviation * torch.where(torch.rand_like(points[..., :1]) < self.bad, _BAD, 1.0)
        return points + deviation * torch.randn_like(points)

    def see(self, points: Float[Tensor, "views 13 2"]) -> Bool[Tensor, "views 13"]:
        """Draw which joints of the views are visible; two at least are."""
        count, device = len(points), points.device
        visible = torch.ones(count, NUM_JOINTS, dtype=torch.bool, device=device)
        if self.occluded == 0:
            return visible
        of_view = torch.rand(count, 6, device=device)
        lost = torch.rand(count, NUM_JOINTS, device=device) < of_view[:, 0:1] * self.joints
        limb = _IN_LIMB.to(device)[torch.randint(len(LIMBS), (count,), device=device)]
        lost |= limb & (of_view[:, 1:2] < self.limb)
        if self.cropped:
            lost |= _beyond_a_line(points, of_view[:, 3], of_view[:, 4]) & (of_view[:, 5:6] < self.cropped)
        lost &= of_view[:, 2:3] < self.occluded
        return torch.where((~lost).sum(-1, keepdim=True) < 2, visible, ~lost)


def _beyond_a_line(
    points: Float[Tensor, "views 13 2"], direction: Float[Tensor, " views"], share: Float[Tensor, " views"]
) -> Bool[Tensor, "views 13"]:
    """Joints beyond a line square to a direction, drawn within a quarter turn of downwards.

    Args:
        points: Picture points.
        direction: Uniform draws, for the direction.
        share: Uniform draws; the line leaves 0.4 to 1 of the pose's extent in the picture.
    """
    angle = math.pi * direction
    along = points[..., 0] * angle.cos()[:, None] + points[..., 1] * angle.sin()[:, None]
    low, high = along.amin(-1, keepdim=True), along.amax(-1, keepdim=True)
    return along > low + (high - low) * (0.4 + 0.6 * share[:, None])
