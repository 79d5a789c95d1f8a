"""Shares of labelled clips."""

from fractions import Fraction

import numpy as np

from training.benchmarks.limited_supervision import draw
from training.classifiers.fit import FitSettings
from training.datasets.actions.clips import ActionClips
from training.evaluation.recognition.tasks import Task


def made_task(labels: list[int]) -> Task:
    """Clips of one frame, all but the last two to train on."""
    count = len(labels)
    clips = ActionClips(
        keypoints=np.zeros((count, 13, 2), np.float32),
        offsets=np.arange(count + 1),
        labels=np.array(labels),
        classes=("bowl", "squat"),
        views=np.array(["front"] * count),
        train=np.arange(count) < count - 2,
    )
    return Task("made", "Made", clips, frames=4, settings=FitSettings(epochs=1))


def test_shares_keep_every_class_and_grow() -> None:
    task = made_task([0] * 20 + [1] * 3 + [0, 1])
    few, more, every = (draw(task, Fraction(part), seed=1) for part in ("1/16", "1/4", "1"))
    labels = task.clips.labels
    assert np.bincount(labels[few.train]).tolist() == [2, 1]
    assert np.bincount(labels[more.train]).tolist() == [5, 1]
    assert every.train.tolist() == list(range(23)) and every.name == "all views"
    assert set(few.train) < set(more.train)
    assert few.test.tolist() == [23, 24]
    other = draw(task, Fraction("1/4"), seed=2)
    assert other.name == more.name and other.train.tolist() != more.train.tolist()
