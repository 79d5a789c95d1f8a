"""What the pictures are given, checked and as numpy arrays."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from poseembed.keypoints import check_keypoints, to_tensor, visible_joints
from poseembed.poses import Poses
from poseembed.skeleton import NUM_JOINTS, get_skeleton

Image: TypeAlias = Shaped[np.ndarray, "height width 3"]
"""A picture, RGB: whole numbers from 0 to 255, or floats from 0 to 1."""

Frames: TypeAlias = Mapping[int, Image] | Sequence[Image]
"""Pictures of a video by frame number: a list of all of them, or a dict of those that are needed."""


def to_array(values: np.ndarray | Tensor, name: str) -> Float[np.ndarray, "..."]:
    """A float64 array of a numeric array or of a tensor on any device.

    Raises:
        TypeError: If it is neither.
    """
    return to_tensor(values, name).detach().cpu().double().numpy()


def visible_points(
    poses: Poses | np.ndarray | Tensor, confidence: np.ndarray | Tensor | None, min_confidence: float
) -> Float[np.ndarray, "*batch 13 2"]:
    """The points of poses, NaN where a joint is not to be drawn.

    Args:
        poses: Poses, whose confidence is used, or (..., 13, 2) points.
        confidence: (..., 13) scores, if not in `poses`.
        min_confidence: Least score of a joint to draw.

    Raises:
        TypeError: If an input is not a numeric array or tensor.
        ValueError: If the shapes are not those of 13 joints, a coordinate is infinite, or scores are given twice.
    """
    if isinstance(poses, Poses):
        if confidence is not None:
            raise ValueError("got confidence besides Poses, which have their own; pass poses.keypoints to use another")
        return visible_points(poses.keypoints, poses.confidence, min_confidence)
    shape = tuple(to_tensor(poses, "keypoints").shape)
    if shape[-2:] != (NUM_JOINTS, 2):
        raise ValueError(
            f"got keypoints of shape {shape}; pictures are of the 13 joints of poseembed.JOINTS, (..., 13, 2): pick "
            "them with poseembed.SKELETONS[name].select(keypoints), and scores with select(confidence, axis=-1)"
        )
    points = check_keypoints(poses, get_skeleton("poseembed13")).detach().cpu()
    seen = visible_joints(points, confidence, min_confidence)
    return torch.where(seen[..., None], points, torch.nan).double().numpy()


def check_image(image: np.ndarray) -> Image:
    """The picture, if it is one.

    Raises:
        TypeError: If it is not an array.
        ValueError: If it has no pixels, is not RGB, or its numbers have another range than `Image` says.
    """
    if not isinstance(image, np.ndarray):
        raise TypeError(f"a picture must be a numpy array, got {type(image).__name__}; try numpy.asarray")
    if image.ndim != 3 or image.shape[-1] != 3 or not image.size:
        raise ValueError(
            f"got a picture of shape {image.shape}; wanted (height, width, 3), RGB; OpenCV's frames are BGR: pass "
            "frame[..., ::-1]"
        )
    greatest = 1 if image.dtype.kind == "f" else 255
    if image.dtype.kind not in "uif" or not (image.min() >= 0 and image.max() <= greatest):
        raise ValueError(
            f"got a picture of {image.dtype} from {image.min()} to {image.max()}; wanted whole numbers from 0 to 255, "
            "or floats from 0 to 1"
        )
    return image


def frame_image(frames: Frames | None, number: int, name: str) -> Image | None:
    """The picture of a frame; None without pictures.

    Raises:
        ValueError: If there are pictures, but not of this frame.
    """
    if frames is None:
        return None
    try:
        return check_image(frames[number])
    except (IndexError, KeyError):
        raise ValueError(
            f"{name} has no picture of frame {number}; pass all frames of the video, or a dict by frame number"
        ) from None
