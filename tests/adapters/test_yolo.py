"""Files of Ultralytics' pose models: text in shares of the picture's size, JSON in pixels."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poseembed import JOINTS
from poseembed.adapters import read_yolo

from .test_mmpose import COCO

SIZE = (640, 480)


def body(offset: float = 0, dims: int = 3) -> np.ndarray:
    """Whose every joint stands at a place of its own, in pixels, with a score of its own."""
    joints = np.column_stack([10 + offset + np.arange(17), 20 + 2 * np.arange(17), 0.5 + np.arange(17) / 100])
    return joints[:, :dims]


def line(joints: np.ndarray, *behind: object) -> str:
    """As `save_txt` writes somebody: six digits, shares of the size."""
    shares = joints / [*SIZE, 1][: joints.shape[1]]
    return " ".join(["0 0.5 0.5 0.1 0.2", *(f"{number:g}" for number in shares.ravel()), *map(str, behind)]) + "\n"


def result(joints: np.ndarray, **more: Any) -> dict[str, Any]:
    """As `summary` gives somebody."""
    keypoints = dict(zip(("x", "y", "visible"), joints.T.tolist(), strict=False))
    return {"name": "person", "class": 0, "confidence": 0.9, "box": {"x1": 1.0}, "keypoints": keypoints} | more


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("suffix", ["txt", "json"])
def test_joint_by_joint(dims: int, suffix: str, tmp_path: Path) -> None:
    content = line(body(dims=dims)) if suffix == "txt" else json.dumps([result(body(dims=dims))])
    (tmp_path / f"a.{suffix}").write_text(content)
    poses = read_yolo(tmp_path, image_size=SIZE)
    for i, joint in enumerate(JOINTS):
        at = COCO.index(joint)
        np.testing.assert_allclose(poses.keypoints[0, i], [10 + at, 20 + 2 * at], rtol=1e-5, err_msg=joint)
        assert poses.confidence[0, i] == pytest.approx(0.5 + at / 100 if dims == 3 else 1, rel=1e-5)


@pytest.mark.parametrize(
    "behind, person",
    [((), -1), ((0.87,), -1), ((0.87, 3), 3), ((3,), 3)],
    ids=["nothing", "a confidence", "both", "an identity"],
)
@pytest.mark.parametrize("dims", [2, 3])
def test_what_stands_behind_the_keypoints(behind: tuple[Any, ...], person: int, dims: int, tmp_path: Path) -> None:
    (tmp_path / "match_7.txt").write_text(line(body(dims=dims), *behind))
    assert read_yolo(tmp_path, image_size=SIZE).person.tolist() == [person]


def test_a_confidence_of_one_is_no_identity_beside_others(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(line(body(), 1) + line(body(100), 0.8))
    assert read_yolo(tmp_path, image_size=SIZE).person.tolist() == [-1, -1]


def test_frames_of_a_video_and_pictures_without_people(tmp_path: Path) -> None:
    for name, text in {"match_2": line(body(), 5), "match_10": line(body(), 5) + line(body(50), 6)}.items():
        (tmp_path / f"{name}.txt").write_text(text)
    (tmp_path / "match_11.txt").write_text("")  # a label of a picture without anybody
    (tmp_path / "match_12.txt").write_text("0 0.5 0.5 0.1 0.2\n")  # a box
    (tmp_path / "classes.txt").write_text("person\n")
    (tmp_path / "._match_2.txt").write_bytes(b"\x00")
    poses = read_yolo(tmp_path, image_size=SIZE)
    assert poses.frame.tolist() == [2, 10, 10, 11, 12] and poses.person.tolist() == [5, 5, 6, -1, -1]
    assert np.isnan(poses.keypoints[3:]).all() and poses.image[0] == "match_2"


def test_a_list_of_results_is_of_several_pictures(tmp_path: Path) -> None:
    pictures = [[result(body(), track_id=4)], [], [result(body()) | {"keypoints": None}]]
    (tmp_path / "match.json").write_text(json.dumps(pictures))
    poses = read_yolo(tmp_path / "match.json")
    assert poses.frame.tolist() == [0, 1, 2] and poses.person.tolist() == [4, -1, -1]
    shares = body() / [*SIZE, 1]
    (tmp_path / "match.json").write_text(json.dumps([result(shares)]))
    np.testing.assert_allclose(read_yolo(tmp_path / "match.json", image_size=SIZE).keypoints, poses.keypoints[:1])
    with pytest.raises(ValueError, match="match.json: its coordinates are shares .* pass image_size="):
        read_yolo(tmp_path / "match.json")


@pytest.mark.parametrize("score, missing", [(0.0, True), (0.3, True), (0.6, False)])
def test_the_corner_is_a_missing_joint(score: float, missing: bool, tmp_path: Path) -> None:
    joints = body()
    joints[0] = 0, 0, score
    (tmp_path / "a.txt").write_text(line(joints))
    assert np.isnan(read_yolo(tmp_path, image_size=SIZE).keypoints[0, 0]).all() == missing
    (tmp_path / "a.txt").write_text(line(np.zeros((17, 3))))
    assert np.isnan(read_yolo(tmp_path, image_size=SIZE).keypoints).all()


def test_flags_of_labels_are_visible_or_not(tmp_path: Path) -> None:
    joints = body()
    joints[:, 2] = [0, 1, 2] * 5 + [2, 1]
    (tmp_path / "a.txt").write_text(line(joints))
    poses = read_yolo(tmp_path, image_size=SIZE)
    wanted = [float(joints[COCO.index(joint), 2] > 0) for joint in JOINTS]
    assert poses.confidence[0].tolist() == wanted


@pytest.mark.parametrize(
    "name, content, size, words",
    [
        ("a.txt", line(body()), None, r"pass image_size=\(width, height\)"),
        ("a.txt", "0 0.5 0.5 0.1 0.2 " + " ".join(["300"] * 51), SIZE, "wanted shares of the picture's size"),
        ("a.txt", "0 0.5 0.5 0.1 0.2 " + " ".join(["0.5"] * 63), SIZE, "68 numbers; wanted a class, a box, 17 keyp"),
        ("a.txt", line(body()).replace("0.5", "1_0"), SIZE, "'1_0' is not a number"),
        ("a.txt", line(body(), 0.5, 1.5), SIZE, "got id '1.5'; wanted a whole number"),
        ("a.txt", line(body()).replace("0.015625", "inf"), SIZE, "coordinate of inf; wanted shares"),
        ("a.json", json.dumps({"a": 1}), SIZE, "wanted a list of objects"),
        ("a.json", json.dumps([result(body()) | {"keypoints": {"x": [1]}}]), SIZE, "have y None; wanted a list"),
        ("a.json", json.dumps([result(body()) | {"keypoints": {"x": [1], "y": [1, 2]}}]), SIZE, "more x than y"),
        ("a.json", json.dumps([result(body()[:5])]), SIZE, "got 5 joints"),
        ("a.json", json.dumps([result(body(), track_id=1.5)]), SIZE, "got track_id 1.5"),
    ],
)
def test_other_files_are_refused_by_name(name: str, content: str, size: Any, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=f"cannot read .*{name}: .*({words})"):
        read_yolo(tmp_path / name, image_size=size)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no .txt or .json files; save_txt=True writes into labels/"):
        read_yolo(tmp_path)
    with pytest.raises(ValueError, match="wanted .width, height."):
        read_yolo(tmp_path, image_size=(0.5, 1))
