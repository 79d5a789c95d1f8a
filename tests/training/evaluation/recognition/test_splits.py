"""Which clips are trained on, and which are tested on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.datasets.actions.clips import ActionClips, replay
from training.datasets.actions.ntu_rgbd import NtuClips
from training.evaluation.recognition import tasks
from training.evaluation.recognition.splits import all_views, left_out_views, one_view
from training.evaluation.recognition.tasks import Task


def test_single_shot_trains_on_one_view_and_tests_on_all(task: Task) -> None:
    clips = task.clips
    back, front = one_view(task)
    every = all_views(task)
    assert [back.name, front.name, every.name] == ["view back", "view front", "all views"]
    for split in (back, front, every):
        assert not clips.train[split.test].any()
        assert clips.train[split.train].all()
        assert len(split.test) == 16  # of both views, whatever was trained on
    assert set(clips.views[front.train]) == {"front"}
    assert sorted([*back.train, *front.train]) == every.train.tolist()


def test_single_shot_can_train_on_less_than_a_view(task: Task) -> None:
    shots = np.where(np.arange(len(task.clips)) % 2, "odd", "even")
    even, odd = one_view(replace(task, shots=shots))
    assert (even.name, odd.name) == ("view even", "view odd")
    assert (even.train % 2 == 0).all() and (odd.train % 2 == 1).all()
    assert set(task.clips.views[odd.test]) == {"front", "back"}


def test_cross_view_tests_everybody_on_the_view_left_out(task: Task) -> None:
    back, front = left_out_views(task)
    assert (back.name, front.name) == ("all but view back", "all but view front")
    assert set(task.clips.views[back.train]) == {"front"}
    assert set(task.clips.views[back.test]) == {"back"}
    assert sorted([*back.train, *back.test]) == list(range(len(task.clips)))


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("protocol", [one_view, all_views])
def test_a_data_set_with_nothing_to_train_or_test_on_is_refused(task: Task, protocol: object, train: bool) -> None:
    nothing = replace(task, clips=replace(task.clips, train=np.full(len(task.clips), train)))
    assert callable(protocol)
    with pytest.raises(ValueError, match="no test clip shows an action of the training clips"):
        protocol(nothing)


def test_ntu_is_trained_on_one_camera_and_replication(clips: ActionClips, monkeypatch: pytest.MonkeyPatch) -> None:
    count = len(clips)
    seen = replace(clips, views=np.array(["1", "2", "3"] * count)[:count], train=np.arange(count) < 24)
    replications = np.array([1, 1, 1, 2, 2, 2] * count)[:count]
    ntu = NtuClips(seen, setups=np.ones(count, np.int64), replications=replications)
    monkeypatch.setattr(tasks.ntu_rgbd, "read", lambda path: ntu)
    task = tasks.ntu_task(Path("ntu"))
    splits = one_view(task)
    names = [f"view C{camera}R{replication}" for camera in (1, 2, 3) for replication in (1, 2)]
    assert [split.name for split in splits] == names
    assert splits[2].train.tolist() == [1, 7, 13, 19]
    assert all(split.test.tolist() == [*range(24, count)] for split in splits)
    assert (task.frames, task.lengthen, task.usual_test_view) == (300, replay, "1")
