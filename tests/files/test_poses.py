"""Poses in files: what is written comes back, and what people have in their own tables is read or refused in words."""

import csv
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from poseembed import JOINTS, SKELETONS, MadeBy, Poses
from poseembed.files.poses import read_poses, write_poses
from poseembed.files.tables import write_columns

TABLES = (".csv", ".parquet", ".json")
LOSSLESS = (*TABLES, ".npz")


def table(poses: np.ndarray, *, vectors: bool = True) -> Poses:
    """Poses in which everything is used: gaps, several people in a frame, odd names, numbers with long tails."""
    rng = np.random.default_rng(0)
    n = len(poses)
    poses = poses.copy()
    poses[rng.random((n, 13)) < 0.1] = np.nan
    poses[2:3] = np.nan
    names = np.resize(np.array(["a.jpg", "", 'with "quotes", a comma', "Löwe\n2.png", " 1 "]), n)
    time = np.where(np.arange(n) % 5 == 0, np.nan, np.arange(n) / 29.97)
    full = Poses.from_arrays(
        poses, rng.random((n, 13)), frame=np.arange(n) // 2, person=np.arange(n) % 3 - 1, time=time, image=names
    )
    if not vectors:
        return full
    z_pose, z_view = rng.normal(size=(2, n, 12)).astype(np.float32)
    z_pose[2:3], z_view[2:3] = np.nan, np.nan
    return replace(full, z_pose=z_pose, z_view=z_view[:, :3])


def same(one: Poses, other: Poses) -> None:
    """Everything is equal, to the last bit."""
    assert one.made_by == other.made_by
    for column in fields(Poses):
        first, second = getattr(one, column.name), getattr(other, column.name)
        if column.name == "made_by":
            continue
        assert (first is None) == (second is None), column.name
        if first is not None:
            np.testing.assert_array_equal(first, second, err_msg=column.name)
            assert first.dtype.kind == second.dtype.kind and (first.dtype == second.dtype or first.dtype.kind == "U")


def columns(n: int = 2) -> dict[str, list[Any]]:
    """The least that a table must have: x is 100 times the joint's place, y one more; 1000 more in each row."""
    return {
        f"{joint}_{axis}": [1000 * row + 100 * i + step for row in range(n)]
        for i, joint in enumerate(JOINTS)
        for step, axis in enumerate("xy")
    }


def save(content: Mapping[str, Any], path: Path) -> Path:
    """Write columns as somebody else would."""
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(content)
            writer.writerows(zip(*content.values(), strict=True))  # None is an empty cell
    elif path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.table(content), path)
    else:
        path.write_text(json.dumps(content), encoding="utf-8")
    return path


# There and back


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("vectors", [True, False], ids=["vectors", "no vectors"])
@pytest.mark.parametrize("rows", [24, 1, 0])
def test_there_and_back(tmp_path: Path, poses: np.ndarray, suffix: str, vectors: bool, rows: int) -> None:
    written = table(poses[:rows], vectors=vectors)
    write_poses(written, tmp_path / f"x{suffix}")
    same(read_poses(tmp_path / f"x{suffix}"), written)


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_a_view_vector_of_length_zero_is_not_no_view_vector(tmp_path: Path, poses: np.ndarray, suffix: str) -> None:
    written = replace(table(poses), z_view=np.zeros((24, 0), np.float32))
    write_poses(written, tmp_path / f"x{suffix}")
    same(read_poses(tmp_path / f"x{suffix}"), written)


ORIGINS = [MadeBy("0123456789abcdef", "0123456789abcdef"), MadeBy("12345678" * 2, "0123456789abcdef")]


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("made_by", ORIGINS, ids=["own space", "another's"])
def test_files_say_what_made_the_vectors(tmp_path: Path, poses: np.ndarray, suffix: str, made_by: MadeBy) -> None:
    written = replace(table(poses), made_by=made_by)
    write_poses(written, tmp_path / f"x{suffix}")
    same(read_poses(tmp_path / f"x{suffix}"), written)


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_files_without_vectors_say_nothing_of_them(tmp_path: Path, poses: np.ndarray, suffix: str) -> None:
    write_poses(replace(table(poses, vectors=False), made_by=ORIGINS[0]), tmp_path / f"x{suffix}")
    assert read_poses(tmp_path / f"x{suffix}").made_by is None


@pytest.mark.parametrize("suffix", TABLES)
@pytest.mark.parametrize(
    "said, words",
    [
        ([str(ORIGINS[0]), str(ORIGINS[1])], "vectors of several checkpoints .* leave the vectors out and embed again"),
        ([str(ORIGINS[0]), ""], "vectors of several checkpoints"),
        (["poseembed-base"] * 2, "got 'poseembed-base'; wanted the fingerprint of a network"),
    ],
)
def test_rows_of_several_checkpoints_are_refused(tmp_path: Path, suffix: str, said: list[str], words: str) -> None:
    content = columns() | {"z_pose_0": [1.0, 2.0], "made_by": said}
    with pytest.raises(ValueError, match=f"cannot read .*x{suffix}: .*{words}"):
        read_poses(save(content, tmp_path / f"x{suffix}"))


pixels = st.floats(-(2**24), 2**24, width=32) | st.just(float("nan"))


@given(hnp.arrays(np.float32, (2, 13, 2), elements=pixels), st.floats(allow_infinity=False))
@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_every_number_comes_back(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, points: np.ndarray, time: float
) -> None:
    path = tmp_path_factory.mktemp("numbers") / f"x{suffix}"
    written = Poses.from_arrays(points, time=[time, 0], frame=[3, 3])
    write_poses(written, path)
    same(read_poses(path), written)


def test_what_a_csv_file_looks_like(tmp_path: Path) -> None:
    keypoints = np.tile([0.1, 367], (1, 13, 1))
    keypoints[0, 1:] = np.nan
    write_poses(Poses.from_arrays(keypoints, person=[3], image=["a.jpg"]), tmp_path / "x.csv")
    header, row = (tmp_path / "x.csv").read_text().splitlines()
    assert header.startswith("frame,time,person,image,nose_x,nose_y,nose_score,left_shoulder_x,")
    assert header.endswith(",right_ankle_x,right_ankle_y,right_ankle_score")
    assert row.startswith("0,,3,a.jpg,0.100000001,367.0,1.0,,,0.0,")


def test_json_is_json(tmp_path: Path, poses: np.ndarray) -> None:
    write_poses(table(poses), tmp_path / "x.json")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    content = json.loads((tmp_path / "x.json").read_text(), parse_constant=refuse)
    assert content["nose_x"][2] is None and content["z_pose_11"][2] is None and len(content["frame"]) == 24


def test_npy_takes_the_pose_vectors(tmp_path: Path, poses: np.ndarray) -> None:
    written = table(poses)
    write_poses(written, tmp_path / "x.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), written.z_pose)
    with pytest.raises(ValueError, match="there are none; embed first"):
        write_poses(table(poses, vectors=False), tmp_path / "y.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_an_interrupted_write_changes_nothing(
    tmp_path: Path, poses: np.ndarray, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"x{suffix}"
    before = table(poses[:3])
    write_poses(before, path)

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    for place in ("numpy.savez", "json.dumps", "pyarrow.parquet.write_table", "csv.writer"):
        monkeypatch.setattr(place, interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_poses(table(poses), path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    monkeypatch.undo()
    same(read_poses(path), before)


def test_suffixes_in_capitals_and_the_home_folder(
    tmp_path: Path, poses: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write_poses(table(poses), "~/X.CSV")
    assert (tmp_path / "X.CSV").is_file()
    same(read_poses("~/X.CSV"), table(poses))


# Other people's tables


@pytest.mark.parametrize("suffix", TABLES)
def test_the_least_that_a_table_must_have(tmp_path: Path, suffix: str) -> None:
    content = columns()
    content["left_knee_x"][1] = None
    shuffled = {name: content[name] for name in sorted(content, reverse=True)}
    poses = read_poses(save(shuffled | {"label": ["squat", None], "left_eye_x": [1, 2]}, tmp_path / f"x{suffix}"))
    wanted = 100 * np.arange(13)[:, None] + [0, 1] + 1000 * np.arange(2)[:, None, None].astype(np.float32)
    wanted[1, JOINTS.index("left_knee"), 0] = np.nan
    np.testing.assert_array_equal(poses.keypoints, wanted)
    assert poses.confidence[0].min() == 1 and np.flatnonzero(poses.confidence[1] == 0).tolist() == [9]
    assert poses.frame.tolist() == [0, 1] and poses.person.tolist() == [-1, -1] and poses.image.tolist() == ["", ""]
    assert np.isnan(poses.time).all() and poses.z_pose is None and poses.z_view is None


@pytest.mark.parametrize("suffix", TABLES)
def test_empty_cells_are_missing(tmp_path: Path, suffix: str) -> None:
    scores: dict[str, list[Any]] = {f"{joint}_score": [0.5, None] for joint in JOINTS}
    others = {"person": [None, 2], "time": [None, 0.5], "image": [None, "b"], "z_pose_0": [None, 3], "frame": [4, 4]}
    poses = read_poses(save(columns() | scores | others, tmp_path / f"x{suffix}"))
    assert (poses.confidence[0] == 0.5).all() and (poses.confidence[1] == 0).all()
    assert poses.person.tolist() == [-1, 2] and poses.image.tolist() == ["", "b"] and poses.frame.tolist() == [4, 4]
    np.testing.assert_array_equal(poses.time, [np.nan, 0.5])
    np.testing.assert_array_equal(poses.z_pose, [[np.nan], [3]])


def test_csv_as_spreadsheets_write_it(tmp_path: Path) -> None:
    lines = [" , ".join(columns()), "", ",".join(str(values[0]) for values in columns().values()), ""]
    (tmp_path / "x.csv").write_text("\r\n".join(lines), encoding="utf-8-sig", newline="")
    assert read_poses(tmp_path / "x.csv").keypoints[0, 12].tolist() == [1200, 1201]


def change(**new: Any) -> dict[str, list[Any]]:
    """Columns with some changed, or taken away."""
    return {name: values for name, values in (columns() | new).items() if values is not None}


SOME_SCORES = {f"{joint}_score": [1, 1] for joint in JOINTS[:3]}


@pytest.mark.parametrize("suffix", TABLES)
@pytest.mark.parametrize(
    "content, words",
    [
        (change(left_hip_y=None, nose_x=None), "no column nose_x, left_hip_y"),
        (change(**SOME_SCORES), "scores of these joints only: nose_score, left_shoulder_score, right_shoulder_score"),
        (change(frame=[1, 0]), "sort the rows by frame"),
        (change(frame=[0, None]), "frame of row 2 is nan; wanted whole numbers from 0"),
        (change(frame=[0, 0.5]), "frame of row 2 is 0.5"),
        (change(person=[-2, 0]), "person of row 1 is -2"),
        (change(z_pose_0=[1, 1], z_pose_2=[1, 1]), "2 columns z_pose_<number>, but no z_pose_1"),
        (change(z_pose_0=[1, 1], z_pose_1=[1, None]), "z_pose of row 2 is given in part"),
        (change(z_view_0=[1, 1]), "columns z_view_0, ..., but no z_pose_0"),
        (change(nose_x=["12", "left"]), "nose_x"),
        ({"x": [1, 2], "y": [1, 2]}, "no column nose_x, nose_y, left_shoulder_x"),
    ],
)
def test_tables_are_refused_in_words(tmp_path: Path, suffix: str, content: dict[str, list[Any]], words: str) -> None:
    path = save(content, tmp_path / f"x{suffix}")
    with pytest.raises(ValueError, match=f"cannot read .*x{suffix}: .*{words}"):
        read_poses(path)


HEADER = ",".join(columns())


@pytest.mark.parametrize(
    "text, words",
    [
        (b"", "it is empty; wanted a first line"),
        (f"{HEADER}\n{'1,' * 25}1\n{'1,' * 25}oops\n".encode(), "line 3: right_ankle_y is 'oops', not a number"),
        (f"{HEADER}\n{'1,' * 24}1\n".encode(), "line 2 has 25 cells, but the first line names 26"),
        (f"{HEADER},nose_x\n".encode(), "two columns of one name"),
        (HEADER.replace(",", ";").encode() + b"\n", "in CSV with commas"),
        (HEADER.encode("utf-16"), "utf-8"),
    ],
)
def test_damaged_csv(tmp_path: Path, text: bytes, words: str) -> None:
    (tmp_path / "x.csv").write_bytes(text)
    with pytest.raises(ValueError, match=f"cannot read .*x.csv: .*{words}"):
        read_poses(tmp_path / "x.csv")


def test_a_header_alone_is_no_poses(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(f"{HEADER},image\n")
    assert len(read_poses(tmp_path / "x.csv")) == 0


@pytest.mark.parametrize(
    "content, words",
    [
        ("", "Expecting value"),
        ("[]", "it holds a list; wanted an object"),
        (json.dumps(change(nose_x=3)), "nose_x is 3; wanted a list"),
        (json.dumps(change(nose_y=[3])), "nose_y is .3.; wanted a list, as long as all others"),
        (json.dumps(change(nose_y=[3, True])), "nose_y of row 2 is True; wanted a number"),
        (json.dumps(change(image=["a", 3])), "image of row 2 is 3; wanted text"),
    ],
)
def test_damaged_json(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(ValueError, match=f"cannot read .*x.json: .*{words}"):
        read_poses(tmp_path / "x.json")


def test_damaged_parquet(tmp_path: Path, poses: np.ndarray) -> None:
    path = tmp_path / "x.parquet"
    write_poses(table(poses), path)
    for content in (path.read_bytes()[:-100], b"", b"frame,time\n"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="cannot read .*x.parquet"):
            read_poses(path)


# Arrays


@pytest.mark.parametrize("name", ["coco", "openpose_body25", "poseembed13"])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_arrays_of_any_skeleton(tmp_path: Path, name: str, suffix: str, dtype: type) -> None:
    skeleton = SKELETONS[name]
    points: np.ndarray = np.random.default_rng(0).uniform(0, 500, (5, skeleton.num_joints, 2)).astype(dtype)
    np.save(tmp_path / "x.npy", points)
    np.savez(tmp_path / "x.npz", keypoints=points, note="left")
    poses = read_poses(tmp_path / f"x{suffix}", skeleton=name)
    np.testing.assert_array_equal(poses.keypoints, points[:, list(skeleton.indices)].astype(np.float32))
    assert poses.confidence.min() == 1 and poses.frame.tolist() == [0, 1, 2, 3, 4]


def test_scores_beside_the_points_and_behind_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    points, scores = rng.uniform(0, 500, (5, 17, 2)), rng.random((5, 17))
    np.save(tmp_path / "x.npy", np.concatenate([points, scores[..., None]], -1))
    moments: dict[str, Any] = {"frame": np.array([1, 1, 4, 4, 9]), "time": np.array([1.0, 1, 2, 2, 3])}
    np.savez_compressed(tmp_path / "x.npz", keypoints=points, confidence=scores, **moments)
    behind, beside = (read_poses(tmp_path / f"x{suffix}", skeleton="coco") for suffix in (".npy", ".npz"))
    indices = list(SKELETONS["coco"].indices)
    np.testing.assert_array_equal(behind.confidence, scores[:, indices].astype(np.float32))
    np.testing.assert_array_equal(behind.keypoints, points[:, indices].astype(np.float32))
    same(replace(behind, **moments), beside)


POINTS = np.zeros((2, 17, 2))


@pytest.mark.parametrize(
    "arrays, words",
    [
        ({"keypoints": POINTS}, "got 17 joints.*skeleton='coco'"),
        ({"keypoints": np.zeros((17, 2))}, r"float64 keypoints of shape \(17, 2\); wanted numbers, \(n, joints, 2\)"),
        ({"keypoints": np.zeros((2, 26))}, r"shape \(2, 26\)"),
        ({"keypoints": np.zeros((2, 13, 4))}, r"shape \(2, 13, 4\)"),
        ({"keypoints": np.full((2, 13, 2), "1")}, "<U1 keypoints"),
        ({"keypoints": np.full((2, 13, 3), 5.0)}, "the third is not a score"),
        ({"keypoints": np.full((2, 13, 3), -0.5)}, "without the depth"),
        ({"keypoints": np.ones((2, 13, 3)), "confidence": np.ones((2, 13))}, "a confidence besides"),
        ({"keypoints": np.zeros((2, 13, 2)), "confidence": np.ones((2, 17))}, r"confidence of shape \(2, 17\)"),
        ({"keypoints": np.zeros((2, 13, 2)), "frame": np.array([0, 0.5])}, "frame of row 2 is 0.5"),
        ({"keypoints": np.zeros((2, 13, 2)), "z_pose": np.ones(32)}, r"z_pose of shape \(32,\)"),
        ({"poses": POINTS}, "got no keypoints"),
        ({"keypoints": np.array([None])}, "keypoints: it holds an array of object, which is neither numbers nor text"),
    ],
)
@pytest.mark.unchecked_types
def test_arrays_are_refused_in_words(tmp_path: Path, arrays: dict[str, Any], words: str) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(ValueError, match=f"cannot read .*x.npz: .*{words}"):
        read_poses(tmp_path / "x.npz")


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize(
    "damage", [lambda _: b"", lambda _: b"hello", lambda whole: whole[: len(whole) // 2]], ids=["empty", "text", "half"]
)
def test_damaged_arrays(tmp_path: Path, suffix: str, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"x{suffix}"
    (np.save if suffix == ".npy" else np.savez)(path, POINTS)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=f"cannot read .*x{suffix}: ") as refusal:
        read_poses(path, skeleton="coco")
    assert "unsafe" not in str(refusal.value)


# Before the work


@pytest.mark.parametrize("name", ["x.txt", "x"])
def test_unknown_suffixes(tmp_path: Path, poses: np.ndarray, name: str) -> None:
    for act in (lambda path: read_poses(path), lambda path: write_poses(table(poses), path)):
        with pytest.raises(ValueError, match="known are: .csv, .parquet, .json, .npz, .npy"):
            act(tmp_path / name)


@pytest.mark.parametrize("suffix", [*LOSSLESS, ".npy"])
def test_files_and_folders_that_are_not_there(tmp_path: Path, poses: np.ndarray, suffix: str) -> None:
    with pytest.raises(FileNotFoundError, match=f"x{suffix}"):
        read_poses(tmp_path / f"x{suffix}")
    with pytest.raises(FileNotFoundError, match="there is no folder .*nowhere"):
        write_poses(table(poses), tmp_path / "nowhere" / f"x{suffix}")


@pytest.mark.unchecked_types
def test_named_joints_have_no_other_skeleton(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="skeleton='coco' is not for it"):
        read_poses(save(columns(), tmp_path / "x.csv"), skeleton="coco")
    with pytest.raises(ValueError, match="unknown skeleton 'cocoa'"):
        read_poses(tmp_path / "x.npy", skeleton="cocoa")


def test_parquet_without_pyarrow(tmp_path: Path, poses: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    write_poses(table(poses), tmp_path / "x.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match='pip install "pyarrow>='):
        read_poses(tmp_path / "x.parquet")
    with pytest.raises(ImportError, match='pip install "pyarrow>='):
        write_poses(table(poses), tmp_path / "y.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]


def test_infinity_is_null_in_json_and_stays_elsewhere(tmp_path: Path) -> None:
    speed = {"speed": np.array([1.0, np.inf, np.nan])}
    write_columns(speed, tmp_path / "x.json")
    assert json.loads((tmp_path / "x.json").read_text()) == {"speed": [1.0, None, None]}
    write_columns(speed, tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_text() == 'speed\n1.0\ninf\n""\n'
    write_columns(speed, tmp_path / "x.npz")
    np.testing.assert_array_equal(np.load(tmp_path / "x.npz")["speed"], speed["speed"])
