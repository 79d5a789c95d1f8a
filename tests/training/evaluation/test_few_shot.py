"""What few-shot recognition draws to learn from and to test on."""

from dataclasses import replace

import numpy as np
import pytest

from training.datasets.actions.clips import ActionClips
from training.evaluation import few_shot
from training.evaluation.few_shot import draw


@pytest.mark.parametrize("shots, learnt", [(1, 2), (3, 6), (few_shot.ALL, 16), (99, 16)])
def test_draw(two_actions: ActionClips, shots: int, learnt: int) -> None:
    learn, test = draw(two_actions, shots, 0, few_shot.TEST)
    assert len(set(learn)) == learnt and two_actions.train[learn].all()
    assert np.bincount(two_actions.labels[learn]).tolist() == [learnt // 2] * 2
    assert test.tolist() == np.flatnonzero(~two_actions.train).tolist()


def test_another_seed_draws_other_clips(two_actions: ActionClips) -> None:
    draws = [draw(two_actions, 2, seed, few_shot.TEST)[0].tolist() for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize("shots", [1, 4, 9])
def test_other_views_reads_no_test_clip_and_tests_on_other_views(two_actions: ActionClips, shots: int) -> None:
    learn, test = draw(two_actions, shots, 1, few_shot.OTHER_VIEWS)
    assert two_actions.train[learn].all() and two_actions.train[test].all()
    for action in (0, 1):
        learnt, tested = (set(two_actions.views[part[two_actions.labels[part] == action]]) for part in (learn, test))
        assert len(learnt) == len(tested) == 1 and learnt != tested


@pytest.mark.parametrize("people", [False, True])
def test_held_out_reads_no_test_clip(two_actions: ActionClips, people: bool) -> None:
    subjects = np.arange(len(two_actions)) % 3
    learn, test = draw(replace(two_actions, subjects=subjects if people else None), 0, 1, few_shot.HELD_OUT)
    assert sorted([*learn, *test]) == np.flatnonzero(two_actions.train).tolist() and len(test)
    if people:
        assert len(set(subjects[test])) == 2 and not set(subjects[test]) & set(subjects[learn])
