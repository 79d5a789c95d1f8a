"""Rigs of cameras that stand still around a room, virtual ones like those that Pr-VIPE was measured with."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from training.scene.cameras import normalize_3d, orbit_matrix, project, turn, y_up_to_z_up

ROOM = 2.0
"""People stand at most this far from the middle of the room, torso lengths: about a metre."""


@dataclass(frozen=True)
class Camera:
    """A camera without roll that looks at the hips of somebody in the middle of the room.

    Attributes:
        bearing: Where it stands around the room, degrees, counter-clockwise seen from above.
        height: How far above the horizon it stands, degrees; negative is below.
        distance: To those hips, torso lengths (about half a metre each).
    """

    bearing: float
    height: float
    distance: float


_CHEST = (Camera(0, 5, 7), Camera(72, -3, 6), Camera(144, 8, 7), Camera(216, 1, 8), Camera(288, 12, 6))
_ABOVE = tuple(Camera(36 + 72 * place, 45, 7) for place in range(5))
_KNEE = Camera(20, -8, 7)

RIGS: dict[str, tuple[Camera, ...]] = {
    "like Human3.6M": (Camera(70, 7, 10.6), Camera(-71, 7, 10.8), Camera(110, 6, 11), Camera(-116, 9, 8.3)),
    "like 3DHP chest": _CHEST,
    "like 3DHP all": (*_CHEST, *_ABOVE, _KNEE),
}
"""Human3.6M's stand where its calibration has them: at the corners of a hall, two thirds of a metre above the hips.
Those of MPI-INF-3DHP follow its paper (Mehta et al., 3DV 2017, section 4): five at chest level within 15 degrees of
elevation, five higher and turned down by 45 degrees, one at the knees that looks up; where they stand around the room
is our choice. The three at its ceiling are left out, as Pr-VIPE did."""


def place_in_room(poses: Float[Tensor, "frames 13 3"], generator: Generator) -> Float[Tensor, "frames 13 3"]:
    """Stand people somewhere in the room, facing anywhere; motion capture files say neither of a frame.

    Args:
        poses: Any unit, y up, in any place.
        generator: Of the draw.

    Returns:
        Torso lengths, z up, from the middle of the room at the height of the hips.
    """
    facing, bearing, share = torch.rand(3, len(poses), generator=generator)
    facing, bearing, away = 2 * torch.pi * facing, 2 * torch.pi * bearing, ROOM * share.sqrt()  # evenly over the floor
    standing = turn(y_up_to_z_up(normalize_3d(poses)), facing[:, None])
    return standing + torch.stack([away * bearing.cos(), away * bearing.sin(), torch.zeros_like(away)], -1)[:, None]


def film(placed: Float[Tensor, "frames 13 3"], rig: Sequence[Camera]) -> Float[Tensor, "cameras frames 13 2"]:
    """What each camera sees of people in the room: picture points (x, y), y down, in multiples of the focal length."""
    pictures = []
    for camera in rig:
        azimuth = torch.tensor(math.pi - math.radians(camera.bearing))  # to the negative x axis, where cameras stand
        rotation = orbit_matrix(azimuth, torch.tensor(-math.radians(camera.height)), torch.tensor(0.0))
        pictures.append(project(placed, rotation, torch.tensor(camera.distance)))
    return torch.stack(pictures)
