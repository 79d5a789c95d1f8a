"""Comparing performances filmed by different cameras: what the score tells apart, and what is said of the joints.

A clip is filmed by one virtual camera and aligned (`poseembed.align`) with what another camera sees: of the same
performance, of the same action performed once more (often by somebody else), or of another action. Cameras are those of
retrieval. The score's error rate at `poseembed.align.SAME_PERFORMANCE` is the mean of the share of same performances
that score less and of the other actions that score more. Of the same performance the true alignment is known: the error
is the mean distance from it, in frames of the second video. Its joints do not differ at all, so the differences that
are found are the noise below which a difference says nothing.

Where the same action is performed twice, the joints that differ most are known too: both bodies, turned to face one
way, on the bones of the first. The ranks of the 13 differences are compared with the true ones (Spearman), and the
joint that is said to differ most is right if it is among the three that do. The rival is what one can do without a
view-invariant encoder: differences of the keypoints as the two videos show them, normalised, frame by frame of the
same path.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from scipy.stats import rankdata
from torch import Tensor

from poseembed import PoseEncoder
from poseembed.align import SAME_PERFORMANCE, Alignment, align
from poseembed.body import bone_lengths, on_bones
from poseembed.keypoints import normalize_keypoints
from training.datasets.mocap import MotionCapture
from training.scene.detector import Detector
from training.scene.film import film, random_camera
from training.scene.world import heading, to_world, turn

KINDS = ("same performance", "same action", "other action")
DETECTOR = Detector(noise=0.05, occluded=0.5, cropped=0.2)
"""Everyday pictures. Noise of up to 5 % of the torso in all views; half of the views may lose single joints or a limb,
and a fifth of those whatever lies beyond the picture's edge. A quarter of the pairs are complete in both views."""

DETECTORS = {"complete and exact": None, "as a detector gives them": DETECTOR}
"""What becomes of the keypoints."""

SHORTEST = 15
"""Frames of the shortest clip that is compared."""

BADLY = ", done incorrectly"
"""How UI-PRMD's recordings name what is done badly, after the name of the exercise."""


@dataclass(frozen=True)
class Performance:
    """A performance: its 3D joints (metres, y up), the name of its action, and its frames a second."""

    joints: Float[Tensor, "frames 13 3"]
    action: str
    fps: float


@dataclass(frozen=True)
class Agreement:
    """How well differences of joints are told, on average over the steps of a path.

    Attributes:
        rank_correlation: Spearman's, with the true differences.
        top: Share of the steps whose most different joint is among the true three.
    """

    rank_correlation: float
    top: float


@dataclass(frozen=True)
class AlignmentResult:
    """One comparison.

    Attributes:
        data: Name of the file.
        detector: One of `DETECTORS`.
        kind: One of `KINDS`.
        score: Of the alignment.
        error: Mean distance from the true alignment in frames, of the same performance.
        noise: Median and 95th percentile of the decoded differences, torso lengths, of the same performance.
        joints: Of the decoded differences, for the same action.
        rival: Of the differences of the normalised keypoints, likewise.
    """

    data: str
    detector: str
    kind: str
    score: float
    error: float | None = None
    noise: tuple[float, float] | None = None
    joints: Agreement | None = None
    rival: Agreement | None = None


def performances(data: MotionCapture) -> list[Performance]:
    """The well-tracked performances to evaluate on, of the `val` split if there is one."""
    return [
        Performance(torch.from_numpy(clip.joints), clip.action, clip.fps)
        for clip in data.clips(*data.evaluation_splits())
        if clip.ok.all() and len(clip) >= SHORTEST
    ]


def align_filmed(
    first: Performance, second: Performance, encoder: PoseEncoder, detector: Detector | None, *, seed: int
) -> Alignment:
    """Film two performances by two cameras, and align what they see."""
    one, other = (
        film(performance.joints, random_camera(number), fps=performance.fps, detector=detector, seed=number)
        for performance, number in ((first, 2 * seed), (second, 2 * seed + 1))
    )
    return align(one, other, encoder)


def run(
    name: str,
    data: Sequence[Performance],
    encoder: PoseEncoder,
    detectors: dict[str, Detector | None],
    *,
    pairs: int,
    seed: int,
) -> Iterator[AlignmentResult]:
    """Compare so many pairs of each of `KINDS` with each detector; yields results as soon as each is there.

    Raises:
        ValueError: If no action was performed twice, or all are the same.
    """
    rng = np.random.default_rng(seed)
    partners = {
        "same performance": [[clip] for clip in data],
        "same action": [[c for c in data if c.action == clip.action and c is not clip] for clip in data],
        "other action": [[c for c in data if c.action != clip.action] for clip in data],
    }
    for kind, of_clip in partners.items():
        able = [index for index, others in enumerate(of_clip) if others]
        if not able:
            raise ValueError(f"{name}: no two performances of the {kind} to compare")
        for pair in range(pairs):
            index = able[rng.integers(len(able))]
            first, second = data[index], of_clip[index][rng.integers(len(of_clip[index]))]
            for label, detector in detectors.items():
                alignment = align_filmed(first, second, encoder, detector, seed=seed + pair)
                result = AlignmentResult(name, label, kind, alignment.score)
                if kind == "same performance":
                    rows, others = alignment.rows.T
                    result = replace(result, error=float(np.abs(rows - others).mean()))
                    if alignment.joint_differences is not None:
                        median, high = np.nanpercentile(alignment.joint_differences, [50, 95])
                        result = replace(result, noise=(float(median), float(high)))
                if kind == "same action" and alignment.joint_differences is not None:
                    truth = true_differences(alignment, first, second)
                    result = replace(
                        result,
                        joints=agreement(alignment.joint_differences, truth),
                        rival=agreement(shown_differences(alignment), truth),
                    )
                yield result


def true_differences(alignment: Alignment, first: Performance, second: Performance) -> Float[np.ndarray, "k 13"]:
    """How far the joints really are from each other, torso lengths."""
    own, other = true_bodies(alignment, first, second)
    distances: np.ndarray = np.linalg.norm(other - own, axis=-1)
    return distances


def true_bodies(
    alignment: Alignment, first: Performance, second: Performance
) -> tuple[Float[np.ndarray, "k 13 3"], Float[np.ndarray, "k 13 3"]]:
    """What `Alignment.joint_differences` estimates: both bodies, turned to face one way, on the bones of the first."""
    worlds = (to_world(clip.joints)[rows] for clip, rows in zip((first, second), alignment.rows.T, strict=True))
    own, other = (turn(world, -heading(world)[:, None]).double().numpy() for world in worlds)
    bones = np.median(bone_lengths(own), axis=0)
    return on_bones(own, bones), on_bones(other, bones)


def shown_differences(alignment: Alignment) -> Float[np.ndarray, "k 13"]:
    """How far apart the joints are in the two videos, each normalised; NaN where one does not show a joint."""
    points, shown = [], []
    for poses, rows in zip((alignment.first, alignment.second), alignment.rows.T, strict=True):
        visible = torch.from_numpy(poses.confidence[rows] > 0)
        points.append(normalize_keypoints(torch.from_numpy(poses.keypoints[rows]), visible))
        shown.append(visible)
    distance = (points[0] - points[1]).norm(dim=-1)
    return torch.where(shown[0] & shown[1], distance, torch.nan).numpy()


def agreement(found: Float[np.ndarray, "k 13"], truth: Float[np.ndarray, "k 13"]) -> Agreement:
    """Compare differences with the true ones, step by step, over the joints that both videos show.

    Spearman's rank correlation is the correlation of the ranks.
    """
    known = ~np.isnan(found)
    told = known.sum(axis=1) >= 4  # three of three joints are among the first three
    ranks, true_ranks = (
        rankdata(np.where(known, differences, np.nan)[told], axis=1, nan_policy="omit")
        for differences in (found, truth)
    )
    a, b = (of - np.nanmean(of, axis=1, keepdims=True) for of in (ranks, true_ranks))
    correlations = np.nansum(a * b, axis=1) / np.sqrt(np.nansum(a**2, axis=1) * np.nansum(b**2, axis=1))
    worst = np.nanargmax(ranks, axis=1)[:, None]
    tops = np.take_along_axis(true_ranks, worst, axis=1)[:, 0] > known[told].sum(axis=1) - 3
    return Agreement(float(correlations.mean()), float(tops.mean()))


def error_rate(results: Sequence[AlignmentResult], line: float = SAME_PERFORMANCE) -> float:
    """Mean of the shares of same performances under the line, and of other actions over it."""
    scores = {kind: np.array([r.score for r in results if r.kind == kind]) for kind in KINDS}
    missed, taken = scores["same performance"] < line, scores["other action"] >= line
    return float((missed.mean() + taken.mean()) / 2)


def best_lines(results: Sequence[AlignmentResult]) -> tuple[float, float]:
    """The lowest and the highest of the lines, by hundredths, at which the error rate of the results is least."""
    lines = np.arange(1, 101) / 100
    errors = np.array([error_rate(results, line) for line in lines])
    best = lines[np.isclose(errors, errors.min())]
    return float(best[0]), float(best[-1])
