"""COCO's JSON files: annotations and results."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poseembed import JOINTS
from poseembed.adapters.coco import read_coco

from ..test_skeleton import COCO as COCO_JOINTS

COCO_17 = COCO_JOINTS.split()


def body(offset: float = 0, third: float = 2) -> list[float]:
    """A person whose every joint stands at a place of its own."""
    return [number for i in range(17) for number in (10 + i + offset, 20.5 + i, third)]


def annotation(image: int, keypoints: list[float], **more: Any) -> dict[str, Any]:
    """One annotation."""
    labelled = sum(flag > 0 for flag in keypoints[2::3])
    return {"image_id": image, "category_id": 1, "iscrowd": 0, "keypoints": keypoints, "num_keypoints": labelled} | more


def annotations(*people: dict[str, Any], names: list[str] = COCO_17) -> dict[str, Any]:
    """A file of annotations of three pictures, not in the order of their ids."""
    return {
        "images": [{"id": id, "file_name": f"{id}.jpg", "width": 640, "height": 480} for id in (30, 10, 20)],
        "annotations": list(people),
        "categories": [{"id": 1, "name": "person", "keypoints": names, "skeleton": [[16, 14]]}],
    }


def save(content: Any, folder: Path) -> Path:
    """Write a JSON file."""
    (folder / "people.json").write_text(json.dumps(content))
    return folder / "people.json"


# Annotations


def test_joint_by_joint(tmp_path: Path) -> None:
    flags = [2, 2, 2, 2, 2, 0, 1] + [2] * 10  # the left shoulder is not labelled, the right one is hidden
    keypoints = body()
    keypoints[2::3] = flags
    poses = read_coco(save(annotations(annotation(30, keypoints)), tmp_path))
    for i, joint in enumerate(JOINTS):
        at = COCO_17.index(joint)
        if joint == "left_shoulder":
            assert np.isnan(poses.keypoints[0, i]).all() and poses.confidence[0, i] == 0
        else:
            assert (*poses.keypoints[0, i], poses.confidence[0, i]) == (10 + at, 20.5 + at, 1), joint


def test_people_stand_in_the_order_of_the_pictures(tmp_path: Path) -> None:
    people = [annotation(20, body(1)), annotation(30, body(2)), annotation(20, body(3))]
    poses = read_coco(str(save(annotations(*people), tmp_path)))
    assert poses.frame.tolist() == [0, 1, 2, 2] and poses.image.tolist() == ["30.jpg", "10.jpg", "20.jpg", "20.jpg"]
    np.testing.assert_array_equal(poses.keypoints[:, 0, 0], [12, np.nan, 11, 13])
    assert poses.person.tolist() == [-1] * 4 and np.isnan(poses.time).all()


def test_crowds_and_people_without_joints_are_skipped(tmp_path: Path) -> None:
    boxed = {"image_id": 10, "category_id": 3, "bbox": [1, 2, 3, 4], "iscrowd": 0}
    crowd = annotation(30, body(), iscrowd=1)
    poses = read_coco(save(annotations(annotation(30, body(third=0)), crowd, boxed, annotation(20, body())), tmp_path))
    assert poses.frame.tolist() == [0, 1, 2]
    assert np.isnan(poses.keypoints).all((1, 2)).tolist() == [True, True, False]


def test_no_annotations(tmp_path: Path) -> None:
    poses = read_coco(save(annotations(), tmp_path))
    assert len(poses) == 3 and np.isnan(poses.keypoints).all()


def test_other_skeletons(tmp_path: Path) -> None:
    whole = body() + [0.0] * 3 * (133 - 17)
    path = save(annotations(annotation(30, whole), names=["nose", "and so on"]), tmp_path)
    assert read_coco(path, skeleton="coco_wholebody").keypoints[0, 12].tolist() == [26, 36.5]
    with pytest.raises(ValueError, match="not COCO's, or in another order"):
        read_coco(path)


SWAPPED = [*COCO_17[:5], "right_shoulder", "left_shoulder", *COCO_17[7:]]


@pytest.mark.parametrize(
    "content, words",
    [
        (annotations(annotation(30, body()[:48])), "got 16 joints, but skeleton='coco' has 17.*'mpii'"),
        (annotations(annotation(30, body(third=0.7))), "got 0.7 as the flag of an annotated keypoint"),
        (annotations(annotation(40, body())), "annotation of image 40, which is not in its images"),
        (annotations(annotation(30, body()), names=SWAPPED), "right_shoulder, left_shoulder.*in another order"),
        (annotations(annotation(30, body()[:-1])), "wanted a flat list"),
        (annotations({"image_id": 30, "bbox": [1, 2, 3, 4]}), "no keypoints; those of COCO are in person_keypoints"),
        ({"annotations": []}, "no list of images"),
        ({"annotations": [], "images": [{"file_name": "a.jpg"}]}, "no list of images with their ids"),
        ({"people": []}, "wanted an object with images and annotations"),
        ([{"joints_vis": [1], "joints": [[1, 2]], "image": "a.jpg"}], "looks like MPII.*skeleton='mpii'"),
        ([{"image_id": 3, "bbox": [1, 2, 3, 4], "score": 0.5}], "a list of image_id and keypoints"),
        ([{"image_id": 3, "keypoints": body(third=0), "score": 0.5}], "all keypoints have score 0"),
        ([{"image_id": 3, "keypoints": [[1, 2, 3]], "score": 0.5}], "wanted a flat list"),
        ("people", "wanted an object"),
    ],
)
def test_other_content_is_refused_in_words(tmp_path: Path, content: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f"cannot read .*people.json: .*{words}"):
        read_coco(save(content, tmp_path))


def test_files_that_are_not_there_or_no_json(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gone.json"):
        read_coco(tmp_path / "gone.json")
    (tmp_path / "cut.json").write_text('{"images": [')
    with pytest.raises(ValueError, match="cannot read .*cut.json: Expecting"):
        read_coco(tmp_path / "cut.json")


# Results


def test_results_have_scores(tmp_path: Path) -> None:
    first, second, third = body(1, 0.4), body(2, 0.9), body(3, 0.1)
    first[2], second[5 * 3 + 2] = 1.2, 0
    entries = [(9, first), (100, second), (9, third)]
    content = [{"image_id": image, "category_id": 1, "keypoints": one, "score": 0.8} for image, one in entries]
    poses = read_coco(save(content, tmp_path))
    assert poses.frame.tolist() == [9, 9, 100] and poses.image.tolist() == ["9", "9", "100"]
    np.testing.assert_array_equal(poses.keypoints[:, 1, 0], [16, 18, np.nan])
    np.testing.assert_array_equal(poses.confidence[:, :2], np.array([[1, 0.4], [0.1, 0.1], [0.9, 0]], np.float32))


def test_results_of_nobody(tmp_path: Path) -> None:
    assert len(read_coco(save([], tmp_path))) == 0


def test_ids_that_are_no_numbers_are_counted(tmp_path: Path) -> None:
    content = [{"image_id": image, "keypoints": body()} for image in ("b", "a", "b")]
    poses = read_coco(save(content, tmp_path))
    assert poses.frame.tolist() == [0, 1, 1] and poses.image.tolist() == ["a", "b", "b"]


def test_gaps_show_where_nobody_was_found(tmp_path: Path) -> None:
    content = [{"image_id": image, "keypoints": body()} for image in (0, 1, 2, 8, 9, 10)]
    assert read_coco(save(content, tmp_path)).frame.tolist() == [0, 1, 2, 8, 9, 10]


# Identities, and what else stands in such files


def test_track_ids_are_the_identities(tmp_path: Path) -> None:
    people = [(30, 5), (30, 8), (10, "8"), (10, [5]), (20, None)]
    content = annotations(*(annotation(image, body(), track_id=track) for image, track in people))
    assert read_coco(save(content, tmp_path)).person.tolist() == [5, 8, 8, 5, -1]
    results = [{"image_id": image, "keypoints": body(), "track_id": track} for image, track in people]
    assert read_coco(save(results, tmp_path)).person.tolist() == [8, 5, -1, 5, 8]


@pytest.mark.parametrize("track", ["ann", 1.5, -2, True, [1, 2], {"id": 3}, 1e19, 2**64, float("inf")])
def test_other_identities_are_refused(tmp_path: Path, track: Any) -> None:
    content = [{"image_id": 3, "keypoints": body(), "track_id": track}]
    with pytest.raises(ValueError, match="people.json: got track_id .*; wanted a whole number from 0"):
        read_coco(save(content, tmp_path))


@pytest.mark.parametrize("image", [None, "", True, [3], 1.5, float("nan"), 2**64])
def test_other_ids_of_pictures_are_refused(tmp_path: Path, image: Any) -> None:
    with pytest.raises(ValueError, match="people.json: got a picture's id"):
        read_coco(save([{"image_id": image, "keypoints": body()}], tmp_path))


def test_an_id_is_the_same_as_text(tmp_path: Path) -> None:
    content = annotations(annotation(30, body()))
    content["annotations"][0]["image_id"] = "30"
    assert read_coco(save(content, tmp_path)).image.tolist() == ["30.jpg", "10.jpg", "20.jpg"]


def test_a_picture_listed_twice_is_refused(tmp_path: Path) -> None:
    content = annotations(annotation(30, body()))
    content["images"].append({"id": "30", "file_name": "again.jpg"})
    with pytest.raises(ValueError, match="people.json: its image 30 is listed twice"):
        read_coco(save(content, tmp_path))


@pytest.mark.parametrize("nothing", [[], None])
def test_somebody_without_keypoints_does_not_spoil_the_file(tmp_path: Path, nothing: Any) -> None:
    boxed = annotation(10, []) | {"keypoints": nothing}
    poses = read_coco(save(annotations(annotation(30, body()), boxed), tmp_path))
    assert poses.image.tolist() == ["30.jpg", "10.jpg", "20.jpg"]
    assert np.isnan(poses.keypoints).all((1, 2)).tolist() == [False, True, True]
    people = [(1, body()), (1, nothing), (2, nothing)]
    poses = read_coco(save([{"image_id": image, "keypoints": one} for image, one in people], tmp_path))
    assert poses.frame.tolist() == [1, 2] and np.isnan(poses.keypoints).all((1, 2)).tolist() == [False, True]


def test_a_category_with_other_keypoints_is_left_out(tmp_path: Path) -> None:
    ball = annotation(30, [50, 60, 2], category_id=2)
    content = annotations(annotation(30, body()), ball)
    content["categories"].append({"id": 2, "name": "ball", "keypoints": ["centre"]})
    poses = read_coco(save(content, tmp_path))
    assert poses.image.tolist() == ["30.jpg", "10.jpg", "20.jpg"] and poses.keypoints[0, 0].tolist() == [10, 20.5]


def test_names_of_keypoints_in_another_spelling(tmp_path: Path) -> None:
    names = [name.replace("_", sign).title() for name, sign in zip(COCO_17, " -_" * 6, strict=False)]
    assert len(read_coco(save(annotations(annotation(30, body()), names=names), tmp_path))) == 3


@pytest.mark.parametrize(
    "number, words",
    [
        (1e39, "coordinate of 1e[+]39"),
        (100_000_001, "coordinate of 1e[+]08; wanted pixels"),
        (float("inf"), "coordinate of inf"),
        (10**400, "keypoint beyond all numbers"),
        (True, "wanted a flat list"),
    ],
)
def test_numbers_that_are_no_pixels_are_refused(tmp_path: Path, number: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f"people.json: got .*{words}"):
        read_coco(save([{"image_id": 3, "keypoints": [number, *body()[1:]]}], tmp_path))


def test_scores_lie_between_0_and_1(tmp_path: Path) -> None:
    keypoints = body()
    keypoints[2::3] = [5, 1.3, 0.5, -3, float("nan"), *keypoints[17::3]]
    keypoints[3 * 5 + 2 :: 3] = [5, -3, float("nan"), 0.5, *[1.3] * 8]
    poses = read_coco(save([{"image_id": 3, "keypoints": keypoints}], tmp_path))
    np.testing.assert_array_equal(poses.confidence[0, :5], [1, 1, 0, 0, 0.5])
    assert np.isnan(poses.keypoints[0, 2:4]).all() and poses.confidence.max() == 1
    for score in (95, float("inf"), float("-inf")):
        keypoints[2] = score
        with pytest.raises(ValueError, match="people.json: got a score of -?(95|inf); wanted scores from 0 to 1"):
            read_coco(save([{"image_id": 3, "keypoints": keypoints}], tmp_path))


# The real file


@pytest.mark.skipif("POSEEMBED_DATA" not in os.environ, reason="POSEEMBED_DATA does not name the folder of formats/")
def test_real_annotations_joint_by_joint() -> None:
    path = Path(os.environ["POSEEMBED_DATA"]) / "formats" / "coco.json"
    content = json.loads(path.read_text())
    people = [one for one in content["annotations"] if one["num_keypoints"]]
    poses = read_coco(path)
    assert len(poses) == len(people) == 12
    order = {image["id"]: place for place, image in enumerate(content["images"])}
    rows = sorted(people, key=lambda one: order[one["image_id"]])
    names = content["categories"][0]["keypoints"]
    for row, one in enumerate(rows):
        assert poses.image[row] == f"{one['image_id']:012}.jpg" and poses.frame[row] == order[one["image_id"]]
        for i, joint in enumerate(JOINTS):
            x, y, flag = one["keypoints"][3 * names.index(joint) :][:3]
            np.testing.assert_array_equal(poses.keypoints[row, i], [x, y] if flag else [np.nan, np.nan])
            assert poses.confidence[row, i] == (flag > 0)
    skier = poses.keypoints[0]  # who faces the camera, upright
    assert skier[JOINTS.index("left_shoulder"), 0] > skier[JOINTS.index("right_shoulder"), 0]
    assert skier[0, 1] < skier[JOINTS.index("left_hip"), 1] < skier[JOINTS.index("left_ankle"), 1]


@pytest.mark.skipif("POSEEMBED_DATA" not in os.environ, reason="POSEEMBED_DATA does not name the folder of formats/")
@pytest.mark.parametrize("name, words", [("mpii", "looks like MPII"), ("halpe", "got 136 joints")])
def test_real_files_of_other_data_sets_are_refused(name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_coco(Path(os.environ["POSEEMBED_DATA"]) / "formats" / f"{name}.json")
