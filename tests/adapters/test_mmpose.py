"""`from_mmpose`: dictionaries as MMPose's `split_instances` and `postprocess` build them."""

import json
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from poseembed import JOINTS
from poseembed.adapters.mmpose import from_mmpose, read_mmpose

from ..test_skeleton import COCO as COCO_JOINTS

COCO = COCO_JOINTS.split()
_FEET = "head neck hip left_big_toe right_big_toe left_small_toe right_small_toe left_heel right_heel"
HALPE = [*COCO, *_FEET.split()]
WHOLEBODY = [*COCO, *(f"other_{i}" for i in range(116))]
_H36M = """hip right_hip right_knee right_ankle left_hip left_knee left_ankle spine thorax neck nose left_shoulder
left_elbow left_wrist right_shoulder right_elbow right_wrist"""
H36M = _H36M.split()
"""The head stands for the nose."""


def person(joints: int = 17, start: float = 0.0, dims: int = 2) -> dict[str, Any]:
    """Each joint at a place and with a score of its own."""
    number = start + np.arange(joints)
    return {
        "keypoints": np.stack([10 + number, 500 - 2 * number, number], axis=-1)[:, :dims].tolist(),
        "keypoint_scores": (0.2 + number / 500).tolist(),
        "bbox": ([0.0, 0.0, 100.0, 200.0],),  # a tuple of one, by a slip of a comma there
        "bbox_score": np.float32(0.9),
    }


def yielded(*pictures: list[dict[str, Any]]) -> dict[str, Any]:
    return defaultdict(list, visualization=[], predictions=list(pictures))


@pytest.mark.parametrize(
    ("skeleton", "names"), [("coco", COCO), ("halpe26", HALPE), ("coco_wholebody", WHOLEBODY), ("h36m", H36M)]
)
def test_joint_by_joint(skeleton: str, names: list[str]) -> None:
    people = [person(len(names)), person(len(names), start=200)]
    keypoints, confidence = from_mmpose(yielded(people), skeleton=skeleton)
    assert keypoints.shape == (2, 13, 2) and keypoints.dtype == confidence.dtype == np.float32
    for points, scores, given in zip(keypoints, confidence, people, strict=True):
        for joint, point, score in zip(JOINTS, points, scores, strict=True):
            assert point.tolist() == given["keypoints"][names.index(joint)]
            assert score == np.float32(given["keypoint_scores"][names.index(joint)])


def test_coco_is_the_default() -> None:
    np.testing.assert_array_equal(
        from_mmpose(yielded([person()])).keypoints, from_mmpose(yielded([person()]), skeleton="coco").keypoints
    )


def test_one_picture_s_people_and_the_files_of_them() -> None:
    people = [person(), person(start=200)]
    del people[0]["bbox_score"], people[1]["bbox_score"]
    for given in (people, json.loads(json.dumps(people))):
        np.testing.assert_array_equal(from_mmpose(given).keypoints, from_mmpose(yielded(people)).keypoints)


@pytest.mark.parametrize("result", [yielded([]), []])
def test_nobody(result: Any) -> None:
    keypoints, confidence = from_mmpose(result)
    assert keypoints.shape == (0, 13, 2) and confidence.shape == (0, 13)


def test_scores_come_to_lie_between_zero_and_one() -> None:
    one = person()
    one["keypoint_scores"] = [3.5] * 15 + [np.nan, -0.1]
    assert from_mmpose([one]).confidence.tolist() == [[1.0] * 11 + [0.0, 0.0]]


def test_several_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match=r"2 pictures; pass one at a time: \[from_mmpose\(people\) for people in"):
        from_mmpose(yielded([person()], [person()]))


@pytest.mark.parametrize(
    "result",
    [
        (picture for picture in [yielded([person()])]),
        yielded([SimpleNamespace(pred_instances=None)]),
        {"predictions": [SimpleNamespace(pred_instances=None)]},
        [{"keypoints": person()["keypoints"]}],
        person(),
        None,
    ],
    ids=["the generator", "data samples", "a data sample", "no scores", "a single person", "None"],
)
def test_other_objects_are_refused(result: Any) -> None:
    with pytest.raises(TypeError, match=r"pass next\(inferencer\(image\)\)"):
        from_mmpose(result)


def test_other_skeletons_are_named() -> None:
    with pytest.raises(ValueError, match="got 133 joints.*pass skeleton='coco_wholebody'"):
        from_mmpose([person(133)])


def test_people_of_different_skeletons_are_refused() -> None:
    with pytest.raises(TypeError, match="keypoints must be an array of numbers"):
        from_mmpose([person(), person(26)])


def test_3d_points_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(1, 17, 3\); wanted \(people, joints, 2\) points \(x, y\) in pixels"):
        from_mmpose([person(dims=3)])


# Files


def somebody(offset: float = 0) -> dict[str, Any]:
    """Whose every joint stands at a place of its own."""
    return {
        "keypoints": [[10 + i + offset, 20.5 + i] for i in range(17)],
        "keypoint_scores": [0.5 + i / 100 for i in range(17)],
        "bbox": [[1, 2, 3, 4]],
    }


FRAMES = [
    {"frame_id": 0, "instances": [somebody()]},
    {"frame_id": 1, "instances": []},
    {"frame_id": 2, "instances": [somebody(100), somebody(200) | {"track_id": 4}]},
]


@pytest.mark.parametrize("content", [FRAMES, {"meta_info": {}, "instance_info": FRAMES}], ids=["inferencer", "demo"])
def test_a_video_joint_by_joint(tmp_path: Path, content: Any) -> None:
    (tmp_path / "match.json").write_text(json.dumps(content))
    poses = read_mmpose(tmp_path / "match.json")
    assert poses.frame.tolist() == [0, 1, 2, 2] and poses.person.tolist() == [-1, -1, -1, 4]
    assert np.isnan(poses.keypoints[1]).all() and poses.image[0] == "match_0"
    for i, joint in enumerate(JOINTS):
        at = COCO.index(joint)
        assert poses.keypoints[2, i].tolist() == [110 + at, 20.5 + at], joint
        assert poses.confidence[2, i] == np.float32(0.5 + at / 100), joint


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    for name, people in (("img_2", [somebody()]), ("img_10", []), ("._img_2", None)):
        (tmp_path / f"{name}.json").write_text(json.dumps(people))
    poses = read_mmpose(tmp_path)
    assert poses.frame.tolist() == [2, 10] and poses.image.tolist() == ["img_2", "img_10"]
    assert np.isnan(poses.keypoints).all((1, 2)).tolist() == [False, True]


@pytest.mark.parametrize(
    "content, words",
    [
        ({"people": []}, "wanted a list of objects"),
        ([[somebody()]], "wanted a list of objects"),
        ([{"keypoints": [[1, 2]]}], 'no "keypoints" and "keypoint_scores"'),
        ([somebody() | {"keypoints": [[1, 2, 3]] * 17}], r"shape \(17, 3\) .*2D"),
        ([somebody() | {"keypoint_scores": [1.0] * 16}], r"scores of \(16,\)"),
        ([somebody() | {"keypoint_scores": ["1"] * 17}], "must be an array of numbers"),
        ([{"frame_id": -1, "instances": []}], "got frame_id -1"),
        ([{"frame_id": 0, "instances": 3}], "instances are 3"),
    ],
)
def test_other_files_are_refused_by_name(tmp_path: Path, content: Any, words: str) -> None:
    (tmp_path / "x.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=f"cannot read .*x.json: .*{words}"):
        read_mmpose(tmp_path / "x.json")


def test_a_folder_of_videos_is_refused(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.json").write_text(json.dumps(FRAMES))
    with pytest.raises(ValueError, match="a.json: it is of a video; read the files of videos one by one"):
        read_mmpose(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="has no JSON files"):
        read_mmpose(tmp_path / "empty")
