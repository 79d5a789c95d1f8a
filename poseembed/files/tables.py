"""Tables in files: named columns of equal length in CSV, Parquet, JSON and NPZ.

An empty cell (CSV), a null (Parquet, JSON) or NaN is a missing number. A JSON file is one object, from the name of a
column to the list of its values. Only the columns of `TEXTS` are read as text.
"""

import csv
import io
import json
import os
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from poseembed.columns import TEXTS
from poseembed.extras import how_to_install
from poseembed.files.atomic import replacing
from poseembed.files.values import check_regular, check_size, number_of, text_column
from poseembed.warned import warn_user

Columns = dict[str, np.ndarray]
Wanted = Callable[[str], bool]
"""Tells by its name whether to read a column."""


def write_columns(columns: Columns, path: str | os.PathLike[str]) -> None:
    """Write a table to a file, by its suffix: one of `COLUMN_SUFFIXES`.

    Numbers are written with as many digits as it takes to get them back.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ImportError: If it is to be a Parquet file and pyarrow is not installed.
        ValueError: If the suffix is unknown.
    """
    path = Path(path).expanduser()
    save = _SAVE[known_suffix(path, COLUMN_SUFFIXES)]
    with replacing(path) as file:
        save(columns, file)


def read_columns(path: Path, wanted: Wanted) -> Columns:
    """The wanted columns of a .csv, .parquet or .json file.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If it is a Parquet file and pyarrow is not installed.
        KeyError: If the suffix is another one.
        ValueError: If the file is damaged, or a column does not hold what it should.
    """
    return _LOAD[path.suffix.lower()](path, wanted)


def known_suffix(path: Path, known: tuple[str, ...]) -> str:
    """Suffix of a file, in small letters.

    Raises:
        ValueError: If it is not one of those known.
    """
    suffix = path.suffix.lower()
    if suffix not in known:
        raise ValueError(f"unknown suffix {suffix!r} of {path}; known are: {', '.join(known)}")
    return suffix


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name the file in a complaint about its content."""
    try:
        yield
    except (ValueError, csv.Error) as error:
        if str(path) in str(error):
            raise
        raise ValueError(f"cannot read {path}: {error}") from error


def load_json(path: Path) -> Any:
    """Content of a JSON file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not JSON, names a value twice in one object, or is nested thousands of levels deep.
    """
    with naming(path):
        return _json(path)


def _json(path: Path) -> Any:
    check_regular(path)
    try:
        return json.loads(path.read_bytes(), object_pairs_hook=_once_each)
    except RecursionError:
        raise ValueError("its lists or objects are nested thousands of levels deep") from None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON: of two values of one name Python would take the last without a word."""
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"an object in it has two values of one name: {', '.join(names):.60}")
    return content


def load_csv(path: Path, wanted: Wanted) -> Columns:
    """The wanted columns of a CSV file: those of `TEXTS` as text, the others as float64, NaN where a cell is empty.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is empty or no text in UTF-8, names a column twice, or a line has another number of cells
            than the first one or something else than a number in a wanted column.
    """
    numbers = array("d")  # as they are, without a Python object each
    lines: list[list[str]] = []
    check_regular(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        header = [name.strip() for name in next(reader, [])]
        if not header:
            raise ValueError("it is empty; wanted a first line that names the columns")
        places = {name: place for place, name in enumerate(header) if wanted(name)}
        if len(places) < sum(map(wanted, header)):
            raise ValueError(f"it has two columns of one name: {', '.join(header)}")
        texts = {name: places.pop(name) for name in TEXTS if name in places}
        for line in filter(None, reader):
            where = f"line {reader.line_num}"
            if len(line) != len(header):
                raise ValueError(f"{where} has {len(line)} cells, but the first line names {len(header)} columns")
            numbers.extend(_number(line[place], name, where) for name, place in places.items())
            lines.append([line[place] for place in texts.values()])
    _warn_of_no_end(path)
    table = np.array(numbers, dtype=np.float64).reshape(len(lines), len(places))
    columns: Columns = dict(zip(places, table.T, strict=True))
    written = zip(*lines, strict=True) if lines else ([] for _ in texts)
    return columns | {name: text_column(list(values), name) for name, values in zip(texts, written, strict=True)}


def _warn_of_no_end(path: Path) -> None:
    """Warn of a last line that does not end: a number that was cut off there looks like a number."""
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        if file.read(1) not in (b"\n", b"\r"):
            warn_user(f"the last line of {path} has no end; if the file was cut off, its last number may be too short")


def _number(cell: str, column: str, where: str) -> float:
    """The number in a cell of text."""
    try:
        return number_of(cell) if cell.strip() else float("nan")
    except ValueError:
        raise ValueError(f"{where}: {column} is {cell!r}, not a number; leave it empty if it is missing") from None


def _save_csv(columns: Columns, file: BinaryIO) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(_plain(values, missing="") for values in columns.values()), strict=True))
    text.detach()  # flushes; the file is closed by who opened it


def _load_json(path: Path, wanted: Wanted) -> Columns:
    content = _json(path)
    if not isinstance(content, dict):
        raise ValueError(
            f"it holds a {type(content).__name__}; wanted an object, from names of columns to their values "
            "(results of COCO and AlphaPose, poseembed.adapters reads)"
        )
    columns: Columns = {}
    for name in filter(wanted, content):
        kind, missing = (str, "") if name in TEXTS else (int | float, float("nan"))
        values = content[name]
        if not isinstance(values, list) or len(values) != len(next(iter(columns.values()), values)):
            raise ValueError(f"{name} is {values!r:.40}; wanted a list, as long as all others")
        for row, value in enumerate(values):
            if value is not None and (isinstance(value, bool) or not isinstance(value, kind)):
                raise ValueError(
                    f"{name} of row {row + 1} is {value!r}; wanted {'text' if kind is str else 'a number'}"
                )
        filled: list[Any] = [missing if value is None else value for value in values]
        columns[name] = text_column(filled, name) if kind is str else _numbers(filled, name)
    return columns


def _numbers(values: list[Any], name: str) -> np.ndarray:
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:  # a whole number of more than 308 digits
        raise ValueError(f"{name} has a number beyond all others; leave it empty if it is missing") from None


def _save_json(columns: Columns, file: BinaryIO) -> None:
    # JSON has no sign for infinity either: how fast the second video runs while the first one waits, say.
    finite = {n: np.where(np.isinf(v), np.nan, v) if v.dtype.kind == "f" else v for n, v in columns.items()}
    plain = {name: _plain(values, missing=None) for name, values in finite.items()}
    file.write(json.dumps(plain, allow_nan=False).encode())


def _plain(values: np.ndarray, *, missing: str | None) -> list[Any]:
    """Values for a text file, with as many digits as it takes to get them back: nine tell all float32 apart."""
    plain = values.tolist()
    if values.dtype.kind != "f":
        return plain
    if values.dtype.itemsize <= 4:
        plain = [float(f"{value:.9g}") for value in plain]
    return [missing if value != value else value for value in plain]


def _pyarrow() -> tuple[Any, Any]:
    """The modules that Parquet needs."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(f"Parquet files need pyarrow: {how_to_install('parquet')}") from error
    return pyarrow, pyarrow.parquet


def _load_parquet(path: Path, wanted: Wanted) -> Columns:
    pyarrow, parquet = _pyarrow()
    check_regular(path)
    size = path.stat().st_size
    try:
        with path.open("rb") as stream, parquet.ParquetFile(stream) as file:
            names = [name for name in file.schema_arrow.names if wanted(name)]
            check_size(8 * file.metadata.num_rows * len(names), size, f"{file.metadata.num_rows:,} rows")
            table = file.read(columns=names)
    except (pyarrow.ArrowException, OSError) as error:  # it has opened: what is wrong is in it
        raise ValueError(f"it is no Parquet file, or damaged: {error}") from error
    columns: Columns = {}
    for name, values in zip(table.column_names, table.columns, strict=True):
        if name in TEXTS:
            columns[name] = text_column(
                [text or "" for text in _cast(values, pyarrow.string(), name).to_pylist()], name
            )
            continue
        if not any(
            is_kind(values.type)
            for is_kind in (pyarrow.types.is_integer, pyarrow.types.is_floating, pyarrow.types.is_null)
        ):
            raise ValueError(f"{name} is a column of {values.type}; wanted numbers")
        columns[name] = _cast(values, pyarrow.float64(), name).to_numpy()
    if len(columns) != len(names):
        raise ValueError(f"it has two columns of one name: {', '.join(names)}")
    return columns


def _cast(values: Any, kind: Any, name: str) -> Any:
    pyarrow, _ = _pyarrow()
    try:
        return values.cast(kind)
    except pyarrow.ArrowException as error:  # digits that a float64 does not hold, say
        raise ValueError(f"{name} is a column of {values.type} that is no {kind}: {error}") from error


def _save_parquet(columns: Columns, file: BinaryIO) -> None:
    pyarrow, parquet = _pyarrow()
    parquet.write_table(pyarrow.table({name: pyarrow.array(values) for name, values in columns.items()}), file)


def _save_npz(columns: Columns, file: BinaryIO) -> None:
    arrays: dict[str, Any] = columns
    np.savez(file, **arrays)


_LOAD = {".csv": load_csv, ".parquet": _load_parquet, ".json": _load_json}
_SAVE = {".csv": _save_csv, ".parquet": _save_parquet, ".json": _save_json, ".npz": _save_npz}
COLUMN_SUFFIXES = tuple(_SAVE)
"""Suffixes of the files that tables are written to."""
