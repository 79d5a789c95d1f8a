"""How action recognition is measured, on small made data: representations, splits, fits and the search for a rate."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from poseembed import PoseEncoder
from poseembed.actions.convnet import ConvNet
from poseembed.checkpoint import Checkpoint, CheckpointConfig
from poseembed.network import Encoder, NetworkConfig, fold_batch_norm
from training.classifiers.fit import FitSettings
from training.datasets.actions.clips import ActionClips, replay
from training.datasets.actions.ntu_rgbd import NtuClips
from training.evaluation.recognition import rate_search
from training.evaluation.recognition import tasks as benchmark
from training.evaluation.recognition.rate_search import Trial


@pytest.fixture(autouse=True)
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "LEAST_STEPS", 1)


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
def task(clips: ActionClips) -> benchmark.Task:
    return benchmark.Task("made", "Made", clips, frames=16, settings=FitSettings(epochs=10, batch_size=4))


def test_raw_keypoints_have_zeros_for_what_is_missing(clips: ActionClips) -> None:
    raw = benchmark.raw_keypoints(clips)
    assert raw.shape == (len(clips.keypoints), 26)
    assert (raw[3] == 0).all()
    assert np.isfinite(raw).all()


def test_pose_vectors_have_zeros_for_empty_frames(clips: ActionClips) -> None:
    torch.manual_seed(0)
    config = CheckpointConfig(network=NetworkConfig(width=16, blocks=1, pose_dim=5, view_dim=3))
    encoder = PoseEncoder(Checkpoint(config, fold_batch_norm(Encoder(config.network))))
    vectors = benchmark.pose_vectors(encoder, clips)
    assert vectors.shape == (len(clips.keypoints), 5)
    assert np.isfinite(vectors).all()
    np.testing.assert_array_equal(np.flatnonzero((vectors == 0).all(1)), [3])


def test_single_shot_trains_on_one_view_and_tests_on_all(task: benchmark.Task) -> None:
    clips = task.clips
    back, front = benchmark.one_view(task)
    every = benchmark.all_views(task)
    assert [back.name, front.name, every.name] == ["view back", "view front", "all views"]
    for split in (back, front, every):
        assert not clips.train[split.test].any()
        assert clips.train[split.train].all()
        assert len(split.test) == 16  # of both views, whatever was trained on
    assert set(clips.views[front.train]) == {"front"}
    assert sorted([*back.train, *front.train]) == every.train.tolist()


def test_single_shot_can_train_on_less_than_a_view(task: benchmark.Task) -> None:
    shots = np.where(np.arange(len(task.clips)) % 2, "odd", "even")
    even, odd = benchmark.one_view(replace(task, shots=shots))
    assert (even.name, odd.name) == ("view even", "view odd")
    assert (even.train % 2 == 0).all() and (odd.train % 2 == 1).all()
    assert set(task.clips.views[odd.test]) == {"front", "back"}


def test_cross_view_tests_everybody_on_the_view_left_out(task: benchmark.Task) -> None:
    back, front = benchmark.left_out_views(task)
    assert (back.name, front.name) == ("all but view back", "all but view front")
    assert set(task.clips.views[back.train]) == {"front"}
    assert set(task.clips.views[back.test]) == {"back"}
    assert sorted([*back.train, *back.test]) == list(range(len(task.clips)))


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("protocol", [benchmark.one_view, benchmark.all_views])
def test_a_data_set_with_nothing_to_train_or_test_on_is_refused(
    task: benchmark.Task, protocol: object, train: bool
) -> None:
    nothing = replace(task, clips=replace(task.clips, train=np.full(len(task.clips), train)))
    assert callable(protocol)
    with pytest.raises(ValueError, match="no test clip shows an action of the training clips"):
        protocol(nothing)


def measure(task: benchmark.Task, split: benchmark.Split, seed: int = 0) -> benchmark.Result:
    features = task.features(benchmark.raw_keypoints(task.clips))
    return benchmark.measure(task, features, ConvNet, split, seed=seed, learning_rate=5e-3)


def test_closed_leaves_out_the_actions_not_trained_on(task: benchmark.Task) -> None:
    back, front = (measure(task, split) for split in benchmark.one_view(task))
    assert (back.open, back.closed) == (0.5, 1.0)  # only "raise" was there: all of those are right, and nothing else
    assert front.open == front.closed
    assert np.mean(list(front.by_test_view.values())) == pytest.approx(front.open)  # as many clips in each


def test_a_fit_learns_and_is_the_same_again(task: benchmark.Task) -> None:
    split = benchmark.all_views(task)
    first, again = measure(task, split, seed=3), measure(task, split, seed=3)
    assert (first.split, first.seed) == ("all views", 3)
    assert first.train_accuracy > 0.9
    assert replace(first, seconds=0) == replace(again, seconds=0)


@pytest.mark.parametrize("count, least, steps", [(4, 1, 10), (4, 25, 25), (9, 1, 30), (9, 31, 33)])
def test_few_clips_are_seen_more_often(
    task: benchmark.Task, monkeypatch: pytest.MonkeyPatch, count: int, least: int, steps: int
) -> None:
    """Ten epochs of batches of at most four, but `least` steps and whole epochs."""
    monkeypatch.setattr(benchmark, "LEAST_STEPS", least)
    seen = []

    class Counting(nn.Linear):
        def forward(self, features: torch.Tensor) -> torch.Tensor:
            if torch.is_grad_enabled():
                seen.append(len(features))
            return super().forward(features.mean(1))

    labels = torch.arange(count) % 2
    benchmark.train(task, torch.randn(count, 3, 5), labels, Counting, seed=0, learning_rate=1e-3)
    assert len(seen) == steps


def test_a_task_brings_clips_to_its_length(task: benchmark.Task) -> None:
    frames = np.arange(len(task.clips.keypoints), dtype=np.float32)[:, None]
    again = replace(task, lengthen=replay, frames=11).features(frames)
    assert again[1, :, 0].tolist() == [*range(9, 18), 9, 10]  # the second clip of nine frames


def test_fingerprints_tell_data_apart(task: benchmark.Task) -> None:
    moved = replace(task.clips, keypoints=task.clips.keypoints + np.float32(1))
    other_parts = replace(task.clips, train=~task.clips.train)
    changed = [replace(task, clips=clips).fingerprint for clips in (moved, other_parts)]
    assert len({task.fingerprint, *changed}) == 3
    assert replace(task, frames=3).fingerprint == task.fingerprint


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


def test_a_search_learns_from_so_many_clips_at_most(clips: ActionClips, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_search, "MOST_CLIPS", 5)
    learned, judged = rate_search.hold_out(clips)
    assert (len(learned), len(judged)) == (5, 3)


def test_a_search_needs_clips(clips: ActionClips) -> None:
    one = np.zeros(len(clips), bool)
    one[0] = True
    with pytest.raises(ValueError, match="1 training clips cannot be divided"):
        rate_search.hold_out(replace(clips, train=one))


def test_the_search_finds_the_rate_that_learns(task: benchmark.Task) -> None:
    features = task.features(benchmark.raw_keypoints(task.clips))
    trials = rate_search.search(task, features, ConvNet, (1e-9, 5e-3))
    assert [trial.learning_rate for trial in trials] == [1e-9, 5e-3]
    assert rate_search.best(trials) == 5e-3
    assert rate_search.search(task, features, ConvNet, (5e-3,)) == ()


@pytest.mark.parametrize(
    "trials, rate",
    [
        ([Trial(0.1, 0.5, 1.0), Trial(0.2, 0.6, 9.0), Trial(0.3, 0.4, 0.1)], 0.2),
        ([Trial(0.1, 0.5, 1.0), Trial(0.2, 0.5, 0.9), Trial(0.3, 0.5, 1.1)], 0.2),
        ([Trial(0.1, 0.5, None), Trial(0.2, 0.5, 9.0)], 0.2),  # the first diverged
    ],
)
def test_best_rate(trials: list[Trial], rate: float) -> None:
    assert rate_search.best(trials) == rate


def test_3d_joints_of_nucla_are_centred_and_facing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    joints = rng.normal([0, 0, 3], [0.5, 0.5, 0.3], size=(12, 20, 3)).astype(np.float32)
    angle = 0.7
    cos, sin = np.cos(angle), np.sin(angle)
    turned = (joints - [0, 0, 3]) @ np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]]) + [0, 0, 3]
    names = [
        *("hip_center", "spine", "shoulder_center", "head"),
        *("left_shoulder", "left_elbow", "left_wrist", "left_hand"),
        *("right_shoulder", "right_elbow", "right_wrist", "right_hand"),
        *("left_hip", "left_knee", "left_ankle", "left_foot", "right_hip", "right_knee", "right_ankle", "right_foot"),
    ]
    np.savez(
        tmp_path / "nucla.npz",
        joints3d=np.concatenate([joints, turned.astype(np.float32)]),
        joint_names=np.array(names),
        offsets=np.array([0, 12, 24]),
        action=np.array([1, 2]),
        subject=np.array([1, 6]),
        view=np.array([1, 2]),
    )
    task = benchmark.nucla_task(tmp_path / "nucla.npz", frames=7)
    assert task.frames == 7
    centred, facing = (task.references[f"3D joints, {kind}"] for kind in ("centred", "centred and facing"))
    assert centred.shape == facing.shape == (24, 39)
    assert not np.allclose(centred[:12], centred[12:], atol=1e-2)
    np.testing.assert_allclose(facing[:12], facing[12:], atol=1e-4)


def test_ntu_is_trained_on_one_camera_and_replication(clips: ActionClips, monkeypatch: pytest.MonkeyPatch) -> None:
    count = len(clips)
    seen = replace(clips, views=np.array(["1", "2", "3"] * count)[:count], train=np.arange(count) < 24)
    replications = np.array([1, 1, 1, 2, 2, 2] * count)[:count]
    ntu = NtuClips(seen, setups=np.ones(count, np.int64), replications=replications)
    monkeypatch.setattr(benchmark.ntu_rgbd, "read", lambda path: ntu)
    task = benchmark.ntu_task(Path("ntu"))
    splits = benchmark.one_view(task)
    names = [f"view C{camera}R{replication}" for camera in (1, 2, 3) for replication in (1, 2)]
    assert [split.name for split in splits] == names
    assert splits[2].train.tolist() == [1, 7, 13, 19]
    assert all(split.test.tolist() == [*range(24, count)] for split in splits)
    assert (task.frames, task.lengthen, task.usual_test_view) == (300, replay, "1")
