"""What an adapter of one picture returns, and what all of them do on the way there."""

from reprlib import repr as short
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from poseembed.files.values import check_points, settle_scores
from poseembed.skeleton import NUM_JOINTS, Skeleton


class Keypoints(NamedTuple):
    """The people in one picture; unpacks into `PoseEncoder.embed(*keypoints)`.

    Attributes:
        keypoints: (people, 13, 2) float32 points (x, y), y down, pixels, in the order of `poseembed.JOINTS`; NaN is
            missing. Nobody in the picture is (0, 13, 2).
        confidence: (people, 13) float32 scores of the joints, 0 to 1.

    Examples:
        >>> from poseembed import PoseEncoder
        >>> from poseembed.adapters import from_rtmlib
        >>> people = from_rtmlib((np.random.default_rng(0).uniform(1, 400, (2, 17, 2)), np.full((2, 17), 0.9)))
        >>> people.keypoints.shape, people.confidence.shape
        ((2, 13, 2), (2, 13))
        >>> PoseEncoder.from_pretrained("poseembed-small").embed(*people).z_pose.shape
        (2, 32)
    """

    keypoints: Float[np.ndarray, "people 13 2"]
    confidence: Float[np.ndarray, "people 13"]


def to_array(values: object, name: str) -> Float[np.ndarray, "*shape"]:
    """A float64 copy, in main memory, of an array, of a tensor on any device, or of nested lists.

    Args:
        values: Numbers.
        name: What to call them in an error.

    Raises:
        TypeError: If they are not numbers (text and booleans are none), are None or a single number, or are lists of
            different lengths.
    """
    kind = type(values).__name__
    if isinstance(values, Tensor):
        if values.is_complex() or values.dtype == torch.bool or values.is_meta or values.layout != torch.strided:
            raise TypeError(f"{name} must be an array of numbers, got a tensor of {values.dtype} on {values.device}")
        values = values.detach().double().cpu().numpy()  # numpy has no bfloat16
    try:
        array = np.array(values)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:  # what numpy and other libraries' arrays say
        raise TypeError(f"{name} must be an array of numbers, got {kind}: {error}") from error
    if array.ndim == 0 or array.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be an array of numbers, got {kind} with elements of {array.dtype}")
    return array.astype(np.float64)


def check_people(points: Float[np.ndarray, "*shape"]) -> None:
    """Refuse what are not points of people.

    Raises:
        ValueError: If the shape is not (people, joints, 2).
    """
    if points.ndim != 3 or points.shape[-1] != 2:
        raise ValueError(f"got keypoints of shape {points.shape}; wanted (people, joints, 2) points (x, y) in pixels")


def pick_joints(
    points: Float[np.ndarray, "*shape"], confidence: Float[np.ndarray, "*scores"] | None, source: Skeleton
) -> Keypoints:
    """The 13 joints of a source's people.

    Args:
        points: (people, joints, 2) points (x, y) in pixels. An array without elements is nobody, whatever its shape:
            detectors write that in several ways.
        confidence: (people, joints) scores; NaN becomes 0, and what lies outside 0 to 1 (the peak of a heat map may)
            is brought to its end. None is 1, and 0 where a point is NaN.
        source: The skeleton of the points.

    Raises:
        ValueError: If a shape is wrong, the number of joints is not that of the skeleton, a coordinate is infinite or
            larger than any picture, or a score is far from 0 to 1.
    """
    if points.size == 0:
        return Keypoints(np.empty((0, NUM_JOINTS, 2), np.float32), np.empty((0, NUM_JOINTS), np.float32))
    check_people(points)
    picked = source.select(points)
    if confidence is None:
        confidence = (~np.isnan(points).any(-1)).astype(np.float64)
    if confidence.shape != points.shape[:2]:
        raise ValueError(
            f"got confidence of shape {confidence.shape} with keypoints of shape {points.shape}; "
            f"wanted one score a joint, {points.shape[:2]}"
        )
    check_points(picked)
    scores = settle_scores(source.select(confidence, axis=-1))
    return Keypoints(picked.astype(np.float32), scores.astype(np.float32))


def check_image_size(image_size: object) -> tuple[float, float]:
    """Width and height of a picture, by which shares of it are multiplied.

    Raises:
        ValueError: If they are not two numbers above 1.
    """
    size = np.asarray(image_size)
    if size.shape != (2,) or size.dtype.kind not in "iuf" or not (np.isfinite(size) & (size > 1)).all():
        raise ValueError(
            f"got image_size {short(image_size)}; wanted (width, height) of the picture in pixels, "
            "which for an OpenCV picture is image.shape[1::-1]"
        )
    return float(size[0]), float(size[1])
