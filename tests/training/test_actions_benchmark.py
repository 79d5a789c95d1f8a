"""The action-recognition benchmark from end to end, on small made data."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from poseembed import PoseEncoder
from poseembed.checkpoint import Checkpoint, CheckpointConfig
from poseembed.network import Encoder, NetworkConfig, fold_batch_norm
from training.benchmarks import actions as benchmark
from training.classifiers.fit import FitSettings
from training.datasets.actions import ActionClips


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


SHORT = FitSettings(epochs=10, batch_size=4)


def test_raw_keypoints_have_zeros_for_what_is_missing(clips: ActionClips) -> None:
    raw = benchmark.raw_keypoints(clips)
    assert raw.shape == (len(clips.keypoints), 26)
    assert (raw[3] == 0).all()
    assert np.isfinite(raw).all()


@pytest.fixture
def tiny_checkpoint(tmp_path: Path) -> Path:
    """A folder with an untrained encoder."""
    torch.manual_seed(0)
    config = CheckpointConfig(network=NetworkConfig(width=16, blocks=1, pose_dim=5, view_dim=3))
    encoder = PoseEncoder(Checkpoint(config, fold_batch_norm(Encoder(config.network))))
    encoder.save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def test_pose_vectors_have_zeros_for_empty_frames(clips: ActionClips, tiny_checkpoint: Path) -> None:
    vectors = benchmark.pose_vectors(PoseEncoder.from_pretrained(tiny_checkpoint))(clips)
    assert vectors.shape == (len(clips.keypoints), 5)
    assert np.isfinite(vectors).all()
    np.testing.assert_array_equal(np.flatnonzero((vectors == 0).all(1)), [3])


def test_splits(clips: ActionClips) -> None:
    back, front, every = benchmark.splits(clips)
    assert [back.trained_on, front.trained_on, every.trained_on] == ["back", "front", "all"]
    for split in (back, front, every):
        assert not clips.train[split.test].any()
        assert clips.train[split.train].all()
        assert len(split.test) == 16  # of both views, whatever was trained on
    assert set(clips.views[front.train]) == {"front"}
    assert sorted([*back.train, *front.train]) == every.train.tolist()


def test_closed_leaves_out_the_actions_not_trained_on(clips: ActionClips) -> None:
    tasks = {"made": benchmark.Task(clips, frames=16, settings=SHORT)}
    results = list(benchmark.run(tasks, {"raw": benchmark.raw_keypoints}, seeds=2))
    assert [(result.trained_on, result.seed) for result in results] == [
        (view, seed) for view in ("back", "front", "all") for seed in (0, 1)
    ]
    for result in results:
        if result.trained_on == "back":  # only "raise" was there: all of those are right, and nothing else can be
            assert (result.open, result.closed) == (0.5, 1.0)
        else:
            assert result.open == result.closed
        assert np.mean(list(result.by_test_view.values())) == pytest.approx(result.open)  # as many clips in each
    supervised = [result for result in results if result.trained_on == "all"]
    assert min(result.train_accuracy for result in supervised) > 0.9


def test_references_are_measured_beside_the_representations(clips: ActionClips) -> None:
    known = np.repeat(np.eye(2, dtype=np.float32)[clips.labels], np.diff(clips.offsets), axis=0)
    task = benchmark.Task(clips, frames=16, settings=SHORT, references={"the answer": known})
    results = list(benchmark.run({"made": task}, {"raw": benchmark.raw_keypoints}, seeds=1))
    assert [result.representation for result in results] == ["raw"] * 3 + ["the answer"] * 3
    assert results[-1].open == 1.0


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
    task = benchmark.nucla_task(tmp_path / "nucla.npz")
    centred, facing = (task.references[f"3D joints, {kind}"] for kind in ("centred", "centred and facing"))
    assert centred.shape == facing.shape == (24, 39)
    assert not np.allclose(centred[:12], centred[12:], atol=1e-2)
    np.testing.assert_allclose(facing[:12], facing[12:], atol=1e-4)


@pytest.mark.parametrize("train", [True, False])
def test_a_data_set_with_nothing_to_train_or_test_on_is_refused(clips: ActionClips, train: bool) -> None:
    with pytest.raises(ValueError, match="no test clip shows an action of the training clips"):
        benchmark.splits(replace(clips, train=np.full(len(clips), train)))


def test_table_shows_per_cent_and_deviation() -> None:
    def result(trained_on: str, seed: int, open_: float) -> benchmark.Result:
        return benchmark.Result("made", "raw", trained_on, seed, open_, 2 * open_, {}, 0.0, 1.0)

    scores = {"back": (0.1, 0.3), "front": (0.3, 0.5), "all": (0.5, 0.5)}
    text = benchmark.table([result(view, seed, score[seed]) for view, score in scores.items() for seed in (0, 1)])
    lines = [line.split() for line in text.splitlines()]
    assert lines[1] == ["back", "front", "average", "supervised"]
    assert lines[2] == ["raw", "open", "20.0", "40.0", "30.0", "±", "14.1", "50.0", "±", "0.0"]
    assert lines[3] == ["raw", "closed", "40.0", "80.0", "60.0", "±", "28.3", "100.0", "±", "0.0"]


def test_command(tmp_path: Path, clips: ActionClips, tiny_checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(
        tmp_path / "penn.npz",
        keypoints=np.nan_to_num(clips.keypoints),
        offsets=clips.offsets,
        action=np.array(clips.classes)[clips.labels],
        view=clips.views,
        train=clips.train,
    )
    out = tmp_path / "results.json"
    files = ["--penn-action", str(tmp_path / "penn.npz"), "--weights", str(tiny_checkpoint), "--out", str(out)]
    benchmark.main([*files, "--seeds", "1"])
    assert capsys.readouterr().out.startswith("Penn Action: top-1")
    content = json.loads(out.read_text())
    assert content["tasks"]["Penn Action"]["learning_rate"] == 5e-3
    assert [(result["representation"], result["trained_on"]) for result in content["results"]] == [
        (name, view) for name in ("raw 2D keypoints", f"z_pose {tiny_checkpoint}") for view in ("back", "front", "all")
    ]
    assert not out.with_suffix(".json.partial").exists()


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--out", "x.json"], "give --penn-action, --nucla or both"),
        (["--out", "x.json", "--seeds", "0"], "--seeds must be at least 1"),
        (["--out", "nowhere/x.json"], "no such folder"),
    ],
)
def test_command_refuses(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        benchmark.main(arguments)
    assert words in capsys.readouterr().err
