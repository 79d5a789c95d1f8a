"""Rigs of cameras that stand still around a room, virtual ones like those that Pr-VIPE was measured with."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from training.scene.cameras import Camera
from training.scene.world import to_world, turn

ROOM = 2.0
"""People stand at most this far from the middle of the room, torso lengths: about a metre."""


def level_camera(bearing: float, height: float, distance: float) -> Camera:
    """A camera without roll that looks at the hips of somebody in the middle of the room.

    Args:
        bearing: Where it stands around the room, degrees, counter-clockwise seen from above.
        height: How far above the horizon it stands, degrees; negative is below.
        distance: To those hips, torso lengths (about half a metre each).
    """
    azimuth = math.pi - math.radians(bearing)  # cameras walk clockwise, from the negative x axis on
    return Camera(*(torch.tensor(value) for value in (azimuth, -math.radians(height), 0.0, distance)))


_CHEST = tuple(
    level_camera(72.0 * number, height, distance)
    for number, (height, distance) in enumerate(((5.0, 7.0), (-3.0, 6.0), (8.0, 7.0), (1.0, 8.0), (12.0, 6.0)))
)
_ABOVE = tuple(level_camera(36.0 + 72.0 * number, 45.0, 7.0) for number in range(5))
_KNEE = level_camera(20.0, -8.0, 7.0)

RIGS: dict[str, tuple[Camera, ...]] = {
    "like Human3.6M": (
        level_camera(70.0, 7.0, 10.6),
        level_camera(-71.0, 7.0, 10.8),
        level_camera(110.0, 6.0, 11.0),
        level_camera(-116.0, 9.0, 8.3),
    ),
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
    standing = turn(to_world(poses), facing[:, None])
    return standing + torch.stack([away * bearing.cos(), away * bearing.sin(), torch.zeros_like(away)], -1)[:, None]


def film(placed: Float[Tensor, "frames 13 3"], rig: Sequence[Camera]) -> Float[Tensor, "cameras frames 13 2"]:
    """What each camera sees of people in the room: picture points (x, y), y down, in multiples of the focal length."""
    return torch.stack([camera.look(placed) for camera in rig])
