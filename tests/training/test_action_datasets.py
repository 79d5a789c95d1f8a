"""The readers of action-recognition data sets, on small made files and, where there, on the real ones."""

import os
from pathlib import Path

import numpy as np
import pytest

from poseembed.skeleton import JOINTS, SKELETONS
from training.datasets import nucla, penn_action
from training.datasets.actions import ActionClips, resample

KINECT_NAMES = [
    "hip_center",
    "spine",
    "shoulder_center",
    "head",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "left_hand",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "right_hand",
    "left_hip",
    "left_knee",
    "left_ankle",
    "left_foot",
    "right_hip",
    "right_knee",
    "right_ankle",
    "right_foot",
]


def made_clips(**changes: object) -> ActionClips:
    """Three clips of 1, 2 and 3 frames."""
    fields = {
        "keypoints": np.zeros((6, 13, 2), np.float32),
        "offsets": np.array([0, 1, 3, 6]),
        "labels": np.array([0, 1, 0]),
        "classes": ("jump", "sit"),
        "views": np.array(["front", "back", "front"]),
        "train": np.array([True, True, False]),
    }
    return ActionClips(**(fields | changes))


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"keypoints": np.zeros((6, 17, 2), np.float32)}, "keypoints have shape"),
        ({"offsets": np.array([0, 1, 3, 5])}, "end at the number of frames, 6"),
        ({"offsets": np.array([1, 2, 3, 6])}, "start at 0"),
        ({"offsets": np.array([0, 3, 3, 6])}, "clip 1 has no frames"),
        ({"train": np.array([True])}, r"train has shape \(1,\)"),
        ({"subjects": np.arange(4)}, r"subjects has shape \(4,\)"),
        ({"labels": np.array([0, 2, 0])}, r"labels must lie in 0\.\.1"),
    ],
)
def test_clips_that_do_not_fit_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        made_clips(**changes)


def test_clips_know_their_number() -> None:
    assert len(made_clips()) == 3


@pytest.mark.parametrize(
    "length, frames",
    [
        (1, [[0], [2], [4]]),  # the middle of a clip
        (2, [[0, 0], [1, 2], [3, 5]]),
        (3, [[0, 0, 0], [1, 2, 2], [3, 4, 5]]),
        (6, [[0] * 6, [1, 1, 1, 2, 2, 2], [3, 3, 4, 4, 5, 5]]),
    ],
)
def test_resampling_repeats_and_skips_frames_evenly(length: int, frames: list[list[int]]) -> None:
    features = np.arange(6, dtype=np.float32)[:, None]
    got = resample(features, np.array([0, 1, 3, 6]), length)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got[..., 0], frames)


def test_resampling_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match="length must be at least 1"):
        resample(np.zeros((2, 1)), np.array([0, 2]), 0)
    with pytest.raises(ValueError, match="number of frames, 2"):
        resample(np.zeros((2, 1)), np.array([0, 3]), 4)


@pytest.fixture
def penn_file(tmp_path: Path) -> Path:
    """Three clips of two frames, the second of the action that is left out."""
    keypoints = np.arange(6 * 13 * 2, dtype=np.float32).reshape(6, 13, 2) + 100
    keypoints[0, 5] = 0.0  # left wrist in the file: not annotated
    keypoints[0, 6] = 1.5  # nor this one, in a picture that was scaled
    keypoints[0, 3] = 0.5, 30.0  # at the picture's edge
    visibility = np.ones((6, 13), bool)
    visibility[0, [5, 6]] = False
    visibility[1, 9] = False  # occluded
    np.savez(
        tmp_path / "penn.npz",
        keypoints=keypoints,
        visibility=visibility,
        offsets=np.array([0, 2, 4, 6]),
        action=np.array(["squat", "strum_guitar", "bowl"]),
        view=np.array(["front", "back", "left"]),
        train=np.array([True, True, False]),
    )
    return tmp_path / "penn.npz"


def test_penn_action_gets_the_persons_own_sides(penn_file: Path) -> None:
    with np.load(penn_file) as file:
        raw = file["keypoints"]
    clips = penn_action.read(penn_file)
    got = clips.keypoints
    np.testing.assert_array_equal(got[:, 0], raw[[0, 1, 4, 5], 0])
    np.testing.assert_array_equal(got[1, JOINTS.index("left_shoulder")], raw[1, 2])
    np.testing.assert_array_equal(got[1, JOINTS.index("right_ankle")], raw[1, 11])
    missing = np.isnan(got).all(-1)
    wrists = [[0, JOINTS.index("left_wrist")], [0, JOINTS.index("right_wrist")]]
    np.testing.assert_array_equal(np.argwhere(missing), wrists)
    assert np.isnan(got).sum() == 4  # occluded joints and those at the edge stay
    assert clips.classes == ("bowl", "squat")
    assert clips.labels.tolist() == [1, 0]
    assert clips.views.tolist() == ["front", "left"]
    assert clips.train.tolist() == [True, False]
    assert clips.offsets.tolist() == [0, 2, 4]


@pytest.fixture
def nucla_arrays() -> dict[str, np.ndarray]:
    """Three clips of two frames: somebody 3 m away who faces the sensor."""
    joints = np.zeros((6, 20, 3), np.float32)
    joints[..., 2] = 3.0
    for index, name in enumerate(KINECT_NAMES):
        # The sensor's x axis points to its own left; a person who faces it has the left side at the sensor's right.
        joints[:, index, 0] = {"left": -0.3, "right": 0.3}.get(name.partition("_")[0], 0.0)
        joints[:, index, 1] = index / 10
    joints[3, KINECT_NAMES.index("left_knee")] = 0.0  # not tracked
    return {
        "joints3d": joints,
        "joint_names": np.array(KINECT_NAMES),
        "offsets": np.array([0, 2, 4, 6]),
        "action": np.array([12, 1, 8]),
        "subject": np.array([5, 6, 1]),
        "view": np.array([1, 2, 3]),
    }


def test_nucla_is_projected_into_the_sensors_picture(tmp_path: Path, nucla_arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "nucla.npz", **nucla_arrays)
    clips = nucla.read(tmp_path / "nucla.npz")
    np.testing.assert_allclose(clips.keypoints[0, JOINTS.index("left_shoulder")], [0.1, -0.4 / 3], rtol=1e-6)
    np.testing.assert_allclose(clips.keypoints[0, JOINTS.index("right_wrist")], [-0.1, -1.0 / 3], rtol=1e-6)
    np.testing.assert_allclose(clips.keypoints[0, 0], [0.0, -0.1], atol=1e-7)  # the head
    np.testing.assert_array_equal(np.argwhere(np.isnan(clips.keypoints).any(-1)), [[3, JOINTS.index("left_knee")]])
    assert [clips.classes[label] for label in clips.labels] == ["carry", "pick up with one hand", "donning"]
    assert clips.views.tolist() == ["1", "2", "3"]
    assert clips.train.tolist() == [True, False, True]
    assert clips.subjects is not None and clips.subjects.tolist() == [5, 6, 1]


def test_nucla_3d_joints_are_centred_on_the_hips(tmp_path: Path, nucla_arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "nucla.npz", **nucla_arrays)
    joints = nucla.read_body_centred(tmp_path / "nucla.npz")
    assert joints.shape == (6, 13, 3)
    hips = [JOINTS.index("left_hip"), JOINTS.index("right_hip")]
    np.testing.assert_allclose(joints[:, hips].mean(1), 0, atol=1e-6)
    np.testing.assert_allclose(joints[0, hips[0]], [-0.3, -0.2, 0.0], atol=1e-6)  # hips are joints 12 and 16
    assert np.isnan(joints[3, JOINTS.index("left_knee")]).all()


def test_nucla_refuses_another_joint_order(tmp_path: Path, nucla_arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "nucla.npz", **nucla_arrays | {"joint_names": np.array(KINECT_NAMES[::-1])})
    with pytest.raises(ValueError, match="Kinect v1"):
        nucla.read(tmp_path / "nucla.npz")


def test_nucla_refuses_unknown_actions(tmp_path: Path, nucla_arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "nucla.npz", **nucla_arrays | {"action": np.array([1, 7, 2])})
    with pytest.raises(ValueError, match=r"\[7\]"):
        nucla.read(tmp_path / "nucla.npz")


@pytest.fixture(scope="module")
def data_folder() -> Path:
    """Where the real files are."""
    if "POSEEMBED_DATA" not in os.environ:
        pytest.skip("set POSEEMBED_DATA to a folder with penn_action.npz and nucla.npz")
    return Path(os.environ["POSEEMBED_DATA"])


def left_shoulder_on_the_right(clips: ActionClips, which: np.ndarray) -> float:
    """Share of the chosen clips' frames in which the left shoulder is on the picture's right of the right one."""
    frames = clips.keypoints[np.repeat(which, np.diff(clips.offsets))]
    apart = frames[:, JOINTS.index("left_shoulder"), 0] - frames[:, JOINTS.index("right_shoulder"), 0]
    return float((apart[~np.isnan(apart)] > 0).mean())


def test_real_penn_action(data_folder: Path) -> None:
    clips = penn_action.read(data_folder / "penn_action.npz")
    assert (len(clips), len(clips.classes)) == (2232, 14)
    assert int(clips.train.sum()) == 1212
    for action in ("jumping_jacks", "pullup", "squat"):
        of_action = clips.labels == clips.classes.index(action)
        assert left_shoulder_on_the_right(clips, of_action & (clips.views == "front")) > 0.97
        assert left_shoulder_on_the_right(clips, of_action & (clips.views == "back")) < 0.03


def test_real_penn_action_has_coordinates_for_occluded_joints(data_folder: Path) -> None:
    """What the reader's description says of `visibility`, and why occluded joints are kept."""
    with np.load(data_folder / "penn_action.npz") as file:
        points, visible, offsets = file["keypoints"], file["visibility"], file["offsets"]
    unannotated = (points <= 2).all(-1)
    assert not (unannotated & visible).any()
    assert (unannotated == (points < 5).all(-1)).all()
    occluded = ~unannotated & ~visible
    assert 0.13 < occluded.mean() < 0.15
    inside = np.setdiff1d(np.arange(1, len(points)), offsets)
    steps = np.linalg.norm(points[inside] - points[inside - 1], axis=-1)
    assert np.median(steps[occluded[inside] & occluded[inside - 1]]) > 0.5  # they move, in pixels a frame


def test_real_nucla(data_folder: Path) -> None:
    clips = nucla.read(data_folder / "nucla.npz")
    assert (len(clips), len(clips.classes)) == (1484, 10)
    assert int(clips.train.sum()) == 754
    assert np.isnan(clips.keypoints).any(-1).mean() < 1e-4
    for view in "123":
        assert left_shoulder_on_the_right(clips, clips.views == view) > 0.97
    ankles = clips.keypoints[:, [JOINTS.index("left_ankle"), JOINTS.index("right_ankle")], 1].mean(1)
    assert (clips.keypoints[:, 0, 1] < ankles).mean() > 0.99  # y is down


def test_kinect_order_used_here_is_the_librarys() -> None:
    assert tuple(KINECT_NAMES[index] for index in SKELETONS["kinect_v1"].indices) == ("head", *JOINTS[1:])
