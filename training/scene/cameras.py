"""Virtual cameras: 3D poses to the 2D poses that cameras around them see.

The world frame is that of `training.scene.world`. A camera stands on the negative x axis of its own frame and looks
along +x, so in its picture x grows towards -y, y grows downwards (-z) and depth is x. Angles are radians.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from poseembed.decoder import Viewpoint
from training.scene.world import times, turn

MIN_DEPTH = 1e-2
"""Nothing is nearer to the camera than this (torso lengths); a joint behind it would land anywhere."""


@dataclass(frozen=True, eq=False)
class Camera:
    """Pinhole cameras of focal length 1 that look at the origin, where the hips are, or past it: one, or any batch.

    A camera walks around the body, rises, and rolls, which is the meaning that the paper gives to its three angles.

    Attributes:
        azimuth: How far it has walked, radians: clockwise, seen from above, from the negative x axis on.
        elevation: Its angle below the horizon, radians: at positive ones it looks up at the body from below.
        roll: Its turn about the optical axis, radians: a positive one turns the picture clockwise.
        distance: To the origin, torso lengths.
        aside: How far past the origin it looks, radians to the left and up in its own frame, so that people are not in
            the middle of its picture; straight at it if None.
    """

    azimuth: Float[Tensor, "*batch"]
    elevation: Float[Tensor, "*batch"]
    roll: Float[Tensor, "*batch"]
    distance: Float[Tensor, "*batch"]
    aside: Float[Tensor, "*batch 2"] | None = None

    @cached_property
    def rotation(self) -> Float[Tensor, "*batch 3 3"]:
        """From the world to the camera's frame, for column vectors: Rx(roll) Ry(elevation) Rz(azimuth).

        The official code multiplies the other way round, so that its body is rolled and tilted about fixed axes first
        and spun about the vertical last: at an azimuth of 90 degrees its "elevation" is a roll of the picture.
        """
        return times(times(_rotation(self.roll, 0), _rotation(self.elevation, 1)), _rotation(self.azimuth, 2))

    @property
    def torso(self) -> Float[Tensor, "*batch"]:
        """How long a torso that is as far away as the hips, and not foreshortened, is in the picture."""
        return 1 / self.distance

    def look(self, points: Float[Tensor, "*points n 3"]) -> Float[Tensor, "*seen n 2"]:
        """What the cameras see of points in the world: picture points (x, y), y down.

        The batch of the points is broadcast with that of the cameras: one camera may look at many poses.
        """
        if self.aside is None:
            return project(points, self.rotation, self.distance)
        # turned where it stands: back to the camera, about it, and forth again
        left, up = self.aside.unbind(-1)
        turned = times(_rotation(up, 1), _rotation(-left, 2))
        ahead = torch.stack([self.distance, torch.zeros_like(self.distance), torch.zeros_like(self.distance)], dim=-1)
        offset = times(ahead.unsqueeze(-2), turned.mT) - ahead.unsqueeze(-2)
        return _onto_picture(times(points, times(turned, self.rotation).mT) + offset, self.distance)

    def viewpoint(self, facing: Float[Tensor, "*bodies"]) -> Viewpoint:
        """Where the cameras stand as bodies see it that face somewhere, see `training.scene.world.heading`."""
        direction = turn(-self.rotation[..., 0, :], -facing)  # the camera looks along the x axis of its own frame
        return Viewpoint(direction, self.roll.expand(direction.shape[:-1]))


@dataclass(frozen=True)
class CameraRange:
    """Where virtual cameras stand: every value is drawn uniformly and independently; see `Camera`.

    Attributes:
        azimuth: Range of the turn about the vertical, radians.
        elevation: Range of the camera's angle below the horizon (negative: above it), radians.
        roll: Range of the turn about the optical axis, radians.
        distance: Range of the distance to the hips, torso lengths.
        aside: Most that they look past the hips, to either side and up or down, radians.
        rolled: Share of the bodies whose cameras are turned by any angle about their optical axis, instead of `roll`:
            all cameras of such a body, so that a picture that seems upright mostly is.
    """

    azimuth: tuple[float, float] = (-torch.pi, torch.pi)
    elevation: tuple[float, float] = (-torch.pi / 6, torch.pi / 6)
    roll: tuple[float, float] = (-torch.pi / 6, torch.pi / 6)
    distance: tuple[float, float] = (3.0, 12.0)
    aside: float = 0.0
    rolled: float = 0.0

    def sample(
        self,
        count: int,
        *,
        views: int = 1,
        generator: Generator | None = None,
        device: torch.device | str | None = None,
    ) -> Camera:
        """Draw cameras.

        Args:
            count: How many.
            views: How many of them look at one body; the second ones of all bodies come after the first ones.
            generator: Of the draw; torch's global random state if None.
            device: Where to draw them.
        """
        draws = torch.rand(4, count, generator=generator, device=device)
        ranges = (self.azimuth, self.elevation, self.roll, self.distance)
        camera = Camera(*(low + draw * (high - low) for draw, (low, high) in zip(draws, ranges, strict=True)))
        if self.rolled:
            chance = torch.rand(count // views, generator=generator, device=device).repeat(views)
            anyhow = torch.pi * (2 * torch.rand(count, generator=generator, device=device) - 1)
            camera = replace(camera, roll=torch.where(chance < self.rolled, anyhow, camera.roll))
        if not self.aside:
            return camera
        aside = self.aside * (2 * torch.rand(count, 2, generator=generator, device=device) - 1)
        return replace(camera, aside=aside)


def project(
    points: Float[Tensor, "*#batch n 3"], rotation: Float[Tensor, "*#batch 3 3"], distance: Float[Tensor, "*#batch"]
) -> Float[Tensor, "*batch n 2"]:
    """What a pinhole camera of focal length 1 sees of points that were rotated in front of it.

    Args:
        points: World points (x, y, z), z up.
        rotation: Applied to the points first.
        distance: From the camera to the origin, in the points' unit.

    Returns:
        Picture points (x, y), y down. The official code lets depth fall to 1e-12; here it stops at `MIN_DEPTH`.
    """
    return _onto_picture(times(points, rotation.mT), distance)


def _onto_picture(
    points: Float[Tensor, "*#batch n 3"], distance: Float[Tensor, "*#batch"]
) -> Float[Tensor, "*batch n 2"]:
    """Picture points of points in the camera's frame, which is turned as it looks but has its origin at the hips."""
    depth, left, up = points.unbind(-1)
    depth = (depth + distance.unsqueeze(-1)).clamp_min(MIN_DEPTH)
    return torch.stack([-left / depth, -up / depth], dim=-1)


def _rotation(angle: Float[Tensor, "*batch"], axis: int) -> Float[Tensor, "*batch 3 3"]:
    """Right-handed rotation about the x (0), y (1) or z (2) axis."""
    cos, sin, one, zero = angle.cos(), angle.sin(), torch.ones_like(angle), torch.zeros_like(angle)
    rows = {
        0: (one, zero, zero, zero, cos, -sin, zero, sin, cos),
        1: (cos, zero, sin, zero, one, zero, -sin, zero, cos),
        2: (cos, -sin, zero, sin, cos, zero, zero, zero, one),
    }[axis]
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))
