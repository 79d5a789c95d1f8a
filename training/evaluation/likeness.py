"""Whether two people do the same movement: how often the likeness of two performances errs, and how well one is done.

Performances are compared (`poseembed.align`) that are the same movement, or another one. A camera saw each, another one
every time, and the two are never of one group:

- motion capture: two people, before virtual cameras (those of retrieval), with complete and exact keypoints and with
  such as detectors give. What is done badly on purpose (UI-PRMD says so in the action's name) is left out.
- videos of actions: two views. Who is seen is not known there; as a rule it is somebody else.

Of motion capture there is a third kind: a movement, and somebody else who stands there in the pose in which it begins.
Movements are drawn evenly, so that a common one counts no more than others. The equal error rate is that of the line at
which as large a share of the same movements is missed as of the other ones is taken.

What a movement is called seldom says with which arm or leg it is done: one of UI-PRMD's people whom nothing was learned
from does with the left what all others do with the right. So every pair is compared once more with the mirror image of
the second, and the higher likeness kept beside the first one.

Where movements are done well and done badly, it is asked whether the numbers tell one from the other: a repetition is
compared with three that were done well, by one other person or, for the case that somebody watches their own progress,
by the same person, and the best of the three counts. The area under the ROC curve (AUC) is the chance that a repetition
done well comes out above one done badly by the same person; 0.5 is guessing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Float32
from scipy.stats import mannwhitneyu

from poseembed import PoseEncoder, mirror
from poseembed.align import Alignment, align
from poseembed.likeness import MEAN_TAKEN_OFF, likeness
from poseembed.skeleton import MIRRORED
from training.datasets.actions.clips import ActionClips
from training.datasets.mocap.clips import Clip
from training.evaluation.alignment import BADLY, SHORTEST
from training.scene.detector import Detector
from training.scene.film import film, random_camera

SHARES = (0.0, 0.25, MEAN_TAKEN_OFF, 0.75, 0.9)
"""Shares of the mean to take off, of which `poseembed.likeness.MEAN_TAKEN_OFF` was chosen."""

REFERENCES = 3
"""Performances done well that a repetition is compared with."""

BY_ANOTHER, THEIR_OWN = "by another", "their own"

SAME, OTHER, STILL = "same", "other", "still"
"""What is compared: the same movement, two movements, or a movement and somebody who stands still."""


@dataclass(frozen=True, eq=False)
class Performed:
    """A performance as a camera saw it.

    Attributes:
        z_pose: Its pose vectors, NaN where nobody was seen.
        mirrored: Those of its mirror image.
        action: What is done.
        group: Who does it, or the view where that is not known.
        well: Whether it is done as it should be.
    """

    z_pose: Float32[np.ndarray, "frames dim"]
    mirrored: Float32[np.ndarray, "frames dim"]
    action: str
    group: str
    well: bool = True


@dataclass(frozen=True)
class PairResult:
    """One comparison.

    Attributes:
        data: Name of the file.
        keypoints: What they are like.
        kind: `SAME`, `OTHER` or `STILL`.
        actions: Of both.
        score: Of the alignment.
        likeness: Of the alignment, with each of `SHARES` of the mean taken off.
        either_side: The higher one of the second as it is and mirrored.
    """

    data: str
    keypoints: str
    kind: str
    actions: tuple[str, str]
    score: float
    likeness: tuple[float, ...]
    either_side: float

    @property
    def chosen(self) -> float:
        """The likeness as users get it."""
        return self.likeness[SHARES.index(MEAN_TAKEN_OFF)]


@dataclass(frozen=True)
class GradeResult:
    """One repetition, compared with the references that are most like it.

    Attributes:
        data: Name of the file.
        keypoints: What they are like.
        action: What is done.
        person: Who does it.
        references: `BY_ANOTHER` or `THEIR_OWN`.
        well: Whether it is done well.
        score: The highest.
        likeness: The highest.
    """

    data: str
    keypoints: str
    action: str
    person: str
    references: str
    well: bool
    score: float
    likeness: float


def film_all(
    clips: Sequence[Clip], encoder: PoseEncoder, detector: Detector | None, *, seed: int = 0
) -> list[Performed]:
    """The well-tracked ones of some clips, each before a camera of its own."""
    usable = [clip for clip in clips if clip.ok.all() and len(clip) >= SHORTEST]
    seen = [
        film(torch.from_numpy(clip.joints), random_camera(number), fps=clip.fps, detector=detector, seed=number)
        for number, clip in enumerate(usable, seed)
    ]
    z_pose, mirrored = _both_ways(
        np.concatenate([poses.keypoints for poses in seen]),
        np.concatenate([poses.confidence for poses in seen]),
        encoder,
    )
    ends = np.cumsum([len(clip) for clip in usable])[:-1]
    actions = [clip.action.removesuffix(BADLY) for clip in usable]
    return [
        Performed(vectors, image, action, clip.subject, well=action == clip.action)
        for vectors, image, action, clip in zip(
            np.split(z_pose, ends), np.split(mirrored, ends), actions, usable, strict=True
        )
    ]


def of_videos(clips: ActionClips, encoder: PoseEncoder) -> list[Performed]:
    """Clips of actions in which somebody is seen; a view is a group."""
    both = _both_ways(clips.keypoints, np.ones(clips.keypoints.shape[:-1], np.float32), encoder)
    z_pose, mirrored = (np.split(vectors, clips.offsets[1:-1]) for vectors in both)
    performed = [
        Performed(vectors, image, clips.classes[label], str(view))
        for vectors, image, label, view in zip(z_pose, mirrored, clips.labels, clips.views, strict=True)
    ]
    return [one for one in performed if np.isfinite(one.z_pose).all(1).any()]


def held(clips: Sequence[Clip]) -> list[Clip]:
    """Clips of nothing but the first pose, one of each person and action."""
    first = {(clip.subject, clip.action): clip for clip in reversed(clips) if clip.ok.all()}
    return [
        replace(clip, joints=clip.joints[:1].repeat(len(clip), axis=0), nose=clip.nose[:1].repeat(len(clip), axis=0))
        for clip in first.values()
    ]


def compare(
    data: str,
    keypoints: str,
    performed: Sequence[Performed],
    encoder: PoseEncoder,
    *,
    still: Sequence[Performed] = (),
    pairs: int,
    seed: int,
) -> Iterator[PairResult]:
    """Compare so many pairs of each kind; yields each result at once.

    Args:
        data: Name of the file.
        keypoints: What they are like.
        performed: The performances.
        encoder: What embedded them.
        still: Poses that are held, by the action that they are of; without any there are no pairs of that kind.
        pairs: How many of each kind.
        seed: Of the draw.

    Raises:
        ValueError: If there are not two movements, or one that two groups do.
    """
    moving, holding = _by_action(performed), _by_action(still)
    shared = [action for action, of in moving.items() if len({one.group for one in of}) > 1]
    if not shared or len(moving) < 2:
        raise ValueError(f"{data}: wanted two movements, and one of them by two people or from two views")
    rng = np.random.default_rng(seed)
    for kind in (SAME, OTHER, STILL) if still else (SAME, OTHER):
        found = 0
        while found < pairs:
            names = rng.choice(list(moving), 2, replace=False).tolist() if kind == OTHER else [rng.choice(shared)] * 2
            galleries = (moving[names[0]], (holding if kind == STILL else moving)[names[1]])
            first, second = (gallery[rng.integers(len(gallery))] for gallery in galleries)
            if first.group == second.group:
                continue
            found += 1
            alignment = align(first.z_pose, second.z_pose, encoder)
            of_shares = tuple(_likeness(alignment, share) for share in SHARES)
            actions = (str(names[0]), str(names[1]))
            mirrored = align(first.z_pose, second.mirrored, encoder)
            either_side = max(alignment.likeness, mirrored.likeness)
            yield PairResult(data, keypoints, kind, actions, alignment.score, of_shares, either_side)


def _both_ways(
    keypoints: Float32[np.ndarray, "poses 13 2"], confidence: Float32[np.ndarray, "poses 13"], encoder: PoseEncoder
) -> tuple[Float32[np.ndarray, "poses dim"], Float32[np.ndarray, "poses dim"]]:
    """Pose vectors of poses and of their mirror images."""
    return (
        encoder.embed(keypoints, confidence)[0],
        encoder.embed(mirror(keypoints), confidence[:, list(MIRRORED)])[0],
    )


def _by_action(performed: Sequence[Performed]) -> dict[str, list[Performed]]:
    """What is done well, by what it is."""
    of_action: dict[str, list[Performed]] = {}
    for one in performed:
        if one.well:
            of_action.setdefault(one.action, []).append(one)
    return of_action


def grade(
    data: str, keypoints: str, performed: Sequence[Performed], encoder: PoseEncoder, *, seed: int
) -> Iterator[GradeResult]:
    """Compare every repetition of a movement that somebody does well and badly with references of both kinds."""
    rng = np.random.default_rng(seed)
    for one in performed:
        alike = [other for other in performed if other.action == one.action and other is not one]
        if all(other.well == one.well for other in alike if other.group == one.group):
            continue  # there is nothing to tell apart
        right = [other for other in alike if other.well]
        strangers = sorted({other.group for other in right} - {one.group})
        coach = rng.choice(strangers) if strangers else None
        for kind, person in ((BY_ANOTHER, coach), (THEIR_OWN, one.group)):
            theirs = [other for other in right if other.group == person]
            if len(theirs) >= REFERENCES:
                chosen = rng.choice(len(theirs), REFERENCES, replace=False)
                compared = [align(theirs[number].z_pose, one.z_pose, encoder) for number in chosen]
                best = max(a.score for a in compared), max(a.likeness for a in compared)
                yield GradeResult(data, keypoints, one.action, one.group, kind, one.well, *best)


def equal_error_rate(same: Float[np.ndarray, " pairs"], other: Float[np.ndarray, " others"]) -> tuple[float, float]:
    """The share of both that is on the wrong side of the line at which the two shares are equal, and that line.

    As shares go by steps, it is the line at which they differ least, and the mean of the two.
    """
    lines = np.unique(np.concatenate([same, other]))
    missed = np.searchsorted(np.sort(same), lines) / len(same)
    taken = 1 - np.searchsorted(np.sort(other), lines) / len(other)
    nearest = np.abs(missed - taken).argmin()
    return float((missed + taken)[nearest] / 2), float(lines[nearest])


def error_rate(results: Sequence[PairResult], line: float) -> float:
    """Mean of the shares of same movements under the line, and of other movements over it."""
    missed = [result.chosen < line for result in results if result.kind == SAME]
    taken = [result.chosen >= line for result in results if result.kind == OTHER]
    return float((np.mean(missed) + np.mean(taken)) / 2)


def auc(results: Sequence[GradeResult], number: str) -> float:
    """Area under the ROC curve of "score" or "likeness", of each person by themselves, in the mean over people."""
    areas = []
    for person in dict.fromkeys(result.person for result in results):
        well, badly = (
            [getattr(result, number) for result in results if result.person == person and result.well == kind]
            for kind in (True, False)
        )
        areas.append(mannwhitneyu(well, badly).statistic / (len(well) * len(badly)))
    return float(np.mean(areas))


def _likeness(alignment: Alignment, share: float) -> float:
    """Likeness with another share of the mean taken off, along the same path."""
    directions = []
    for poses, rows in zip((alignment.first, alignment.second), alignment.rows.T, strict=True):
        assert poses.z_pose is not None  # for it was aligned by them
        z_pose = poses.z_pose[rows].astype(np.float64)
        directions.append(z_pose / np.linalg.norm(z_pose, axis=-1, keepdims=True))
    return likeness(directions[0], directions[1], alignment.rows, mean_taken_off=share)
