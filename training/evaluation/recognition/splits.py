"""Which clips of a data set are trained on, and which are tested on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from training.datasets.actions.clips import ActionClips
from training.evaluation.recognition.tasks import Task

ALL_VIEWS = "all views"


@dataclass(frozen=True)
class Split:
    """Clips to train and to test on.

    Attributes:
        name: What it trains on; tells it from all other splits of a data set.
        train: Indices of training clips.
        test: Indices of test clips.
    """

    name: str
    train: Int64[np.ndarray, " train"]
    test: Int64[np.ndarray, " test"]


def split(clips: ActionClips, name: str, train: np.ndarray, test: np.ndarray) -> Split:
    """Make a split of two masks over the clips.

    Raises:
        ValueError: If no test clip shows an action of the training clips.
    """
    if not np.isin(clips.labels[test], clips.labels[train]).any():
        raise ValueError(f"no test clip shows an action of the training clips ({name})")
    return Split(name, np.flatnonzero(train), np.flatnonzero(test))


def one_view(task: Task) -> list[Split]:
    """Single-shot: the training clips of one view, and the test clips of all views; a split for each view.

    Raises:
        ValueError: If the training clips of a view, or of all, have no action in common with the test clips.
    """
    clips, shots = task.clips, task.clips.views if task.shots is None else task.shots
    views = np.unique(shots[clips.train]).tolist()
    if not views:
        raise ValueError(f"no test clip shows an action of the training clips: none of {len(clips)} is to train on")
    return [split(clips, f"view {view}", clips.train & (shots == view), ~clips.train) for view in views]


def all_views(task: Task) -> Split:
    """Fully supervised: the training clips of all views, and the test clips of all views.

    Raises:
        ValueError: If they have no action in common.
    """
    return split(task.clips, ALL_VIEWS, task.clips.train, ~task.clips.train)


def left_out_views(task: Task) -> list[Split]:
    """Cross-view: all people seen by all cameras but one, and all people seen by that one; a split for each camera.

    Raises:
        ValueError: If what a camera saw has no action in common with what the others did.
    """
    clips = task.clips
    views = np.unique(clips.views).tolist()
    return [split(clips, f"all but view {view}", clips.views != view, clips.views == view) for view in views]


Plan = Sequence[tuple[int, Split]]
"""What a table needs of each system: seeds, and clips to train and test on."""


def every_seed(splits: Sequence[Split], seeds: int) -> Plan:
    """So many seeds on every split."""
    return [(seed, split) for seed in range(seeds) for split in splits]
