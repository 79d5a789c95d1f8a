"""OpenPose's JSON folders."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poseembed import JOINTS
from poseembed.adapters.openpose import read_openpose

# As OpenPose's documentation lists them.
COCO_18 = [
    "nose",
    "neck",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_eye",
    "left_eye",
    "right_ear",
    "left_ear",
]
BODY_25 = [
    "nose",
    "neck",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "mid_hip",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_eye",
    "left_eye",
    "right_ear",
    "left_ear",
    "left_big_toe",
    "left_small_toe",
    "left_heel",
    "right_big_toe",
    "right_small_toe",
    "right_heel",
]


def numbers(names: list[str], offset: float = 0) -> list[float]:
    """A person whose every joint stands at a place of its own: (10 + offset, 20), (11 + offset, 21), ..."""
    return [number for i in range(len(names)) for number in (10 + i + offset, 20.5 + i, 0.5 + i / 100)]


def write(folder: Path, name: str, *people: list[float], person_id: int = -1) -> Path:
    """One file as OpenPose 1.7 writes it."""
    rest = ("face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d", "pose_keypoints_3d")
    entries = [{"person_id": [person_id], "pose_keypoints_2d": body, **{key: [] for key in rest}} for body in people]
    path = folder / f"{name}_keypoints.json"
    path.write_text(json.dumps({"version": 1.3, "people": entries}))
    return path


@pytest.mark.parametrize("names", [COCO_18, BODY_25], ids=["COCO", "BODY_25"])
def test_joint_by_joint(tmp_path: Path, names: list[str]) -> None:
    body = numbers(names)
    missing = names.index("left_elbow")
    body[3 * missing : 3 * missing + 3] = [0, 0, 0]
    poses = read_openpose(write(tmp_path, "clip_000000000007", body))
    assert (
        poses.frame.tolist() == [7] and poses.person.tolist() == [-1] and poses.image.tolist() == ["clip_000000000007"]
    )
    for i, joint in enumerate(JOINTS):
        at = names.index(joint)
        point, score = poses.keypoints[0, i], poses.confidence[0, i]
        if joint == "left_elbow":
            assert np.isnan(point).all() and score == 0
        else:
            assert (*point, score) == pytest.approx((10 + at, 20.5 + at, 0.5 + at / 100)), joint


def test_a_video(tmp_path: Path) -> None:
    write(tmp_path, "my_video_000000000000", numbers(BODY_25), numbers(BODY_25, 500))
    write(tmp_path, "my_video_000000000001")
    write(tmp_path, "my_video_000000000010", numbers(BODY_25, 100), person_id=3)
    (tmp_path / "notes.json").write_text("{}")
    poses = read_openpose(str(tmp_path))
    assert poses.frame.tolist() == [0, 0, 1, 10] and poses.person.tolist() == [-1, -1, -1, 3]
    np.testing.assert_array_equal(poses.keypoints[:, 0, 0], [10, 510, np.nan, 110])
    assert (poses.confidence[2] == 0).all() and np.isnan(poses.time).all()


def test_pictures_stand_in_the_order_that_people_count_in(tmp_path: Path) -> None:
    for i, name in enumerate(["frame10", "frame9", "frame_b", "Frame1"]):
        write(tmp_path, name, numbers(COCO_18, 100 * i))
    poses = read_openpose(tmp_path)
    assert poses.image.tolist() == ["Frame1", "frame9", "frame10", "frame_b"] and poses.frame.tolist() == [0, 1, 2, 3]
    assert poses.keypoints[:, 0, 0].tolist() == [310, 110, 10, 210]


def test_older_files_have_no_person_id_and_scores_a_little_above_1(tmp_path: Path) -> None:
    body = numbers(COCO_18)
    body[2] = 1.04
    (tmp_path / "x_keypoints.json").write_text(json.dumps({"version": 1.1, "people": [{"pose_keypoints_2d": body}]}))
    poses = read_openpose(tmp_path / "x_keypoints.json")
    assert poses.person.tolist() == [-1] and poses.frame.tolist() == [0] and poses.confidence[0, 0] == 1


def test_nobody_anywhere(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path, f"v_{i:012}")
    poses = read_openpose(tmp_path)
    assert poses.frame.tolist() == [0, 1, 2] and np.isnan(poses.keypoints).all()


@pytest.mark.parametrize("scale", [lambda x: x / 1000, lambda x: x / 500 - 1], ids=["0 to 1", "-1 to 1"])
def test_coordinates_without_the_shape_of_the_picture_are_refused(tmp_path: Path, scale: Any) -> None:
    body = np.reshape(numbers(BODY_25), (-1, 3))
    body[:, :2] = scale(body[:, :2])
    write(tmp_path, "v_000000000000")
    write(tmp_path, "v_000000000001", body.ravel().tolist())
    with pytest.raises(ValueError, match="--keypoint_scale 3 or 4"):
        read_openpose(tmp_path)
    write(tmp_path, "v_000000000002", numbers(BODY_25))  # somebody else stands in pixels, so all do
    assert len(read_openpose(tmp_path)) == 3


@pytest.mark.parametrize(
    "names", [["a_000000000000", "b_000000000000"], ["a_000000000000", "picture"]], ids=["videos", "pictures"]
)
def test_mixed_folders_are_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        write(tmp_path, name, numbers(BODY_25))
    with pytest.raises(ValueError, match="mixes videos, or a video with pictures: .*'a'"):
        read_openpose(tmp_path)


@pytest.mark.parametrize(
    "content, words",
    [
        ("{", "Expecting"),
        ("[]", "no list of people"),
        ('{"people": 3}', "no list of people"),
        ('{"people": [{"pose_keypoints": [1, 2, 3]}]}', "no pose_keypoints_2d; OpenPose writes that since"),
        (json.dumps({"people": [{"pose_keypoints_2d": numbers(BODY_25)[:45]}]}), "has 15 joints; wanted 18"),
        (json.dumps({"people": [{"pose_keypoints_2d": numbers(BODY_25)[:-1]}]}), "wanted a flat list"),
        ('{"people": [{"pose_keypoints_2d": []}]}', "wanted a flat list"),
        ('{"people": [{"pose_keypoints_2d": ["1", 2, 3]}]}', "wanted a flat list"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path: Path, content: str, words: str) -> None:
    write(tmp_path, "v_000000000000", numbers(BODY_25))
    (tmp_path / "v_000000000001_keypoints.json").write_text(content)
    with pytest.raises(ValueError, match=f"cannot read .*v_000000000001_keypoints.json: .*{words}"):
        read_openpose(tmp_path)


def test_two_skeletons_in_one_folder(tmp_path: Path) -> None:
    write(tmp_path, "v_000000000000", numbers(BODY_25))
    write(tmp_path, "v_000000000001", numbers(COCO_18))
    with pytest.raises(ValueError, match="some of its people have 18 joints and some 25"):
        read_openpose(tmp_path)


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no files \*_keypoints.json"):
        read_openpose(tmp_path)
    with pytest.raises(FileNotFoundError, match="gone_keypoints.json"):
        read_openpose(tmp_path / "gone_keypoints.json")
