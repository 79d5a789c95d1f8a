"""What real detectors do to true projections: how far off, which way, for how long, and whether their scores know.

A recording by several cameras has triangulated 3D joints. Where each camera stands is found from all that it saw of
them (the direct linear transform, Hartley and Zisserman, chapter 7, again without what does not fit), so the truth in
its picture is known as well as the triangulation is. What is measured is the error of a detector together with that of
the triangulation, which is smaller where that had other detectors too and was smoothed over time.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.stats import spearmanr

from poseembed.skeleton import HIPS, JOINTS, SHOULDERS
from training.datasets.multiview import MultiviewRecording

OUTLIER = 0.3
"""Torso lengths from its place from which on a joint is not misplaced, but another thing."""

LAG = 0.1
"""Seconds after which the likeness of errors is measured."""

SIDES = {"arms": ((3, 4), (5, 6)), "legs": ((9, 10), (11, 12))}
"""Limbs that are taken for each other: left and right joints."""

_ROUNDS = 8  # of finding the camera, and then what fits it
_FITS = 4.0  # times the median distance within which a joint counts


@dataclass(frozen=True)
class JointErrors:
    """Errors of a joint, in torso lengths; means over the cameras.

    Attributes:
        joint: Its name.
        median: Distance from its place.
        bias: Distance of the mean place from the true one: what stays the same in a camera's picture.
        spread: Standard deviation about that, along an axis; of all that are no outliers.
        likeness: Correlation of the errors `LAG` apart, without the bias.
        outliers: Share of the frames.
        missing: Share of the frames in which it was not found.
    """

    joint: str
    median: float
    bias: float
    spread: float
    likeness: float
    outliers: float
    missing: float


@dataclass(frozen=True)
class DetectorErrors:
    """Errors of a detector in a recording.

    Attributes:
        recording: Its name.
        detector: What found the keypoints.
        joints: By joint, those that were ever found.
        swapped: Share of the frames in which arms, and legs, lie nearer to the other side's places.
        score_knows: Rank correlation between scores and distances, of all joints that were found: -1 is a score that
            orders joints by how far off they are; NaN where all scores are one.
    """

    recording: str
    detector: str
    joints: tuple[JointErrors, ...]
    swapped: dict[str, float]
    score_knows: float


def project(camera: Float[np.ndarray, "3 4"], points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 2"]:
    """Picture points that a camera sees of points in space."""
    image = np.c_[points, np.ones(len(points))] @ camera.T
    picture: np.ndarray = image[:, :2] / image[:, 2:]
    return picture


def find_camera(points: Float[np.ndarray, "n 3"], seen: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "3 4"]:
    """The camera that sees most of the points where they were seen.

    Raises:
        ValueError: If there are fewer than six points.
    """
    if len(points) < 6:
        raise ValueError(f"got {len(points)} points; a camera is found from six or more")
    to_unit, of_picture = _centred(points), _centred(seen)
    space, picture = _apply(to_unit, points), _apply(of_picture, seen)
    fits = np.ones(len(points), dtype=bool)
    for _ in range(_ROUNDS):
        camera = _direct_linear_transform(space[fits], picture[fits])
        distance = np.linalg.norm(project(camera, space) - picture, axis=1)
        fits = distance <= max(_FITS * np.median(distance), 1e-9)
    found: np.ndarray = np.linalg.inv(of_picture) @ camera @ to_unit
    return found


def measure(name: str, recording: MultiviewRecording) -> DetectorErrors:
    """Compare what the cameras of a recording saw of its first person with where the joints are.

    Args:
        name: Of the recording.
        recording: What the cameras saw; the joints of its first pair are taken for true.

    Raises:
        ValueError: If a camera saw too little of them.
    """
    seen, joints = recording.keypoints[:, :, 0].astype(np.float64), recording.joints3d[0, 0].astype(np.float64)
    truth = np.stack([_truth(joints, of_camera) for of_camera in seen])
    torso = np.linalg.norm(truth[:, :, SHOULDERS].mean(2) - truth[:, :, HIPS].mean(2), axis=-1)
    # the longest that it gets: a body seldom stands square to the camera
    error = (seen - truth) / np.nanpercentile(torso, 90, axis=1)[:, None, None, None]
    lag = max(1, round(LAG * recording.fps))
    found = [index for index in range(len(JOINTS)) if np.isfinite(error[:, :, index]).all(-1).any()]
    return DetectorErrors(
        name,
        recording.detector,
        tuple(_of_joint(JOINTS[index], error[:, :, index], lag) for index in found),
        {limb: _swapped(seen, truth, pairs) for limb, pairs in SIDES.items()},
        _rank_correlation(recording.confidence[:, :, 0], np.linalg.norm(error, axis=-1)),
    )


def _truth(joints: Float[np.ndarray, "frames 13 3"], seen: Float[np.ndarray, "frames 13 2"]) -> np.ndarray:
    """Where the joints are in a camera's picture; the nose, which few agree on, does not help to find the camera."""
    known = np.isfinite(seen).all(-1) & np.isfinite(joints).all(-1)
    known[:, 0] = False
    camera = find_camera(joints[known], seen[known])
    return project(camera, joints.reshape(-1, 3)).reshape(*joints.shape[:2], 2)


def _of_joint(joint: str, error: Float[np.ndarray, "cameras frames 2"], lag: int) -> JointErrors:
    distance = np.linalg.norm(error, axis=-1)
    near = np.where((distance <= OUTLIER)[..., None], error, np.nan)
    cameras = [camera for camera in near if np.isfinite(camera).all(-1).sum() > lag + 1]
    biases, spreads, products, squares = [], [], [], []
    for camera in cameras:
        mean = np.nanmean(camera, axis=0)
        rest = camera - mean
        biases.append(float(np.linalg.norm(mean)))
        spreads.append(float(np.sqrt(np.nanmean(rest**2))))
        products.append(float(np.nanmean(rest[:-lag] * rest[lag:])))
        squares.append(float(np.nanmean(rest**2)))
    seen = np.isfinite(distance)
    return JointErrors(
        joint,
        median=float(np.median(distance[seen])),
        bias=_mean(biases),
        spread=_mean(spreads),
        likeness=_mean(products) / _mean(squares) if squares else np.nan,
        outliers=float((distance[seen] > OUTLIER).mean()),
        missing=float(1 - seen.mean()),
    )


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else np.nan


def _swapped(
    seen: Float[np.ndarray, "cameras frames 13 2"],
    truth: Float[np.ndarray, "cameras frames 13 2"],
    pairs: tuple[tuple[int, int], ...],
) -> float:
    """Share of the frames in which both joints of a limb lie nearer to the other side's places, together."""
    straight = np.zeros(seen.shape[:2])
    crossed = straight
    for left, right in pairs:
        for joint, other in ((left, right), (right, left)):
            straight = straight + np.linalg.norm(seen[..., joint, :] - truth[..., joint, :], axis=-1)
            crossed = crossed + np.linalg.norm(seen[..., joint, :] - truth[..., other, :], axis=-1)
    known = np.isfinite(straight + crossed)
    return float((crossed[known] < straight[known]).mean()) if known.any() else np.nan


def _rank_correlation(scores: Float[np.ndarray, "*shape"], distance: Float[np.ndarray, "*shape"]) -> float:
    """Spearman's, of what was found."""
    found = np.isfinite(scores) & np.isfinite(distance)
    if not found.any() or np.ptp(scores[found]) == 0:
        return np.nan
    return float(spearmanr(scores[found], distance[found]).statistic)


def _centred(points: Float[np.ndarray, "n dims"]) -> Float[np.ndarray, "dims_and_one dims_and_one"]:
    """What brings points to mean 0 and standard deviation 1, as a matrix: else the equations are badly conditioned."""
    dims, scale = points.shape[1], 1 / points.std()
    matrix = np.diag([*[scale] * dims, 1.0])
    matrix[:dims, dims] = -scale * points.mean(0)
    return matrix


def _apply(matrix: np.ndarray, points: Float[np.ndarray, "n dims"]) -> Float[np.ndarray, "n dims"]:
    moved: np.ndarray = points @ matrix[:-1, :-1].T + matrix[:-1, -1]
    return moved


def _direct_linear_transform(
    points: Float[np.ndarray, "n 3"], seen: Float[np.ndarray, "n 2"]
) -> Float[np.ndarray, "3 4"]:
    whole = np.c_[points, np.ones(len(points))]
    none = np.zeros_like(whole)
    equations = np.r_[np.c_[whole, none, -seen[:, :1] * whole], np.c_[none, whole, -seen[:, 1:] * whole]]
    camera: np.ndarray = np.linalg.svd(equations, full_matrices=False)[2][-1].reshape(3, 4)
    return camera
