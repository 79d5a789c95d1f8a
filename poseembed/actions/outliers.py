"""Clips unlike all that a recognizer has learned: `Familiar` tells them from the others."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from typing_extensions import Self

from poseembed.actions.nearest import Clips, Exemplars, NearestSequence, class_scores

SHARE, FLOOR = 0.8, 0.525
"""Share of the learned clips that would be outliers if their own class had not been learned; and the least threshold,
for classes that have nothing in common with each other, which may be all that few classes tell.

Chosen by `python -m training.benchmarks.unknown_actions`, on training clips: of the actions that were learned they turn
down at most a tenth, on the average over data sets, numbers of classes and of clips.
"""

EACH, MOST = 20, 400
"""Clips of each class, and in all, that others are compared with at most; but `NearestSequence.neighbors` of each."""

_SETTINGS = NearestSequence()


@dataclass(frozen=True, eq=False)
class Familiar:
    """The clips that others are compared with, and how alike a clip has to be.

    How alike a clip is to a class is the score of `NearestSequence`, the mean over its most similar clips of the class,
    whatever the method that tells the classes apart. A clip is an outlier where the best score is under the threshold.

    The threshold is read off the learned clips, each compared with the classes that are not its own, as a clip of an
    unknown action would be: the quantile `SHARE` of their best scores, or `FLOOR` if that is more. So it needs no clips
    of unknown actions, holds for one clip a class and for many, and moves with what the clips have in common.

    Attributes:
        exemplars: The clips.
        threshold: Least score, -1 to 1.
        label: What clips under it are called.

    Raises:
        ValueError: If there is no such score.
    """

    exemplars: Exemplars
    threshold: float
    label: str | int

    def __post_init__(self) -> None:
        """Refuse a threshold that no score could be compared with."""
        if not -1 <= self.threshold <= 1:
            raise ValueError(f"got threshold {self.threshold}; wanted -1 to 1")

    @classmethod
    def learn(cls, clips: Clips, labels: Int64[np.ndarray, " clips"], label: str | int) -> Self:
        """Keep some of the clips, evenly, and find the threshold.

        Raises:
            ImportError: If dtaidistance is not installed.
        """
        classes = int(labels.max()) + 1
        each = max(_SETTINGS.neighbors, min(EACH, MOST // classes))
        picked = np.concatenate([_evenly(np.flatnonzero(labels == label), each) for label in range(classes)])
        exemplars = Exemplars(_SETTINGS, [_SETTINGS.thin(clips[i]) for i in picked], labels[picked])
        return cls(exemplars, threshold(exemplars.alike(exemplars.clips), exemplars.labels), label)

    @classmethod
    def restore(
        cls, tensors: dict[str, Tensor], dim: int, num_classes: int, threshold: float, label: str | int
    ) -> Self:
        """What gave `tensors`, see `Exemplars.tensors`.

        Raises:
            ValueError: If they are not those of clips of so many classes and such vectors.
        """
        return cls(_SETTINGS.restore(tensors, dim, num_classes, None), threshold, label)

    def knows(self, clips: Clips) -> Bool[np.ndarray, " clips"]:
        """Whether clips are like those that were learned.

        Raises:
            ImportError: If dtaidistance is not installed.
        """
        return self.exemplars.scores(clips).max(-1) >= self.threshold


def threshold(
    alike: Float[np.ndarray, "clips clips"],
    labels: Int64[np.ndarray, " clips"],
    share: float = SHARE,
    floor: float = FLOOR,
) -> float:
    """The threshold of clips by how alike each two of them are, see `Familiar`."""
    scores = class_scores(alike, labels, _SETTINGS.neighbors)
    scores[np.arange(len(labels)), labels] = -np.inf
    return max(float(np.quantile(scores.max(-1), share)), floor)


def _evenly(indices: Int64[np.ndarray, " clips"], most: int) -> Int64[np.ndarray, " fewer"]:
    at = (2 * np.arange(most) + 1) * len(indices) // (2 * most)
    return indices if len(indices) <= most else indices[at]
