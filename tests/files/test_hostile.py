"""Pose files whose numbers, sizes or kinds are not what they seem."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poseembed import JOINTS, Poses
from poseembed.files.poses import read_poses, write_poses

from .test_poses import HEADER, columns

# Numbers that are none


HOSTILE = [
    ("nose_x", "1_000", "line 2: nose_x is '1_000', not a number"),
    ("nose_x", "١٢", "line 2: nose_x is '١٢', not a number"),
    ("nose_x", "1e39", "coordinate of 1e[+]39"),
    ("nose_x", "inf", "coordinate of inf"),
    ("nose_x", "100000001", "coordinate of 1e[+]08"),
    ("frame", "inf", "frame of row 1 is inf"),
    ("frame", "1e19", "frame of row 1 is 1e[+]19"),
    ("frame", "18446744073709551616", "frame of row 1 is 1.84467e[+]19"),
    ("person", "1e19", "person of row 1 is 1e[+]19"),
    ("person", "-inf", "person of row 1 is -inf"),
    ("time", "inf", "a time is infinite"),
    ("nose_score", "inf", "score of inf"),
    ("nose_score", "95", "score of 95"),
    ("z_pose_0", "1e39", "z_pose of row 1 is not finite"),
]


@pytest.mark.parametrize("column, cell, words", HOSTILE)
def test_numbers_that_are_none_are_refused(tmp_path: Path, column: str, cell: str, words: str) -> None:
    scores = {f"{joint}_score": [0.5, 0.5] for joint in JOINTS}
    content: dict[str, list[Any]] = columns() | scores | {"frame": [0, 1], "person": [0, 0], "z_pose_0": [1, 1]}
    content[column] = [cell, content.get(column, [0, 0])[1]]
    lines = [",".join(content), *(",".join(map(str, row)) for row in zip(*content.values(), strict=True)), ""]
    (tmp_path / "x.csv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ValueError, match=f"cannot read .*x.csv: .*{words}"):
        read_poses(tmp_path / "x.csv")


@pytest.mark.parametrize(
    "column, value, words",
    [
        ("frame", 2**64, "frame of row 1 is 1.84467e[+]19"),
        ("nose_x", 10**400, "nose_x has a number beyond all others"),
        ("nose_x", "5", "nose_x of row 1 is '5'; wanted a number"),
        ("z_pose_0", True, "z_pose_0 of row 1 is True; wanted a number"),
        ("image", "a" * 5000, "image of 5,000 characters"),
    ],
)
def test_values_of_json_that_are_none_are_refused(tmp_path: Path, column: str, value: Any, words: str) -> None:
    content = columns() | {"frame": [0, 1], "z_pose_0": [1, 1], "image": ["a", "b"]}
    content[column][0] = value
    (tmp_path / "x.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=f"cannot read .*x.json: .*{words}"):
        read_poses(tmp_path / "x.json")


@pytest.mark.parametrize(
    "text, words",
    [('{"frame": [0], "frame": [1]}', "two values of one name: frame, frame"), ("[" * 100_000, "nested thousands")],
)
def test_json_that_python_would_take_or_die_of(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError, match=f"cannot read .*x.json: .*{words}"):
        read_poses(tmp_path / "x.json")


@pytest.mark.parametrize("name, kind", [("z_pose", "U3"), ("z_pose", bool), ("confidence", bool), ("person", "U1")])
def test_arrays_of_another_kind_are_refused(tmp_path: Path, name: str, kind: Any) -> None:
    arrays: dict[str, Any] = {"keypoints": np.zeros((2, 13, 2)), name: np.ones((2, 13), kind)}
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(ValueError, match=f"x.npz: {name} is an array of .*; wanted numbers"):
        read_poses(tmp_path / "x.npz")


def test_peaks_of_heat_maps_behind_the_points_are_scores(tmp_path: Path) -> None:
    rows = np.concatenate([np.full((2, 17, 2), 100.0), np.full((2, 17, 1), 0.9)], -1)
    rows[0, :, 2], rows[1, 5, 2], rows[1, 6, 2] = 1.3, np.nan, -0.05
    np.save(tmp_path / "x.npy", rows)
    confidence = read_poses(tmp_path / "x.npy", skeleton="coco").confidence
    np.testing.assert_array_equal(confidence[:, :4], np.array([[1, 1, 1, 1], [0.9, 0, 0, 0.9]], np.float32))


def test_a_last_line_without_its_end_may_be_cut_off(tmp_path: Path) -> None:
    text = f"{HEADER}\n{'1,' * 25}123.4"
    (tmp_path / "x.csv").write_text(text)
    with pytest.warns(
        UserWarning, match="the last line of .*x.csv has no end; .* last number may be too short"
    ) as said:
        assert read_poses(tmp_path / "x.csv").keypoints[0, 12, 1] == np.float32(123.4)
    assert said[0].filename == __file__


def test_a_clock_that_stands_still_is_said(tmp_path: Path) -> None:
    write_poses(Poses.from_arrays(np.zeros((3, 13, 2)), time=[0.5, 0.5, 1]), tmp_path / "x.csv")
    with pytest.warns(UserWarning, match=r"time does not rise from frame 0 to 1 \(0.5 and 0.5 s\)") as said:
        assert read_poses(tmp_path / "x.csv").time.tolist() == [0.5, 0.5, 1]
    assert said[0].filename == __file__


# Sizes that are none


def header(shape: tuple[int, ...], descr: str = "<f8") -> bytes:
    """The beginning of an NPY file."""
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    "content, words",
    [
        (header((10**12, 13, 2)), "takes 208,000,000,000,000 bytes, and 0 are there"),
        (header((10**12, 13, 2), "<U0"), "neither numbers nor text"),
        (header((-1, 13, 2)), r"an array of shape \(-1, 13, 2\)"),
        (header((2**70, 13, 2)), "an array of shape"),
        (header((1, 13, 2), "V8"), "neither numbers nor text"),
        (header((1, 13, 2), "O"), "neither numbers nor text"),
        (header((1, 13, 2)).replace(b"'shape'", b"'shape"), "the header of an array is damaged"),
        (header((1, 13, 2)).replace(b"(1,", b"((((("), "the header of an array is damaged"),
        (b"\x93NUMPY\x07\x00" + bytes(80), "version 7.0 of the format"),
        (b"\x93NUMPY", "the header of an array is damaged"),
    ],
)
def test_headers_that_lie(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(ValueError, match=f"cannot read .*x.npy: .*{words}"):
        read_poses(tmp_path / "x.npy")


def test_archives_that_grow_are_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", keypoints=np.zeros((1_000_000, 13, 2)))
    with pytest.raises(ValueError, match="x.npz: the archive|x.npz: keypoints and .* would take 208,000,128 bytes"):
        read_poses(tmp_path / "x.npz")


def test_one_long_name_does_not_make_all_long(tmp_path: Path) -> None:
    content = {name: [1.0] * 20_000 for name in columns()} | {"image": ["a" * 4000, *["b"] * 19_999]}
    (tmp_path / "x.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="x.json: image, all as long as the longest, would take 320,000,000 bytes"):
        read_poses(tmp_path / "x.json")


def test_rows_that_a_parquet_file_does_not_hold(tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    constant = pyarrow.array(np.zeros(1_000_000))
    parquet.write_table(pyarrow.table(dict.fromkeys(columns(), constant)), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match="x.parquet: 1,000,000 rows would take 208,000,000 bytes"):
        read_poses(tmp_path / "x.parquet")


# Files that are none


@pytest.mark.parametrize("suffix", [".csv", ".json", ".parquet", ".npy", ".npz"])
def test_what_is_no_file_is_refused_before_it_is_opened(tmp_path: Path, suffix: str) -> None:
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    pipe, device, loop = (tmp_path / f"{name}{suffix}" for name in ("pipe", "device", "loop"))
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    loop.symlink_to(loop)
    for path in (pipe, device):
        with pytest.raises(ValueError, match=f"cannot read .*{path.name}: it is a pipe, a device or a socket"):
            read_poses(path)
    with pytest.raises(OSError, match="symbolic links"):
        read_poses(loop)
