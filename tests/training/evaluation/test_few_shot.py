"""What few-shot recognition draws to learn from and to test on."""

from dataclasses import replace

import numpy as np
import pytest

from training.datasets.actions.clips import ActionClips
from training.evaluation import few_shot
from training.evaluation.few_shot import draw


@pytest.fixture
def clips() -> ActionClips:
    """Two actions, two views, 4 training and 2 test clips of each; one test clip shows nobody."""
    rng = np.random.default_rng(0)
    rows = [(action, view, number < 4) for action in (0, 1) for view in ("front", "back") for number in range(6)]
    keypoints = np.tile(rng.normal(size=(13, 2)) * 50 + 100, (len(rows) * 6, 1, 1))
    for index, (action, _, _) in enumerate(rows):
        keypoints[index * 6 : index * 6 + 6, 5:7, action] += 80
    keypoints += rng.normal(size=keypoints.shape)
    keypoints[24:30] = np.nan
    return ActionClips(
        keypoints=keypoints.astype(np.float32),
        offsets=np.arange(len(rows) + 1) * 6,
        labels=np.array([row[0] for row in rows]),
        classes=("raise", "open"),
        views=np.array([row[1] for row in rows]),
        train=np.array([row[2] for row in rows]),
    )


@pytest.mark.parametrize("shots, learnt", [(1, 2), (3, 6), (few_shot.ALL, 16), (99, 16)])
def test_draw(clips: ActionClips, shots: int, learnt: int) -> None:
    learn, test = draw(clips, shots, 0, few_shot.TEST)
    assert len(set(learn)) == learnt and clips.train[learn].all()
    assert np.bincount(clips.labels[learn]).tolist() == [learnt // 2] * 2
    assert test.tolist() == np.flatnonzero(~clips.train).tolist()


def test_another_seed_draws_other_clips(clips: ActionClips) -> None:
    draws = [draw(clips, 2, seed, few_shot.TEST)[0].tolist() for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize("shots", [1, 4, 9])
def test_other_views_reads_no_test_clip_and_tests_on_other_views(clips: ActionClips, shots: int) -> None:
    learn, test = draw(clips, shots, 1, few_shot.OTHER_VIEWS)
    assert clips.train[learn].all() and clips.train[test].all()
    for action in (0, 1):
        learnt, tested = (set(clips.views[part[clips.labels[part] == action]]) for part in (learn, test))
        assert len(learnt) == len(tested) == 1 and learnt != tested


@pytest.mark.parametrize("people", [False, True])
def test_held_out_reads_no_test_clip(clips: ActionClips, people: bool) -> None:
    subjects = np.arange(len(clips)) % 3
    learn, test = draw(replace(clips, subjects=subjects if people else None), 0, 1, few_shot.HELD_OUT)
    assert sorted([*learn, *test]) == np.flatnonzero(clips.train).tolist() and len(test)
    if people:
        assert len(set(subjects[test])) == 2 and not set(subjects[test]) & set(subjects[learn])
