"""What other ways of comparing poses find and take."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from training.datasets import multiview
from training.evaluation.rivals import pr_vipe, procrustes, vectors, world_landmarks
from training.evaluation.speed import Speed

from .test_multiview import recording


def turned(joints: np.ndarray, angle: float, size: float) -> np.ndarray:
    """What another camera's landmarks are: turned, of another size and in another place."""
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    return (size * joints @ turn + [3, 1, 2]).astype(np.float32)


def test_landmarks_without_error_find_everything_from_any_side() -> None:
    seen = recording()
    joints = seen.joints3d[0, 0]
    cameras = [joints, turned(joints, 2.0, 1.7)]
    (row,) = procrustes(seen, cameras)
    assert row.found == 1 and row.value > 0 and row.unit == "ms/query" and "among 4,096" in row.what
    cameras[1][[4, 9]] = np.nan  # not found there; its neighbours look much the same
    (row,) = procrustes(seen, cameras)
    assert row.found is not None and 0.8 < row.found <= 1
    mirrored = turned(joints, 2.0, 1.7) * np.float32([1, 1, -1])
    (row,) = procrustes(seen, [joints, mirrored])
    assert row.found is not None and row.found < 0.9  # a mirror image is another pose


@pytest.mark.parametrize("cameras", [1, 3])
def test_videos_of_another_recording_are_refused(cameras: int) -> None:
    with pytest.raises(ValueError, match=r"wanted those of the first recording, of one person by 2 cameras, 20 frames"):
        list(procrustes(recording(), [np.zeros((20, 13, 3), np.float32)] * cameras))


def test_others_cost_something() -> None:
    points = torch.randn(50, 13, 2) * 100 + 300
    points[3, 4] = points[5] = torch.nan
    rows: list[Speed] = [*pr_vipe(points), *vectors("mine", np.random.default_rng(0).normal(size=(50, 32)))]
    assert [row.what.rpartition(", ")[2] for row in rows] == ["50 at once", *["a query among 4,096"] * 2]
    assert all(row.value > 0 and row.found is None for row in rows)


@pytest.mark.slow
@pytest.mark.skipif("POSEEMBED_DATA" not in os.environ, reason="POSEEMBED_DATA does not name media/, models/ and real/")
def test_mediapipe_sees_in_3d() -> None:
    pytest.importorskip("mediapipe")
    data = Path(os.environ["POSEEMBED_DATA"])
    model = data / "models/pose_landmarker_full.task"
    cameras = [world_landmarks(data / f"media/balance_cam{number}.mp4", model) for number in (1, 2, 3, 4)]
    (row,) = procrustes(multiview.read(data / "real/balance__mediapipe_full.npz"), cameras)
    assert row.found is not None and 0.5 < row.found < 0.95
