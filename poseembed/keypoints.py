"""Checking keypoint arrays and bringing poses to the position and scale that the encoder was trained on."""

import numbers
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from poseembed.hints import door_for, way_to_shape
from poseembed.skeleton import (
    HIP_JOINTS,
    NUM_JOINTS,
    SHOULDER_JOINTS,
    Skeleton,
    SkeletonName,
    check_joint_count,
    get_skeleton,
)

Array = TypeVar("Array", np.ndarray, Tensor)
"""One of the two kinds of arrays: what comes in as numpy goes out as numpy."""

MIN_CONFIDENCE = 0.3
"""A joint with a confidence below this is missing, unless somebody says otherwise."""

MIN_JOINTS = 4
"""`Poses` of fewer joints get no vectors, unless somebody says otherwise: three or less say next to nothing."""

SCALE_UNIT = 0.5
"""The largest distance among shoulders and hips is this long after normalising."""

MIN_TORSO_SHARE = 0.1
"""A torso shorter than this share of the whole pose (seen from its end, say) no longer sets the scale alone."""

UNMEASURED_TORSO_SHARE = 1 / 3
"""How long a torso is taken to be, as a share of what is visible, when no shoulder or no hip is."""

_PARTS = [1, 2, 4, 2, 4]  # joints of the head, the shoulders, the arms, the hips and the legs, in order
_TINY = 1e-12


def normalize_keypoints(
    points: Float[Tensor, "*batch 13 2"], visible: Bool[Tensor, "*batch 13"]
) -> Float[Tensor, "*batch 13 2"]:
    r"""Centre poses on the hips and scale them by the torso, as the official CV-MIM code does.

    For a complete pose this is :math:`0.5\,(p - c) / s`, with `c` the middle of the hips and `s` the largest of
    the six distances among shoulders and hips (`KeypointProfile2D` in google-research/poem). Where that is not
    defined:

    - one hip missing: the other is the centre; both missing: the middle of the visible shoulders, or else of all
      visible joints;
    - no shoulder or no hip visible: nothing measures the torso, so `s` is at least a third of the diagonal of the
      visible joints' bounding box;
    - a torso shorter than a tenth of that diagonal (hips and shoulders on one spot): `s` is that tenth, so no
      coordinate can leave [-5, 5];
    - all visible joints on one point: all zeros.

    Missing joints come back as zeros. The result does not depend on where the pose stands or how large it is, and
    is finite for every finite input, huge or tiny; it is differentiable.

    Args:
        points: Points (x, y), y down, in any unit with square pixels. What stands at missing joints is not read.
        visible: True where a joint is there.

    Returns:
        Normalised points, 0 at missing joints.
    """
    # Joints and coordinates first, so that each step goes over whole stretches of memory, however many poses there are.
    there = visible.movedim(-1, 0).unsqueeze(1)
    boxed = _fit_to_box(points.movedim((-2, -1), (0, 1)).contiguous(), there)
    seen = there.to(points.dtype)
    centred = (boxed - _centre(boxed, seen)) * seen
    measured = (there[SHOULDER_JOINTS].any(0) & there[HIP_JOINTS].any(0)).squeeze(0)
    extent = boxed.amax(0).square().sum(0)
    shortest = torch.where(measured, extent * MIN_TORSO_SHARE**2, extent * UNMEASURED_TORSO_SHARE**2)
    squared = torch.maximum(_squared_torso(centred), shortest).clamp_min(_TINY**2)  # the root of 0 has no gradient
    return (centred * (SCALE_UNIT * squared.rsqrt())).movedim((0, 1), (-2, -1))


def read_joints(
    keypoints: np.ndarray | Tensor,
    confidence: np.ndarray | Tensor | None,
    skeleton: SkeletonName | Skeleton,
    min_confidence: float,
) -> Float[Tensor, "*batch 13 2"]:
    """The 13 joints out of keypoints of any skeleton, NaN where they are missing.

    Raises:
        TypeError, ValueError: As `check_keypoints` and `visible_joints` do, and for an unknown skeleton.
    """
    source = get_skeleton(skeleton)
    points = check_keypoints(keypoints, source)
    check_min_confidence(min_confidence)
    if confidence is None:
        return source.select(points)
    visible = source.select(visible_joints(points, confidence, min_confidence), axis=-1)
    return torch.where(visible.unsqueeze(-1), source.select(points), torch.nan)


def check_keypoints(keypoints: np.ndarray | Tensor, skeleton: Skeleton) -> Float[Tensor, "*batch joints 2"]:
    """Keypoints as a floating-point tensor, on the device where they are.

    Args:
        keypoints: (..., joints, 2) points (x, y).
        skeleton: The skeleton that they should have.

    Raises:
        TypeError: If it is not a numeric array or tensor.
        ValueError: If the shape is not that of the skeleton, or a coordinate is infinite.
    """
    points = to_tensor(keypoints, "keypoints")
    shape = tuple(points.shape)
    if points.ndim < 2 or points.shape[-1] != 2:
        raise ValueError(f"got shape {shape}; wanted (..., joints, 2) points (x, y){way_to_shape(shape, skeleton)}")
    check_joint_count(shape[-2], skeleton)
    if points.isinf().any():
        raise ValueError("keypoints hold infinite coordinates; a missing joint is NaN, or has a low confidence")
    return points


def visible_joints(
    points: Float[Tensor, "*batch joints 2"], confidence: np.ndarray | Tensor | None, min_confidence: float
) -> Bool[Tensor, "*batch joints"]:
    """Which joints are there: no coordinate is NaN and the confidence, if any, is not under the threshold.

    Raises:
        TypeError: If `confidence` is not a numeric array or tensor, or `min_confidence` no number.
        ValueError: If the shape of `confidence` is not that of the points without the last axis, or `min_confidence` is
            not in 0 to 1.
    """
    check_min_confidence(min_confidence)
    present = ~points.isnan().any(-1)
    if confidence is None:
        return present
    scores = to_tensor(confidence, "confidence")
    if scores.shape != present.shape:
        raise ValueError(
            f"got confidence of shape {tuple(scores.shape)} with keypoints of shape {tuple(points.shape)}; "
            f"wanted one score a joint, {tuple(present.shape)}"
        )
    return present & (scores.to(points.device) >= min_confidence)


def few_joints(
    points: Float[np.ndarray, "*batch 13 2"],
    confidence: Float[np.ndarray, "*batch 13"],
    min_joints: int,
    min_confidence: float,
) -> Bool[np.ndarray, "*batch"]:
    """Which poses show somebody, but fewer joints than so many.

    Raises:
        ValueError: If `min_joints` is not from 1 to 13, or `min_confidence` is not in 0 to 1.
    """
    if not 1 <= min_joints <= NUM_JOINTS:
        raise ValueError(f"got min_joints={min_joints}; wanted a number of joints, 1 to {NUM_JOINTS}")
    count = visible_joints(torch.from_numpy(points), confidence, min_confidence).sum(-1).numpy()
    few: np.ndarray = (count > 0) & (count < min_joints)
    return few


def check_min_confidence(value: float) -> None:
    """Refuse what cannot be the least score of a joint that is there.

    Raises:
        TypeError: If it is no number.
        ValueError: If it is not in 0 to 1.
    """
    if not isinstance(value, numbers.Real) and getattr(value, "shape", None) != ():
        raise TypeError(f"got min_confidence={value!r}; wanted a number from 0 to 1")
    if not 0 <= value <= 1:  # which NaN is not either
        raise ValueError(f"got min_confidence={value}; wanted a number from 0 to 1, as 0.3 for 30 %")


def to_tensor(array: np.ndarray | Tensor, name: str) -> Tensor:
    """A floating-point tensor of a numeric array, float32 or wider; whole numbers become float32.

    Args:
        array: Any shape.
        name: What to call it in an error.

    Raises:
        TypeError: If it is not a plain array or tensor of real numbers.
    """
    check_array(array, name)
    if isinstance(array, np.ndarray):
        # Torch takes neither foreign byte orders nor long doubles nor negative strides, and warns of read-only memory.
        kind = np.float64 if array.dtype.kind == "f" and array.dtype.itemsize >= 8 else np.float32
        return torch.from_numpy(np.require(array, dtype=kind, requirements=["C", "W", "E"]))
    return array.to(torch.promote_types(array.dtype, torch.float32))


def check_array(array: np.ndarray | Tensor, name: str) -> None:
    """Refuse what is no plain array of real numbers, without reading it.

    Args:
        array: Any shape.
        name: What to call it in an error.

    Raises:
        TypeError: If it is no array or tensor, or one of a kind that has to be turned into a plain one first.
    """
    if not isinstance(array, np.ndarray | Tensor):
        raise TypeError(
            f"{name} must be a numpy array or a torch tensor, got {type(array).__name__}; {door_for(array)}"
        )
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, whose mask would be lost; pass {name}.filled(numpy.nan)")
    if isinstance(array, np.ndarray):
        if array.dtype.kind not in "iuf":
            raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
        return
    if array.is_nested:
        raise TypeError(f"{name} is a nested tensor; pass its parts one by one, or joined by torch.cat")
    if array.is_quantized:
        raise TypeError(f"{name} is a quantised tensor; pass {name}.dequantize()")
    if array.layout != torch.strided:
        raise TypeError(f"{name} is a tensor of layout {array.layout}; pass {name}.to_dense()")
    if array.is_meta:
        raise TypeError(f"{name} is a tensor on the device 'meta', which holds no numbers")
    if array.dtype == torch.bool or array.is_complex():
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")


def _fit_to_box(
    points: Float[Tensor, "13 2 *batch"], there: Bool[Tensor, "13 1 *batch"]
) -> Float[Tensor, "13 2 *batch"]:
    """Move and scale the visible joints to fill [0, 1] by their larger extent, so that no later square can overflow.

    Missing joints come back as 0. What box they were fitted to does not show in normalised poses.
    """
    halves = points * 0.5  # the largest numbers there are differ by more than there is
    low = torch.where(there, halves, torch.inf).amin(0)
    moved = torch.where(there, halves - low, 0.0)
    size = moved.detach().amax((0, 1))
    return moved / (size + (size == 0))  # one point has no size to fit


def _centre(points: Float[Tensor, "13 2 *batch"], seen: Float[Tensor, "13 1 *batch"]) -> Float[Tensor, "2 *batch"]:
    """Middle of the visible hips, else of the visible shoulders, else of all visible joints."""
    nose, shoulders, arms, hips, legs = seen.split(_PARTS)
    rank = torch.cat((nose, 2 * shoulders, arms, 4 * hips, legs))
    chosen = (rank == rank.amax(0)).to(points.dtype)
    return (points * chosen).sum(0) / chosen.sum(0)


def _squared_torso(centred: Float[Tensor, "13 2 *batch"]) -> Float[Tensor, "*batch"]:
    """Square of the largest distance among the shoulders and hips that are visible; 0 with fewer than two of them.

    Missing joints stand in the centre, which is never farther from a joint than the ones it is the middle of.
    """
    corners = torch.cat((centred[SHOULDER_JOINTS], centred[HIP_JOINTS]))
    return (corners.unsqueeze(1) - corners).square().sum(2).amax((0, 1))
