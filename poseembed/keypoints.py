"""Checking keypoint arrays and bringing poses to the position and scale that the encoder was trained on."""

import numbers
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from poseembed.hints import door_for, way_to_shape
from poseembed.skeleton import HIP_JOINTS, NUM_JOINTS, SHOULDER_JOINTS, Skeleton, check_joint_count, get_skeleton

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
    mask = visible.unsqueeze(-1)
    boxed, extent = _fit_to_box(points, mask)
    torso = _torso_length(boxed, visible)
    measured = visible[..., SHOULDER_JOINTS].any(-1) & visible[..., HIP_JOINTS].any(-1)
    shortest = extent * torch.where(measured, MIN_TORSO_SHARE, UNMEASURED_TORSO_SHARE)
    scale = torch.maximum(torso, shortest).clamp_min(_TINY)[..., None, None]
    return torch.where(mask, (boxed - _centre(boxed, visible)) * (SCALE_UNIT / scale), 0.0)


def read_joints(
    keypoints: np.ndarray | Tensor,
    confidence: np.ndarray | Tensor | None,
    skeleton: str | Skeleton,
    min_confidence: float,
) -> tuple[Float[Tensor, "*batch 13 2"], Bool[Tensor, "*batch 13"]]:
    """The 13 joints out of keypoints of any skeleton, and which of them are there.

    Raises:
        TypeError, ValueError: As `check_keypoints` and `visible_joints` do, and for an unknown skeleton.
    """
    source = get_skeleton(skeleton)
    points = check_keypoints(keypoints, source)
    visible = visible_joints(points, confidence, min_confidence)
    return source.select(points), source.select(visible, axis=-1)


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
    points: Float[Tensor, "*batch 13 2"], mask: Bool[Tensor, "*batch 13 1"]
) -> tuple[Float[Tensor, "*batch 13 2"], Float[Tensor, "*batch"]]:
    """Bring the visible joints into [-1, 1], so that no later square can overflow or vanish.

    Returns:
        The points, with 0 at missing joints, and the diagonal of their bounding box.
    """
    inf = torch.inf
    low = torch.where(mask, points, inf).amin(-2, keepdim=True)
    high = torch.where(mask, points, -inf).amax(-2, keepdim=True)
    nothing = low > high
    # What box they were fitted to does not show in normalised poses, nor in their gradients; its diagonal can.
    middle = torch.where(nothing, 0.0, low / 2 + high / 2).detach()
    half = torch.where(nothing, 0.0, high / 2 - low / 2)
    unit = half.amax(-1, keepdim=True).detach()
    unit = torch.where(unit < torch.finfo(points.dtype).tiny, 1.0, unit)  # one point, however exact: no size to fit
    boxed = torch.where(mask, (torch.where(mask, points, middle) - middle) / unit, 0.0)
    return boxed, 2 * (half / unit).norm(dim=-1).squeeze(-1)


def _torso_length(points: Float[Tensor, "*batch 13 2"], visible: Bool[Tensor, "*batch 13"]) -> Float[Tensor, "*batch"]:
    """Largest distance among those of the shoulders and hips that are visible; 0 with fewer than two of them."""
    corners = torch.cat([points[..., SHOULDER_JOINTS, :], points[..., HIP_JOINTS, :]], dim=-2)
    there = torch.cat([visible[..., SHOULDER_JOINTS], visible[..., HIP_JOINTS]], dim=-1)
    squared = (corners.unsqueeze(-2) - corners.unsqueeze(-3)).square().sum(-1)
    both = there.unsqueeze(-1) & there.unsqueeze(-2)
    return torch.where(both, squared, 0.0).amax((-2, -1)).clamp_min(_TINY**2).sqrt()  # the root of 0 has no gradient


def _centre(points: Float[Tensor, "*batch 13 2"], visible: Bool[Tensor, "*batch 13"]) -> Float[Tensor, "*batch 1 2"]:
    """Middle of the visible hips, else of the visible shoulders, else of all visible joints."""
    centre = _mean(points, visible)
    for pair in (SHOULDER_JOINTS, HIP_JOINTS):
        some = visible[..., pair].any(-1)[..., None, None]
        centre = torch.where(some, _mean(points[..., pair, :], visible[..., pair]), centre)
    return centre


def _mean(points: Float[Tensor, "*batch n 2"], visible: Bool[Tensor, "*batch n"]) -> Float[Tensor, "*batch 1 2"]:
    """Mean of the visible points (missing ones are 0 already)."""
    return points.sum(-2, keepdim=True) / visible.sum(-1)[..., None, None].clamp_min(1)
