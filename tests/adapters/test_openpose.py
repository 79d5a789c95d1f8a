"""OpenPose's JSON folders."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poseembed import JOINTS
from poseembed.adapters.openpose import read_openpose

from ..test_skeleton import COCO as COCO_JOINTS

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


COCO_17 = COCO_JOINTS.split()
BODY_25B = [
    *COCO_17,
    "upper_neck",
    "head_top",
    *(f"{side}_{part}" for side in ("left", "right") for part in ("big_toe", "small_toe", "heel")),
]
HALPE_26 = [*COCO_17, "head", "neck", "hip", *(f"foot_{i}" for i in range(6))]
WHOLE_BODY = [*COCO_17, *(f"other_{i}" for i in range(116))]


@pytest.mark.parametrize(
    "names, skeleton",
    [
        (COCO_18, None),
        (BODY_25, "openpose_body25"),
        (BODY_25B, "openpose_body25b"),
        (COCO_17, None),
        (HALPE_26, None),
        (WHOLE_BODY, None),
    ],
    ids=["COCO", "BODY_25", "BODY_25B", "COCO-17", "Halpe-26", "COCO-WholeBody"],
)
def test_joint_by_joint(tmp_path: Path, names: list[str], skeleton: str | None) -> None:
    body = numbers(names)
    missing = names.index("left_elbow")
    body[3 * missing : 3 * missing + 3] = [0, 0, 0]
    body[2::3] = [score and min(score, 0.99) for score in body[2::3]]
    poses = read_openpose(write(tmp_path, "clip_000000000007", body), skeleton=skeleton)
    assert (
        poses.frame.tolist() == [7] and poses.person.tolist() == [-1] and poses.image.tolist() == ["clip_000000000007"]
    )
    for i, joint in enumerate(JOINTS):
        at = names.index(joint)
        point, score = poses.keypoints[0, i], poses.confidence[0, i]
        if joint == "left_elbow":
            assert np.isnan(point).all() and score == 0
        else:
            assert (*point, score) == pytest.approx((10 + at, 20.5 + at, min(0.5 + at / 100, 0.99))), joint


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
        ('{"people": [3]}', "wanted a list of objects"),
        ('{"people": [{"pose_keypoints_2d": [1, 2, true]}]}', "wanted a flat list"),
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


# As other tools write it


def test_files_of_pose2sim_and_alphapose(tmp_path: Path) -> None:
    for name in ("cam01_000002", "cam01_000010"):
        write(tmp_path, name, numbers(HALPE_26)).rename(tmp_path / f"{name}.json")
    poses = read_openpose(tmp_path)
    assert poses.frame.tolist() == [2, 10] and poses.image.tolist() == ["cam01_000002", "cam01_000010"]
    assert poses.keypoints[0, 1].tolist() == [10 + 5, 20.5 + 5]
    for place in (2, 10):
        (tmp_path / f"cam01_{place:06}.json").rename(tmp_path / f"{place}.json")
    assert read_openpose(tmp_path).frame.tolist() == [2, 10]


@pytest.mark.parametrize("canvas", [None, (500, 400)], ids=["pixels", "shares"])
def test_a_list_of_pictures_as_controlnet_writes_it(tmp_path: Path, canvas: tuple[int, int] | None) -> None:
    body = np.reshape(numbers(COCO_18), (-1, 3))
    size = {} if canvas is None else {"canvas_width": canvas[0], "canvas_height": canvas[1]}
    written = body / (*canvas, 1) if canvas else body
    person = {"pose_keypoints_2d": written.ravel().tolist(), "face_keypoints_2d": None}
    nobody = {"pose_keypoints_2d": None}
    content = [{"people": people} | size for people in ([person], [nobody], [person, person])]
    (tmp_path / "dwpose.json").write_text(json.dumps(content))
    poses = read_openpose(tmp_path / "dwpose.json")
    assert poses.frame.tolist() == [0, 1, 2, 2] and np.isnan(poses.keypoints[1]).all()
    np.testing.assert_allclose(poses.keypoints[3, 1], body[5, :2], rtol=1e-6)


@pytest.mark.parametrize("given", [3, [3], "3", [3.0]])
def test_an_identity_is_a_number_or_a_list_of_one(tmp_path: Path, given: Any) -> None:
    for place in range(2):
        write(tmp_path, f"v_{place:012}", numbers(BODY_25)).write_text(
            json.dumps({"people": [{"person_id": given, "pose_keypoints_2d": numbers(BODY_25)}]})
        )
    assert read_openpose(tmp_path).person.tolist() == [3, 3]


@pytest.mark.parametrize("given", ["ann", [1, 2], ["x"], {"id": 1}, 2**70])
def test_other_identities_are_refused(tmp_path: Path, given: Any) -> None:
    path = write(tmp_path, "v_000000000000")
    path.write_text(json.dumps({"people": [{"person_id": given, "pose_keypoints_2d": numbers(BODY_25)}]}))
    with pytest.raises(ValueError, match="cannot read .*v_000000000000_keypoints.json: got person_id"):
        read_openpose(tmp_path)


def test_a_hand_alone_is_nobody(tmp_path: Path) -> None:
    write(tmp_path, "v_000000000000", numbers(BODY_25))
    write(tmp_path, "v_000000000001", [])
    write(tmp_path, "v_000000000002", numbers(BODY_25), [])
    poses = read_openpose(tmp_path)
    assert poses.frame.tolist() == [0, 1, 2]
    assert np.isnan(poses.keypoints).all((1, 2)).tolist() == [False, True, False]


def test_hidden_files_are_no_data(tmp_path: Path) -> None:
    write(tmp_path, "v_000000000000", numbers(BODY_25))
    (tmp_path / "._v_000000000000_keypoints.json").write_bytes(b"\x00\x05\x16\x07")
    assert len(read_openpose(tmp_path)) == 1


def upright(names: list[str]) -> list[float]:
    """Somebody who stands upright, with the neck and the middle of the hips where BODY_25 has them."""
    places = {"nose": (300, 100), "neck": (300, 160), "mid_hip": (300, 310), "left_eye": (308, 92)}
    places |= {"left_shoulder": (340, 160), "left_elbow": (362, 230), "left_wrist": (370, 300), "left_hip": (325, 310)}
    places |= {"left_knee": (330, 410), "left_ankle": (334, 500)}
    places |= {name.replace("left", "right"): (600 - x, y) for name, (x, y) in places.items() if "left" in name}
    return [number for name in names for number in (*places.get(name, (300, 500)), 0.9)]


def test_body25b_is_not_taken_for_body25(tmp_path: Path) -> None:
    path = write(tmp_path, "v_000000000000", upright(BODY_25B))
    with pytest.raises(ValueError, match='not in BODY_25\'s order.*skeleton="openpose_body25b"'):
        read_openpose(path)
    poses = read_openpose(path, skeleton="openpose_body25b")
    assert poses.keypoints[0, JOINTS.index("right_shoulder")].tolist() == [260, 160]
    write(tmp_path, "v_000000000000", upright(BODY_25))
    assert read_openpose(path).keypoints[0, JOINTS.index("right_shoulder")].tolist() == [260, 160]
