"""What a motion-capture reader returns, and the rotation matrices that such readers need."""

from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
from jaxtyping import Float64

END = "_end"
"""Follows a bone's name in the name of its far end, where no other bone starts."""

_PLANE = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}


@dataclass(frozen=True)
class Motion:
    """One clip of a jointed skeleton in the file's own world frame (right-handed).

    A joint is the place where the bone or bones that it turns start: the joint of the upper arm is at the shoulder.

    Attributes:
        names: The joints' names, each once.
        parents: For each joint, the index of the one before it in the tree; -1 for the root, which comes first.
        positions: World positions, in the unit that the reader names.
        rotations: World orientations; they turn a vector of the rest pose, as column, into the world's.
        rest: Positions with every rotation at zero and the root at its place of rest, same unit.
        fps: Frames per second.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    positions: Float64[np.ndarray, "frames joints 3"]
    rotations: Float64[np.ndarray, "frames joints 3 3"]
    rest: Float64[np.ndarray, "joints 3"]
    fps: float


def euler_matrices(order: str, angles: Float64[np.ndarray, "*batch axes"]) -> Float64[np.ndarray, "*batch 3 3"]:
    """Multiply rotations about the coordinate axes, the first one leftmost.

    `euler_matrices("zyx", a)` is R_z(a[..., 0]) R_y(a[..., 1]) R_x(a[..., 2]) for column vectors: the rotation listed
    last acts on the vector first. Any number of axes will do, repeated ones too; none gives the identity.

    Args:
        order: Letters x, y and z, one a factor.
        angles: Radians, right-handed.

    Returns:
        Rotation matrices.

    Raises:
        ValueError: If there are not as many angles as letters.
    """
    if angles.shape[-1] != len(order):
        raise ValueError(f"{len(order)} axes ({order!r}) want {len(order)} angles; got {angles.shape[-1]}")
    identity = np.broadcast_to(np.eye(3), (*angles.shape[:-1], 3, 3)).copy()
    return reduce(np.matmul, (_about_axis(axis, angles[..., i]) for i, axis in enumerate(order)), identity)


def _about_axis(axis: str, angle: Float64[np.ndarray, "*batch"]) -> Float64[np.ndarray, "*batch 3 3"]:
    first, second = _PLANE[axis]
    matrix = np.broadcast_to(np.eye(3), (*angle.shape, 3, 3)).copy()
    matrix[..., first, first] = matrix[..., second, second] = np.cos(angle)
    matrix[..., second, first] = np.sin(angle)
    matrix[..., first, second] = -np.sin(angle)
    return matrix


def from_z_up(motion: Motion) -> Motion:
    """Turn a motion whose z axis points up so that y does: (x, y, z) becomes (x, z, -y), which mirrors nothing."""
    turn = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
    return replace(
        motion,
        positions=motion.positions @ turn.T,
        rotations=turn @ motion.rotations @ turn.T,
        rest=motion.rest @ turn.T,
    )
