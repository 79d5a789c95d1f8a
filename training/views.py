"""3D poses to batches of what two cameras see of them, made on the training device without work per pose."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from poseembed.keypoints import normalize_keypoints
from poseembed.network import NetworkConfig, network_input
from poseembed.skeleton import NUM_JOINTS
from training.bodies import NOSE, Bodies, heading
from training.cameras import CameraRange, orbit_matrix, project, turn

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


def describe_camera(
    rotation: Float[Tensor, "views 3 3"], roll: Float[Tensor, " views"], facing: Float[Tensor, " views"]
) -> Float[Tensor, "views 5"]:
    """Where cameras stand, as `Batch.camera` says it.

    Args:
        rotation: From the world to the camera's frame, see `training.cameras.orbit_matrix`.
        roll: Of the camera, radians.
        facing: Of the body, see `training.bodies.heading`.
    """
    towards = turn(-rotation[:, 0], -facing)  # the camera looks along the x axis of its own frame
    return torch.cat([towards, roll.sin()[:, None], roll.cos()[:, None]], dim=-1)


@dataclass(frozen=True)
class Batch:
    """Two views of each of a batch of bodies, and what the virtual world knows of them.

    Attributes:
        inputs: Network inputs of the anchors and of the positives.
        body: The 13 joints in 3D, turned about the vertical to face +x (z up, torso lengths from the hips).
        camera: Of both views: the direction from the hips to the camera in the frame of `body` (a unit vector), and
            sine and cosine of the camera's roll.
    """

    inputs: Float[Tensor, "2 pairs inputs"]
    body: Float[Tensor, "pairs 13 3"]
    camera: Float[Tensor, "2 pairs 5"]


class ViewSampler:
    """Draws bodies and, for each, two cameras; gives what the network reads of both pictures.

    Joint 0 of a view lies at random between the centre of the head and the nose, for annotators and detectors
    disagree on it as much (the paper mixes detected noses with projected heads).

    Args:
        bodies: Where the 3D poses come from.
        cameras: Where the cameras stand.
        detector: What becomes of their pictures.
        network: Whose input to make.
    """

    def __init__(self, bodies: Bodies, cameras: CameraRange, detector: Detector, network: NetworkConfig) -> None:
        self.bodies, self.cameras, self.detector, self.network = bodies, cameras, detector, network

    @property
    def device(self) -> torch.device:
        """Where the views are made."""
        return self.bodies.torso.device

    def digest(self) -> str:
        """A fingerprint of the data that the views are made of."""
        return self.bodies.digest()

    def sample(self, pairs: int) -> Batch:
        """Two views of each of `pairs` random bodies, from torch's global random state."""
        points = self.bodies.sample(pairs)
        facing = heading(points)
        picture, visible, camera = self.photograph(points.repeat(2, 1, 1), facing.repeat(2))
        return Batch(
            inputs=self.inputs(picture, visible).unflatten(0, (2, pairs)),
            body=turn(points[:, :NUM_JOINTS], -facing[:, None]),
            camera=camera.unflatten(0, (2, pairs)),
        )

    def photograph(
        self, points: Float[Tensor, "views 14 3"], facing: Float[Tensor, " views"]
    ) -> tuple[Float[Tensor, "views 13 2"], Bool[Tensor, "views 13"], Float[Tensor, "views 5"]]:
        """See each body from a random camera.

        Args:
            points: The 13 joints and the nose.
            facing: Where the bodies face, see `training.bodies.heading`.

        Returns:
            Picture points, which of them are visible, and where the cameras stand (see `Batch.camera`).
        """
        count, device = len(points), points.device
        seen = points[:, :NUM_JOINTS].clone()
        seen[:, 0] += torch.rand(count, 1, device=device) * (points[:, NOSE] - points[:, 0])
        azimuth, elevation, roll, distance = self.cameras.sample(count, device=device)
        rotation = orbit_matrix(azimuth, elevation, roll)
        picture = self.detector.swap(project(seen, rotation, distance))
        picture = self.detector.shift(picture, 1 / distance)
        return picture, self.detector.see(picture), describe_camera(rotation, roll, facing)

    def inputs(
        self, picture: Float[Tensor, "views 13 2"], visible: Bool[Tensor, "views 13"]
    ) -> Float[Tensor, "views inputs"]:
        """What the network reads of pictures."""
        return network_input(normalize_keypoints(picture, visible), visible, self.network)
