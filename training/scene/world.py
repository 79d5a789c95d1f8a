"""The frame that bodies and cameras share, and how recorded poses come into it.

World frame: x, y, z with **z up**, right-handed, the origin at the middle of the hips, one unit one torso length
(middle of the hips to middle of the shoulders). Angles are radians.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from poseembed.skeleton import HIP_JOINTS, HIPS, SHOULDER_JOINTS, SHOULDERS


class Constant:
    """A tensor of fixed numbers, copied to each device once: to copy it at each use would hold up a GPU.

    Args:
        values: The numbers, on the CPU.
    """

    def __init__(self, values: Tensor) -> None:
        self._copies = {values.device: values}

    def on(self, device: torch.device) -> Tensor:
        """The numbers, on a device."""
        if device not in self._copies:
            self._copies[device] = self._copies[torch.device("cpu")].to(device)
        return self._copies[device]


def times(rows: Float[Tensor, "*#batch n 3"], matrix: Float[Tensor, "*#batch 3 m"]) -> Float[Tensor, "*batch n m"]:
    """`rows @ matrix`, which for very many such small matrices is slow on a GPU: as a sum of three products."""
    first, second, third = (rows[..., i, None] * matrix[..., i, None, :] for i in range(3))
    return first + second + third


def to_world(joints: Float[Tensor, "*batch n 3"]) -> Float[Tensor, "*batch n 3"]:
    """Recorded poses, in any unit, y up and in any place, in the world frame; they face as they did."""
    return y_up_to_z_up(normalize_3d(joints))


def normalize_3d(joints: Float[Tensor, "*batch n 3"]) -> Float[Tensor, "*batch n 3"]:
    """Put the middle of the hips at the origin and make the torso one unit long (`3DSTD13` of the official code).

    The first 13 points are the joints; others that come after them, such as a nose, are moved along.
    """
    hips = joints[..., HIP_JOINTS, :].mean(-2, keepdim=True)
    torso = (joints[..., SHOULDER_JOINTS, :].mean(-2, keepdim=True) - hips).norm(dim=-1, keepdim=True)
    return (joints - hips) / torso.clamp_min(1e-12)


def y_up_to_z_up(points: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
    """Rename the axes of y-up, right-handed points to z-up: (x, y, z) becomes (z, x, y), which mirrors nothing."""
    return points[..., [2, 0, 1]]


def turn(points: Float[Tensor, "*#batch 3"], angle: Float[Tensor, "*#batch"]) -> Float[Tensor, "*batch 3"]:
    """Turn z-up points about the vertical, from x towards y; one angle may be for many points, or the reverse."""
    x, y, z = points.unbind(-1)
    cos, sin = angle.cos(), angle.sin()
    x, y, z = torch.broadcast_tensors(cos * x - sin * y, sin * x + cos * y, z)
    return torch.stack([x, y, z], dim=-1)


def heading(points: Float[Tensor, "*batch n 3"]) -> Float[Tensor, "*batch"]:
    """Where a body faces: the angle from x towards y of the horizontal that is square to its hips and shoulders."""
    (left_shoulder, right_shoulder), (left_hip, right_hip) = SHOULDERS, HIPS
    left = (points[..., left_shoulder, :] + points[..., left_hip, :]) - (
        points[..., right_shoulder, :] + points[..., right_hip, :]
    )
    return torch.atan2(-left[..., 0], left[..., 1])
