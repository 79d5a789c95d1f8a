"""Bodies in 3D, read from one picture each, with how far off every joint may be; and a pose on the bones of another."""

from typing import Generic

import numpy as np
from jaxtyping import Float
from typing_extensions import NamedTuple

from poseembed.keypoints import Array
from poseembed.skeleton import HIP_JOINTS, NUM_JOINTS, SHOULDER_JOINTS

_LIMBS = ((1, 3), (2, 4), (3, 5), (4, 6), (7, 9), (8, 10), (9, 11), (10, 12))
"""Bones of arms and legs: the joint that is nearer to the trunk, and the other; upper ones first."""


class Body(NamedTuple, Generic[Array]):
    """What `PoseEncoder.lift` returns: where the joints are in 3D, and how far they may be from there.

    The frame is the body's own: the middle of the hips at the origin, x to where hips and shoulders face, y to the
    body's left, z up, against gravity. The unit is a torso length, middle of the hips to middle of the shoulders.

    Attributes:
        joints: (..., 13, 3), in the order of `poseembed.JOINTS`; joint 0 is the centre of the head.
        covariance: (..., 13, 3, 3) of the error of each joint, squared torso lengths. Long and thin for the most part:
            a picture says little of how far away a joint is from the camera.

    Examples:
        >>> from poseembed import Body
        >>> body = Body(np.zeros((13, 3)), np.tile(np.diag([0.09, 0.01, 0.06]), (13, 1, 1)))
        >>> body.spread.shape, float(body.spread[0])
        ((13,), 0.4)
    """

    joints: Array
    covariance: Array

    @property
    def spread(self) -> Array:
        """How far off each joint is, (..., 13): the root of the mean squared distance, torso lengths."""
        variance = self.covariance[..., 0, 0] + self.covariance[..., 1, 1] + self.covariance[..., 2, 2]
        spread: Array = variance**0.5
        return spread


def bone_lengths(joints: Float[np.ndarray, "*batch 13 3"]) -> Float[np.ndarray, "*batch 12"]:
    """How long the bones of bodies are, in the order that `on_bones` takes."""
    lengths: np.ndarray = np.linalg.norm(_bones(joints), axis=-1)
    return lengths


def on_bones(
    joints: Float[np.ndarray, "*batch 13 3"], lengths: Float[np.ndarray, "*#batch 12"]
) -> Float[np.ndarray, "*batch 13 3"]:
    """Bodies in the same pose with bones of other lengths: each points where it did, from the middle of the hips on.

    Args:
        joints: The bodies.
        lengths: As `bone_lengths` gives them.
    """
    bones = _bones(joints)
    length = np.linalg.norm(bones, axis=-1, keepdims=True)
    bones = np.divide(bones, length, out=np.zeros_like(bones), where=length > 0) * lengths[..., None]
    hip, spine, shoulder, neck = np.moveaxis(bones[..., :4, :], -2, 0)
    at = {0: spine + neck, 1: spine + shoulder, 2: spine - shoulder, 7: hip, 8: -hip}
    for (inner, outer), bone in zip(_LIMBS, np.moveaxis(bones[..., 4:, :], -2, 0), strict=True):
        at[outer] = at[inner] + bone
    return np.stack([at[joint] for joint in range(NUM_JOINTS)], axis=-2)


def _bones(joints: Float[np.ndarray, "*batch 13 3"]) -> Float[np.ndarray, "*batch 12 3"]:
    """Half of the line from hip to hip, spine, half of the line from shoulder to shoulder, neck; then the limbs."""
    shoulders, hips = joints[..., SHOULDER_JOINTS, :], joints[..., HIP_JOINTS, :]
    chest = shoulders.mean(-2)
    trunk = [
        (hips[..., 0, :] - hips[..., 1, :]) / 2,
        chest - hips.mean(-2),
        (shoulders[..., 0, :] - shoulders[..., 1, :]) / 2,
        joints[..., 0, :] - chest,
    ]
    limbs = [joints[..., outer, :] - joints[..., inner, :] for inner, outer in _LIMBS]
    return np.stack([*trunk, *limbs], axis=-2)
