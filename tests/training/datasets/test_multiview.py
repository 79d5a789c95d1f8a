"""Recordings by several real cameras, as they are read."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.datasets import multiview


def arrays(frames: int = 6) -> dict[str, Any]:
    """Two cameras and one person, whose joints stand still."""
    joints = np.random.default_rng(0).normal(size=(13, 3))
    return {
        "keypoints": np.zeros((2, frames, 1, 13, 2), np.float32),
        "confidence": np.ones((2, frames, 1, 13), np.float16),
        "fps": np.float32(25),
        "pairs": np.array([[0, 1]]),
        "joints3d": np.broadcast_to(joints, (1, 1, frames, 13, 3)).astype(np.float32),
        "meta": json.dumps({"detector": "eyes"}),
    }


def save(folder: Path, content: dict[str, Any]) -> Path:
    path = folder / "recording.npz"
    np.savez(path, **content)
    return path


def test_a_recording_is_read(tmp_path: Path) -> None:
    recording = multiview.read(save(tmp_path, arrays()))
    assert recording.keypoints.shape == (2, 6, 1, 13, 2)
    assert (recording.fps, recording.detector, recording.pairs.tolist()) == (25.0, "eyes", [[0, 1]])


def test_frames_that_went_wrong_are_not_trusted(tmp_path: Path) -> None:
    content = arrays()
    content["joints3d"][0, 0, 1, 0] = np.nan  # no head
    elbow = content["joints3d"][0, 0, 0, 3]
    content["joints3d"][0, 0, 2, 5] += 0.5 * (content["joints3d"][0, 0, 2, 5] - elbow)  # a forearm half as long again
    content["joints3d"][0, 0, 3, 5] += 0.3 * (content["joints3d"][0, 0, 3, 5] - elbow)
    recording = multiview.read(save(tmp_path, content))
    assert recording.trusted(0, 0).tolist() == [True, False, False, True, True, True]


def test_nothing_is_trusted_where_nothing_is_known(tmp_path: Path) -> None:
    content = arrays()
    content["joints3d"] = np.full_like(content["joints3d"], np.nan)
    assert not multiview.read(save(tmp_path, content)).trusted(0, 0).any()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("pairs", None, "has no pairs"),
        ("keypoints", np.zeros((2, 6, 13, 2)), r"keypoints of shape \(2, 6, 13, 2\); wanted \(cameras, frames, people"),
        ("joints3d", np.zeros((1, 1, 5, 13, 3)), r"wanted \(1, 1, 6, 13, 3\)"),
        ("confidence", np.zeros((2, 6, 13)), r"confidence of shape \(2, 6, 13\); wanted \(2, 6, 1, 13\)"),
        ("pairs", np.array([[0, 2]]), "pairs of cameras that it does not have; there are 2"),
        ("fps", np.float32(0), "0.0 frames per second"),
        ("meta", "{}", "no recording by several cameras"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, name: str, value: object, message: str) -> None:
    content = arrays()
    if value is None:
        del content[name]
    else:
        content[name] = value
    with pytest.raises(ValueError, match=message):
        multiview.read(save(tmp_path, content))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, arrays())
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match="is damaged"):
        multiview.read(path)
