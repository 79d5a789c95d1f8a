"""MediaPipe's landmarks in JSON and CSV, in the shapes that people write them in."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poseembed import JOINTS, SKELETONS
from poseembed.adapters import read_mediapipe

SIZE = (640, 480)
PLACES = dict(zip(JOINTS, SKELETONS["mediapipe"].indices, strict=True))
NAMES = [next((joint for joint, at in PLACES.items() if at == i), f"other_{i}") for i in range(33)]


def person(offset: float = 0.0) -> np.ndarray:
    """(33, 3) x, y, visibility, each landmark at a place of its own."""
    at = np.arange(33)
    return np.column_stack([0.1 + offset + at / 100, 0.2 + at / 50, 0.5 + at / 100])


def marks(joints: np.ndarray) -> list[dict[str, float]]:
    return [{"x": x, "y": y, "z": 0.1, "visibility": v} for x, y, v in joints.tolist()]


def check(poses: Any, row: int = 0, offset: float = 0.0) -> None:
    for i, joint in enumerate(JOINTS):
        at = PLACES[joint]
        wanted = [640 * (0.1 + offset + at / 100), 480 * (0.2 + at / 50)]
        np.testing.assert_allclose(poses.keypoints[row, i], wanted, rtol=1e-5, err_msg=joint)
        assert poses.confidence[row, i] == pytest.approx(0.5 + at / 100)


ONE, TWO = marks(person()), marks(person(0.3))
RESULTS: dict[str, tuple[Any, list[int]]] = {
    "JavaScript's": ({"landmarks": [ONE, TWO], "worldLandmarks": [ONE, TWO]}, [0, 0]),
    "a list of JavaScript's": ([{"landmarks": [ONE]}, {"landmarks": []}, {"landmarks": [TWO]}], [0, 1, 2]),
    "of frames": ([{"frame": 3, "landmarks": ONE}, {"frame": 7, "landmarks": TWO}], [3, 7]),
    "with frames": ({"frames": [{"frame_index": 3, "pose_landmarks": ONE}, {"poseLandmarks": None}]}, [1, 3]),
    "protobuf's": ([{"landmark": ONE}, None, {"landmark": TWO}], [0, 1, 2]),
    "protobuf's inside": ([{"pose_landmarks": {"landmark": ONE}}], [0]),
    "bare": ([[ONE], [], [TWO]], [0, 1, 2]),
    "one person's": (ONE, [0]),
    "by name": ([{"landmarks": dict(zip(NAMES, ONE, strict=True))}], [0]),
    "by name, capitals": ([{"landmarks": {name.upper(): one for name, one in zip(NAMES, ONE, strict=True)}}], [0]),
}


@pytest.mark.parametrize("content, frames", RESULTS.values(), ids=list(RESULTS))
def test_json_joint_by_joint(content: Any, frames: list[int], tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(content))
    poses = read_mediapipe(tmp_path / "a.json", image_size=SIZE)
    assert poses.frame.tolist() == frames
    check(poses, row=frames.index(3) if 3 in frames else 0)


def test_json_that_says_the_size(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"width": 640, "height": 480, "frames": [{"landmarks": ONE}]}))
    check(read_mediapipe(tmp_path / "a.json"))


def table(columns: Callable[[int], tuple[str, str, str]], rows: list[np.ndarray], more: dict[str, list[Any]]) -> str:
    """CSV of a row a person; `columns` names x, y and visibility of a landmark."""
    header = [*more, *(name for i in range(33) for name in columns(i))]
    body = [[*values, *row.ravel()] for *values, row in zip(*more.values(), rows, strict=True)]
    return "\n".join(",".join(map(str, line)) for line in [header, *body]) + "\n"


WIDE: dict[str, Callable[[int], tuple[str, str, str]]] = {
    "from 0": lambda i: (f"x{i}", f"y{i}", f"v{i}"),
    "from 1": lambda i: (f"x{i + 1}", f"y{i + 1}", f"v{i + 1}"),
    "underscores": lambda i: (f"x_{i}", f"y_{i}", f"vis_{i}"),
    "landmark": lambda i: (f"landmark_{i}_x", f"landmark_{i}_y", f"landmark_{i}_visibility"),
    "Landmark": lambda i: (f"Landmark_{i}_x", f"Landmark_{i}_y", f"Landmark_{i}_visibility"),
    "names": lambda i: (f"{NAMES[i]}_x", f"{NAMES[i]}_y", f"{NAMES[i]}_v"),
    "NAMES": lambda i: (f"{NAMES[i].upper()}_x", f"{NAMES[i].upper()}_y", f"{NAMES[i].upper()}_visibility"),
}


@pytest.mark.parametrize("columns", WIDE.values(), ids=list(WIDE))
def test_tables_with_a_row_a_person(columns: Any, tmp_path: Path) -> None:
    more = {"frame": [4, 5, 5, 6], "class": ["squat"] * 4, "person_id": [0, 1, 2, 0]}
    text = table(columns, [person(), np.zeros((33, 3)), person(0.3), person()], more)
    (tmp_path / "a.csv").write_text(text)
    poses = read_mediapipe(tmp_path / "a.csv", image_size=SIZE)
    assert poses.frame.tolist() == [4, 5, 6] and poses.person.tolist() == [0, 2, 0]
    check(poses)
    check(poses, 1, 0.3)


def test_rows_without_a_frame_are_the_next_picture(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        table(WIDE["from 1"], [person(), np.zeros((33, 3)), person()], {"class": [1, 2, 3]})
    )
    poses = read_mediapipe(tmp_path / "a.csv", image_size=SIZE)
    assert poses.frame.tolist() == [0, 1, 2] and np.isnan(poses.keypoints).all((1, 2)).tolist() == [False, True, False]


def test_some_joints_by_name(tmp_path: Path) -> None:
    kept = [i for i, name in enumerate(NAMES) if name in JOINTS and "wrist" not in name and "elbow" not in name]
    header = ",".join(f"{NAMES[i]}_{axis}" for i in kept for axis in "xy")
    (tmp_path / "a.csv").write_text(header + "\n" + ",".join(map(str, person()[kept, :2].ravel())) + "\n")
    poses = read_mediapipe(tmp_path / "a.csv", image_size=SIZE)
    assert np.isnan(poses.keypoints[0, :, 0]).tolist() == ["wrist" in name or "elbow" in name for name in JOINTS]
    assert poses.confidence[0].tolist() == (~np.isnan(poses.keypoints[0, :, 0])).astype(float).tolist()


@pytest.mark.parametrize("landmark", ["landmark_id", "landmark_index"])
def test_tables_with_a_row_a_landmark(landmark: str, tmp_path: Path) -> None:
    lines = [f"frame_id,{landmark},landmark_name,x,y,z,visibility"]
    for frame, joints in ((3, person()), (9, person(0.3))):
        lines += [f"{frame},{i},{NAMES[i]},{x},{y},0.1,{v}" for i, (x, y, v) in enumerate(joints.tolist())]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    poses = read_mediapipe(tmp_path / "a.csv", image_size=SIZE)
    assert poses.frame.tolist() == [3, 9]
    check(poses)
    check(poses, 1, 0.3)


def test_pixels_are_pixels(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(table(WIDE["from 0"], [person() * [*SIZE, 1]], {"frame": [0]}))
    check(read_mediapipe(tmp_path / "a.csv"))
    with pytest.raises(ValueError, match="these are pixels already, so leave image_size out"):
        read_mediapipe(tmp_path / "a.csv", image_size=SIZE)


def test_shares_need_the_size_and_world_landmarks_are_in_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(table(WIDE["from 0"], [person()], {"frame": [0]}))
    with pytest.raises(ValueError, match=r"cannot read .*a.csv: .* pass image_size=\(width, height\)"):
        read_mediapipe(tmp_path / "a.csv")
    world = person() - [*person()[23:25, :2].mean(0), 0]
    (tmp_path / "a.csv").write_text(table(WIDE["from 0"], [world, world], {"frame": [0, 1]}))
    with pytest.raises(ValueError, match="these are world landmarks"):
        read_mediapipe(tmp_path / "a.csv", image_size=SIZE)


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("a.json", json.dumps([{"faces": []}]), "a result in it has faces; wanted one of landmarks"),
        ("a.json", json.dumps([{"landmarks": ONE[:21]}]), "is 21 landmarks; wanted MediaPipe's 33"),
        ("a.json", json.dumps([{"landmarks": [{"x": "1", "y": 2}] * 33}]), "wanted an object with numbers x, y"),
        ("a.json", json.dumps([{"landmarks": 3}]), "wanted MediaPipe's 33"),
        ("a.json", json.dumps([{"landmarks": {"thumb": ONE[0]}}]), "landmarks thumb; wanted names of joints"),
        ("a.json", json.dumps([{"frame": 0.5, "landmarks": ONE}]), "got frame 0.5"),
        ("a.json", json.dumps([{"frame": -1, "landmarks": ONE}]), "got frame -1"),
        ("a.csv", "frame,a,b\n1,2,3\n", "no columns of landmarks"),
        ("a.csv", "frame,x0,y0\n1,2,3\n", "columns of 1 numbered landmarks; wanted MediaPipe's 33"),
        ("a.csv", "X0,x0\n1,2\n", "differ in capitals alone"),
        ("a.csv", "frame,landmark,x\n1,2,3\n", "not all of frame, x and y"),
        ("a.csv", "frame,landmark,x,y\n1,33,3,4\n", "not numbered from 0 to 32"),
        ("a.csv", "frame,landmark,x,y\n1,2,3,4\n1,2,3,4\n", "a landmark is there twice in one frame"),
        ("a.csv", "frame,landmark,x,y\n1.5,2,3,4\n", "its column frame has 1.5"),
        (
            "a.csv",
            ",".join(f"{name}_x" for name in JOINTS) + "\n" + ",".join("0" * 13) + "\n",
            "for x or for y",
        ),
    ],
)
def test_other_files_are_refused_by_name(name: str, text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=f"cannot read .*{name}: .*{words}"):
        read_mediapipe(tmp_path / name, image_size=SIZE)
