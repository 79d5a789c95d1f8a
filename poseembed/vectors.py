"""The one door for vectors: `Poses` or arrays in, checked pose vectors with their origin out."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from poseembed.keypoints import check_array, to_tensor
from poseembed.origin import MadeBy
from poseembed.poses import Poses

Vectors: TypeAlias = Poses | np.ndarray | Tensor
"""Embedded `Poses`, or pose vectors as `PoseEncoder.embed` returns them."""


@dataclass(frozen=True, eq=False)
class PoseVectors:
    """Pose vectors that are what they should be.

    Attributes:
        z_pose: As they came, numpy or torch.
        z_view: The view vectors of `Poses`; arrays bring none.
        made_by: What made them, if that is known; of arrays it is not.
    """

    z_pose: np.ndarray | Tensor
    z_view: np.ndarray | None = None
    made_by: MadeBy | None = None

    @classmethod
    def of(cls, poses: Vectors, name: str) -> "PoseVectors":
        """The vectors of what a user gives, of any shape, without reading them.

        Args:
            poses: `Poses`, or (..., pose_dim) vectors.
            name: What to call it in an error.

        Raises:
            TypeError: If it is neither `Poses` nor an array or tensor of floating-point numbers.
            ValueError: If `Poses` are not embedded, or an array has no axes.
        """
        if isinstance(poses, Poses):
            if poses.z_pose is None:
                raise ValueError(f"{name}: these Poses have no vectors yet; pass poses.embed(encoder)")
            return cls(poses.z_pose, poses.z_view, poses.made_by)
        check_vectors(poses, name)
        return cls(poses)


@dataclass(frozen=True, eq=False)
class Track:
    """Pose vectors of one person, a row a frame.

    Attributes:
        z_pose: (frames, pose_dim) float32 or float64; NaN where nobody was seen.
        poses: The poses they belong to, a row a frame; None for vectors that came in an array.
    """

    z_pose: Float[np.ndarray, "frames pose_dim"]
    poses: Poses | None = None

    @classmethod
    def of(cls, poses: Vectors, name: str) -> "Track":
        """The vectors of one person over time.

        Args:
            poses: `Poses`, of which `Poses.track` is taken, or (frames, pose_dim) vectors, numpy or torch.
            name: What to call it in an error.

        Raises:
            TypeError: If it is neither `Poses` nor an array or tensor of floating-point numbers.
            ValueError: If `Poses` are not embedded or have no single track, the shape is another, or a value infinite.
        """
        track = None
        if isinstance(poses, Poses):
            try:
                track = poses.track()
            except ValueError as error:  # several people without an identity
                raise ValueError(f"{name}: {error}") from error
        z_pose = PoseVectors.of(poses if track is None else track, name).z_pose
        vectors: np.ndarray = to_tensor(z_pose, name).detach().cpu().numpy()
        if vectors.ndim != 2 or not vectors.shape[1]:
            raise ValueError(
                f"{name} has shape {vectors.shape}; wanted (frames, pose_dim), the pose vectors of one person"
            )
        if np.isinf(vectors).any():
            raise ValueError(f"{name} holds infinite values; a frame in which nobody was seen is a row of NaN")
        return cls(vectors, track)

    @property
    def made_by(self) -> MadeBy | None:
        """What made them, if that is known."""
        return None if self.poses is None else self.poses.made_by


def check_vectors(vectors: np.ndarray | Tensor, name: str) -> None:
    """Refuse what cannot be embedding vectors, without reading them.

    Raises:
        TypeError: If it is not an array or a tensor of floating-point numbers.
        ValueError: If it has no axes.
    """
    check_array(vectors, name)
    if not vectors.ndim:
        raise ValueError(f"{name} is a single number; wanted vectors, (..., dim)")
    whole = not vectors.is_floating_point() if isinstance(vectors, Tensor) else vectors.dtype.kind != "f"
    if whole:
        raise TypeError(
            f"{name} holds whole numbers ({vectors.dtype}); pass vectors as PoseEncoder.embed returns them, "
            "not row numbers or keypoints"
        )


def unit(vectors: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
    """Bring vectors to length 1, in float32; NaN where a row is not finite."""
    if vectors.device.type == "mps":  # has no float64
        vectors = vectors.cpu()
    return normalize(vectors.double(), dim=-1).float()
