"""Label Studio's JSON exports."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poseembed import JOINTS, Poses
from poseembed.adapters import read_label_studio

from .test_mmpose import COCO

_LABELS = "keypointlabels"
BOX = {"type": "rectanglelabels", "value": {"x": 1, "y": 2, "width": 3, "height": 4, "rectanglelabels": ["Person"]}}


def keypoint(label: str, at: int, offset: float = 0, **more: Any) -> dict[str, Any]:
    """At (10 + offset + at, 20 + at) in a picture of 1600 x 1200."""
    value = {"x": (10 + offset + at) / 16, "y": (20 + at) / 12, "width": 0.5, _LABELS: [label]}
    size = {"original_width": 1600, "original_height": 1200, "image_rotation": 0}
    return {"id": f"{label}{offset}", "from_name": "kp", "type": _LABELS, "value": value} | size | more


def body(offset: float = 0, **more: Any) -> list[dict[str, Any]]:
    return [keypoint(label, at, offset, **more) for at, label in reversed(list(enumerate(COCO)))]


def task(number: int, *results: list[dict[str, Any]], image: str | None = None, **more: Any) -> dict[str, Any]:
    address = f"/data/upload/3/0a1b2c{number:02}-frame_{number}.jpg" if image is None else image
    annotations = [{"id": 1, "result": result, "was_cancelled": False, "ground_truth": False} for result in results]
    return {"id": number, "data": {"image": address}, "annotations": annotations, "predictions": []} | more


def read(tmp_path: Path, *tasks: Any, **options: Any) -> Poses:
    (tmp_path / "export.json").write_text(json.dumps(list(tasks)))
    return read_label_studio(tmp_path / "export.json", **options)


@pytest.mark.parametrize("spell", [str, str.title, lambda name: name.replace("_", " ").title()])
def test_joint_by_joint(spell: Any, tmp_path: Path) -> None:
    named = [keypoint(spell(label), at) for at, label in enumerate(COCO)]
    poses = read(tmp_path, task(4, named))
    for i, joint in enumerate(JOINTS):
        at = COCO.index(joint)
        np.testing.assert_allclose(poses.keypoints[0, i], [10 + at, 20 + at], rtol=1e-5, err_msg=joint)
    assert poses.image.tolist() == ["frame_4.jpg"] and poses.confidence.min() == 1


def test_joints_by_number(tmp_path: Path) -> None:
    poses = read(tmp_path, task(4, [keypoint(str(at), at) for at in range(17)]))
    np.testing.assert_allclose(poses.keypoints[0, :, 0], [10 + COCO.index(joint) for joint in JOINTS], rtol=1e-5)


def test_people_are_told_apart_by_regions(tmp_path: Path) -> None:
    inside = [BOX | {"id": "a"}, BOX | {"id": "b"}, *body(0, parentID="a"), *body(100, parentID="b")]
    related = [BOX | {"id": "a"}, *body(0), *body(100), BOX | {"id": "b"}]
    for offset, region in ((0, "a"), (100, "b")):
        ends = [(f"{label}{offset}", region) for label in COCO]
        ends = [(b, a) for a, b in ends] if offset else ends  # either way round
        related += [{"from_id": a, "to_id": b, "type": "relation", "direction": "right"} for a, b in ends]
    poses = read(tmp_path, task(4, inside), task(7, related))
    assert poses.frame.tolist() == [4, 4, 7, 7]
    np.testing.assert_allclose(np.sort(poses.keypoints[:, 0, 0]), [10, 10, 110, 110], rtol=1e-5)
    with pytest.raises(
        ValueError, match="'frame_4.jpg' has two points 'right_ankle', .* draw a box around each person"
    ):
        read(tmp_path, task(4, [*body(0), *body(100)]))


def test_what_was_not_annotated_is_left_out(tmp_path: Path) -> None:
    skipped = task(3, body())
    skipped["annotations"][0]["was_cancelled"] = True
    poses = read(tmp_path, task(1, body()[:5]), task(2, []), skipped, task(4), task(5, [BOX | {"id": "a"}, *body()]))
    assert poses.frame.tolist() == [1, 2, 5]
    assert np.isnan(poses.keypoints[..., 0]).sum(1).tolist() == [8, 13, 0]


def test_of_several_annotations_the_ground_truth_counts(tmp_path: Path) -> None:
    several = task(1, body(50), body(70))
    with pytest.warns(UserWarning, match="task 1 has 2 annotations, of which the first is taken") as said:
        assert read(tmp_path, several).keypoints[0, 0, 0] == pytest.approx(60)
    assert said[0].filename == __file__
    several["annotations"][1]["ground_truth"] = True
    assert read(tmp_path, several).keypoints[0, 0, 0] == pytest.approx(80)


@pytest.mark.parametrize(
    "address, name",
    [
        ("/data/upload/3/0a1b2c3d-frame_7.jpg", "frame_7.jpg"),
        ("/data/upload/0a1b2c3d-frame_7.jpg", "frame_7.jpg"),
        ("/data/local-files/?d=my%20pictures/frame_7.jpg", "frame_7.jpg"),
        ("s3://bucket/frame_7.jpg", "frame_7.jpg"),
        ("0a1b2c3d-frame_7.jpg", "0a1b2c3d-frame_7.jpg"),
    ],
)
def test_names_of_pictures(address: str, name: str, tmp_path: Path) -> None:
    assert read(tmp_path, task(1, body(), image=address)).image.tolist() == [name]
    other = task(1, body()) | {"data": {"number": 3, "picture": address}}
    assert read(tmp_path, other).image.tolist() == [name]


def test_a_single_task_and_exports_before_version_1(tmp_path: Path) -> None:
    old = task(4, body())
    old["completions"] = old.pop("annotations")
    (tmp_path / "4.json").write_text(json.dumps(old))
    assert len(read_label_studio(tmp_path / "4.json")) == 1


@pytest.mark.parametrize(
    "tasks, words",
    [
        ([task(1, body()), task(1, body())], "a picture is there twice: 'frame_1.jpg'"),
        ([{"image": "a.jpg", "kp": []}], "export as JSON, not as JSON-MIN"),
        ([task(1, [keypoint("Car", 1)])], "its labels are Car; wanted the names of joints"),
        ([task(1, [keypoint("nose", 1) | {"original_width": None}])], "wanted numbers"),
        ([task(1, [keypoint("nose", 1) | {"original_width": 1e300}])], "wanted numbers"),
        ([task(1, [keypoint("nose", 1) | {"value": {"x": 1, "y": 2}}])], "labels None; wanted one text"),
        ([task(1, body(image_rotation=90))], "turned by 90 degrees; turn it back first"),
        ([task(1, body()) | {"data": {}}], "does not say which picture"),
        ([task(1, body()) | {"annotations": 3}], "annotations are 3; wanted a list"),
        (["a"], "tasks are .* wanted a list of objects"),
    ],
)
def test_other_files_are_refused_by_name(tasks: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"cannot read .*export.json: .*{words}"):
        read(tmp_path, *tasks)
