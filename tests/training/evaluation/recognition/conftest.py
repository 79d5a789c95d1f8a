"""A small made-up data set, of which it is known what can be learned from it."""

import numpy as np
import pytest

from training.classifiers.fit import FitSettings
from training.datasets.actions.clips import ActionClips
from training.evaluation.recognition.tasks import Task


@pytest.fixture
def clips() -> ActionClips:
    """Arms that go up ("raise") or out ("open"); the back view has no "open" to train on. One frame is empty."""
    rng = np.random.default_rng(0)
    rows = [
        (action, view, train)
        for view in ("front", "back")
        for train in (True, False)
        for action in (0, 1)
        for _ in range(4)
        if not (view == "back" and train and action == 1)
    ]
    frames = 9
    keypoints = np.tile(rng.normal(size=(13, 2)) * 50 + 100, (len(rows) * frames, 1, 1)).astype(np.float32)
    for index, (action, view, _) in enumerate(rows):
        motion = np.linspace(0, 60, frames) * (-1 if action == 0 or view == "back" else 1)
        keypoints[index * frames : (index + 1) * frames, 5:7, 1 - action] += motion[:, None]
    keypoints += rng.normal(size=keypoints.shape)
    keypoints[3] = np.nan
    return ActionClips(
        keypoints=keypoints.astype(np.float32),
        offsets=np.arange(len(rows) + 1) * frames,
        labels=np.array([row[0] for row in rows]),
        classes=("raise", "open"),
        views=np.array([row[1] for row in rows]),
        train=np.array([row[2] for row in rows]),
    )


@pytest.fixture
def task(clips: ActionClips) -> Task:
    return Task("made", "Made", clips, frames=16, settings=FitSettings(epochs=10, batch_size=4), least_steps=1)
