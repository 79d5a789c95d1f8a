"""Keypoints out of large files, a part at a time: every form of them, from any row on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from poseembed import Poses, write_poses
from poseembed.large.sources import open_source

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

ROWS = 23


@pytest.fixture
def numbers() -> np.ndarray:
    return np.random.default_rng(0).normal(300, 100, (ROWS, 17, 2)).astype(np.float32)


def nested(numbers: np.ndarray) -> Any:
    return pyarrow.array(numbers.tolist())


def flat(numbers: np.ndarray) -> Any:
    return pyarrow.array(numbers.reshape(len(numbers), -1).tolist(), pyarrow.large_list(pyarrow.float32()))


def fixed(numbers: np.ndarray) -> Any:
    pairs = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(numbers.ravel()), 2)
    return pyarrow.FixedSizeListArray.from_arrays(pairs, 17)


def tensors(numbers: np.ndarray) -> Any:
    return pyarrow.FixedShapeTensorArray.from_numpy_ndarray(numbers)


def to_npy(path: Path, numbers: np.ndarray, _: Any) -> Path:
    np.save(path / "in.npy", numbers)
    return path / "in.npy"


def to_parquet(path: Path, numbers: np.ndarray, column: Any) -> Path:
    parquet.write_table(pyarrow.table({"keypoints": column(numbers)}), path / "in.parquet", row_group_size=5)
    return path / "in.parquet"


def to_arrow_file(path: Path, numbers: np.ndarray, column: Any) -> Path:
    table = pyarrow.table({"id": np.arange(len(numbers)), "keypoints": column(numbers)})
    with pyarrow.ipc.new_file(str(path / "in.arrow"), table.schema) as writer:
        writer.write_table(table, max_chunksize=4)
    return path / "in.arrow"


def to_folder_of_streams(path: Path, numbers: np.ndarray, column: Any) -> Path:
    """As Hugging Face's `datasets` keep them."""
    for name, rows in (("data-1.arrow", numbers[10:]), ("data-0.arrow", numbers[:10]), ("._data-0.arrow", numbers)):
        table = pyarrow.table({"keypoints": column(rows)})
        with pyarrow.ipc.new_stream(str(path / name), table.schema) as writer:
            writer.write_table(table, max_chunksize=3)
    return path


Save = Callable[[Path, np.ndarray, Any], Path]


@pytest.mark.parametrize("column", [nested, flat, fixed, tensors])
@pytest.mark.parametrize("save", [to_npy, to_parquet, to_arrow_file, to_folder_of_streams])
@pytest.mark.parametrize("start, size", [(0, 7), (5, 100), (12, 3), (22, 1), (23, 4)])
def test_rows_come_in_order_in_parts_of_one_length(
    tmp_path: Path, numbers: np.ndarray, save: Save, column: Any, start: int, size: int
) -> None:
    source = open_source(save(tmp_path, numbers, column))
    parts = list(source.parts(start, size))
    assert source.rows == ROWS and [len(part) for part in parts[:-1]] == [size] * (len(parts) - 1)
    joined = np.concatenate([np.empty((0, 34)), *(part.reshape(-1, 34) for part in parts)])
    np.testing.assert_allclose(joined, numbers[start:].reshape(-1, 34), rtol=1e-6)


def test_null_is_a_missing_number(tmp_path: Path, numbers: np.ndarray) -> None:
    lists = numbers.tolist()
    lists[3][4] = [None, None]
    parquet.write_table(pyarrow.table({"keypoints": pyarrow.array(lists)}), tmp_path / "in.parquet")
    (part,) = open_source(tmp_path / "in.parquet").parts(0, 100)
    assert np.argwhere(np.isnan(part)).tolist() == [[3, 4, 0], [3, 4, 1]]


def test_the_tables_of_this_library_are_read(tmp_path: Path, poses: np.ndarray) -> None:
    poses[3, 4] = np.nan
    write_poses(Poses.from_arrays(poses), tmp_path / "in.parquet")
    (part,) = open_source(tmp_path / "in.parquet").parts(0, 100)
    np.testing.assert_allclose(part[..., :2], poses)
    np.testing.assert_array_equal(part[..., 2], ~np.isnan(poses[..., 0]))


@pytest.mark.parametrize(
    "column, words",
    [
        ([[1.0, 2.0], [1.0]], "lists of different lengths"),
        ([[1.0, 2.0], None], "or none in some rows"),
        (["a", "b"], "keypoints is a column of string; wanted numbers"),
        ([{"x": 1.0}], "wanted numbers, or lists of them"),
    ],
)
def test_columns_that_will_not_do(tmp_path: Path, column: list[Any], words: str) -> None:
    parquet.write_table(pyarrow.table({"keypoints": column}), tmp_path / "in.parquet")
    with pytest.raises(ValueError, match=f"cannot read .*in.parquet: .*{words}"):
        list(open_source(tmp_path / "in.parquet").parts(0, 10))


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("in.npy", b"nothing", "header of an array is damaged"),
        ("in.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (9, 13, 2), }", "in.npy"),
        ("in.parquet", b"nothing", "cannot read .*in.parquet"),
        ("in.arrow", b"nothing", "cannot read .*in.arrow"),
        ("in.csv", b"a,b", "its suffix must be one of .npy, .parquet, .arrow, .feather"),
    ],
)
def test_files_that_will_not_do(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=words):
        open_source(tmp_path / name)


def test_a_table_without_keypoints_and_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no files that can be read a part at a time"):
        open_source(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_source(tmp_path / "none.npy")
    parquet.write_table(pyarrow.table({"nose_x": [1.0]}), tmp_path / "in.parquet")
    with pytest.raises(ValueError, match=r"neither a column keypoints nor all of <joint>_x .*no nose_y"):
        open_source(tmp_path / "in.parquet")
    np.save(tmp_path / "text.npy", np.array(["a"]))
    with pytest.raises(ValueError, match="wanted numbers, a pose a row"):
        open_source(tmp_path / "text.npy")
