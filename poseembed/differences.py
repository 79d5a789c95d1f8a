"""In which joints two performances differ: their 3D bodies side by side, and no more than the pictures can tell."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64

from poseembed.body import Body, bone_lengths, on_bones
from poseembed.decoder import Decoder, look
from poseembed.keypoints import MIN_CONFIDENCE, visible_joints
from poseembed.poses import Poses

Lift: TypeAlias = Callable[[np.ndarray, np.ndarray], Body[np.ndarray]]
"""What `PoseEncoder.lift` does with keypoints and their confidence."""

WINDOW = 0.2
"""Differences are averaged over this share of the path around each step: what lasts no longer is mostly noise."""

PLACEMENT = 0.05
"""Standard deviation along each axis, torso lengths, of where a joint is taken to be: detectors agree no better on it,
however sure a body is of the rest."""


@dataclass(frozen=True)
class JointComparison:
    """How the joints of two performances differ, along k steps of a path.

    Attributes:
        differences: (k, 13) distance of each joint of the second from the first's, torso lengths; NaN for a joint that
            either does not show.
        deviations: (k, 13) how many standard deviations of what the two pictures leave open that is, of the mean
            difference around the step; NaN likewise.
        guides: (k, 13, 2) the first's keypoints moved as the first's camera sees the differences, pixels.
    """

    differences: Float[np.ndarray, "k 13"]
    deviations: Float[np.ndarray, "k 13"]
    guides: Float[np.ndarray, "k 13 2"]


def compare_joints(
    first: Poses, second: Poses, rows: Int64[np.ndarray, "k 2"], lift: Lift, decoder: Decoder
) -> JointComparison:
    """Lift both performances, give them the same bones, and compare them joint by joint.

    People differ in their bones, which is no fault of a performance: both bodies get the median ones of the first, so
    that they differ by where their bones point alone.

    Args:
        first: With vectors.
        second: The other performance.
        rows: Which of both belong together.
        lift: What lifts keypoints, with their confidence, to 3D.
        decoder: What reads the first's camera.
    """
    lifted = [_lift(poses, at, lift) for poses, at in zip((first, second), rows.T, strict=True)]
    bodies, shown = zip(*lifted, strict=True)
    lengths = bone_lengths(bodies[0].joints[shown[0].any(-1)])
    bones = np.median(lengths, axis=0) if len(lengths) else np.full(lengths.shape[1:], np.nan)
    own, other = (on_bones(body.joints, bones) for body in bodies)
    both = shown[0] & shown[1]
    moved = other - own
    doubt = bodies[0].covariance + bodies[1].covariance + PLACEMENT**2 * np.eye(3)
    deviations = _deviations(moved, doubt, both)
    guides = _guides(first.select(rows[:, 0]), own, moved, shown[0], decoder)
    return JointComparison(np.where(both, np.linalg.norm(moved, axis=-1), np.nan), deviations, guides)


def _lift(poses: Poses, rows: Int64[np.ndarray, " k"], lift: Lift) -> tuple[Body[np.ndarray], Bool[np.ndarray, "k 13"]]:
    """Bodies of some rows, and which of their joints the pictures show."""
    body = lift(poses.keypoints, poses.confidence)
    shown = visible_joints(torch.from_numpy(poses.keypoints), poses.confidence, MIN_CONFIDENCE).numpy()
    return Body(body.joints[rows].astype(np.float64), body.covariance[rows].astype(np.float64)), shown[rows]


def _deviations(
    moved: Float[np.ndarray, "k 13 3"], covariance: Float[np.ndarray, "k 13 3 3"], shown: Bool[np.ndarray, "k 13"]
) -> Float[np.ndarray, "k 13"]:
    """Mahalanobis distances of the mean differences around each step.

    Frames of one view are wrong in the same way, so that the mean of many is hardly better known than each: its
    covariance is taken to be the mean of theirs.
    """
    mean = around(moved.reshape(*shown.shape, 3), shown)
    spread = around(covariance.reshape(*shown.shape, 9), shown).reshape(covariance.shape)
    some = shown & np.isfinite(mean).all(-1) & np.isfinite(spread).all((-1, -2))
    deviations = np.full(shown.shape, np.nan)
    solved = np.linalg.solve(spread[some], mean[some][..., None])[..., 0]
    deviations[some] = np.sqrt((mean[some] * solved).sum(-1))
    return deviations


def around(
    values: Float[np.ndarray, "k 13 numbers"], shown: Bool[np.ndarray, "k 13"]
) -> Float[np.ndarray, "k 13 numbers"]:
    """Means over the steps around each that show a joint."""
    steps = np.arange(len(shown))
    reach = round(WINDOW * len(shown) / 2)
    start, end = np.maximum(steps - reach, 0), np.minimum(steps + reach + 1, len(shown))
    sums, counts = (
        np.concatenate([np.zeros_like(each[:1]), each.cumsum(0)])
        for each in (np.where(shown[..., None], values, 0.0), shown[..., None].astype(np.float64))
    )
    return (sums[end] - sums[start]) / np.maximum(counts[end] - counts[start], 1)


@torch.no_grad()
def _guides(
    first: Poses,
    own: Float[np.ndarray, "k 13 3"],
    moved: Float[np.ndarray, "k 13 3"],
    shown: Bool[np.ndarray, "k 13"],
    decoder: Decoder,
) -> Float[np.ndarray, "k 13 2"]:
    """The first's keypoints, moved by differences of the bodies as its camera sees them."""
    weight = decoder.read_camera.weight
    viewpoint = decoder.viewpoint(torch.as_tensor(first.z_view, device=weight.device, dtype=weight.dtype))
    viewpoint = type(viewpoint)(*(each.double().cpu() for each in viewpoint))
    seen, shift = (look(torch.from_numpy(points), viewpoint).numpy() for points in (own, moved))
    return first.keypoints + _pixels_a_torso(seen, first.keypoints, shown)[:, None, None] * shift


def _pixels_a_torso(
    seen: Float[np.ndarray, "k 13 2"], keypoints: Float[np.ndarray, "k 13 2"], shown: Bool[np.ndarray, "k 13"]
) -> Float[np.ndarray, " k"]:
    """Scale that brings bodies as a camera sees them to the size of the keypoints: the ratio of their spreads.

    NaN where fewer than two joints show, for then nothing has a size.
    """
    there = shown[..., None]
    spreads = []
    for points in (keypoints, seen):
        centre = points.sum(1, where=there, keepdims=True) / np.maximum(there.sum(1, keepdims=True), 1)
        spreads.append(((points - centre) ** 2).sum((1, 2), where=there))
    sized = shown.sum(-1) > 1
    return np.sqrt(np.divide(spreads[0], spreads[1], out=np.full(len(shown), np.nan), where=sized))
