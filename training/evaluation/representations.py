"""Pictures of poses as vectors that Euclidean distance compares: hand-made ones, and those of encoders."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize

from poseembed import PoseEncoder
from poseembed.keypoints import normalize_keypoints

Embed = Callable[[Float[Tensor, "poses 13 2"], Bool[Tensor, "poses 13"]], Float[Tensor, "poses dim"]]
"""From picture points (x, y), y down, and which joints are visible, to vectors."""


def raw_keypoints(points: Float[Tensor, "poses 13 2"], visible: Bool[Tensor, "poses 13"]) -> Float[Tensor, "poses 26"]:
    """The keypoints as the encoder reads them; a missing joint lies at the centre of the hips."""
    return normalize_keypoints(points, visible).flatten(1)


def joint_distances(
    points: Float[Tensor, "poses 13 2"], visible: Bool[Tensor, "poses 13"]
) -> Float[Tensor, "poses 78"]:
    """Distances between all pairs of joints, in torso lengths; a missing joint lies at the centre of the hips."""
    normalized = normalize_keypoints(points, visible)
    first, second = torch.triu_indices(13, 13, offset=1)
    return (normalized[:, first] - normalized[:, second]).norm(dim=-1)


def means(encoder: PoseEncoder) -> Embed:
    """The encoder's pose vectors as they are; Pr-VIPE's, the means of its Gaussians, are so compared by distance."""

    def embed(points: Float[Tensor, "poses 13 2"], visible: Bool[Tensor, "poses 13"]) -> Float[Tensor, "poses dim"]:
        z_pose: Tensor = encoder.embed(points, visible.float()).z_pose
        return z_pose

    return embed


def pose_vectors(encoder: PoseEncoder) -> Embed:
    """The encoder's pose vectors at unit length, so that Euclidean distance ranks as cosine does."""
    as_they_are = means(encoder)
    return lambda points, visible: normalize(as_they_are(points, visible), dim=-1)
