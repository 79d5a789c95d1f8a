"""AlphaPose's results, and Halpe's annotations."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poseembed import JOINTS
from poseembed.adapters.alphapose import read_alphapose

from ..test_skeleton import COCO as COCO_JOINTS

# As AlphaPose and Halpe document them; what follows is face and hands, or the feet of COCO-WholeBody.
HALPE_26 = [
    *COCO_JOINTS.split(),
    "head",
    "neck",
    "hip",
    "left_big_toe",
    "right_big_toe",
    "left_small_toe",
    "right_small_toe",
    "left_heel",
    "right_heel",
]


def person(image: str, joints: int = 17, offset: float = 0, **more: Any) -> dict[str, Any]:
    """One entry of alphapose-results.json, each joint at a place of its own."""
    flat = [number for i in range(joints) for number in (10 + i + offset, 20.5 + i, 0.1 + i / 1000)]
    return {"image_id": image, "category_id": 1, "keypoints": flat, "score": 3.1, "box": [1.0, 2.0, 3.0, 4.0]} | more


def save(content: Any, folder: Path) -> Path:
    """Write a file as AlphaPose names it."""
    (folder / "alphapose-results.json").write_text(json.dumps(content))
    return folder / "alphapose-results.json"


@pytest.mark.parametrize("joints", [17, 26, 68, 133, 136])
def test_joint_by_joint(tmp_path: Path, joints: int) -> None:
    poses = read_alphapose(save([person("0.jpg", joints)], tmp_path))
    for i, joint in enumerate(JOINTS):
        at = HALPE_26.index(joint)
        numbers = (*poses.keypoints[0, i], poses.confidence[0, i])
        assert numbers == pytest.approx((10 + at, 20.5 + at, 0.1 + at / 1000)), joint


def test_a_tracked_video(tmp_path: Path) -> None:
    people = [person("10.jpg", idx=2), person("2.jpg", offset=100, idx=1), person("2.jpg", offset=200, idx=2.0)]
    poses = read_alphapose(str(save(people, tmp_path)))
    assert poses.frame.tolist() == [2, 2, 10] and poses.person.tolist() == [1, 2, 2]
    assert poses.image.tolist() == ["2.jpg", "2.jpg", "10.jpg"] and poses.keypoints[:, 0, 0].tolist() == [110, 210, 10]


@pytest.mark.parametrize("idx", [{}, {"idx": [0.0]}, {"idx": [[0.0], [3.0]]}, {"idx": None}], ids=str)
def test_without_tracking_nobody_is_known(tmp_path: Path, idx: dict[str, Any]) -> None:
    assert read_alphapose(save([person("0.jpg", **idx)], tmp_path)).person.tolist() == [-1]


@pytest.mark.parametrize(
    "names, order, frames",
    [
        (["img_10.png", "img_8.png"], ["img_8.png", "img_10.png"], [8, 10]),
        (["000000000785.jpg", "000000000139.jpg"], ["000000000139.jpg", "000000000785.jpg"], [139, 785]),
        (["cat.jpg", "7.jpg"], ["cat.jpg", "7.jpg"], [0, 1]),
        (["a_2.jpg", "b_1.jpg"], ["a_2.jpg", "b_1.jpg"], [0, 1]),
        (["2_b.jpg", "10_b.jpg"], ["2_b.jpg", "10_b.jpg"], [2, 10]),
        (["01.jpg", "1.jpg"], ["01.jpg", "1.jpg"], [0, 1]),  # which of them is the first frame?
        (["1403636579763555584.png", "9.png"], ["9.png", "1403636579763555584.png"], [0, 1]),  # a clock
    ],
)
def test_pictures_are_numbered_by_their_names_or_counted(
    tmp_path: Path, names: list[str], order: list[str], frames: list[int]
) -> None:
    poses = read_alphapose(save([person(name) for name in names], tmp_path))
    assert poses.frame.tolist() == frames and poses.image.tolist() == order


def test_scores_above_1_become_1(tmp_path: Path) -> None:
    entry = person("0.jpg")
    entry["keypoints"][2], entry["keypoints"][17] = 4.7, 1.0
    assert read_alphapose(save([entry], tmp_path)).confidence[0, :2].tolist() == [1, 1]


def test_nobody(tmp_path: Path) -> None:
    assert len(read_alphapose(save([], tmp_path))) == 0


@pytest.mark.parametrize(
    "content, words",
    [
        ({"0.jpg": {"version": "AlphaPose v0.3", "people": []}}, "without --format cmu or open"),
        ([person("0.jpg", 16)], "16 joints; wanted one of 17, 26, 68, 133, 136"),
        ([person("0.jpg", 26), person("0.jpg", 17)], "17 and 26 joints; wanted one of .* for all"),
        ([person("0.jpg", idx=1.5)], "got idx 1.5; wanted a whole number"),
        ([{"image_id": "0.jpg"}], "a list of image_id and keypoints"),
        ([person("0.jpg", keypoints=[1, 2])], "wanted a flat list"),
        ([{"joints_vis": [1], "joints": [[1, 2]]}], "looks like MPII"),
    ],
)
def test_other_content_is_refused_in_words(tmp_path: Path, content: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f"cannot read .*alphapose-results.json: .*{words}"):
        read_alphapose(save(content, tmp_path))


@pytest.mark.skipif("POSEEMBED_DATA" not in os.environ, reason="POSEEMBED_DATA does not name the folder of formats/")
def test_real_halpe_annotations_joint_by_joint() -> None:
    path = Path(os.environ["POSEEMBED_DATA"]) / "formats" / "halpe.json"
    content = json.loads(path.read_text())
    order = {image["id"]: place for place, image in enumerate(content["images"])}
    people = [one for one in content["annotations"] if any(one["keypoints"][2::3])]
    poses = read_alphapose(path)
    assert len(poses) == len(people) == 12
    for row, one in enumerate(sorted(people, key=lambda one: order[one["image_id"]])):
        assert poses.image[row] == f"{one['image_id']:012}.jpg" and poses.frame[row] == order[one["image_id"]]
        for i, joint in enumerate(JOINTS):
            x, y, flag = one["keypoints"][3 * HALPE_26.index(joint) :][:3]
            np.testing.assert_array_equal(poses.keypoints[row, i], [x, y] if flag else [np.nan, np.nan])
            assert poses.confidence[row, i] == (flag > 0)
