"""Keypoints out of files that are larger than memory, a part at a time, from any row on.

NPY files are mapped into memory, and so are Arrow files; of Parquet files the row groups before the first wanted row
are not read. A folder of Parquet or Arrow files is their rows, in the order of their names.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Num

from poseembed.columns import COORDINATES, SCORES
from poseembed.extras import how_to_install
from poseembed.files.arrays import read_header
from poseembed.files.tables import naming
from poseembed.files.values import check_regular, visible
from poseembed.skeleton import JOINTS

COLUMN = "keypoints"
"""Column of a table that holds a pose a row: numbers in lists, nested or one after the other."""

SUFFIXES = (".npy", ".parquet", ".arrow", ".feather")
"""Suffixes of the files that can be read so."""

_BATCH = 1 << 16

Rows = Num[np.ndarray, "rows *numbers"]


class Source(ABC):
    """Poses on disk: `numbers` (rows, joints, 2), or (rows, joints, 3) with the score last, or the same flat.

    Attributes:
        files: Where they are.
        rows: How many there are.
    """

    files: Sequence[Path]
    rows: int

    @abstractmethod
    def pieces(self, start: int) -> Iterator[Rows]:
        """All rows from one on, in pieces of any length.

        Raises:
            ValueError: If a column does not hold what it should, or a file is damaged.
        """

    def parts(self, start: int, size: int) -> Iterator[Rows]:
        """All rows from one on, in parts of one length, the last perhaps shorter; errors as `pieces`."""
        held: list[Rows] = []
        for piece in self.pieces(start):
            held.append(piece)
            while sum(map(len, held)) >= size:
                whole = held[0] if len(held) == 1 else np.concatenate(held)
                yield whole[:size]
                held = [whole[size:]]
        if sum(map(len, held)):
            yield np.concatenate(held)


class ArrayFile(Source):
    """An NPY file.

    Raises:
        ValueError: If it is damaged, or holds no numbers.
    """

    def __init__(self, path: Path) -> None:
        check_regular(path)
        with naming(path):
            with path.open("rb") as file:
                shape, _, dtype = read_header(file)
            if dtype.kind not in "iuf" or not shape:
                raise ValueError(f"it is an array of {dtype} of shape {shape}; wanted numbers, a pose a row")
            self.files, self.rows = [path], len(self._map(path))

    def pieces(self, start: int) -> Iterator[Rows]:
        """All rows from one on."""
        for first in range(start, self.rows, _BATCH):
            # Mapped afresh each time, for what was read through a map is memory of the process while the map is there.
            yield np.array(self._map(self.files[0])[first : first + _BATCH])

    @staticmethod
    def _map(path: Path) -> np.ndarray:
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
        return array


class TableFiles(Source):
    """Parquet or Arrow files.

    Raises:
        ImportError: If pyarrow is not installed.
        ValueError: If there are none, or one is damaged or has no keypoints.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise ImportError(f"Parquet and Arrow files need pyarrow: {how_to_install('parquet')}") from error
        self.files = files
        self._counts = []
        for file in files:
            with _naming(file):
                self._counts.append(sum(count for count, _ in _groups(file)))
        self.rows = sum(self._counts)

    def pieces(self, start: int) -> Iterator[Rows]:
        """All rows from one on."""
        for file, count in zip(self.files, self._counts, strict=True):
            if start >= count:
                start -= count
                continue
            with _naming(file):
                for length, batches in _groups(file):
                    if start >= length:
                        start -= length
                        continue
                    for batch in batches:
                        if start < batch.num_rows:
                            yield _numbers_of_batch(batch)[start:]
                        start = max(start - batch.num_rows, 0)


def open_source(path: Path) -> Source:
    """The keypoints of a file, or of the Parquet or Arrow files of a folder.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        ImportError: If it takes pyarrow, which is not installed.
        ValueError: If it is another kind of file, or damaged.
    """
    if path.is_dir():
        for suffix in SUFFIXES[1:]:
            if files := sorted(visible(path.rglob(f"*{suffix}"))):
                return TableFiles(files)
        raise ValueError(f"{path} holds no files that can be read a part at a time ({', '.join(SUFFIXES[1:])})")
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"cannot read {path} a part at a time: its suffix must be one of {', '.join(SUFFIXES)}")
    check_regular(path)
    return ArrayFile(path) if path.suffix.lower() == ".npy" else TableFiles([path])


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Name the file in a complaint about its content, whoever complains."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise ValueError(f"cannot read {file}: {error}") from error


def _groups(file: Path) -> Iterator[tuple[int, Iterator[Any]]]:
    """The parts of a file that can be skipped: how many rows each has, and its record batches, which are read then."""
    return _parquet_groups(file) if file.suffix.lower() == ".parquet" else _arrow_groups(file)


def _parquet_groups(file: Path) -> Iterator[tuple[int, Iterator[Any]]]:
    from pyarrow import parquet

    with parquet.ParquetFile(file) as opened:
        names = _wanted(opened.schema_arrow.names)
        for number in range(opened.num_row_groups):
            batches = opened.iter_batches(batch_size=_BATCH, row_groups=[number], columns=names)
            yield opened.metadata.row_group(number).num_rows, batches


def _arrow_groups(file: Path) -> Iterator[tuple[int, Iterator[Any]]]:
    import pyarrow

    with pyarrow.memory_map(str(file)) as mapped:
        try:
            opened = pyarrow.ipc.open_file(mapped)
            batches = (opened.get_batch(number) for number in range(opened.num_record_batches))
        except pyarrow.ArrowInvalid:  # not the form for files but that for streams, which Hugging Face's datasets write
            mapped.seek(0)
            opened = batches = pyarrow.ipc.open_stream(mapped)
        names = _wanted(opened.schema.names)
        for batch in batches:
            yield batch.num_rows, iter([batch.select(names)])


def _wanted(names: Sequence[str]) -> list[str]:
    """The columns that hold keypoints."""
    if COLUMN in names:
        return [COLUMN]
    if missing := [name for name in COORDINATES if name not in names]:
        raise ValueError(f"it has neither a column {COLUMN} nor all of <joint>_x and <joint>_y (no {missing[0]})")
    return [*COORDINATES, *(SCORES if set(SCORES) <= set(names) else ())]


def _numbers_of_batch(batch: Any) -> Rows:
    """A pose a row: (rows, joints, 2 or 3), or flat."""
    if COLUMN in batch.schema.names:
        return _numbers(batch.column(COLUMN), COLUMN)
    columns = {name: _numbers(batch.column(name), name) for name in batch.schema.names}
    points = np.stack([columns[name] for name in COORDINATES], axis=-1).reshape(-1, len(JOINTS), 2)
    if SCORES[0] not in columns:
        return points
    return np.concatenate([points, np.stack([columns[name] for name in SCORES], axis=-1)[..., None]], axis=-1)


def _numbers(values: Any, name: str) -> Rows:
    """The numbers of a column, whose lists must all have one length; null is NaN."""
    import pyarrow

    shape = [len(values)]
    if isinstance(values, pyarrow.ExtensionArray):  # a tensor in each row
        values = values.storage
    while pyarrow.types.is_nested(values.type):
        if not hasattr(values, "value_lengths"):  # no list
            raise ValueError(f"{name} is a column of {values.type}; wanted numbers, or lists of them")
        lengths = values.value_lengths()
        if values.null_count or len(lengths.unique()) > 1:
            raise ValueError(
                f"{name} has lists of different lengths, or none in some rows; wanted the same joints in each row, NaN "
                "or null for a number that is missing"
            )
        shape.append(lengths[0].as_py() if len(lengths) else 0)
        values = values.flatten()
    if not (pyarrow.types.is_integer(values.type) or pyarrow.types.is_floating(values.type)):
        raise ValueError(f"{name} is a column of {values.type}; wanted numbers, or lists of them")
    numbers: np.ndarray = values.to_numpy(zero_copy_only=False)
    return numbers.reshape(shape)
