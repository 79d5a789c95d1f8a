"""Who is who from frame to frame: `Tracker`."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64

from poseembed.extras import how_to_install
from poseembed.poses import NOBODY, Poses

MEMORY = 1.0
"""Seconds for which somebody who is not seen keeps their identity."""

JITTER = 0.3
SPEED = 0.5
"""Two poses of one person are less than `JITTER` + `SPEED` x seconds apart, in body sizes; see `pose_distance`.

People who walk or dance move by less than 0.1 from one frame of a video to the next, the detector's jumps are up to
0.25, and neighbours in a crowd stand 0.4 apart and more.
"""

DUPLICATE_DISTANCE = 0.3
"""Two poses of one frame that are less than this apart are one body found twice; see `pose_distance`."""


@dataclass
class _Sight:
    """How and when somebody was last seen."""

    keypoints: Float[np.ndarray, "13 2"]
    confidence: Float[np.ndarray, "13"]
    time: float


class Tracker:
    """Gives people the same number from frame to frame.

    Each pose of a frame goes to the person whose last pose is nearest, so that the sum of all distances is least
    (Hungarian assignment), if it is near enough: `JITTER` body sizes, and `SPEED` more for each second since. Who is
    near nobody is somebody new, and so is who comes back after more than `memory` seconds. There is no model of
    motion or looks: people who cross closely, or one of whom is not found for a while, can change numbers.

    Args:
        memory: Seconds for which somebody who is not seen keeps their number.

    Examples:
        >>> from poseembed.video.tracking import Tracker
        >>> tracker = Tracker()
        >>> people = np.random.default_rng(0).uniform(0, 100, (2, 13, 2)) + [[[0, 0]], [[200, 0]]]
        >>> tracker.update(people, np.ones((2, 13)), time=0.0)
        array([0, 1])
        >>> tracker.update(people[::-1] + 3, np.ones((2, 13)), time=0.04)  # the detector names the other one first
        array([1, 0])
    """

    def __init__(self, memory: float = MEMORY) -> None:
        self.memory = memory
        self._people: dict[int, _Sight] = {}
        self._next = 0

    def update(
        self, keypoints: Float[np.ndarray, "people 13 2"], confidence: Float[np.ndarray, "people 13"], time: float
    ) -> Int64[np.ndarray, " people"]:
        """Numbers of the people in the next frame.

        Args:
            keypoints: Points (x, y), pixels; NaN is missing.
            confidence: Scores of the joints, which weigh them.
            time: Seconds, not before that of the frame before.

        Returns:
            A number for each, from 0; no two are the same.

        Raises:
            ImportError: If scipy is not installed.
        """
        self._forget(time)
        persons = np.full(len(keypoints), NOBODY)
        known = sorted(self._people)
        if known and len(keypoints):
            distance = pose_distance(
                np.stack([self._people[person].keypoints for person in known]),
                np.stack([self._people[person].confidence for person in known]),
                keypoints,
                confidence,
            )
            limit = np.array([JITTER + SPEED * (time - self._people[person].time) for person in known])
            for row, column in _assign(distance, limit):
                persons[column] = known[row]
        new = persons == NOBODY
        persons[new] = self._next + np.arange(new.sum())
        for person, points, scores in zip(persons.tolist(), keypoints, confidence, strict=True):
            self._see(person, _Sight(points, scores, time))
        return persons

    def remember(self, poses: Poses) -> None:
        """Take over who was seen where by an earlier tracker, to go on as it would have."""
        for row, person in enumerate(poses.person.tolist()):
            if person != NOBODY:
                self._see(person, _Sight(poses.keypoints[row], poses.confidence[row], poses.time[row]))

    def _see(self, person: int, sight: _Sight) -> None:
        """Note where somebody is now."""
        self._people[person] = sight
        self._next = max(self._next, person + 1)

    def _forget(self, now: float) -> None:
        """Drop those who were not seen for too long."""
        self._people = {person: sight for person, sight in self._people.items() if now - sight.time <= self.memory}


def pose_distance(
    keypoints: Float[np.ndarray, "n 13 2"],
    confidence: Float[np.ndarray, "n 13"],
    others: Float[np.ndarray, "m 13 2"],
    other_confidence: Float[np.ndarray, "m 13"],
) -> Float[np.ndarray, "n m"]:
    """How far poses are from each other in the picture, in body sizes.

    The mean distance of the same joints, weighted by the product of their confidences, over the larger of the two
    diagonals of the poses' bounding boxes. Infinite where no joint is seen in both.
    """
    weights = np.nan_to_num(confidence[:, None] * other_confidence[None])
    apart = np.linalg.norm(keypoints[:, None] - others[None], axis=-1)
    weights = np.where(np.isnan(apart), 0.0, weights)
    total, size = weights.sum(-1), np.maximum(_size(keypoints)[:, None], _size(others)[None])
    comparable = (total > 0) & (size > 0)
    mean = np.nansum(weights * np.nan_to_num(apart), -1) / np.where(comparable, total * size, 1.0)
    return np.where(comparable, mean, np.inf)


def without_duplicates(
    keypoints: Float[np.ndarray, "people 13 2"], confidence: Float[np.ndarray, "people 13"]
) -> Int64[np.ndarray, " kept"]:
    """Indices of the poses that stay when of two poses of one body the less confident one goes; in their order."""
    distance = pose_distance(keypoints, confidence, keypoints, confidence)
    kept: list[int] = []
    for candidate in np.argsort(-confidence.mean(-1), kind="stable").tolist():
        if (distance[candidate, kept] >= DUPLICATE_DISTANCE).all():
            kept.append(candidate)
    return np.array(sorted(kept), dtype=np.int64)


def _assign(distance: Float[np.ndarray, "known found"], limit: Float[np.ndarray, " known"]) -> list[tuple[int, int]]:
    """Pairs (known, found) nearer than the limit: as many as can be, and then with the least sum."""
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError as error:
        raise ImportError(f"telling people apart over time needs scipy: {how_to_install('video')}") from error
    near = distance < limit[:, None]
    dear = limit.max() * (1 + min(distance.shape))  # dearer than all the near pairs together
    rows, columns = linear_sum_assignment(np.where(near, distance, dear))
    return [(row, column) for row, column in zip(rows.tolist(), columns.tolist(), strict=True) if near[row, column]]


def _size(keypoints: Float[np.ndarray, "n 13 2"]) -> Float[np.ndarray, " n"]:
    """Diagonal of each pose's bounding box."""
    low = np.where(np.isnan(keypoints), np.inf, keypoints).min(-2)
    high = np.where(np.isnan(keypoints), -np.inf, keypoints).max(-2)
    return np.linalg.norm(np.maximum(high - low, 0), axis=-1)
