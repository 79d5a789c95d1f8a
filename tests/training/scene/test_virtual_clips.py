"""HDM05 filmed by virtual cameras: which side is where, and who is trained on."""

import os
from pathlib import Path

import numpy as np
import pytest

from training.scene import virtual_clips

# Metres, y up, right-handed: a person who faces +z, so their left is +x, with the left arm and right foot out.
STANDING = np.array(
    [
        *[(0, 0.7, 0), (0.2, 0.5, 0), (-0.2, 0.5, 0), (0.45, 0.5, 0), (-0.2, 0.25, 0), (0.7, 0.5, 0), (-0.2, 0, 0.1)],
        *[(0.1, 0, 0), (-0.1, 0, 0), (0.1, -0.4, 0), (-0.1, -0.4, 0), (0.1, -0.8, 0), (-0.1, -0.8, 0.3)],
    ]
)


def turned(degrees: float) -> np.ndarray:
    """The person turned about the vertical."""
    angle = np.radians(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    return STANDING @ np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])


def write(path: Path, joints: np.ndarray, ok: list[bool], actors: list[str]) -> Path:
    """Clips of three frames."""
    count = len(actors)
    np.savez(
        path,
        joints=joints.astype(np.float16),
        nose=np.zeros((len(joints), 3), np.float16),
        ok=np.array(ok),
        offsets=np.arange(count + 1) * 3,
        subject=np.array(actors),
        action=np.array(["wave", "kick"] * count)[:count],
        clip=np.array([f"clip {index}" for index in range(count)]),
        split=np.array(["eval"] * count),
        source=np.array(["hdm05"] * count),
        fps=np.full(count, 30.0),
    )
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two actors; the second faces elsewhere, turns on the way, and was lost in the first frame."""
    joints = np.concatenate([[STANDING] * 3, [turned(50), turned(140), turned(230)]])
    return write(tmp_path / "hdm05.npz", joints, [True, True, True, False, True, True], ["tr", "bd"])


def test_every_performance_is_seen_by_four_cameras(path: Path) -> None:
    clips = virtual_clips.read(path)
    assert len(clips) == 8
    assert clips.views.tolist() == ["front"] * 2 + ["left"] * 2 + ["back"] * 2 + ["right"] * 2
    assert clips.classes == ("kick", "wave")
    assert clips.labels.tolist() == [1, 0] * 4
    assert clips.train.tolist() == [False, True] * 4
    assert clips.subjects is not None and clips.subjects.tolist() == [1, 0] * 4
    assert np.isnan(clips.keypoints[[3, 9, 15, 21]]).all()  # the lost frame
    assert np.isfinite(clips.keypoints[[0, 1, 2, 4, 5]]).all()


def test_cameras_stand_where_their_names_say(path: Path) -> None:
    """Clip 0 faces +z; clip 1 first +z turned by 140 degrees, in its second frame, and then a quarter turn further."""
    keypoints = virtual_clips.read(path).keypoints.reshape(4, 2, 3, 13, 2)
    left_wrist, right_wrist, left_ankle, right_ankle = (keypoints[..., joint, 0] for joint in (5, 6, 11, 12))
    front, left, back, right = range(4)
    for clip, frame in ((0, 0), (1, 1)):
        at = (clip, frame)
        assert left_wrist[front][at] > 0.05 and right_wrist[front][at] < 0  # facing the camera: left is on the right
        assert left_wrist[back][at] < -0.05
        assert right_ankle[left][at] < left_ankle[left][at] - 0.02  # seen from the left, forward is to the left
        assert right_ankle[right][at] > left_ankle[right][at] + 0.02
    np.testing.assert_allclose(keypoints[:, 1, 1], keypoints[:, 0, 0], atol=1e-3)  # turned away alike, it looks alike


def test_cameras_stand_still(path: Path) -> None:
    """The person who turns to the left by a quarter shows the front camera the right side."""
    keypoints = virtual_clips.read(path).keypoints.reshape(4, 2, 3, 13, 2)
    front, right = 0, 3
    np.testing.assert_allclose(keypoints[front, 1, 2], keypoints[right, 0, 0], atol=1e-3)


def test_cameras_look_at_the_hips_a_little_from_above(path: Path) -> None:
    front = virtual_clips.read(path).keypoints[0]
    np.testing.assert_allclose(front[7:9].mean(0), 0, atol=1e-3)
    assert front[0, 1] < 0 < front[11, 1]  # y grows downwards
    assert front[12, 1] > front[11, 1]  # the foot in front is lower in the picture


@pytest.mark.parametrize("actors", [["bd", "bk"], ["mm", "tr"]])
def test_both_parts_need_actors(tmp_path: Path, actors: list[str]) -> None:
    path = write(tmp_path / "some.npz", np.tile(STANDING, (6, 1, 1)), [True] * 6, actors)
    with pytest.raises(ValueError, match=f"has the actors {', '.join(actors)}; wanted HDM05"):
        virtual_clips.read(path)


@pytest.mark.skipif("POSEEMBED_DATA" not in os.environ, reason="POSEEMBED_DATA does not name the folder of the data")
def test_hdm05() -> None:
    clips = virtual_clips.read(Path(os.environ["POSEEMBED_DATA"]) / "mocap_hdm05.npz")
    assert (len(clips), len(clips.classes)) == (4 * 287, 11)
    assert clips.train.sum() == 4 * 188
    for view in virtual_clips.VIEWS:  # nothing is open only
        assert len(np.unique(clips.labels[clips.train & (clips.views == view)])) == 11
    starts = clips.keypoints[clips.offsets[:-1]]
    facing = starts[:, 1, 0] > starts[:, 2, 0]
    assert facing[clips.views == "front"].mean() > 0.99
    assert facing[clips.views == "back"].mean() < 0.01
