"""Columns of the fully supervised tables."""

import numpy as np

from training.benchmarks.supervised import columns
from training.classifiers.fit import FitSettings
from training.datasets.actions.clips import ActionClips
from training.evaluation.recognition.splits import Split
from training.evaluation.recognition.tasks import Task


def test_cross_view_columns_name_the_usual_camera() -> None:
    one = ActionClips(
        keypoints=np.zeros((1, 13, 2), np.float32),
        offsets=np.arange(2),
        labels=np.zeros(1, np.int64),
        classes=("bowl",),
        views=np.array(["2"]),
        train=np.ones(1, bool),
    )
    nothing = np.array([], np.int64)
    splits = [Split(name, nothing, nothing) for name in ("all views", "all but view 1", "all but view 2")]
    usual = Task("made", "Made", one, 4, FitSettings(epochs=1), usual_test_view="2")
    assert [(column.title, column.splits) for column in columns(usual, splits)] == [
        ("cross-subject", ("all views",)),
        ("cross-view, test 1", ("all but view 1",)),
        ("cross-view, test 2 (usual)", ("all but view 2",)),
        ("cross-view, average", ("all but view 1", "all but view 2")),
    ]
