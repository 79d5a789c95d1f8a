"""A virtual keypoint detector: what it misplaces, takes for something else, and does not see at all.

How far it misplaces which joint, and how often it takes left for right, are what MediaPipe, MoveNet and OpenPose do on
real recordings (`training.benchmarks.detectors`; the numbers stand in `training/EXPERIMENTS.md`).
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from poseembed.skeleton import MIRRORED, NUM_JOINTS
from training.scene.world import Constant

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

UNSTEADY = (1.5, 0.9, 0.9, 1.0, 1.0, 1.0, 1.0, 1.25, 1.25, 1.0, 1.0, 0.9, 0.9)
"""How far each joint is misplaced, as a multiple of the noise: detectors agree least on nose and hips."""

_UNSTEADY = Constant(torch.tensor(UNSTEADY)[:, None])
_IN_LIMB = Constant(torch.tensor([[joint in limb for joint in range(NUM_JOINTS)] for limb in LIMBS]))
_SWAPPED = Constant(
    torch.tensor(
        [[0, 1, 2, 4, 3, 6, 5, 7, 8, 9, 10, 11, 12], [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 9, 12, 11], list(MIRRORED)]
    )
)
"""Where the joints of each row are taken from when arms, legs, or the sides of the whole body are swapped."""

_BAD = 4.0
"""A badly placed joint has so many times the noise of the others."""


@dataclass(frozen=True)
class Detector:
    """What a keypoint detector makes of a view. The default is a perfect one, as in the paper's projections.

    Attributes:
        noise: Each view's joints are moved by Gaussian noise of up to this standard deviation, torso lengths, some
            joints more than others, see `UNSTEADY`.
        bad: Share of the joints that the noise moves four times as far.
        swapped: Share of the views whose arms are taken for each other, and again of those whose legs are.
        sides: Share of the views in which all that is left is taken for right.
        occluded: Share of the views that can lose joints; by chance some of them lose none.
        joints: In such a view each joint is lost with a probability drawn from 0 to this...
        limb: ...with this probability, one of `LIMBS` is lost as a whole...
        cropped: ...and with this one, whatever lies beyond a line across the pose is out of the picture.
    """

    noise: float = 0.0
    bad: float = 0.0
    swapped: float = 0.0
    sides: float = 0.0
    occluded: float = 0.0
    joints: float = 0.3
    limb: float = 0.5
    cropped: float = 0.0

    def swap(self, points: Float[Tensor, "views 13 2"]) -> Float[Tensor, "views 13 2"]:
        """Take left for right: arms, legs, or all of it."""
        if self.swapped == 0 and self.sides == 0:
            return points
        chance = torch.rand(3, len(points), device=points.device)
        return exchange(points, chance[0] < self.swapped, chance[1] < self.swapped, chance[2] < self.sides)

    def shift(self, points: Float[Tensor, "views 13 2"], torso: Float[Tensor, " views"]) -> Float[Tensor, "views 13 2"]:
        """Add the noise; `torso` is a torso's length in the picture."""
        if self.noise == 0:
            return points
        return points + self.deviation(points, torso) * torch.randn_like(points)

    def deviation(
        self, points: Float[Tensor, "views *frames 13 2"], torso: Float[Tensor, " views"]
    ) -> Float[Tensor, "views *frames 13 1"]:
        """Draw the standard deviation of each joint's noise: the same for all frames of a view, but for bad joints."""
        of_view = self.noise * torso * torch.rand_like(torso)
        deviation = of_view.reshape(-1, *[1] * (points.ndim - 1)) * _UNSTEADY.on(points.device)
        bad = torch.rand_like(points[..., :1]) < self.bad
        return deviation * torch.where(bad, _BAD, 1.0)

    def see(self, points: Float[Tensor, "views 13 2"]) -> Bool[Tensor, "views 13"]:
        """Draw which joints of the views are visible; two at least are."""
        count, device = len(points), points.device
        visible = torch.ones(count, NUM_JOINTS, dtype=torch.bool, device=device)
        if self.occluded == 0:
            return visible
        of_view = torch.rand(count, 6, device=device)
        lost = torch.rand(count, NUM_JOINTS, device=device) < of_view[:, 0:1] * self.joints
        limb = in_limb(torch.randint(len(LIMBS), (count,), device=device))
        lost |= limb & (of_view[:, 1:2] < self.limb)
        if self.cropped:
            lost |= beyond_a_line(points, of_view[:, 3], of_view[:, 4]) & (of_view[:, 5:6] < self.cropped)
        lost &= of_view[:, 2:3] < self.occluded
        return torch.where((~lost).sum(-1, keepdim=True) < 2, visible, ~lost)


def exchange(
    points: Float[Tensor, "*views 13 2"],
    arms: Bool[Tensor, "*views"],
    legs: Bool[Tensor, "*views"],
    sides: Bool[Tensor, "*views"],
) -> Float[Tensor, "*views 13 2"]:
    """Take left for right in some of the views."""
    for order, where in zip(_SWAPPED.on(points.device), (arms, legs, sides), strict=True):
        points = torch.where(where[..., None, None], points[..., order, :], points)
    return points


def in_limb(limb: Int[Tensor, " views"]) -> Bool[Tensor, "views 13"]:
    """Which joints are of limbs, given by their places in `LIMBS`."""
    return _IN_LIMB.on(limb.device)[limb]


def beyond_a_line(
    points: Float[Tensor, "*views 13 2"], direction: Float[Tensor, "*views"], share: Float[Tensor, "*views"]
) -> Bool[Tensor, "*views 13"]:
    """Joints beyond a line square to a direction, drawn within a quarter turn of downwards.

    Args:
        points: Picture points.
        direction: Uniform draws, for the direction.
        share: Uniform draws; the line leaves 0.4 to 1 of the pose's extent in the picture.
    """
    angle = math.pi * direction
    along = points[..., 0] * angle.cos()[..., None] + points[..., 1] * angle.sin()[..., None]
    low, high = along.amin(-1, keepdim=True), along.amax(-1, keepdim=True)
    return along > low + (high - low) * (0.4 + 0.6 * share[..., None])
