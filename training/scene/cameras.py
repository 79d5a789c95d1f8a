"""Virtual cameras: 3D poses to the 2D poses that cameras around them see.

World frame: x, y, z with **z up**, right-handed, the origin at the middle of the hips, one unit one torso length
(middle of the hips to middle of the shoulders). The camera stands on the negative x axis and looks along +x, so
in its picture x grows towards -y, y grows downwards (-z) and depth is x. Angles are radians.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from poseembed.skeleton import HIPS, SHOULDERS

MIN_DEPTH = 1e-2
"""Nothing is nearer to the camera than this (torso lengths); a joint behind it would land anywhere."""


@dataclass(frozen=True)
class CameraRange:
    """Where virtual cameras stand: every value is drawn uniformly and independently.

    Attributes:
        azimuth: Range of the turn about the vertical, radians.
        elevation: Range of the camera's angle below the horizon (negative: above it), radians.
        roll: Range of the turn about the optical axis, radians.
        distance: Range of the distance to the hips, torso lengths.
    """

    azimuth: tuple[float, float] = (-torch.pi, torch.pi)
    elevation: tuple[float, float] = (-torch.pi / 6, torch.pi / 6)
    roll: tuple[float, float] = (-torch.pi / 6, torch.pi / 6)
    distance: tuple[float, float] = (3.0, 12.0)

    def sample(
        self, count: int, *, generator: Generator | None = None, device: torch.device | str | None = None
    ) -> tuple[Float[Tensor, " count"], Float[Tensor, " count"], Float[Tensor, " count"], Float[Tensor, " count"]]:
        """Draw azimuths, elevations, rolls and distances."""
        low, high = torch.tensor(
            [self.azimuth, self.elevation, self.roll, self.distance], dtype=torch.float32, device=device
        ).unbind(1)
        draws = torch.rand(4, count, generator=generator, device=device)
        azimuth, elevation, roll, distance = low[:, None] + draws * (high - low)[:, None]
        return azimuth, elevation, roll, distance


def normalize_3d(joints: Float[Tensor, "*batch n 3"]) -> Float[Tensor, "*batch n 3"]:
    """Put the middle of the hips at the origin and make the torso one unit long (`3DSTD13` of the official code).

    The first 13 points are the joints; others that come after them, such as a nose, are moved along.
    """
    hips = joints[..., HIPS, :].mean(-2, keepdim=True)
    torso = (joints[..., SHOULDERS, :].mean(-2, keepdim=True) - hips).norm(dim=-1, keepdim=True)
    return (joints - hips) / torso.clamp_min(1e-12)


def y_up_to_z_up(points: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
    """Rename the axes of y-up, right-handed points to z-up: (x, y, z) becomes (z, x, y), which mirrors nothing."""
    return points[..., [2, 0, 1]]


def turn(points: Float[Tensor, "*batch 3"], angle: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch 3"]:
    """Turn z-up points about the vertical, from x towards y."""
    x, y, z = points.unbind(-1)
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([cos * x - sin * y, sin * x + cos * y, z], dim=-1)


def rotation_matrix(
    azimuth: Float[Tensor, "*batch"], elevation: Float[Tensor, "*batch"], roll: Float[Tensor, "*batch"]
) -> Float[Tensor, "*batch 3 3"]:
    """The official code's rotation Rz(azimuth) Ry(elevation) Rx(roll), for column vectors (x, y, z).

    The body is rolled and tilted about fixed axes first and spun about the vertical last, so at an azimuth of 90
    degrees "elevation" is a roll of the picture. `orbit_matrix` is what the paper's text says.
    """
    return _rotation(azimuth, 2) @ _rotation(elevation, 1) @ _rotation(roll, 0)


def orbit_matrix(
    azimuth: Float[Tensor, "*batch"], elevation: Float[Tensor, "*batch"], roll: Float[Tensor, "*batch"]
) -> Float[Tensor, "*batch 3 3"]:
    """A camera that walks around the body, rises, and rolls: Rx(roll) Ry(elevation) Rz(azimuth).

    For column vectors (x, y, z). This is the meaning that the paper gives to its three angles; `rotation_matrix`
    is the order in which its code multiplies them. As the azimuth grows, the camera walks clockwise, seen from above;
    at positive elevations it looks up at the body from below; a positive roll turns the picture clockwise.
    """
    return _rotation(roll, 0) @ _rotation(elevation, 1) @ _rotation(azimuth, 2)


def project(
    points: Float[Tensor, "*batch n 3"], rotation: Float[Tensor, "*batch 3 3"], distance: Float[Tensor, "*batch"]
) -> Float[Tensor, "*batch n 2"]:
    """What a pinhole camera of focal length 1 sees of points that were rotated in front of it.

    Args:
        points: World points (x, y, z), z up.
        rotation: Applied to the points first.
        distance: From the camera to the origin, in the points' unit.

    Returns:
        Picture points (x, y), y down. The official code lets depth fall to 1e-12; here it stops at `MIN_DEPTH`.
    """
    depth, left, up = (points @ rotation.transpose(-1, -2)).unbind(-1)
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
