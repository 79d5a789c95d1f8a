"""Retrieval between real cameras, on recordings whose answers are known."""

import numpy as np
import pytest
import torch
from torch import Tensor

from training.datasets.multiview import MultiviewRecording
from training.evaluation.clips import FilmedClip, frame_by_frame
from training.evaluation.multiview import measure, over_window


def recording(frames: int = 20, *, fps: float = 5.0) -> MultiviewRecording:
    """Somebody whose hand draws a circle once, seen without error by two cameras."""
    rng = np.random.default_rng(0)
    joints = np.repeat(rng.normal(size=(1, 13, 3)), frames, axis=0)
    angle = np.linspace(0, 2 * np.pi, frames, endpoint=False)
    joints[:, 5] = joints[:, 3] + 4 * np.stack([np.cos(angle), np.sin(angle), np.zeros(frames)], axis=-1)
    keypoints = np.stack([joints[..., :2], joints[..., :2]])[:, :, None]
    return MultiviewRecording(
        keypoints.astype(np.float32),
        np.ones(keypoints.shape[:4], np.float32),
        fps,
        np.array([[0, 1]]),
        joints[None, None].astype(np.float32),
        "eyes",
    )


def points_as_they_are(points: Tensor, visible: Tensor) -> Tensor:
    return torch.nan_to_num(points).flatten(1)


def always_the_same(points: Tensor, visible: Tensor) -> Tensor:
    return torch.ones(len(points), 3)


def test_who_sees_everything_finds_everything_and_who_sees_nothing_finds_the_first() -> None:
    everything, nothing = measure(
        "circle",
        recording(),
        {"all": frame_by_frame(points_as_they_are), "none": frame_by_frame(always_the_same)},
        windows=[0.0],
    )
    assert (everything.pose, everything.moment, everything.queries) == (1, 1, 40)
    assert (everything.recording, everything.detector, everything.cameras) == ("circle", "eyes", (0, 1))
    # the first frame is the moment of itself and of its neighbour, which is 0.2 s away, from either camera
    assert nothing.moment == pytest.approx(2 / 20)
    assert nothing.pose < 0.5


def test_frames_without_anybody_or_without_truth_are_no_queries() -> None:
    whole = recording()
    whole.keypoints[0, 3] = np.nan
    whole.joints3d[0, 0, 7] = np.nan
    (result,) = measure("circle", whole, {"all": frame_by_frame(points_as_they_are)}, windows=[0.0])
    assert result.queries == 18 + 19
    assert result.pose > 0.9


def test_a_window_bridges_a_frame_that_nobody_saw() -> None:
    whole = recording()
    whole.keypoints[0, 3] = np.nan
    alone, around = measure("circle", whole, {"all": frame_by_frame(points_as_they_are)}, windows=[0.0, 0.2])
    assert (alone.queries, around.queries) == (39, 40)
    assert around.pose == around.moment == 1


def test_the_mean_over_a_window_leaves_out_what_is_unknown() -> None:
    similarity = np.arange(12, dtype=float).reshape(3, 4)
    similarity[1, 1] = np.nan
    mean = over_window(similarity, 1)
    assert mean[0, 0] == similarity[0, 0]  # before is nothing, and after is unknown
    assert mean[1, 1] == (similarity[0, 0] + similarity[2, 2]) / 2
    assert mean[1, 2] == (similarity[0, 1] + similarity[1, 2] + similarity[2, 3]) / 3
    assert np.array_equal(over_window(similarity, 0), similarity, equal_nan=True)
    assert np.isnan(over_window(np.full((2, 2), np.nan), 5)).all()


def test_what_embeds_clips_is_told_when_the_frames_were() -> None:
    told: list[FilmedClip] = []

    def embed(clip: FilmedClip) -> Tensor:
        told.append(clip)
        return torch.ones(len(clip.times), 3)

    measure("circle", recording(fps=5.0), {"clips": embed}, windows=[0.0])
    assert len(told) == 2 and all(np.allclose(clip.times, np.arange(20) / 5) for clip in told)
