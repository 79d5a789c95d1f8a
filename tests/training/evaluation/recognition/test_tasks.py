"""The data sets of action recognition, as classifiers are trained on them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.datasets.actions.clips import replay
from training.evaluation.recognition.command import TASKS
from training.evaluation.recognition.tasks import Task, nucla_task


def test_a_task_brings_clips_to_its_length(task: Task) -> None:
    frames = np.arange(len(task.clips.keypoints), dtype=np.float32)[:, None]
    again = replace(task, lengthen=replay, frames=11).features(frames)
    assert again[1, :, 0].tolist() == [*range(9, 18), 9, 10]  # the second clip of nine frames


def test_fingerprints_tell_data_apart(task: Task) -> None:
    moved = replace(task.clips, keypoints=task.clips.keypoints + np.float32(1))
    other_parts = replace(task.clips, train=~task.clips.train)
    changed = [replace(task, clips=clips).fingerprint for clips in (moved, other_parts)]
    assert len({task.fingerprint, *changed}) == 3
    assert replace(task, frames=3).fingerprint == task.fingerprint


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
    task = nucla_task(tmp_path / "nucla.npz", frames=7)
    assert task.frames == 7
    centred, facing = (task.references[f"3D joints, {kind}"] for kind in ("centred", "centred and facing"))
    assert centred.shape == facing.shape == (24, 39)
    assert not np.allclose(centred[:12], centred[12:], atol=1e-2)
    np.testing.assert_allclose(facing[:12], facing[12:], atol=1e-4)


def test_every_data_set_can_be_read(tmp_path: Path) -> None:
    """The readers have their own tests; this is what the commands make of a folder without the data."""
    for make, _ in TASKS.values():
        with pytest.raises(FileNotFoundError):
            make(tmp_path / "nothing", None)
