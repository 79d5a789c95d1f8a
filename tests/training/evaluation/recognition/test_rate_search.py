"""The search for a learning rate."""

from dataclasses import replace

import numpy as np
import pytest

from poseembed.actions.convnet import ConvNet
from training.datasets.actions.clips import ActionClips
from training.evaluation.recognition import rate_search
from training.evaluation.recognition.rate_search import RateTrial
from training.evaluation.recognition.systems import clip_keypoints
from training.evaluation.recognition.tasks import Task


def test_no_test_clip_is_held_out(clips: ActionClips) -> None:
    learned, judged = rate_search.hold_out(clips)
    assert sorted([*learned, *judged]) == np.flatnonzero(clips.train).tolist()
    assert len(judged) == 3  # a quarter of 12


def test_people_are_held_out_whole(clips: ActionClips) -> None:
    subjects = np.arange(len(clips)) % 5
    learned, judged = rate_search.hold_out(replace(clips, subjects=subjects))
    assert len(set(subjects[judged])) == 2
    assert not set(subjects[judged]) & set(subjects[learned])
    assert sorted([*learned, *judged]) == np.flatnonzero(clips.train).tolist()


def test_a_search_learns_from_so_many_clips_at_most(clips: ActionClips) -> None:
    learned, judged = rate_search.hold_out(clips, most=5)
    assert (len(learned), len(judged)) == (5, 3)


def test_a_search_needs_clips(clips: ActionClips) -> None:
    one = np.zeros(len(clips), bool)
    one[0] = True
    with pytest.raises(ValueError, match="1 training clips cannot be divided"):
        rate_search.hold_out(replace(clips, train=one))


def test_the_search_finds_the_rate_that_learns(task: Task) -> None:
    features = task.features(clip_keypoints(task.clips))
    trials = rate_search.search(task, features, ConvNet, (1e-9, 5e-3))
    assert [trial.learning_rate for trial in trials] == [1e-9, 5e-3]
    assert rate_search.best(trials) == 5e-3
    assert rate_search.search(task, features, ConvNet, (5e-3,)) == ()


@pytest.mark.parametrize(
    "trials, rate",
    [
        ([RateTrial(0.1, 0.5, 1.0), RateTrial(0.2, 0.6, 9.0), RateTrial(0.3, 0.4, 0.1)], 0.2),
        ([RateTrial(0.1, 0.5, 1.0), RateTrial(0.2, 0.5, 0.9), RateTrial(0.3, 0.5, 1.1)], 0.2),
        ([RateTrial(0.1, 0.5, None), RateTrial(0.2, 0.5, 9.0)], 0.2),  # the first diverged
    ],
)
def test_best_rate(trials: list[RateTrial], rate: float) -> None:
    assert rate_search.best(trials) == rate
